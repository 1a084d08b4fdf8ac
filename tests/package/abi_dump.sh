#!/bin/sh
# abi_dump.sh BUILD - prints the ABI of a library built for that into BUILD: functions, and types of the public header.
# Two dumps are compared, never a dump with a library: there abidiff 2.2 overlooks changed layouts.
. tests/package/try.sh
fresh B="$1" CFLAGS='-O0 -g' "$1/libattnguide.so.0" >&2 &&
    abidw --headers-dir include --drop-private-types --drop-undefined-syms --exported-interfaces-only \
        --no-show-locs --no-corpus-path --no-comp-dir-path --no-architecture --no-elf-needed --no-parameter-names \
        --no-write-default-sizes --type-id-style hash "$1/libattnguide.so.0"
