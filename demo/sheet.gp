# sheet.gp - the demo's pictures on one sheet: gnuplot -e "dir='build/demo'" demo/sheet.gp
# Reads DIR/sheet.tsv (a line # WIDTH HEIGHT of all pictures, then column, row, picture, label, note) and the pictures;
# writes DIR/sheet.png.
if (!exists("dir")) dir = 'build/demo'
sheet = dir . '/sheet.tsv'
cells = int(system(sprintf("grep -vc '^#' '%s'", sheet)))
field(line, column) = system(sprintf("sed -n '%dp' '%s' | cut -f%d", line + 1, sheet, column))
pixels = system(sprintf("head -n 1 '%s'", sheet))
wide = real(word(pixels, 2))
high = real(word(pixels, 3))

# In pixels of the sheet: a picture of the picture's own shape, two lines of text below it.
columns = 5
rows = 1 + int(system(sprintf("grep -v '^#' '%s' | cut -f2 | sort -n | tail -n 1", sheet)))
gap = 14
text = 46
picture_wide = 264
picture_high = int(picture_wide * high / wide)
sheet_wide = columns * (picture_wide + gap) + gap
sheet_high = rows * (picture_high + text) + gap

set terminal pngcairo size sheet_wide, sheet_high font 'DejaVu Sans,10' background rgb 'white'
set output dir . '/sheet.png'
unset key
unset border
unset tics
unset colorbox
set xrange [-0.5 : wide - 0.5]
set yrange [-0.5 : high - 0.5]
set multiplot
set lmargin 0
set rmargin 0
set tmargin 0
set bmargin 0
do for [line = 1 : cells] {
    left = gap + field(line, 1) * (picture_wide + gap)
    top = sheet_high - gap - field(line, 2) * (picture_high + text)
    set origin real(left) / sheet_wide, real(top - picture_high) / sheet_high
    set size real(picture_wide) / sheet_wide, real(picture_high) / sheet_high
    set label 1 field(line, 4) at graph 0, graph 0 offset 0, -0.75 noenhanced font 'DejaVu Sans Bold,10'
    set label 2 field(line, 5) at graph 0, graph 0 offset 0, -1.75 noenhanced
    plot dir . '/' . field(line, 3) binary filetype=png with rgbimage
}

# What the letters mean, beside the first three pictures.
set origin real(gap + 3 * (picture_wide + gap)) / sheet_wide, real(sheet_high - gap - picture_high) / sheet_high
set size real(2 * picture_wide) / sheet_wide, real(picture_high) / sheet_high
unset label 2
set label 1 "C: every pixel becomes the mean of all noisy pixels,\nweighted by how alike the patches around them are\n\
(attention; here it is non-local means).\n\nP: the same call with its attention perturbed.\n\n\
guided: C + w (C - P), away from the perturbed picture.\n\n\
dB: peak signal to noise ratio against the clean picture." at graph 0.02, graph 0.95 font 'DejaVu Sans,11'
plot NaN
unset multiplot
unset output
