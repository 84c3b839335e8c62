// SPDX-License-Identifier: GPL-2.0-only
/*
 * dump.c - which mappings a core dump of the kernel's has
 *
 * The kernel dumps a mapping whole or not at all, a page at a time, and has a page that is not
 * there brought by a fault. All of a region would take as long as it has addresses. So who
 * wants a dump maps each lane, and the table of handles, by pieces:
 *
 *	0   1           4                                               16	pieces of a lane
 *	|---|-----------|-----------------------------------------------|--- ...
 *
 * Each is three times as long as all before it, and one that nothing is in is left out. So a dump
 * looks at no more than four times the addresses up to the last page that there is. A longer
 * mapping, or all of a region, is in no dump. Shorter ones would have a dump look at less,
 * and an arena have more mappings all its life.
 */
#include <linux/mm.h>

#include "device.h"
#include "dump.h"
#include "leaf.h"

#define FIRST	4096ULL	/* pages: a first piece may be as long */
#define GROWTH	3ULL	/* times all before it: another one */

/* Where the addresses begin that pieces are of, and end; in pages of the region. */
static void addresses(const struct memlane_arena *arena, unsigned int region, u64 nr, u64 *start,
		      u64 *end)
{
	const u64 slow = arena->pages.lane[MEMLANE_SLOW];

	*start = 0;
	*end = arena->region[region].length >> PAGE_SHIFT;
	if (region == MEMLANE_REGION_DATA && nr >= slow)
		*start = slow;
	else if (region == MEMLANE_REGION_DATA)
		*end = slow;
}

static bool is_piece(const struct memlane_arena *arena, unsigned int region, u64 first, u64 nr)
{
	u64 start, end;

	if (region != MEMLANE_REGION_DATA && region != MEMLANE_REGION_TABLE)
		return false;
	addresses(arena, region, first, &start, &end);
	return first + nr <= end && nr < arena->region[region].length >> PAGE_SHIFT &&
	       nr <= max(FIRST, GROWTH * (first - start));
}

/* The table grows from its begin on. */
static bool holds(struct memlane_arena *arena, unsigned int region, u64 first, u64 nr)
{
	if (region == MEMLANE_REGION_DATA)
		return memlane_leaf_next(&arena->pages, first, first + nr) < first + nr;
	return ml_shared_is_over(&arena->core, region, first) ||
	       ml_shared_look(&arena->core, region, first);
}

/**
 * memlane_is_dumped - whether a core dump is to have a mapping
 * @arena: created
 * @region: MEMLANE_REGION_*
 * @first: page of the region
 * @nr: how many are mapped
 *
 * Context: any; no lock of memlane's.
 */
bool memlane_is_dumped(struct memlane_arena *arena, unsigned int region, u64 first, u64 nr)
{
	return is_piece(arena, region, first, nr) && holds(arena, region, first, nr);
}
