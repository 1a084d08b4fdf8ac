#!/bin/sh
# planted.sh BUILD [FILE [EVERY]] - the bugs of FILE (bugs.txt), or one line of EVERY, planted one at a time in a copy of
# the tree in BUILD/bugs: a suite that the line names must fail, or end by a signal or the clock. A text that is not in
# its file once is a failure too.
# With AG_TEST_PLACE=cuda the suites run on the emulated device, a share of the slow ones.
. tests/package/try.sh
build=$1/bugs every=${3:-1} golden=$PWD/tests/golden/attention
bench=$build/tree copy=$build/copy patience=300 emulated=
if [ "$AG_TEST_PLACE" = cuda ]; then
    has "${CXX:-c++}" || { skip "bugs on the emulated device" "no C++ compiler"; finish; exit; }
    export AG_CUDA_PLUGIN=build/emu/libattnguide_cuda.so AG_TEST_SHARE="${AG_TEST_SHARE:-4}"
    emulated=$AG_CUDA_PLUGIN
fi

plant() { # FILE TEXT REPLACEMENT - the text must be there exactly once
    TEXT=$2 REPLACEMENT=$3 awk '
        { whole = whole $0 "\n" }
        END {
            text = ENVIRON["TEXT"]
            at = index(whole, text)
            if (!at || index(substr(whole, at + 1), text)) exit 1
            printf "%s%s%s", substr(whole, 1, at - 1), ENVIRON["REPLACEMENT"], substr(whole, at + length(text))
        }' "$1" >"$work/planted" && cat "$work/planted" >"$1"
}

suite() { # TREE SUITE[:CASE]
    case $2 in *:*) export CK_RUN_CASE="${2#*:}" ;; *) unset CK_RUN_CASE ;; esac
    (cd "$1" && CK_RUN_SUITE=${2%:*} timeout "$patience" build/test_attnguide "$golden") >"$work/suite" 2>&1
}

fails() { # SUITE,SUITE ... - one of them does
    for one in $(echo "$1" | tr , ' '); do
        suite "$copy" "$one" && continue
        notice=$one
        return 0
    done
    tail -n 3 "$work/suite"
    return 1
}

compiles() { (cd "$1" && fresh CFLAGS=-O1 CXXFLAGS=-O1 B=build build/test_attnguide $emulated); }

caught() { # FILE SUITES TEXT REPLACEMENT
    rm -rf "$copy" && cp -a "$bench" "$copy"
    plant "$copy/$1" "$3" "$4" || { echo "$1 does not have it once: $3"; return 1; }
    compiles "$copy" && fails "$2"
}

awk -v every="$every" '!/^#/ && NF && n++ % every == 0' "${2:-tests/bugs/bugs.txt}" >"$work/table"
rm -rf "$build"
mkdir -p "$bench/tests/cuda"
cp -r Makefile include src "$bench"
cp tests/*.c tests/*.h "$bench/tests"
cp -r tests/cuda/*.c tests/cuda/*.h tests/cuda/fake "$bench/tests/cuda"
try "the tree without a bug builds" compiles "$bench" || finish || exit 1
for one in $(sed -n 's/^[^@]* @ \([^@ ]*\) @ .*/\1/p' "$work/table" | tr , '\n' | sort -u); do
    try "without a bug, $one" suite "$bench" "$one"
done

trim() { sed 's/^ *//; s/ *$//'; }
field() { echo "$line" | awk -F ' @ ' -v n="$1" '{ print $n }' | trim; }
while read -r line; do
    try "$(field 5)" caught "$(field 1)" "$(field 2)" "$(field 3)" "$(field 4)" && echo "$notice: $(field 5)"
done <"$work/table"
rm -rf "$build"
finish
