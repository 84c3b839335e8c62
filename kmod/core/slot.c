// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * slot.c - registered threads: sections, grace periods, slots of the dead
 */
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/sched.h>

#include "blocker.h"
#include "mag.h"
#include "slot.h"
#include "stat.h"
#include "step.h"
#include "table.h"
#include "turn.h"
#include "vec.h"

#define GRACE_POLL	50000	/* ns between looks at an open section */
#define FREEING_POLL	20000	/* and at a free that should be over in no time */
#define FREEING_LOOKS	128	/* of those */

int ml_slots_init(struct ml_arena *a, u32 threads)
{
	a->slots.nr = threads;
	a->slots.state = a->ops->zalloc(a, threads);
	a->slots.suspect = a->ops->zalloc(a, ML_SUSPECTS_SIZE);
	a->slots.seen = a->ops->zalloc(a, threads * sizeof(*a->slots.seen));
	if (!a->slots.state || !a->slots.suspect || !a->slots.seen)
		return -ENOMEM;
	return ml_vec_init(a, &a->slots.page, (u64)threads * ML_SLOT_PAGES, 0,
			   MEMLANE_REGION_SLOTS);
}

void ml_slots_exit(struct ml_arena *a)
{
	ml_vec_exit(a, &a->slots.page);
	if (a->slots.state)
		a->ops->zfree(a, a->slots.state, a->slots.nr);
	if (a->slots.suspect)
		a->ops->zfree(a, a->slots.suspect, ML_SUSPECTS_SIZE);
	if (a->slots.seen)
		a->ops->zfree(a, a->slots.seen, a->slots.nr * sizeof(*a->slots.seen));
}

/* What a thread shares, except for its magazines. The slot was in use once. */
struct memlane_slot *ml_slot_head(struct ml_arena *a, u32 slot)
{
	return ml_vec_at(&a->slots.page, (u64)slot * ML_SLOT_PAGES);
}

/* ----------------------------------------------------------------- grace */

/* A free in it or not, a section is as old as its epoch. */
static u64 section_of(struct ml_arena *a, u32 slot)
{
	/* Pairs with the release in memlane_exit(). */
	return smp_load_acquire(&ml_slot_head(a, slot)->section) & ~MEMLANE_SECTION_FREEING;
}

static bool section_over(u64 section, u64 epoch)
{
	return !section || section == epoch;
}

/* It outlasted a whole grace period, and is not given another one. */
static bool is_stuck(const struct ml_arena *a, u32 slot, u64 section)
{
	return section == a->slots.stuck_section && slot == a->slots.stuck;
}

/* Whether a slot is in use; any number. */
bool ml_slot_busy(struct ml_arena *a, u32 slot)
{
	if (slot >= a->slots.nr)
		return false;
	slot = array_index_nospec(slot, a->slots.nr);
	/* Pairs with the releases of registering and giving back: the page is there. */
	return smp_load_acquire(&a->slots.state[slot]) == ML_SLOT_IN_USE;
}

/* Return: 0; -EAGAIN at @end, or after @grace; -EINTR. */
static int wait_slot(struct ml_arena *a, u32 slot, u64 epoch, u64 end, u64 grace)
{
	u64 section, now;
	int err;

	while (ml_slot_busy(a, slot) && !section_over(section = section_of(a, slot), epoch)) {
		if (a->ops->slot_gone(a, slot))
			return 0;
		now = a->ops->now();
		if (now >= grace) {
			a->slots.stuck = slot;
			a->slots.stuck_section = section;
		}
		if (now >= end || is_stuck(a, slot, section)) {
			ml_blocked_by_section(a, slot, section);
			return -EAGAIN;
		}
		lockdep_assert_not_held(&a->lock);
		err = a->ops->pause(a, GRACE_POLL);
		if (err)
			return err;
	}
	return 0;
}

