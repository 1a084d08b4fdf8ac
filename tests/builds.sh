#!/bin/sh
# builds.sh BUILD [check|all|hosts [JOBS]] - what several parts of a tier use, so that no two of them build it at the
# same time.
# In tier all a warning is a failure.
. tests/package/try.sh
build=$1 tier=${2:-all} jobs=${3:-$(nproc)}

makes() { # the flags are those of the make that runs the tests, if one does
    ${MAKE:-make} -s -j"$jobs" B="$build" "$@" >"$work/made" 2>&1
    status=$?
    cat "$work/made"
    [ $status = 0 ] && { [ "$tier" = check ] || ! grep -q 'warning:' "$work/made"; }
}

if pkg-config --exists check; then suites=$build/test_attnguide
else
    suites=$build/walk
    skip "the suites" "Check is not installed"
fi
try "the library, the command and the tests" makes "$build/libattnguide.a" "$build/libattnguide.so.0" \
    "$build/attnguide" "$suites"
if [ "$tier" = all ]; then
    try "without OpenBLAS" fresh B="$build/plain" OPENBLAS=0 CFLAGS='-O2 -g -Werror' "$build/plain/libattnguide.so.0" \
        "$build/plain/attnguide" "$build/plain/walk" "$build/plain/exp2"
    if sanitizes address,undefined; then
        try "with the address sanitizer" sanitized "$build" address,undefined \
            "$build/address,undefined/test_attnguide"
    fi
    if has "${NVCC:-nvcc}"; then try "the CUDA plugin" makes "$build/libattnguide_cuda.so"; fi
    if has "${CXX:-c++}"; then
        try "the CUDA backend over the emulated device" makes "$build/emu/libattnguide_cuda.so"
    fi
fi
finish
