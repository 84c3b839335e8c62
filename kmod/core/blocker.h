/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* blocker.h - who kept objects from moving */
#ifndef ML_BLOCKER_H
#define ML_BLOCKER_H

#include "core.h"

#define ML_BLOCKERS_SIZE	(MEMLANE_BLOCKERS * sizeof(struct ml_blocker))

void ml_blocked_by_pin(struct ml_arena *a, u32 index);
void ml_blocked_by_section(struct ml_arena *a, u32 slot, u64 section);

#endif /* ML_BLOCKER_H */