/**
 * ml_grace - wait until every section that began before @epoch has ended
 * @a: arena; arena.mover; not arena.lock, unless @deadline is over: then nobody is waited for
 * @epoch: current epoch, whose barrier has passed
 * @deadline: of the step, ns; 0: none
 *
 * A thread that died inside a section does not count. A section that has outlasted
 * policy.grace once is not waited for again. A thread that registers
 * meanwhile reads the current epoch: the barrier came before it looked.
 *
 * Return: 0; -EAGAIN after policy.grace ns, or at @deadline; -EINTR on a fatal
 * signal.
 */
int ml_grace(struct ml_arena *a, u64 epoch, u64 deadline)
{
	u64 grace = a->ops->now() + READ_ONCE(a->policy.grace);
	u64 end = deadline ? min(deadline, grace) : grace;
	/* Pairs with the release in take_slot(). */
	u32 slot, top = smp_load_acquire(&a->slots.top);
	int err;

	lockdep_assert_held(&a->mover);
	for (slot = 0; slot < top; slot++) {
		err = wait_slot(a, slot, epoch, end, grace);
		if (err)
			return err;
	}
	return 0;
}

/* ---------------------------------------------------------------- makers */

static bool is_freeing(struct ml_arena *a, u32 slot, const struct memlane_slot *s)
{
	/* Pairs with the release that ends the free: its store of the entry is visible. */
	return smp_load_acquire(&s->section) & MEMLANE_SECTION_FREEING &&
	       ml_slot_busy(a, slot) && !a->ops->slot_gone(a, slot);
}

/* Return: 0; -EAGAIN: it does not get on; -EINTR. */
static int wait_freeing(struct ml_arena *a, u32 slot, const struct memlane_slot *s)
{
	u32 look;
	int err;

	for (look = 0; look < FREEING_LOOKS; look++) {
		if (!is_freeing(a, slot, s))
			return 0;
		err = a->ops->pause(a, FREEING_POLL);
		if (err)
			return err;
	}
	return -EAGAIN;
}

static int revoke_slot(struct ml_arena *a, u32 slot)
{
	struct memlane_slot *s;
	int err;

	if (slot >= a->slots.nr)
		return 0;
	s = ml_slot_head(a, array_index_nospec(slot, a->slots.nr));
	/* Pairs with the release below: the thread that stored it has been through all of this. */
	if (!s || smp_load_acquire(&s->shared) == MEMLANE_SHARED_REVOKED)
		return 0;
	WRITE_ONCE(s->shared, MEMLANE_SHARED_REVOKING);
	/* A free whose FREEING is not seen behind this is over, or will see REVOKING. */
	err = a->ops->sync_cores(a);
	if (!err)
		err = wait_freeing(a, slot, s);
	if (err)
		return err;
	/* Pairs with the acquire above, and with that of who frees or pins in the library. */
	smp_store_release(&s->shared, MEMLANE_SHARED_REVOKED);
	return 0;
}

/**
 * ml_revoke_maker - end plain stores to entries of what one thread has made
 * @a: arena; no lock: the thread may fault in the middle of one
 * @index: an object that somebody else wants to end or to pin; any value
 *
 * Who made it is the program's word: another answer harms its own arena alone. The slot
 * may be nobody's by now; its next thread takes what it says over.
 *
 * Return: 0; -EAGAIN: the thread does not get on, or no barrier; -EINTR.
 */
int ml_revoke_maker(struct ml_arena *a, u32 index)
{
	u32 maker = memlane_note_maker(ml_note_peek(a, index));
	int err;

	if (!maker)
		return 0;
	err = revoke_slot(a, maker - 1);
	return err && err != -EINTR ? -EAGAIN : err;
}

/* -------------------------------------------------------- taking back */

static void fold_counters(struct ml_arena *a, struct memlane_slot *s)
{
	struct memlane_counts *c = &a->count;

	c->gone_allocs += xchg(&s->allocs, 0);
	c->gone_frees += xchg(&s->frees, 0);
	c->gone_alloc_bytes += xchg(&s->alloc_bytes, 0);
	c->gone_free_bytes += xchg(&s->free_bytes, 0);
	c->gone_vetoes += xchg(&s->vetoes, 0);
	c->gone_waits += xchg(&s->waits, 0);
}

