// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* option.c - options that can be changed while the arena lives */
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <linux/nospec.h>

#include "decay.h"
#include "lane.h"
#include "option.h"
#include "policy.h"
#include "stat.h"
#include "turn.h"

#define NSEC_PER_MS	1000000ULL
#define DECAY_MAX	(3600ULL * 1000 * NSEC_PER_MS)
#define GROUP_BYTES	(65536 / 8)

static int set_limit(struct ml_arena *a, unsigned int lane, u64 bytes)
{
	struct ml_lane *l = &a->lane[lane];

	if (bytes > l->max << ML_PAGE_SHIFT || ml_pages(bytes) < ml_lane_used(l))
		return -EINVAL;
	WRITE_ONCE(l->limit, ml_pages(bytes));
	l->initial = l->limit;
	ml_lane_fit(a, lane);
	return 0;
}

/* A lane that has more than it may grow to is cut back to that. */
static int set_max(struct ml_arena *a, unsigned int lane, u64 bytes)
{
	struct ml_lane *l = &a->lane[lane];

	if (bytes > l->reserve << ML_PAGE_SHIFT || !bytes || ml_pages(bytes) < ml_lane_used(l))
		return -EINVAL;
	l->max = ml_pages(bytes);
	l->initial = min(l->initial, l->max);
	WRITE_ONCE(l->limit, min(l->limit, l->max));
	ml_lane_fit(a, lane);
	return 0;
}

static int set_u32(u32 *field, u64 value, u32 lowest, u32 highest)
{
	if (value < lowest || value > highest)
		return -EINVAL;
	WRITE_ONCE(*field, value);	/* some are looked at without a lock */
	return 0;
}

/* @value: the group, and whether it may be dropped in bit 16. */
static int set_purgeable(struct ml_arena *a, u64 value)
{
	u32 group = value & 0xffff;
	u8 bit = 1U << group % 8;

	if (value >> 17)
		return -EINVAL;
	if (!a->policy.purgeable)
		a->policy.purgeable = a->ops->zalloc(a, GROUP_BYTES);
	if (!a->policy.purgeable)
		return -ENOMEM;
	if (value >> 16)
		a->policy.purgeable[group / 8] |= bit;
	else
		a->policy.purgeable[group / 8] &= ~bit;
	return 0;
}

/* Frees what options hold; the arena ends. */
void ml_options_exit(struct ml_arena *a)
{
	if (a->policy.purgeable)
		a->ops->zfree(a, a->policy.purgeable, GROUP_BYTES);
}

/* What is kept was promised to go when the old time is over, or at once. */
static int set_decay(struct ml_arena *a, u64 ns)
{
	unsigned int lane;

	if (ns > DECAY_MAX)
		return -EINVAL;
	if (ns && !a->ops->later)
		return -EOPNOTSUPP;	/* nobody would give them back */
	a->policy.decay = ns;
	for (lane = 0; lane < MEMLANE_LANES && !ns; lane++)
		ml_kept_trim(a, &a->lane[lane], 0);
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
	case MEMLANE_OPT_FAST_MAX:
		return set_max(a, MEMLANE_FAST, value);
	case MEMLANE_OPT_SLOW_MAX:
		return set_max(a, MEMLANE_SLOW, value);
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
	case MEMLANE_OPT_AGE_INTERVAL:
		p->age_interval = value;
		return 0;
	case MEMLANE_OPT_THRESHOLD:
		p->threshold = value;
		return 0;
	case MEMLANE_OPT_DECAY:
		return set_decay(a, value);
	case MEMLANE_OPT_COLD_AGE:
		return set_u32(&p->cold_age, value, 0, ML_HEAT_BITS);
	case MEMLANE_OPT_PRIVATE:
		if (value > 1)
			return -EINVAL;
		WRITE_ONCE(p->private, value);
		return 0;
	case MEMLANE_OPT_PURGEABLE:
		return set_purgeable(a, value);
	default:
		return -EOPNOTSUPP;
	}
}

static u64 get_purgeable(const struct ml_policy *p, u64 value)
{
	u32 group = value & 0xffff;

	if (!p->purgeable || !(p->purgeable[group / 8] & 1U << group % 8))
		return group;
	return group | 1U << 16;
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
		[MEMLANE_OPT_AGE_INTERVAL] = p->age_interval,
		[MEMLANE_OPT_THRESHOLD] = p->threshold,
		[MEMLANE_OPT_DECAY] = p->decay,
		[MEMLANE_OPT_PRIVATE] = p->private,
		[MEMLANE_OPT_COLD_AGE] = p->cold_age,
		[MEMLANE_OPT_PURGEABLE] = get_purgeable(p, *value),
		[MEMLANE_OPT_FAST_MAX] = a->lane[MEMLANE_FAST].max << ML_PAGE_SHIFT,
		[MEMLANE_OPT_SLOW_MAX] = a->lane[MEMLANE_SLOW].max << ML_PAGE_SHIFT,
	};

	if (!option || option >= MEMLANE_OPTIONS)
		return -EOPNOTSUPP;
	*value = values[array_index_nospec(option, MEMLANE_OPTIONS)];
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
	if (ml_turn_lock(a))
		return -EINTR;
	err = write_option(a, req->option, req->value);
	WRITE_ONCE(a->changes, a->changes + 1);
	ml_publish(a);
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
	u64 value = req->value;
	int err;

	if (req->flags || req->__reserved)
		return -EOPNOTSUPP;
	if (ml_turn_lock(a))
		return -EINTR;
	err = read_option(a, req->option, &value);
	mutex_unlock(&a->lock);
	req->value = value;
	return err;
}
