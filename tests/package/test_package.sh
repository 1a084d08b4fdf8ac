#!/bin/sh
# test_package.sh BUILD [smoke|again] - what a user gets: the header, the symbols and their types, the installed tree
# through pkg-config and CMake, the vendoring recipes of docs/packaging.md, each in an empty project that holds the
# README's example. What builds the library again, for its types and for vendoring, is left out of smoke, and all of again.
. tests/package/try.sh
build=$1 which=$2
if grep -qse -fsanitize -e -DAG_COUNT "$build/flags"; then # not what anyone installs
    build=$work/build
    fresh B="$build" all || exit 1
fi
whole_build=$(realpath "$build")
root=$work/root/opt/attnguide
LC_ALL=C
export LC_ALL

# block LANGUAGE NUMBER FILE - a code block of a page.
block() { awk -v lang="$1" -v want="$2" '/^```/ { inside = $0 == "```" lang && ++n == want; next } inside' "$3"; }

# ---- header, symbols, types ----

header() { # COMPILER FLAGS ...
    "$@" -pedantic-errors -Wall -Wextra -Werror -Iinclude tests/package/header.c -x none "$build/libattnguide.a" -lm -ldl -pthread \
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
    make -s uninstall B="$build" PREFIX="$1" DESTDIR="$2" && [ -z "$(find "$2" -type f -o -type l)" ] &&
        [ ! -e "$2/$1/lib/cmake/attnguide" ]
}

# ---- paths that a shell or make would take apart ----

# In a tree of links, so that pieces of a path that are taken for names of their own land where they are seen.
linked_tree() {
    mkdir "$work/linked tree" && for file in Makefile cmake docs include pkgconfig src tools bench tests; do
        ln -s "$PWD/$file" "$work/linked tree/$file" || return 1
    done
}

within() { # TARGET PREFIX DESTDIR - run in that tree
    make -s -C "$work/linked tree" "$1" B="$whole_build" PREFIX="$2" DESTDIR="$3"
}

# A file of somebody else's in every folder of an installation, and in folders called like the pieces of its path.
bystanders() { # ROOT
    for folder in bin include lib lib/cmake/attnguide lib/pkgconfig share/man/man1 share/man/man3; do
        for place in "$1" "$work/linked tree/x" "$work/linked tree/a" "$work/linked tree/y" "$work/linked" \
            "$work/linked tree/b/c'd" "$work/linked tree/-d"; do
            mkdir -p "$place/$folder" && echo "$place" >"$place/$folder/keep" && : >"$place/$folder/libattnguide.keep" || return 1
        done
    done
}

# What is there, contents included.
snapshot() { (cd "$work" && find . -path ./log -prune -o \( -type d -o -type l \) -print -o -name '*keep' -exec cksum {} + | sort); }

awkward() { # PREFIX DESTDIR ROOT - installs its own files alone, and removes them alone
    bystanders "$3" || return 1
    snapshot >"$work/log.before"
    within install "$1" "$2" && tree "$3" || return 1
    within uninstall "$1" "$2" || return 1
    snapshot | diff "$work/log.before" -
}

builds_with() { # PREFIX - against what is installed there, a path with spaces and quotes
    example awkward && within install "$1" "" || return 1
    flags=$(PKG_CONFIG_PATH="$1/lib/pkgconfig" pkg-config --cflags --libs attnguide) &&
        eval "cc '$work/awkward/main.c' -o '$work/awkward/engine' $flags" &&
        LD_LIBRARY_PATH="$1/lib" "$work/awkward/engine"
}

refuses_prefix() { # PREFIX WORDS
    ! within install "$1" "$work/refused_root" >"$work/refused" 2>&1 && grep -e "$2" "$work/refused" && [ ! -e "$work/refused_root" ]
}