/**
 * ml_slots_waits - how often threads waited for a copy under way, gone ones included
 * @a: arena
 */
u64 ml_slots_waits(struct ml_arena *a)
{
	u64 sum = READ_ONCE(a->count.gone_waits);
	u32 slot;

	for (slot = 0; slot < READ_ONCE(a->slots.top); slot++)
		if (ml_slot_busy(a, slot))
			sum += READ_ONCE(ml_slot_head(a, slot)->waits);
	return sum;
}

/*
 * The thread of a slot does nothing more: nobody waits for its section. What it
 * held is taken back in pieces, by any thread that has the time.
 */
static void leave(struct ml_arena *a, u32 slot)
{
	/* With FREEING, if it died in a free. @shared stays: somebody may have seen it. */
	WRITE_ONCE(ml_slot_head(a, slot)->section, 0);
	a->slots.leaving++;
	/* Pairs with ml_slot_busy(). */
	smp_store_release(&a->slots.state[slot], ML_SLOT_LEAVING);
}

/* Nobody but its thread uses its magazines without arena.lock. */
static void drop_magazines(struct ml_arena *a, u32 slot)
{
	ml_vec_drop(a, &a->slots.page, (u64)slot * ML_SLOT_PAGES + 1, ML_SLOT_PAGES - 1);
}

static void release_slot(struct ml_arena *a, u32 slot)
{
	fold_counters(a, ml_slot_head(a, slot));
	drop_magazines(a, slot);
	a->slots.used--;
	a->slots.leaving--;
	/* Pairs with ml_slot_busy(): the slot is clean. */
	smp_store_release(&a->slots.state[slot], ML_SLOT_UNUSED);
	a->ops->slot_done(a, slot);
}

/* Find the threads that died: at most @most of them. */
static void bury(struct ml_arena *a, u32 most)
{
	u32 slot;

	for (slot = 0; slot < a->slots.top && most; slot++) {
		if (a->slots.state[slot] != ML_SLOT_IN_USE || !a->ops->slot_gone(a, slot))
			continue;
		leave(a, slot);
		a->count.slots_reaped++;
		most--;
	}
}

/* Return: false: there is no slot to drain, or there are suspects enough. */
static bool drain_one(struct ml_arena *a)
{
	u8 *state = a->slots.state;
	u32 slot;

	if (a->slots.leaving == a->slots.drained || a->slots.drained == ML_DRAINS)
		return false;
	for (slot = 0; slot < a->slots.top; slot++)
		if (state[slot] == ML_SLOT_LEAVING)
			break;
	ml_stock_drain(a, slot);
	WRITE_ONCE(state[slot], ML_SLOT_DRAINED);	/* ml_slot_busy() looks without the lock */
	a->slots.drained++;
	return true;
}

/* Return: false: all slots were compared. */
static bool compare_one(struct ml_arena *a)
{
	u32 slot = a->slots.compared;
	u8 state;

	for (; slot < a->slots.top; slot++) {
		state = a->slots.state[slot];
		if (state == ML_SLOT_IN_USE || state == ML_SLOT_LEAVING)
			break;
	}
	if (slot == a->slots.top || !a->slots.suspects)
		return false;
	ml_stock_compare(a, slot);
	a->slots.compared = slot + 1;
	return true;
}

static void release_drained(struct ml_arena *a)
{
	u32 slot;

	ml_stock_settle(a);
	for (slot = 0; slot < a->slots.top; slot++)
		if (a->slots.state[slot] == ML_SLOT_DRAINED)
			release_slot(a, slot);
	a->slots.drained = 0;
	a->slots.comparing = false;
}

/*
 * One piece of taking back: drain a slot, or compare one with what is in doubt. Up
 * to ML_DRAINS slots share a comparison with all the others. Between two pieces
 * anybody may have the lock, and go on with it.
 *
 * Return: false: nothing is left to take back.
 */
static bool reap_piece(struct ml_arena *a)
{
	if (!a->slots.leaving)
		return false;
	if (!a->slots.comparing) {
		if (drain_one(a))
			return true;
		ml_stock_sort(a);
		a->slots.compared = 0;
		a->slots.comparing = true;
	}
	if (!compare_one(a))
		release_drained(a);
	return true;
}

