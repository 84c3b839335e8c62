// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* policy.c - what should happen to an object, and to a lane: pure functions */
#include <linux/minmax.h>

#include "block.h"
#include "lane.h"
#include "place.h"
#include "policy.h"
#include "run.h"
#include "table.h"

#define NSEC_PER_MS	1000000ULL

void ml_policy_init(struct ml_policy *p)
{
	p->auto_compaction = true;
	p->compaction_threshold = 900;
	p->slow_usage_threshold = 850;
	p->safety_margin = 100;
	p->interval = 0;
	p->grace = 10 * NSEC_PER_MS;
	p->age_interval = 1000 * NSEC_PER_MS;
}

#define HEAT_OF_LATE	0x3	/* used in each of the last two */

/* Is an object larger than the FastLane's are? By the program's own word. */
bool ml_policy_oversized(const struct ml_arena *a, u32 index)
{
	return a->policy.threshold &&
	       ml_index_larger(a, index, a->policy.threshold);
}

static bool filled(const struct ml_lane *l, u32 permille)
{
	return ml_lane_used(l) * 1000 >= l->limit * permille;
}

/*
 * Does an object that is not used of late have to leave the FastLane? The more it
 * matters, the longer it stays: until the lane is half full, or full; or always.
 */
static bool unwanted(const struct ml_arena *a, u32 index)
{
	const struct ml_lane *l = &a->lane[MEMLANE_FAST];

	switch (ml_index_priority(a, index)) {
	case 0:
		return true;
	case 1:
		return filled(l, 500);
	case 2:
		return filled(l, a->policy.compaction_threshold);
	default:
		return false;
	}
}

/* Is it its priority that keeps an object in the FastLane, where it is not used? */
bool ml_policy_kept(const struct ml_arena *a, u32 index)
{
	return !unwanted(a, index);
}

/* Is there so much in the FastLane that nothing comes back to it? */
bool ml_policy_half_full(const struct ml_arena *a)
{
	return filled(&a->lane[MEMLANE_FAST], 500);
}

/* Was it used in the last periods, or in the one that has not ended yet? */
bool ml_policy_in_use(const struct ml_arena *a, u32 index)
{
	return ml_index_heat(a, index) || memlane_entry_is_used(ml_entry_read(a, index));
}

/*
 * For how many periods must an object have been of no use to be put away? What matters
 * more stays for longer. What its program calls cold goes after one; where memory is short, all.
 */
static unsigned int quiet_periods(const struct ml_arena *a, u32 index, bool urgent)
{
	if (urgent || ml_index_notes(a, index) & ML_HINTS_LEAVING)
		return 1;
	return min_t(u32, a->policy.cold_age + ml_index_priority(a, index), ML_HEAT_BITS);
}

/* Was it used in each of the last two periods? */
bool ml_policy_hot(const struct ml_arena *a, u32 index)
{
	return (ml_index_heat(a, index) & HEAT_OF_LATE) == HEAT_OF_LATE;
}

/* Was it of no use for long enough? */
bool ml_policy_quiet(const struct ml_arena *a, u32 index, bool urgent)
{
	unsigned int of_late = (1U << quiet_periods(a, index, urgent)) - 1;

	return !(ml_index_heat(a, index) & of_late) &&
	       !memlane_entry_is_used(ml_entry_read(a, index));
}

static bool stale(const struct ml_arena *a, u32 index, u32 hints)
{
	return hints & ML_HINTS_LEAVING || (!ml_policy_in_use(a, index) && unwanted(a, index));
}

/*
 * The FastLane keeps what is used; frame-critical objects stay whatever they do.
 * Nothing is moved into a SlowLane under pressure.
 */
