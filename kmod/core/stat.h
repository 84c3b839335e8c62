/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* stat.h - the arena's counters */
#ifndef ML_STAT_H
#define ML_STAT_H

#include "core.h"

int ml_stat_init(struct ml_arena *a);
void ml_publish(struct ml_arena *a);
void ml_publish_places(struct ml_arena *a);

#endif /* ML_STAT_H */
