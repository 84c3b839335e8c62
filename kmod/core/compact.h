/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* compact.h - compaction of a lane */
#ifndef ML_COMPACT_H
#define ML_COMPACT_H

#include "step.h"

/**
 * struct ml_goal - when compaction of a lane is good enough; any; all 0: at the end
 * @hole: bytes of a blob that fits
 * @usage: permille of the limit in use
 * @used: pages in use
 */
struct ml_goal {
	u64 hole;
	u32 usage;
	u64 used;
};

void ml_compact_spare(struct ml_arena *a, struct ml_step *s, struct ml_lane *lane);
void ml_compact_trim(struct ml_arena *a, struct ml_step *s, struct ml_lane *lane);
void ml_compact_lane(struct ml_arena *a, struct ml_step *s, unsigned int lane,
		     const struct ml_goal *goal);

#endif /* ML_COMPACT_H */
