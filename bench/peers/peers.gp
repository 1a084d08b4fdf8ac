# gnuplot -e "dir='build'" bench/peers/peers.gp - build/peers.tsv as bars: each contestant's share of the peak that was
# measured beside it, for every number of threads a row.
set terminal pngcairo size 1200,760 font "Sans,11"
set output dir."/peers.png"
table = dir."/peers.tsv"
set datafile separator "\t"
counts = system(sprintf("awk -F'\\t' '!/^#/ && !seen[$1]++ { print $1 }' %s | sort -n", table))
shapes = system(sprintf("awk -F'\\t' '!/^#/ && !seen[$3]++ { print $3 }' %s | sort", table))
share(n, type, shape, who) = real(system(sprintf( \
    "awk -F'\\t' '$1 == %d && $2 == \"%s\" && $3 == \"%s\" && $4 == \"%s\" { x = $5 } END { print x + 0 }' %s", \
    n, type, shape, who, table)))
set style fill solid 0.9 noborder
set grid ytics
set yrange [0:1]
set format y "%.0f %%"
set ytics ("0 %%" 0, "20 %%" .2, "40 %%" .4, "60 %%" .6, "80 %%" .8, "100 %%" 1)
set xrange [0.4:words(shapes) + 0.6]
set boxwidth 0.12
set key outside right top
array who[6] = ["attnguide", "PyTorch", "ONNX Runtime", "OpenBLAS", "attnguide", "PyTorch"]
array type[6] = ["f32", "f32", "f32", "f32", "bf16", "bf16"]
array title[6] = ["attnguide, float32", "PyTorch", "ONNX Runtime", "OpenBLAS, full matrix", \
    "attnguide, bf16, of bf16 peak", "PyTorch, bf16, of bf16 peak"]
array colour[6] = ["#0072b2", "#d55e00", "#e69f00", "#999999", "#56b4e9", "#f0b090"]
set for [i = 1:words(shapes)] xtics (word(shapes, i) i)
set multiplot layout words(counts), 1 title \
    "Attention beside its peers: share of the multiply-add peak of the same seconds"
do for [n in counts] {
    set ylabel n." thread".(n eq "1" ? "" : "s")
    plot for [w = 1:6] '+' using (int($0) < words(shapes) ? int($0) + 1 + (w - 3.5) * 0.13 : NaN): \
        (int($0) < words(shapes) ? share(int(n), type[w], word(shapes, int($0) + 1), who[w]) : NaN) \
        with boxes lc rgb colour[w] title title[w]
}
unset multiplot
