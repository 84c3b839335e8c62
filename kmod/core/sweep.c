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
#include <linux/string.h>

#include "block.h"
#include "lane.h"
#include "move.h"
#include "place.h"
#include "policy.h"
#include "run.h"
#include "sweep.h"
#include "table.h"
#include "turn.h"

#define PIECE	256U
#define ROW	512U	/* indices whose words are on one page, in each vector */
#define PASSED	16U	/* indices that are passed over cost as much as a look at one */

enum mode {
	AGE,	/* a period ends: age, then place by lane and temperature */
	STALE,	/* the FastLane is full: stale objects leave it */
	PURGE,	/* memory is short: drop purgeable groups */
};

/**
 * struct sweep - a piece of a walk
 * @mode: what for
 * @walk: which
 * @lane: PURGE: whose objects may go
 * @target: PURGE: enough once the lane uses so many pages
 * @rests: STALE: what was used of late stays, if its program does not want it away
 */
struct sweep {
	enum mode mode;
	struct ml_walk *walk;
	unsigned int lane;
	u64 target;
	bool rests;
};

/* Stock stays in the lane that its magazine is for: it is nobody's yet. */
static void place(struct ml_arena *a, u32 index, enum mode mode)
{
	struct ml_wish w;

	if (!memlane_entry_is_live(ml_entry_read(a, index)) || !ml_policy_wish(a, index, &w))
		return;
	if (mode == STALE && w.lane == MEMLANE_SLOW && w.cause == MEMLANE_CAUSE_STALE)
		w.cause = MEMLANE_CAUSE_ROOM;
	ml_decided(a, w.cause, w.lane, index);
	a->batch->cause = w.cause;
	ml_batch_place(a, index, w.lane, w.temper);
}

static void sweep_purge(struct ml_arena *a, const struct sweep *w, u32 index)
{
	u64 loc;
	struct ml_run *run = ml_place_of(a, index, &loc);

	if (!run || run->lane != w->lane || ml_index_priority(a, index) != w->walk->priority ||
	    !ml_policy_purgeable(a, index, ml_entry_read(a, index)))
		return;
	ml_decided(a, MEMLANE_CAUSE_PURGE, w->lane, index);
	ml_batch_purge(a, index);
}

/* Once a period, however often the walk has to come back. */
static void sweep_age(struct ml_arena *a, struct ml_walk *walk, u32 index)
{
	if (index < walk->aged)
		return;
	ml_index_age(a, index);
	walk->aged = index + 1;
}

/* Of the FastLane. */
static void stale(struct ml_arena *a, u32 index)
{
	u64 loc;
	struct ml_run *run = ml_place_of(a, index, &loc);

	if (run && run->lane == MEMLANE_FAST)
		place(a, index, STALE);
}

static void visit(struct ml_arena *a, const struct sweep *w, u32 index)
{
	if (!ml_index_placed(a, index))
		return;
	switch (w->mode) {
	case AGE:
		sweep_age(a, w->walk, index);
		place(a, index, w->mode);
		break;
	case PURGE:
		sweep_purge(a, w, index);
		break;
	default:
		stale(a, index);
	}
}

/* Has a bound index nothing to look at? Two of its words are the program's; or NULL. */
static bool rests(const struct ml_arena *a, const struct sweep *w, u8 state, const u64 *pin,
		  const u8 *cls)
{
	return w->rests && state >> ML_HEAT_SHIFT &&
	       !(pin && READ_ONCE(*pin) & ML_HINTS_LEAVING) &&
	       !(cls && ml_policy_may_be_over(a, READ_ONCE(*cls)));
}

/* Of so many indices, whose words are on one page of each vector. */
static u32 passed_of(const struct ml_arena *a, const struct sweep *w, u32 index, u32 nr,
		     const u8 *state)
{
	const u64 *pin = ml_vec_at(&a->table.pin, index);
	const u8 *cls = ml_vec_at(&a->table.cls, index);
	u32 i;

	for (i = 0; i < nr; i++) {
		if ((state[i] & ML_STATE_MASK) != ML_BOUND)
			continue;
		if (!rests(a, w, state[i], pin ? pin + i : NULL, cls ? cls + i : NULL))
			break;
	}
	return i;
}

/* Indices from the cursor on that are passed over; some, if there are none behind them. */
static u32 passed(const struct ml_arena *a, const struct sweep *w)
{
	u32 index = w->walk->cursor, nr;
	const u8 *state = ml_index_block(a, index, &nr);

	nr = min(nr, w->walk->left);
	if (!state)
		return nr;
	return passed_of(a, w, index, min(nr, ROW - ((index - a->table.first) & (ROW - 1))), state);
}

