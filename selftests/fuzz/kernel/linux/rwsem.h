/* SPDX-License-Identifier: MIT */
/* STUB: a member */
#ifndef FUZZ_RWSEM_H
#define FUZZ_RWSEM_H

struct rw_semaphore {
	int unused;
};

#endif
