#!/bin/sh
# sanitize.sh BUILD KIND - the library and its tests built with a sanitizer, KIND "address,undefined" or "thread", in
# BUILD/KIND, and run: whatever a sanitizer reports ends the test that it is in. Of the slowest loops a share is run; of
# the suites, for threads, those that have any.
. tests/package/try.sh
build=$1 kind=$2

if ! sanitizes "$kind"; then
    skip "the tests with $kind" "${CC:-cc} has no such sanitizer, or it does not run here"
    skipped=1
    finish
    exit
fi
sanitized "$build" "$kind" "$build/$kind/test_attnguide" || exit 1
# GCC 12's sanitizers want their shadow at fixed addresses, where kernels that scatter mappings widely put others.
still=$(setarch -R true 2>/dev/null && echo "setarch -R")
export AG_TEST_SHARE="${AG_TEST_SHARE:-4}"
export ASAN_OPTIONS=allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1
if [ "$kind" != thread ]; then
    $still "$build/$kind/test_attnguide"
    exit
fi
status=0
for suite in threads hosts calls plans fork exact strength guidance_calls; do
    CK_RUN_SUITE=$suite $still "$build/$kind/test_attnguide" >"$work/$suite" 2>&1 || status=1
    cat "$work/$suite"
    counts=$(tail -n 1 "$work/$suite" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p')
    set -- ${counts:-0 1}
    passed=$((passed + $1)) failed=$((failed + $2))
done
finish
[ "$status" = 0 ]
