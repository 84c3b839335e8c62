// SPDX-License-Identifier: MIT
/* test-depot.c - stock that no thread has: handed over, in nobody's way, freed in time */
#include <string.h>

#include "depot.h"
#include "ktap.h"
#include "reclaim.h"
#include "slot.h"
#include "table.h"
#include "world.h"

#define LENGTH	100
#define CLS	6
#define NR	40	/* what a thread gives at a time */

static struct world *w;
static struct ml_arena *a;
static u32 maker, taker;

static u32 join(void)
{
	struct memlane_register reg = { .size = sizeof(reg) };

	expect_eq(ml_register(a, &reg), 0);
	return reg.slot;
}

static void begin_with(u64 fast, u64 slow)
{
	w = world_new(fast, slow);
	a = &w->arena;
	maker = join();
	taker = join();
}

static void begin(void)
{
	begin_with(256 << 10, 1 << 20);
}

static void end(void)
{
	world_check(w);
	world_end(w);
}

static u32 refill(u32 slot, u32 count)
{
	struct memlane_refill req = {
		.size = sizeof(req), .slot = slot, .length = LENGTH, .count = count,
		.lane = MEMLANE_FAST, .flags = MEMLANE_ALLOC_NO_SPILL,
	};

	if (ml_refill(a, &req))
		return 0;
	expect_eq(req.out_lane, MEMLANE_FAST);
	expect_eq(req.out_class, CLS);
	expect_eq(world_mag(w, slot, 0, CLS)->index[world_mag(w, slot, 0, CLS)->nr - 1],
		  (u32)req.out_handle);
	return req.out_count;
}

static void flush(u32 slot, u32 keep)
{
	struct memlane_flush req = { .size = sizeof(req), .slot = slot, .cls = CLS, .keep = keep };
	u32 nr = world_mag(w, slot, 0, CLS)->nr;

	expect_eq(ml_flush(a, &req), 0);
	expect_eq(req.out_count, nr - keep);
	expect_eq(world_mag(w, slot, 0, CLS)->nr, keep);
}

/* Until a thread has so many. */
static void fill(u32 slot, u32 nr)
{
	const struct memlane_mag *mag = world_mag(w, slot, 0, CLS);

	while (!mag || mag->nr < nr) {
		expect(refill(slot, nr - (mag ? mag->nr : 0)));
		mag = world_mag(w, slot, 0, CLS);
	}
}

/* NR indices go to the depot, and one stays with the thread. */
static void give(u32 slot)
{
	fill(slot, NR + 1);
	flush(slot, 1);
}

/* As they are: the newest first, and nothing is bound for it. */
static void hands_over(void)
{
	struct memlane_mag *from, *to;
	u32 given[NR];

	begin();
	from = world_mag(w, maker, 0, CLS);
	expect_eq(refill(maker, NR + 1), NR + 1);
	memcpy(given, from->index, sizeof(given));
	flush(maker, 1);
	expect_eq(a->depot.stocks, 1);
	expect_eq(a->depot.bytes, NR * ml_class_size(CLS));
	expect_eq(refill(taker, 8), 8);
	to = world_mag(w, taker, 0, CLS);
	expect(!memcmp(to->index, given + NR - 8, 8 * sizeof(u32)));
	expect_eq(refill(taker, ML_MAG_SIZE), NR - 8);
	expect(!memcmp(to->index + 8, given, (NR - 8) * sizeof(u32)));
	expect_eq(a->depot.stocks, 0);
	expect_eq(a->depot.bytes, 0);
	expect_eq(a->table.bound, NR + 1);
	expect_eq(refill(taker, 3), 3);
	expect_eq(a->table.bound, NR + 4);
	end();
}

/* Who keeps nothing wants them to be free, and what is more than one gives does not fit. */
static void not_given(void)
{
	begin();
	expect_eq(refill(maker, NR), NR);
	flush(maker, 0);
	expect_eq(a->table.bound, 0);
	expect_eq(refill(maker, ML_MAG_SIZE), ML_MAG_SIZE);
	flush(maker, ML_MAG_SIZE - ML_DEPOT_MOST - 1);
	expect_eq(a->depot.stocks, 0);
	expect_eq(a->table.bound, ML_MAG_SIZE - ML_DEPOT_MOST - 1);
	end();
}

static u32 given(u32 cls, u32 nr)
{
	static const u32 indices[NR];	/* whatever they are */
	u32 stocks = a->depot.stocks, i;

	for (i = 0; i < 1000; i++)
		if (!world_locked(a, ml_depot_give(a, cls, indices, nr)))
			break;
	return a->depot.stocks - stocks;
}

