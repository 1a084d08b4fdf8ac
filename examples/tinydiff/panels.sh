#!/bin/sh
# panels.sh TINYDIFF TO LAYER [RESULTS] - six panels of pictures from the same noise, into TO, and TO/panels.tsv with a
# line for each: file, title, caption. The caption counts the panel's own valid pictures, or with RESULTS the claims'.
# gnuplot makes a sheet of them: sheet.gp.
run=$1 to=$2 layer=$3 results=$4
weights=examples/tinydiff/weights
mkdir -p "$to" && : >"$to/panels.tsv" || exit 1

share() { # NAME - of the claims of model a
    awk -F '\t' -v name="$1" '
        $1 == "a" && $2 == "claims" && $3 == name { printf "%.1f %% valid of %d", 100 * $7, $6 }' "$results"
}

panel() { # FILE CLAIM TITLE [KEY=VALUE ...]
    file=$1 claim=$2 title=$3
    shift 3
    counted=$("$run" sample "$weights/a.safetensors" "$to/$file.png" "$@" --early "$weights/a_early.safetensors" \
        --seed 33 --count 40 --rows 5) || exit 1
    if [ -n "$results" ]; then counted=$(share "$claim"); fi
    printf '%s\t%s\t%s\n' "$file" "$title" "$counted" >>"$to/panels.tsv"
}

panel unguided none 'no guidance'
panel identity identity 'identity (PAG), w = 1' inputs=CP method=identity layer="$layer" w=1
panel smoothed smoothed 'smoothed queries, infinite (SEG), w = 1' inputs=CP method=smoothed sigma=inf layer="$layer" w=1
panel random random 'a random step of the same length' inputs=CR method=identity layer="$layer" w=1
panel cfg cfg-3 'classifier-free guidance, g = 4' inputs=CU g=4
panel over identity-5 'identity (PAG), w = 5: too much' inputs=CP method=identity layer="$layer" w=5
