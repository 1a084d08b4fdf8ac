# attnguide - make {all,check,demo,install,uninstall,clean} [PREFIX=/usr/local] [DESTDIR=] [SANITIZE=address,undefined]

VERSION := $(shell sed -n 's/^\#define AG_VERSION_[A-Z]* //p' include/attnguide.h | paste -sd.)
ABI     := 0
SONAME  := libattnguide.so.$(ABI)

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR     ?= $(PREFIX)/bin
CC         ?= cc
CXX        ?= c++
INSTALL    ?= install
CFLAGS     ?= -O2 -g
B          ?= build

warn  := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
flags := -std=c11 -D_GNU_SOURCE -Iinclude -fPIC -fvisibility=hidden -MMD -MP $(warn)
libs  := -lm -ldl -pthread
ifdef SANITIZE
flags   += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer
LDFLAGS += -fsanitize=$(SANITIZE)
endif

src   := $(wildcard src/*.c src/cpu/*.c src/cuda/*.c)
ifneq ($(shell uname -m),x86_64)
src   := $(filter-out %_avx2.c %_avx512.c,$(src))
endif
ifeq ($(OPENBLAS),0)
src   := $(filter-out %openblas.c %_openblas.c,$(src))
else
flags += -DAG_WITH_OPENBLAS
endif
obj   := $(src:%.c=$(B)/%.o)
tools := $(patsubst %.c,$(B)/%.o,$(wildcard tools/*.c))
tests := $(patsubst %.c,$(B)/%.o,$(filter-out tests/header.c,$(wildcard tests/*.c)))

all: $(B)/libattnguide.a $(B)/$(SONAME) $(B)/attnguide

# A file's suffix is its instruction set; nothing else in the tree is compiled with -m flags.
$(B)/src/cpu/%.o: fast := -O3 -ffp-contract=fast
$(B)/%_avx2.o:   isa := -mavx2 -mfma
$(B)/%_avx512.o: isa := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(flags) $(CFLAGS) $(fast) $(isa) -c $< -o $@
$(B)/libattnguide.a: $(obj)
	@rm -f $@
	$(AR) rcs $@ $^
$(B)/$(SONAME): $(obj)
	$(CC) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs $(LDFLAGS) $^ $(libs) -o $@
	ln -sf $(SONAME) $(B)/libattnguide.so
$(B)/attnguide: $(tools) $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ -lpng $(libs) -o $@
$(B)/test_attnguide: $(tests) $(B)/libattnguide.a
	$(CC) $(LDFLAGS) $^ $$(pkg-config --libs check) $(libs) -o $@

# What a bare Debian 12 lacks. Does nothing when all is there; never installs CUDA.
setup-demo:  ; @tools/setup gcc libc6-dev pkg-config libpng-dev gnuplot-nox
setup-check: ; @tools/setup gcc g++ libc6-dev pkg-config libpng-dev gnuplot-nox check

check: setup-check
	$(MAKE) all $(B)/test_attnguide
	tests/run $(B)

demo: setup-demo
	$(MAKE) $(B)/attnguide
	$(B)/attnguide demo demo/raccoon.png $(B)/demo
	gnuplot -e "dir='$(B)/demo'" demo/sheet.gp demo/plots.gp
	@echo "The pictures are in $(B)/demo; begin with sheet.png"

install: all
	$(INSTALL) -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 644 include/attnguide.h $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL) -m 644 $(B)/libattnguide.a $(DESTDIR)$(LIBDIR)
	$(INSTALL) -m 755 $(B)/$(SONAME) $(DESTDIR)$(LIBDIR)/libattnguide.so.$(VERSION)
	ln -sf libattnguide.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libattnguide.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	    -e 's|@LIBS_PRIVATE@|$(libs)|' pkgconfig/attnguide.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/attnguide.pc
	$(INSTALL) -m 755 $(B)/attnguide $(DESTDIR)$(BINDIR)

uninstall:
	rm -f $(DESTDIR)$(INCLUDEDIR)/attnguide.h $(DESTDIR)$(LIBDIR)/libattnguide.* \
	      $(DESTDIR)$(LIBDIR)/pkgconfig/attnguide.pc $(DESTDIR)$(BINDIR)/attnguide

clean:
	rm -rf $(B)

.PHONY: all check demo setup-demo setup-check install uninstall clean
-include $(shell find $(B) -name '*.d' 2>/dev/null)
