#!/bin/sh
# test_package.sh BUILD - what a user gets: the header, the symbols and their types, the installed tree through pkg-config
# and CMake, the vendoring recipes of docs/packaging.md, each in an empty project that holds the README's example.
. tests/package/try.sh
build=$1
if grep -qse -fsanitize -e -DAG_COUNT "$build/flags"; then # not what anyone installs
    build=$work/build
    fresh B="$build" all || exit 1
fi
root=$work/root/opt/attnguide
LC_ALL=C
export LC_ALL

# block LANGUAGE NUMBER FILE - a code block of a page.
block() { awk -v lang="$1" -v want="$2" '/^```/ { inside = $0 == "```" lang && ++n == want; next } inside' "$3"; }

# ---- header, symbols, types ----

header() { # COMPILER FLAGS ...
    "$@" -pedantic-errors -Wall -Wextra -Werror -Iinclude tests/header.c -x none "$build/libattnguide.a" -lm -ldl -pthread \
        -o "$work/header" && "$work/header"
}

exported() {
    nm -D --defined-only "$build/libattnguide.so" | awk '$2 ~ /[TDBR]/ { print $3 }' | sort | diff tests/package/exported.txt -
}

static_symbols() { nm -g --defined-only "$build/libattnguide.a" | awk 'NF == 3 && $3 !~ /^ag_/ { print; bad = 1 } END { exit bad }'; }

abi_number() { readelf -d "$build/libattnguide.so" | grep -F "soname: [libattnguide.so.$(sed -n 's/^ABI *:= *//p' Makefile)]"; }

needs_little() {
    readelf -d "$build/libattnguide.so" | grep NEEDED | grep -vE '\[(lib(c|m)|ld-linux[^]]*)\.so\.[0-9]\]' && return 1
    readelf -lW "$build/libattnguide.so" | grep 'GNU_STACK.* RWE' && return 1
    ! readelf -d "$build/libattnguide.so" | grep TEXTREL
}

same_abi() { abidiff --no-architecture tests/package/attnguide.abi "$work/now.abi" || { echo "meant so? make abi-dump"; false; }; }

# The comparison itself: a field that moved and an enumerator that changed must not pass.
abi_differs() { # SED-SCRIPT
    sed "$1" "$work/now.abi" >"$work/mutant.abi"
    ! cmp -s "$work/now.abi" "$work/mutant.abi" && ! abidiff --no-architecture "$work/now.abi" "$work/mutant.abi"
}

test_abi() {
    if ! has abidiff; then
        skip "the ABI" "abidiff is not installed"
        return
    fi
    try "the ABI is dumped" sh -c 'tests/package/abi_dump.sh "$1/abi" >"$1/now.abi"' sh "$work" || return
    try "the ABI is the committed one" same_abi
    try "a moved field is noticed" abi_differs "s/layout-offset-in-bits='64'/layout-offset-in-bits='96'/"
    try "a changed enumerator is noticed" abi_differs "s/'AG_TOKENS' value='2'/'AG_TOKENS' value='3'/"
}

# ---- the installed tree ----

installs() { make -s install B="$build" PREFIX="$1" DESTDIR="$2"; } # PREFIX DESTDIR

uninstalls() { # PREFIX DESTDIR
    make -s uninstall B="$build" PREFIX="$1" DESTDIR="$2" && [ -z "$(find "$2" -type f -o -type l)" ]
}

tree() { # DIRECTORY
    (cd "$1" && find . -type f -o -type l) | sed -E 's|[0-9]+\.[0-9]+\.[0-9]+$|VERSION|' | sort >"$work/tree"
    if [ -f "$build/libattnguide_cuda.so" ]; then echo ./lib/libattnguide_cuda.so; fi | sort - tests/package/installed.txt | diff - "$work/tree"
}

example() { # PROJECT - an empty project
    mkdir -p "$work/$1" && block c 1 README.md >"$work/$1/main.c" && [ -s "$work/$1/main.c" ]
}

with_pkgconfig() { # ROOT PKG-CONFIG-FLAG CC-FLAG
    example pkgconfig || return 1
    flags=$(PKG_CONFIG_PATH="$1/lib/pkgconfig" pkg-config --define-prefix --cflags --libs $2 attnguide) &&
        cc "$work/pkgconfig/main.c" -o "$work/pkgconfig/engine" $flags $3 && LD_LIBRARY_PATH="$1/lib" "$work/pkgconfig/engine"
}

