# SPDX-License-Identifier: MIT
#
# make deps      install the Debian packages that packages.txt names
# make           memlane.ko for KERNEL, libmemlane, the tools; all under build/
# make demo      the main job in a VM, from nothing
# make vm        a VM with the module loaded: a shell, or RUN='command'
# make check     every test there is; check-debug, check-race: on debug kernels
# make matrix    build and boot the module on every kernel Debian offers
# make style fuzz bench install clean
#
# KERNEL  6.1 (default), 6.12, 7, debug, kcsan, host
# VMFLAGS options of selftests/vm/run.sh, as --mem 4096

KERNEL ?= 6.1
DESTDIR ?=
PREFIX ?= /usr/local
export DESTDIR PREFIX
# As it was typed: what looks like a variable of make's belongs to the guest.
export VM_RUN := $(value RUN)

.PHONY: all deps module lib tools selftests demo vm check check-debug check-race
.PHONY: matrix fuzz bench style install clean

all: module lib tools

deps:
	@scripts/deps.sh

module:
	@selftests/vm/module.sh $(KERNEL)

lib:
	@$(MAKE) -s -C lib

tools: lib
	@$(MAKE) -s -C tools

selftests: lib
	@$(MAKE) -s -C selftests

vm: module
	@selftests/vm/run.sh --kernel $(KERNEL) $(VMFLAGS) $(if $(VM_RUN),-- "$$VM_RUN")

clean:
	rm -rf build
