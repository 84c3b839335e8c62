/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* place.h - where an index lives */
#ifndef ML_PLACE_H
#define ML_PLACE_H

#include "core.h"

u32 ml_place_slot(const struct ml_span *span, u64 loc, u32 index);
bool ml_place_is(struct ml_run *run, u64 loc, u32 index);
struct ml_run *ml_place_of(const struct ml_arena *a, u32 index, u64 *loc);

#endif /* ML_PLACE_H */