/**
 * ml_slots_reap - take back all slots of threads that died
 * @a: arena; arena.lock, held throughout
 * @most: that many
 */
void ml_slots_reap(struct ml_arena *a, u32 most)
{
	lockdep_assert_held(&a->lock);
	bury(a, most);
	while (reap_piece(a))
		cond_resched();
}

/**
 * ml_slots_tend - take back slots of threads that died, or go on with it
 * @a: arena; both locks
 * @s: step whose limits apply; it has one piece however late it is
 */
void ml_slots_tend(struct ml_arena *a, struct ml_step *s)
{
	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	bury(a, ~0U);
	while (reap_piece(a)) {
		ml_turn_pass(a);
		if (!ml_step_late(a, s))
			continue;
		s->req->out_more |= a->slots.leaving > 0;
		break;
	}
}

/* Drop the lock between two pieces. Return: 0, or -EINTR without the lock. */
static int breathe(struct ml_arena *a)
{
	mutex_unlock(&a->lock);
	cond_resched();
	/* A lock that is free does not look at signals. */
	return ml_hurry(a) || ml_turn_lock(a) ? -EINTR : 0;
}

/* ---------------------------------------------------- register, unregister */

static int find_slot(struct ml_arena *a, u32 *slot)
{
	for (*slot = 0; *slot < a->slots.nr; (*slot)++)
		if (a->slots.state[*slot] == ML_SLOT_UNUSED)
			return 0;
	return -ENOSPC;
}

static int take_slot(struct ml_arena *a, u32 *slot)
{
	int err = find_slot(a, slot);

	if (!err && !ml_vec_make(a, &a->slots.page, (u64)*slot * ML_SLOT_PAGES))
		err = -ENOMEM;
	if (err)
		return err;
	WRITE_ONCE(ml_slot_head(a, *slot)->section, 0);
	a->slots.seen[*slot] = 0;
	a->slots.used++;
	/* Pairs with ml_slot_busy(): the slot's page is there. */
	smp_store_release(&a->slots.state[*slot], ML_SLOT_IN_USE);
	if (*slot >= a->slots.top)
		smp_store_release(&a->slots.top, *slot + 1); /* pairs with ml_grace() */
	return 0;
}

/**
 * ml_register - a slot for the calling thread
 * @a: arena
 * @req: see struct memlane_register
 *
 * The owner remembers which thread it was before the program hears of the slot.
 */
int ml_register(struct ml_arena *a, struct memlane_register *req)
{
	int err;

	if (req->flags || req->__reserved)
		return -EOPNOTSUPP;
	if (ml_turn_lock(a))
		return -EINTR;
	err = take_slot(a, &req->slot);
	if (err == -ENOSPC)
		bury(a, ML_DRAINS);
	while (err == -ENOSPC && reap_piece(a)) {
		if (breathe(a))
			return -EINTR;
		err = take_slot(a, &req->slot);
	}
	ml_publish(a);
	mutex_unlock(&a->lock);
	return err;
}

static bool is_leaving(const struct ml_arena *a, u32 slot)
{
	u8 state = a->slots.state[slot];

	return state == ML_SLOT_LEAVING || state == ML_SLOT_DRAINED;
}

/**
 * ml_unregister - give a slot back
 * @a: arena
 * @req: see struct memlane_register; that the slot is the caller's, or a dead
 *       thread's, has been checked
 *
 * Who is killed leaves the rest of it to others.
 */
int ml_unregister(struct ml_arena *a, struct memlane_register *req)
{
	int err = 0;

	if (req->flags || req->__reserved)
		return -EOPNOTSUPP;
	if (ml_turn_lock(a))
		return -EINTR;
	if (ml_slot_busy(a, req->slot))
		leave(a, req->slot);
	else
		err = -EINVAL;
	while (!err && is_leaving(a, req->slot) && reap_piece(a))
		if (breathe(a))
			return 0;
	ml_publish(a);
	mutex_unlock(&a->lock);
	return err;
}
