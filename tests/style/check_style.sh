#!/bin/sh
# check_style.sh BUILD - clang-format, and those rules of the house (CONTRIBUTING.md) that a script can judge. A rule
# prints what breaks it, and passes when it printed nothing.
. tests/package/try.sh
build=$1

if git rev-parse --git-dir >/dev/null 2>&1; then git ls-files -co --exclude-standard
else find . -name .git -prune -o -path "./$build" -prune -o -type f -print; fi | while read -r file; do
    [ -f "$file" ] && echo "${file#./}"
done | sort >"$work/all"
grep -E '\.(c|h|cu|cpp|sh|in|gp|md|txt|1|3|awk|css|yml)$|(^|/)(Makefile|NEWS|LICENSE|run|setup|\.clang-format)$' "$work/all" >"$work/text"
grep -E '^(src|include|tools|tests|bench|examples|docs)/.*\.(c|h|cu|cpp)$' "$work/all" >"$work/c"
grep -E '\.h$' "$work/c" >"$work/headers"
grep -E '^src/' "$work/c" >"$work/src"
grep -v '^src/rules/' "$work/src" >"$work/not_rules"
grep -E '^(src|tools)/' "$work/c" >"$work/spoken"
grep -E '^tests/(suites|emulated)/test_[a-z_]*\.c$' "$work/c" >"$work/suites"

over() { xargs "$@" <"$work/$files"; } # COMMAND ... - over the files of a list
rule() { # NAME LIST COMMAND ...
    rule=$1 files=$2
    shift 2
    try "$rule" silent over "$@"
}
silent() { ! "$@" 2>&1 | grep .; }

# ---- clang-format ----

formatter() {
    for tool in clang-format-14 clang-format; do
        has $tool && $tool --version | grep -q 'version 14\.' && echo $tool && return
    done
}

unformatted() {
    xargs "$format" --dry-run <"$work/c" 2>&1 | sed -n 's/^\([^ :]*\):[0-9].* warning: .*/\1/p' | uniq -c |
        while read -r places file; do echo "$file: $places places; $format -i $file"; done
}

# ---- rules that want more than a pattern ----

long_functions='FNR == 1 { from = 0 } /^\{/ { from = FNR }
    /^\}/ { if (from && FNR - from > 80) print FILENAME ":" from ": a function of " FNR - from " lines"; from = 0 }'
long_lines='length($0) > 120 { print FILENAME ":" FNR ": " length($0) " columns" }'
openings='FNR == 1 { name = FILENAME; sub(".*/", "", name); if (index($0, "/* " name " - ") != 1) print FILENAME }'
kernel_names='/\.name = "/ { split($0, part, "\""); name = part[2] }
    /\.step = AG_STEP_/ { step = $0; sub(".*AG_STEP_", "", step); sub(",.*", "", step); step = tolower(step)
                          if (index(name, step "_") != 1) print FILENAME ": " name " is a kernel of " step }'

# The public header is a manual as well.
# The table of refusals is one room, however many there are.
long_files() { xargs wc -l <"$work/c" | awk '$1 > 400 && $2 != "total" && $2 !~ /attnguide\.h$|test_refusals\.c$/ { print $2 ": " $1 " lines" }'; }

# A template has no guard and says so on top: "written over the vector verbs that the including file chose".
guards() {
    while read -r file; do
        sed '/\*\//q' "$file" | tr -s ' *\n' ' ' | grep -q 'the including file chose' && continue
        guard=$(sed -n 's/^#ifndef \([A-Z0-9_]*_H\)$/\1/p' "$file" | head -n 1)
        [ -n "$guard" ] && grep -qx "#define $guard" "$file" || echo "$file: no include guard"
    done <"$work/headers"
}

cuda_ifdefs() { xargs grep -nE '^ *# *(if|elif).*CUDA' <"$work/src" | grep -v '_H$' >"$work/cuda"; [ "$(wc -l <"$work/cuda")" -le 1 ] || cat "$work/cuda"; }

public_names() {
    nm -D --defined-only "$build/libattnguide.so" | awk '$2 ~ /[A-Z]/ && $3 !~ /^ag_/ { print $3 }'
    sed -n '/^AG_API/s/^AG_API[^(]* \**\([a-z_0-9]*\)(.*/\1/p' include/attnguide.h | grep -v '^ag_'
}

# A planted bug (tests/bugs) whose text is gone plants nothing.
lost_bugs() {
    cat tests/bugs/bugs.txt tests/emulated/*bugs.txt | grep -v '^#' | awk -F ' @ ' '
        NF {
            if (!($1 in whole)) while ((getline line < $1) > 0) whole[$1] = whole[$1] line "\n"
            at = index(whole[$1], $3)
            if (!at || index(substr(whole[$1], at + 1), $3)) print $1 " does not have it once: " $3
        }'
}

# Methods are named in their own files, in the calls that are named after them, and nowhere else: others walk the table.
methods=$(sed -n '/^typedef enum ag_\(method\|kind\) {/,/^}/{s/\/\*.*//;p;}' include/attnguide.h | grep -o 'AG_[A-Z]*' | tr '\n' '|')
named_methods() {
    [ -n "$methods" ] || echo "the header has no methods"
    grep -vE '^src/(methods/|api/attention\.c)' "$work/src" | xargs grep -nwE "${methods%|}"
    grep -E '^(tools|bench)/' "$work/c" | xargs grep -nwE "$(echo "${methods%|}" | sed 's/AG_STANDARD|//')"
}

marks='TO''DO|FIX''ME|XX''X|HA''CK'
machine='(^|[^[:alnum:]_.})/-])/(work|root|home)(/|$)'
calls='(^|[^[:alnum:]_>.])(f?printf|puts|putchar|fputs|perror|exit|_exit|quick_exit|abort|assert)[(]'

format=$(formatter)
if [ -n "$format" ]; then try "clang-format" silent unformatted
else skip "clang-format" "version 14 is not installed"; fi
try "no file over 400 lines" silent long_files
rule "no function over 80 lines" c awk "$long_functions"
rule "no line over 120 columns" c awk "$long_lines"
rule "no tabs in C" c grep -nF "$(printf '\t')"
rule "no white space at the end of a line" text grep -nIE '[[:blank:]]$'
rule "no marks of unfinished work" text grep -nIwE "$marks"
rule "no dead code behind #if 0" c grep -nE '^ *# *if 0'
rule "no path of one machine" text grep -nIE "$machine"
rule "a file begins with its name and what it is" c awk "$openings"
try "headers are guarded, templates say that they are" silent guards
rule "no names ending in _t" c grep -nE '^(typedef.*|\}) [a-z0-9_]+_t;'
try "one #ifdef about CUDA in src" silent cuda_ifdefs
try "planted bugs find their places" silent lost_bugs
try "public names begin with ag_" silent public_names
try "no method is named where the table is walked" silent named_methods
rule "nothing in src but its room names a rule" not_rules grep -nE "\\bAG_(LINEAR|RESCALE|APG|CFG_ZERO|NAG|MERGE)\\b"
rule "messages use the words of the field" spoken grep -nE '"[^"]*\b(judged?|judges|asked for|asks for|brought|whatever else)\b'
rule "src never prints, exits or aborts" src grep -nE "$calls"
rule "suites add tests by add_test and add_loop alone" suites grep -nE 'tcase_add_(loop_)?test'
rule "a kernel's name begins with its step" src awk "$kernel_names"
finish
