#!/bin/sh
# library.sh BUILD [GOLDEN] - the suites; where there is no Check for them, the walk over kernels and random problems.
. tests/package/try.sh
build=$1 golden=${2:-tests/golden/attention}

if [ -x "$build/test_attnguide" ]; then
    "$build/test_attnguide" "$golden"
    exit
fi
skip "the suites" "there is no $build/test_attnguide"
"$build/walk" --golden "$golden" || failed=1
finish
