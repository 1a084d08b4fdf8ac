# sheet.gp - six panels with what was found below each: gnuplot -e "dir='build/evidence'" examples/tinydiff/sheet.gp
# Reads the panels' PNG files and DIR/results.tsv; writes DIR/sheet.png.
if (!exists("dir")) dir = 'build/evidence'
names = "unguided identity smoothed random cfg over"
settings = "none identity smoothed random cfg-3 identity-5"
array title[6] = ['no guidance', 'identity (PAG), w = 1', 'smoothed queries, infinite (SEG), w = 1', \
    'a random step of the same length', 'classifier-free guidance, g = 4', 'identity (PAG), w = 5: too much']
valid(i) = real(system(sprintf("awk -F '\\t' '$1 == \"a\" && $2 == \"claims\" && $3 == \"%s\" {print 100 * $7}' '%s/results.tsv'", \
    word(settings, i), dir)))

size_of(name) = system(sprintf("od -An -tu1 -j16 -N8 '%s/%s.png' | awk '{print ($3 * 256 + $4), ($7 * 256 + $8)}'", dir, name))
wide = int(word(size_of('unguided'), 1))
high = int(word(size_of('unguided'), 2))
gap = 24
text = 54
shrink = 0.62
picture_wide = int(wide * shrink)
picture_high = int(high * shrink)
columns = 3
rows = 2
sheet_wide = columns * (picture_wide + gap) + gap
sheet_high = rows * (picture_high + text) + gap + 34

set terminal pngcairo size sheet_wide, sheet_high font 'DejaVu Sans,11' background rgb 'white'
set output dir . '/sheet.png'
unset key
unset border
unset tics
set xrange [-0.5 : wide - 0.5]
set yrange [-0.5 : high - 0.5]
set multiplot
set label 99 'The same noise, six times. A green frame: the picture could be data. A red one: it could not.' \
    at screen real(gap) / sheet_wide, screen 1 - 26.0 / sheet_high left
do for [i = 1 : 6] {
    left = gap + (i - 1) % columns * (picture_wide + gap)
    top = 40 + (i - 1) / columns * (picture_high + text)
    set lmargin at screen real(left) / sheet_wide
    set rmargin at screen real(left + picture_wide) / sheet_wide
    set tmargin at screen 1 - real(top) / sheet_high
    set bmargin at screen 1 - real(top + picture_high) / sheet_high
    set label 1 title[i] at screen real(left) / sheet_wide, screen 1 - real(top + picture_high + 16) / sheet_high left
    set label 2 sprintf('%.0f %% valid of 2,000', valid(i)) \
        at screen real(left) / sheet_wide, screen 1 - real(top + picture_high + 34) / sheet_high left textcolor rgb '#555555'
    plot sprintf('%s/%s.png', dir, word(names, i)) binary filetype=png with rgbimage
    unset label 99
}
unset multiplot
