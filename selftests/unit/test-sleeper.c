// SPDX-License-Identifier: MIT
/* test-sleeper.c - stock of threads that sleep is taken back */
#include <linux/atomic.h>
#include <stdlib.h>

#include "ktap.h"
#include "lane.h"
#include "maintain.h"
#include "move.h"
#include "slot.h"
#include "step.h"
#include "table.h"
#include "world.h"

#define NR	20
#define CLS	6	/* of 100 bytes */

static struct world *w;
static struct ml_arena *a;
static u64 stock[NR];

static void begin_with(struct memlane_create *req)
{
	w = calloc(1, sizeof(*w));
	expect_eq(world_try(w, req, true), 0);
	a = &w->arena;
	a->policy.auto_compaction = false;
}

static void begin(void)
{
	struct memlane_create req = world_request(256 << 10, 1 << 20);

	begin_with(&req);
}

static void end(void)
{
	world_check(w);
	world_end(w);
}

static u32 join(void)
{
	struct memlane_register reg = { .size = sizeof(reg) };

	expect_eq(ml_register(a, &reg), 0);
	return reg.slot;
}

static struct memlane_mag *mag_of(u32 slot)
{
	return world_mag(w, slot, MEMLANE_FAST, CLS);
}

static void put(u32 slot, u64 handle)
{
	struct memlane_mag *mag = mag_of(slot);

	mag->index[mag->nr++] = (u32)handle;
}

/* A thread with stock, which has done something. */
static u32 thread(void)
{
	u32 slot = join(), i;

	for (i = 0; i < NR; i++) {
		stock[i] = world_stock(w, MEMLANE_FAST, 100);
		put(slot, stock[i]);
	}
	world_slot(w, slot)->allocs = 5;
	world_slot(w, slot)->frees = 3;
	return slot;
}

static struct memlane_step maintain(u64 max_ns)
{
	struct memlane_maintain req = { .size = sizeof(req), .step.max_ns = max_ns };

	expect_eq(ml_maintain(a, &req), 0);
	world_check(w);
	return req.step;
}

static bool is_empty(u64 handle)
{
	return memlane_entry_state(*world_entry(w, handle)) == MEMLANE_ENTRY_EMPTY &&
	       !ml_index_placed(a, (u32)handle);
}

static u32 emptied(void)
{
	u32 i, nr = 0;

	for (i = 0; i < NR; i++)
		nr += is_empty(stock[i]);
	return nr;
}

static u32 flush(u32 slot)
{
	struct memlane_flush req = { .size = sizeof(req), .slot = slot, .cls = CLS };

	expect_eq(ml_flush(a, &req), 0);
	world_check(w);
	return req.out_count;
}

/* The second look finds that nothing was done. */
static void two_looks(void)
{
	u32 slot;

	begin();
	slot = thread();
	maintain(0);
	expect_eq(emptied(), 0);
	expect_eq(a->stat_page->counts.handles, NR);
	expect_eq(maintain(0).out_more, 0);
	expect_eq(emptied(), NR);
	expect_eq(a->table.bound, NR);
	expect_eq(a->stat_page->counts.handles, 0);
	expect_eq(a->stat_page->counts.purged, 0);
	expect_eq(ml_lane_used(&a->lane[MEMLANE_FAST]), 0);
	expect_eq(world_query(w, stock[0]).out_state, MEMLANE_STATE_CACHED);
	expect_eq(mag_of(slot)->nr, NR);
	expect_eq(flush(slot), NR);
	expect_eq(a->table.bound, 0);
	end();
}

/* Compaction without limits looks, too; a step of one does not. */
static void by_compaction(void)
{
	struct memlane_compact req = { .size = sizeof(req), .step.max_ns = 1ULL << 40 };

	begin();
	thread();
	world_compact(w);
	expect_eq(ml_compact(a, &req), 0);
	expect_eq(emptied(), 0);
	world_compact(w);
	expect_eq(emptied(), NR);
	end();
}