/* One piece, or less when the batch is full. */
static void sweep_piece(struct ml_arena *a, const struct sweep *w)
{
	struct ml_walk *walk = w->walk;
	u32 looks = PIECE, nr;

	while (walk->left && looks && !ml_batch_full(a)) {
		if (!walk->cursor || walk->cursor >= a->table.top)
			walk->cursor = a->table.first + 1;
		nr = passed(a, w);
		if (!nr) {
			visit(a, w, walk->cursor);
			nr = 1;
		}
		walk->left -= nr;
		walk->cursor += nr;
		looks -= min(looks, 1 + nr / PASSED);
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
	u64 nr = w->mode == PURGE ? wanted(a, w) : ML_BATCH_PAGES;

	if (!nr || !ml_step_next(a, s))
		return false;
	a->batch->limit = min(a->batch->limit, min_t(u64, nr, ML_BATCH_PAGES) << ML_PAGE_SHIFT);
	return true;
}

/* Go back to the first object that was to move and had to be put off, if there is one. */
static void step_back(struct ml_arena *a, struct ml_walk *walk)
{
	const struct ml_batch *b = a->batch;
	u32 index;

	if (b->begun == b->nr)
		return;
	index = b->move[b->begun].index;
	walk->left += walk->cursor - index;
	if (walk->cursor < index)
		walk->left += ml_indices(a);
	walk->cursor = index;
}

/* Return: true: the walk has ended; false: limits ended it, or there was enough. */
static bool sweep(struct ml_arena *a, struct ml_step *s, const struct sweep *w)
{
	while (w->walk->left && begin_batch(a, s, w)) {
		sweep_piece(a, w);
		if (a->batch->nr) {
			ml_step_run(a, s);
			step_back(a, w->walk);
		} else {
			ml_turn_pass(a);
		}
	}
	if (!w->walk->left)
		return true;
	if (w->mode != PURGE || wanted(a, w))
		s->req->out_more = 1;
	return false;
}

/**
 * ml_sweep_anew - the next sweeps for room visit all objects
 * @a: arena; arena.lock
 *
 * Restart all scans. Unlimited calls do this; all others resume where the last one ended.
 */
void ml_sweep_anew(struct ml_arena *a)
{
	lockdep_assert_held(&a->lock);
	a->policy.stale.left = 0;
	a->policy.stale_left = false;
	memset(a->policy.purge, 0, sizeof(a->policy.purge));
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
	struct ml_walk *walk = &a->policy.age;
	struct sweep w = { .mode = AGE, .walk = walk };

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (!walk->cursor)
		walk->cursor = a->table.first + 1;
	walk->left = a->table.top - min(a->table.top, walk->cursor);
	if (!sweep(a, s, &w))
		return false;
	walk->cursor = 0;
	walk->aged = 0;
	return true;
}

/**
 * ml_sweep_stale - let objects leave the FastLane that need not be there
 * @a: arena; both locks
 * @s: step whose limits and results apply
 *
 * Goes on where the last step ended, if time ended it. Return: true: all were visited.
 */
bool ml_sweep_stale(struct ml_arena *a, struct ml_step *s)
{
	struct ml_walk *walk = &a->policy.stale;
	struct sweep w = { .mode = STALE, .walk = walk, .rests = ml_policy_rests(a) };

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (!walk->left)
		walk->left = ml_indices(a);
	return sweep(a, s, &w);
}

/**
 * ml_sweep_purge - drop objects of purgeable groups, those that matter least first
 * @a: arena; both locks
 * @s: step whose limits and results apply
 * @lane: where
 * @target: enough once the lane uses so many pages
 *
 * Goes on where the last step ended, if time ended it.
 */
void ml_sweep_purge(struct ml_arena *a, struct ml_step *s, unsigned int lane, u64 target)
{
	struct ml_walk *walk = &a->policy.purge[lane];
	struct sweep w = { .mode = PURGE, .walk = walk, .lane = lane, .target = target };

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	for (; walk->priority < MEMLANE_PRIORITIES; walk->priority++) {
		if (!walk->left)
			walk->left = ml_indices(a);
		if (!sweep(a, s, &w))
			break;
	}
	if (!wanted(a, &w) || walk->priority == MEMLANE_PRIORITIES)
		walk->left = walk->priority = 0;
}
