// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sweep.c - a walk over all objects: ageing, and moves that the policy wants
 *
 * The walk is cut into pieces of PIECE indices, between which others get the
 * lock; a step's limits end it early, and the next period starts it anew.
 */
#include <linux/sched.h>

#include "block.h"
#include "lane.h"
#include "move.h"
#include "policy.h"
#include "run.h"
#include "sweep.h"
#include "table.h"

#define PIECE	4096

/* Stock stays in the lane that its magazine is for: it is nobody's yet. */
static void place(struct ml_arena *a, u32 index)
{
	struct ml_wish w;

	if (!(ml_entry_read(a, index) & MEMLANE_ENTRY_LIVE) || !ml_policy_wish(a, index, &w))
		return;
	ml_decided(a, w.cause, w.lane, index);
	a->batch->cause = w.cause;
	ml_batch_place(a, index, w.lane, w.temper);
}

static void purge(struct ml_arena *a, u32 index)
{
	if (!ml_policy_purgeable(a, index, ml_entry_read(a, index)))
		return;
	ml_decided(a, MEMLANE_CAUSE_PURGE, ml_lane_of(a, ml_index_loc(a, index)), index);
	ml_batch_purge(a, index);
}

static void visit(struct ml_arena *a, u32 index, enum ml_sweep_mode mode)
{
	if (mode == ML_SWEEP_AGE)
		ml_index_age(a, index);
	if (mode == ML_SWEEP_PURGE) {
		purge(a, index);
		return;
	}
	if (mode == ML_SWEEP_AGE || ml_lane_of(a, ml_index_loc(a, index)) == MEMLANE_FAST)
		place(a, index);
}

/* One piece, or less when the batch is full. */
static void sweep_piece(struct ml_arena *a, u32 *cursor, enum ml_sweep_mode mode)
{
	u32 end = *cursor + PIECE;

	for (; *cursor < end && *cursor < a->table.top && !ml_batch_full(a); (*cursor)++)
		if (ml_index_placed(a, *cursor))
			visit(a, *cursor, mode);
}

/**
 * ml_sweep - visit every object once
 * @a: arena; both locks
 * @s: step whose limits and results apply
 * @mode: what for
 */
void ml_sweep(struct ml_arena *a, struct ml_step *s, enum ml_sweep_mode mode)
{
	u32 cursor = 1;

	while (cursor < a->table.top && ml_step_next(a, s)) {
		sweep_piece(a, &cursor, mode);
		if (a->batch->nr)
			ml_step_run(a, s);
		else
			ml_step_yield(a);
	}
}
