/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* sweep.h - a walk over all objects: ageing, and moves that the policy wants */
#ifndef ML_SWEEP_H
#define ML_SWEEP_H

#include "step.h"

enum ml_sweep_mode {
	ML_SWEEP_AGE,	/* a period ends: age, then place by lane and temperature */
	ML_SWEEP_STALE,	/* the FastLane is full: stale objects leave it */
	ML_SWEEP_PURGE,	/* memory is short: drop purgeable groups */
};

void ml_sweep(struct ml_arena *a, struct ml_step *s, enum ml_sweep_mode mode);

#endif /* ML_SWEEP_H */
