/* SPDX-License-Identifier: MIT */
/* CUSTOM: one thread, which must not take a lock twice */
#ifndef FUZZ_SPINLOCK_H
#define FUZZ_SPINLOCK_H

#include <linux/bug.h>

#include "fake.h"

typedef struct {
	bool held;
} spinlock_t;

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->held = false;
}

static inline void spin_lock(spinlock_t *lock)
{
	WARN_ON(lock->held);
	lock->held = true;
	fake.spinning++;
}

static inline void spin_unlock(spinlock_t *lock)
{
	WARN_ON(!lock->held);
	lock->held = false;
	fake.spinning--;
}

#endif
