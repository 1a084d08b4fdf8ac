#!/bin/sh
# test_versions.sh BUILD - programs built with an older and with a newer header run with this library.
. tests/package/try.sh
build=$1

runs() { # KIND FLAGS
    mkdir -p "$work/$1" || return
    awk -v kind="$1" -f tests/package/versions/header.awk include/attnguide.h >"$work/$1/attnguide.h" || return
    ! cmp -s "$work/$1/attnguide.h" include/attnguide.h || return
    ${CC:-cc} -std=c99 -Wall -Wextra -O1 $2 -I"$work/$1" tests/package/versions/program.c "$build/libattnguide.so" \
        "-Wl,-rpath,$(realpath "$build")" -lm -o "$work/$1/program" && "$work/$1/program"
}

try "a program of an older header" runs older
try "a program of a newer header" runs newer -DNEWER
finish
