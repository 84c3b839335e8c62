// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sleeper.c - threads that do nothing, and their stock
 *
 * A thread that has made and freed nothing since it was looked at last, and is in no section,
 * sleeps. The places of what it has in stock are of use to others: they are taken back, by the
 * move protocol, as if they moved to nowhere. The indices stay in its magazines, and their
 * entries are EMPTY: it gives them back when it meets one.
 *
 * What a thread says of itself is its word: one that lies keeps its own stock, or loses it.
 */
#include <linux/sched.h>

#include "mag.h"
#include "move.h"
#include "sleeper.h"
#include "slot.h"
#include "step.h"
#include "turn.h"

#define TAKEN	(1U << 31)	/* in ml_slots.seen: it has no stock any more */

/* Calls that it has made, as far as they fit: two looks tell whether there were any. */
static u32 done_so_far(struct ml_arena *a, u32 slot)
{
	const struct memlane_slot *s = ml_slot_head(a, slot);

	return (u32)(READ_ONCE(s->allocs) + READ_ONCE(s->frees)) & ~TAKEN;
}

/* Is there stock that nobody took, of a thread that sleeps, or may be @awake? */
static bool sleeper_may_take(struct ml_arena *a, u32 slot, bool awake)
{
	u32 *seen = &a->slots.seen[slot], done = done_so_far(a, slot);
	bool sleeps = (*seen & ~TAKEN) == done;

	if (!sleeps)
		*seen = done;
	return (sleeps || awake) && !(*seen & TAKEN) && !READ_ONCE(ml_slot_head(a, slot)->section);
}

/* Return: true: the batch is full, and there may be more. */
static bool sleeper_fill(struct ml_arena *a, u32 slot, u32 *at)
{
	u32 index;

	while (ml_stock_next(a, slot, at, &index)) {
		ml_batch_take(a, index);
		if (ml_batch_full(a))
			return true;
	}
	return false;
}

/* Return: false: time was up, a section did not end, or there is a signal. */
static bool sleeper_run(struct ml_arena *a, struct ml_step *s)
{
	u64 given_up = a->count.given_up;

	if (!a->batch->nr) {
		ml_turn_pass(a);
		return true;
	}
	return ml_step_run(a, s) && a->batch->begun == a->batch->nr &&
	       a->count.given_up == given_up;
}

/* What is pinned, or was just used, stays. Return: false: limits ended it. */
static bool sleeper_take(struct ml_arena *a, struct ml_step *s, u32 slot)
{
	u32 at = 0;
	bool more;

	do {
		if (!ml_step_next(a, s))
			return false;
		more = sleeper_fill(a, slot, &at);
		if (!sleeper_run(a, s))
			return false;
	} while (more && ml_slot_busy(a, slot));
	a->slots.seen[slot] |= TAKEN;
	return true;
}

/**
 * ml_sleepers_take - take back the stock of threads that sleep
 * @a: arena; both locks, arena.lock is dropped in between
 * @s: step whose limits and results apply
 * @awake: of all threads that are in no section: a request would be refused
 *
 * A look at all threads; who did something since the one before is let alone.
 */
void ml_sleepers_take(struct ml_arena *a, struct ml_step *s, bool awake)
{
	u32 slot;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	for (slot = 0; slot < a->slots.top; slot++) {
		cond_resched();
		if (!ml_slot_busy(a, slot) || !sleeper_may_take(a, slot, awake) || sleeper_take(a, s, slot))
			continue;
		s->req->out_more |= !s->err && a->count.given_up == s->was.given_up;
		return;
	}
}