static bool wish_from_fast(const struct ml_arena *a, u32 index, struct ml_wish *w)
{
	u32 hints = ml_index_notes(a, index) & MEMLANE_HINT_MASK;

	if (hints & MEMLANE_HINT_FRAME_CRITICAL || ml_lane_pressed(a, MEMLANE_SLOW))
		return false;
	if (ml_policy_oversized(a, index))
		w->cause = MEMLANE_CAUSE_OVERSIZED;
	else if (stale(a, index, hints))
		w->cause = MEMLANE_CAUSE_STALE;
	else
		return false;
	w->lane = MEMLANE_SLOW;
	w->temper = ML_COLD;
	return true;
}

/* Back to the FastLane, while that is half empty, goes what is always used. */
static bool wish_from_slow(const struct ml_arena *a, u32 index, struct ml_wish *w)
{
	u32 hints = ml_index_notes(a, index) & MEMLANE_HINT_MASK;

	if (ml_index_heat(a, index) != ML_HEAT_ALWAYS || hints & ML_HINTS_LEAVING ||
	    ml_policy_oversized(a, index) || ml_policy_half_full(a))
		return false;
	w->lane = MEMLANE_FAST;
	w->temper = ML_WARM;
	w->cause = MEMLANE_CAUSE_HOT;
	return true;
}

/* Hot and cold objects of a class stop sharing pages; what is between stays. */
static bool wish_to_sort(const struct ml_arena *a, u32 index, struct ml_run *run, struct ml_wish *w)
{
	unsigned int heat = ml_index_heat(a, index);
	bool cold;

	if (run->kind != ML_SPAN)
		return false;
	cold = ml_span_of(run)->cold;
	if (!(heat ? cold && (heat & HEAT_OF_LATE) == HEAT_OF_LATE : !cold))
		return false;
	w->lane = run->lane;
	w->temper = heat ? ML_WARM : ML_COLD;
	w->cause = MEMLANE_CAUSE_SORT;
	return true;
}

/**
 * ml_policy_rests - does the FastLane keep whatever was used of late?
 * @a: arena; arena.lock
 *
 * But for what its program wants away (ML_HINTS_LEAVING), and what is too large. So a walk
 * need not look at it. Where there are spans of cold objects they are sorted.
 */
bool ml_policy_rests(const struct ml_arena *a)
{
	const struct ml_class *cold = &a->lane[MEMLANE_FAST].cls[ML_CLASSES];
	unsigned int cls;

	lockdep_assert_held(&a->lock);
	for (cls = 0; cls < ML_CLASSES; cls++)
		if (cold[cls].spans)
			return false;
	return true;
}

/**
 * ml_policy_wish - would an object be better elsewhere?
 * @a: arena; arena.lock
 * @index: bound, not purged
 * @w: out: where and why
 */
bool ml_policy_wish(const struct ml_arena *a, u32 index, struct ml_wish *w)
{
	u64 loc;
	struct ml_run *run = ml_place_of(a, index, &loc);
	bool moves;

	lockdep_assert_held(&a->lock);
	if (!run)
		return false;
	moves = run->lane == MEMLANE_FAST ? wish_from_fast(a, index, w) :
					    wish_from_slow(a, index, w);
	return moves || wish_to_sort(a, index, run, w);
}

/* May an object be dropped whose entry is @word? Its group says so; only if live. */
bool ml_policy_purgeable(const struct ml_arena *a, u32 index, u64 word)
{
	u32 group = ml_index_group(a, index);

	return a->policy.purgeable && memlane_entry_is_live(word) &&
	       a->policy.purgeable[group / 8] & 1U << group % 8;
}

/* The lanes under pressure, as a bit set. */
unsigned int ml_policy_pressed(const struct ml_arena *a)
{
	return ml_lane_pressed(a, MEMLANE_FAST) << MEMLANE_FAST |
	       ml_lane_pressed(a, MEMLANE_SLOW) << MEMLANE_SLOW;
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

	lockdep_assert_held(&a->lock);
	if (!a->policy.auto_compaction)
		return false;
	return filled(l, threshold) ||
	       (objects + 16 < spans && objects * 1000 < spans * threshold);
}
