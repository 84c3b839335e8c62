# SPDX-License-Identifier: MIT
#
# core.mk - the engine built for userspace
#
# Included with TOP set to the top of the tree. Gives the archives
#   $(TOP)/build/core/<variant>/core.a    variant: plain asan tsan gcov fuzz steps
# and the flags that their users need: CORE_INC, CORE_CFLAGS, CORE_FLAGS_<variant>,
# CORE_CC_<variant>. Objects live under build/, so that the kernel's build and
# this one cannot mix. The fence (lib/shim/fence.sh) runs first.

CORE_SRC := $(wildcard $(TOP)/kmod/core/*.c)
CORE_DIR := $(TOP)/build/core
CORE_DEPS := $(wildcard $(TOP)/kmod/core/*.[ch] $(TOP)/lib/shim/linux/*.h) $(TOP)/lib/shim/fence.sh
# Where the C library comes without the kernel's headers.
ifneq ($(filter musl%,$(notdir $(CC))),)
KERNEL_HEADERS := $(shell $(TOP)/lib/kernel-headers.sh "$(CC)" $(TOP)/build/kernel-headers)
endif
CORE_INC := $(KERNEL_HEADERS) -I$(TOP)/lib/shim -I$(TOP)/include/uapi -I$(TOP)/kmod/core
CORE_CFLAGS := -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	       $(WERROR) -g -pthread -fPIC -fvisibility=hidden -fno-strict-aliasing

CORE_VARIANTS := plain asan tsan gcov fuzz steps
CORE_CC_plain := $(CC)
CORE_CC_asan := $(CC)
CORE_CC_tsan := $(CC)
CORE_CC_gcov := $(CC)
CORE_CC_fuzz := clang
CORE_CC_steps := $(CC)
# With frame pointers, so that tracers find who called; in leaves, which the fast paths are, without.
CORE_FLAGS_plain := -O2 -fno-omit-frame-pointer -momit-leaf-frame-pointer $(CFLAGS)
CORE_FLAGS_asan := -O2 -fno-omit-frame-pointer -fsanitize=address,undefined \
		   -fno-sanitize-recover=all -DML_WARN_ABORT=1
# Fences mean nothing to TSan; the accesses beside them carry the order it sees.
CORE_FLAGS_tsan := -O1 -fsanitize=thread -Wno-tsan -DML_WARN_ABORT=1
CORE_FLAGS_gcov := -O0 --coverage -fprofile-update=atomic -DML_WARN_ABORT=1
CORE_FLAGS_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined \
		   -fno-sanitize-recover=all -Wno-gnu -DML_WARN_ABORT=1
# Each basic block calls __sanitizer_cov_trace_pc(), which the program has.
CORE_FLAGS_steps := -O1 -fsanitize-coverage=trace-pc -DML_WARN_ABORT=1

$(CORE_DIR)/fence: $(CORE_DEPS)
	@mkdir -p $(@D)
	@$(TOP)/lib/shim/fence.sh $(TOP)
	@touch $@

define core_variant
CORE_OBJ_$(1) := $$(CORE_SRC:$(TOP)/kmod/core/%.c=$(CORE_DIR)/$(1)/%.o)

$(CORE_DIR)/$(1)/%.o: $(TOP)/kmod/core/%.c $(CORE_DIR)/fence $(TOP)/lib/core.mk
	@mkdir -p $$(@D)
	$$(CORE_CC_$(1)) $$(CORE_CFLAGS) $$(CORE_FLAGS_$(1)) $$(CORE_INC) -MMD -MP -c -o $$@ $$<

$(CORE_DIR)/$(1)/core.a: $$(CORE_OBJ_$(1))
	rm -f $$@
	$(AR) rcs $$@ $$^

-include $$(CORE_OBJ_$(1):.o=.d)
endef
$(foreach v,$(CORE_VARIANTS),$(eval $(call core_variant,$(v))))
