#!/bin/sh
# build_wheel.sh BUILD [x86_64|aarch64] - makes BUILD/dist/attnguide-VERSION-py3-none-manylinux_2_28_MACHINE.whl, for
# this machine or the other; its path is the last line of stdout. The library is compiled by zig cc, which builds for an
# old glibc and for other machines on any. What that wants comes from the Python package index, pinned, once. Exit 77
# and a sentence: it cannot be had here.
cd "$(dirname "$0")/../.." || exit 1
build=$1 here=bindings/python glibc=2.28
machine=$(echo "${2:-$(uname -m)}" | sed 's/^amd64$/x86_64/; s/^arm64$/aarch64/')
work=$build/wheel
venv=$work/venv
lib=$work/$machine
stage=$work/stage-$machine
platform=manylinux_$(echo $glibc | tr . _)_$machine
zig="$venv/bin/python -m ziglang cc -target $machine-linux-gnu.$glibc"

fail() { # SENTENCE [STATUS]
    echo "no wheel: $1" >&2
    exit "${2:-1}"
}

case $machine in x86_64 | aarch64) ;; *) fail "x86_64 and aarch64 have one, $machine has none" ;; esac
command -v readelf >/dev/null || fail "readelf is not installed, which tells what the library needs" 77
mkdir -p "$work" "$build/dist" || exit 1

tools() {
    cmp -s $here/build_requirements.txt "$work/made" && return
    rm -rf "$venv" "$work/x86_64" "$work/aarch64" # other tools compile again
    command -v python3 >/dev/null || fail "there is no python3 here" 77
    python3 -m venv "$venv" >"$work/get.log" 2>&1 || fail "python3 -m venv fails: is python3-venv installed?" 77
    "$venv/bin/python" -m pip install --no-deps -r $here/build_requirements.txt >>"$work/get.log" 2>&1 ||
        fail "pip cannot install $here/build_requirements.txt (see $work/get.log)" 77
    cp $here/build_requirements.txt "$work/made"
}

# zig cc would trap what the undefined-behaviour sanitizer sees, and keep its cache in the home directory. OpenBLAS
# stays in, as in any build: nothing is linked, and who names its kernel has it if it is installed. Nothing of another
# make's settings gets in.
library() {
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u SANITIZE -u OPENBLAS -u COUNT -u CPPFLAGS \
        ZIG_LOCAL_CACHE_DIR="$work/zig" ZIG_GLOBAL_CACHE_DIR="$work/zig" \
        make -s -j"$(nproc)" B="$lib" CC="$zig" AR=ar machine="$machine-linux-gnu" \
        CFLAGS='-O2 -g0 -fno-sanitize=undefined' LDFLAGS=-s "$lib/$soname"
}

# The library runs wherever its name says: no glibc but this or older, no other library, no path of this machine.
is_portable() { # LIBRARY
    newest=$(readelf -VW "$1" | grep -o 'GLIBC_[0-9.]*' | cut -d_ -f2 | sort -uV | tail -n 1)
    [ -n "$newest" ] || fail "readelf tells no version of glibc that $1 needs"
    [ "$(printf '%s\n' "$newest" $glibc | sort -V | tail -n 1)" = $glibc ] ||
        fail "$1 needs glibc $newest, newer than $glibc"
    needs=$(readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    more=$(echo "$needs" | grep -vE '^(lib(c|m|pthread|dl)|ld-linux[^/]*)\.so\.[0-9]$')
    [ -z "$more" ] || fail "$1 needs $more, which not every machine has"
    readelf -dW "$1" | grep -E 'RPATH|RUNPATH' && fail "$1 has a search path"
    grep -rqF "$PWD" "$stage" && fail "$stage holds the path of this tree"
    echo "needs glibc $newest:" $needs
}

# A library or facts that lie in the package's own folder for work on it there, maybe as links, are not those to pack,
# and nothing is written through such a link.
staged() {
    rm -rf "$stage" && mkdir -p "$stage" &&
        cp -R $here/attnguide $here/README.md $here/pyproject.toml $here/setup.py LICENSE "$stage" &&
        rm -f "$stage/attnguide/libattnguide.so" "$stage/attnguide/abi.json" &&
        echo "$version" >"$stage/VERSION" &&
        cp "$lib/$soname" "$stage/attnguide/libattnguide.so" &&
        ZIG_LOCAL_CACHE_DIR="$work/zig" ZIG_GLOBAL_CACHE_DIR="$work/zig" "$venv/bin/python" -B \
            $here/attnguide/_binding/header.py include/attnguide.h "$stage/attnguide/abi.json" $zig &&
        find "$stage" -name __pycache__ -prune -exec rm -rf {} +
}

# Files in the wheel bear the time of the commit, so that a second one is the same.
packed() {
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 315532800)} \
        ATTNGUIDE_PLATFORM=$platform "$venv/bin/python" -m pip wheel -q --no-index --no-deps --no-build-isolation \
        -w "$build/dist" "$stage" >"$work/pack.log" 2>&1 && return
    cat "$work/pack.log" >&2
    fail "setuptools does not pack it"
}

version=$(sed -n 's/^#define AG_VERSION_[A-Z]* //p' include/attnguide.h | paste -sd.)
soname=libattnguide.so.$(sed -n 's/^ABI *:= *//p' Makefile)
wheel=$build/dist/attnguide-$version-py3-none-$platform.whl
tools
library || fail "the library does not build"
staged || fail "the package cannot be put together"
is_portable "$stage/attnguide/libattnguide.so"
rm -f "$wheel"
packed
[ -f "$wheel" ] || fail "setuptools made another one than $wheel"
echo "$wheel"
