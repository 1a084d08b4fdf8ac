#!/bin/sh
# test_site.sh BUILD - the site is made without a warning, and is right in Chromium: test_site.py. Pictures of its pages
# are in BUILD/site_test/pictures.
. tests/package/try.sh
build=$1

made() { # WHAT COMMAND ... - exit 77 means that it cannot be had here
    what=$1
    shift
    "$@" >"$work/said" 2>&1
    case $? in
    0) passed=$((passed + 1)) ;;
    77)
        skip "$what" "$(tail -n 1 "$work/said")"
        return 1
        ;;
    *)
        failed=$((failed + 1))
        echo "FAILED: $what"
        cat "$work/said"
        return 1
        ;;
    esac
}

in_browser() { # CHROMIUM - shows what fails, and counts
    timeout 600 "$build/site_test/venv/bin/python" -B tests/docs/test_site.py "$build/html" "$1" \
        "$build/site_test/pictures" >"$work/said" 2>&1
    line=$(tail -n 1 "$work/said" | grep -xE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped')
    case $line in *', 0 failed, 0 skipped') ;; *) cat "$work/said" ;; esac
    [ -n "$line" ] || { echo "FAILED: test_site.py ended without a count"; line="0 passed, 1 failed, 0 skipped"; }
    set -- $line
    passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + $5))
}

version=$(sed -n 's/^#define AG_VERSION_[A-Z]* //p' include/attnguide.h | paste -sd.)
if made "the site" docs/site/make_site.sh "$build" "$version"; then
    chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
    if [ -z "$chromium" ]; then skip "the site in a browser" "chromium is not installed"
    elif made "what drives the browser" tools/get_venv.sh tests/docs/requirements.txt "$build/site_test"; then
        in_browser "$chromium"
    fi
fi
finish
