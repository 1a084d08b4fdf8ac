#!/bin/sh
# make_site.sh BUILD VERSION - the site in BUILD/html: doxygen reads the header, assemble.py lays out the pages, and
# Sphinx makes HTML of them. A warning of either is an error. Exit 77 and a sentence: it cannot be had here.
here=docs/site
mkdir -p "$1" && S=$(realpath "$1")/site || exit 1
export S VERSION="$2"

command -v doxygen >/dev/null || { echo "no site: doxygen is not installed"; exit 77; }
tools/get_venv.sh $here/requirements.txt "$S" || exit
python=$S/venv/bin/python

rm -rf "$S/xml" "$S/doctrees" "$1/html" &&
    "$python" -B $here/header.py include/attnguide.h "$S/attnguide.h" && doxygen $here/Doxyfile &&
    "$python" -B $here/assemble.py "$S" &&
    "$python" -B -m sphinx -q -W --keep-going -j auto -c $here -d "$S/doctrees" "$S/source" "$1/html"
