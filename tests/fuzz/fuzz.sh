#!/bin/sh
# fuzz.sh BUILD SECONDS - libFuzzer with the address and undefined-behaviour sanitizers on descriptions of attention and
# of combinations, and on the readers of .npy and .safetensors, SECONDS each, from the corpus beside this file. A crash
# leaves its input in BUILD/fuzz.
. tests/package/try.sh
build=$1/fuzz seconds=$2
sanitize=fuzzer-no-link,address,undefined

clang=$(command -v clang-14 || command -v clang)
can_fuzz() { # a clang without compiler-rt has no libFuzzer
    echo 'int LLVMFuzzerTestOneInput(const unsigned char *x, unsigned long n) { return !x && n; }' >"$work/try.c"
    [ -n "$clang" ] && "$clang" -fsanitize=fuzzer,address "$work/try.c" -o "$work/try" >/dev/null 2>&1
}

link() { # NAME FILE ... - warnings are for the ordinary builds
    name=$1
    shift
    "$clang" -std=c11 -D_GNU_SOURCE -g -O1 -Iinclude -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
        "$@" -lm -ldl -pthread -o "$build/$name"
}

# Prints the executions and, where one crashed, what was found.
fuzz() { # NAME LONGEST
    mkdir -p "$build/$1.corpus"
    ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1 \
        "$build/fuzz_$1" -max_total_time="$seconds" -max_len="$2" -len_control=0 -timeout=20 -rss_limit_mb=4096 \
        -malloc_limit_mb=1000000 -print_final_stats=1 -artifact_prefix="$build/$1." \
        "$build/$1.corpus" "tests/fuzz/corpus/$1" >"$build/$1.log" 2>&1 || { tail -n 60 "$build/$1.log"; return 1; }
}

executions() { sed -n "s/^stat::number_of_executed_units: *\(.*\)/$1: \1 executions/p" "$build/$1.log"; }

if ! can_fuzz; then
    skip "fuzzing" "no clang with libFuzzer"
    skipped=4
    finish
    exit
fi
mkdir -p "$build"
library=$build/libattnguide.a
if try "the library builds for fuzzing" fresh CC="$clang" B="$build" CFLAGS='-O1 -g -fno-sanitize-recover=undefined' \
    SANITIZE=$sanitize "$library"; then
    try "fuzz_description builds" link fuzz_description tests/fuzz/fuzz_description.c tests/fuzz/description.c \
        tests/fuzz/arguments.c tests/harness/methods.c "$library" && try "descriptions" fuzz description 2048
    try "fuzz_guidance builds" link fuzz_guidance tests/fuzz/fuzz_guidance.c "$library" &&
        try "combinations" fuzz guidance 512
fi
try "fuzz_npy builds" link fuzz_npy tests/fuzz/fuzz_npy.c tools/npy.c tools/npy_header.c tools/fault.c &&
    try "npy files" fuzz npy 1024
try "fuzz_weights builds" link fuzz_weights tests/fuzz/fuzz_weights.c examples/tinydiff/weights.c &&
    try "weights" fuzz weights 1024
for target in description guidance npy weights; do executions $target; done
finish