test_paths() {
    links="$work/linked tree"
    try "a tree of links" linked_tree || return
    try "a prefix with spaces and a quote" awkward "$links/a b/c'd" "" "$links/a b/c'd"
    try "DESTDIR with a space" awkward "/a b/c'd" "x y" "$links/x y/a b/c'd"
    try "DESTDIR that begins with a dash" awkward "/opt/-e f" "-d y" "$links/-d y/opt/-e f"
    try "characters that sed, make and the shell know" awkward "$links/&|"'\1"#;*(`$$x' "" "$links/&|"'\1"#;*(`$x'
    try "pkg-config, a prefix with spaces and a quote" builds_with "$links/a b/c'd"
    if has cmake; then try "find_package, the same" with_cmake awkward_cmake "$links/a b/c'd" ""; fi
    try "an empty PREFIX is refused" refuses_prefix "" "PREFIX is empty"
    try "a relative PREFIX is refused" refuses_prefix "opt/x" "PREFIX is 'opt/x'"
}

tree() { # DIRECTORY
    (cd "$1" && find . \( -type f -o -type l \) ! -name '*keep') | sed -E 's|[0-9]+\.[0-9]+\.[0-9]+$|VERSION|' | sort >"$work/tree"
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

# ---- the library alone, cross builds ----

# As where libpng is missing: its header is an error. The objects of the library are there already.
without_png() {
    if [ ! -d "$work/alone" ]; then
        mkdir -p "$work/alone" "$work/no_png" && echo '#error no libpng' >"$work/no_png/png.h" &&
            cp -rp "$build/src" "$build/flags" "$work/alone" || return 1
    fi
    fresh B="$work/alone" CPPFLAGS="-I$work/no_png" "$@"
}
says_png() { ! without_png all >"$work/said" 2>&1 && grep 'the command needs libpng.*make lib' "$work/said" && ! grep 'png.h:' "$work/said"; }

alone() { # DIRECTORY - all but the command
    (cd "$1" && find . -type f -o -type l) | sed -E 's|[0-9]+\.[0-9]+\.[0-9]+$|VERSION|' | sort >"$work/alone.txt"
    grep -v -e /bin/ -e /man1/ tests/package/installed.txt | diff - "$work/alone.txt"
}

uninstalls_alone() { # leaves a command that it did not install
    mkdir -p "$work/alone_root/opt/bin" && : >"$work/alone_root/opt/bin/attnguide" &&
        without_png uninstall-lib PREFIX=/opt DESTDIR="$work/alone_root" &&
        [ "$(find "$work/alone_root" -type f -o -type l)" = "$work/alone_root/opt/bin/attnguide" ]
}

test_library_alone() {
    try "without libpng make says what is missing" says_png
    try "make lib and install-lib without libpng" without_png install-lib PREFIX=/opt DESTDIR="$work/alone_root"
    try "all but the command is installed" alone "$work/alone_root/opt"
    try "uninstall-lib" uninstalls_alone
    if ! has aarch64-linux-gnu-gcc; then
        skip "the library alone and vendored, cross-built" "aarch64-linux-gnu-gcc is not installed"
        return
    fi
    try "install-lib, cross-built" fresh install-lib CC=aarch64-linux-gnu-gcc B="$work/cross" PREFIX=/opt DESTDIR="$work/cross_root"
    try "all but the command is installed, cross-built" alone "$work/cross_root/opt"
    try "the cross-built library links" cross_links
    if has cmake; then try "vendored with CMake, cross-built" cross_cmake; fi
    try "vendored with make, for aarch64" cross_make
}

is_aarch64() { aarch64-linux-gnu-readelf -h "$1" | grep 'Machine: *AArch64'; }

runs_aarch64() { # PROGRAM
    is_aarch64 "$1" && { ! has qemu-aarch64-static || qemu-aarch64-static -L /usr/aarch64-linux-gnu "$1"; }
}

cross_links() {
    is_aarch64 "$work/cross_root/opt/lib/libattnguide.so" && example cross && aarch64-linux-gnu-gcc "$work/cross/main.c" \
        -I"$work/cross_root/opt/include" "$work/cross_root/opt/lib/libattnguide.a" -lm -ldl -pthread -o "$work/cross/engine" &&
        runs_aarch64 "$work/cross/engine"
}

cross_cmake() {
    vendor cross_cmake && block cmake 2 docs/packaging.md >"$work/cross_cmake/CMakeLists.txt" &&
        cmake -S "$work/cross_cmake" -B "$work/cross_cmake/build" -DCMAKE_SYSTEM_NAME=Linux \
            -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc && cmake --build "$work/cross_cmake/build" -j "$(nproc)" &&
        runs_aarch64 "$work/cross_cmake/build/engine"
}

# What make would do; that the same rules compile is seen above.
cross_make() {
    vendor cross_make && block make 1 docs/packaging.md >"$work/cross_make/Makefile" &&
        fresh -n -C "$work/cross_make" CC=aarch64-linux-gnu-gcc engine >"$work/would" && grep -q _neon.o "$work/would" &&
        ! grep -e -mavx "$work/would"
}

vendored_cmake() { vendor vendor_cmake && block cmake 2 docs/packaging.md >"$work/vendor_cmake/CMakeLists.txt" && cmake_builds vendor_cmake /none; }

vendored_make() {
    vendor vendor_make && block make 1 docs/packaging.md >"$work/vendor_make/Makefile" && fresh -C "$work/vendor_make" engine &&
        "$work/vendor_make/engine"
}

test_cmake() {
    if ! has cmake; then
        skip "find_package" "cmake is not installed"
        return
    fi
    try "find_package, shared" with_cmake shared "$root" ""
    try "find_package, static" with_cmake static "$root" _static
    try "find_package, moved tree" with_cmake moved "$work/moved_root" ""
    try "find_package refuses 0.2" cmake_refuses 0.2
    try "find_package refuses 1.0" cmake_refuses 1.0
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
    # Operations, rules and types: words of two columns behind OP, RULE and T.
    for word in $(awk '/^(OP|RULE)$/ || /T is one of/ { inside = 1; next } /^[A-Z]/ { inside = 0 }
            /^What is/ { inside = 0 } inside && /^  [a-z]/ { print $1 }' "$work/help"); do
        grep -qE "^\.(It )?Cm $word( |$)" docs/man/attnguide.1 || { echo "the page lacks $word"; return 1; }
    done
    for option in $(grep -oE -e '--[a-z][a-z-]*' "$work/help" | sort -u); do
        grep -qE "Fl -${option#--}( |$)" docs/man/attnguide.1 || { echo "the page lacks $option"; return 1; }
    done
    for option in $(grep -oE 'Fl -[a-z-]+' docs/man/attnguide.1 | sed 's/Fl /-/' | sort -u); do
        grep -qE -e "$option([^a-z-]|$)" "$work/help" || { echo "the page has $option, which --help does not know"; return 1; }
    done
}

if [ "$which" != smoke ]; then
    test_abi
    try "vendored with make" vendored_make
    if has cmake; then try "vendored with CMake" vendored_cmake
    else skip "vendored with CMake" "cmake is not installed"
    fi
fi
if [ "$which" = again ]; then
    finish
    exit
fi

try "header as C99" header cc -std=c99
try "header as C++11" header c++ -std=c++11 -x c++
try "exported symbols" exported
try "static library's symbols" static_symbols
try "the soname carries the ABI's number" abi_number
try "the shared library needs libc and libm alone" needs_little
try "install" installs /opt/attnguide "$work/root"
try "what is installed" tree "$root"
try "install into the root" installs / "$work/bare"
try "what is installed there" tree "$work/bare"
try "pkg-config below a sysroot" sysroot_pkgconfig
try "pkg-config" with_pkgconfig "$root" "" ""
try "pkg-config, static" with_pkgconfig "$root" --static -static
try "the tree is moved" cp -r "$root" "$work/moved_root"
try "pkg-config, moved tree" with_pkgconfig "$work/moved_root" "" ""
test_cmake
try "the installed command runs" "$root/bin/attnguide" info
try "the man page has every command and option" full_page
if has mandoc; then try "the man page is clean" clean_page; else skip "the man page is clean" "mandoc is not installed"; fi
try "uninstall leaves nothing" uninstalls /opt/attnguide "$work/root"
try "uninstall from the root leaves nothing" uninstalls / "$work/bare"
test_paths
test_library_alone
finish
