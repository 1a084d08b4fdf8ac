#!/bin/sh
# gpu_check.sh BUILD - everything that wants an NVIDIA GPU, in one run of at most GPU_CHECK_SECONDS (540): the library and
# its plugin built with cc and nvcc alone, every kernel against the float64 oracle, what hosts expect, times beside
# ceilings and PyTorch, compute-sanitizer. What cannot be run here is reported as not run, and is no failure.
#   CUDA_HOME  the toolkit; else where nvcc is        CUDNN_DIR, CUBLAS_DIR  folders of their libraries, or above them
#   PYTHON     python3, for the comparison with PyTorch
# BUILD/gpu-report.md, gpu-report.json, gpu-qualified.h and gpu-device.json are written; after a run on a device the
# first is docs/gpu-report.md, the third src/cuda/qualified.h as well. Exit status 1: a stage failed.
build=${1:-build} out=${1:-build}/gpu
limit=${GPU_CHECK_SECONDS:-540} python=${PYTHON:-python3}
records=$out/records.jsonl begun=$(date +%s) failed=0 device_reason=
mkdir -p "$out"
rm -f "$records" "$out"/*.log "$build"/gpu-report.* "$build/gpu-qualified.h" "$build/gpu-device.json"

has() { command -v "$1" >/dev/null 2>&1; }
quoted() { printf '%s' "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g' | cut -c 1-600; }
fact() { printf '{"record": "run", "key": "%s", "value": "%s"}\n' "$1" "$(quoted "$2")" >>"$records"; } # KEY VALUE

# ---- stages ----

result() { # NAME STATUS SECONDS REASON
    printf '{"record": "stage", "name": "%s", "status": "%s", "seconds": %s, "reason": "%s"}\n' "$1" "$2" "$3" \
        "$(quoted "$4")" >>"$records"
    printf '%-12s %-8s %4s s  %s\n' "$1" "$2" "$3" "$4"
    [ "$2" != fail ] || failed=1
}

# Seconds a stage may take: its share of the whole, and never more than is left of that.
share() { # SECONDS OF 540
    now=$(date +%s)
    fair=$(($1 * limit / 540)) left=$((limit - now + begun))
    [ "$fair" -lt "$left" ] || fair=$left
    echo "$fair"
}

# Exit status 0 of the command: pass; 2: it could not be run, its last line says why; anything else: fail. $seconds is
# what it may take in all.
stage() { # NAME SECONDS COMMAND ...
    name=$1 from=$(date +%s)
    seconds=$(share "$2")
    shift 2
    if [ "$seconds" -lt 3 ]; then
        result "$name" "not run" 0 "no time was left"
        return 2
    fi
    timeout -k 5 "$seconds" "$@" >"$out/$name.log" 2>&1
    status=$? took=$(($(date +%s) - from))
    last=$(grep -v '^ *$' "$out/$name.log" | tail -n 1)
    case $status in
    0) result "$name" pass "$took" "" ;;
    2) result "$name" "not run" "$took" "$last" ;;
    124 | 137) result "$name" fail "$took" "it took more than $seconds seconds" ;;
    *) result "$name" fail "$took" "${last:-exit status $status}" ;;
    esac
    return $status
}

on_device() { # NAME SECONDS COMMAND ... - a stage that needs the device
    if [ -n "$device_reason" ]; then result "$1" "not run" 0 "$device_reason"
    else stage "$@"; fi
}

# What a program may use of its stage's seconds, so that it ends by itself and its records are whole.
inside() { echo $(($(share "$1") * 17 / 20)); }

# ---- where things are ----

find_libraries() {
    for folder in "$CUDNN_DIR" "$CUBLAS_DIR" "$CUDA_HOME"; do
        for place in "$folder" "$folder/lib" "$folder/lib64"; do
            [ -n "$folder" ] && [ -d "$place" ] && echo "$place"
        done
    done
    has "$python" && "$python" - 2>/dev/null <<'END'
import glob, sysconfig
for folder in sorted(glob.glob(sysconfig.get_paths()["purelib"] + "/nvidia/*/lib")): print(folder)
END
}

# The toolkit may be a wheel or a full installation: what matters is a compiler, a header and a static runtime.
find_toolkit() {
    if [ -n "$CUDA_HOME" ]; then nvcc=$CUDA_HOME/bin/nvcc
    elif has nvcc; then nvcc=$(command -v nvcc)
    elif [ -x /usr/local/cuda/bin/nvcc ]; then nvcc=/usr/local/cuda/bin/nvcc
    else nvcc=; fi
    [ -n "$nvcc" ] && [ -x "$nvcc" ] || { toolkit_reason="no nvcc"; return; }
    CUDA_HOME=$(dirname "$(dirname "$(readlink -f "$nvcc")")")
    [ -f "$CUDA_HOME/include/cuda_runtime_api.h" ] || { toolkit_reason="no cuda_runtime_api.h beside nvcc"; return; }
    set -- "$CUDA_HOME"/lib*/libcudart_static.a
    [ -f "$1" ] || { toolkit_reason="no libcudart_static.a beside nvcc"; return; }
    export CUDA_HOME
}

