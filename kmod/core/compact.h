/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* compact.h - compaction of a lane */
#ifndef ML_COMPACT_H
#define ML_COMPACT_H

#include "step.h"

void ml_compact_trim(struct ml_arena *a, struct ml_step *s, struct ml_lane *lane);
void ml_compact_lane(struct ml_arena *a, struct ml_step *s, unsigned int lane, u64 hole);

#endif /* ML_COMPACT_H */
