#!/bin/sh
# check.sh BUILD - the engine beside PyTorch, which is fetched once: parity.py, on every instruction set of this
# machine. The last line counts the tests.
. tests/package/try.sh
here=examples/tinydiff build=$1

sh bench/peers/get_peers.sh "$build" >"$work/got"
case $? in
0) ;;
77)
    skip "parity with PyTorch" "$(tail -n 1 "$work/got")"
    finish
    exit
    ;;
*)
    cat "$work/got"
    failed=1
    finish
    exit 1
    ;;
esac
echo 'int main(void) { return 0; }' >"$work/blas.c"
if ! ${CC:-cc} -include cblas.h "$work/blas.c" -lopenblas -o "$work/blas" 2>/dev/null; then
    skip "parity with PyTorch" "OpenBLAS (libopenblas-dev) is not installed"
    finish
    exit
fi
programs="$build/tinydiff $build/libtinydiff.so $build/attnguide"
# shellcheck disable=SC2086 # three words
try "tinydiff builds" fresh B="$build" $programs || { finish; exit 1; }

parity() { # COUNT [--kernel NAME]
    count=$1
    shift
    "$build/peers/venv/bin/python" -B $here/parity.py "$build/tinydiff" "$build/libtinydiff.so" \
        $here/weights/a.safetensors --count "$count" "$@"
}
try "the engine beside PyTorch" parity 384
for kernel in $("$build/attnguide" info | awk '$1 == "cpu" && $3 ~ /^attend_f32_/ && $4 == "usable" { print $3 }'); do
    try "the same by $kernel" parity 96 --kernel "$kernel"
done
finish
