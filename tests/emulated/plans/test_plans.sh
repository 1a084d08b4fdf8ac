#!/bin/sh
# test_plans.sh BUILD - cuDNN plans without a device: the support table on five architectures (descriptions of devices,
# made by hand where the file's name says so), the cache, the plan file, and our declarations against cuDNN's and
# cuBLAS's headers. At most 200 plans.
. tests/package/try.sh
build=$1
here=tests/emulated/plans
cc=${CC:-cc}
cuda=$(command -v "${NVCC:-nvcc}") || cuda=
cuda=${cuda:+$(dirname "$(dirname "$(realpath "$cuda")")")}
[ -n "$cuda" ] || { skip "cuDNN plans" "nvcc is not installed"; finish; exit; }

# ---- declarations ----

# A line for each number of ours, under the name that is theirs.
same_numbers() {
    {
        echo '#include <cudnn.h>'
        echo '#include <cublas_v2.h>'
        sed 's/, /,\n/g' src/cuda/cudnn_api.h src/cuda/cublas.h |
            sed -n 's/^.*AG_\(CUDNN\|CUBLAS\)\(_[A-Z0-9_a-z]*\) *= *\([-0-9]*\).*$/\1 \2 \3/p' |
            sed -e 's/^CUBLAS _\([A-Z]*_VERSION\|PATCH_LEVEL\) /X \1 /' -e 's/^X //' -e 's/^\(CU[A-Z]*\) _/\1_/' |
            while read -r name value; do echo "_Static_assert((int)$name == $value, \"$name\");"; done
    } >"$work/numbers.c"
    [ "$(wc -l <"$work/numbers.c")" -gt 40 ] && "$cc" -I"$cuda/include" -fsyntax-only "$work/numbers.c"
}
if [ -f "$cuda/include/cudnn.h" ] && [ -f "$cuda/include/cublas_v2.h" ]; then
    try "our numbers are those of cuDNN's and cuBLAS's headers" same_numbers
else
    skip "our numbers are those of cuDNN's and cuBLAS's headers" "the headers are not installed"
fi

# ---- plans ----

try "the stub of a driver" "$cc" -shared -fPIC -O1 -Wl,-soname,libcuda.so.1 tests/emulated/fake/libcuda.c \
    -o "$work/libcuda.so.1"
try "the program" "$cc" -std=c11 -D_GNU_SOURCE -Iinclude -DAG_API= -O1 "$here/cudnn_plans.c" src/cuda/cudnn.c \
    src/cuda/cudnn_plan.c src/cuda/cudnn_cache.c src/cuda/cudnn_file.c src/cuda/library.c src/os.c src/api/structs.c \
    src/program/take.c -lm -ldl -pthread -o "$work/cudnn_plans"
plans() { LD_LIBRARY_PATH="$work${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$work/cudnn_plans" "$@"; }
found=$(plans) || found=
case $found in
skipped*) skip "cuDNN plans" "$(echo "$found" | head -n 1 | sed 's/^skipped: //')"; finish; exit ;;
esac

origin() { # WORD FILE DEVICE - where a new process gets its plan from
    got=$(AG_CUDNN_PLANS=$2 plans --origin "$3") && [ "$got" = "$1" ] || { echo "$3: $got, not $1"; return 1; }
}
bytes() { wc -c <"$1" | tr -d ' '; }
plan_file() {
    file=$work/plans one=$here/devices/sm_90_handmade.json other=$here/devices/sm_80_handmade.json
    rm -f "$file"
    origin built "$file" "$one" && origin loaded "$file" "$one" && origin built "$file" "$other" &&
        origin loaded "$file" "$one" && origin loaded "$file" "$other" || return 1
    cp "$file" "$work/sound"
    middle=$(($(bytes "$file") / 4))
    printf 'x' | dd of="$file" bs=1 seek=$middle conv=notrunc 2>/dev/null # in the first entry
    origin built "$file" "$one" && origin loaded "$file" "$one" && origin loaded "$file" "$other" || return 1
    head -c $middle "$work/sound" >"$file" # cut off
    origin built "$file" "$one" && origin loaded "$file" "$one" || return 1
    { echo 'attnguide cudnn plan 1 99999999999999999999 zz'; head -c 100000 /dev/urandom; cat "$work/sound"; } >"$file"
    origin loaded "$file" "$one" || return 1
    sed -i 's/ cudnn:[0-9]* / cudnn:90000 /' "$file" # another version's plans are not ours
    origin built "$file" "$one" || return 1
    origin built /nowhere/plans "$one"
}
try "the plan file, sound, damaged, cut off, foreign" plan_file

plans "$here"/devices/sm_*.json >"$work/table" 2>&1
status=$?
cat "$work/table"
try "every shape is planned on every architecture" [ "$status" = 0 ]
finish
