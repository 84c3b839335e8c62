// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * reclaim.c - giving pages back at once, while nobody is waited for
 *
 * Somebody is short of memory, perhaps the holder of any lock, in the middle of
 * anything. So locks are only tried, nothing is allocated that can be done without,
 * and an object is dropped only if no section is open that may be using it. What
 * needs more than that is left to maintenance.
 */
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/sched.h>

#include "block.h"
#include "decay.h"
#include "depot.h"
#include "lane.h"
#include "move.h"
#include "place.h"
#include "policy.h"
#include "reclaim.h"
#include "stat.h"
#include "table.h"

#define LOOKS	65536U	/* indices that a call looks at; the next one goes on */
#define REST	9	/* after a walk that freed nothing, so many times what it took */

static u64 returned(const struct ml_arena *a, u64 was)
{
	return a->count.pages_returned - was;
}

/* Some of the kept pages may never have existed: on until enough have gone. */
static void trim_kept(struct ml_arena *a, struct ml_lane *lane, u64 pages)
{
	u64 was = a->count.pages_returned, kept;

	while ((kept = ml_lane_kept(lane)) && returned(a, was) < pages)
		ml_kept_trim(a, lane, kept - min(kept, pages - returned(a, was)));
}

/* Kept pages and empty spans: of no use to anybody at the moment. */
static void trim(struct ml_arena *a, u64 pages)
{
	u64 was = a->count.pages_returned;
	unsigned int lane, cls;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		trim_kept(a, &a->lane[lane], pages - min(pages, returned(a, was)));
	while (returned(a, was) < pages && ml_depot_free_one(a))
		;
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		for (cls = 0; cls < ML_CLASS_SETS && returned(a, was) < pages; cls++)
			ml_span_trim(a, &a->lane[lane].cls[cls], 0);
}

static void empty_batch(struct ml_arena *a, u64 pages)
{
	struct ml_batch *b = a->batch;

	b->nr = 0;
	b->most = ML_BATCH;
	b->bytes = 0;
	b->pages = 0;
	b->nomem = false;
	b->limit = min_t(u64, pages, ML_BATCH_PAGES) << ML_PAGE_SHIFT;
	b->cause = MEMLANE_CAUSE_PURGE;
}

static bool may_drop(struct ml_arena *a, u32 index, u32 priority)
{
	return ml_index_placed(a, index) && !ml_index_pins(a, index) &&
	       ml_index_priority(a, index) == priority &&
	       ml_policy_purgeable(a, index, ml_entry_read(a, index));
}

/* The next index of the walk; false: it has been through all priorities. */
static bool walk_on(struct ml_arena *a, struct ml_walk *walk)
{
	walk->cursor = max(walk->cursor, a->table.first) + 1;
	walk->cursor += ml_index_gone(a, walk->cursor);
	if (walk->cursor < a->table.top)
		return true;
	walk->cursor = 0;
	if (++walk->priority < MEMLANE_PRIORITIES)
		return true;
	walk->priority = 0;
	return false;
}

/* Return: false: nothing is left to look at. */
static bool reclaim_fill(struct ml_arena *a, u32 *looks)
{
	struct ml_walk *walk = &a->policy.reclaim;
	struct ml_run *run;
	u64 loc;

	for (; *looks && !ml_batch_full(a); (*looks)--) {
		if (!walk_on(a, walk))
			return false;
		if (!may_drop(a, walk->cursor, walk->priority))
			continue;
		run = ml_place_of(a, walk->cursor, &loc);
		if (!run)
			continue;
		ml_decided(a, MEMLANE_CAUSE_PURGE, run->lane, walk->cursor);
		ml_batch_purge(a, walk->cursor);
	}
	return true;
}

/* What a batch that was given up had is looked at again. */
static void go_back(struct ml_arena *a)
{
	if (a->batch->nr)
		a->policy.reclaim.cursor = a->batch->move[0].index - 1;
}

static void tell(struct ml_arena *a, const u64 *objects)
{
	unsigned int lane;
	u64 dropped;

	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		dropped = objects[lane] - a->lane[lane].objects;
		if (dropped)
			ml_event(a, MEMLANE_EVENT_PURGED, lane, dropped);
	}
}

/* What only seems to have something takes little of the time of who is short. */
static void reclaim_account(struct ml_arena *a, u64 begun, bool ended)
{
	u64 dropped = a->count.by_cause[MEMLANE_CAUSE_PURGE], now = a->ops->now();
	struct ml_policy *p = &a->policy;

	p->reclaim_took += now - begun;
	if (!ended)
		return;
	if (dropped == p->reclaim_dropped)
		p->reclaim_rested = now + REST * p->reclaim_took;
	p->reclaim_dropped = dropped;
	p->reclaim_took = 0;
}

static void reclaim_purge(struct ml_arena *a, u64 pages)
{
	u64 objects[] = { a->lane[MEMLANE_FAST].objects, a->lane[MEMLANE_SLOW].objects };
	u64 was = a->count.pages_returned;
	u64 begun = a->ops->now();
	u32 looks = LOOKS;
	bool more = true;

	if (begun < a->policy.reclaim_rested)
		return;
	while (more && looks && returned(a, was) < pages) {
		empty_batch(a, pages - returned(a, was));
		more = reclaim_fill(a, &looks);
		if (!ml_batch_now(a)) {
			more |= a->batch->nr > 0;
			go_back(a);
			break;
		}
		trim(a, pages);
		cond_resched();
	}
	tell(a, objects);
	reclaim_account(a, begun, !more);
}

static u64 reclaim(struct ml_arena *a, u64 pages)
{
	u64 was = a->count.pages_returned;

	WRITE_ONCE(a->reclaiming, true);
	trim(a, pages);
	if (a->policy.purgeable && returned(a, was) < pages)
		reclaim_purge(a, pages - returned(a, was));
	WRITE_ONCE(a->reclaiming, false);
	ml_publish(a);
	return returned(a, was);
}

/**
 * ml_reclaim - give pages back at once
 * @a: arena
 * @pages: that are wanted
 *
 * Kept ones go first, then those of empty spans, then objects of purgeable groups, those that matter
 * least first. 0 means that a lock was held, a section open, or nothing there.
 *
 * Context: may sleep, and nothing else; locks are only tried.
 * Return: how many pages have gone back.
 */
u64 ml_reclaim(struct ml_arena *a, u64 pages)
{
	u64 freed = 0;

	if (!mutex_trylock(&a->mover))
		return 0;
	if (mutex_trylock(&a->lock)) {
		if (!a->ops->reclaim_begin || a->ops->reclaim_begin(a)) {
			freed = reclaim(a, pages);
			if (a->ops->reclaim_end)
				a->ops->reclaim_end(a);
		}
		mutex_unlock(&a->lock);
	}
	mutex_unlock(&a->mover);
	return freed;
}
