/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* arena.h - what the arena offers to the engine's own files */
#ifndef ML_ARENA_H
#define ML_ARENA_H

#include "core.h"

int ml_stock_free(struct ml_arena *a, u32 index);
void ml_publish(struct ml_arena *a);

#endif /* ML_ARENA_H */
