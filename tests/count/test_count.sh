#!/bin/sh
# test_count.sh BUILD - builds the library with COUNT=1 beside the usual one and compares the work it counts.
build=$1
env -u MAKEFLAGS make -s -j"$(nproc)" B="$build/count" COUNT=1 "$build/count/libattnguide.a" >/dev/null &&
    ${CC:-cc} -std=c11 -O1 -DAG_COUNT -D_GNU_SOURCE -Iinclude tests/count/test_count.c tests/harness/methods.c "$build/count/libattnguide.a" -lm -ldl -pthread \
        -o "$build/count/test_count" &&
    exec "$build/count/test_count"
echo "0 passed, 1 failed, 0 skipped"
exit 1
