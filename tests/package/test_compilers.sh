#!/bin/sh
# test_compilers.sh GOLDEN - all of it with gcc and with clang, without a warning; clang's kernels judged like gcc's; and the
# library without OpenBLAS.
. tests/package/try.sh
golden=$1

builds() { # NAME=VALUE ... TARGET ... - a warning is output
    fresh CFLAGS='-O2 -g -Werror' "$@" 2>&1 | tee "$work/output"
    [ ! -s "$work/output" ]
}

lacks_openblas() {
    ! nm "$work/without/libattnguide.a" | grep openblas && "$work/without/attnguide" info >"$work/info" &&
        ! grep -i openblas "$work/info"
}

for compiler in gcc clang; do
    if ! has $compiler; then
        skip "a build with $compiler" "$compiler is not installed"
        continue
    fi
    b=$work/$compiler
    try "$compiler gives no warning" builds CC=$compiler B="$b" all "$b/test_attnguide" || continue
    try "$compiler: the command" tests/command/test_command.sh "$b/attnguide" "$golden"
    [ $compiler = gcc ] || try "$compiler: the library" env AG_TEST_SHARE=4 "$b/test_attnguide" "$golden"
done

try "without OpenBLAS no warning" builds OPENBLAS=0 B="$work/without" all
try "without OpenBLAS none of its kernels" lacks_openblas
try "without OpenBLAS the golden cases" "$work/without/attnguide" replay "$golden" "$work/replayed"
finish
