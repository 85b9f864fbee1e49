# lipschitzd: build, run, check, bench, image. `make help` lists the verbs.
SHELL := /bin/bash
.DEFAULT_GOAL := all

# SAN=address or SAN=thread builds everything once more, instrumented, apart.
SAN ?=
BUILD := build/$(if $(SAN),$(SAN),release)
PKGS := libmicrohttpd jansson lapacke openblas libzip nettle

CC := gcc
OPT := $(if $(SAN),-O1 -fno-omit-frame-pointer,-O2)
SANFLAGS := $(if $(filter address,$(SAN)),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all) \
            $(if $(filter thread,$(SAN)),-fsanitize=thread)
comma := ,
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wvla -Wformat=2 -Wno-error=unknown-pragmas -Werror
# Never -ffast-math; contraction off, so that a rounding in the source is a
# rounding in the machine (lib/linalg/rounding.h counts on it).
CFLAGS := -std=c11 -D_GNU_SOURCE $(OPT) -g $(WARN) -ffp-contract=off \
          -fstack-protector-strong -fPIE -pthread $(SANFLAGS) \
          $(if $(SAN),,-D_FORTIFY_SOURCE=2) -I. -Ilib $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LDFLAGS := -pie -pthread $(SANFLAGS) -Wl,-z,relro,-z,now
LDLIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm

# A new source file is found by itself.
LIB_SRC := $(shell find lib -name '*.c' | sort)
API_SRC := $(shell find api -name '*.c' | sort)
SRV_SRC := $(filter-out server/main.c,$(shell find server -name '*.c' | sort))
obj = $(patsubst %.c,$(BUILD)/%.o,$(1))

all: $(BUILD)/lipschitzd

$(BUILD)/liblipschitz.a: $(call obj,$(LIB_SRC))
$(BUILD)/libapi.a: $(call obj,$(API_SRC))
$(BUILD)/libserver.a: $(call obj,$(SRV_SRC))
$(BUILD)/%.a:
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/lipschitzd: $(BUILD)/server/main.o $(BUILD)/libserver.a $(BUILD)/libapi.a $(BUILD)/liblipschitz.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# --- tests: every tests/unit/**/x.c, tests/golden/x.c ... is a program of its own
CHECK_LIBS := $(shell pkg-config --libs check 2>/dev/null) -lflint-arb -lflint -lgmp
SUPPORT_SRC := $(shell find tests/support -name '*.c' | sort)
TEST_SRC := $(shell find tests/unit tests/golden tests/property tests/e2e -name '*.c' | sort)
TEST_BIN := $(patsubst %.c,$(BUILD)/%,$(TEST_SRC))

$(BUILD)/libsupport.a: $(call obj,$(SUPPORT_SRC))

$(TEST_BIN): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libsupport.a $(BUILD)/libserver.a $(BUILD)/libapi.a $(BUILD)/liblipschitz.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(CHECK_LIBS)

tests: $(TEST_BIN)

clean:
	rm -rf build

.PHONY: all tests clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
