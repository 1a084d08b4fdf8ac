#!/bin/sh
# test_gpu_report.sh BUILD - what of gpu-check can be tried without a GPU: the report of a recorded run (fixture.json, made
# up), the list of qualified kernels, the driver on the emulated device, and the whole script where there is no toolkit.
. tests/package/try.sh
build=$1 report=$1/gpu_report fixture=tests/device/fixture.json
make_report() { "$report" "$@"; }

builds() { fresh B="$build" "$report"; }
if ! try "the report's program builds" builds; then finish; exit; fi

# ---- the report of a recorded run ----

written() { make_report "$fixture" --markdown "$work/report.md" --json "$work/report.json" --qualified "$work/old.h" "$work/new.h"; }
each_line() { # FILE - every line of it stands in the report
    while IFS= read -r line; do
        grep -qxF -e "$line" "$work/report.md" || { echo "not in the report: $line"; missing=1; }
    done <"$1"
    [ -z "$missing" ]
}
tables_are_even() {
    awk -F'|' '/^\|/ { if (columns && NF != columns) { print "line " NR ": " $0; bad = 1 } columns = NF; next } { columns = 0 }
        END { exit bad }' "$work/report.md"
}
cat >"$work/old.h" <<END
static const ag_qualified ag_qualified_list[] = {
    { "attend_simt", 80 },
    { "attend_wgmma", 90 },
    { 0, 0 },
};
END
cat >"$work/rows" <<END
    { "attend_simt", 80 },
    { "attend_cudnn", 90 },
    { "attend_simt", 90 },
    { "copy_simt", 90 },
    { 0, 0 },
END
qualified_rows() { sed -n '/^    { /p' "$1" | cmp - "$2"; }
try "a report is written" written
try "it has the numbers and the verdicts" each_line tests/device/expected.txt
try "its tables are even" tables_are_even
try "the JSON is the records" cmp "$work/report.json" "$fixture"
again() { make_report "$work/report.json" --markdown "$work/again.md" && cmp "$work/report.md" "$work/again.md"; }
try "and gives the same report" again
if has python3; then try "the JSON is JSON" python3 -c "import json; json.load(open('$work/report.json'))"
else skip "the JSON is JSON" "no python3"; fi

# ---- the list of qualified kernels ----

compiles() { printf '#include "new.h"\nint main(void) { return ag_qualified_list[0].architecture; }\n' >"$work/a.c" &&
    ${CC:-cc} -std=c11 -Wall -Werror -fsyntax-only "$work/a.c"; }
unjudged() { # without a judgement every row stays
    grep -v '"record": "kernel"' "$fixture" >"$work/few.json"
    make_report "$work/few.json" --qualified "$work/new.h" "$work/kept.h" && qualified_rows "$work/kept.h" "$work/rows"
}
try "what passed is qualified, other architectures stay" qualified_rows "$work/new.h" "$work/rows"
try "the list compiles" compiles
try "nothing is lost by a run that judged nothing" unjudged

# ---- records that are none ----

refused() { printf '%s\n' "$1" >"$work/bad"; ! make_report "$work/bad" --markdown "$work/bad.md"; }
for bad in 'no record' '{"record": "stage"' '{"record": "stage", "name": "x}' '{"record" "stage"}'; do
    try "refused: $bad" refused "$bad"
done

# ---- names that goals and programs must share ----

shared_names() { # a goal's subject is timed by somebody
    grep -oE '\{ "[^"]*", (NULL|SDPA|PUBLISHED|SEPARABLE|COMPILED),' tests/device/goals.c | cut -d'"' -f2 | sort -u >"$work/names"
    [ -s "$work/names" ] || { echo "no names were found"; return 1; }
    while IFS= read -r subject; do
        grep -qF "\"$subject\"" bench/gpu/layers.c || { echo "layers.c times no $subject"; missing=1; }
    done <"$work/names"
    for by in 'SEG-SDXL as published' 'PyTorch, separable' 'PyTorch, compiled' 'PyTorch SDPA'; do
        grep -qF "\"$by" bench/gpu/peers.py && grep -qF "$by" tests/device/goals.c || { echo "$by is no peer"; missing=1; }
    done
    [ -z "$missing" ]
}
try "goals and programs name subjects alike" shared_names

# ---- the driver on the emulated device ----

emulated() { fresh B="$build" "$build/emu/libattnguide_cuda.so" "$build/emu/gpu_driver"; }
on_emulation() {
    emulated=$(cd "$build" && pwd)/emu
    AG_CUDA_PLUGIN=$emulated/libattnguide_cuda.so AG_CUDNN=$emulated/libcudnn.so AG_CUBLAS=$emulated/libcublas.so \
        "$build/emu/gpu_driver" "$@" --records "$work/records"
}
if has "${CXX:-c++}"; then
    try "the driver builds for the emulated device" emulated
    try "kernels are judged on the emulated device" on_emulation verify --few --workers 1 --seconds 30
    try "hosts' rules are judged there" on_emulation rules --seconds 20
    try "times are taken there" on_emulation time --small --seconds 60
    try "what it records makes a report" make_report "$work/records" --markdown "$work/emulated.md"
else skip "the emulated device" "no C++ compiler"; fi

# ---- the whole, where there is no toolkit ----

without_toolkit() {
    cp docs/gpu-report.md "$work/before.md"
    CUDA_HOME=/nowhere GPU_CHECK_SECONDS=3000 PYTHON=none sh tests/device/gpu_check.sh "$build/nogpu" &&
        grep -q '^| plugin | not run | 0 | no nvcc |$' "$build/nogpu/gpu-report.md" &&
        grep -q '^| kernels | not run | 0 | no nvcc |$' "$build/nogpu/gpu-report.md" &&
        grep -q '^No device: nothing in this report ran on a GPU.$' "$build/nogpu/gpu-report.md" &&
        cmp docs/gpu-report.md "$work/before.md"
}
try "without a toolkit it says what it did not do" without_toolkit
finish
