#!/bin/sh
# test_x86.sh BUILD - x86-64 machines other than this one: no object has instructions beyond those its name promises, and
# processors without AVX, or with AVX2 and no more, run everything, emulated.
. tests/package/try.sh
build=$1
golden=tests/golden/attention

# ---- what the objects hold ----

# VEX opens with c4 or c5 and EVEX with 62, which nothing else in 64-bit mode does; SSSE3 and later are in the maps 0f 38
# and 0f 3a; the other names are those of SSE3 and of the bit counts.
beyond='
    /^[^ ].*file format/ { name = $1; sub(/:$/, "", name) }
    /^ +[0-9a-f]+:\t/ {
        split($0, part, "\t"); split(part[2], byte, " "); at = 1
        while (byte[at] ~ /^(66|67|f0|f2|f3|2e|36|3e|26|64|65)$/) at++
        kind = byte[at] ~ /^c[45]$/ ? "VEX" : byte[at] == "62" ? "EVEX" : ""
        if (byte[at] ~ /^4/) at++
        if (byte[at] == "0f" && byte[at + 1] ~ /^3[8a]$/) kind = "SSSE3 or later"
        if (part[3] ~ /^(popcnt|lzcnt|addsub|hadd|hsub|lddqu|movddup|movs[hl]dup|fisttp)/) kind = "SSE3 or later"
        if (kind != "" && !seen[name, kind]++) print name " " kind ": " part[3]
    }'
holds() { objdump -dw "$@" | awk "$beyond"; } # OBJECT ... - what they hold beyond the first x86-64

objects() { find "$build/src" "$build/tools" "$build/tests" -name '*.o'; }
baseline_is_kept() { objects | grep -vE '_(avx2|avx512)[a-z0-9]*\.o$' | xargs objdump -dw | awk "$beyond" >"$work/found"; cat "$work/found"; [ ! -s "$work/found" ]; }
avx2_is_no_more() { holds "$build"/src/cpu/*_avx2.o >"$work/found"; grep -q ' VEX' "$work/found" && ! grep EVEX "$work/found"; }
avx512_is_seen() { holds "$build"/src/cpu/*_avx512.o | grep -q ' EVEX'; }

# ---- machines ----

emulated() { # MODEL COMMAND ...
    model=$1
    shift
    "$emulator" -cpu "$model" "$@" 2>"$work/errors" || { grep -v 'TCG doesn.t support' "$work/errors"; false; }
}

faults() { # MODEL INSTRUCTION - the emulator is no more generous than the machine
    echo "int main(void) { __asm__ volatile(\"$2\"); return 0; }" >"$work/one.c"
    ${CC:-cc} "$work/one.c" -o "$work/one" && ! emulated "$1" "$work/one"
}

# A buffer ends before its guard page: this emulator reads 16 bytes where a scalar multiply-add reads 4.
walks() { emulated "$1" "$build/plain/walk" --count 150 --slack 64; }

# The kernels of exactly these instruction sets are unavailable, and say why.
lacks() { # MODEL SETS
    emulated "$1" "$build/attnguide" info | awk '/ unavailable: this processor/ { sub(".*_", "", $3); sub("bf16", "", $3); print $3 }' | sort -u | paste -sd' ' >"$work/lacks"
    cat "$work/lacks"
    [ "$(cat "$work/lacks")" = "$2" ]
}

replays() { # MODEL - the command, against the golden outputs
    emulated "$1" "$build/attnguide" replay $golden "$work/replayed" &&
        for case in $golden/*/out.npy; do
            name=$(basename "$(dirname "$case")")
            "$work/npycmp" 2e-5 "$case" "$work/replayed/$name/out.npy" || return 1
        done
}

case $(${CC:-cc} -dumpmachine) in
x86_64-* | amd64-*) ;;
*)
    skip "x86-64" "this machine is another"
    finish
    exit
    ;;
esac

if has objdump; then
    try "only the AVX files go beyond the first x86-64" baseline_is_kept
    try "AVX2 files hold VEX and no EVEX" avx2_is_no_more
    try "EVEX is seen where it is" avx512_is_seen
else
    skip "instructions" "objdump is not installed"
fi

emulator=$(command -v qemu-x86_64-static || command -v qemu-x86_64)
if [ -z "$emulator" ]; then
    skip "emulated machines" "qemu-x86_64 is not installed"
    finish
    exit
fi
${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 tests/command/npycmp.c tests/harness/array.c -lm -o "$work/npycmp"
# OpenBLAS has instruction sets of its own to choose from: not ours to judge.
try "a build without OpenBLAS" fresh B="$build/plain" OPENBLAS=0 CFLAGS='-O2 -g -Werror' \
    "$build/plain/walk" "$build/plain/exp2"

try "the first x86-64: AVX faults" faults Opteron_G1 'vpxor %ymm0, %ymm0, %ymm0'
try "the first x86-64: AVX kernels are unavailable" lacks Opteron_G1 "avx2 avx512"
try "the first x86-64: every other kernel" walks Opteron_G1
try "the first x86-64: 2^x" emulated Opteron_G1 "$build/plain/exp2"
try "the first x86-64: the command" replays Opteron_G1

try "AVX2 alone: AVX-512 faults" faults Haswell 'vpxord %zmm0, %zmm0, %zmm0'
try "AVX2 alone: AVX-512 kernels are unavailable" lacks Haswell "avx512"
try "AVX2 alone: every other kernel" walks Haswell
try "AVX2 alone: 2^x" emulated Haswell "$build/plain/exp2"
try "AVX2 alone: the command" replays Haswell
finish
