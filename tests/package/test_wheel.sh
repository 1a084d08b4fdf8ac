#!/bin/sh
# test_wheel.sh BUILD - the wheel: what is in it, that it installs into an empty environment, and that the library
# inside has the kernels of BUILD's, their results and their speed; the wheel of the other processor as well.
. tests/package/try.sh
mkdir -p "$1" && build=$(realpath "$1") native=$(realpath "$1")/libattnguide.so
machine=$(uname -m)
LC_ALL=C
export LC_ALL

makes() { # MACHINE - 77 where it cannot
    bindings/python/build_wheel.sh "$build" "$1" >"$work/made" 2>"$work/said"
    status=$?
    cat "$work/said"
    wheel=$(tail -n 1 "$work/made")
    return $status
}

is_named() { [ "$wheel" = "$build/dist/attnguide-$(version)-py3-none-manylinux_2_28_$1.whl" ] && [ -f "$wheel" ]; } # MACHINE
version() { sed -n 's/^#define AG_VERSION_[A-Z]* //p' include/attnguide.h | paste -sd.; }

same_again() { # MACHINE
    sum=$(sha256sum <"$wheel")
    makes "$1" && [ "$(sha256sum <"$wheel")" = "$sum" ]
}

installs() {
    python3 -m venv "$work/venv" && "$work/venv/bin/python" -m pip install -q --no-index --no-deps "$wheel"
}

tells() { "$work/venv/bin/python" -I tests/package/wheel_inside.py "$(version)" >"$work/library" && library=$(cat "$work/library"); }

exports() { nm -D --defined-only "$1" | awk '{ print $3 }' | sort | diff tests/package/exported.txt -; } # LIBRARY
has_soname() { readelf -dW "$library" | grep -F "soname: [libattnguide.so.$(sed -n 's/^ABI *:= *//p' Makefile)]"; }
is_plain() { ! readelf -SW "$library" | grep -E '\.debug|\.symtab' && ! readelf -lW "$library" | grep 'GNU_STACK.* RWE'; }

# What processors without AVX run has none of it.
baseline_is_kept() {
    find "$build/wheel/$machine/src" -name '*.o' | grep -vE '_avx[a-z0-9]*\.o$' | xargs objdump -dw --no-show-raw-insn >"$work/code" &&
        ! grep -E '%[yz]mm|	v[a-z0-9]+ .*%xmm' "$work/code"
}

compiles() { # COMPILER LIBRARY PROGRAM - of the library only the init functions
    "$1" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Iinclude -O2 tests/package/beside.c "$2" -lm -ldl -pthread -o "$3"
}
kernels() { # LIBRARY LIST
    "$work/beside" kernels "$1" >"$2" && grep -q '^attend ' "$2"
}
same_kernels() { kernels "$native" "$work/native" && kernels "$library" "$work/wheels" && diff "$work/native" "$work/wheels"; }
speed() {
    "$work/beside" times "$native" "$library" >"$work/times"
    status=$?
    cat "$work/times"
    return $status
}

for tool in python3 readelf objdump; do
    has $tool && continue
    skip "the wheel" "$tool is not installed"
    finish
    exit
done

makes "$machine"
case $? in
0) ;;
77)
    skip "the wheel" "$(tail -n 1 "$work/said")"
    finish
    exit
    ;;
*)
    try "a wheel is made" makes "$machine"
    finish
    exit
    ;;
esac
try "its name tells version and platform" is_named "$machine"
try "made again it is the same" same_again "$machine"
if try "it installs into an empty environment" installs && try "library, facts, licence and page are inside" tells; then
    try "it exports what it should" exports "$library"
    try "its soname is the library's" has_soname
    try "nothing for debuggers, no stack that executes" is_plain
    [ "$machine" != x86_64 ] || try "no AVX but where its name promises it" baseline_is_kept
    [ -f "$build/libattnguide.so.0" ] || fresh B="$build" lib
    try "a program that loads both" compiles "${CC:-cc}" "$build/libattnguide.a" "$work/beside" &&
        try "its kernels are the native build's" same_kernels && try "its speed is near the native build's" speed
    cat "$work/times" 2>/dev/null
fi

other=aarch64
[ "$machine" = x86_64 ] || other=x86_64
if try "a wheel for $other" makes $other; then
    try "$other: its name" is_named $other
    library=$build/wheel/stage-$other/attnguide/libattnguide.so
    try "$other: it exports the same" exports "$library"
fi
finish