/* So many stocks, and so many bytes. */
static void has_an_end(void)
{
	begin();
	expect_eq(given(ML_CLASSES - 1, 1), 16);
	expect_eq(a->depot.bytes, 16 * MEMLANE_BLOCK_MAX);
	expect_eq(given(CLS, NR), 0);
	world_compact(w);
	expect_eq(given(0, NR), 128);
	expect_eq(given(ML_CLASSES - 1, 1), 0);
	end();
}

/* A lane that is full of it, or no index left, is no reason to refuse anybody. */
static void gives_way(void)
{
	struct memlane_alloc req = {
		.size = sizeof(req), .length = 230 << 10, .count = 1, .flags = MEMLANE_ALLOC_NO_SPILL,
	};
	u32 slot[4], i;
	u64 handle;

	begin();
	for (i = 0; i < 4; i++) {
		slot[i] = join();
		fill(slot[i], NR + 1);
	}
	for (i = 0; i < 4; i++) {
		flush(slot[i], 1);
		expect_eq(ml_unregister(a, &(struct memlane_register){ .size = 16, .slot = slot[i] }), 0);
	}
	expect_eq(a->depot.stocks, 4);
	expect_eq(a->table.bound, 4 * NR);
	expect_eq(ml_alloc(a, &req, &handle), 0);
	expect_eq(req.out_lane, MEMLANE_FAST);
	end();
}

static void freed_by_movers(void)
{
	begin();
	give(maker);
	expect_eq(a->table.bound, NR + 1);
	world_compact(w);
	expect_eq(a->depot.stocks, 0);
	expect_eq(a->table.bound, 1);
	end();
}

static void freed_under_pressure(void)
{
	begin();
	give(maker);
	expect_eq(a->table.bound, NR + 1);
	ml_reclaim(a, 1000);
	expect_eq(a->depot.stocks, 0);
	expect_eq(a->table.bound, 1);
	end();
}

/* Of whatever class. */
static void freed_by_who_keeps_nothing(void)
{
	struct memlane_flush req = { .size = sizeof(req), .slot = taker, .lane = 1, .cls = 3 };

	begin();
	give(maker);
	req.slot = taker;
	expect_eq(ml_flush(a, &req), 0);
	expect_eq(req.out_count, 0);
	expect_eq(a->depot.stocks, 0);
	expect_eq(a->table.bound, 1);
	end();
}

static void die(u32 slot)
{
	w->gone[slot] = true;
	mutex_lock(&a->lock);
	ml_slots_reap(a, ~0U);
	mutex_unlock(&a->lock);
}

/* What stands behind a dead thread's list, and is in the depot, is not freed. */
static void of_the_dead(void)
{
	struct memlane_mag *mag;

	begin();
	give(maker);
	mag = world_mag(w, maker, 0, CLS);
	mag->index[1] = a->depot.stock[CLS]->index[NR / 2];
	die(maker);
	expect_eq(a->table.bound, NR);
	expect_eq(refill(taker, NR), NR);
	flush(taker, 0);
	expect_eq(a->table.bound, 0);
	end();
}

/* While slots are compared nothing gets past: see mag.c. */
static void not_while_compared(void)
{
	begin();
	expect_eq(refill(maker, NR + 1), NR + 1);
	a->slots.comparing = true;
	flush(maker, 1);
	a->slots.comparing = false;
	expect_eq(a->depot.stocks, 0);
	expect_eq(a->table.bound, 1);
	end();
}

/* It is the program's word, and is looked at where it is freed. */
static void forged(void)
{
	u64 live;
	u32 i;

	begin();
	live = world_alloc(w, MEMLANE_FAST, LENGTH);
	expect_eq(refill(maker, NR), NR);
	for (i = 0; i < NR / 2; i++)
		world_mag(w, maker, 0, CLS)->index[i] = i % 2 ? (u32)live : ~0U - i;
	flush(maker, 1);
	expect_eq(a->depot.stocks, 1);
	world_compact(w);
	expect_eq(a->depot.stocks, 0);
	expect_eq(world_query(w, live).out_state, MEMLANE_STATE_LIVE);
	end();
}

static const struct test tests[] = {
	{ "depot_hands_over", hands_over },
	{ "depot_not_given", not_given },
	{ "depot_has_an_end", has_an_end },
	{ "depot_gives_way", gives_way },
	{ "depot_freed_by_movers", freed_by_movers },
	{ "depot_freed_under_pressure", freed_under_pressure },
	{ "depot_freed_by_who_keeps_nothing", freed_by_who_keeps_nothing },
	{ "depot_of_the_dead", of_the_dead },
	{ "depot_not_while_compared", not_while_compared },
	{ "depot_forged", forged },
};

KTAP_MAIN(tests);
