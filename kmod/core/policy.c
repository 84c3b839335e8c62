// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* policy.c - options and the maintenance cycle */
#include <linux/minmax.h>

#include "compact.h"
#include "lane.h"
#include "policy.h"
#include "slot.h"

#define NSEC_PER_MS	1000000ULL

void ml_policy_init(struct ml_policy *p)
{
	p->auto_compaction = true;
	p->compaction_threshold = 900;
	p->slow_usage_threshold = 850;
	p->safety_margin = 100;
	p->interval = 0;
	p->grace = 10 * NSEC_PER_MS;
}

/**
 * ml_policy_wants_compaction - is a lane full, or fragmented, past its threshold?
 * @a: arena; arena.lock
 * @lane: which
 *
 * Full: its pages pass the threshold of its limit. Fragmented: the places that
 * are given out fill less than the threshold of its spans, by one span or more.
 */
bool ml_policy_wants_compaction(const struct ml_arena *a, unsigned int lane)
{
	const struct ml_lane *l = &a->lane[lane];
	u64 spans = l->area[ML_USE_BLOCK].used;
	u64 bound = l->bound >> ML_PAGE_SHIFT;
	u64 objects = bound - min(bound, l->area[ML_USE_BLOB].used);
	u32 threshold = a->policy.compaction_threshold;

	if (!a->policy.auto_compaction)
		return false;
	return ml_lane_used(l) * 1000 >= l->limit * threshold ||
	       (objects + 16 < spans && objects * 1000 < spans * threshold);
}

/**
 * ml_maintain - run one maintenance cycle
 * @a: arena
 * @req: see struct memlane_maintain
 */
int ml_maintain(struct ml_arena *a, struct memlane_maintain *req)
{
	struct ml_step s;
	unsigned int lane;
	int err;

	if (req->flags)
		return -EOPNOTSUPP;
	err = ml_step_begin(a, &s, &req->step);
	if (err)
		return err;
	a->count.cycles++;
	ml_slots_reap(a);
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		if (ml_policy_wants_compaction(a, lane))
			ml_compact_lane(a, &s, lane, 0);
	return ml_step_end(a, &s);
}

/* --------------------------------------------------------------- options */

static int set_limit(struct ml_arena *a, unsigned int lane, u64 bytes)
{
	struct ml_lane *l = &a->lane[lane];

	if (bytes > MEMLANE_ENTRY_LOC_MASK || ml_pages(bytes) > l->max ||
	    ml_pages(bytes) < ml_lane_used(l))
		return -EINVAL;
	l->limit = ml_pages(bytes);
	return 0;
}

static int set_u32(u32 *field, u64 value, u32 lowest, u32 highest)
{
	if (value < lowest || value > highest)
		return -EINVAL;
	*field = value;
	return 0;
}

static int write_option(struct ml_arena *a, u32 option, u64 value)
{
	struct ml_policy *p = &a->policy;

	switch (option) {
	case MEMLANE_OPT_FAST_LIMIT:
		return set_limit(a, MEMLANE_FAST, value);
	case MEMLANE_OPT_SLOW_LIMIT:
		return set_limit(a, MEMLANE_SLOW, value);
	case MEMLANE_OPT_AUTO_COMPACTION:
		if (value > 1)
			return -EINVAL;
		p->auto_compaction = value;
		return 0;
	case MEMLANE_OPT_COMPACTION_THRESHOLD:
		return set_u32(&p->compaction_threshold, value, 1, 1000);
	case MEMLANE_OPT_SLOW_USAGE_THRESHOLD:
		return set_u32(&p->slow_usage_threshold, value, 1, 1000);
	case MEMLANE_OPT_SLOW_SAFETY_MARGIN:
		return set_u32(&p->safety_margin, value, 0, 500);
	case MEMLANE_OPT_POLICY_INTERVAL:
		WRITE_ONCE(p->interval, value);
		return 0;
	case MEMLANE_OPT_GRACE:
		if (value < 1000 || value > 10000 * NSEC_PER_MS)
			return -EINVAL;
		WRITE_ONCE(p->grace, value);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int read_option(const struct ml_arena *a, u32 option, u64 *value)
{
	const struct ml_policy *p = &a->policy;
	u64 values[MEMLANE_OPTIONS] = {
		[MEMLANE_OPT_FAST_LIMIT] = a->lane[MEMLANE_FAST].limit << ML_PAGE_SHIFT,
		[MEMLANE_OPT_SLOW_LIMIT] = a->lane[MEMLANE_SLOW].limit << ML_PAGE_SHIFT,
		[MEMLANE_OPT_AUTO_COMPACTION] = p->auto_compaction,
		[MEMLANE_OPT_COMPACTION_THRESHOLD] = p->compaction_threshold,
		[MEMLANE_OPT_SLOW_USAGE_THRESHOLD] = p->slow_usage_threshold,
		[MEMLANE_OPT_SLOW_SAFETY_MARGIN] = p->safety_margin,
		[MEMLANE_OPT_POLICY_INTERVAL] = p->interval,
		[MEMLANE_OPT_GRACE] = p->grace,
	};

	if (!option || option >= MEMLANE_OPTIONS)
		return -EOPNOTSUPP;
	*value = values[option];
	return 0;
}

/**
 * ml_set - change one option
 * @a: arena
 * @req: see struct memlane_set
 */
int ml_set(struct ml_arena *a, struct memlane_set *req)
{
	int err;

	if (req->flags || req->__reserved)
		return -EOPNOTSUPP;
	mutex_lock(&a->lock);
	err = write_option(a, req->option, req->value);
	mutex_unlock(&a->lock);
	return err;
}

/**
 * ml_get - read one option
 * @a: arena
 * @req: see struct memlane_set
 */
int ml_get(struct ml_arena *a, struct memlane_set *req)
{
	u64 value = 0;
	int err;

	if (req->flags || req->__reserved)
		return -EOPNOTSUPP;
	mutex_lock(&a->lock);
	err = read_option(a, req->option, &value);
	mutex_unlock(&a->lock);
	req->value = value;
	return err;
}
