#!/bin/sh
# test_docs.sh BUILD - the documentation is true: examples and programs in pages compile and are right, excerpts stand
# in the examples, links and pictures exist, man 3 has every call, doxygen reads the header without a warning.
. tests/package/try.sh
build=$1
cflags="-std=c99 -pedantic -Wall -Wextra -Wshadow -Werror -Iinclude $(grep -ose '-fsanitize=[^ ]*' "$build/flags")"
mkdir "$work/blocks"

compiles() { # SOURCE PROGRAM
    ${CC:-cc} $cflags "$1" "$build/libattnguide.a" -lm -ldl -pthread -o "$2"
}
right() { compiles "$1" "$work/program" && "$work/program"; } # SOURCE

pages() {
    if git rev-parse --git-dir >/dev/null 2>&1; then git ls-files -co --exclude-standard -- '*.md'
    else find . -name .git -prune -o -path "./$build" -prune -o -name '*.md' -print; fi | while read -r page; do
        [ -f "$page" ] && echo "${page#./}"
    done | sort
}

# ---- programs and excerpts in pages ----

# Every c block into a file of its own: layers_2.c for the second of docs/layers.md.
cut_blocks='
    FNR == 1 { name = FILENAME; sub(/\.md$/, "", name); gsub("/", "_", name); count = 0 }
    /^```/ { inside = $0 == "```c"; if (inside) count++; next }
    inside { print > (into "/" name "_" count ".c") }'

# The lines of the first file stand in one of the others, one after the other, whatever their indentation.
excerpt() { # BLOCK FILE ...
    awk '{ sub(/^ +/, ""); sub(/ +$/, "") }
        FNR == NR { want[++n] = $0; next }
        FNR == 1 { lines = 0 }
        { line[++lines] = $0
          for (i = 1; i <= n && lines >= n && line[lines - n + i] == want[i]; i++);
          if (n && i > n) found = 1 }
        END { exit !found }' "$@" || { echo "stands in none of the examples:"; cat "$1"; false; }
}

# ---- links ----

# PAGE <tab> TARGET of every link and picture outside code.
links='
    /^ *```/ { fenced = !fenced }
    fenced || /^    / { next }
    { gsub(/`[^`]*`/, "")
      while (match($0, /\]\([^)]*\)/)) {
          print FILENAME "\t" substr($0, RSTART + 2, RLENGTH - 3)
          $0 = substr($0, RSTART + RLENGTH)
      } }'

# The anchors that GitHub gives to the headings of a page.
anchors='
    /^ *```/ { fenced = !fenced }
    !fenced && /^#+ / {
        sub(/^#+ /, "")
        $0 = tolower($0)
        gsub(/[^a-z0-9 _-]/, "")
        gsub(/ /, "-")
        print
    }'

leads_somewhere() { # PAGE TARGET
    case $2 in
    [a-z]*:*) return 0 ;; # no network in tests
    '#'*) file=$1 ;;
    *) file=$(dirname "$1")/${2%%#*} ;;
    esac
    [ -e "$file" ] || { echo "$1: there is no $file"; return 1; }
    case $2 in
    *'#'*) awk "$anchors" "$file" | grep -qxF -e "${2#*#}" || { echo "$1: $file has no section ${2#*#}"; return 1; } ;;
    esac
}

all_lead() { # PAGE
    awk "$links" "$1" >"$work/links"
    bad=0
    while IFS="$(printf '\t')" read -r page target; do leads_somewhere "$page" "$target" || bad=1; done <"$work/links"
    [ "$bad" = 0 ]
}

# ---- man 3, the header, the site ----

# Exported and inline; the sized forms of init functions have a sentence of their own.
calls() { sed -nE 's/^(AG_API|static inline) [^(]*\b(ag_[a-z_0-9]+)\(.*/\2/p' include/attnguide.h | grep -v '_sized$' | sort -u; }
full_page() {
    calls >"$work/calls"
    grep -E '^\.It Fn' docs/man/attnguide.3 | grep -oE 'ag_[a-z_0-9]+' | sort | diff "$work/calls" - || return 1
    sed -n 's/^    \(AG_OK\|AG_ERR_[A-Z]*\) .*/\1/p' include/attnguide.h >"$work/statuses"
    sed -n 's/^\.It Dv \(AG_[A-Z_]*\)$/\1/p' docs/man/attnguide.3 | diff "$work/statuses" -
}
clean_page() { mandoc -Tlint -Wwarning docs/man/attnguide.3; }
page_example() {
    sed -n '/^\.Bd -literal/,/^\.Ed/{/^\./!p;}' docs/man/attnguide.3 | sed 's/\\e/\\/g' >"$work/page.c"
    right "$work/page.c"
}
# What the site has of the header; the site itself is the part of another test, test_site.sh.
header() { python3 -B docs/site/header.py include/attnguide.h "$work/attnguide.h" && S=$work doxygen docs/site/Doxyfile; }
every_page() { # in the site, and in the index of docs
    for page in docs/*.md demo/*.md examples/*/*.md bindings/*/*.md CONTRIBUTING.md; do
        grep -qE "(^|<)${page%.md}>?\$" docs/site/index.md || { echo "docs/site/index.md lacks $page"; return 1; }
    done
    for page in docs/*.md; do
        [ "$page" = docs/README.md ] || grep -qF "](${page#docs/})" docs/README.md ||
            { echo "docs/README.md lacks $page"; return 1; }
    done
    for example in examples/*.c; do
        grep -qF "](../$example)" docs/README.md || { echo "docs/README.md lacks $example"; return 1; }
    done
}

for example in examples/*.c; do try "$example" right "$example"; done
try "docs/pictures/photograph.c compiles" compiles docs/pictures/photograph.c "$work/program"
pages >"$work/pages"
while read -r page; do awk -v into="$work/blocks" "$cut_blocks" "$page"; done <"$work/pages"
for block in "$work"/blocks/*.c; do
    if grep -q 'int main(' "$block"; then try "${block##*/} is right" right "$block"
    else try "${block##*/} is an excerpt" excerpt "$block" examples/*.c; fi
done
while read -r page; do try "links of $page" all_lead "$page"; done <"$work/pages"
try "every page and example is in the index" every_page
try "man 3 has every call and every status" full_page
try "the example of man 3" page_example
if has mandoc; then try "man 3 is clean" clean_page; else skip "man 3 is clean" "mandoc is not installed"; fi
if has doxygen && has python3; then try "the comments of the header" header
else skip "the comments of the header" "doxygen or python3 is not installed"; fi
finish
