#!/bin/sh
# gates.sh BUILD - every CUDA source, compiled for its targets, must spill nothing, have no stack, keep to its registers
# and to the shared memory that every device has without asking. What ptxas said lies beside the objects.
. tests/package/try.sh
build=$1

if ! has "${NVCC:-nvcc}"; then
    skip "CUDA kernels compiled" "nvcc is not installed"
    finish
    exit
fi
plugin=$build/libattnguide_cuda.so
try "the plugin builds" fresh B="$build" plugin "$build/attnguide" || { finish; exit 1; }

# ---- what it is made of ----

exports_one() { [ "$(nm -D --defined-only "$plugin" | awk '{ print $3 }')" = ag_cuda_backend ]; }
needs_little() { ! readelf -d "$plugin" | grep NEEDED | grep -vE '\[(lib(c|m|dl|rt|pthread)|ld-linux[^]]*)\.so\.[0-9]\]'; }
loads() { AG_CUDA_PLUGIN=$plugin "$build/attnguide" info | grep -E 'cuda +(usable|unavailable: .*CUDA)'; }

try "the plugin exports its entry alone" exports_one
try "the plugin needs neither a driver nor C++" needs_little
try "the plugin loads; without a GPU the runtime says why" loads

# ---- its kernels ----

# A line per kernel and target: name target stack spills registers shared threads
measured() {
    awk '/Compiling entry function/ { split($0, part, "\047"); name = part[2]; target = part[4]; stack = spills = shared = 0 }
        /bytes stack frame/ { stack = $1; spills = $5 + $9 }
        /Used [0-9]* registers/ {
            registers = $0; sub(".*Used ", "", registers); sub(" .*", "", registers)
            if (match($0, "[0-9]+ bytes smem")) shared = substr($0, RSTART, RLENGTH) + 0
            print name, target, stack, spills, registers, shared
        }' "$1"
}

# 65536 registers for two blocks of 256 threads: 128 each, so that latencies hide behind another block.
over() { # FIELD LIMIT FILE
    awk -v field="$1" -v limit="$2" '$field + 0 > limit { print; bad = 1 } END { exit bad || !NR }' "$3"
}

targets() { # FILE - each kernel for both architectures, and no warning
    [ "$(awk '{ print $1 }' "$1" | sort | uniq -c | awk '$1 != 2' | wc -l)" = 0 ]
}

has_ptx() { cuobjdump -lptx "$1" | grep -q 'sm_80\.ptx'; }

for file in src/cuda/kernels/*.cu; do
    object=$build/plugin/${file%.cu}.o said=$build/plugin/${file%.cu}.ptxas
    measured "$said" >"$work/measured"
    try "$file: two targets" targets "$work/measured"
    try "$file: no stack" over 3 0 "$work/measured"
    try "$file: no spills" over 4 0 "$work/measured"
    try "$file: registers" over 5 128 "$work/measured"
    try "$file: static shared memory" over 6 0 "$work/measured"
    try "$file: no warnings" sh -c '! grep -iE "warning|advisory" "$1"' sh "$said"
    if has cuobjdump; then try "$file: PTX for newer devices" has_ptx "$object"; fi
done
finish
