/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* turn.h - whose turn it is with arena.lock */
#ifndef ML_TURN_H
#define ML_TURN_H

#include <linux/atomic.h>

#include "core.h"

int ml_turn_lock(struct ml_arena *a);
void ml_turn_pass(struct ml_arena *a);

/* Does somebody wait for arena.lock, who asked by ml_turn_lock()? Any context. */
static inline bool ml_turn_wanted(const struct ml_arena *a)
{
	return (u32)atomic_read(&a->asked) != READ_ONCE(a->served);
}

#endif /* ML_TURN_H */
