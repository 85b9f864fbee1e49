# SPDX-License-Identifier: MIT
#
# Build, run, check, measure, install. `make help` lists the verbs.
# A new source file or test program is found by itself.
SHELL := /bin/bash
.DEFAULT_GOAL := all
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

VERSION := $(shell sed -n 's/.*define API_VERSION "\(.*\)"/\1/p' api/version.h 2>/dev/null)
# Before version 1 a minor version may change what the library offers.
SONAME := liblipschitz.so.$(shell sed -E 's/^(0\.[0-9]+).*/\1/; t; s/\..*//' <<<'$(VERSION)')
PREFIX ?= /usr/local
DESTDIR ?=
LISTEN ?= 127.0.0.1:8080
FUZZ_SECONDS ?= 60
KILLS ?= 200
GONE ?= 60
REQUESTS ?= 100000
SOAK_MINUTES ?= 30

# --- what the product needs, by Debian package name
DEPS_BUILD := gcc libc6-dev pkg-config libmicrohttpd-dev libjansson-dev \
              liblapacke-dev libopenblas-dev libzip-dev nettle-dev zlib1g-dev libsqlite3-dev \
              libpq-dev libgnutls28-dev
# lipschitz-check alone: ball arithmetic
DEPS_CHECKER := libgmp-dev libflint-dev libflint-arb-dev
# lipschitz-h5 alone, which links it statically
DEPS_H5 := libhdf5-dev
DEPS_DEMO := curl
DEPS_TEST := check valgrind libc6-dbg universal-ctags clang-format-14 curl \
             python3-yaml python3-jsonschema python3-onnx libonnx-testdata \
             postgresql varnish
DEPS_BENCH := coinor-csdp python3-numpy python3-scipy
# the other side of `make bench-networks` and `make bench-train`
DEPS_TORCH := python3-torch python3-numpy
DEPS_PACKAGING := dpkg-dev mandoc lintian
DEPS_FUZZ := clang libclang-rt-14-dev
PKGS := libmicrohttpd jansson lapacke openblas libzip nettle zlib sqlite3 libpq gnutls

# The verbs that install what they lack. The others only say what is missing.
INSTALLING := deps deb deb-check demo check test bench bench-machines bench-networks bench-train fuzz idle-streams soak soak-jobs soak-machines faults overload startup image-check check-style \
              check-asan check-http check-packaging check-requests check-tsan check-valgrind
goals := $(or $(MAKECMDGOALS),all)
NEEDED := $(sort $(DEPS_BUILD) \
    $(if $(filter-out demo fuzz,$(goals)),$(DEPS_CHECKER) $(DEPS_H5)) \
    $(if $(filter deps demo image-check,$(goals)),$(DEPS_DEMO)) \
    $(if $(filter deps check% test% bench soak% fuzz-api,$(goals)),$(DEPS_TEST)) \
    $(if $(filter bench bench-networks,$(goals)),$(DEPS_BENCH)) \
    $(if $(filter bench-networks bench-train,$(goals)),$(DEPS_TEST) $(DEPS_TORCH)) \
    $(if $(filter deb%,$(goals)),dpkg-dev) $(if $(filter deb-check,$(goals)),mmdebstrap) \
    $(if $(filter deps check check-packaging,$(goals)),$(DEPS_PACKAGING)) \
    $(if $(filter fuzz,$(goals)),$(DEPS_FUZZ)))
INSTALL := $(if $(filter $(INSTALLING),$(goals)),yes)

# --- flags; V=1 shows the commands
V ?=
Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-5s %s\n')
CC := gcc
WERROR ?= -Werror
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
        -Wmissing-prototypes -Wpointer-arith -Wvla -Wformat=2
# pkg-config is asked once, and not before the packages are there.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
H5_CFLAGS = $(eval H5_CFLAGS := $$(shell pkg-config --cflags hdf5-serial))$(H5_CFLAGS)
H5_LIBS = $(shell pkg-config --libs-only-L hdf5-serial) -Wl,-Bstatic -lhdf5 -Wl,-Bdynamic
CHECK_LIBS = $(eval CHECK_LIBS := $$(shell pkg-config --libs check))$(CHECK_LIBS)
# Never -ffast-math; contraction off, so that a rounding in the source is a
# rounding in the machine: the error constants count on it.
CFLAGS = -std=c11 -D_GNU_SOURCE -g $(WARN) -ffp-contract=off -fPIE -pthread \
         -I. -Ilib $(PKG_CFLAGS)
