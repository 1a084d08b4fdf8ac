#!/bin/sh
# test_processes.sh BUILD - the library and the process that it is in: more processors than a cpu_set_t holds, children
# with their parent's process number, and libraries planted in the working directory, which must not be loaded.
. tests/package/try.sh
build=$(cd "$1" && pwd) here=$PWD/tests/processes cc=${CC:-cc}
if grep -qse -fsanitize "$build/flags"; then # a sanitizer wants to be loaded first
    build=$work/build
    fresh B="$build" all || exit 1
fi

host() { # NAME FLAG ... - host.c as a program of that name
    program=$work/$1
    shift
    "$cc" -std=c11 -D_GNU_SOURCE -Wall -Wextra -O1 -Iinclude "$here/host.c" "$@" -lm -ldl -pthread -o "$program"
}
preload() { "$cc" -D_GNU_SOURCE -Wall -Wextra -shared -fPIC "$here/$1.c" -ldl -o "$work/$2"; }

try "a host builds" host host "$build/libattnguide.a" || { finish; exit 1; }
try "a machine of many processors builds" preload many many.so

# ---- many processors ----

many() { MANY=$1 MAY=$2 LD_PRELOAD=$work/many.so "$work/host" "$3" >"$work/out" && grep -xE "$4" "$work/out"; }

