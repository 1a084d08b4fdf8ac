#!/bin/sh
# test_compilers.sh BUILD GOLDEN - the compiler of gcc and clang that BUILD itself is not from: all of it without a
# warning, its kernels judged like the other's; and the library without OpenBLAS.
. tests/package/try.sh
build=$1 golden=$2 plain=$1/plain

builds() { # NAME=VALUE ... TARGET ...
    fresh CFLAGS='-O2 -g -Werror' "$@"
}

lacks_openblas() {
    ! nm "$plain/libattnguide.a" | grep openblas && "$plain/attnguide" info >"$work/info" &&
        ! grep -i openblas "$work/info"
}

if ${CC:-cc} -dM -E -x c /dev/null | grep -q __clang__; then compiler=gcc; else compiler=clang; fi
b=$build/$compiler
if ! has $compiler; then
    skip "a build with $compiler" "$compiler is not installed"
elif try "$compiler gives no warning" builds CC=$compiler B="$b" "$b/libattnguide.so.0" "$b/attnguide" \
    "$b/test_attnguide"; then
    try "$compiler: the command" tests/command/test_command.sh "$b/attnguide" "$golden"
    try "$compiler: the library" env AG_TEST_SHARE=4 "$b/test_attnguide" "$golden"
fi

if try "without OpenBLAS no warning" builds OPENBLAS=0 B="$plain" "$plain/libattnguide.so.0" "$plain/attnguide"; then
    try "without OpenBLAS none of its kernels" lacks_openblas
    try "without OpenBLAS the golden cases" "$plain/attnguide" replay "$golden" "$work/replayed"
fi
finish