LDFLAGS := -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed

HARDEN := -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
          -fstack-clash-protection -ftrivial-auto-var-init=zero \
          $(if $(filter x86_64,$(shell uname -m)),-fcf-protection=full) \
          $(if $(filter aarch64,$(shell uname -m)),-mbranch-protection=standard)

# --- the builds: the same sources, each in a folder of its own
#   release   what ships        address   ASan and UBSan
#   thread    TSan              plain     for valgrind: no hardening that hides
#                                         a read of uninitialised memory
#   fuzz      clang, libFuzzer with ASan and UBSan
#   shared    the library's objects for liblipschitz.so
VARIANTS := release address thread plain fuzz shared
FLAGS_release := -O2 $(HARDEN) $(WERROR)
FLAGS_shared := $(FLAGS_release) -fPIC -fno-semantic-interposition
# Loops over float32 numbers in wide registers; no bit of a result depends on it.
VECTORIZED := -ftree-vectorize -fvect-cost-model=dynamic -fno-math-errno -fno-trapping-math
build/release/lib/training/kernel.o build/release/lib/network/inference.o: \
    private FLAGS_release += $(VECTORIZED)
build/shared/lib/training/kernel.o build/shared/lib/network/inference.o: \
    private FLAGS_shared += $(VECTORIZED)
FLAGS_address := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
                 -fno-sanitize-recover=all
FLAGS_thread := -O1 -fno-omit-frame-pointer -fsanitize=thread
FLAGS_plain := -O1
FLAGS_fuzz := -O1 -fno-omit-frame-pointer \
              -fsanitize=fuzzer-no-link,address,undefined \
              -fno-sanitize-recover=all
LINK_address := -fsanitize=address,undefined
LINK_thread := -fsanitize=thread
LINK_fuzz := -fsanitize=fuzzer,address,undefined
CC_release := $(CC)
CC_shared := $(CC)
CC_address := $(CC)
CC_thread := $(CC)
CC_plain := $(CC)
CC_fuzz := clang

# SAN=address or SAN=thread makes `all` and `tests` build that variant.
SAN ?=
BUILD := build/$(or $(SAN),release)

find = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))
LIB_SRC := $(call find,lib)
API_SRC := $(call find,api)
CHK_SRC := $(call find,server/check)
H5_SRC := $(call find,server/h5)
SRV_SRC := $(filter-out server/main.c $(CHK_SRC) $(H5_SRC),$(call find,server))
SUPPORT_SRC := $(call find,tests/support)
UNIT := $(call find,tests/unit)
SUITE := $(UNIT) $(call find,tests/golden tests/property tests/e2e)
# Not under valgrind: float.c switches flush-to-zero on and pairs.c rests on long
# double, which valgrind has not; the others are minutes of arithmetic. Of
# training, what puts memory together: serving, kernels, a whole run.
TOO_LONG := base/float.c bounds/closed_form.c bounds/eclipse.c bounds/lipsdp.c \
            bounds/pages.c bounds/layer_sdp.c bounds/norms/layer_norm.c \
            bounds/norms/symbol.c bounds/product.c bounds/product_run.c \
            bounds/absolute_layers.c bounds/torus.c certify/forward.c \
            certify/lower_bound.c certify/radius.c linalg/big.c \
            network/activation.c network/closing.c network/pairs.c
