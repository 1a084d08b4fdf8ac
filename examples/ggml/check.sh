#!/bin/sh
# check.sh BUILD - get ggml, build the example against BUILD/libattnguide.a, run it. The last line counts the checks.
# CC, CXX, CFLAGS, LDFLAGS as for make.
here=$(cd "$(dirname "$0")" && pwd)
include=$here/../../include
mkdir -p "$1" && build=$(cd "$1" && pwd) || exit 1
ggml=$build/hosts/ggml

fail() {
    echo "$1"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}

reason=$(sh "$here/get_ggml.sh" "$build")
case $? in
0) ;;
77)
    echo "skipped: ggml: $reason"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
    ;;
*) fail "$reason" ;;
esac

[ -f "$build/libattnguide.a" ] || fail "there is no $build/libattnguide.a: make it first"
objects=
for file in attnguide_ggml graph ways ggml_attention; do
    ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes ${CFLAGS:--O2 -g} \
        -I"$include" -isystem "$ggml/src/include" -c "$here/$file.c" -o "$ggml/$file.o" ||
        fail "$file.c does not compile"
    objects="$objects $file.o"
done
(cd "$ggml" && ${CXX:-c++} ${LDFLAGS:-} $objects ../../libattnguide.a lib/libggml-cpu.a lib/libggml-base.a \
    -lm -ldl -lpthread -o ggml_attention) ||
    fail "the example does not link"
"$ggml/ggml_attention"
