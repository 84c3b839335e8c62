// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* maintain.c - the maintenance cycle, and what a full lane does first */
#include "compact.h"
#include "lane.h"
#include "maintain.h"
#include "policy.h"
#include "slot.h"
#include "sweep.h"

#define ROOM_INTERVAL	100000000ULL	/* ns between compactions for want of room */
#define ROOM_NS		10000000ULL	/* ns that one of these may take */
#define ROOM_LAST_NS	1000000000ULL	/* the same where the request would be refused */

static void age_if_due(struct ml_arena *a, struct ml_step *s)
{
	u64 now = a->ops->now();

	if (now - a->policy.aged < a->policy.age_interval)
		return;
	a->policy.aged = now;
	a->count.periods++;
	ml_sweep(a, s, ML_SWEEP_AGE);
}

/* An empty lane shrinks to what it was at first. */
static void shrink(struct ml_lane *l)
{
	if (!ml_lane_used(l))
		WRITE_ONCE(l->limit, l->initial);
}

/* Told once each time that a lane comes under pressure. */
static void tell_pressure(struct ml_arena *a, unsigned int lane)
{
	const struct ml_lane *l = &a->lane[lane];
	bool pressed = ml_lane_used(l) * 1000 >= l->limit * a->policy.slow_usage_threshold;

	if (pressed && !a->policy.pressed[lane])
		ml_event(a, MEMLANE_EVENT_PRESSURE, lane, ml_lane_used(l) << ML_PAGE_SHIFT);
	a->policy.pressed[lane] = pressed;
}

static void purge(struct ml_arena *a, struct ml_step *s)
{
	u64 was = a->count.by_cause[MEMLANE_CAUSE_PURGE], dropped;

	ml_sweep(a, s, ML_SWEEP_PURGE);
	dropped = a->count.by_cause[MEMLANE_CAUSE_PURGE] - was;
	if (dropped)
		ml_event(a, MEMLANE_EVENT_PURGED, 0, dropped);
}

static void compact(struct ml_arena *a, struct ml_step *s, unsigned int lane, u64 hole)
{
	ml_decided(a, MEMLANE_CAUSE_COMPACT, lane, 0);
	ml_compact_lane(a, s, lane, hole);
}

static void cycle(struct ml_arena *a, struct ml_step *s)
{
	unsigned int lane;

	ml_slots_reap(a);
	age_if_due(a, s);
	if (a->policy.purgeable && ml_policy_pressed(a))
		purge(a, s);
	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		if (ml_policy_wants_compaction(a, lane))
			compact(a, s, lane, 0);
		else
			ml_compact_trim(a, s, &a->lane[lane]);
		shrink(&a->lane[lane]);
		tell_pressure(a, lane);
	}
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
	a->count.cycles++;
	cycle(a, &s);
	return ml_step_end(a, &s);
}

/**
 * ml_make_room - a lane is full: compact it, and let stale objects leave
 * @a: arena; no lock; the caller is in no section
 * @lane: which
 * @pages: that are wanted
 *
 * At most once in ROOM_INTERVAL, for ROOM_NS; longer if nobody else can serve: the
 * SlowLane, when it may not grow.
 */
void ml_make_room(struct ml_arena *a, unsigned int lane, u64 pages)
{
	const struct ml_lane *l = &a->lane[lane];
	bool last = lane == MEMLANE_SLOW && READ_ONCE(l->limit) == l->max;
	struct memlane_step limits = { .max_ns = last ? ROOM_LAST_NS : ROOM_NS };
	struct ml_step s;

	if (a->ops->now() - READ_ONCE(a->policy.made_room) < ROOM_INTERVAL ||
	    ml_step_begin(a, &s, &limits))
		return;
	compact(a, &s, lane, pages << ML_PAGE_SHIFT);
	if (lane == MEMLANE_FAST && !ml_lane_room(a, lane, pages, false))
		ml_sweep(a, &s, ML_SWEEP_STALE);
	WRITE_ONCE(a->policy.made_room, a->ops->now());
	ml_step_end(a, &s);
}
