/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* cool.h - which pages may be put away, and doing so */
#ifndef ML_COOL_H
#define ML_COOL_H

#include "core.h"

/**
 * struct ml_range - pages in a row that are put away, or come back, in one go
 * @run: what is done with them, without arena.lock; NULL: nothing
 * @first: page
 * @nr: how many
 * @gone: pages that have gone, or come back, so far
 * @err: that ended it
 */
struct ml_range {
	s64 (*run)(struct ml_arena *a, u64 page, u64 nr);
	u64 first;
	u64 nr;
	u64 gone;
	int err;
};

/* Pages that are gathered. */
#define ML_RANGE_PAGES	128U

void ml_range_add(struct ml_arena *a, struct ml_range *r, u64 page, u64 nr);
void ml_range_run(struct ml_arena *a, struct ml_range *r);
void ml_slots_on(const struct ml_span *span, u64 page, u32 *first, u32 *last);
bool ml_may_cool(const struct ml_arena *a, u32 index);

#endif /* ML_COOL_H */
