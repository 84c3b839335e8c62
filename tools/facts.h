/* SPDX-License-Identifier: MIT */
/* facts.h - what `memlane doctor` knows of the machine and of the user */
#ifndef FACTS_H
#define FACTS_H

#include <stdbool.h>
#include <stdint.h>

#define FACTS_NONE UINT64_MAX /* no limit; or it is not known */

/**
 * struct facts - of this machine, and of who asks
 * @major: of the kernel's version
 * @minor: of it
 * @machine: as uname(1) has it
 * @membarrier: the kernel has the calls that the engine inside a process needs
 * @loaded: the module is: 1 yes, 0 no, -errno
 * @at_hand: a module's file for this kernel is built or installed
 * @secure_boot: the firmware says so
 * @lockdown: the kernel is locked down
 * @signed_only: the kernel takes signed modules alone
 * @modules_disabled: nothing is loaded until the next boot
 * @device: errno of opening /dev/memlane; 0: it can be opened
 * @debugfs: errno of looking into debugfs; 0: it can be
 * @address_space: RLIMIT_AS, bytes
 * @memlock: RLIMIT_MEMLOCK, bytes
 * @max_map_count: mappings that a process may have
 * @overcommit: vm.overcommit_memory
 * @cgroup_max: bytes that the memory cgroup may have
 * @cgroup_now: bytes that it has
 */
struct facts {
	unsigned int major;
	unsigned int minor;
	char machine[65];
	bool membarrier;
	int loaded;
	bool at_hand;
	bool secure_boot;
	bool lockdown;
	bool signed_only;
	bool modules_disabled;
	int device;
	int debugfs;
	uint64_t address_space;
	uint64_t memlock;
	uint64_t max_map_count;
	uint64_t overcommit;
	uint64_t cgroup_max;
	uint64_t cgroup_now;
};

void facts_look(struct facts *f);

#endif /* FACTS_H */
