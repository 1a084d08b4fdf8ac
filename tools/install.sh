#!/bin/sh
# install.sh {install|uninstall} {all|lib} - puts what is built into its places, or removes exactly the files it puts there.
# One list serves both ways. lib is the library without the command. From the environment: PREFIX and, where they are
# not below it, LIBDIR, INCLUDEDIR, BINDIR, MANDIR; DESTDIR in front of all; B, VERSION, SONAME, LIBS from the Makefile.
# Any character but a line break may stand in a path.
set -eu
action=$1 what=$2

case ${DESTDIR=} in '' | /*) ;; *) DESTDIR=./$DESTDIR ;; esac
if [ -z "${PREFIX:-}" ]; then
    echo "install: PREFIX is empty; for the root directory say PREFIX=/" >&2
    exit 1
fi
LIBDIR=${LIBDIR:-${PREFIX%/}/lib} INCLUDEDIR=${INCLUDEDIR:-${PREFIX%/}/include}
BINDIR=${BINDIR:-${PREFIX%/}/bin} MANDIR=${MANDIR:-${PREFIX%/}/share/man}
for directory in PREFIX LIBDIR INCLUDEDIR BINDIR MANDIR; do
    eval "path=\$$directory"
    case $path in
    *'
'*) echo "install: $directory has a line break in it" >&2; exit 1 ;;
    /*) ;;
    *) echo "install: $directory is '$path', which does not begin with /" >&2; exit 1 ;;
    esac
done
cmakedir=$LIBDIR/cmake/attnguide

# ---- the paths as the filled-in files write them ----

below_prefix() { # PATH - by the file's own variable, where it is below
    case $1 in "${PREFIX%/}"/*) printf '${prefix}%s' "$(escape "${1#"${PREFIX%/}"}")" ;; *) escape "$1" ;; esac
}

# pkg-config splits like a shell: a backslash before all that a shell would read.
escape() { printf %s "$1" | LC_ALL=C sed 's/[][ 	"'\''\\#$&|;<>()*?!`{}~]/\\&/g'; }

replacement() { printf %s "$1" | sed 's/[\\&|]/\\&/g'; } # for the right-hand side of the s||| below

fill() { # FILE
    sed -e "s|@PREFIX@|$(replacement "$(escape "${PREFIX%/}")")|" -e "s|@VERSION@|$VERSION|" -e "s|@SONAME@|$SONAME|" \
        -e "s|@LIBDIR@|$(replacement "$(below_prefix "$LIBDIR")")|" -e "s|@LIBS_PRIVATE@|$LIBS|" \
        -e "s|@INCLUDEDIR@|$(replacement "$(below_prefix "$INCLUDEDIR")")|" \
        -e "s|@ABSOLUTE_INCLUDEDIR@|$(replacement "$INCLUDEDIR")|" \
        -e "s|@TO_INCLUDE@|$(replacement "$(realpath -sm --relative-to="$cmakedir" "$INCLUDEDIR")")|" "$1"
}

# ---- what is done with each entry of the list ----

install_file() { # MODE FROM TO
    ${INSTALL:-install} -d "$DESTDIR${3%/*}"
    ${INSTALL:-install} -m "$1" "$2" "$DESTDIR$3"
}

install_filled() { # FROM TO
    fill "$1" >"$B/filled"
    install_file 644 "$B/filled" "$2"
    rm -f "$B/filled"
}

install_link() { ln -sfn "$1" "$DESTDIR$2"; } # WHERE-TO NAME

uninstall_file() { rm -f "$DESTDIR$3"; }
uninstall_filled() { rm -f "$DESTDIR$2"; }
uninstall_link() { rm -f "$DESTDIR$2"; }

# ---- the list ----

library() {
    "${action}_file" 644 include/attnguide.h "$INCLUDEDIR/attnguide.h"
    "${action}_file" 644 "$B/libattnguide.a" "$LIBDIR/libattnguide.a"
    "${action}_file" 755 "$B/$SONAME" "$LIBDIR/libattnguide.so.$VERSION"
    "${action}_link" "libattnguide.so.$VERSION" "$LIBDIR/$SONAME"
    "${action}_link" "$SONAME" "$LIBDIR/libattnguide.so"
    "${action}_filled" pkgconfig/attnguide.pc.in "$LIBDIR/pkgconfig/attnguide.pc"
    "${action}_filled" cmake/attnguideConfig.cmake.in "$cmakedir/attnguideConfig.cmake"
    "${action}_filled" cmake/attnguideConfigVersion.cmake.in "$cmakedir/attnguideConfigVersion.cmake"
    "${action}_file" 644 docs/man/attnguide.3 "$MANDIR/man3/attnguide.3"
    if [ "$action" = uninstall ] || [ -f "$B/libattnguide_cuda.so" ]; then
        "${action}_file" 755 "$B/libattnguide_cuda.so" "$LIBDIR/libattnguide_cuda.so"
    fi
}

program() {
    "${action}_file" 755 "$B/attnguide" "$BINDIR/attnguide"
    "${action}_file" 644 docs/man/attnguide.1 "$MANDIR/man1/attnguide.1"
}

library
if [ "$what" = all ]; then program; fi
# The one folder that is nobody else's, unless somebody put something into it.
if [ "$action" = uninstall ]; then rmdir "$DESTDIR$cmakedir" 2>/dev/null || true; fi
