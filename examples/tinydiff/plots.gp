# plots.gp - what the study measured: gnuplot -e "dir='build/evidence'" examples/tinydiff/plots.gp
# Reads DIR/results.tsv and DIR/cost.tsv; writes DIR/curve.png, layers.png, sigma.png, cost.png.
reset
if (!exists("dir")) dir = 'build/evidence'
results = dir . '/results.tsv'
set datafile separator "\t"
array colour[5] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00']
set grid lt 1 lw 1 lc rgb '#dddddd'

# Lines of a model's stage whose names match, between tabs: what follows the name's last part, share, ends of its
# interval, share of agreeing types, distance.
lines(model, stage, pattern) = sprintf("< awk -F '\\t' -v OFS='\\t' '$1 == \"%s\" && $2 == \"%s\" && $3 ~ /^%s/ { w = $3; sub(/^[^0-9.]*/, \"\", w); print w, 100 * $7, 100 * $9, 100 * $10, 100 * $12, $18 }' '%s'", model, stage, pattern, results)
alone(model) = lines(model, "scan", "none")

set terminal pngcairo size 1400, 640 font 'DejaVu Sans,12' background rgb 'white'
set output dir . '/curve.png'
set bmargin 9
set multiplot layout 1, 2
set xlabel 'distance of features to the data'
set ylabel 'valid pictures, %'
set yrange [0 : 100]
set key below
families = "identity smoothed cfg auto random"
array called[5] = ['identity (PAG)', 'smoothed, infinite (SEG)', 'classifier-free', 'autoguidance', 'random step']
do for [model in "a b"] {
    set title sprintf('Model %s, w = .25, .5, 1, 2, 3, 5 along each line', model)
    plot for [i = 1 : 5] sprintf("< %s; %s", substr(alone(model), 3, 2000), substr(lines(model, "scan", word(families, i) . "-w"), 3, 2000)) \
             using 6:2:3:4 with yerrorlines lw 2 pt 7 ps 0.8 lc rgb colour[i] title called[i], \
         alone(model) using 6:2 with points pt 5 ps 1.6 lc rgb '#000000' title 'no guidance'
}
unset multiplot

set output dir . '/layers.png'
set multiplot layout 1, 2
set xlabel 'perturbed layer'
set xrange [-0.5 : 5.5]
set xtics 0, 1
set key below
set style data linespoints
do for [model in "a b"] {
    set title sprintf('Model %s', model)
    set ylabel '%'
    plot lines(model, "layers", "identity-") using 1:5 lw 2 pt 7 lc rgb colour[1] title 'identity alone: types agree', \
         lines(model, "layers", "smoothed-") using 1:5 lw 2 pt 5 lc rgb colour[2] title 'smoothed alone: types agree', \
         lines(model, "scan", "layer-") using 1:2:3:4 with yerrorlines lw 2 pt 9 lc rgb colour[3] title 'guided by identity there, w = 1: valid', \
         sprintf("< %s | awk -F '\\t' -v OFS='\\t' '{ print -0.5, $2; print 5.5, $2 }'", substr(alone(model), 3, 2000)) \
             using 1:2 with lines dt 2 lw 2 lc rgb '#000000' title 'no guidance: valid'
}
unset multiplot

set terminal pngcairo size 900, 520 font 'DejaVu Sans,12' background rgb 'white'
set output dir . '/sigma.png'
unset title
set xlabel 'sigma of the blur, tokens'
set ylabel 'valid pictures, %'
set logscale x 2
set xrange [0.2 : 10]
set xtics (0.25, 0.5, 1, 2, 4, 'infinite' 8)
set yrange [50 : 100]
set key inside bottom right
set bmargin -1
plot for [i = 1 : 2] lines(word("a b", i), "scan", "sigma-") using 1:2:3:4 with yerrorlines lw 2 pt 7 lc rgb colour[i] \
         title 'model ' . word("a b", i) . ', smoothed queries, w = 2', \
     for [i = 1 : 2] lines(word("a b", i), "scan", "smoothed-w2$") using (8):2:3:4 with yerrorbars lw 2 pt 7 lc rgb colour[i] notitle, \
     for [i = 1 : 2] alone(word("a b", i)) using (0.2):2:(9.8):(0) with vectors nohead dt 2 lw 2 lc rgb colour[i] \
         title 'model ' . word("a b", i) . ', no guidance'

unset logscale x
set autoscale x
set xtics auto
set output dir . '/cost.png'
set style fill solid 0.8
set boxwidth 0.7
set yrange [0 : *]
set xtics rotate by -30
set xlabel ''
set ylabel 'time of a step over a plain one'
set key off
plot dir . '/cost.tsv' using 0:3:xtic(sprintf('%s%s', stringcolumn(1), stringcolumn(2) eq 'no' ? ', not forked' : '')) every ::1 with boxes lc rgb colour[1], \
     '' using 0:3:(sprintf('%.2f', $3)) every ::1 with labels offset 0, 0.7
