#!/bin/sh
# make.sh BUILD - draw the pictures of docs/ anew, from the root of the tree: needs a build, a C compiler and gnuplot.
# The demo's pictures are copied; those of docs/diagnostics.md are computed.
set -eu
build=$1
pictures=docs/pictures
here=$build/docs
mkdir -p "$here"

[ -f "$build/demo/noisy.png" ] || "$build/attnguide" demo demo/raccoon.png "$build/demo"
for name in clean noisy standard identity uniform smoothed_1 smoothed_4 smoothed_inf orthogonal_4 gather permute tokens \
    softened_0.5 masked_0.5 noisy_1
do cp "$build/demo/$name.png" "$pictures/$name.png"; done

# The demo's own h, which its table shows rounded.
gnuplot -e "set table '$here/noisy.txt'; plot '$build/demo/noisy.png' binary filetype=png with rgbimage"
${CC:-cc} -std=c99 -O2 -Iinclude "$pictures/photograph.c" "$build/libattnguide.a" -lm -ldl -pthread \
    -o "$here/photograph"
"$here/photograph" "$here" 0.34467 <"$here/noisy.txt"
gnuplot -e "dir='$here'; photo='$build/demo/clean.png'" "$pictures/diagnostics.gp"
cp "$here/energy.png" "$here/curvature.png" "$here/weights_1.png" "$here/weights_2.png" "$pictures"
