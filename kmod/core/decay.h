/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* decay.h - pages that nobody uses stay for a while, and are used again */
#ifndef ML_DECAY_H
#define ML_DECAY_H

#include "core.h"

int ml_kept_take(struct ml_arena *a, struct ml_run *run, u64 nr);
bool ml_kept_give(struct ml_arena *a, struct ml_run *run);
bool ml_kept_yield(struct ml_arena *a);
u64 ml_kept_end(struct ml_arena *a, struct ml_lane *lane);
u64 ml_kept_trim(struct ml_arena *a, struct ml_lane *lane, u64 most);

/* Pages of a lane that are kept. */
static inline u64 ml_lane_kept(const struct ml_lane *lane)
{
	return READ_ONCE(lane->area[ML_USE_BLOCK].kept) + READ_ONCE(lane->area[ML_USE_BLOB].kept);
}

#endif /* ML_DECAY_H */