toolkit_reason=
find_toolkit
libraries=$(find_libraries | paste -sd: -) hosts_path=$LD_LIBRARY_PATH
export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
driver=$out/gpu_driver AG_CUDA_PLUGIN=$(cd "$out" && pwd)/libattnguide_cuda.so
export AG_CUDA_PLUGIN
processors=$(nproc 2>/dev/null || echo 2)
unset MAKEFLAGS MFLAGS MAKELEVEL SANITIZE COUNT

fact date "$(date -u '+%Y-%m-%d %H:%M UTC')"
if commit=$(git rev-parse --short HEAD 2>/dev/null); then
    git diff --quiet HEAD || commit="$commit, with changes"
fi
fact commit "${commit:-unknown}"
[ -n "$toolkit_reason" ] || fact nvcc "$("$nvcc" --version | sed -n 's/.*release //p')"
fact compiler "$(${CC:-cc} --version | head -n 1)"
fact "host processors" "$processors"

# ---- building ----

stage library 120 make -s -j"$processors" OPENBLAS=0 B="$out" "$out/libattnguide.a" "$out/gpu_report" ||
    device_reason="no library"
if [ -n "$toolkit_reason" ]; then
    result plugin "not run" 0 "$toolkit_reason"
    device_reason=$toolkit_reason
elif [ -z "$device_reason" ]; then
    stage plugin 150 make -s -j"$processors" OPENBLAS=0 B="$out" NVCC="$nvcc" "$out/libattnguide_cuda.so" "$driver" ||
        device_reason="no plugin"
fi

# ---- the device ----

smi() { nvidia-smi --query-gpu="$1" --format=csv,noheader,nounits -i 0 2>/dev/null | head -n 1; } # FIELD

on_device properties 15 "$driver" properties --records "$records" --fixture "$build/gpu-device.json"
[ $? != 2 ] || [ -n "$device_reason" ] || device_reason=$(tail -n 1 "$out/properties.log")
if [ -z "$device_reason" ] && has nvidia-smi; then
    fact driver "$(smi driver_version)"
    fact "SM clock before, MHz" "$(smi clocks.sm)"
    fact "highest SM clock, MHz" "$(smi clocks.max.sm)"
    fact "power limit, W" "$(smi power.limit)"
fi

workers=$((processors < 8 ? processors : 8))
on_device kernels 150 "$driver" verify --records "$records" --workers $workers --plans 150 --seconds "$(inside 150)"
on_device rules 45 "$driver" rules --records "$records" --seconds "$(inside 45)"

# Clocks are looked at while times are taken, and left as they are.
watcher=
if [ -z "$device_reason" ] && has nvidia-smi; then
    nvidia-smi --query-gpu=clocks.sm,temperature.gpu --format=csv,noheader,nounits -i 0 -lms 500 >"$out/clocks.csv" 2>&1 &
    watcher=$!
fi
on_device times 90 "$driver" time --records "$records" --seconds "$(inside 90)"
if [ -n "$watcher" ]; then
    kill $watcher 2>/dev/null
    fact "SM clock while timing, MHz: least, median, most" "$(sort -n "$out/clocks.csv" | cut -d, -f1 |
        awk '{ x[NR] = $1 } END { if (NR) print x[1] ", " x[int((NR + 1) / 2)] ", " x[NR] }')"
fi

# PyTorch brings libraries of its own, which those named above are not to replace.
if has "$python"; then
    on_device peers 80 env LD_LIBRARY_PATH="$hosts_path" "$python" bench/gpu/peers.py --records "$records" \
        --seconds "$(inside 60)"
else result peers "not run" 0 "no $python"; fi

for tool in memcheck racecheck initcheck synccheck; do
    on_device $tool 20 sh tests/device/sanitize.sh $tool "$driver" "$records" "$(inside 12)"
done

# ---- the report ----

[ -x "$out/gpu_report" ] || { echo "the report's own program could not be built: $out/library.log"; exit 1; }
"$out/gpu_report" "$records" --markdown "$build/gpu-report.md" --json "$build/gpu-report.json" \
    --qualified src/cuda/qualified.h "$build/gpu-qualified.h" || failed=1
if [ -n "$device_reason" ]; then
    echo "Nothing ran on a GPU: $device_reason. $build/gpu-report.md says so; docs/gpu-report.md is left as it is."
else
    cp "$build/gpu-report.md" docs/gpu-report.md
    cp "$build/gpu-qualified.h" src/cuda/qualified.h
    echo "docs/gpu-report.md and src/cuda/qualified.h are renewed; $build/gpu-device.json describes the device to cuDNN."
fi
[ $failed = 0 ] && echo "nothing failed" || echo "something failed: logs in $out"
exit $failed
