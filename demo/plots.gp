# plots.gp - the demo's measurements: gnuplot -e "dir='build/demo'" demo/plots.gp
# Reads DIR/weights.tsv and DIR/table.tsv; writes DIR/weights.png (PSNR against w) and DIR/energy.png.
reset
if (!exists("dir")) dir = 'build/demo'
weights = dir . '/weights.tsv'
table = dir . '/table.tsv'
set datafile separator "\t"

# Okabe and Ito's colours, which stay apart for the colour-blind; those after the first five are dashed, then dotted.
array colour[5] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00']
methods = int(system(sprintf("head -n 1 '%s' | awk -F '\\t' '{print NF - 1}'", weights)))
standard = real(system(sprintf("awk -F '\\t' '$1 == \"standard\" {print $2}' '%s'", table)))

set terminal pngcairo size 1400, 600 font 'DejaVu Sans,12' background rgb 'white'
set output dir . '/weights.png'
set xlabel 'w   (-1 is P itself, 0 is C)'
set ylabel 'PSNR, dB'
set grid lt 1 lw 1 lc rgb '#dddddd'
set arrow 1 from 0, graph 0 to 0, graph 1 nohead lc rgb '#888888' lw 1
set multiplot layout 1, 2
unset key
set lmargin at screen 0.05
set rmargin at screen 0.44
set title 'The guided picture C + w (C - P) against the clean one'
set xrange [-1 : 3]
curve(i) = (i - 2) % 5 + 1
dash(i) = (i - 2) / 5 + 1
# The wide line is uniform, which smoothed with sigma inf all but covers.
plot standard with lines lc rgb '#000000' lw 1 dt 3 title sprintf('C, %.2f dB', standard), \
     for [i = 2 : methods + 1] weights using 1:i with lines lw (i == 3 ? 5 : 2.5) dt dash(i) \
         lc rgb colour[curve(i)] title columnheader(i)
set key outside right top reverse Left spacing 1.3 noenhanced
unset ylabel
set lmargin at screen 0.5
set rmargin at screen 0.815
set title 'The same near w = 0'
set xrange [-0.6 : 0.6]
set yrange [standard - 1.5 : standard + 0.5]
replot
unset multiplot
unset output
reset
set datafile separator "\t"

set output dir . '/energy.png'
set terminal pngcairo size 1100, 560 font 'DejaVu Sans,12' background rgb 'white'
unset key
set grid x lt 1 lw 1 lc rgb '#dddddd'
set title "Mean energy of a pixel: -log {/Symbol S}_j exp(-|p_i - p_j|^2 / h^2), with the logits that the attention saw"
set xlabel 'mean energy   (0: a pixel finds only itself; below 0: it finds others like it; above: not even itself)'
set ytics out nomirror
# Row 0 of the table is its header, row 1 the noisy picture, which has no energy.
stats table using 6 every ::2 nooutput name 'ENERGY'
rows = int(system(sprintf("wc -l < '%s'", table)))
set xrange [ENERGY_min - 0.5 : ENERGY_max + 1.5]
set yrange [rows - 0.4 : 1.4]
set style fill solid 1 noborder
set arrow 1 from 0, graph 0 to 0, graph 1 nohead lc rgb '#888888' lw 1
half = 0.34
energy(text) = text eq 'nan' ? 0 : real(text)
label(text) = text eq 'nan' ? ' none' : sprintf(' %.2f', real(text))
plot table using (energy(strcol(6)) / 2):($0 + 2):(abs(energy(strcol(6))) / 2):(half):ytic(1) every ::2 \
         with boxxyerror lc rgb '#0072b2', \
     table using (energy(strcol(6)) > 0 ? energy(strcol(6)) : 0):($0 + 2):(label(strcol(6))) every ::2 with labels left
unset output
