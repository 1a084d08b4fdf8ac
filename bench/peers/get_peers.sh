#!/bin/sh
# get_peers.sh BUILD - the peers in a virtual environment, BUILD/peers/venv: exactly the versions of requirements.txt.
# A second run does nothing. Exit 77 and a sentence on stdout: they cannot be had here.
pin=$(cd "$(dirname "$0")" && pwd)/requirements.txt
mkdir -p "$1/peers" && cd "$1/peers" || exit 1
cmp -s "$pin" made && exit 0

give_up() {
    tail -n 3 get.log
    echo "$1 (see $PWD/get.log)"
    exit 77
}

rm -rf made venv
command -v python3 >/dev/null || give_up "there is no python3 here"
python3 -m venv venv >get.log 2>&1 || give_up "python3 -m venv fails: is python3-venv installed?"
echo "fetching PyTorch, ONNX Runtime and what they bring: some gigabytes, once"
venv/bin/python -m pip install --no-deps -r "$pin" >>get.log 2>&1 || give_up "pip cannot install the peers"
cp "$pin" made
