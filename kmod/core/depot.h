/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* depot.h - stock that no thread has */
#ifndef ML_DEPOT_H
#define ML_DEPOT_H

#include "core.h"

#define ML_DEPOT_MOST	(ML_MAG_SIZE - ML_MAG_SIZE / 8)	/* indices that are given, or taken, together */

/**
 * struct ml_depot_stock - indices of one magazine; arena.lock
 * @next: of the same lane and class, older
 * @nr: how many, not 0
 * @index: any values, as a program gave them
 */
struct ml_depot_stock {
	struct ml_depot_stock *next;
	u32 nr;
	u32 index[ML_DEPOT_MOST];
};

bool ml_depot_give(struct ml_arena *a, u32 mag, const u32 *indices, u32 nr);
u32 ml_depot_take(struct ml_arena *a, u32 mag, u32 *indices, u32 nr);
bool ml_depot_free_one(struct ml_arena *a);
void ml_depot_free(struct ml_arena *a);
void ml_depot_exit(struct ml_arena *a);

#endif /* ML_DEPOT_H */
