/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* idle.h - a walk over the SlowLane that puts away what is of no use */
#ifndef ML_IDLE_H
#define ML_IDLE_H

#include "step.h"

void ml_idle_tend(struct ml_arena *a, struct ml_step *s);
u64 ml_idle_relieve(struct ml_arena *a, struct ml_step *s);
u64 ml_idle_saved(const struct ml_arena *a);

#endif /* ML_IDLE_H */