try "1152 processors, and no affinity that could be told" many 1152 0 threads '[0-9]+ by default, [0-9]+ made'
try "5000 processors, this process may use 3" many 5000 3 threads '[123] by default, [123] made'
try "1152 processors, this process may use one" many 1152 1 threads '1 by default, 1 made'
try "threads stay on processors beyond 1024" many 1152 4 pinned 'stays on 1149'
try "each on its own" grep -x 'stays on 1150' "$work/out"
try "as many as a context takes at most" sh -c "
    n=\$(MANY=60000 MAY=50000 LD_PRELOAD='$work/many.so' '$build/attnguide' info | sed -n 's/^threads *//p')
    [ \"\$n\" -ge 1 ] && [ \"\$n\" -le 1024 ]"
try "affinity" sh -c "taskset -c 0 '$work/host' threads | grep -x '1 by default, 1 made'"

# ---- children ----

child() { # NAME MODE
    "$work/host" "$2"
    [ $? = 77 ] && { skip "$1" "this process may not make PID namespaces"; return; }
    try "$1" "$work/host" "$2"
}
try "a child of clone(), past the handlers of fork()" "$work/host" cloned
child "a child that is number 1 like its parent" forked_in_namespace
child "the same by clone()" cloned_in_namespace

# ---- planted libraries: none of these may leave a mark ----

planted=$work/planted elsewhere=$work/elsewhere
MARK=$work/mark
export MARK
mkdir -p "$planted/lib" "$planted/bin" "$elsewhere/bin" "$elsewhere/lib" "$elsewhere/none" "$elsewhere/shared"
try "what is planted builds" preload planted planted.so || { finish; exit 1; }
for name in libattnguide_cuda.so lib/libattnguide_cuda.so bin/libattnguide_cuda.so libopenblas.so.0 libcudnn.so.9 \
    libcublas.so.13 libcublas.so.12; do cp "$work/planted.so" "$planted/$name"; done
# Seen from bin, ../lib is planted too.
cd "$planted/bin" || exit 1

unmarked() { # COMMAND ... - it is run from the planted folder and from its bin
    for folder in "$planted" "$planted/bin"; do
        rm -f "$MARK"
        (cd "$folder" && "$@") >"$work/out" 2>&1
        cat "$work/out"
        [ ! -e "$MARK" ] || { echo "loaded in $folder"; return 1; }
    done
    grep -q libattnguide_cuda.so "$work/out"
}
through_path() { # NAME PROGRAM WORD - started by its bare name, from a folder that holds nothing else
    mkdir -p "$elsewhere/bin" && cp "$2" "$elsewhere/bin/$1" && unmarked env PATH="$elsewhere/bin:$PATH" "$1" "$3"
}
called() { unmarked "$work/host" called "$work/host" "$@"; }
is_marked() { rm -f "$MARK" && "$@" >/dev/null 2>&1; [ -e "$MARK" ]; }

try "the trap works" is_marked env AG_CUDA_PLUGIN="$planted/libattnguide_cuda.so" "$work/host" plugin
try "the command through PATH" through_path attnguide "$build/attnguide" info
try "a static engine through PATH" through_path engine "$work/host" plugin
try "OpenBLAS" sh -c "cd '$planted' && rm -f '$MARK' && '$work/host' openblas && [ ! -e '$MARK' ]"
try "called by a name without a folder" called host plugin
try "called by a name in the planted folder" called "$planted/host" plugin
try "called by a relative name" called ./host plugin
try "called by no name" called "" plugin
if (cd "$OLDPWD" && host static "$build/libattnguide.a" -static) 2>/dev/null; then
    try "a program without shared libraries through PATH" through_path static "$work/static" plugin
else
    skip "a program without shared libraries" "$cc cannot link one here"
fi

cp "$build/libattnguide.so.0" "$elsewhere/shared"
link_shared() { (cd "$OLDPWD" && host shared "$@"); }
cp "$build/libattnguide.so.0" "$planted"
cp "$build/libattnguide.so.0" "$planted/bin"
try "an engine of the shared library builds" link_shared "$elsewhere/shared/libattnguide.so.0"
try "the shared library found by its folder" unmarked env LD_LIBRARY_PATH="$elsewhere/shared" "$work/shared" plugin

try "an engine with a relative rpath builds" sh -c "cd '$elsewhere/shared' && '$cc' -std=c11 -D_GNU_SOURCE \
    -I'$OLDPWD/include' '$here/host.c' ./libattnguide.so.0 -Wl,-rpath,. -lm -o '$work/rpath'"
try "the shared library found by a relative rpath" unmarked "$work/rpath" plugin
for path in . ":$elsewhere/none" "$elsewhere/none:" "$elsewhere/none::/lib" "$elsewhere/none:."; do
    try "LD_LIBRARY_PATH=$path, the shared library" unmarked env LD_LIBRARY_PATH="$path" "$work/shared" plugin
    try "LD_LIBRARY_PATH=$path, a static engine" unmarked env LD_LIBRARY_PATH="$path" "$work/host" plugin
done
try "LD_LIBRARY_PATH of absolute folders is searched" is_marked env LD_LIBRARY_PATH="$elsewhere/none:$planted" "$work/host" plugin

# ---- where it is found ----

finds() { rm -f "$MARK" && "$@" >/dev/null 2>&1; [ -e "$MARK" ]; }
found_beside() { cp "$work/planted.so" "$elsewhere/bin/libattnguide_cuda.so" && finds env PATH="$elsewhere/bin:$PATH" "$1" "$2"; }
found_in_lib() {
    rm -f "$elsewhere/bin/libattnguide_cuda.so" && cp "$work/planted.so" "$elsewhere/lib/libattnguide_cuda.so" &&
        finds env PATH="$elsewhere/bin:$PATH" "$1" "$2"
}
found_by_link() { ln -sf "$elsewhere/bin/attnguide" "$elsewhere/none/linked" && finds "$elsewhere/none/linked" info; }
try "beside the command that PATH finds" found_beside attnguide info
try "in lib beside its folder" found_in_lib attnguide info
try "behind a symbolic link to the command" found_by_link
try "beside the shared library" sh -c "cp '$work/planted.so' '$elsewhere/shared/libattnguide_cuda.so' && rm -f '$MARK' &&
    LD_LIBRARY_PATH='$elsewhere/shared' '$work/shared' plugin && [ -e '$MARK' ]"

# ---- paths that a variable names ----

refused() { # PATH
    (cd "$planted" && rm -f "$MARK" && AG_CUDA_PLUGIN=$1 "$work/host" plugin >"$work/out" && [ ! -e "$MARK" ] &&
        grep -F "AG_CUDA_PLUGIN is ${1:-empty}, not an absolute path" "$work/out")
}
for path in libattnguide_cuda.so ./libattnguide_cuda.so lib/libattnguide_cuda.so ../planted/libattnguide_cuda.so ''; do
    try "AG_CUDA_PLUGIN is '$path'" refused "$path"
done
finish
