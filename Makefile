# attnguide - make {all,lib,plugin,check,check-all,check-hosts,gpu-check,bugs,fuzz,sanitize,style,html,docs-methods}
#   {abi-dump,demo,bench,bench-quick,bench-peers,bench-peers-quick,docs-peers,wheel,clean}
#   {evidence,evidence-quick,evidence-train,docs-evidence} {install,install-lib,uninstall,uninstall-lib}
#   {setup-check,setup-check-all,setup-demo,setup-bench,setup-peers,setup-evidence,setup-style}
#   [B=build] [PREFIX=/usr/local] [DESTDIR=] [CC=gcc|clang] [SANITIZE=address,undefined] [OPENBLAS=0] [COUNT=1]

VERSION := $(shell sed -n 's/^\#define AG_VERSION_[A-Z]* //p' include/attnguide.h | paste -sd.)
ABI     := 0
SONAME  := libattnguide.so.$(ABI)

PREFIX     ?= /usr/local
CC         ?= cc
CXX        ?= c++
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
ifeq ($(origin AR),default)
AR := $(or $(shell $(CC) -print-prog-name=ar 2>/dev/null),ar)
endif
src   := $(filter-out src/cuda/%,$(wildcard src/*.c src/*/*.c src/*/*/*.c)) src/cuda/cuda.c
ifeq ($(filter x86_64-% amd64-%,$(machine)),)
src   := $(filter-out $(wildcard src/cpu/*_avx*.c),$(src))
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
# The oracle and what builds, fills and judges problems know no Check: the walk runs where there is nothing but a C
# library, and so does the driver on a GPU.
objects = $(patsubst %.c,$(B)/%.o,$(wildcard $(1)))
judge := $(call objects,tests/oracle/*.c tests/harness/*.c)
tests := $(judge) $(call objects,tests/suites/*.c tests/emulated/*.c)

# The CUDA plugin, where nvcc is; its own C, a few sources it shares with the library, and the kernels. The emulated
# plugin is the same over a host emulation of the GPU, for the tests: a C++ compiler is all it wants.
NVCC   ?= nvcc
cuda   := $(if $(SANITIZE),,$(patsubst %/bin/nvcc,%,$(realpath $(shell command -v $(NVCC)))))
kernels     := $(wildcard src/cuda/kernels/*.cu)
plugin_c    := $(filter-out src/cuda/cuda.c,$(wildcard src/cuda/*.c)) src/program/take.c src/api/structs.c src/os.c
gpu_obj     := $(plugin_c:%.c=$(B)/plugin/%.o) $(B)/plugin/src/cuda/gpu/runtime.o $(kernels:%.cu=$(B)/plugin/%.o)
emulated_obj := $(plugin_c:%.c=$(B)/plugin/%.o) $(kernels:%.cu=$(B)/emu/%.o) \
    $(patsubst %.cpp,$(B)/emu/%.o,$(wildcard tests/emulated/*.cpp))
plugin_libs := -lm -ldl -lrt -pthread

all: lib $(B)/attnguide
lib: $(B)/libattnguide.a $(B)/$(SONAME)
# Minutes of nvcc; nothing else builds it, and install takes it along where it is built.
plugin: $(if $(cuda),$(B)/libattnguide_cuda.so,no-nvcc)
no-nvcc:
	@echo "the CUDA plugin needs nvcc, and '$(NVCC)' is not found: install CUDA 12.1 or newer, or say NVCC=PATH" >&2; exit 1

# A file's suffix is its instruction set; nothing else in the tree is compiled with -m flags.
$(B)/src/cpu/%.o: fast := -O3 -ffp-contract=fast -fno-math-errno
$(B)/%_avx2.o:   isa := -mavx2 -mfma -mf16c
# The innermost loops want all 16 registers; clang's scheduler moves loads up until an accumulator has none. (clang 14
# spills some in any case.)
ifneq ($(findstring clang,$(shell $(CC) --version 2>/dev/null)),)
$(B)/%_avx2.o:   isa += -mllvm -enable-misched=false
endif
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
	$(CXX) $(emulated_flags) $(CXXFLAGS) -Itests/emulated -x c++ -c $< -o $@
$(B)/emu/%.o: %.cpp $(B)/flags
	@mkdir -p $(@D)
	$(CXX) $(emulated_flags) $(CXXFLAGS) -c $< -o $@
$(B)/libattnguide_cuda.so: $(gpu_obj)
	$(CC) -shared -Wl,-soname,libattnguide_cuda.so -Wl,-z,defs -Wl,--exclude-libs,ALL $^ -L$(cuda)/lib64 \
	    -lcudart_static $(plugin_libs) -o $@
# Stand-ins for cuDNN and cuBLAS over the emulation.
$(B)/emu/lib%.so: tests/emulated/fake/%.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -fPIC -shared $(warn) -O2 -g -Wl,-z,defs $< -lm -o $@
$(B)/emu/libattnguide_cuda.so: $(emulated_obj) | $(B)/emu/libcudnn.so $(B)/emu/libcublas.so
	$(CC) -shared -Wl,-z,defs $^ $(plugin_libs) -o $@
# Of all there is the command alone wants libpng.
$(B)/tools/png_file.o: | $(B)/libpng
$(B)/libpng:
	@mkdir -p $(@D)
	@echo 'int main(void) { return !png_access_version_number(); }' | \
	    $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -include png.h -x c - -lpng -o $@.try >/dev/null 2>&1 || \
	    { echo "the command needs libpng, which $(CC) does not find: install it (Debian's libpng-dev), or build the" \
	        "library alone by make lib and make install-lib" >&2; exit 1; }
	@rm -f $@.try && touch $@
$(B)/attnguide: $(tools) $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ -lpng $(libs) -o $@
# What bench-peers calls from Python beside the library itself.
$(B)/libpeers.so: $(patsubst %.c,$(B)/%.o,$(wildcard bench/peers/*.c) bench/limits.c bench/clock.c bench/baseline.c) \
    $(B)/libattnguide.a
	$(CC) -shared -Wl,--exclude-libs,ALL -Wl,-z,defs $(LDFLAGS) $^ $(libs) -o $@
# The example model: products by OpenBLAS, pictures by libpng; and its data for train.py.
tinydiff := $(patsubst %.c,$(B)/%.o,$(wildcard examples/tinydiff/*.c))
$(tinydiff): fast := -O3 -march=native -fopenmp-simd -ffp-contract=fast -fno-math-errno
$(B)/tinydiff: $(tinydiff) $(patsubst %,$(B)/tools/%.o,png_file npy npy_header fault progress) $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ -lopenblas -lpng $(libs) -o $@
$(B)/test_tinydiff: $(filter-out %/main.o,$(tinydiff)) $(patsubst %.c,$(B)/%.o,$(filter-out %/cudart.c,$(wildcard tests/tinydiff/*.c))) \
    $(patsubst %,$(B)/tools/%.o,png_file npy npy_header fault progress) $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ $$(pkg-config --libs check) -lopenblas -lpng $(libs) -o $@
$(B)/libtinydiff.so: examples/tinydiff/pictures.c examples/tinydiff/random.c
	$(CC) -std=c11 -D_GNU_SOURCE -fPIC -shared $(warn) $(CFLAGS) $^ $(libs) -o $@
$(B)/test_attnguide: $(tests) $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ $$(pkg-config --libs check) $(libs) -o $@

$(B)/exp2: $(B)/tests/bare/exp2.o $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ $(libs) -o $@
$(B)/walk: $(B)/tests/bare/walk.o $(judge) $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ $(libs) -o $@

# What a bare Debian 12 lacks. Does nothing when all is there; never installs CUDA. Without the later lines of
# setup-check the tests that need it are skipped, aloud.
setup-demo:  ; @tools/setup gcc libc6-dev pkg-config libpng-dev gnuplot-nox libopenblas-dev
setup-bench: ; @tools/setup gcc libc6-dev pkg-config libpng-dev gnuplot-nox libopenblas0-pthread
setup-style: ; @tools/setup gcc libc6-dev pkg-config libpng-dev clang-format
setup-check:
	@tools/setup gcc g++ libc6-dev pkg-config libpng-dev gnuplot-nox check
	@tools/setup clang libclang-rt-14-dev clang-format cmake abigail-tools mandoc doxygen python3 \
	    libopenblas0-pthread || \
	    echo "going on without those"
	@tools/setup binutils qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross || \
	    echo "going on without emulated machines"

# The tests in tiers, whose parts tests/parts.txt lists: check in minutes, check-all every one of them.
setup-check-all: setup-check
	@tools/setup libopenblas-dev python3-venv chromium || echo "going on without those"
check: setup-check
check-all: setup-check-all
check check-all:
	@MAKE="$(MAKE)" tests/run $(B) $(if $(filter check,$@),check,all)

# Real engines, from the Python package index: ggml, PyTorch, diffusers; what cannot be had is skipped, aloud.
check-hosts:
	@tools/setup gcc g++ libc6-dev pkg-config libpng-dev check
	@tools/setup cmake binutils python3 python3-venv libopenblas-dev || echo "going on without those"
	@MAKE="$(MAKE)" tests/run $(B) hosts

# The Python package with the library inside, in B/dist, for Linux with glibc 2.28 or newer; of CC it takes the machine
# alone (CC=aarch64-linux-gnu-gcc), and compiles by itself: docs/packaging.md.
wheel:
	@tools/setup binutils python3 python3-venv
	bindings/python/build_wheel.sh $(B) $(firstword $(subst -, ,$(machine)))

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

# At length what check-all does a part of: every planted bug, and which part notices it; libFuzzer on the descriptions,
# the guidance rules and the .npy reader. And by themselves the tests with sanitizers.
bugs:
	tests/bugs/planted.sh $(B)
	AG_TEST_PLACE=cuda tests/bugs/planted.sh $(B) tests/emulated/bugs.txt
	AG_TEST_PLACE=cuda tests/bugs/planted.sh $(B) tests/emulated/library_bugs.txt
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
	tests/device/gpu_check.sh $(B)
gpu_objects := $(judge) $(call objects,bench/gpu/*.c bench/exact.c) \
    $(patsubst %,$(B)/tests/device/%.o,attempt cases mirror properties record rules subject verify)
report_objects := $(patsubst %,$(B)/tests/device/%.o,goals qualified report results)
$(B)/tests/device/device_cudart.o: CPPFLAGS += -isystem $(cuda)/include
$(B)/gpu_driver: $(gpu_objects) $(B)/tests/device/device_cudart.o $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ -L$(cuda)/lib64 -L$(cuda)/lib -lcudart_static -lrt $(libs) -o $@
$(B)/emu/gpu_driver: $(gpu_objects) $(B)/tests/device/device_emulated.o $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ $(libs) -o $@
$(B)/gpu_report: $(report_objects)
	$(CC) $(LDFLAGS) $^ -lm -o $@

# What the pages of docs/ repeat of the library's methods.
docs-methods: $(B)/attnguide
	sh docs/renew_tables.sh $(B)/attnguide

# A program that may be missing; then what it would do is skipped, aloud.
optional = command -v $(1) >/dev/null || { echo "skipped, $(1) is not installed: $(2)"; exit 0; }; $(1)

# The site of the pages and the header. Sphinx and its theme come from the Python package index, pinned, once.
html:
	@tools/setup doxygen python3 python3-venv
	docs/site/make_site.sh $(B) $(VERSION)
	@echo "Begin with $(B)/html/index.html"

# A diffusion model sampled without guidance and with it; then a photograph, denoised by attention and by its
# perturbations.
demo: setup-demo
	@$(MAKE) demo-guidance || echo "skipped: tinydiff and its pictures; it wants OpenBLAS (libopenblas-dev)"
	$(MAKE) $(B)/attnguide
	$(B)/attnguide demo demo/raccoon.png $(B)/demo
	$(call optional,gnuplot,the plots) -e "dir='$(B)/demo'" demo/sheet.gp demo/plots.gp
	@echo "The pictures are in $(B)/demo; where gnuplot is, begin with guidance.png, then sheet.png"

demo-guidance: $(B)/tinydiff
	examples/tinydiff/panels.sh $(B)/tinydiff $(B)/demo/tinydiff 3
	$(call optional,gnuplot,the sheet) -e "dir='$(B)/demo/tinydiff'; to='$(B)/demo/guidance.png'" \
	    examples/tinydiff/sheet.gp

# What guidance does, measured: examples/tinydiff. The first goes on where a run was cut off; the second asks one
# question; the third trains anew.
setup-evidence: ; @tools/setup gcc libc6-dev pkg-config libpng-dev gnuplot-nox libopenblas-dev
evidence: setup-evidence
	$(MAKE) $(B)/tinydiff
	examples/tinydiff/evidence.sh $(B)
evidence-quick: setup-evidence
	$(MAKE) $(B)/tinydiff
	$(B)/tinydiff quick examples/tinydiff/weights/a.safetensors 3
# Puts the last full run of evidence into docs/.
docs-evidence:
	examples/tinydiff/page.sh $(B)
evidence-train:
	@tools/setup gcc libc6-dev python3 python3-venv
	$(MAKE) $(B)/libtinydiff.so
	examples/tinydiff/train.sh $(B)

bench-quick: quick := --quick
bench bench-quick: setup-bench
	$(MAKE) $(B)/attnguide
	$(B)/attnguide bench $(quick) --json $(B)/bench.json --table $(B)/bench.tsv
	$(call optional,gnuplot,the plots) -e "dir='$(B)'" bench/roofline.gp

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
	$(call optional,gnuplot,the plots) -e "dir='$(B)'" bench/peers/peers.gp
# Puts the last full run of bench-peers into docs/benchmarks.md.
docs-peers:
	python3 -B bench/peers/page.py $(B)

# tools/install.sh knows the places; it takes PREFIX, LIBDIR ... DESTDIR from the environment, so that no path is read as
# make's or the shell's words.
install install-lib uninstall uninstall-lib: export PREFIX := $(PREFIX)
place = B='$(B)' VERSION='$(VERSION)' SONAME='$(SONAME)' LIBS='$(libs)' tools/install.sh
install: all
	@$(place) install all
install-lib: lib
	@$(place) install lib
uninstall:
	@$(place) uninstall all
uninstall-lib:
	@$(place) uninstall lib

clean:
	rm -rf $(B)

FORCE:
.PHONY: evidence evidence-quick evidence-train docs-evidence setup-evidence
.PHONY: all check check-all check-hosts bugs fuzz sanitize html docs-methods style abi-dump demo demo-guidance
.PHONY: bench bench-quick
.PHONY: install uninstall wheel clean FORCE lib plugin no-nvcc install-lib uninstall-lib
.PHONY: setup-demo setup-bench setup-style setup-check setup-check-all setup-peers bench-peers bench-peers-quick docs-peers
-include $(shell find $(B) -name '*.d' 2>/dev/null)
