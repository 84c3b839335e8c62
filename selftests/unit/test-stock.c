// SPDX-License-Identifier: MIT
/*
 * test-stock.c - stock is freed in rows, in any other order, and with words that the program has changed
 *
 * Of every index the model knows whether it is to be free afterwards.
 */
#include <linux/minmax.h>

#include "block.h"
#include "ktap.h"
#include "object.h"
#include "run.h"
#include "stock.h"
#include "table.h"
#include "world.h"

#define NR	1300	/* more than a page of entries, and several spans */
#define LENGTH	64	/* a span has no tail: the next place may be in the next one */

enum harm {
	NONE,
	MARKED,		/* a move was planned, and given up */
	LIVE,		/* the thread has died behind making an object of it */
	AGED,		/* its generations are used up */
	BESIDE,		/* the entry says the place beside that of the index beside it */
	ELSEWHERE,	/* or any other */
	TWICE,		/* it is in the list again */
	HARMS,
};

static struct world *w;
static struct ml_arena *a;
static struct rng r;
static u32 index_of[NR], nr;	/* that are stock */
static u64 word_of[NR];		/* and what each entry said */

static void begin(void)
{
	r = rng_new();
	w = world_new(1 << 20, 1 << 20);
	a = &w->arena;
	nr = 0;
}

static void make(u32 count)
{
	for (; count; count--)
		index_of[nr++] = (u32)world_stock(w, MEMLANE_FAST, LENGTH);
}

static u64 free_many(const u32 *indices, u32 count)
{
	u64 freed = world_locked(a, ml_stock_free_many(a, indices, count));

	world_check(w);
	return freed;
}

static void swap(u32 i, u32 j)
{
	u32 was = index_of[i];

	index_of[i] = index_of[j];
	index_of[j] = was;
}

/* The other way round. */
static void turn(u32 from, u32 count)
{
	u32 i;

	for (i = 0; i < count / 2; i++)
		swap(from + i, from + count - 1 - i);
}

/* Indices up or down; places the same way, or, where those were freed upwards before, the other. */
static void rows(void)
{
	u32 way, i;

	begin();
	for (way = 0; way < 8; way++) {
		make(NR);
		if (way & 1)
			turn(0, nr);
		for (i = 0; i < nr; i += min(nr - i, 63U))
			expect_eq(free_many(index_of + i, min(nr - i, 63U)), min(nr - i, 63U));
		expect_eq(a->table.bound, 0);
		expect_eq(a->lane[MEMLANE_FAST].objects, 0);
		nr = 0;
	}
	world_end(w);
}

/* Rows of all lengths, some the other way round, and some that are none. */
static void mix(void)
{
	u32 i, count, j;

	for (i = 0; i < nr; i += count) {
		count = min_t(u32, nr - i, 1 + rng_below(&r, 40));
		switch (rng_below(&r, 4)) {
		case 0:
			turn(i, count);
			break;
		case 1:
			for (j = i; j < i + count; j++)
				swap(j, i + rng_below(&r, count));
			break;
		}
	}
}

static u64 beside(u32 index)
{
	u64 loc = world_place(w, index ^ 1);

	return loc ? loc + (LENGTH / 8) * (rng_below(&r, 2) ? 1 : -1) : 0;
}

static void harm(u32 i, enum harm how)
{
	u64 *e = world_entry(w, index_of[i]), was = *e;

	word_of[i] = was;
	switch (how) {
	case MARKED:
		*e = world_in_state(was, MEMLANE_ENTRY_FREE_MARKED);
		break;
	case LIVE:
		*e = world_in_state(was, MEMLANE_ENTRY_USED);
		break;
	case AGED:
		*e = was & ~MEMLANE_GEN_MASK;
		break;
	case BESIDE:
		*e = memlane_entry_at(was, index_of[i], beside(index_of[i]));
		break;
	case ELSEWHERE:
		*e = memlane_entry_at(was, index_of[i], rng_below(&r, 1 << 20));
		break;
	default:
		break;
	}
}

/* Is it to be free afterwards? */
static bool is_good(u32 i, u64 now)
{
	return ml_is_stock(now) && memlane_entry_loc(now, index_of[i]) == memlane_entry_loc(word_of[i], index_of[i]);
}

/* Some of them are harmed, all are freed, and the model knows of each what became of it. */
static void free_harmed(u32 count)
{
	static u32 list[2 * NR];
	static bool good[NR], aged[NR];
	u32 i, had = nr, listed = 0, goods = 0;
	u64 spoiled = a->count.spoiled;

	for (i = 0; i < count; i++) {
		enum harm how = rng_below(&r, 4) ? NONE : rng_below(&r, HARMS);

		harm(i, how);
		aged[i] = how == AGED;
		good[i] = is_good(i, *world_entry(w, index_of[i]));
		goods += good[i];
		list[listed++] = index_of[i];
		if (how == TWICE)
			list[listed++] = index_of[i];
	}
	expect_eq(world_locked(a, ml_stock_free_many(a, list, listed)), goods);
	expect(a->count.spoiled - spoiled <= count - goods);
	for (i = nr = 0; i < had; i++) {
		if (i < count)
			expect_eq(ml_index_state(a, index_of[i]) & ML_STATE_MASK,
				  !good[i] ? ML_BOUND : aged[i] ? ML_RETIRED : ML_NONE);
		if (i < count && good[i])
			continue;
		if (i < count)
			*world_entry(w, index_of[i]) = word_of[i];
		index_of[nr++] = index_of[i];
	}
	a->count.spoiled = spoiled;
	world_check(w);
}

static void harmed(void)
{
	u64 ops = ktap_ops(200);

	begin();
	while (ops--) {
		make(NR - nr);
		mix();
		free_harmed(1 + rng_below(&r, nr));
	}
	expect_eq(free_many(index_of, nr), nr);
	expect_eq(a->table.bound, 0);
	world_end(w);
}

static const struct test tests[] = {
	{ "stock_rows", rows },
	{ "stock_harmed", harmed },
};

KTAP_MAIN(tests);
