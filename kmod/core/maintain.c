// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* maintain.c - the maintenance cycle, and what a full lane does first */
#include <linux/atomic.h>
#include <linux/minmax.h>

#include "compact.h"
#include "idle.h"
#include "lane.h"
#include "maintain.h"
#include "policy.h"
#include "sleeper.h"
#include "slot.h"
#include "sweep.h"

#define ROOM_INTERVAL	100000000ULL	/* ns between compactions for want of room */
#define ROOM_BYTES	(4ULL << 20)	/* that one of these may copy */
#define ROOM_NS		50000000ULL	/* ns that it may take */
#define RESORT_NS	1000000000ULL	/* the same where the request would be refused */
#define REST		9		/* after a cycle in the background, so many times what it took */

#define LANES_PAGES	(1ULL << 32)	/* more than there can be */

static const struct ml_goal all;

/* End a period if one is due, or go on with one: in half of the step at most. */
static void age(struct ml_arena *a, struct ml_step *s, bool fresh)
{
	struct ml_policy *p = &a->policy;
	u64 now = a->ops->now();

	if (!p->age.cursor) {
		if (!fresh || now - p->aged < p->age_interval)
			return;
		p->aged = now;
	}
	ml_step_share(s, 2);
	a->count.periods += ml_sweep_age(a, s);
}

/* An empty lane shrinks to what it was at first. */
static void shrink(struct ml_arena *a, unsigned int lane)
{
	struct ml_lane *l = &a->lane[lane];

	if (ml_lane_used(l))
		return;
	WRITE_ONCE(l->limit, l->initial);
	ml_lane_fit(a, lane);
}

/* Drop what may be dropped of a lane until it uses @target pages, and say so. */
static void purge(struct ml_arena *a, struct ml_step *s, unsigned int lane, u64 target)
{
	u64 was = a->count.by_cause[MEMLANE_CAUSE_PURGE], dropped;

	if (!a->policy.purgeable)
		return;
	ml_sweep_purge(a, s, lane, target);
	dropped = a->count.by_cause[MEMLANE_CAUSE_PURGE] - was;
	if (dropped)
		ml_event(a, MEMLANE_EVENT_PURGED, lane, dropped);
}

static void compact(struct ml_arena *a, struct ml_step *s, unsigned int lane,
		    const struct ml_goal *goal)
{
	ml_decided(a, MEMLANE_CAUSE_COMPACT, lane, 0);
	ml_compact_lane(a, s, lane, goal);
}

static u64 still_wanted(const struct ml_arena *a, const struct ml_step *s, u64 wanted)
{
	u64 returned = a->count.pages_returned - s->was.pages_returned;

	returned -= min(returned, s->taken);
	return wanted - min(wanted, returned);
}

/* Give pages back: those between the objects first, then what may be dropped. */
static void relieve(struct ml_arena *a, struct ml_step *s, unsigned int lane, u64 wanted)
{
	struct ml_lane *l = &a->lane[lane];
	u64 used = ml_lane_used(l), left;
	struct ml_goal goal = { .used = used - min(used, wanted) };

	ml_step_share(s, 3);
	if (a->policy.auto_compaction)
		compact(a, s, lane, &goal);
	left = still_wanted(a, s, wanted);
	if (left && lane == MEMLANE_SLOW) {
		ml_step_share(s, 3);
		left -= min(left, ml_idle_relieve(a, s));
	}
	if (!left)
		return;
	used = ml_lane_used(l);
	ml_step_share(s, 4);
	purge(a, s, lane, used - min(used, left));
	ml_compact_trim(a, s, l);
}

static void tend_lane(struct ml_arena *a, struct ml_step *s, unsigned int lane)
{
	u64 excess = ml_lane_excess(a, lane);

	ml_step_share(s, 3);
	if (excess && lane == MEMLANE_SLOW) {
		ml_idle_relieve(a, s);
		excess -= min(excess, ml_idle_saved(a));
	}
	purge(a, s, lane, ml_lane_used(&a->lane[lane]) - excess);
	ml_step_share(s, 4);
	if (ml_policy_wants_compaction(a, lane))
		compact(a, s, lane, &all);
	else
		ml_compact_spare(a, s, &a->lane[lane]);
	shrink(a, lane);
	ml_lane_tell_pressure(a, lane);
}

