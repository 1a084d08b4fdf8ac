#!/bin/sh
# evidence.sh BUILD - the study of PROTOCOL.md with the committed weights, into BUILD/evidence: results.tsv, which a second
# run goes on from; results.json and table.md; the pictures. Half an hour on two cores, the first time.
here=examples/tinydiff weights=examples/tinydiff/weights
to=$1/evidence run=$1/tinydiff
set -e
mkdir -p "$to"

for model in a b; do
    echo "model $model"
    "$run" study "$here/study.txt" "$weights/$model.safetensors" "$to/results.tsv" --model "$model" \
        --early "$weights/${model}_early.safetensors"
done
for model in tokens64 context; do
    echo "model $model"
    "$run" study "$here/$model.txt" "$weights/$model.safetensors" "$to/results.tsv" --model "$model"
done
"$run" table "$to/results.tsv" >"$to/table.md"
"$run" json "$to/results.tsv" >"$to/results.json"

# ---- pictures ----

layer=$(awk -F '\t' '$1 == "a" && $2 == "layers" && $3 ~ /^identity/ { print $12, substr($3, 10) }' "$to/results.tsv" |
    sort -n | head -n 1 | cut -d ' ' -f 2)
[ -e "$to/cost.tsv" ] || "$run" cost "$weights/a.safetensors" "$layer" >"$to/cost.tsv"
panel() { # NAME KEY=VALUE ...
    name=$1
    shift
    "$run" sample "$weights/a.safetensors" "$to/$name.png" "$@" --early "$weights/a_early.safetensors" --seed 33 \
        --count 60 --rows 5
}
perturbed="inputs=CP layer=$layer"
panel unguided
# shellcheck disable=SC2086 # words
panel identity $perturbed method=identity w=1
# shellcheck disable=SC2086
panel smoothed $perturbed method=smoothed sigma=inf w=1
# shellcheck disable=SC2086
panel over $perturbed method=identity w=5
panel cfg inputs=CU g=4
panel random inputs=CR "layer=$layer" method=identity w=1
if command -v gnuplot >/dev/null; then
    gnuplot -e "dir='$to'" "$here/sheet.gp" "$here/plots.gp"
else echo "skipped, gnuplot is not installed: the sheet and the plots"; fi
echo "The tables are in $to/table.md, the pictures beside it; begin with sheet.png"
