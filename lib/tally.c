// SPDX-License-Identifier: MIT
/* tally.c - what moved and what did not, as the engine notes it in shared memory */
#include <errno.h>

#include "arena.h"

#define TALLY sizeof(struct memlane_tally)
#define WORDS (TALLY / sizeof(__u64))

static const struct memlane_tally *tally_at(const struct memlane *m, unsigned int nr)
{
	if (m->is_small)
		return small_word(m, MEMLANE_REGION_STAT, MEMLANE_TALLY_OFFSET / TALLY + nr, 4096 / TALLY, TALLY);
	return (const void *)((const char *)m->stat + MEMLANE_TALLY_OFFSET + nr * TALLY);
}

static void add(const struct memlane *m, unsigned int nr, struct memlane_tally *sum)
{
	const __u64 *from = (const __u64 *)tally_at(m, nr);
	__u64 *to = (__u64 *)sum;
	size_t i;

	for (i = 0; i < WORDS; i++)
		to[i] += __atomic_load_n(from + i, __ATOMIC_RELAXED);
}

/* As linux/memlane.h lays them out. */
static unsigned int of_class(const struct memlane *m, unsigned int lane, unsigned int cls)
{
	return lane * MEMLANE_TALLY_LANE + (cls < m->nr_classes ? cls : m->nr_classes);
}

static void add_lane(const struct memlane *m, unsigned int lane, struct memlane_tally *sum)
{
	unsigned int cls;

	for (cls = 0; cls <= m->nr_classes; cls++)
		add(m, of_class(m, lane, cls), sum);
}

static void add_class(const struct memlane *m, unsigned int cls, struct memlane_tally *sum)
{
	add(m, of_class(m, MEMLANE_FAST, cls), sum);
	add(m, of_class(m, MEMLANE_SLOW, cls), sum);
}

static bool exists(const struct memlane *m, enum memlane_tally_by by, uint32_t which)
{
	switch (by) {
	case MEMLANE_BY_LANE:
		return which < MEMLANE_LANES;
	case MEMLANE_BY_CLASS:
		return which < m->nr_classes || which == MEMLANE_CLASS_BLOB;
	case MEMLANE_BY_TAG:
	case MEMLANE_BY_GROUP:
		return which <= 65535;
	default:
		return false;
	}
}

int memlane_tally_sized(struct memlane *m, enum memlane_tally_by by, uint32_t which,
			struct memlane_tally *tally, size_t size)
{
	struct memlane_tally own = { .bytes = 0 };
	int err = arena_here(m);

	if (err)
		return err;
	if (!exists(m, by, which))
		return -EINVAL;
	if (by == MEMLANE_BY_LANE)
		add_lane(m, which, &own);
	else if (by == MEMLANE_BY_CLASS)
		add_class(m, which, &own);
	else
		add(m, (by == MEMLANE_BY_TAG ? MEMLANE_TALLY_TAG : MEMLANE_TALLY_GROUP) + which, &own);
	give_out(tally, size, &own, sizeof(own));
	return 0;
}
