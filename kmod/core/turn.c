// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * turn.c - whose turn it is with arena.lock
 *
 * A lock is not fair by itself: who drops it and takes it again at once has it before who waits
 * for it is awake. A mover has it for one piece of its work after the other, and a thread
 * that needs stock waited for all of them. So who asks is counted, and who was served; where
 * they differ a mover drops the lock between two pieces, and comes back behind one of them.
 */
#include <linux/mutex.h>
#include <linux/processor.h>
#include <linux/sched.h>

#include "turn.h"

#define LOOKS	1000	/* before it sleeps: who waits is awake mostly */
#define NAP	20000	/* ns */
#define NAPS	500	/* of those, and not again for the same one, who may be stopped */

/**
 * ml_turn_lock - take arena.lock for a call of the program's
 * @a: arena; no lock
 *
 * Return: 0, or -EINTR on a fatal signal, without the lock.
 */
int ml_turn_lock(struct ml_arena *a)
{
	atomic_inc(&a->asked);
	if (mutex_lock_killable(&a->lock)) {
		atomic_dec(&a->asked);
		return -EINTR;
	}
	WRITE_ONCE(a->served, a->served + 1);
	return 0;
}

static bool waits_still(const struct ml_arena *a, u32 served)
{
	return ml_turn_wanted(a) && READ_ONCE(a->served) == served;
}

/**
 * ml_turn_pass - let others have the lock
 * @a: arena; arena.lock, which is dropped meanwhile
 *
 * When this returns, the thread that waited for the lock has had it; of several, one has. This waits
 * once for a thread that does not run, and no longer than NAPS.
 */
void ml_turn_pass(struct ml_arena *a)
{
	u32 served = a->served, i;

	lockdep_assert_held(&a->lock);
	mutex_unlock(&a->lock);
	cond_resched();
	for (i = 0; i < LOOKS && waits_still(a, served); i++)
		cpu_relax();
	for (i = 0; i < NAPS && waits_still(a, served) && a->absent != served; i++)
		if (a->ops->pause(a, NAP))
			break;
	mutex_lock(&a->lock);
	if (i == NAPS)
		a->absent = served;
}
