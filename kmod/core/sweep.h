/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* sweep.h - walks over all objects: ageing, and moves that the policy wants */
#ifndef ML_SWEEP_H
#define ML_SWEEP_H

#include "step.h"

void ml_sweep_anew(struct ml_arena *a);
bool ml_sweep_age(struct ml_arena *a, struct ml_step *s);
bool ml_sweep_stale(struct ml_arena *a, struct ml_step *s);
void ml_sweep_purge(struct ml_arena *a, struct ml_step *s, unsigned int lane, u64 target);

#endif /* ML_SWEEP_H */
