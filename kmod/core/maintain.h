/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* maintain.h - the maintenance cycle */
#ifndef ML_MAINTAIN_H
#define ML_MAINTAIN_H

#include "core.h"

void ml_make_room(struct ml_arena *a, unsigned int lane, u64 pages);
bool ml_last_resort(struct ml_arena *a, unsigned int lanes, u64 pages);

#endif /* ML_MAINTAIN_H */
