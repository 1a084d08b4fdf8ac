# sheet.gp - six panels with what was found below each: gnuplot -e "dir='build/evidence'" examples/tinydiff/sheet.gp
# Reads DIR/panels.tsv and the pictures it names (panels.sh); writes DIR/sheet.png, or what `to` says.
if (!exists("dir")) dir = 'build/evidence'
panels = dir . '/panels.tsv'
field(line, column) = system(sprintf("sed -n '%dp' '%s' | cut -f%d", line, panels, column))

size_of(name) = system(sprintf("od -An -tu1 -j16 -N8 '%s/%s.png' | awk '{print ($3 * 256 + $4), ($7 * 256 + $8)}'", dir, name))
wide = int(word(size_of(field(1, 1)), 1))
high = int(word(size_of(field(1, 1)), 2))
gap = 24
text = 54
shrink = 0.9
picture_wide = int(wide * shrink)
picture_high = int(high * shrink)
columns = 3
rows = 2
sheet_wide = columns * (picture_wide + gap) + gap
sheet_high = rows * (picture_high + text) + gap + 34

set terminal pngcairo size sheet_wide, sheet_high font 'DejaVu Sans,11' background rgb 'white'
if (!exists("to")) to = dir . '/sheet.png'
set output to
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
    set label 1 field(i, 2) at screen real(left) / sheet_wide, screen 1 - real(top + picture_high + 16) / sheet_high left
    set label 2 field(i, 3) \
        at screen real(left) / sheet_wide, screen 1 - real(top + picture_high + 34) / sheet_high left textcolor rgb '#555555'
    plot sprintf('%s/%s.png', dir, field(i, 1)) binary filetype=png with rgbimage
    unset label 99
}
unset multiplot
