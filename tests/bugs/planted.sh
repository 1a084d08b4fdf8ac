#!/bin/sh
# planted.sh BUILD [FILE [EVERY]] - the bugs of FILE (bugs.txt) planted one at a time in a copy of the tree, AG_TEST_JOBS
# (as many as there are cores) side by side. A suite that the line names must fail, or end by a signal or the clock; if
# none does, all suites and then the command's tests have their turn. Says of each bug which part noticed it; a bug that
# none noticed is a failure, and so is a text that is not in its file once. With EVERY one line of so many, others after
# each commit. With AG_TEST_PLACE=cuda the suites run on the emulated device, a share of the slow ones.
. tests/package/try.sh
file=${2:-tests/bugs/bugs.txt} every=${3:-1} jobs=${AG_TEST_JOBS:-$(nproc)}
build=$1/$(echo "${file%.txt}" | tr / _) golden=$PWD/tests/golden/attention patience=300 part=library emulated=
first=$(git rev-list --count HEAD 2>/dev/null || echo 0)
if [ "$AG_TEST_PLACE" = cuda ]; then
    has "${CXX:-c++}" || { skip "bugs on the emulated device" "no C++ compiler"; finish; exit; }
    export AG_CUDA_PLUGIN=build/emu/libattnguide_cuda.so AG_TEST_SHARE="${AG_TEST_SHARE:-4}"
    emulated=$AG_CUDA_PLUGIN part=cuda
fi

plant() { # FILE TEXT REPLACEMENT - the text must be there exactly once
    TEXT=$2 REPLACEMENT=$3 awk '
        { whole = whole $0 "\n" }
        END {
            text = ENVIRON["TEXT"]
            at = index(whole, text)
            if (!at || index(substr(whole, at + 1), text)) exit 1
            printf "%s%s%s", substr(whole, 1, at - 1), ENVIRON["REPLACEMENT"], substr(whole, at + length(text))
        }' "$1" >"$copy.planted" && cat "$copy.planted" >"$1"
}

# What compiles fast; the kernels lose their -O3.
compiles() { # TREE JOBS
    (cd "$1" && fresh -j"$2" CFLAGS='-O1 -w' CXXFLAGS='-O1 -w' fast='-O1 -ffp-contract=fast -fno-math-errno' B=build \
        build/test_attnguide $emulated)
}

suite() { # TREE [SUITE[:CASE]] - all of them, if none is named. Seconds of the processor, since others use it too
    (
        cd "$1" && ulimit -t "$patience" || exit
        case $2 in *:*) export CK_RUN_CASE="${2#*:}" ;; esac
        [ -z "$2" ] || export CK_RUN_SUITE="${2%:*}"
        exec timeout $((4 * patience)) build/test_attnguide "$golden"
    )
}

run_command() { # TREE
    fresh -C "$1" -j1 CFLAGS='-O1 -w' B=build build/attnguide && tests/command/test_command.sh "$1/build/attnguide" "$golden"
}

# Prints the part, and of the library the suite, that notices the bug in a tree; fails if there is none.
noticed_by() { # TREE SUITE,SUITE ...
    for one in $(echo "$2" | tr , ' '); do suite "$1" "$one" >"$copy.log" 2>&1 || { echo "$part, $one"; return; }; done
    suite "$1" >"$copy.log" 2>&1 || { echo "$part, by none of $2"; return; }
    [ -z "$emulated" ] || return 1
    run_command "$1" >"$copy.log" 2>&1 || { echo "command, by none of $2"; return; }
    return 1
}

caught() { # FILE SUITES TEXT REPLACEMENT
    rm -rf "$copy" && cp -a "$build/tree" "$copy"
    plant "$copy/$1" "$3" "$4" || { echo "$1 does not have it once: $3"; return 1; }
    compiles "$copy" 1 && noticed_by "$copy" "$2" >"$copy.notice" || { echo "no part noticed it"; return 1; }
}

field() { echo "$line" | awk -F ' @ ' -v n="$1" '{ gsub(/^ +| +$/, "", $n); print $n }'; }

# A worker takes whatever line nobody has taken yet; who makes the directory has it.
worker() { # NUMBER
    copy=$build/$1 number=0
    while read -r line; do
        number=$((number + 1))
        mkdir "$work/taken.$number" 2>/dev/null || continue
        if try "$(field 5)" caught "$(field 1)" "$(field 2)" "$(field 3)" "$(field 4)" </dev/null; then
            echo "$(cat "$copy.notice"): $(field 5)" | tee "$work/noticed.$number"
        else : >"$work/unnoticed.$number"; fi
    done <"$work/table"
}

how_many() { ls "$work" | grep -c "^$1"; }

awk -v every="$every" -v first="$first" '!/^#/ && NF && n++ % every == first % every' "$file" >"$work/table"
rm -rf "$build"
mkdir -p "$build/tree/tests"
cp -r Makefile include src tools bench "$build/tree"
cp -r tests/oracle tests/harness tests/suites tests/emulated "$build/tree/tests"
try "the tree without a bug builds" compiles "$build/tree" "$jobs" || finish || exit 1
for one in $(sed -n 's/^[^@]* @ \([^@ ]*\) @ .*/\1/p' "$work/table" | tr , '\n' | sort -u); do
    try "without a bug, $one" suite "$build/tree" "$one"
done
export AG_TEST_JOBS=1 # from here on bugs are side by side, not the tests of one
for number in $(seq "$jobs"); do (trap - EXIT; log=$work/log.$number; worker "$number") & done
wait
passed=$((passed + $(how_many noticed))) failed=$((failed + $(how_many unnoticed)))
suites=$(cat "$work"/noticed.* /dev/null 2>/dev/null | grep -c "^$part, ")
echo "$(how_many noticed) of $(wc -l <"$work/table") bugs noticed, $suites of them by part $part"
rm -rf "$build"
finish