/* Return: pages that the system wants back; who comes now asks anew. */
static u64 take_wanted(struct ml_arena *a)
{
	u64 wanted = READ_ONCE(a->policy.wanted);

	if (!wanted)
		return 0;
	ml_event(a, MEMLANE_EVENT_PRESSURE, MEMLANE_LANES, wanted << ML_PAGE_SHIFT);
	WRITE_ONCE(a->policy.wanted, 0);
	a->count.shortages++;
	return wanted;
}

static void cycle(struct ml_arena *a, struct ml_step *s, bool fresh)
{
	u64 wanted = take_wanted(a), left;
	int lane;

	a->count.cycles++;
	ml_step_share(s, 1);
	ml_slots_tend(a, s);
	if (s->err)
		return;
	if (fresh || wanted)
		ml_sleepers_take(a, s, false);
	age(a, s, fresh);
	for (lane = MEMLANE_LANES - 1; lane >= 0; lane--) {
		if (wanted)
			ml_compact_trim(a, s, &a->lane[lane]);
		left = still_wanted(a, s, wanted);
		if (left)
			relieve(a, s, lane, left);
	}
	/* Each has the first turn every other time. */
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		tend_lane(a, s, (lane + a->count.cycles) % MEMLANE_LANES);
	ml_step_share(s, 4);
	ml_idle_tend(a, s);
}

/**
 * ml_maintain - run one maintenance cycle
 * @a: arena
 * @req: see struct memlane_maintain
 */
int ml_maintain(struct ml_arena *a, struct memlane_maintain *req)
{
	struct ml_step s;
	int err;

	if (req->flags)
		return -EOPNOTSUPP;
	err = ml_step_begin(a, &s, &req->step);
	if (err)
		return err;
	if (!req->step.max_ns)
		ml_sweep_anew(a);
	cycle(a, &s, true);
	return ml_step_end(a, &s);
}

static int background_cycle(struct ml_arena *a, struct memlane_step *step, bool fresh)
{
	struct ml_step s;
	int err = ml_step_begin(a, &s, step);

	if (err)
		return err;
	s.patient = true;
	cycle(a, &s, fresh);
	return ml_step_end(a, &s);
}

/**
 * ml_tend - run a maintenance cycle in the background, or go on with one
 * @a: arena
 * @step: limits and results; max_ns bounds the work, waits for sections come on top
 * @t: of the last cycle, and of this one; where @t->more no period begins
 *
 * Each wait is bounded by the grace period, and after one that timed out no other
 * is begun past max_ns. The rest is REST times what the cycle took, except for waiting.
 *
 * Return: 0, or the error that ended the cycle early.
 */
int ml_tend(struct ml_arena *a, struct memlane_step *step, struct ml_tended *t)
{
	u64 begun = a->ops->now(), waited = READ_ONCE(a->waited), ended, took;
	int err = background_cycle(a, step, !t->more);

	ended = a->ops->now();
	took = ended - begun;
	took -= min(took, READ_ONCE(a->waited) - waited);
	t->rested = ended + REST * took;
	t->more = !err && step->out_more && !step->out_given_up;
	return err;
}

/**
 * ml_short_of_memory - the system is short of memory: the next cycle gives some back
 * @a: arena
 * @pages: that are wanted
 *
 * Two who ask at the same moment may count as one. Context: any; no lock.
 */
void ml_short_of_memory(struct ml_arena *a, u64 pages)
{
	u64 wanted = READ_ONCE(a->policy.wanted);

	WRITE_ONCE(a->policy.wanted, wanted + min(pages, LANES_PAGES - min(wanted, LANES_PAGES)));
}

