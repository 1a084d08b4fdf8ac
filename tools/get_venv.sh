#!/bin/sh
# get_venv.sh REQUIREMENTS FOLDER - a virtual environment, FOLDER/venv, with exactly the versions that the file pins. A
# second run does nothing. Exit 77 and a sentence on stdout: it cannot be had here.
pin=$(realpath "$1") && mkdir -p "$2" && cd "$2" || exit 1
# Two parts of the tests may want the same environment at once: the second waits for what the first makes.
if command -v flock >/dev/null; then exec 9>lock && flock 9; fi
cmp -s "$pin" made && exit 0

give_up() {
    tail -n 3 get.log
    echo "$1 (see $PWD/get.log)"
    exit 77
}

rm -rf made venv
: >get.log
command -v python3 >/dev/null || give_up "there is no python3 here"
python3 -m venv venv >get.log 2>&1 || give_up "python3 -m venv fails: is python3-venv installed?"
venv/bin/python -m pip install --no-deps -r "$pin" >>get.log 2>&1 || give_up "pip cannot install what $1 pins"
cp "$pin" made
