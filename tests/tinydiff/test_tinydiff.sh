#!/bin/sh
# test_tinydiff.sh BUILD - the example model: its suites, its command, and that guidance has its effect (evidence-quick).
. tests/package/try.sh
build=$1 run=$1/tinydiff weights=examples/tinydiff/weights

links() { echo 'int main(void) { return 0; }' | ${CC:-cc} -x c - -include "$1" "$2" -o "$work/linked" 2>/dev/null; }
if ! pkg-config --exists check || ! links cblas.h -lopenblas || ! links png.h -lpng; then
    skip "tinydiff" "OpenBLAS, libpng or Check is not installed"
    finish
    exit
fi
plugin=
if has "${CXX:-c++}"; then plugin=$build/emu/libattnguide_cuda.so
else skip "attention on an emulated device" "no C++ compiler"; fi
# shellcheck disable=SC2086 # or none
try "tinydiff builds" fresh B="$build" CFLAGS="-O2 -g -Werror" "$run" "$build/test_tinydiff" $plugin || { finish; exit 1; }
if [ -n "$plugin" ]; then export AG_CUDA_PLUGIN="$PWD/$plugin"; fi

"$build/test_tinydiff" >"$work/suites" 2>&1 || cat "$work/suites"
set -- $(tail -n 1 "$work/suites" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p')
passed=$((passed + ${1:-0})) failed=$((failed + ${2:-1}))

# ---- the command ----

fails() { # STATUS WORDS-OF-THE-SENTENCE COMMAND ... - with nothing on stdout
    status=$1 words=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err"
    [ $? = "$status" ] && [ ! -s "$work/out" ] && grep -q "$words" "$work/err"
}
samples() { "$run" sample $weights/a.safetensors "$work/$1" --count 12 --rows 2 steps=2 && [ -s "$work/$1" ]; }

try "help" "$run" --help
try "no command" fails 2 'there is no command' "$run"
try "a wrong command" fails 2 'no such command' "$run" paint
try "a wrong option" fails 2 'an option' "$run" data "$work/x.png" --count none
try "no such file" fails 1 'cannot read /none' "$run" sample /none "$work/x.png"
try "a file that is no weights" fails 1 'header' "$run" sample README.md "$work/x.png"
try "a wrong setting" fails 1 'magic' "$run" sample $weights/a.safetensors "$work/x.png" sampler=magic
try "a folder that is not there" fails 1 none "$run" data "$work/none/x.png"
try "data as a picture" "$run" data "$work/data.png" --count 24
try "pictures" samples x.png
try "numbers" samples x.npy
if [ -n "$plugin" ]; then
    runtime() { ${CC:-cc} -std=c11 -D_GNU_SOURCE -fPIC -shared tests/tinydiff/cudart.c -ldl -o "$work/libcudart.so.13"; }
    cuda() { LD_LIBRARY_PATH=$work "$run" sample $weights/a.safetensors "$work/x.png" --count 12 --rows 2 steps=1 --cuda; }
    copies() { TINYDIFF_NO_COPIES=1 cuda; }
    try "a stand-in for the CUDA runtime builds" runtime
    try "--cuda runs" cuda
    try "--cuda does run on the device" fails 1 'copy to the device failed' copies
else try "--cuda without a device is told" fails 1 'CUDA\|libcudart' "$run" sample $weights/a.safetensors "$work/x.png" --cuda; fi
try "cost" "$run" cost $weights/a.safetensors 3
try "no results" fails 1 'not one of results' "$run" table README.md

goes_on() { # what is measured already is not measured again
    printf '[claims 12 1]\nnone steps=2\nidentity inputs=CP method=identity layer=3 steps=2\n' >"$work/study.txt"
    "$run" study "$work/study.txt" $weights/a.safetensors "$work/r.tsv" --model a && cp "$work/r.tsv" "$work/once.tsv" &&
        "$run" study "$work/study.txt" $weights/a.safetensors "$work/r.tsv" --model a && cmp "$work/r.tsv" "$work/once.tsv" &&
        [ "$(wc -l <"$work/r.tsv")" = 3 ] && "$run" table "$work/r.tsv" && "$run" json "$work/r.tsv" | grep -q '"valid": '
}
try "a study goes on" goes_on
try "guidance has its effect" "$run" quick $weights/a.safetensors 3
finish
