// SPDX-License-Identifier: MIT
/*
 * test-tally.c - what counts where, whose a fault is, and what is done without memory
 *
 * That the sums agree is looked at by world_end(), of every test there is.
 */
#include "block.h"
#include "ktap.h"
#include "lane.h"
#include "table.h"
#include "tally.h"
#include "vec.h"
#include "world.h"

static struct world *w;
static struct ml_arena *a;

static void begin(void)
{
	w = world_new(256 << 10, 1 << 20);
	a = &w->arena;
}

static u64 make(u64 length, u16 tag, u16 group)
{
	u64 handle = world_alloc(w, MEMLANE_FAST, length);

	*world_pin(w, handle) |= (u32)tag << MEMLANE_PIN_TAG_SHIFT;
	world_join(w, handle, group);
	return handle;
}

static const struct memlane_tally *tally(u32 nr)
{
	static const struct memlane_tally none;
	const struct memlane_tally *t = ml_vec_at(&a->stat, ML_TALLY_FIRST + nr);

	return t ? t : &none;
}

static u64 by_hand(u32 nr)
{
	return tally(nr)->by_cause[MEMLANE_CAUSE_HAND];
}

static void moves(void)
{
	u64 object;

	begin();
	object = make(100, 7, 65535);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	expect_eq(by_hand(MEMLANE_TALLY_TAG + 7), 1);
	expect_eq(by_hand(MEMLANE_TALLY_GROUP + 65535), 1);
	expect_eq(by_hand(ml_tally_of_class(MEMLANE_FAST, ml_class_of(100))), 1);
	expect_eq(by_hand(ml_tally_of_class(MEMLANE_SLOW, ml_class_of(100))), 0);
	expect_eq(tally(MEMLANE_TALLY_TAG + 7)->bytes, 112);
	expect_eq(world_migrate(w, object, MEMLANE_FAST), 0);
	expect_eq(by_hand(MEMLANE_TALLY_TAG + 7), 2);
	expect_eq(by_hand(ml_tally_of_class(MEMLANE_SLOW, ml_class_of(100))), 1);
	world_check(w);
	world_end(w);
}

/* What is nobody's yet has the words of whoever had the index last. */
static void stock_is_nobodys(void)
{
	static u64 full[200], stock;
	u32 cls = ml_class_of(100), i;

	begin();
	for (i = 0; i < 200; i++)
		full[i] = make(100, 8, 9);
	stock = world_stock(w, MEMLANE_FAST, 100);
	*world_pin(w, stock) |= 7 << MEMLANE_PIN_TAG_SHIFT;
	world_join(w, stock, 7);
	for (i = 0; i < 200; i += i == 49 ? 101 : 1)
		world_free(w, full[i]);
	world_compact(w);
	expect(tally(ml_tally_of_class(MEMLANE_FAST, cls))->by_cause[MEMLANE_CAUSE_COMPACT]);
	expect_eq(tally(MEMLANE_TALLY_TAG + 7)->bytes, 0);
	expect_eq(tally(MEMLANE_TALLY_GROUP + 7)->bytes, 0);
	expect_eq(tally(MEMLANE_TALLY_TAG)->by_cause[MEMLANE_CAUSE_COMPACT], 2);	/* with others, then with all that is left */
	world_end(w);
}

static void reasons(void)
{
	u64 object;
	u32 cls;

	begin();
	object = make(100, 1, 2);
	cls = ml_tally_of_class(MEMLANE_FAST, ml_class_of(100));
	*world_pin(w, object) += MEMLANE_PIN_ONE;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EBUSY);
	expect_eq(tally(cls)->pinned, 1);
	expect_eq(tally(MEMLANE_TALLY_TAG + 1)->pinned, 1);
	expect_eq(tally(MEMLANE_TALLY_GROUP + 2)->pinned, 1);
	*world_pin(w, object) -= MEMLANE_PIN_ONE;
	world_hold(w, world_loc(w, object), true);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EBUSY);
	expect_eq(tally(MEMLANE_TALLY_TAG + 1)->held, 1);
	world_hold(w, world_loc(w, object), false);
	w->sync_result = -EINTR;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EAGAIN);
	expect_eq(tally(MEMLANE_TALLY_TAG + 1)->given_up, 1);
	expect_eq(tally(MEMLANE_TALLY_TAG + 1)->pinned, 1);
	expect_eq(by_hand(MEMLANE_TALLY_TAG + 1), 0);
	expect_eq(tally(MEMLANE_TALLY_TAG + 1)->bytes, 0);
	w->sync_result = 0;
	world_end(w);
}

static void pages(void)
{
	u32 cls = ml_tally_of_class(MEMLANE_FAST, ml_class_of(1000));
	u32 blob = ml_tally_of_class(MEMLANE_FAST, MEMLANE_CLASS_BLOB);
	u64 object, large;

	begin();
	object = make(1000, 0, 0);
	large = make(40000, 0, 0);
	expect_eq(tally(cls)->pages, ml_span_pages(ml_class_of(1000)));
	expect_eq(tally(blob)->pages, 10);
	expect_eq(tally(blob + 1)->pages, 0);
	expect_eq(world_migrate(w, large, MEMLANE_SLOW), 0);
	expect_eq(tally(blob)->pages, 0);
	expect_eq(tally(ml_tally_of_class(MEMLANE_SLOW, MEMLANE_CLASS_BLOB))->pages, 10);
	world_free(w, object);
	world_compact(w);
	expect_eq(tally(cls)->pages, 0);
	world_end(w);
}

