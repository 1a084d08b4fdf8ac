#!/bin/sh
# test_aarch64.sh BUILD - the library and its tests without Check, cross-built with gcc and clang and run under emulation:
# golden cases, random problems and combinations with every kernel forced, and 2^x.
. tests/package/try.sh
build=$1/aarch64
root=/usr/aarch64-linux-gnu

cross() { # COMPILER TARGET ... - in a build of its own; a warning is output
    compiler=$1
    shift
    fresh B="$build" CC="$compiler" AR=aarch64-linux-gnu-ar CFLAGS='-O2 -g -Werror' "$@" 2>&1 | tee "$work/output"
    [ ! -s "$work/output" ]
}

is_aarch64() { aarch64-linux-gnu-readelf -h "$build/libattnguide.so" | grep -q 'Machine: *AArch64'; }
emulated() { qemu-aarch64-static -L $root "$@"; }

# A kernel with NEON in its name has run, as the walk saw it.
neon_ran() { grep -E '_neon +[1-9][0-9]* right, 0 wrong' "$work/walk"; }

missing=
for tool in aarch64-linux-gnu-gcc qemu-aarch64-static; do has $tool || missing="$missing $tool"; done
[ -e $root/lib/libc.so.6 ] || missing="$missing $root"
if [ -n "$missing" ]; then
    skip "aarch64" "not installed:$missing"
    finish
    exit
fi

if try "a cross build gives no warning" cross aarch64-linux-gnu-gcc "$build/libattnguide.a" "$build/libattnguide.so.0" "$build/walk" "$build/exp2"; then
    try "it is an aarch64 library" is_aarch64
    try "2^x" emulated "$build/exp2"
    try "every kernel" emulated "$build/walk" --golden tests/golden/attention --count 200 && cp "$work/log" "$work/walk"
    try "NEON kernels ran" neon_ran
    grep '^skipped' "$work/walk"
    skipped=$((skipped + $(grep -c '^skipped' "$work/walk")))
fi
if has clang; then
    build=$build-clang
    try "clang gives no warning" cross "clang --target=aarch64-linux-gnu" "$build/libattnguide.so.0" "$build/walk" "$build/exp2" &&
        try "clang's 2^x" emulated "$build/exp2" && try "clang's kernels" emulated "$build/walk" --count 80
else
    skip "clang's kernels" "clang is not installed"
fi
finish
