#!/bin/sh
# evidence.sh BUILD - the study of PROTOCOL.md with the committed weights, into BUILD/evidence: results.tsv, which a
# second run goes on from; results.json and table.md; the pictures. Half an hour on two cores, the first time.
here=examples/tinydiff weights=examples/tinydiff/weights
to=$1/evidence run=$1/tinydiff
set -e
mkdir -p "$to"

for model in a b; do
    echo "model $model"
    "$run" study "$here/study.txt" "$weights/$model.safetensors" "$to/results.tsv" --model "$model" \
        --early "$weights/${model}_early.safetensors"
done
"$run" table "$to/results.tsv" >"$to/table.md"
"$run" json "$to/results.tsv" >"$to/results.json"

# ---- pictures ----

layer=$(awk -F '\t' '$1 == "a" && $2 == "layers" && $3 ~ /^identity/ { print $12, substr($3, 10) }' "$to/results.tsv" |
    sort -n | head -n 1 | cut -d ' ' -f 2)
[ -e "$to/cost.tsv" ] || "$run" cost "$weights/a.safetensors" "$layer" >"$to/cost.tsv"
"$here/panels.sh" "$run" "$to" "$layer" "$to/results.tsv"
if command -v gnuplot >/dev/null; then
    gnuplot -e "dir='$to'" "$here/sheet.gp" "$here/plots.gp"
else echo "skipped, gnuplot is not installed: the sheet and the plots"; fi
echo "The tables are in $to/table.md, the pictures beside it; begin with sheet.png"
