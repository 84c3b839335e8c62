/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* policy.h - what should happen to an object, and to a lane: pure functions */
#ifndef ML_POLICY_H
#define ML_POLICY_H

#include "class.h"
#include "core.h"
#include "move.h"

/* Where an object would be better. */
struct ml_wish {
	unsigned int lane;
	enum ml_temper temper;
	unsigned int cause;
};

#define ML_HEAT_BITS	4	/* periods that are remembered */
#define ML_HEAT_ALWAYS	0xf	/* used in each of the last four periods */
#define ML_HINTS_LEAVING	(MEMLANE_HINT_COLD | MEMLANE_HINT_OLD | MEMLANE_HINT_EVICTABLE)

/* May an object be larger than the FastLane's are, by the class that the program says? */
static inline bool ml_policy_may_be_over(const struct ml_arena *a, u32 cls)
{
	return a->policy.threshold &&
	       (cls >= ML_CLASSES || ml_class_size(cls) > a->policy.threshold);
}

void ml_policy_init(struct ml_policy *p);
bool ml_policy_oversized(const struct ml_arena *a, u32 index);
bool ml_policy_in_use(const struct ml_arena *a, u32 index);
bool ml_policy_kept(const struct ml_arena *a, u32 index);
bool ml_policy_quiet(const struct ml_arena *a, u32 index, bool urgent);
bool ml_policy_hot(const struct ml_arena *a, u32 index);
bool ml_policy_half_full(const struct ml_arena *a);
bool ml_policy_rests(const struct ml_arena *a);
bool ml_policy_wish(const struct ml_arena *a, u32 index, struct ml_wish *w);
bool ml_policy_purgeable(const struct ml_arena *a, u32 index, u64 word);
bool ml_policy_wants_compaction(const struct ml_arena *a, unsigned int lane);
unsigned int ml_policy_pressed(const struct ml_arena *a);

#endif /* ML_POLICY_H */
