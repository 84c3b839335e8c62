/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* cool.h - which pages may be put away, and doing so */
#ifndef ML_COOL_H
#define ML_COOL_H

#include "core.h"

/**
 * struct ml_range - pages in a row that are put away, or come back, in one go
 * @first: page
 * @nr: how many
 * @gone: pages that have gone, or come back, so far
 * @err: that ended it
 */
struct ml_range {
	u64 first;
	u64 nr;
	u64 gone;
	int err;
};

bool ml_may_cool(const struct ml_arena *a, u32 index);

#endif /* ML_COOL_H */
