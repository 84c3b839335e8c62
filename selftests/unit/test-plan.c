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
	mutex_lock(&a->lock);
}

static void end(void)
{
	mutex_unlock(&a->lock);
	world_end(w);
}

static struct ml_span *span_with(u32 used)
{
	struct ml_span *span = ml_span_new(a, MEMLANE_SLOW, 0, false, ml_span_pages(0));

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
	/* What it is given may stand before its cursor. */
	half->cursor = 100;
	ml_plan_feed(a, half);
	expect_eq(half->cursor, 0);
	half->fed = 0;
	ml_span_done(a, little, false);
	expect(ml_plan_source(a, c) == half);
	ml_span_done(a, half, false);
	expect(ml_plan_source(a, c) == much);
	expect(!ml_plan_target(a, c, much));	/* those done are not filled again */
	ml_span_done(a, much, false);
	expect(!ml_plan_source(a, c));
	a->lane[MEMLANE_SLOW].round++;
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

/* But in fewer pages its objects have room, if it has more than they need. */
static void tight(void)
{
	struct ml_span *span;
	u32 i;

	begin();
	span = span_with(2 * 256);
	expect_eq(ml_plan_tight(span), 0);	/* reserved is nobody's yet */
	for (i = 0; i < 256; i++)
		ml_slot_name(span, ml_slot_loc(span, i), 100 + i);
	expect_eq(ml_plan_tight(span), 1);
	ml_slot_name(span, ml_slot_loc(span, 256), 356);
	expect_eq(ml_plan_tight(span), 2);
	span->cursor = 1;			/* the first one has left */
	expect_eq(ml_plan_tight(span), 1);
	span->cursor = 0;
	for (i = 0; i < 256; i++)
		ml_slot_take(a, span);
	for (i = 257; i < 3 * 256 + 1; i++)
		ml_slot_name(span, ml_slot_loc(span, i), 100 + i);
	expect_eq(ml_plan_tight(span), 0);	/* four of four */
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

/* Also one that stands between spans that are done and hold none. */
static void pinned_among_done(void)
{
	struct ml_span *span[3], *other;
	int i;

	begin();
	for (i = 0; i < 3; i++)
		span[i] = span_with(900);
	other = span_with(3);
	for (i = 0; i < 3; i++)
		ml_span_done(a, span[i], i == 1);
	expect(ml_plan_source(a, c) == other);
	expect(ml_plan_target(a, c, other) == span[1]);
	expect(ml_plan_target(a, c, span[1]) == other);
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
	low = world_loc(w, world_alloc(w, MEMLANE_SLOW, 50000));
	high = world_loc(w, world_alloc(w, MEMLANE_SLOW, 50000));
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
	expect(world_compact(w).out_pages_returned <= ml_span_pages(ml_class_of(256)));	/* others were never touched */
	world_check(w);
	c = ml_class_set(&a->lane[0], ml_class_of(256), false);
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

/* The span of a pinned object stays, so the emptier ones go there. */
static void compaction_fills_around_a_pin(void)
{
	u64 x[32];
	int i;

	w = world_new(256 << 10, 1 << 20);
	a = &w->arena;
	for (i = 0; i < 32; i++)		/* two spans of 16 */
		x[i] = world_alloc(w, MEMLANE_SLOW, 4096);
	*world_pin(w, x[0]) = MEMLANE_PIN_ONE;
	for (i = 2; i < 27; i++)		/* 2 are left in the first, 5 in the second */
		world_free(w, x[i]);
	expect_eq(world_compact(w).out_moved, 5);
	expect_eq(a->lane[MEMLANE_SLOW].area[ML_USE_BLOCK].runs, 1);
	world_end(w);
}

/* The pages of the class that @nr objects of these bytes are left of. */
static u64 pages_of_few(u64 bytes, int nr, u32 made)
{
	u64 x[32];
	u32 i;

	w = world_new(1 << 20, 1 << 20);
	a = &w->arena;
	c = ml_class_set(&a->lane[MEMLANE_FAST], ml_class_of(bytes), false);
	for (i = 0; i < made; i++)
		x[i] = world_alloc(w, MEMLANE_FAST, bytes);
	for (i = nr; i < made; i++)
		world_free(w, x[i]);
	world_compact(w);
	world_check(w);
	expect_eq(c->used, nr);
	world_compact(w);
	world_check(w);
	expect_eq(c->used, nr);
	return c->pages;
}

/* What is left of a class has no page too many, where there is one for it. */
static void compaction_leaves_no_slack(void)
{
	expect_eq(pages_of_few(16, 3, 4), 1);
	world_end(w);
	expect_eq(pages_of_few(4096, 3, 16), 3);
	world_end(w);
	expect_eq(pages_of_few(1280, 7, 30), 3);
	world_end(w);
	expect_eq(pages_of_few(30000, 1, 8), 8);
	world_end(w);
}

/* Where the lane has none, all stays as it is. */
static void compaction_without_a_page(void)
{
	u64 blob;

	w = world_new(64 << 10, 64 << 10);
	a = &w->arena;
	a->policy.safety_margin = 0;
	c = ml_class_set(&a->lane[MEMLANE_SLOW], ml_class_of(16), false);
	world_alloc(w, MEMLANE_SLOW, 16);
	blob = world_alloc(w, MEMLANE_SLOW, 12 << ML_PAGE_SHIFT);
	expect_eq(world_compact(w).out_moved, 0);
	expect_eq(c->pages, 4);
	world_free(w, blob);
	expect_eq(world_compact(w).out_moved, 1);
	expect_eq(c->pages, 1);
	world_check(w);
	world_end(w);
}

/*
 * Not one page is free, and what is left of two classes lies in spans of 16 pages: a third
 * class, which comes last, gives back the page that the first needs, and that one the next.
 */
static void compaction_in_a_full_lane(void)
{
	static const u16 bytes[] = { 512, 1024, 4096 }, made[] = { 128, 64, 32 };
	const struct ml_lane *l;
	u64 x[128];
	u32 i, j;

	w = world_new(256 << 10, 1 << 20);
	a = &w->arena;
	a->policy.safety_margin = 0;
	l = &a->lane[MEMLANE_FAST];
	for (i = 0; i < 3; i++) {
		for (j = 0; j < made[i]; j++)
			x[j] = world_alloc(w, MEMLANE_FAST, bytes[i]);
		for (j = 0; j < made[i]; j++)
			if (j % 16)
				world_free(w, x[j]);
	}
	expect_eq(ml_lane_used(l), 64);
	expect(!world_compact(w).out_more);
	expect_eq(ml_lane_used(l), 1 + 1 + 2);
	world_check(w);
	world_end(w);
}

/* A pinned one keeps its span, and that takes the others. */
static void compaction_leaves_a_pin(void)
{
	u64 x[4];
	int i;

	w = world_new(256 << 10, 1 << 20);
	a = &w->arena;
	for (i = 0; i < 4; i++)
		x[i] = world_alloc(w, MEMLANE_SLOW, 16);
	*world_pin(w, x[0]) = MEMLANE_PIN_ONE;
	expect_eq(world_compact(w).out_moved, 0);
	expect_eq(a->lane[MEMLANE_SLOW].area[ML_USE_BLOCK].used, 4);
	*world_pin(w, x[0]) = 0;
	expect_eq(world_compact(w).out_moved, 4);
	expect_eq(a->lane[MEMLANE_SLOW].area[ML_USE_BLOCK].used, 1);
	expect_eq(world_compact(w).out_moved, 0);
	world_check(w);
	world_end(w);
}

/* Of many that are half full some are filled and some go, and either lie together. */
static void what_stays_lies_together(void)
{
	struct ml_run *run;
	u64 x[128], low = 0, end = 0;
	int i;

	w = world_new(256 << 10, 2 << 20);
	a = &w->arena;
	for (i = 0; i < 128; i++)		/* eight spans of 16 */
		x[i] = world_alloc(w, MEMLANE_SLOW, 4096);
	for (i = 0; i < 128; i += 2)
		world_free(w, x[i]);
	expect_eq(world_compact(w).out_moved, 32);
	mutex_lock(&a->lock);
	for (run = ml_run_last(a, &a->lane[MEMLANE_SLOW]); run; run = ml_run_before(a, run)) {
		if (run->kind != ML_SPAN)
			continue;
		end = end ? end : ml_run_end(run);
		low = run->page;
	}
	mutex_unlock(&a->lock);
	expect_eq(end - low, 64);
	world_end(w);
}

/* ------------------------------------------------- random states, naive answers */

#define CLS	ml_class_of(4096)	/* 16 places in a span */
#define SPANS	12

static bool part_filled(const struct ml_span *span)
{
	return span->used && span->used < span->places;
}

static bool is_done(const struct ml_span *span)
{
	return ml_span_is_done(a, span);
}

static bool may_drain(const struct ml_span *span, const struct ml_span *unused)
{
	return part_filled(span) && !is_done(span) && span->fed != a->count.batches + 1;
}

static bool may_fill(const struct ml_span *span, const struct ml_span *source)
{
	return part_filled(span) && span != source && (!is_done(span) || span->pinned);
}

/* Of all spans of the class that may, the one with the lowest (or highest) bin. */
static const struct ml_span *look(bool (*may)(const struct ml_span *, const struct ml_span *),
				  const struct ml_span *source, bool highest)
{
	struct ml_run *run = ml_run_last(a, &a->lane[MEMLANE_SLOW]);
	const struct ml_span *best = NULL, *span;

	for (; run; run = ml_run_before(a, run)) {
		span = run->kind == ML_SPAN ? ml_span_of(run) : NULL;
		if (!span || ml_class_set(&a->lane[MEMLANE_SLOW], span->cls, span->cold) != c ||
		    !may(span, source))
			continue;
		if (!best || (highest ? ml_span_bin(span) > ml_span_bin(best) :
					ml_span_bin(span) < ml_span_bin(best)))
			best = span;
	}
	return best;
}

/* As good as what a look at every span finds. */
static void compare(const struct ml_span *got, const struct ml_span *source, bool target)
{
	bool (*may)(const struct ml_span *, const struct ml_span *) = target ? may_fill : may_drain;
	const struct ml_span *best = look(may, source, target);

	expect_eq(!got, !best);
	if (!got)
		return;
	expect(may(got, source));
	expect_eq(ml_span_bin(got), ml_span_bin(best));
}

static struct ml_span *any_span(struct rng *r)
{
	struct ml_run *run = ml_run_last(a, &a->lane[MEMLANE_SLOW]);
	struct ml_span *all[SPANS];
	unsigned int nr = 0;

	for (; run; run = ml_run_before(a, run))
		if (run->kind == ML_SPAN)
			all[nr++] = ml_span_of(run);
	return nr ? all[rng_below(r, nr)] : NULL;
}

static void give_some(struct rng *r, struct ml_span *span)
{
	u32 slot = rng_below(r, span->places);

	if (!ml_slot_is_free(span->rmap[slot]))
		ml_slot_give(a, span, ml_slot_loc(span, slot));
}

/* As compact.c fills a batch: drain the source, or find it pinned. */
static u64 drain(struct rng *r)
{
	struct ml_span *source = ml_plan_source(a, c), *target;
	u32 nr = rng_below(r, 4);
	u64 planned = 0;

	compare(source, NULL, false);
	if (!source)
		return 0;
	if (!rng_below(r, 4)) {
		ml_span_done(a, source, true);
		return 0;
	}
	for (; nr; nr--, planned++) {
		target = ml_plan_target(a, c, source);
		compare(target, source, true);
		if (!target)
			break;
		ml_plan_feed(a, target);
		ml_slot_take(a, target);
	}
	if (rng_below(r, 4))
		ml_span_done(a, source, false);
	return planned;
}

static void random_states(void)
{
	struct rng r = rng_new();
	u64 ops = ktap_ops(200000), planned = 0, n;
	struct ml_span *span;

	begin();
	c = ml_class_set(&a->lane[MEMLANE_SLOW], CLS, false);
	for (; ops; ops--) {
		span = any_span(&r);
		switch (rng_below(&r, 16)) {
		case 0:
			if (c->spans < SPANS)
				ml_span_new(a, MEMLANE_SLOW, CLS, false, ml_span_pages(CLS));
			break;
		case 1 ... 3:
			if (span && span->used < span->places)
				ml_slot_take(a, span);
			break;
		case 4 ... 7:
			if (span)
				give_some(&r, span);
			break;
		case 8:
			a->lane[MEMLANE_SLOW].round++;
			break;
		default:
			/* Nobody else has the lock until the batch runs. */
			for (n = rng_below(&r, 6); n; n--)
				planned += drain(&r);
			a->count.batches++;
			break;
		}
	}
	expect(planned > 1000);
	end();
}

/* From the lane's first page on: the last blob that begins below. */
static struct ml_run *naive_blob(u64 below)
{
	struct ml_lane *lane = &a->lane[MEMLANE_SLOW];
	struct ml_run *run, *blob = NULL;
	u64 page;

	for (page = lane->first; page < lane->end && page < below; page = ml_run_end(run)) {
		run = ml_run_at(a, page);
		blob = run->kind == ML_BLOB ? run : blob;
	}
	return blob;
}

static void random_blobs(void)
{
	struct rng r = rng_new();
	u64 ops = ktap_ops(20000), handle[64] = { }, below;
	struct ml_run *run;

	w = world_new(256 << 10, 32 << 20);
	a = &w->arena;
	for (; ops; ops--) {
		u64 *h = &handle[rng_below(&r, 64)];

		if (*h)
			world_free(w, *h);
		*h = *h ? 0 : world_alloc(w, MEMLANE_SLOW, 1 + rng_below(&r, 200000));
		below = a->lane[MEMLANE_SLOW].end;
		if (rng_below(&r, 4))
			below = a->lane[MEMLANE_SLOW].first + rng_below(&r, 8 * ML_CHUNK_PAGES);
		mutex_lock(&a->lock);
		run = ml_blob_below(&a->lane[MEMLANE_SLOW], below);
		expect(run == naive_blob(below));
		if (run)
			expect(ml_blob_below(&a->lane[MEMLANE_SLOW], run->page) == naive_blob(run->page));
		mutex_unlock(&a->lock);
	}
	world_end(w);
}

static const struct test tests[] = {
	{ "plan_nothing_to_do", nothing_to_do },
	{ "plan_emptiest_to_fullest", emptiest_to_fullest },
	{ "plan_alone", alone },
	{ "plan_tight", tight },
	{ "plan_pinned_is_filled", pinned_is_filled },
	{ "plan_pinned_among_done", pinned_among_done },
	{ "plan_one_bin", one_bin },
	{ "plan_highest_blob", highest_blob },
	{ "plan_random_states", random_states },
	{ "plan_random_blobs", random_blobs },
	{ "plan_compaction_is_dense", compaction_is_dense },
	{ "plan_compaction_fills_around_a_pin", compaction_fills_around_a_pin },
	{ "plan_compaction_leaves_no_slack", compaction_leaves_no_slack },
	{ "plan_compaction_in_a_full_lane", compaction_in_a_full_lane },
	{ "plan_compaction_without_a_page", compaction_without_a_page },
	{ "plan_what_stays_lies_together", what_stays_lies_together },
	{ "plan_compaction_leaves_a_pin", compaction_leaves_a_pin },
	{ "plan_compaction_closes_holes", compaction_closes_holes },
};

KTAP_MAIN(tests);
