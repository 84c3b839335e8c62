// SPDX-License-Identifier: MIT
/* test-place.c - what an entry says is believed of one place alone, and of no other location */
#include "block.h"
#include "ktap.h"
#include "lane.h"
#include "place.h"
#include "run.h"
#include "stock.h"
#include "world.h"

static struct world *w;
static struct ml_arena *a;

static bool is_place(u64 loc, u32 index)
{
	return ml_place_is(ml_run_at(a, ml_loc_page(loc)), loc, index);
}

/* Each granule of the pages of a place, from one page before them to one behind. */
static void only_there(u64 handle)
{
	struct ml_run *run = ml_run_at(a, ml_loc_page(world_loc(w, handle)));
	u64 loc = ml_page_loc(run->page - 1), end = ml_page_loc(ml_run_end(run) + 1);

	for (; loc < end; loc++)
		expect_eq(is_place(loc, (u32)handle), loc == world_loc(w, handle));
}

static struct ml_run *run_of(u64 handle)
{
	return world_locked(a, ml_run_at(a, ml_loc_page(world_loc(w, handle))));
}

/* The first places of a span, its last one, which a tail is behind, and a large object. */
static void exact(void)
{
	u64 handle[100], large, loc;
	u32 i, nr = 0;

	w = world_new(1 << 20, 1 << 20);
	a = &w->arena;
	large = world_alloc(w, MEMLANE_SLOW, 100000);
	do {
		handle[nr] = world_alloc(w, MEMLANE_SLOW, 3584);
	} while (run_of(handle[nr]) == run_of(handle[0]) && ++nr < 99);
	expect(nr > 4 && nr < 99);
	mutex_lock(&a->lock);
	for (i = 0; i < nr; i++)
		only_there(handle[i]);
	only_there(large);
	expect(!is_place(world_loc(w, large), (u32)handle[0]));
	expect(!is_place(world_loc(w, handle[0]), (u32)large));
	/* As many places further as there are in a table of 2^32: the number of the slot comes round. */
	for (loc = 0; loc < 1ULL << 37; loc += 1ULL << 20)
		expect(!is_place(world_loc(w, handle[0]) + loc, (u32)handle[1]));
	expect(!is_place((1ULL << 37) - 1, (u32)large));
	expect(!is_place(0, (u32)large));
	mutex_unlock(&a->lock);
	world_end(w);
}

/* Reserved places, and free ones, are nobody's: whatever index asks. */
static void nobodys(void)
{
	u64 handle, loc;
	u32 index;

	w = world_new(1 << 20, 1 << 20);
	a = &w->arena;
	handle = world_alloc(w, MEMLANE_SLOW, 64);
	loc = world_loc(w, handle);
	mutex_lock(&a->lock);
	expect(is_place(loc, (u32)handle));
	for (index = 1; index < 100; index++)
		expect(!is_place(loc + 8, index));
	mutex_unlock(&a->lock);
	world_free(w, handle);
	mutex_lock(&a->lock);
	expect(!is_place(loc, (u32)handle));
	mutex_unlock(&a->lock);
	world_end(w);
}

/* Stock whose entry says another's place is not freed: neither is that place, nor the name. */
static void forged_stock(void)
{
	u64 stock[2], object, *e, was;
	u32 index[2];

	w = world_new(1 << 20, 1 << 20);
	a = &w->arena;
	object = world_alloc(w, MEMLANE_FAST, 64);
	stock[0] = world_stock(w, MEMLANE_FAST, 64);
	stock[1] = world_stock(w, MEMLANE_FAST, 64);
	index[0] = (u32)stock[0];
	index[1] = (u32)stock[1];
	e = world_entry(w, stock[1]);
	was = *e;
	*e = memlane_entry_at(was, index[1], world_loc(w, object));
	expect_eq(world_locked(a, ml_stock_free_many(a, index, 2)), 1);
	expect_eq(a->count.spoiled, 1);
	world_check(w);
	expect_eq(world_locked(a, ml_stock_free(a, index[1])), -EBADF);
	*e = was;
	expect_eq(world_locked(a, ml_stock_free(a, index[1])), 0);
	world_check(w);
	expect_eq(a->table.bound, 1);
	expect_eq(world_place(w, (u32)object), world_loc(w, object));
	world_end(w);
}

static const struct test tests[] = {
	{ "place_exact", exact },
	{ "place_nobodys", nobodys },
	{ "place_forged_stock", forged_stock },
};

KTAP_MAIN(tests);
