#!/bin/sh
# test_faults.sh BUILD - allocations and threads refused in turn; with the address sanitizer where the compiler has it.
. tests/package/try.sh
build=$1/faults
wrapped=malloc,calloc,realloc,posix_memalign,free,pthread_create,pthread_join
mkdir -p "$build"

link() { # LIBRARY FLAG ... - beside the build, as test_faults
    library=$1
    shift
    # shellcheck disable=SC2046 # one flag for each of the list
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -g -Iinclude -Wall -Wextra "$@" tests/faults/test_faults.c tests/faults/faults.c tests/harness/methods.c \
        "$library" $(echo "$wrapped" | sed 's/[^,]*/-Wl,--wrap=&/g; s/,-Wl/ -Wl/g') -lm -ldl -pthread -o "$build/test_faults"
}

if sanitizes address,undefined; then
    flags=-fsanitize=address,undefined library=$1/address,undefined/libattnguide.a
    sanitized "$1" address,undefined "$library" || exit 1
else
    skip "the address sanitizer" "${CC:-cc} has none"
    flags='' library=$1/libattnguide.a
fi
link "$library" ${flags:+"$flags"} || exit 1
ASAN_OPTIONS=halt_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 "$build/test_faults"
