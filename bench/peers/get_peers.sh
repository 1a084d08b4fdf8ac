#!/bin/sh
# get_peers.sh BUILD - the peers in a virtual environment, BUILD/peers/venv: exactly the versions of requirements.txt.
# A second run does nothing. Exit 77 and a sentence on stdout: they cannot be had here.
here=$(dirname "$0")
cmp -s "$here/requirements.txt" "$1/peers/made" || \
    echo "fetching PyTorch, ONNX Runtime and what they bring: some gigabytes, once"
exec "$here/../../tools/get_venv.sh" "$here/requirements.txt" "$1/peers"