static void who_is_awake(void)
{
	u32 slot, i;

	begin();
	slot = thread();
	maintain(0);
	for (i = 0; i < 3; i++) {
		world_slot(w, slot)->frees++;
		maintain(0);
		expect_eq(emptied(), 0);
	}
	world_slot(w, slot)->section = a->epoch + 1;	/* it may be about to take some */
	maintain(0);
	expect_eq(emptied(), 0);
	world_slot(w, slot)->section = 0;
	maintain(0);
	expect_eq(emptied(), NR);
	end();
}

/* What is taken is not looked at again before the thread has done something. */
static void once(void)
{
	u64 batches;
	u32 slot;

	begin();
	slot = thread();
	maintain(0);
	maintain(0);
	batches = a->count.batches;
	expect_eq(flush(slot), NR);
	stock[0] = world_stock(w, MEMLANE_FAST, 100);
	put(slot, stock[0]);
	maintain(0);
	expect_eq(a->count.batches, batches);
	world_slot(w, slot)->allocs++;
	maintain(0);
	maintain(0);
	expect(is_empty(stock[0]));
	end();
}

/* The next thread of a slot has done nothing yet. */
static void slot_anew(void)
{
	u32 slot;

	begin();
	slot = thread();
	maintain(0);
	maintain(0);
	expect_eq(ml_unregister(a, &(struct memlane_register){ .size = 16, .slot = slot }), 0);
	expect_eq(a->table.bound, 0);
	expect_eq(thread(), slot);
	maintain(0);
	expect_eq(emptied(), 0);
	maintain(0);
	expect_eq(emptied(), NR);
	end();
}

/* A section of somebody else is open: that was no look. */
static void given_up(void)
{
	u32 other;

	begin();
	thread();
	other = join();
	world_slot(w, other)->allocs = 1;
	maintain(0);
	world_slot(w, other)->section = ~0ULL >> 1;
	expect(maintain(0).out_given_up);
	expect_eq(emptied(), 0);
	world_slot(w, other)->section = 0;
	maintain(0);
	expect_eq(emptied(), NR);
	end();
}

static void clock_goes(struct world *world, void *arg)
{
	world->clock += 1000000;
}

/* However short the steps are, they come to an end. */
static void short_steps(void)
{
	u32 steps = 0;

	begin();
	thread();
	maintain(0);
	w->in_grace = clock_goes;
	do {
		expect(++steps < 100);
	} while (maintain(1000).out_more || emptied() < NR);
	expect(steps > 1);
	end();
}

/* The magazine says what it likes: only stock that has a place is taken. */
static void forged(void)
{
	u64 live, pinned, blob;
	u32 slot;

	begin();
	slot = thread();
	live = world_alloc(w, MEMLANE_FAST, 100);
	blob = world_stock(w, MEMLANE_SLOW, 60000);
	pinned = world_stock(w, MEMLANE_FAST, 100);
	*world_pin(w, pinned) = MEMLANE_PIN_ONE;
	put(slot, live);
	put(slot, 0);
	put(slot, ~0U);
	put(slot, a->table.top);
	put(slot, a->table.first);
	put(slot, stock[3]);
	put(slot, pinned);
	put(slot, blob);
	maintain(0);
	*world_entry(w, stock[5]) ^= 1;			/* another place */
	*world_entry(w, stock[6]) = world_in_state(*world_entry(w, stock[6]), MEMLANE_ENTRY_PURGED);
	*world_entry(w, stock[7]) = world_in_state(*world_entry(w, stock[7]), MEMLANE_ENTRY_BUSY);
	*world_entry(w, stock[8]) = world_in_state(*world_entry(w, stock[8]), MEMLANE_ENTRY_EMPTY);
	maintain(0);
	mag_of(slot)->nr = ~0U;
	world_slot(w, slot)->allocs++;
	maintain(0);
	maintain(0);
	expect_eq(emptied(), NR - 4);
	expect(is_empty(blob));
	expect_eq(world_query(w, live).out_state, MEMLANE_STATE_LIVE);
	expect(ml_index_placed(a, (u32)pinned));
	end();
}

