#!/bin/sh
# test_methods.sh ATTNGUIDE - what the pages, the manual and the help say of methods is what the library says.
. tests/package/try.sh
tool=$1

"$tool" info --methods >"$work/methods"

unchanged() {
    mkdir -p "$work/docs/man" && cp docs/*.md docs/renew_tables.sh "$work/docs" && cp docs/man/* "$work/docs/man" || return 1
    path=$(realpath "$tool") && (cd "$work" && sh docs/renew_tables.sh "$path") || return 1
    for page in docs/masks.md docs/layers.md docs/perturbations.md docs/man/attnguide.1; do
        diff "$page" "$work/$page" || { echo "make docs-methods renews it"; return 1; }
    done
}
try "the pages say what the library says" unchanged
has_tables() { # PAGE PATTERN - the table that the page should hold is there
    grep -q "$2" "$1"
}
try "docs/masks.md has its table" has_tables docs/masks.md '^| method | key mask'
try "docs/layers.md has its table" has_tables docs/layers.md '^| method | picture alone'
try "docs/perturbations.md has its table" has_tables docs/perturbations.md '^| method | number'

# Names in the first column of the first table.
names() { awk -F ' *[|] *' '/^$/ { exit } NR > 2 { print $2 }' "$work/methods"; }
numbers() { awk -F ' *[|] *' '/^[|] method [|] number/ { on = 1; getline; next } on { sub("at run: ", "", $3); print $3 }' "$work/methods" | sort -u; }

each_in() { # LIST PAGE PATTERN - PATTERN with @ for the name
    [ -n "$1" ] || return 1
    for name in $1; do
        grep -qE -- "$(echo "$3" | sed "s/@/$name/g")" "$2" || { echo "$2 lacks $name"; return 1; }
    done
}
try "docs/methods.md has every method" each_in "$(names)" docs/methods.md '^\| @ \|'
try "docs/perturbations.md tells what text gets" each_in "$(names | grep -v standard)" docs/perturbations.md '^\| ([a-z]+, )*@(, [a-z]+)* \| .*(standard result|too) \|$'
try "the header has every number" each_in "$(numbers)" include/attnguide.h '[ *]@;'
"$tool" run --help >"$work/help"
try "help has every method" each_in "$(names)" "$work/help" '^ +@ '
try "help has every number" each_in "$(numbers | tr _ -)" "$work/help" '^  --@ '
try "the manual has every method" each_in "$(names)" docs/man/attnguide.1 '^[.]It Cm ([a-z]+ Fl -kind Cm )?@$'
try "the manual has every number" each_in "$(numbers | tr _ -)" docs/man/attnguide.1 'Fl -@'
finish
