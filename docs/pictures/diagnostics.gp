# diagnostics.gp - the pictures of docs/diagnostics.md: gnuplot -e "dir='build/docs'; photo='build/demo/clean.png'"
# Reads what photograph.c wrote into DIR; writes DIR/energy.png, curvature.png, weights_1.png and weights_2.png.
if (!exists("dir")) dir = 'build/docs'
if (!exists("photo")) photo = 'build/demo/clean.png'
wide = 256
high = 192
file(name) = sprintf('%s/%s.f32', dir, name)
pixels = sprintf("binary array=(%d,%d) format='%%float'", wide, high)

# Two pictures side by side; a pixel of the photograph is one of the sheet: 256 of each 270 across, 192 of 272 down.
set terminal pngcairo size 540, 272 font 'DejaVu Sans,9' background rgb 'white'
unset key
unset tics
unset border
set xrange [-0.5 : wide - 0.5]
set yrange [high - 0.5 : -0.5]
set palette defined (0 '#000004', 1 '#3b0f70', 2 '#8c2981', 3 '#de4968', 4 '#fe9f6d', 5 '#fcfdbf') maxcolors 12
set cbtics font 'DejaVu Sans,8' offset 0, 0.6 scale 0.4
set title offset 0, -0.7
cell(i) = sprintf("set lmargin at screen %f; set rmargin at screen %f; ", (i + 7 / 270.0) / 2, (i + 263 / 270.0) / 2) \
    . sprintf("set tmargin at screen %f; set bmargin at screen %f; ", 246 / 272.0, 54 / 272.0) \
    . sprintf("set colorbox horizontal user origin screen %f, 0.12 size screen 0.4, 0.035", (i + 0.1) / 2)

set output dir . '/energy.png'
set multiplot
eval(cell(0))
set title 'energy'
set cbrange [-7 : 0]
plot file('energy') @pixels with image
eval(cell(1))
set title 'its rise under smoothing, sigma 4'
set cbrange [-8 : 8]
plot file('rise') @pixels with image
unset multiplot

set output dir . '/curvature.png'
set multiplot
eval(cell(0))
set title 'curvature'
set cbrange [0 : 0.28]
plot file('curvature') @pixels with image
eval(cell(1))
set title 'attention received, logarithm to base 2'
set cbrange [-2 : 2]
plot file('received') @pixels using (log($1) / log(2)) with image
unset multiplot

# The three pixels of photograph.c, and what each of them sees.
array across[3] = [139, 132, 215]
array down[3] = [64, 83, 112]
set cbrange [-7 : -1]
ring(i, colour) = sprintf("set object %d circle at %d, %d size 6 front fillstyle empty border lc rgb '%s' lw 2", \
                          i, across[i], down[i], colour)
map(i) = sprintf("set title 'weights of pixel %d, logarithm to base 10'; ", i) . ring(i, '#00ffff')

set output dir . '/weights_1.png'
set multiplot
eval(cell(0))
unset colorbox
set title 'three pixels'
do for [i = 1 : 3] {
    eval(ring(i, '#ffff00'))
    set label i sprintf('%d', i) at across[i] + 9, down[i] front tc rgb '#ffff00' font 'DejaVu Sans Bold,12'
}
plot photo binary filetype=png flipy with rgbimage
unset label
unset object
set colorbox
eval(cell(1))
eval(map(1))
plot file('map_0') @pixels using (log10($1 + 1e-12)) with image
unset multiplot
unset object

set output dir . '/weights_2.png'
set multiplot
do for [i = 2 : 3] {
    eval(cell(i - 2))
    eval(map(i))
    plot file(sprintf('map_%d', i - 1)) @pixels using (log10($1 + 1e-12)) with image
    unset object
}
unset multiplot
unset output
