// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* names.c - ranges of indices, so that arenas do not take each other's handles */
#include <linux/atomic.h>
#include <linux/minmax.h>

#include "names.h"

#define BLOCK		4096ULL	/* whole pages of every vector of the table: ML_INDEX_BLOCK */

static u64 whole_blocks(u64 nr)
{
	return (nr + BLOCK - 1) & ~(BLOCK - 1);
}

/**
 * ml_names_take - indices for a new arena
 * @names: which arenas it may meet
 * @cookie: 1 to MEMLANE_COOKIE_MAX
 * @nr: how many are to be its own, up to 2^31
 * @reach: how many it may come to have, @nr or more: past its own it may meet others' handles
 *
 * Context: any; no lock. Return: the first one, a multiple of 4096.
 */
u32 ml_names_take(struct ml_names *names, u32 cookie, u64 nr, u64 reach)
{
	u32 *next = &names->next[cookie], was = READ_ONCE(*next);
	u64 first;

	do {
		first = was + whole_blocks(max(nr, reach)) <= ML_INDEX_END ? was : 0;
	} while (!try_cmpxchg(next, &was, (u32)(first + whole_blocks(nr))));
	return first;
}

/**
 * ml_names_give - an arena has ended
 * @names: as for ml_names_take()
 * @cookie: of the arena
 * @end: first index behind those that were its own
 * @used: first index that it never used
 *
 * What it did not use is the next one's, unless others came after it. Context: as above.
 */
void ml_names_give(struct ml_names *names, u32 cookie, u32 end, u32 used)
{
	u32 last = whole_blocks(end);

	try_cmpxchg(&names->next[cookie], &last, (u32)whole_blocks(used));
}
