// SPDX-License-Identifier: MIT
/* test-block.c - size classes, spans and their places */
#include <stdlib.h>

#include "block.h"
#include "ktap.h"
#include "lane.h"
#include "world.h"

/* Every length gets the smallest class that holds it. */
static void classes(void)
{
	unsigned int cls, length, size;

	for (cls = 0; cls < ML_CLASSES; cls++) {
		size = ml_class_size(cls);
		expect(size % 16 == 0);
		expect(!cls || size > ml_class_size(cls - 1));
		expect(cls < 8 ? size == 16 * (cls + 1) :
		       (size - ml_class_size(cls - 1)) * 8 <= size);
	}
	expect_eq(ml_class_size(ML_CLASSES - 1), MEMLANE_BLOCK_MAX);
	for (length = 1; length <= MEMLANE_BLOCK_MAX; length++) {
		cls = ml_class_of(length);
		expect(cls < ML_CLASSES);
		expect(ml_class_size(cls) >= length);
		expect(!cls || ml_class_size(cls - 1) < length);
	}
}

/* The promise of the ABI: rounding wastes 6 % on average. */
static void rounding(void)
{
	unsigned long long asked = 0, given = 0;
	unsigned int length;

	for (length = 129; length <= MEMLANE_BLOCK_MAX; length++) {
		asked += length;
		given += ml_class_size(ml_class_of(length));
	}
	expect((given - asked) * 100 < given * 6);
}

static void span_sizes(void)
{
	unsigned int cls;

	for (cls = 0; cls < ML_CLASSES; cls++) {
		u64 bytes = ml_span_pages(cls) << ML_PAGE_SHIFT;
		u64 places = bytes / ml_class_size(cls);

		expect(ml_span_pages(cls) >= 4 && ml_span_pages(cls) <= ML_SPAN_PAGES_MAX);
		expect(places >= 8);
		expect((bytes - places * ml_class_size(cls)) * 32 <= bytes);
	}
}

static void alignment(void)
{
	struct ml_need need;
	u64 align, length;

	for (align = 16; align <= ML_PAGE_SIZE; align *= 2)
		for (length = 1; length <= MEMLANE_BLOCK_MAX; length += 13) {
			expect_eq(ml_need_for(&need, length, align), 0);
			expect(need.cls != MEMLANE_CLASS_BLOB);
			expect(ml_class_size(need.cls) >= length);
			expect(ml_class_size(need.cls) % align == 0);
		}
	expect_eq(ml_need_for(&need, 100, 2 << 20), 0);
	expect(need.cls == MEMLANE_CLASS_BLOB && need.pages == 1 && need.align == 9);
	expect_eq(ml_need_for(&need, MEMLANE_BLOCK_MAX + 1, 0), 0);
	expect(need.cls == MEMLANE_CLASS_BLOB && need.pages == 9 && need.align == 0);
	expect_eq(ml_need_for(&need, 0, 0), -EINVAL);
	expect_eq(ml_need_for(&need, 16, 24), -EINVAL);
	expect_eq(ml_need_for(&need, 16, 4 << 20), -EINVAL);
	expect_eq(ml_need_for(&need, MEMLANE_SIZE_MAX + 1, 0), -EINVAL);
	expect_eq(ml_need_for(&need, MEMLANE_SIZE_MAX, 0), 0);
}

/* Which place a granule is in is found without a division, and as one would have it. */
static void slots_of_class(struct ml_arena *a, unsigned int cls)
{
	unsigned int width = ml_class_size(cls) >> MEMLANE_GRANULE_SHIFT;
	struct ml_span *span;
	u64 granule, end;

	mutex_lock(&a->lock);
	span = ml_span_new(a, MEMLANE_SLOW, cls, false, ml_span_pages(cls));
	end = span->run.nr * ML_PAGE_GRANULES;
	for (granule = 0; granule < end; granule++)
		if (ml_slot_at(span, ml_page_loc(span->run.page) + granule) != granule / width)
			break;
	expect_eq(granule, end);
	ml_span_trim(a, &a->lane[MEMLANE_SLOW].cls[cls], 0);
	mutex_unlock(&a->lock);
}

static void slots(void)
{
	struct world *w = world_new(64 << 10, 1 << 20);
	unsigned int cls;

	for (cls = 0; cls < ML_CLASSES; cls++)
		slots_of_class(&w->arena, cls);
	world_end(w);
}

