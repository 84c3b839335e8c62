# SPDX-License-Identifier: MIT
#
# programs.mk - test programs of one C file each
#
# Included by a folder's Makefile: every *.c there becomes a program in
# build/selftests/FOLDER/, beside it in a kernel tree (OUTPUT is set there).

WERROR ?= -Werror
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
FOLDER := $(notdir $(CURDIR))
BUILD ?= $(HERE)../build/selftests/$(FOLDER)
PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(wildcard *.c))

TEST_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -pthread -Wall -Wextra $(WERROR) -I$(HERE)include

all: $(PROGRAMS)

$(BUILD)/%: %.c $(HERE)programs.mk
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(LDLIBS)

clean:
	rm -f $(PROGRAMS) $(PROGRAMS:=.d)

.PHONY: all clean

-include $(PROGRAMS:=.d)
