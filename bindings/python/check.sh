#!/bin/sh
# check.sh BUILD - the Python package as its users have it: the wheel in an environment with numpy alone, and beside
# PyTorch and diffusers, those of bench/peers, which are fetched once. The last line counts the tests.
. tests/package/try.sh
mkdir -p "$1" && build=$(realpath "$1") || exit 1
site=$build/hosts/python/site alone=$build/hosts/python/alone
here=bindings/python

# Runs tests, shows what they say where one fails or is skipped, and counts them.
counted() { # NAME PYTHON FILE ...
    name=$1 python=$2
    shift 2
    AG_TEST_COMMAND="$build/attnguide" PYTHONPATH="$site" timeout 1500 "$python" -W ignore $here/tests/run.py "$@" \
        >"$log" 2>&1
    line=$(tail -n 1 "$log" | grep -xE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped')
    case $line in
    *', 0 failed, 0 skipped') ;;
    *) cat "$log" ;;
    esac
    [ -n "$line" ] || { echo "FAILED: $name ended without a count"; line="0 passed, 1 failed, 0 skipped"; }
    set -- $line
    passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + $5))
}

installs() { # the wheel, without what it needs, where both environments see it
    rm -rf "$site" && "$1" -m pip install -q --no-index --no-deps --target "$site" "$wheel"
}

has_numpy_alone() {
    cmp -s "$work/numpy.txt" "$alone/made" && return
    rm -rf "$alone" && python3 -m venv "$alone" && "$alone/bin/python" -m pip install -q -r "$work/numpy.txt" &&
        cp "$work/numpy.txt" "$alone/made"
}

ends() { # STATUS NAME FILE - what a script could not have is skipped, all else a failure; what it said is in FILE
    if [ "$1" = 77 ]; then skip "$2" "$(tail -n 1 "$3")"
    else
        failed=$((failed + 1))
        echo "FAILED: $2"
        cat "$3"
    fi
}

$here/build_wheel.sh "$build" 2>"$work/said" >"$work/made"
status=$?
if [ $status != 0 ]; then
    ends $status "the Python package" "$work/said"
    finish
    exit
fi
wheel=$(tail -n 1 "$work/made")

grep '^numpy==' bench/peers/requirements.txt >"$work/numpy.txt"
if try "an environment with numpy alone" has_numpy_alone && try "the wheel installs" installs "$alone/bin/python"; then
    counted "numpy alone" "$alone/bin/python" test_arrays.py test_guidance.py
fi

if sh bench/peers/get_peers.sh "$build" >"$work/said"; then
    counted "PyTorch and diffusers" "$build/peers/venv/bin/python" \
        test_torch.py test_diffusers.py test_pipelines.py test_comfyui.py
else ends $? "PyTorch and diffusers" "$work/said"; fi
finish