/* ---------------------------------------------------------------- faults */

static struct ml_kin kin_at(u64 first, u64 loc)
{
	struct ml_kin kin;

	expect(ml_kin_at(a, first, loc, &kin));
	return kin;
}

static void faults(void)
{
	u64 object, large, small, loc, first;
	struct ml_kin kin;

	begin();
	object = make(3000, 3, 4);
	large = make(100000, 5, 6);
	loc = world_loc(w, object);
	first = ml_run_look(a, ml_loc_page(loc))->page;
	kin = kin_at(first, loc + 3000 / 8 - 1);
	expect_eq(kin.tag, MEMLANE_TALLY_TAG + 3);
	expect_eq(kin.group, MEMLANE_TALLY_GROUP + 4);
	expect_eq(kin.cls, ml_tally_of_class(MEMLANE_FAST, ml_class_of(3000)));
	ml_tally_fault(a, &kin);
	ml_tally_fault(a, &kin);
	expect_eq(tally(MEMLANE_TALLY_TAG + 3)->faults, 2);
	expect_eq(tally(MEMLANE_TALLY_GROUP + 4)->faults, 2);
	expect_eq(tally(kin.cls)->faults, 2);
	kin = kin_at(first, loc + ml_class_size(ml_class_of(3000)) / 8);
	expect_eq(kin.tag, MEMLANE_TALLY_TAG);			/* a free place */
	small = make(100, 7, 7);
	first = ml_loc_page(world_loc(w, small));
	kin = kin_at(first, ml_page_loc(first + ml_span_pages(ml_class_of(100))) - 1);
	expect_eq(kin.tag, MEMLANE_TALLY_TAG);			/* behind all places */
	loc = world_loc(w, large);
	kin = kin_at(ml_loc_page(loc), loc + 50000 / 8);
	expect_eq(kin.tag, MEMLANE_TALLY_TAG + 5);
	expect_eq(kin.cls, ml_tally_of_class(MEMLANE_FAST, MEMLANE_CLASS_BLOB));
	world_free(w, large);
	expect(!ml_kin_at(a, ml_loc_page(loc), loc, &kin));
	expect(!ml_kin_at(a, 0, 0, &kin));
	expect(!ml_kin_at(a, ~0ULL >> 12, 0, &kin));
	world_end(w);
}

/* By the power of two that their time is below. */
static void times_of_faults(void)
{
	const struct memlane_fault_times *t;
	unsigned int i;

	begin();
	ml_fault_add(a, MEMLANE_FAULT_NEW, 0, 1);
	ml_fault_add(a, MEMLANE_FAULT_NEW, 1, 1);
	ml_fault_add(a, MEMLANE_FAULT_NEW, 1023, 1);
	ml_fault_add(a, MEMLANE_FAULT_NEW, 1024, 3);
	ml_fault_add(a, MEMLANE_FAULT_NEW, 1ULL << 31, 1);
	ml_fault_add(a, MEMLANE_FAULT_NEW, 1ULL << 40, 1);
	t = ml_fault_read(a, MEMLANE_FAULT_NEW);
	expect_eq(t->ns, 1 + 1023 + 3 * 1024 + (1ULL << 31) + (1ULL << 40));
	expect_eq(t->bucket[0], 2);
	expect_eq(t->bucket[9], 1);
	expect_eq(t->bucket[10], 3);
	expect_eq(t->bucket[31], 2);
	t = ml_fault_read(a, MEMLANE_FAULT_STORED);
	for (i = 0; i < MEMLANE_FAULT_BUCKETS; i++)
		expect_eq(t->bucket[i], 0);
	expect_eq(ml_fault_read(a, MEMLANE_FAULTS - 1)->ns, 0);
	world_end(w);
}

/* ------------------------------------------------------------- no memory */

/* What is not noted is missing in the tallies alone, and noted once there is memory. */
static void without_memory(void)
{
	u64 object;

	begin();
	object = make(100, 1000, 2000);
	w->fail = (struct failure){ .doors = DOOR_SHARE, .nth = 1, .forever = true };
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	expect_eq(a->count.by_cause[MEMLANE_CAUSE_HAND], 1);
	expect_eq(by_hand(MEMLANE_TALLY_TAG + 1000), 0);
	expect(w->fail.hits >= 2);
	w->fail.doors = 0;
	expect_eq(world_migrate(w, object, MEMLANE_FAST), 0);
	expect_eq(by_hand(MEMLANE_TALLY_TAG + 1000), 1);
	expect_eq(by_hand(MEMLANE_TALLY_GROUP + 2000), 1);
	world_check(w);
	world_end(w);
}

static const struct test tests[] = {
	{ "tally_moves", moves },
	{ "tally_stock", stock_is_nobodys },
	{ "tally_reasons", reasons },
	{ "tally_pages", pages },
	{ "tally_faults", faults },
	{ "tally_times_of_faults", times_of_faults },
	{ "tally_without_memory", without_memory },
};

KTAP_MAIN(tests);
