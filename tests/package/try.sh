# try.sh - for test scripts to source: try, skip, has, sanitizes, fresh, sanitized, and finish, which prints the counts.
# $work is theirs alone.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log
passed=0 failed=0 skipped=0

try() { # NAME COMMAND ...
    name=$1
    shift
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        return
    fi
    failed=$((failed + 1))
    echo "FAILED: $name"
    cat "$log"
    return 1
}

skip() { # NAME REASON
    skipped=$((skipped + 1))
    echo "skipped: $1: $2"
}

has() { command -v "$1" >/dev/null; }

# The compiler has this sanitizer, and it runs here.
sanitizes() {
    echo 'int main(void) { return 0; }' | ${CC:-cc} "-fsanitize=$1" -xc - -o "$work/sanitized" 2>/dev/null && "$work/sanitized"
}

# A make that nothing is handed down to from the one that runs the tests.
fresh() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u SANITIZE -u OPENBLAS -u COUNT -u CFLAGS -u CXXFLAGS make -s -j"$(nproc)" "$@"; }

# In BUILD/KIND, the kernels without -O3, which takes compilers minutes there. The thread sanitizer cannot see into
# OpenBLAS, whose threads hand over by means of their own.
sanitized() { # BUILD KIND TARGET ...
    b=$1/$2 kind=$2
    shift 2
    [ "$kind" != thread ] || set -- OPENBLAS=0 "$@"
    fresh B="$b" SANITIZE="$kind" CFLAGS='-O1 -g' fast='-O1 -ffp-contract=fast -fno-math-errno' "$@"
}

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}
