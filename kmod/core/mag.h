/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* mag.h - magazines: stock of registered threads */
#ifndef ML_MAG_H
#define ML_MAG_H

#include "core.h"

#define ML_DRAINS		16	/* slots that one comparison with the others serves */
#define ML_SUSPECTS		(ML_DRAINS * (ML_MAGS + 1))
#define ML_SUSPECTS_SIZE	(ML_SUSPECTS * sizeof(struct ml_suspect))

/* An index that a dead thread may have had in hand. */
struct ml_suspect {
	u64 word;	/* its entry when it was suspected */
	u32 index;
	bool cleared;	/* it is somebody's stock */
};

bool ml_stock_next(struct ml_arena *a, u32 slot, u32 *at, u32 *index);
void ml_stock_drain(struct ml_arena *a, u32 slot);
void ml_stock_sort(struct ml_arena *a);
void ml_stock_compare(struct ml_arena *a, u32 slot);
void ml_stock_settle(struct ml_arena *a);

#endif /* ML_MAG_H */