/* Who kept a purged object's index, and who lost the place of stock, is the program's word. */
static void forged_empty(void)
{
	u32 slot;

	begin();
	slot = thread();
	maintain(0);
	maintain(0);
	*world_entry(w, stock[0]) = world_in_state(*world_entry(w, stock[0]), MEMLANE_ENTRY_FREE);
	*world_entry(w, stock[1]) = world_in_state(*world_entry(w, stock[1]), MEMLANE_ENTRY_USED);
	expect_eq(flush(slot), NR - 1);
	expect(a->table.emptied <= 1 && a->table.purged <= 1);
	expect_eq(a->table.emptied + a->table.purged, 1);
	expect_eq(a->table.bound, 1);
	end();
}

/* Planned to be taken while it was stock, made an object before it is marked, or behind. */
static void made_meanwhile(struct world *world, void *arg)
{
	u64 *e = world_entry(w, *(u64 *)arg);

	smp_store_release(e, world_in_state(*e, MEMLANE_ENTRY_USED));
}

static void take_one(u64 handle, bool early)
{
	struct memlane_step step = { };
	struct ml_step s;

	w->in_grace = early ? NULL : made_meanwhile;
	w->grace_arg = &handle;
	expect_eq(ml_step_begin(a, &s, &step), 0);
	expect(ml_step_next(a, &s));
	expect_eq(ml_batch_take(a, (u32)handle), 0);
	if (early)
		made_meanwhile(w, &handle);
	ml_step_run(a, &s);
	expect_eq(ml_step_end(a, &s), 0);
	w->in_grace = NULL;
	expect(ml_index_placed(a, (u32)handle));
	expect_eq(world_query(w, handle).out_state, MEMLANE_STATE_LIVE);
	world_check(w);
}

static void made_an_object(void)
{
	begin();
	thread();
	take_one(stock[0], true);
	take_one(stock[1], false);
	end();
}

/* Freed, and bound anew, while the batch waits. */
static void bound_anew(struct world *world, void *arg)
{
	w->in_grace = NULL;
	expect_eq(flush(*(u32 *)arg), NR);
	stock[0] = world_alloc(w, MEMLANE_FAST, 100);
}

static void flushed_meanwhile(void)
{
	u32 slot;

	begin();
	slot = thread();
	maintain(0);
	w->in_grace = bound_anew;
	w->grace_arg = &slot;
	maintain(0);
	expect_eq(a->table.emptied, 0);
	expect_eq(world_query(w, stock[0]).out_state, MEMLANE_STATE_LIVE);
	end();
}

/* Of a dead thread everything comes back, what it had just ended included. */
static void the_dead(void)
{
	u32 slot;

	begin();
	slot = thread();
	expect_eq(flush(slot), NR);
	expect_eq(ml_unregister(a, &(struct memlane_register){ .size = 16, .slot = slot }), 0);
	for (slot = 0; slot < NR; slot++)
		stock[slot] = world_alloc(w, MEMLANE_FAST, 100);
	for (slot = 0; slot < NR; slot++)
		world_free(w, stock[slot]);
	slot = thread();			/* of generations after the first */
	maintain(0);
	maintain(0);
	mag_of(slot)->nr--;			/* the last one stands behind the list */
	world_slot(w, slot)->in_hand = mag_of(slot)->index[0];
	*world_pin(w, stock[NR - 1]) = MEMLANE_PIN_ONE;
	w->gone[slot] = true;
	maintain(0);
	expect_eq(a->table.bound, 0);
	expect_eq(a->table.emptied, 0);
	end();
}