LIBRARY_TESTS := $(filter-out $(addprefix tests/unit/,$(TOO_LONG) training/%), \
    $(filter $(patsubst lib/%,tests/unit/%/%,$(wildcard lib/*)),$(UNIT))) \
    $(wildcard $(addprefix tests/unit/training/,serve.c kernel.c run_finish.c))
FUZZ_SRC := $(filter-out tests/fuzz/replay.c,$(call find,tests/fuzz))
BENCH_SRC := $(call find,tests/bench)
DEMO_SRC := $(call find,tests/demo)
LOAD_SRC := $(call find,tests/load)

programs = $(patsubst %.c,build/$(1)/%,$(2))

all: $(BUILD)/lipschitzd $(BUILD)/lipschitz-check $(BUILD)/lipschitz-h5 $(BUILD)/liblipschitz.a ## the daemon, the checker, the reader of Keras files, the library

define variant
build/$(1)/%.o: %.c build/$(1)/flags | packages
	@mkdir -p $$(@D)
	$$(say) cc $$@
	$$(Q)$$(CC_$(1)) $$(CFLAGS) $$(FLAGS_$(1)) -MMD -MP -c -o $$@ $$<

build/$(1)/api/openapi.o: api/openapi.yaml # by .incbin

# A change of flags or of the list of sources is a change like any other.
build/$(1)/flags: FORCE | packages
	@mkdir -p $$(@D)
	@echo '$$(CC_$(1)) $$(CFLAGS) $$(FLAGS_$(1))' | cmp -s - $$@ || \
	    echo '$$(CC_$(1)) $$(CFLAGS) $$(FLAGS_$(1))' > $$@
build/$(1)/sources: FORCE
	@mkdir -p $$(@D)
	@echo '$$(LIB_SRC) $$(API_SRC) $$(SRV_SRC)' | cmp -s - $$@ || \
	    echo '$$(LIB_SRC) $$(API_SRC) $$(SRV_SRC)' > $$@

build/$(1)/liblipschitz.a: $$(patsubst %.c,build/$(1)/%.o,$$(LIB_SRC))
build/$(1)/libapi.a: $$(patsubst %.c,build/$(1)/%.o,$$(API_SRC))
build/$(1)/libserver.a: $$(patsubst %.c,build/$(1)/%.o,$$(SRV_SRC))
build/$(1)/libsupport.a: $$(patsubst %.c,build/$(1)/%.o,$$(SUPPORT_SRC))
build/$(1)/lib%.a: build/$(1)/sources
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(say) ar $$@
	$$(Q)ar rcs $$@ $$(filter %.o,$$^)

build/$(1)/lipschitzd: build/$(1)/server/main.o build/$(1)/libserver.a \
                       build/$(1)/libapi.a build/$(1)/liblipschitz.a
	$$(say) link $$@
	$$(Q)$$(CC_$(1)) $$(LDFLAGS) $$(LINK_$(1)) -o $$@ $$^ $$(PKG_LIBS) -lm

# Of the library only what reads models is used: the rest is not pulled in.
build/$(1)/lipschitz-check: $$(patsubst %.c,build/$(1)/%.o,$$(CHK_SRC)) \
                            build/$(1)/liblipschitz.a
	$$(say) link $$@
	$$(Q)$$(CC_$(1)) $$(LDFLAGS) $$(LINK_$(1)) -o $$@ $$^ $$(PKG_LIBS) \
	    -lflint-arb -lflint -lm

# HDF5 is linked statically: shared it brings curl and 40 libraries with it.
build/$(1)/server/h5/%.o: CFLAGS += $$(H5_CFLAGS)
build/$(1)/lipschitz-h5: $$(patsubst %.c,build/$(1)/%.o,$$(H5_SRC)) \
                         build/$(1)/server/sandbox.o
	$$(say) link $$@
	$$(Q)$$(CC_$(1)) $$(LDFLAGS) $$(LINK_$(1)) -o $$@ $$^ $$(H5_LIBS) \
	    -ljansson -lz -lm

# Every tests/<kind>/**/x.c is a program of its own.
$$(call programs,$(1),$$(SUITE) $$(BENCH_SRC) $$(LOAD_SRC)): build/$(1)/%: \
        build/$(1)/%.o build/$(1)/libsupport.a build/$(1)/libserver.a \
        build/$(1)/libapi.a build/$(1)/liblipschitz.a
	$$(say) link $$@
	$$(Q)$$(CC_$(1)) $$(LDFLAGS) $$(LINK_$(1)) -o $$@ $$^ $$(PKG_LIBS) \
	    $$(CHECK_LIBS) -lflint-arb -lflint -lgmp -lz -lm

# What a test preloads into the daemon.
build/$(1)/tests/shim/%.so: tests/shim/%.c | packages
	@mkdir -p $$(@D)
	$$(say) link $$@
	$$(Q)$$(CC) $$(CFLAGS) -O2 -shared -fPIC -o $$@ $$< -ldl
build/$(1)/tests/e2e/clock: build/$(1)/tests/shim/clock.so

# The demo must build without what only the tests need.
$$(call programs,$(1),$$(DEMO_SRC)): build/$(1)/%: \
        build/$(1)/%.o build/$(1)/liblipschitz.a
	$$(say) link $$@
	$$(Q)$$(CC_$(1)) $$(LDFLAGS) $$(LINK_$(1)) -o $$@ $$^ $$(PKG_LIBS) -lm

# A fuzz target reads its corpus with replay.c, or is driven by libFuzzer.
$$(call programs,$(1),$$(FUZZ_SRC)): build/$(1)/%: build/$(1)/%.o \
        $(if $(filter fuzz,$(1)),,build/$(1)/tests/fuzz/replay.o) \
        build/$(1)/libsupport.a build/$(1)/libserver.a build/$(1)/libapi.a \
        build/$(1)/liblipschitz.a
	$$(say) link $$@
	$$(Q)$$(CC_$(1)) $$(LDFLAGS) $$(LINK_$(1)) -o $$@ $$^ $$(PKG_LIBS) \
	    $$(CHECK_LIBS) -lm

tests-$(1): build/$(1)/lipschitzd build/$(1)/lipschitz-check build/$(1)/lipschitz-h5 $$(call programs,$(1),$$(SUITE))
.PHONY: tests-$(1)
endef
$(foreach v,$(VARIANTS),$(eval $(call variant,$(v))))

# The shared library shows what begins with lip_, and nothing else.
LIB_LIBS = $(shell pkg-config --libs lapacke openblas libzip nettle zlib)
build/shared/liblipschitz.so: $(patsubst %.c,build/shared/%.o,$(LIB_SRC)) \
                              build/shared/sources packaging/liblipschitz.map
	$(say) link $@
	$(Q)$(CC) -shared -pthread -Wl,-soname,$(SONAME) \
	    -Wl,--version-script=packaging/liblipschitz.map -Wl,-z,defs \
	    -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed -o $@ \
	    $(filter %.o,$^) $(LIB_LIBS) -lm

tests: tests-$(or $(SAN),release)

# --- packages: installed where a verb says so, named where not; silent and
# quick where nothing is missing or this is not a Debian.
packages:
	@command -v dpkg-query >/dev/null || exit 0; \
	missing=$$(comm -13 \
	    <(dpkg-query -W -f='$${db:Status-Status} $${Package}\n' $(NEEDED) \
	        2>/dev/null | sed -n 's/^installed //p' | sort) \
	    <(printf '%s\n' $(NEEDED) | sort) | tr '\n' ' '); \
	[ -n "$$missing" ] || exit 0; \
	if [ -z "$(INSTALL)" ]; then \
	    echo "not installed: $$missing(\`make deps\` installs them)" >&2; \
	    exit 1; \
	fi; \
	echo "installing $$missing"; \
	[ "$$(id -u)" = 0 ] || sudo=sudo; \
	get() { $$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq \
	    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$$@"; }; \
	log=$$(mktemp); trap 'rm -f $$log' EXIT; \
	for try in old new; do \
	    [ $$try = old ] || get update || exit 1; \
	    get install -y --no-install-recommends $$missing >$$log 2>&1 && \
	        exit 0; \
	done; \
	cat $$log >&2; exit 1

deps: packages ## install what is missing to build, run and test (Debian)

# --- run
run: all ## start the daemon on LISTEN (127.0.0.1:8080)
	mkdir -p build/data
	$(BUILD)/lipschitzd --listen $(LISTEN) --data-dir build/data

demo: build/release/lipschitzd $(call programs,release,$(DEMO_SRC)) ## bound a trained network and train one, with the running daemon
	@tests/demo/demo.sh

# What threads share.
THREADED := tests/unit/server/% tests/e2e/% tests/unit/base/crew.c \
            tests/unit/training/pool.c

# --- check: each step prints its own total; steps.sh prints theirs together
STYLE := tests/style/run.sh build/release
RELEASE := tests/run.sh build/release $(SUITE)
ASAN := tests/run.sh build/address $(SUITE)
TSAN := tests/run.sh build/thread $(filter $(THREADED),$(SUITE))
VALGRIND := tests/run.sh build/plain $(LIBRARY_TESTS)
CORPUS := tests/fuzz/run.sh build/address
OPENAPI := tests/style/openapi.sh
HTTP := tests/http/run.sh build/release
API := tests/api/run.sh build/release 2000
PACKAGING := tests/packaging/run.sh build/release

BUILT_STYLE := build/release/lipschitzd build/release/lipschitz-check $(call programs,release,$(DEMO_SRC))
BUILT_ASAN := tests-address
BUILT_TSAN := build/thread/lipschitzd build/thread/lipschitz-h5 \
    build/thread/lipschitz-check $(call programs,thread,\
    $(filter $(THREADED),$(SUITE)))
BUILT_VALGRIND := $(call programs,plain,$(LIBRARY_TESTS))
BUILT_PACKAGING := all deb
BUILT_CORPUS := $(call programs,address,$(FUZZ_SRC))

test: tests-release ## the quick check: the suite on the release build
	@tests/steps.sh '$(RELEASE)'

check: tests-release $(BUILT_STYLE) $(BUILT_ASAN) $(BUILT_TSAN) $(BUILT_VALGRIND) $(BUILT_CORPUS) $(BUILT_PACKAGING) ## everything: style, suite, sanitizers, valgrind, corpora, packaging
	@tests/steps.sh '$(STYLE)' '$(RELEASE)' '$(HTTP)' '$(API)' '$(ASAN)' '$(TSAN)' \
	    '$(VALGRIND)' '$(CORPUS)' '$(OPENAPI)' '$(PACKAGING)'

check-style: $(BUILT_STYLE) ## look and structure of the tree
	@tests/steps.sh '$(STYLE)' '$(OPENAPI)'
check-packaging: $(BUILT_PACKAGING) ## what is installed and handed out
	@tests/steps.sh '$(PACKAGING)'
check-http: build/release/lipschitzd ## HTTP/1.1 byte by byte, by varnishtest scripts
	@tests/steps.sh '$(HTTP)'
check-asan: $(BUILT_ASAN) $(BUILT_CORPUS) ## the suite and the corpora under ASan and UBSan
	@tests/steps.sh '$(ASAN)' '$(CORPUS)'
check-tsan: $(BUILT_TSAN) ## the server's tests under TSan
	@tests/steps.sh '$(TSAN)'
check-requests: build/address/tests/property/train_requests ## 10^4 random training requests under ASan and UBSan
	@OPENBLAS_NUM_THREADS=1 TRAIN_REQUESTS=10000 $<
check-valgrind: $(BUILT_VALGRIND) ## the library's tests under valgrind
	@tests/steps.sh '$(VALGRIND)'

fuzz: $(call programs,fuzz,$(FUZZ_SRC)) ## fuzz each target for FUZZ_SECONDS (60)
	@tests/fuzz/run.sh build/fuzz $(FUZZ_SECONDS)

fuzz-api: all ## REQUESTS (100000) random requests out of the OpenAPI document
	@tests/api/run.sh $(BUILD) $(REQUESTS)

soak-jobs: $(addprefix build/release/,lipschitzd tests/e2e/jobs_restart) ## kill training jobs KILLS (200) times at random moments
	@KILLS=$(KILLS) build/release/tests/e2e/jobs_restart

soak-machines: $(addprefix build/release/,lipschitzd tests/e2e/machines) ## kill workers, jobs and PostgreSQL KILLS (200) times at random moments
	@KILLS=$(KILLS) build/release/tests/e2e/machines

FAULTS := $(addprefix build/release/tests/e2e/,database_gone network_cut clock full_disk_database jobs_full_disk)
faults: build/release/lipschitzd $(FAULTS) ## the database gone for GONE (60) seconds, networks cut, disks full, clocks set
	@for test in $(FAULTS); do GONE=$(GONE) $$test || exit 1; done

soak: $(addprefix $(BUILD)/,lipschitzd lipschitz-h5 tests/load/soak) ## mixed load at 80 % of capacity for SOAK_MINUTES (30): answers, memory, descriptors
	@SOAK_MINUTES=$(SOAK_MINUTES) $(BUILD)/tests/load/soak

idle-streams: $(addprefix $(BUILD)/,lipschitzd tests/load/idle_streams) ## 1000 open streams of events: memory, processor
	@$(BUILD)/tests/load/idle_streams

overload: $(addprefix $(BUILD)/,lipschitzd tests/load/overload) ## ten times as many requests as can be answered
	@$(BUILD)/tests/load/overload

startup: $(addprefix $(BUILD)/,lipschitzd tests/load/startup) ## start with 100000 jobs in the store, SQLite and PostgreSQL
	@$(BUILD)/tests/load/startup

bench: all $(call programs,release,$(BENCH_SRC)) ## measure; ratios within one run
	@tests/bench/run.sh build/release

# Every program of tests/bench/networks.
NETWORK_BENCH := $(basename $(call find,tests/bench/networks))
bench-networks: build/release/tests/bench/machine $(addprefix build/release/,$(NETWORK_BENCH)) ## measure convolutions and other layers, with NumPy and PyTorch
	@tests/bench/run.sh build/release $(NETWORK_BENCH:tests/bench/%=%)

bench-train: $(addprefix build/release/tests/bench/,machine train training/recipes training/tables) ## measure training on MNIST and tables, every recipe with 5 seeds
	@tests/bench/run.sh build/release train training/recipes training/tables

bench-machines: $(addprefix build/release/,lipschitzd lipschitz-h5 tests/bench/machine tests/bench/machines) ## two daemons, two workers and PostgreSQL against one process, by the time of processors
	@tests/bench/run.sh build/release machines

# --- container
image: ## build the container image lipschitzd:VERSION
	@docker/image.sh build lipschitzd:$(VERSION)
image-check: image ## run the image hardened, use it, stop it
	@docker/image.sh check lipschitzd:$(VERSION)
compose-check: image ## run docker/compose.yaml, kill one of each, stop it (root, podman, haproxy)
	@tests/packaging/compose.sh lipschitzd:$(VERSION)

version: ## the version
	@echo $(VERSION)
sbom: all ## what the build consists of, as SPDX: build/sbom.spdx.json
	@packaging/sbom.sh $(VERSION) $(PROGRAMS) > build/sbom.spdx.json

# --- install
PROGRAMS := $(addprefix $(BUILD)/,lipschitzd lipschitz-check lipschitz-h5)
SHARED := build/shared/liblipschitz.so
LIBDIR ?= $(PREFIX)/lib
MAN := $(DESTDIR)$(PREFIX)/share/man
filled = sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@BINDIR@|$(PREFIX)/bin|; s|@VERSION@|$(VERSION)|'
man = packaging/man.sh $(BUILD)/$(1) $(2) $(VERSION) $(3) > $(MAN)/man$(2)/$(1).$(2)

install: all $(SHARED) ## programs, library, headers, man pages, systemd unit to DESTDIR/PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/{bin,lib/systemd/system} \
	    $(DESTDIR)$(LIBDIR)/pkgconfig $(MAN)/man{1,8} \
	    $(DESTDIR)$(PREFIX)/share/doc/lipschitzd
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(BUILD)/liblipschitz.a $(DESTDIR)$(LIBDIR)/
	install -m 644 $(SHARED) $(DESTDIR)$(LIBDIR)/liblipschitz.so.$(VERSION)
	ln -sf liblipschitz.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/liblipschitz.so
	cd lib && find . -name '*.h' -exec install -D -m 644 {} \
	    $(DESTDIR)$(PREFIX)/include/lipschitz/{} \;
	$(filled) packaging/liblipschitz.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/liblipschitz.pc
	$(filled) packaging/lipschitzd.service.in > $(DESTDIR)$(PREFIX)/lib/systemd/system/lipschitzd.service
	install -m 644 packaging/lipschitzd.env $(DESTDIR)$(PREFIX)/share/doc/lipschitzd/
	$(call man,lipschitzd,8,'proven Lipschitz bounds of neural networks over HTTP')
	$(call man,lipschitz-check,1,'check the certificate of a Lipschitz bound')
	$(call man,lipschitz-h5,1,'turn a Keras model into a safetensors file')
uninstall: ## take away what install put there
	cd $(DESTDIR)$(PREFIX) && rm -f bin/{lipschitzd,lipschitz-check,lipschitz-h5} \
	    lib/systemd/system/lipschitzd.service \
	    share/man/man8/lipschitzd.8 share/man/man1/lipschitz-{check,h5}.1 && \
	    rm -rf include/lipschitz share/doc/lipschitzd
	cd $(DESTDIR)$(LIBDIR) && rm -f liblipschitz.* pkgconfig/liblipschitz.pc

DEB := build/deb
deb: all $(SHARED) ## Debian packages of it: build/deb/*.deb
	@rm -rf $(DEB) && mkdir -p $(DEB)
	@$(MAKE) -s install DESTDIR=$(CURDIR)/$(DEB)/tree PREFIX=/usr \
	    LIBDIR=/usr/lib/$$(gcc -print-multiarch)
	@packaging/deb.sh $(DEB)/tree $(VERSION) $(SONAME) $(DEB)
	@rm -rf $(DEB)/tree && ls -sh $(DEB)

deb-check: deb ## install and remove them in a bare Debian (root)
	@tests/packaging/clean_root.sh $(DEB)

format: ## clang-format every source
	find lib api server tests -name '*.[ch]' | xargs clang-format-14 -i
clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | \
	    expand -t 18

FORCE:
.PHONY: all tests packages deps run demo test check check-style check-asan \
        check-http check-packaging check-requests check-tsan check-valgrind fuzz idle-streams soak soak-jobs soak-machines faults overload startup bench bench-machines bench-networks bench-train image image-check compose-check version sbom install \
        uninstall deb deb-check format clean help FORCE
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
