# header.awk - attnguide.h as another version of the library would have it: every struct that begins with its size
# without its last field (-v kind=older), or with fields more (-v kind=newer).
/^typedef struct ag_[a-z_]+ \{$/ { n = 0; inside = 1 }
!inside { print; next }
{ line[++n] = $0 }
/^\} ag_/ {
    inside = 0
    sized = line[2] ~ /size_t +size;/
    last = n
    if (sized && kind == "older")
        for (last = n - 1; line[last] !~ /^    [a-z].*;/; last--);
    for (i = 1; i < last; i++) print line[i]
    if (sized && kind == "newer") print "    int64_t tail[3];"
    print line[n]
}
