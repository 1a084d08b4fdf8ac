#!/bin/sh
# train.sh BUILD - both trainings of PROTOCOL.md, side by side, into examples/tinydiff/weights. PyTorch comes from the
# Python package index, into BUILD/peers/venv.
here=examples/tinydiff
sh bench/peers/get_peers.sh "$1" || exit 1
train() { # NAME SEED
    "$1/peers/venv/bin/python" "$here/train.py" "$1/libtinydiff.so" "$here/weights/$2.safetensors" --seed "$3" \
        --early "$here/weights/$2_early.safetensors" >"$here/weights/$2.log"
}
train "$1" a 1 & first=$!
train "$1" b 2 & second=$!
wait "$first" && wait "$second"
