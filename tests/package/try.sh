# try.sh - for test scripts to source: try, skip, has, fresh, and finish, which prints the counts. $work is theirs alone.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

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
    return 1
}

skip() { # NAME REASON
    skipped=$((skipped + 1))
    echo "skipped: $1: $2"
}

has() { command -v "$1" >/dev/null; }

# A make that nothing is handed down to from the one that runs the tests.
fresh() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u SANITIZE -u OPENBLAS -u COUNT -u CFLAGS -u CXXFLAGS make -s -j"$(nproc)" "$@"; }

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}
