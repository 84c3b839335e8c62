// SPDX-License-Identifier: MIT
/* test-plan.c - which objects go where; and that compaction gets there */
#include "blob.h"
#include "block.h"
#include "ktap.h"
#include "lane.h"
#include "plan.h"
#include "run.h"
#include "table.h"
#include "world.h"

static struct world *w;
static struct ml_arena *a;
static struct ml_class *c;	/* of 16-byte objects in the SlowLane */

static void begin(void)
{
	w = world_new(256 << 10, 8 << 20);
	a = &w->arena;
	c = ml_class_set(&a->lane[MEMLANE_SLOW], 0, false);
	a->round = 1;
	mutex_lock(&a->lock);
}

static void end(void)
{
	mutex_unlock(&a->lock);
	world_end(w);
}

static struct ml_span *span_with(u32 used)
{
	struct ml_span *span = ml_span_new(a, MEMLANE_SLOW, 0, false);

	while (used--)
		ml_slot_take(a, span);
	return span;
}

static void nothing_to_do(void)
{
	begin();
	expect(!ml_plan_source(a, c));
	expect(!ml_plan_target(a, c, NULL));
	expect(!ml_blob_below(&a->lane[1], a->lane[1].end));
	span_with(0);				/* empty: neither source nor target */
	span_with(4 * 256);			/* full */
	expect(!ml_plan_source(a, c));
	expect(!ml_plan_target(a, c, NULL));
	end();
}

static void emptiest_to_fullest(void)
{
	struct ml_span *little, *half, *much;

	begin();
	half = span_with(512);
	little = span_with(3);
	much = span_with(1000);
	expect(ml_plan_source(a, c) == little);
	expect(ml_plan_target(a, c, little) == much);
	expect(ml_plan_target(a, c, much) == half);
	ml_span_done(a, little, false);
	expect(ml_plan_source(a, c) == half);
	ml_span_done(a, half, false);
	expect(ml_plan_source(a, c) == much);
	expect(!ml_plan_target(a, c, much));	/* those done are not filled again */
	ml_span_done(a, much, false);
	expect(!ml_plan_source(a, c));
	a->round++;
	expect(ml_plan_source(a, c) == little);
	end();
}

/* A lone part-filled span has nowhere to go. */
static void alone(void)
{
	struct ml_span *span;

	begin();
	span = span_with(10);
	expect(ml_plan_source(a, c) == span);
	expect(!ml_plan_target(a, c, span));
	end();
}

/* What cannot be drained is filled. */
static void pinned_is_filled(void)
{
	struct ml_span *pinned, *other;

	begin();
	pinned = span_with(900);
	other = span_with(3);
	ml_span_done(a, pinned, true);
	expect(ml_plan_source(a, c) == other);
	expect(ml_plan_target(a, c, other) == pinned);
	end();
}

/* Two spans of one bin: the head is the source, the other the target. */
static void one_bin(void)
{
	struct ml_span *x, *y, *source;

	begin();
	x = span_with(5);
	y = span_with(6);
	source = ml_plan_source(a, c);
	expect(source == x || source == y);
	expect(ml_plan_target(a, c, source) == (source == x ? y : x));
	end();
}

static void highest_blob(void)
{
	struct ml_lane *lane;
	u64 low, high;

	begin();
	mutex_unlock(&a->lock);
	low = *world_entry(w, world_alloc(w, MEMLANE_SLOW, 50000)) & MEMLANE_ENTRY_LOC_MASK;
	high = *world_entry(w, world_alloc(w, MEMLANE_SLOW, 50000)) & MEMLANE_ENTRY_LOC_MASK;
	mutex_lock(&a->lock);
	lane = &a->lane[1];
	expect_eq(ml_blob_below(lane, lane->end)->page, ml_loc_page(high));
	expect_eq(ml_blob_below(lane, ml_loc_page(high))->page, ml_loc_page(low));
	expect(!ml_blob_below(lane, ml_loc_page(low)));
	end();
}

/* One round leaves one span too many at most, two rounds none. */
static void compaction_is_dense(void)
{
	struct rng r = rng_new();
	u64 handle[6000];
	int i, live = 0;

	w = world_new(4 << 20, 4 << 20);
	a = &w->arena;
	for (i = 0; i < 6000; i++)
		handle[i] = world_alloc(w, MEMLANE_FAST, 256);
	for (i = 0; i < 6000; i++) {
		if (rng_below(&r, 10) == 0)
			live++;
		else
			world_free(w, handle[i]);
	}
	expect(world_compact(w).out_pages_returned == 0);	/* never touched */
	world_check(w);
	c = ml_class_set(&a->lane[0], memlane_class_of(256), false);
	expect(c->spans <= (live + 127) / 128 + 1);
	world_compact(w);
	world_check(w);
	expect_eq(c->spans, (live + 127) / 128);
	world_end(w);
}

/* After compaction no blob has room for it below. */
static void compaction_closes_holes(void)
{
	struct rng r = rng_new();
	u64 handle[200];
	int i, round;
	u64 pages = 0;

	w = world_new(256 << 10, 64 << 20);
	a = &w->arena;
	for (i = 0; i < 200; i++)
		handle[i] = world_alloc(w, MEMLANE_SLOW, 40000 + rng_below(&r, 200000));
	for (i = 0; i < 200; i++)
		if (rng_below(&r, 3))
			world_free(w, handle[i]);
		else
			pages += world_query(w, handle[i]).out_room >> ML_PAGE_SHIFT;
	for (round = 0; round < 20 && world_compact(w).out_remapped; round++)
		world_check(w);
	expect(round < 20);
	expect_eq(w->committed, pages);
	/* holes are smaller than any blob, so a quarter more at the most */
	expect(a->lane[1].area[ML_USE_BLOB].chunks * ML_CHUNK_PAGES <= pages * 5 / 4 + ML_CHUNK_PAGES);
	world_end(w);
}

static const struct test tests[] = {
	{ "plan_nothing_to_do", nothing_to_do },
	{ "plan_emptiest_to_fullest", emptiest_to_fullest },
	{ "plan_alone", alone },
	{ "plan_pinned_is_filled", pinned_is_filled },
	{ "plan_one_bin", one_bin },
	{ "plan_highest_blob", highest_blob },
	{ "plan_compaction_is_dense", compaction_is_dense },
	{ "plan_compaction_closes_holes", compaction_closes_holes },
};

KTAP_MAIN(tests);