sysroot_pkgconfig() {
    PKG_CONFIG_SYSROOT_DIR="$work/root" PKG_CONFIG_PATH="$root/lib/pkgconfig" pkg-config --cflags --libs attnguide |
        grep -F -e "-I$root/include -L$root/lib -lattnguide"
}

# ---- CMake, vendoring ----

cmake_builds() { # PROJECT ROOT
    cmake -S "$work/$1" -B "$work/$1/build" -DCMAKE_PREFIX_PATH="$2" && cmake --build "$work/$1/build" -j "$(nproc)" &&
        "$work/$1/build/engine"
}

with_cmake() { # PROJECT ROOT TARGET
    example "$1" && block cmake 1 docs/packaging.md | sed "s/attnguide::attnguide/&$3/" >"$work/$1/CMakeLists.txt" &&
        cmake_builds "$1" "$2"
}

cmake_refuses() { # VERSION
    example refuses && block cmake 1 docs/packaging.md | sed "s/attnguide 0\.1/attnguide $1/" >"$work/refuses/CMakeLists.txt"
    ! cmake -S "$work/refuses" -B "$work/refuses/$1" -DCMAKE_PREFIX_PATH="$root" >"$work/refused" 2>&1 &&
        grep "compatible with requested version \"$1\"" "$work/refused"
}

vendor() { example "$1" && mkdir "$work/$1/attnguide" && cp -r include src "$work/$1/attnguide"; }

vendored_cmake() { vendor vendor_cmake && block cmake 2 docs/packaging.md >"$work/vendor_cmake/CMakeLists.txt" && cmake_builds vendor_cmake /none; }

vendored_make() {
    vendor vendor_make && block make 1 docs/packaging.md >"$work/vendor_make/Makefile" && fresh -C "$work/vendor_make" engine &&
        "$work/vendor_make/engine"
}

test_cmake() {
    if ! has cmake; then
        skip "find_package and vendoring with CMake" "cmake is not installed"
        return
    fi
    try "find_package, shared" with_cmake shared "$root" ""
    try "find_package, static" with_cmake static "$root" _static
    try "find_package, moved tree" with_cmake moved "$work/moved_root" ""
    try "find_package refuses 0.2" cmake_refuses 0.2
    try "find_package refuses 1.0" cmake_refuses 1.0
    try "vendored with CMake" vendored_cmake
}

# ---- man page ----

clean_page() { mandoc -Tlint -Wwarning docs/man/attnguide.1; }

# Every command and every option that --help tells of, and no other.
full_page() {
    "$build/attnguide" --help >"$work/help"
    for command in $(sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p' "$work/help"); do
        grep -q "^\.Ss .*$command" docs/man/attnguide.1 || { echo "the page has no section on $command"; return 1; }
        "$build/attnguide" "$command" --help >>"$work/help"
    done
    for option in $(grep -oE -e '--[a-z][a-z-]*' "$work/help" | sort -u); do
        grep -qE "Fl -${option#--}( |$)" docs/man/attnguide.1 || { echo "the page lacks $option"; return 1; }
    done
    for option in $(grep -oE 'Fl -[a-z-]+' docs/man/attnguide.1 | sed 's/Fl /-/' | sort -u); do
        grep -qE -e "$option([^a-z-]|$)" "$work/help" || { echo "the page has $option, which --help does not know"; return 1; }
    done
}

try "header as C99" header cc -std=c99
try "header as C++11" header c++ -std=c++11 -x c++
try "exported symbols" exported
try "static library's symbols" static_symbols
try "the soname carries the ABI's number" abi_number
try "the shared library needs libc and libm alone" needs_little
test_abi
try "install" installs /opt/attnguide "$work/root"
try "what is installed" tree "$root"
try "install with an empty PREFIX" installs "" "$work/bare"
try "what is installed there" tree "$work/bare"
try "pkg-config below a sysroot" sysroot_pkgconfig
try "pkg-config" with_pkgconfig "$root" "" ""
try "pkg-config, static" with_pkgconfig "$root" --static -static
try "the tree is moved" cp -r "$root" "$work/moved_root"
try "pkg-config, moved tree" with_pkgconfig "$work/moved_root" "" ""
test_cmake
try "vendored with make" vendored_make
try "the installed command runs" "$root/bin/attnguide" info
try "the man page has every command and option" full_page
if has mandoc; then try "the man page is clean" clean_page; else skip "the man page is clean" "mandoc is not installed"; fi
try "uninstall leaves nothing" uninstalls /opt/attnguide "$work/root"
try "uninstall with an empty PREFIX leaves nothing" uninstalls "" "$work/bare"
finish
