#!/bin/sh
# test_libraries.sh BUILD - what `attnguide info` says of cuDNN and cuBLAS: found, not found, too old. Over the emulated
# device and the stand-ins for both libraries.
. tests/package/try.sh
build=$(cd "$1" && pwd) plugin=$build/emu/libattnguide_cuda.so

if ! has "${CXX:-c++}"; then
    skip "the CUDA backend in emulation" "no C++ compiler"
    finish
    exit
fi
try "the emulated plugin builds" fresh B="$build" "$plugin" "$build/attnguide" || { finish; exit 1; }

says() { # TEXT VARIABLE=VALUE ... - the line of info that has the text
    text=$1
    shift
    env AG_CUDA_PLUGIN="$plugin" AG_CUDNN="$build/emu/libcudnn.so" AG_CUBLAS="$build/emu/libcublas.so" "$@" \
        "$build/attnguide" info | grep -E "$text"
}
old() { says "attend_cudnn +unavailable: cuDNN $2 is older than 9\.15\.1, and $3.*: .* without tensor cores" FAKE_CUDNN_VERSION="$1"; }

try "cuDNN is found" says 'attend_cudnn +usable: cuDNN 9\.19\.0'
try "cuBLAS is found" says 'attend_cublas +usable: cuBLAS 12\.0\.0'
try "cuDNN is not there" says 'attend_cudnn +unavailable: libcudnn\.so\.9 was not found .AG_CUDNN.*without tensor cores' AG_CUDNN=/none
try "cuBLAS is not there" says 'attend_cublas +unavailable: libcublas\.so\.13 or \.12 was not found .AG_CUBLAS.*slower' AG_CUBLAS=/none
# Of a relative path, which is the working directory's, nothing is loaded.
relative() { (cd "$build" && says "$@"); }
try "cuDNN by a relative path" relative 'attend_cudnn +unavailable: libcudnn\.so\.9 was not found .AG_CUDNN.*absolute' AG_CUDNN=emu/libcudnn.so
try "cuDNN by a bare name" relative 'attend_cudnn +unavailable: .*not found' AG_CUDNN=libcudnn.so LD_LIBRARY_PATH="$build/emu"
try "cuBLAS by a relative path" relative 'attend_cublas +unavailable: .*not found .AG_CUBLAS.*absolute' AG_CUBLAS=./emu/libcublas.so
try "something else is cuDNN" says 'attend_cudnn +unavailable: libcudnn\.so\.9 lacks the backend' AG_CUDNN="$build/emu/libcublas.so"
try "something else is cuBLAS" says 'attend_cublas +unavailable: libcublas lacks' AG_CUBLAS="$build/emu/libcudnn.so"
try "the oldest cuDNN that will do" says 'attend_cudnn +usable: cuDNN 9\.15\.1' FAKE_CUDNN_VERSION=91501
try "cuDNN 9.15.0" old 91500 '9\.15\.0' 'it is wrong for lengths'
try "cuDNN 9.14.0" old 91400 '9\.14\.0' 'it reads illegal addresses'
try "cuDNN 9.13.0" old 91300 '9\.13\.0' 'it reads illegal addresses'
try "cuDNN 9.10.1" old 91001 '9\.10\.1' 'its float16 attention is wrong'
try "cuDNN 9.1.0" old 90100 '9\.1\.0' 'it has no usable unified attention'
finish
