/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* stock.h - stock is freed: indices that are bound and not live lose their places and names */
#ifndef ML_STOCK_H
#define ML_STOCK_H

#include "core.h"

u32 ml_stock_free_many(struct ml_arena *a, const u32 *indices, u32 nr);
int ml_stock_free(struct ml_arena *a, u32 index);

#endif /* ML_STOCK_H */
