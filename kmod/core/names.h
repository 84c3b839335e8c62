/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * names.h - ranges of indices, so that arenas do not take each other's handles
 *
 * There are few cookies. Arenas that share one have indices of their own, until all
 * 2^32 of a cookie were given out and the first ones come again.
 */
#ifndef ML_NAMES_H
#define ML_NAMES_H

#include <linux/types.h>

#include <linux/memlane.h>

#define ML_INDEX_END	((1ULL << 32) - 32768)	/* of all arenas: whole blocks; below ML_SLOT_FREE */

/**
 * struct ml_names - of all arenas that may meet each other's handles
 * @next: first index of the next arena, by cookie; atomic. Zeroed at first
 */
struct ml_names {
	u32 next[MEMLANE_COOKIE_MAX + 1];
};

u32 ml_names_take(struct ml_names *names, u32 cookie, u64 nr, u64 reach);
void ml_names_give(struct ml_names *names, u32 cookie, u32 end, u32 used);

#endif /* ML_NAMES_H */