/**
 * ml_make_room - a lane is full: compact it, and let stale objects leave
 * @a: arena; no lock; the caller is in no section
 * @lane: which
 * @pages: that are wanted
 *
 * What threads that sleep have in stock comes back first. Once in ROOM_INTERVAL for each lane,
 * and within limits: others can serve.
 */
void ml_make_room(struct ml_arena *a, unsigned int lane, u64 pages)
{
	struct ml_goal goal = { .hole = pages << ML_PAGE_SHIFT };
	struct memlane_step limits = { .max_bytes = ROOM_BYTES, .max_ns = ROOM_NS };
	struct ml_lane *l = &a->lane[lane];
	struct ml_step s;

	if (a->ops->now() - READ_ONCE(l->made_room) < ROOM_INTERVAL ||
	    ml_step_begin(a, &s, &limits))
		return;
	/* Others may have waited for the same lock, and made room. */
	if (a->ops->now() - l->made_room >= ROOM_INTERVAL) {
		ml_sleepers_take(a, &s, false);
		ml_compact_spare(a, &s, l);
		ml_step_share(&s, 4);
		if (a->policy.auto_compaction)
			compact(a, &s, lane, &goal);
		if (lane == MEMLANE_FAST && !ml_lane_room(a, lane, pages, false))
			ml_sweep_stale(a, &s);
		WRITE_ONCE(l->made_room, a->ops->now());
	}
	ml_step_end(a, &s);
}

static bool worthwhile(const struct ml_arena *a)
{
	const struct ml_policy *p = &a->policy;

	return READ_ONCE(a->changes) != READ_ONCE(p->resort_changes) ||
	       a->ops->now() - READ_ONCE(p->resorted) >= ROOM_INTERVAL;
}

/* The stock of all threads goes first. @given: pages that each lane has back. */
static void take_stock(struct ml_arena *a, struct ml_step *s, u64 *given)
{
	unsigned int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		given[lane] = ml_lane_used(&a->lane[lane]);
	ml_sleepers_take(a, s, true);
	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		ml_compact_spare(a, s, &a->lane[lane]);
		given[lane] -= min(given[lane], ml_lane_used(&a->lane[lane]));
	}
	ml_step_share(s, 4);
}

/* Compact a lane for a hole of @pages, and drop what may be dropped for @missing ones. */
static void clear_lane(struct ml_arena *a, struct ml_step *s, unsigned int lane, u64 pages, u64 missing)
{
	struct ml_goal goal = { .hole = pages << ML_PAGE_SHIFT };
	u64 used = ml_lane_used(&a->lane[lane]);

	if (a->policy.auto_compaction)
		compact(a, s, lane, &goal);
	purge(a, s, lane, used - min(used, missing));
}

/**
 * ml_last_resort - a request is about to be refused: do all that may help
 * @a: arena; no lock; the caller is in no section
 * @lanes: bit set: that could serve
 * @pages: that are wanted
 *
 * Takes the stock of all threads back, compacts, lets stale objects leave, and drops purgeable
 * ones, until there is room. Not again before something has changed, or ROOM_INTERVAL is over.
 *
 * Return: whether to try again.
 */
bool ml_last_resort(struct ml_arena *a, unsigned int lanes, u64 pages)
{
	struct memlane_step limits = { .max_ns = RESORT_NS };
	u64 given[MEMLANE_LANES];
	unsigned int lane;
	struct ml_step s;

	if (!worthwhile(a) || ml_step_begin(a, &s, &limits))
		return false;
	WRITE_ONCE(a->policy.resort_changes, a->changes);
	WRITE_ONCE(a->policy.resorted, a->ops->now());
	ml_sweep_anew(a);
	take_stock(a, &s, given);
	if (lanes & 1U << MEMLANE_FAST)
		ml_sweep_stale(a, &s);
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		if (lanes & 1U << lane)
			clear_lane(a, &s, lane, pages, pages - min(pages, given[lane]));
	return !ml_step_end(a, &s);
}
