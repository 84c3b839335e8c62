/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* mag.h - magazines: stock of registered threads */
#ifndef ML_MAG_H
#define ML_MAG_H

#include "core.h"

#define ML_MAGS			(MEMLANE_LANES * MEMLANE_CLASSES)
#define ML_SUSPECTS		(ML_MAGS + 1)
#define ML_SUSPECTS_SIZE	(ML_SUSPECTS * sizeof(struct ml_suspect))

/* An index that a dead thread may have had in hand. */
struct ml_suspect {
	u64 word;	/* its entry when it was suspected */
	u32 index;
	bool cleared;	/* it is somebody's stock */
};

void ml_stock_take_back(struct ml_arena *a, u32 slot);

#endif /* ML_MAG_H */