/* Places of every class: distinct, inside their span, the fullest span first. */
static void one_class(struct world *w, struct rng *r, unsigned int cls)
{
	static u64 place[4096];
	struct ml_arena *a = &w->arena;
	struct ml_need need = { .cls = cls };
	unsigned int size = ml_class_size(cls), nr = 0, i, n;
	struct ml_class *c = &a->lane[MEMLANE_SLOW].cls[cls];

	mutex_lock(&a->lock);
	for (n = 0; n < 300; n++) {
		if (nr < 4096 && rng_below(r, 5) < 3) {
			struct ml_span *fullest = ml_span_fullest(c);
			struct ml_span *span;
			u64 loc;

			expect_eq(ml_place_take(a, MEMLANE_SLOW, &need, false, &loc), 0);
			span = ml_span_of(ml_run_at(a, ml_loc_page(loc)));
			expect(!fullest || span == fullest);
			expect(((loc - ml_page_loc(span->run.page)) << MEMLANE_GRANULE_SHIFT) % size == 0);
			expect((loc << MEMLANE_GRANULE_SHIFT) + size <= ml_run_end(&span->run) << ML_PAGE_SHIFT);
			for (i = 0; i < nr; i++)
				expect(place[i] + (size >> MEMLANE_GRANULE_SHIFT) <= loc ||
				       loc + (size >> MEMLANE_GRANULE_SHIFT) <= place[i]);
			place[nr++] = loc;
		} else if (nr) {
			i = rng_below(r, nr);
			ml_place_give(a, place[i]);
			place[i] = place[--nr];
		}
		expect_eq(c->used, nr);
	}
	while (nr)
		ml_place_give(a, place[--nr]);
	expect_eq(c->spans, 1);		/* one empty span is kept */
	ml_span_trim(a, c, 0);
	expect_eq(c->spans, 0);
	mutex_unlock(&a->lock);
	world_check(w);
	expect_eq(w->committed, 0);
}

static void places(void)
{
	struct world *w = world_new(64 << 10, 64 << 20);
	struct rng r = rng_new();
	unsigned int cls;

	for (cls = 0; cls < ML_CLASSES; cls++)
		one_class(w, &r, cls);
	world_end(w);
}

/* Bins say how full a span is; the fullest with room is first. */
static void bins(void)
{
	struct world *w = world_new(64 << 10, 1 << 20);
	struct ml_arena *a = &w->arena;
	struct ml_span *span;
	u32 i;

	mutex_lock(&a->lock);
	expect(!ml_span_fullest(&a->lane[1].cls[0]));
	span = ml_span_new(a, MEMLANE_SLOW, 0, false, ml_span_pages(0));
	expect_eq(ml_span_bin(span), ML_BIN_EMPTY);
	for (i = 1; i <= span->places; i++) {
		expect(ml_span_fullest(&a->lane[1].cls[0]) == span);
		ml_slot_take(a, span);
		expect(span->bin == ml_span_bin(span));
		expect(span->bin >= 1 && (span->bin == ML_BIN_FULL) == (i == span->places));
	}
	expect(!ml_span_fullest(&a->lane[1].cls[0]));
	for (i = 0; i < span->places; i++) {
		u64 loc = ml_slot_loc(span, i);

		if (i + 1 < span->places)
			ml_slot_give(a, span, loc);
	}
	expect_eq(span->used, 1);
	expect_eq(span->bin, 1);
	mutex_unlock(&a->lock);
	world_end(w);
}

/* Where nothing lies nothing is named: the map of what was used once takes no memory. */
static void map_goes_back(void)
{
	struct world *w = world_new(2 << 20, 256 << 20);
	const u64 chunk = ML_CHUNK_PAGES << ML_PAGE_SHIFT;
	u64 kept[2], large[8], bytes;
	unsigned int i, round;

	for (round = 0; round < 2; round++) {
		kept[0] = world_alloc(w, MEMLANE_SLOW, chunk);
		bytes = w->bytes;
		for (i = 0; i < 8; i++)
			large[i] = world_alloc(w, MEMLANE_SLOW, chunk * (1 + i % 3) + i * 40000);
		kept[1] = world_alloc(w, MEMLANE_SLOW, chunk);
		expect(w->bytes > bytes + 14 * ML_PAGE_SIZE);
		for (i = 0; i < 8; i++)
			world_free(w, large[(i * 3 + round) % 8]);
		world_check(w);
		world_free(w, kept[1]);
		world_compact(w);
		/* The chunks at both ends of what is free have theirs. */
		expect(w->bytes <= bytes + 2 * ML_PAGE_SIZE);
		world_free(w, kept[0]);
	}
	world_check(w);
	world_end(w);
}

static const struct test tests[] = {
	{ "block_map_goes_back", map_goes_back },
	{ "block_classes", classes },
	{ "block_rounding", rounding },
	{ "block_span_sizes", span_sizes },
	{ "block_alignment", alignment },
	{ "block_bins", bins },
	{ "block_places", places },
	{ "block_slots", slots },
};

KTAP_MAIN(tests);
