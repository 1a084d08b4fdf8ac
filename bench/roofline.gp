# gnuplot -e "dir='build'" bench/roofline.gp - every subject of build/bench.tsv under the roofs measured beside it.
set terminal pngcairo size 1100,700 font "Sans,11"
set output dir."/roofline.png"
table = dir."/bench.tsv"
set datafile separator "\t"
set logscale xy
set grid
set key bottom right
set xlabel "flop per byte that has to move"
set ylabel "GFLOP/s"
set title "Operations under the machine's roofs: multiply-add peak and copy bandwidth, measured in the same run"
stats table using (stringcolumn(1) eq "roof" ? $2 : NaN) nooutput
low = int(STATS_min); high = int(STATS_max)
ridge(n) = real(system(sprintf("awk -F'\\t' '$1 == \"roof\" && $2 == %d { print $3 }' %s", n, table)))
peak(n) = real(system(sprintf("awk -F'\\t' '$1 == \"roof\" && $2 == %d { print $4 }' %s", n, table)))
r1 = ridge(low); p1 = peak(low); r2 = ridge(high); p2 = peak(high)
set xrange [1:4000]
set yrange [1:2 * p2]
roof(x, r, p) = x < r ? p * x / r : p
is(kind, n) = stringcolumn(1) eq kind && $2 == n
plot roof(x, r1, p1) lw 2 lc rgb "#0072b2" title sprintf("roof, %d thread%s", low, low > 1 ? "s" : ""), \
     roof(x, r2, p2) lw 2 lc rgb "#d55e00" title sprintf("roof, %d threads", high), \
     table using (stringcolumn(1) eq "library" && $2 == low ? $3 : NaN):4 with points pt 7 lc rgb "#0072b2" title "attnguide", \
     table using (stringcolumn(1) eq "library" && $2 == high ? $3 : NaN):4 with points pt 7 lc rgb "#d55e00" title "attnguide, all threads", \
     table using (stringcolumn(1) eq "baseline" && $2 == low ? $3 : NaN):4 with points pt 6 lc rgb "#0072b2" title "full matrix by OpenBLAS", \
     table using (stringcolumn(1) eq "baseline" && $2 == high ? $3 : NaN):4 with points pt 6 lc rgb "#d55e00" title "full matrix by OpenBLAS, all threads"
