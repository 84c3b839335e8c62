// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* names.c - ranges of indices, so that arenas do not take each other's handles */
#include <linux/atomic.h>

#include "names.h"

#define PAGE_INDICES	512ULL	/* whole pages of the table */
#define END		((1ULL << 32) - PAGE_INDICES)

static u64 whole_pages(u64 nr)
{
	return (nr + PAGE_INDICES - 1) & ~(PAGE_INDICES - 1);
}

/**
 * ml_names_take - indices for a new arena
 * @names: which arenas it may meet
 * @cookie: 1 to MEMLANE_COOKIE_MAX
 * @nr: how many, up to 2^31
 *
 * Context: any; no lock. Return: the first one, a multiple of 512.
 */
u32 ml_names_take(struct ml_names *names, u32 cookie, u64 nr)
{
	u32 *next = &names->next[cookie], was = READ_ONCE(*next);
	u64 first;

	do {
		first = was + whole_pages(nr) <= END ? was : 0;
	} while (!try_cmpxchg(next, &was, (u32)(first + whole_pages(nr))));
	return first;
}

/**
 * ml_names_give - an arena has ended
 * @names: as for ml_names_take()
 * @cookie: of the arena
 * @end: first index behind the range that it had
 * @used: first index that it never used
 *
 * What it did not use is the next one's, unless others came after it. Context: as above.
 */
void ml_names_give(struct ml_names *names, u32 cookie, u32 end, u32 used)
{
	u32 last = whole_pages(end);

	try_cmpxchg(&names->next[cookie], &last, (u32)whole_pages(used));
}
