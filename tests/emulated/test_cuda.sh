#!/bin/sh
# test_cuda.sh BUILD - the CUDA backend on the emulated device, against the float64 oracle; the plugin and how it is
# found. Large shapes only with AG_TEST_SHARE=1: fibres are slow.
. tests/package/try.sh
build=$(cd "$1" && pwd) plugin=$build/emu/libattnguide_cuda.so golden=tests/golden/attention

compiles() { fresh B="$build" "$plugin" "$build/test_attnguide" "$build/attnguide"; }
links() { readelf -d "$1" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p'; }
info() { AG_CUDA_PLUGIN=$1 "$build/attnguide" info; }

if ! has "${CXX:-c++}"; then
    skip "the CUDA backend in emulation" "no C++ compiler"
    finish
    exit
fi
try "the emulated plugin builds" compiles || { finish; exit 1; }

# ---- how it is found ----

beside() { cp "$build/attnguide" "$work" && cp "$plugin" "$work" && "$work/attnguide" info | grep 'cuda  *usable'; }
in_lib() {
    mkdir -p "$work/tree/bin" "$work/tree/lib" && cp "$build/attnguide" "$work/tree/bin" && cp "$plugin" "$work/tree/lib" &&
        "$work/tree/bin/attnguide" info | grep 'cuda  *usable'
}
nowhere() { cp "$build/attnguide" "$work/tree" && "$work/tree/attnguide" info | grep 'cuda  *unavailable: libattnguide_cuda.so was not found'; }
nothing_is_loaded() { AG_CUDA_PLUGIN=$plugin LD_DEBUG=files "$build/attnguide" --version 2>&1 | grep -c cuda | grep -x 0; }

try "AG_CUDA_PLUGIN is used" sh -c "AG_CUDA_PLUGIN=$plugin $build/attnguide info | grep 'cuda  *usable'"
try "a relative AG_CUDA_PLUGIN is refused" sh -c "cd $build && AG_CUDA_PLUGIN=emu/libattnguide_cuda.so ./attnguide info | grep 'unavailable: AG_CUDA_PLUGIN is emu/libattnguide_cuda.so, not an absolute path'"
try "a wrong AG_CUDA_PLUGIN is told" sh -c "AG_CUDA_PLUGIN=/none.so $build/attnguide info | grep 'unavailable: AG_CUDA_PLUGIN: /none.so'"
try "beside the program" beside
try "in lib beside the program's folder" in_lib
try "nowhere" nowhere
try "nothing is loaded that nobody asked for" nothing_is_loaded
try "a library that is no plugin is refused" sh -c "AG_CUDA_PLUGIN=$build/libattnguide.so $build/attnguide info | grep 'is not of version'"

runtime() {
    cuda=$(dirname "$(dirname "$(realpath "$(command -v "${NVCC:-nvcc}")")")")
    cc -std=c11 -Wall -Wextra -I"$cuda/include" tests/emulated/runtime/test_runtime.c src/cuda/gpu/runtime.c -o "$work/runtime" && "$work/runtime"
}
if has "${NVCC:-nvcc}"; then try "errors of the host's and ours are kept apart" runtime; fi

# ---- kernels ----

suites() { AG_TEST_SHARE=${AG_TEST_SHARE:-3} AG_TEST_PLACE=cuda AG_CUDA_PLUGIN=$plugin "$build/test_attnguide" "$golden"; }
suites >"$work/suites" 2>&1 || cat "$work/suites"
counts=$(tail -n 1 "$work/suites")
try "hundreds of checks ran" [ "$(echo "$counts" | sed -n 's/^\([0-9]*\) passed.*/\1/p')" -gt 150 ]
passed=$((passed + $(echo "$counts" | sed -n 's/^\([0-9]*\) passed.*/\1/p')))
failed=$((failed + $(echo "$counts" | sed -n 's/.* \([0-9]*\) failed.*/\1/p')))
finish
