// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sweep.c - walks over all objects: ageing, and moves that the policy wants
 *
 * A walk is cut into pieces of PIECE indices, between which others get the lock.
 * A step's limits end it early; the next step goes on where it ended, so that the
 * last index has its turn as the first one has, however many there are.
 */
#include <linux/minmax.h>
#include <linux/sched.h>

#include "block.h"
#include "lane.h"
#include "move.h"
#include "policy.h"
#include "run.h"
#include "sweep.h"
#include "table.h"

#define PIECE	4096U

/**
 * struct sweep - one walk
 * @mode: what for
 * @cursor: index to visit next
 * @left: indices to visit
 * @lane: PURGE: whose objects may go
 * @target: PURGE: enough once the lane uses so many pages
 * @priority: PURGE: of the objects that go in this walk
 */
struct sweep {
	enum ml_sweep_mode mode;
	u32 *cursor;
	u32 left;
	unsigned int lane;
	u64 target;
	u32 priority;
};

/* Stock stays in the lane that its magazine is for: it is nobody's yet. */
static void place(struct ml_arena *a, u32 index, enum ml_sweep_mode mode)
{
	struct ml_wish w;

	if (!(ml_entry_read(a, index) & MEMLANE_ENTRY_LIVE) || !ml_policy_wish(a, index, &w))
		return;
	if (mode == ML_SWEEP_STALE && w.lane == MEMLANE_SLOW && w.cause == MEMLANE_CAUSE_STALE)
		w.cause = MEMLANE_CAUSE_ROOM;
	ml_decided(a, w.cause, w.lane, index);
	a->batch->cause = w.cause;
	ml_batch_place(a, index, w.lane, w.temper);
}

static void purge(struct ml_arena *a, const struct sweep *w, u32 index)
{
	unsigned int lane = ml_lane_of(a, ml_index_loc(a, index));

	if (lane != w->lane || ml_index_priority(a, index) != w->priority ||
	    !ml_policy_purgeable(a, index, ml_entry_read(a, index)))
		return;
	ml_decided(a, MEMLANE_CAUSE_PURGE, lane, index);
	ml_batch_purge(a, index);
}

static void visit(struct ml_arena *a, const struct sweep *w, u32 index)
{
	switch (w->mode) {
	case ML_SWEEP_AGE:
		ml_index_age(a, index);
		place(a, index, w->mode);
		break;
	case ML_SWEEP_PURGE:
		purge(a, w, index);
		break;
	default:
		if (ml_lane_of(a, ml_index_loc(a, index)) == MEMLANE_FAST)
			place(a, index, w->mode);
	}
}

/* One piece, or less when the batch is full. */
static void sweep_piece(struct ml_arena *a, struct sweep *w)
{
	u32 end = w->left - min(w->left, PIECE);

	for (; w->left > end && !ml_batch_full(a); w->left--, (*w->cursor)++) {
		if (!*w->cursor || *w->cursor >= a->table.top)
			*w->cursor = 1;
		if (ml_index_placed(a, *w->cursor))
			visit(a, w, *w->cursor);
	}
}

/* Pages that are still wanted back. */
static u64 wanted(const struct ml_arena *a, const struct sweep *w)
{
	u64 used = ml_lane_used(&a->lane[w->lane]);

	return used - min(used, w->target);
}

/* No more is dropped in one batch than is wanted. */
static bool begin_batch(struct ml_arena *a, struct ml_step *s, const struct sweep *w)
{
	u64 nr = w->mode == ML_SWEEP_PURGE ? wanted(a, w) : ML_BATCH_PAGES;

	if (!nr || !ml_step_next(a, s))
		return false;
	a->batch->limit = min(a->batch->limit, min_t(u64, nr, ML_BATCH_PAGES) << ML_PAGE_SHIFT);
	return true;
}

static void sweep(struct ml_arena *a, struct ml_step *s, struct sweep *w)
{
	while (w->left && begin_batch(a, s, w)) {
		sweep_piece(a, w);
		if (a->batch->nr)
			ml_step_run(a, s);
		else
			ml_step_yield(a);
	}
}

/**
 * ml_sweep_age - end an ageing period, or go on with ending it
 * @a: arena; both locks
 * @s: step whose limits and results apply
 *
 * Each index is visited once a period. Return: true: the period has ended.
 */
bool ml_sweep_age(struct ml_arena *a, struct ml_step *s)
{
	struct sweep w = { .mode = ML_SWEEP_AGE, .cursor = &a->policy.cursor[ML_SWEEP_AGE] };

	if (!*w.cursor)
		*w.cursor = 1;
	w.left = a->table.top - min(a->table.top, *w.cursor);
	sweep(a, s, &w);
	if (!w.left)
		*w.cursor = 0;
	return !w.left;
}

/**
 * ml_sweep_stale - let objects leave the FastLane that need not be there
 * @a: arena; both locks
 * @s: step whose limits and results apply
 */
void ml_sweep_stale(struct ml_arena *a, struct ml_step *s)
{
	struct sweep w = {
		.mode = ML_SWEEP_STALE, .cursor = &a->policy.cursor[ML_SWEEP_STALE],
		.left = a->table.top - 1,
	};

	sweep(a, s, &w);
}

/**
 * ml_sweep_purge - drop objects of purgeable groups, those that matter least first
 * @a: arena; both locks
 * @s: step whose limits and results apply
 * @lane: where
 * @target: enough once the lane uses so many pages
 */
void ml_sweep_purge(struct ml_arena *a, struct ml_step *s, unsigned int lane, u64 target)
{
	struct sweep w = {
		.mode = ML_SWEEP_PURGE, .cursor = &a->policy.cursor[ML_SWEEP_PURGE],
		.lane = lane, .target = target,
	};

	for (; w.priority < MEMLANE_PRIORITIES; w.priority++) {
		w.left = a->table.top - 1;
		sweep(a, s, &w);
	}
}
