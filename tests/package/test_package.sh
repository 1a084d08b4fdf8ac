#!/bin/sh
# test_package.sh BUILD - the header as strict C99 and C++11, the exported symbols, and the README's example built
# against an installed copy through pkg-config, shared and static.
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

try() { # NAME COMMAND ...
    name=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        return
    fi
    failed=$((failed + 1))
    echo "FAILED: $name"
    cat "$work/log"
}

exported() {
    nm -D --defined-only "$build/libattnguide.so" | awk '$2 ~ /[TDBR]/ { print $3 }' | LC_ALL=C sort | diff tests/package/exported.txt -
}

installs() { make -s install B="$build" PREFIX=/opt/attnguide DESTDIR="$work/root"; }

builds_example() { # FLAGS ...
    PKG_CONFIG_SYSROOT_DIR="$work/root" PKG_CONFIG_PATH="$work/root/opt/attnguide/lib/pkgconfig" \
        sh -c 'cc "$0/example.c" -o "$0/example" $(pkg-config --cflags --libs attnguide) "$@"' "$work" "$@"
}

runs_example() { LD_LIBRARY_PATH="$work/root/opt/attnguide/lib" "$work/example"; }

uninstalls() {
    make -s uninstall B="$build" PREFIX=/opt/attnguide DESTDIR="$work/root" && [ -z "$(find "$work/root" -type f -o -type l)" ]
}

awk '/^```c$/ { inside = 1; next } /^```$/ && inside { exit } inside' README.md >"$work/example.c"

try "header as C99" cc -std=c99 -pedantic-errors -Wall -Wextra -Werror -Iinclude tests/header.c "$build/libattnguide.a" -lm -lpthread -o "$work/header_c"
try "header as C99 runs" "$work/header_c"
try "header as C++11" c++ -std=c++11 -pedantic-errors -Wall -Wextra -Werror -Iinclude -x c++ tests/header.c -x none "$build/libattnguide.a" -lm -lpthread -o "$work/header_cxx"
try "header as C++11 runs" "$work/header_cxx"
try "exported symbols" exported
try "install" installs
try "README example builds" builds_example
try "README example runs" runs_example
try "README example builds statically" builds_example -static -lm -pthread
try "README example runs statically" runs_example
try "uninstall leaves nothing" uninstalls
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