static int alloc_with(u32 flags, unsigned int lane, u64 length, u64 *handle)
{
	struct memlane_alloc req = {
		.size = sizeof(req), .length = length, .lane = lane, .count = 1,
		.flags = MEMLANE_ALLOC_LIVE | MEMLANE_ALLOC_MAY_MOVE | flags,
	};
	int err;

	w->clock += 1000000000;
	err = ml_alloc(a, &req, handle);
	world_check(w);
	return err;
}

static int alloc(unsigned int lane, u64 length, u64 *handle)
{
	return alloc_with(MEMLANE_ALLOC_NO_SPILL, lane, length, handle);
}

/* Before another lane serves. */
static void for_a_full_lane(void)
{
	struct memlane_create req = world_request(64 << 10, 1 << 20);
	u64 x;

	req.fast_max = 64 << 10;
	begin_with(&req);
	thread();
	maintain(0);
	expect_eq(alloc_with(0, MEMLANE_FAST, 60000, &x), 0);
	expect_eq(world_query(w, x).out_lane, MEMLANE_FAST);
	expect_eq(emptied(), NR);
	world_free(w, x);
	end();
}

/* In the next cycle, though the last one had not ended. */
static void for_the_system(void)
{
	struct ml_tended t = { .more = true };
	struct memlane_step step = { };

	begin();
	thread();
	maintain(0);
	expect_eq(ml_tend(a, &step, &t), 0);
	expect_eq(emptied(), 0);
	t.more = true;
	ml_short_of_memory(a, 1);
	expect_eq(ml_tend(a, &step, &t), 0);
	expect_eq(emptied(), NR);
	end();
}

/* Others' stock is no reason to refuse an object, be they asleep or not. */
static void no_refusal(void)
{
	struct memlane_create req = world_request(64 << 10, 64 << 10);
	u64 x;
	u32 slot;

	req.fast_max = 64 << 10;
	begin_with(&req);
	slot = thread();
	world_slot(w, slot)->section = ~0ULL >> 1;
	expect_eq(alloc(MEMLANE_FAST, 60000, &x), -ENOSPC);
	world_slot(w, slot)->section = 0;
	world_slot(w, slot)->allocs++;
	expect_eq(alloc(MEMLANE_FAST, 60000, &x), 0);
	expect_eq(emptied(), NR);
	world_free(w, x);
	end();
}

/* Nor are the handles that it stands for. */
static void no_lack_of_handles(void)
{
	struct memlane_create req = world_request(256 << 10, 1 << 20);
	u64 x[3];
	u32 slot;

	req.handles = NR + 3;
	begin_with(&req);
	slot = thread();
	expect_eq(alloc(MEMLANE_FAST, 100, &x[0]), 0);
	expect_eq(alloc(MEMLANE_FAST, 100, &x[1]), 0);
	expect_eq(emptied(), 0);
	expect_eq(alloc(MEMLANE_FAST, 100, &x[2]), 0);
	expect_eq(emptied(), NR);
	expect_eq(a->stat_page->counts.handles, 3);
	expect_eq(flush(slot), NR);
	end();
}

static const struct test tests[] = {
	{ "sleeper_two_looks", two_looks },
	{ "sleeper_by_compaction", by_compaction },
	{ "sleeper_who_is_awake", who_is_awake },
	{ "sleeper_once", once },
	{ "sleeper_slot_anew", slot_anew },
	{ "sleeper_given_up", given_up },
	{ "sleeper_short_steps", short_steps },
	{ "sleeper_forged", forged },
	{ "sleeper_forged_empty", forged_empty },
	{ "sleeper_made_an_object", made_an_object },
	{ "sleeper_flushed_meanwhile", flushed_meanwhile },
	{ "sleeper_the_dead", the_dead },
	{ "sleeper_for_a_full_lane", for_a_full_lane },
	{ "sleeper_for_the_system", for_the_system },
	{ "sleeper_no_refusal", no_refusal },
	{ "sleeper_no_lack_of_handles", no_lack_of_handles },
};

KTAP_MAIN(tests);
