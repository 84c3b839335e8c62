/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* tally.h - what moved and what did not, by class, tag and group */
#ifndef ML_TALLY_H
#define ML_TALLY_H

#include <linux/atomic.h>

#include "core.h"

#define ML_TALLY_SHIFT	5			/* log2 of the tallies in a page */
#define ML_TALLY_FIRST	(1UL << ML_TALLY_SHIFT)	/* the first page is the statistics' */

/* Why an object stayed. */
enum ml_stay { ML_VETOED, ML_PINNED, ML_HELD, ML_GIVEN_UP };

/* A word that other threads count in, too. */
static inline void ml_count_up(__u64 *word, u64 by)
{
	__u64 was = READ_ONCE(*word);

	while (!try_cmpxchg(word, &was, was + by))
		;
}

void ml_kin_of(const struct ml_arena *a, u32 index, struct ml_run *run, struct ml_kin *kin);
void ml_kin_in(struct ml_run *run, u64 word, u64 notes, struct ml_kin *kin);
/* The same of a live object, of which only the class was counted. */
static inline void ml_kin_add(struct ml_kin *kin, u64 notes)
{
	kin->tag = MEMLANE_TALLY_TAG + memlane_pin_tag(notes);
	kin->group = MEMLANE_TALLY_GROUP + memlane_pin_group(notes);
}

void ml_tally_move(struct ml_arena *a, const struct ml_move *mv);
void ml_tally_moves(struct ml_arena *a);
void ml_tally_stay(struct ml_arena *a, const struct ml_kin *kin, enum ml_stay why);
u64 ml_class_pages(struct ml_arena *a, unsigned int lane, unsigned int cls);
void ml_tally_pages(struct ml_arena *a, unsigned int lane, unsigned int cls);

#endif /* ML_TALLY_H */
