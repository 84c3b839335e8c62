# SPDX-License-Identifier: MIT
#
# make deps      install the Debian packages that packages.txt names; the targets
#                below that run or boot something do it first
# make           memlane.ko for KERNEL, libmemlane, the tools; all under build/
# make demo      the main job in a VM, from nothing
# make redis-demo  plain Redis beside one whose values move; with KERNEL=6.1 or another
#                on the command line in a VM, on the module
# make vm        a VM with the module loaded: a shell, or RUN='command'
# make check     every test there is; check-debug, check-race: on debug kernels
# make check-seeded  bugs put into the module, each caught by a test of check-debug
# make matrix    build and boot the module on every kernel Debian offers, and run on
#                the newest what check runs on 6.12
# make style     checkpatch, kernel-doc, clang-format, SPDX, shellcheck; format applies
# make install   library, tools, udev rule, the module's sources for dkms; as a user what
#                needs no root. make uninstall takes all of it away
# make deb       Debian packages, into build/deb; check-packages: builds, lints, installs,
#                uses and purges them in a system made for it
# make install-selftests  test programs, to be run on any machine with the module
# make torture-long  10^7 operations against the model, 10^6 histories, 64 MiB bounced 320
#                times, 10^8 verified reads here; in a VM 1000 kills of a process and 10^4
#                times each kind of I/O: ten minutes, or an hour on a slow machine
# make fuzz bench clean
#
# KERNEL  6.1 (default), 6.12, 7, debug, kcsan, host
# ONLY    a regular expression: the stages of check to run
# VMFLAGS options of selftests/vm/run.sh, as --mem 4096

KERNEL ?= 6.1
DESTDIR ?=
PREFIX ?= /usr/local
export DESTDIR PREFIX ONLY
# As it was typed: what looks like a variable of make's belongs to the guest.
export VM_RUN := $(value RUN)

.PHONY: all deps module lib tools clients selftests demo redis-demo vm vm-command check check-debug check-race
.PHONY: check-seeded torture-long matrix fuzz bench style format install install-selftests
.PHONY: uninstall clean deb check-packages

# A warning stops what checks the project, and nobody's build.
check check-debug check-race check-seeded torture-long matrix: export WERROR := -Werror

all: module lib tools clients

deps:
	@scripts/deps.sh

module:
	+@selftests/vm/module.sh $(KERNEL)

lib:
	@$(MAKE) -s -C lib

tools: lib
	@$(MAKE) -s -C tools

clients: lib
	@$(MAKE) -s -C clients/redis

selftests: lib
	@$(MAKE) -s -C selftests

# make ends with 2 whatever a recipe ended with, but for exit-with. Where that cannot be
# built yet, as there is no compiler before deps, 2 it is.
ifneq ($(and $(filter vm,$(MAKECMDGOALS)),$(VM_RUN)),)
-load build/exit-with.so(exit_with_setup)
export VM_STATUS := build/vm-status.$(shell echo $$PPID)

build/exit-with.so: selftests/vm/exit-with.c
	@mkdir -p build && $(CC) -shared -fPIC -o $@ $< 2>/dev/null || :

vm: vm-command
	@$(eval status := $(shell cat $(VM_STATUS); rm -f $(VM_STATUS)))$(exit-with $(status))exit $(status)
else
vm: deps
	@$(MAKE) -s module
	+@selftests/vm/run.sh --kernel $(KERNEL) $(VMFLAGS)
endif

vm-command: deps
	@$(MAKE) -s module
	+@selftests/vm/run.sh --kernel $(KERNEL) $(VMFLAGS) -- "$$VM_RUN"; echo $$? >$$VM_STATUS

demo: deps
	@$(MAKE) -s all
	@selftests/vm/run.sh --kernel $(KERNEL) --announce $(VMFLAGS) -- selftests/demo.sh

redis-demo: deps
	@$(MAKE) -s clients
ifeq ($(origin KERNEL),command line)
	@$(MAKE) -s module
	@selftests/vm/run.sh --kernel $(KERNEL) --timeout 1800 $(VMFLAGS) -- \
		'selftests/redis/demo.py --backend module --values 50000 --rounds 3 --requests 5000'
else
	@selftests/redis/demo.py
endif

# deps comes first: what is built needs what it installs.
check: deps
	@$(MAKE) -s all selftests
	+@selftests/check

check-debug: deps
	@$(MAKE) -s all selftests
	@selftests/vm/kernel-debug.sh memdbg >/dev/null
	@selftests/check debug debug-leak debug-host after

check-race: deps
	@$(MAKE) -s all selftests
	@selftests/vm/kernel-debug.sh kcsan >/dev/null
	@selftests/check kcsan

check-seeded: deps
	@$(MAKE) -s all selftests
	@selftests/debug/seeded.sh

torture-long: deps
	@$(MAKE) -s all selftests
	@$(MAKE) -s -C selftests/torture long
	@selftests/vm/run.sh --kernel $(KERNEL) --timeout 7200 $(VMFLAGS) -- \
		'MEMLANE_BACKEND=module ML_TIMEOUT=7100 ML_KILLS=1000 build/share/share killed'
	@selftests/vm/run.sh --kernel $(KERNEL) --timeout 1800 $(VMFLAGS) -- \
		'MEMLANE_BACKEND=module ML_TIMEOUT=1700 ML_NEIGHBOUR=2 ML_OPS=0 ML_SECONDS=60 build/torture/plain/torture'
	@selftests/vm/run.sh --kernel $(KERNEL) --timeout 7200 $(VMFLAGS) -- \
		'MEMLANE_BACKEND=module ML_TIMEOUT=7100 ML_OPS=10000 build/torture/plain/gup'

matrix: deps
	@$(MAKE) -s all selftests
	+@selftests/check 'host=^module-' matrix 'vm=^smoke$$' vm-6.12 more-6.12 vm-7

fuzz bench: deps
	@$(MAKE) -s all
	@$(MAKE) -s -C selftests $@

style: deps
	@scripts/style.sh

format:
	@scripts/style.sh --format

# What goes outside of PREFIX needs root, unless DESTDIR stands before it.
MAY := $(or $(DESTDIR),$(filter 0,$(shell id -u)))

install: lib tools clients
	@$(MAKE) -s -C lib install
	@$(MAKE) -s -C tools install
	@$(MAKE) -s -C clients/redis install
ifneq ($(MAY),)
	@$(MAKE) -s -C kmod install-source
else
	@echo "left out, as they need root: the udev rule, the group, the module's sources"
endif
	@[ -n "$(DESTDIR)" ] || scripts/install-notes.sh $(PREFIX)

uninstall:
	@$(MAKE) -s -C tools uninstall
	@$(MAKE) -s -C lib uninstall
	@rm -rf $(DESTDIR)$(PREFIX)/lib/memlane
ifneq ($(MAY),)
	@$(MAKE) -s -C kmod uninstall-source
endif

install-selftests: lib
	@$(MAKE) -s -C selftests install WERROR=

deb: deps
	@packaging/deb.sh

check-packages: deps
	@selftests/packages/packages.sh

clean:
	rm -rf build
