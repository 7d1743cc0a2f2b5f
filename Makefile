# SPDX-License-Identifier: MIT
#
# make            build/imagefs
# make check      everything: direction of includes, unit tests, tests on a real mount and a real registry
# make unit       the unit tests alone
# make check-reference   every entry of a large image (REFERENCE: an OCI layout, made where it is not given)
# make asan tsan  the same suite under the sanitizers
# make end-check  every way to end, under every load, ROUNDS=100 times each (CELLS='term/* kill/*': some of them)
# make crash-check   a fault at every call of the program (CALLS=N: at N of each kind); ten minutes
# make soak       everything at random for half an hour (SOAK=seconds), and what grows meanwhile
# make fuzz       the fuzz targets
# make fuzz-check runs each of them for FUZZ_SECONDS=30
# make bench      scripts/bench.sh
# make install    PREFIX=/usr/local, DESTDIR=
#
# Nothing is written outside $(BUILD). CC, CFLAGS and LDFLAGS may be given from outside.

BUILD   ?= build
# One name for each object, as its dependencies have it, however BUILD was spelt.
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))
PREFIX  ?= /usr/local
CC      ?= cc
PKGS    := fuse3 libcurl libcrypto json-c zlib libzstd libxxhash
VERSION := 0.1

CFLAGS  ?= -O2 -g
# psabi: gcc tells of an ABI that it changed for 64-bit atomics of i386 and armhf; no struct of ours goes to other code.
WARN    := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wformat=2 -Wvla -Wno-psabi
HARDEN  := -fstack-protector-strong -fPIE $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
DEFS    := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -DFUSE_USE_VERSION=314 -DIMAGEFS_VERSION='"$(VERSION)"'
SAN     := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer)

PC_CFLAGS := $(shell pkg-config --cflags $(PKGS))
PC_LIBS   := $(shell pkg-config --libs $(PKGS)) -lpthread

store_src    := $(wildcard store/*/*.c)
registry_src := $(wildcard registry/*/*.c)
fs_src       := $(wildcard fs/*.c fs/*/*.c)

# ISA-L inflates twice as fast as zlib; it is one file behind the interface of store/codec/inflate.h.
ifeq ($(shell pkg-config --exists libisal && echo yes),yes)
DEFS      += -DHAVE_ISAL
PC_LIBS   += $(shell pkg-config --libs libisal)
PC_CFLAGS += $(shell pkg-config --cflags libisal)
else
store_src := $(filter-out %_isal.c,$(store_src))
endif

ALL_CFLAGS  = -std=gnu11 $(WARN) $(HARDEN) $(DEFS) $(SAN) -I. $(PC_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(SAN) $(LDFLAGS)

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))

unit_src := $(wildcard tests/unit/test_*.c)
unit_bin := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(unit_src)) \
	$(patsubst tests/fuzz/%/,$(BUILD)/tests/test_seeds_%,$(wildcard tests/fuzz/*/))

all: $(BUILD)/imagefs

$(BUILD)/imagefs: $(call obj,$(fs_src)) $(BUILD)/libregistry.a $(BUILD)/libstore.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PC_LIBS)

$(BUILD)/libstore.a: $(call obj,$(store_src))
$(BUILD)/libregistry.a: $(call obj,$(registry_src))
# What of fs/ is tested without a mount: all but the program itself.
$(BUILD)/libfs.a: $(filter-out %/main.o,$(call obj,$(fs_src)))
$(BUILD)/%.a:
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Objects depend on the flags that they were built with.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS)' > $@

$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(BUILD)/libfs.a $(BUILD)/libregistry.a $(BUILD)/libstore.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(shell pkg-config --libs cmocka) $(PC_LIBS)

# A fuzz target over its seeds alone.
$(BUILD)/tests/test_seeds_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/seeds.o $(BUILD)/libfs.a \
		$(BUILD)/libregistry.a $(BUILD)/libstore.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PC_LIBS)

unit: $(unit_bin)
	BUILD=$(BUILD) tests/run.sh $(unit_bin)

check: $(BUILD)/imagefs $(unit_bin)
	scripts/check-includes.sh
	BUILD=$(BUILD) tests/run.sh

check-reference: $(BUILD)/imagefs
	LIMIT=3600 BUILD=$(BUILD) tests/run.sh tests/reference.sh

asan:
	$(MAKE) BUILD=$(BUILD)/asan SANITIZE=address,undefined check

tsan:
	$(MAKE) BUILD=$(BUILD)/tsan SANITIZE=thread check

ROUNDS ?= 100

end-check: $(BUILD)/imagefs
	python3 -B tests/end_check.py --program $(BUILD)/imagefs --rounds $(ROUNDS) --jobs 2 $(CELLS)

CALLS ?= 0

crash-check: $(BUILD)/imagefs
	CALLS=$(CALLS) CHECK_LIMIT_OF_ALL=86400 LIMIT=600000 BUILD=$(BUILD) tests/run.sh tests/67-faults.sh

SOAK ?= 1800

soak: $(BUILD)/imagefs
	SOAK=$(SOAK) LIMIT=$$(($(SOAK) * 3)) VERBOSE=1 BUILD=$(BUILD) tests/run.sh tests/69-soak.sh

# With clang: build/fuzz/fuzz_tar CORPUS -max_total_time=60, and so on.
fuzz:
	$(MAKE) BUILD=$(BUILD)/fuzz CC=clang SANITIZE=address,undefined,fuzzer-no-link fuzzers

fuzzers: $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))

$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/libfs.a $(BUILD)/libregistry.a $(BUILD)/libstore.a
	$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(PC_LIBS)

FUZZ_SECONDS ?= 30

fuzz-check: fuzz
	BUILD=$(BUILD) tests/fuzz_check.sh $(FUZZ_SECONDS)

bench: $(BUILD)/imagefs
	BUILD=$(BUILD) scripts/bench.sh

share = $(DESTDIR)$(PREFIX)/share
units = $(DESTDIR)$(PREFIX)/lib/systemd

install: $(BUILD)/imagefs
	install -D -m 755 $(BUILD)/imagefs $(DESTDIR)$(PREFIX)/bin/imagefs
	install -D -m 755 scripts/img $(DESTDIR)$(PREFIX)/bin/img
	install -D -m 644 -t $(share)/imagefs/img.d scripts/img.d/*
	install -D -m 644 -t $(share)/man/man1 scripts/man/imagefs.1 scripts/man/img.1
	install -D -m 644 scripts/completions/img.bash $(share)/bash-completion/completions/img
	install -D -m 644 scripts/completions/_img $(share)/zsh/site-functions/_img
	install -D -m 644 scripts/completions/img.fish $(share)/fish/vendor_completions.d/img.fish
	install -d $(units)/system $(units)/user
	sed 's|@BIN@|$(PREFIX)/bin|' scripts/systemd/imagefs.service.in >$(units)/system/imagefs.service
	sed 's|@BIN@|$(PREFIX)/bin|' scripts/systemd/imagefs-user.service.in >$(units)/user/imagefs.service

clean:
	rm -rf $(BUILD)

-include $(wildcard $(patsubst %,$(BUILD)/%/*.d,store/* registry/* fs fs/* tests/unit tests/fuzz))

.SECONDARY:
.PHONY: all unit check check-reference end-check crash-check soak asan tsan fuzz fuzzers fuzz-check bench install clean FORCE
