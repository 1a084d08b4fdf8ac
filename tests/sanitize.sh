#!/bin/sh
# sanitize.sh BUILD KIND - the library and its tests built with a sanitizer, KIND "address,undefined" or "thread", in
# BUILD/KIND, and run: whatever a sanitizer reports ends the test that it is in. Of the slowest loops a share is run.
. tests/package/try.sh
build=$1 kind=$2

can() { echo 'int main(void) { return 0; }' | ${CC:-cc} "-fsanitize=$kind" -xc - -o "$work/try" 2>/dev/null && "$work/try"; }

if ! can; then
    skip "the tests with $kind" "${CC:-cc} has no such sanitizer, or it does not run here"
    skipped=1
    finish
    exit
fi
# The thread sanitizer cannot see into OpenBLAS, whose threads hand over by means of their own.
[ "$kind" != thread ] || without=OPENBLAS=0
fresh B="$build/$kind" SANITIZE="$kind" ${without:+"$without"} "$build/$kind/test_attnguide" || exit 1
export AG_TEST_SHARE="${AG_TEST_SHARE:-4}"
export ASAN_OPTIONS=allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1
exec "$build/$kind/test_attnguide"
