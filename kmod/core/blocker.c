// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * blocker.c - who kept objects from moving
 *
 * A short list, the latest first. A blocker that comes again moves to the front
 * and keeps the time when it was first seen; the one longest out of the way
 * falls off the end. All of it is written by the holder of arena.mover.
 */
#include <linux/atomic.h>
#include <linux/string.h>

#include "blocker.h"
#include "lane.h"
#include "slot.h"
#include "table.h"

static bool same(const struct ml_blocker *x, const struct ml_blocker *y)
{
	return x->handle == y->handle && x->slot == y->slot && x->thread == y->thread &&
	       x->section == y->section;
}

/* Where @who is in the list; or the place of the one to be forgotten. */
static unsigned int find(const struct ml_arena *a, const struct ml_blocker *who)
{
	const struct ml_blocker *b = a->blocker;
	unsigned int i;

	for (i = 0; i < MEMLANE_BLOCKERS - 1 && b[i].times; i++)
		if (same(&b[i], who))
			break;
	return i;
}

static void note(struct ml_arena *a, const struct ml_blocker *who)
{
	unsigned int i = find(a, who);
	struct ml_blocker b = a->blocker[i];
	u64 now = a->ops->now();

	if (!b.times || !same(&b, who)) {
		b = *who;
		b.first = now;
	}
	b.last = now;
	b.times++;
	memmove(a->blocker + 1, a->blocker, i * sizeof(b));
	a->blocker[0] = b;
}

/**
 * ml_blocked_by_pin - an object was in the way: pinned, or a page of it held
 * @a: arena; arena.mover
 * @index: bound
 */
void ml_blocked_by_pin(struct ml_arena *a, u32 index)
{
	struct ml_blocker who = { .handle = ml_handle(a, index) };

	lockdep_assert_held(&a->mover);
	note(a, &who);
}

/**
 * ml_blocked_by_section - a section stayed open past the grace period
 * @a: arena; arena.mover
 * @slot: in use
 * @section: what the slot said of it; another one of the same thread is somebody else
 */
void ml_blocked_by_section(struct ml_arena *a, u32 slot, u64 section)
{
	struct ml_blocker who = {
		.slot = slot,
		.thread = READ_ONCE(ml_slot_head(a, slot)->thread),
		.section = section,
	};

	lockdep_assert_held(&a->mover);
	note(a, &who);
}

static void describe(struct ml_arena *a, const struct ml_blocker *b, u64 now,
		     struct memlane_blocker *out)
{
	memset(out, 0, sizeof(*out));
	out->handle = b->handle;
	out->first = now - b->first;
	out->last = now - b->last;
	out->times = b->times;
	out->slot = b->slot;
	out->thread = b->thread;
	if (b->handle)
		out->tag = memlane_pin_tag(ml_index_notes(a, memlane_handle_index(b->handle)));
}

/**
 * ml_blockers - read the list
 * @a: arena
 * @req: see struct memlane_blockers
 * @records: room for the smaller of req->count and MEMLANE_BLOCKERS
 */
int ml_blockers(struct ml_arena *a, struct memlane_blockers *req,
		struct memlane_blocker *records)
{
	u64 now;
	u32 i;

	if (req->flags)
		return -EOPNOTSUPP;
	if (mutex_lock_killable(&a->mover))
		return -EINTR;
	now = a->ops->now();
	for (i = 0; i < req->count && i < MEMLANE_BLOCKERS && a->blocker[i].times; i++)
		describe(a, &a->blocker[i], now, &records[i]);
	req->out_count = i;
	mutex_unlock(&a->mover);
	return 0;
}
