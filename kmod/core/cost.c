// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* cost.c - what a migration would cost, and what speaks for and against it */
#include <linux/math64.h>
#include <linux/nospec.h>

#include "block.h"
#include "lane.h"
#include "place.h"
#include "policy.h"
#include "table.h"
#include "turn.h"

/* Rates are measured by the clock, and may be absurd where the mover had to wait. */
static u64 scaled(u64 amount, u64 ns, u64 per)
{
	if (!per)
		return 0;
	if (amount && div64_u64(ns, per) >= ~0ULL / amount)
		return ~0ULL;
	return mul_u64_u64_div_u64(amount, ns, per);
}

static void price(const struct ml_arena *a, const struct ml_need *need, u64 room,
		  struct memlane_cost *c)
{
	const struct ml_rate *r = &a->rate;

	if (need->cls == MEMLANE_CLASS_BLOB && !a->ops->remap_copies) {
		c->out_pages = need->pages;
		c->out_ns = scaled(need->pages, r->remap_ns, r->remap_pages);
	} else {
		c->out_bytes = room;
		c->out_ns = scaled(room, r->copy_ns, r->copy_bytes);
	}
}

/* What the program has said, by hints and by the threshold: for one lane, against the other. */
static u32 reasons_said(const struct ml_arena *a, u32 index)
{
	u32 why = 0;

	if (ml_index_notes(a, index) & ML_HINTS_LEAVING)
		why |= MEMLANE_REASON_HINTED;
	if (ml_policy_oversized(a, index))
		why |= MEMLANE_REASON_OVERSIZED;
	return why;
}

static u32 reasons_fast(const struct ml_arena *a, u32 index)
{
	u32 why = 0;

	if (ml_index_heat(a, index) == ML_HEAT_ALWAYS)
		why |= MEMLANE_REASON_HOT;
	if (ml_policy_half_full(a))
		why |= MEMLANE_REASON_NO_ROOM;
	return why;
}

static u32 reasons_slow(const struct ml_arena *a, u32 index)
{
	u32 why = ml_policy_in_use(a, index) ? MEMLANE_REASON_IN_USE : MEMLANE_REASON_STALE;

	if (ml_index_notes(a, index) & MEMLANE_HINT_FRAME_CRITICAL)
		why |= MEMLANE_REASON_FRAME_CRITICAL;
	if (ml_policy_kept(a, index))
		why |= MEMLANE_REASON_PRIORITY;
	if (ml_lane_pressed(a, MEMLANE_SLOW))
		why |= MEMLANE_REASON_NO_ROOM;
	return why;
}

/* For and against: whatever the policy looks at, and what is in the way of any move. */
static u32 reasons(const struct ml_arena *a, u32 index, unsigned int from, unsigned int lane,
		   const struct ml_need *need)
{
	u32 why = reasons_said(a, index);

	why |= lane == MEMLANE_FAST ? reasons_fast(a, index) : reasons_slow(a, index);
	if (from == lane)
		why |= MEMLANE_REASON_THERE;
	if (ml_index_pins(a, index))
		why |= MEMLANE_REASON_PINNED;
	if (!ml_lane_room(a, lane, ml_need_pages(need), false))
		why |= MEMLANE_REASON_NO_ROOM;
	return why;
}

/* Would maintenance do it? What is pinned is passed over. */
static bool advised(const struct ml_arena *a, u32 index, unsigned int from, unsigned int lane)
{
	struct ml_wish w;

	return lane != from && !ml_index_pins(a, index) &&
	       ml_policy_wish(a, index, &w) && w.lane == lane;
}

static void weigh(struct ml_arena *a, struct memlane_cost *c)
{
	u32 index = memlane_handle_index(c->handle);
	struct ml_need need;
	u64 loc;
	struct ml_run *run = ml_place_of(a, index, &loc);

	if (!run || ml_need_of(a, loc, &need))
		return;
	price(a, &need, ml_run_room(run), c);
	c->out_heat = ml_index_heat(a, index);
	c->out_reasons = reasons(a, index, run->lane, c->lane, &need);
	c->out_advised = advised(a, index, run->lane, c->lane);
}

/**
 * ml_cost - what a migration would cost, before the fact
 * @a: arena
 * @req: see struct memlane_cost
 */
int ml_cost(struct ml_arena *a, struct memlane_cost *req)
{
	struct memlane_cost c = { .size = req->size, .handle = req->handle, .lane = req->lane };
	int err;

	if (req->flags)
		return -EOPNOTSUPP;
	if (req->lane >= MEMLANE_LANES)
		return -EINVAL;
	c.lane = array_index_nospec(req->lane, MEMLANE_LANES);
	if (ml_turn_lock(a))
		return -EINTR;
	err = ml_handle_check(a, c.handle);
	if (!err)
		weigh(a, &c);
	mutex_unlock(&a->lock);
	*req = c;
	return err;
}
