// SPDX-License-Identifier: MIT
/* test-vec.c - sparse arrays against a plain one */
#include "ktap.h"
#include "vec.h"
#include "world.h"

#define NR 3000000ULL

static struct world *begin(struct ml_vec *v, unsigned int shift, unsigned int region)
{
	struct world *w = world_new(64 << 10, 64 << 10);

	expect_eq(ml_vec_init(&w->arena, v, NR, shift, region), 0);
	return w;
}

static void end(struct world *w, struct ml_vec *v)
{
	ml_vec_exit(&w->arena, v);
	ml_vec_exit(&w->arena, v);	/* twice does no harm */
	world_end(w);
}

static void misses(void)
{
	struct ml_vec v = { };
	struct world *w = begin(&v, 10, ML_PRIVATE);

	expect(!ml_vec_at(&v, 0));
	expect(!ml_vec_at(&v, NR - 1));
	expect(!ml_vec_at(&v, NR));
	expect(!ml_vec_at(&v, ~0ULL));
	expect(!ml_vec_make(&w->arena, &v, NR));
	expect(!ml_vec_make(&w->arena, &v, ~0ULL));
	expect(ml_vec_make(&w->arena, &v, NR - 1));
	expect(!ml_vec_at(&v, 0));
	end(w, &v);
}

static void no_memory(void)
{
	struct ml_vec v = { };
	struct world *w = begin(&v, 9, ML_PRIVATE);

	w->fail = (struct failure){ .doors = DOOR_ZALLOC, .nth = 1 };
	expect(!ml_vec_make(&w->arena, &v, 5));		/* no leaf */
	w->fail = (struct failure){ .doors = DOOR_ZALLOC, .nth = 2 };
	expect(!ml_vec_make(&w->arena, &v, 5));		/* no page */
	expect(!ml_vec_at(&v, 5));
	w->fail.doors = 0;
	expect(ml_vec_make(&w->arena, &v, 5));
	expect(ml_vec_at(&v, 5) == ml_vec_make(&w->arena, &v, 5));
	end(w, &v);
}

/* Elements keep their value and address; neighbours are apart by their size. */
static void random_elements(void)
{
	static u32 model[1 << 14], *where[1 << 14];
	struct rng r = rng_new();
	struct ml_vec v = { };
	struct world *w = begin(&v, 10, ML_PRIVATE);
	u64 i, ops = ktap_ops(100000), stride = NR >> 14;

	for (i = 0; i < 1 << 14; i++)
		model[i] = 0;
	for (i = 0; i < 1 << 14; i++)
		where[i] = NULL;
	for (; ops; ops--) {
		u32 *p;

		i = rng_below(&r, 1 << 14);
		p = ml_vec_at(&v, i * stride);
		if (where[i])
			expect(p == where[i]);
		if (p)
			expect_eq(*p, model[i]);
		p = ml_vec_make(&w->arena, &v, i * stride);
		where[i] = p;
		model[i] = *p = (u32)rng_next(&r);
		if ((i * stride) & 1023)
			expect(ml_vec_at(&v, i * stride - 1) == p - 1);
	}
	end(w, &v);
}

static void shared_pages(void)
{
	struct world *w = world_new(64 << 10, 64 << 10);
	struct ml_arena *a = &w->arena;
	unsigned int r;

	for (r = 0; r < MEMLANE_REGION_DATA; r++) {
		struct memlane_info info = { .size = sizeof(info) };
		u64 pages;

		expect_eq(ml_info(a, &info), 0);
		pages = info.out_region[r].length >> ML_PAGE_SHIFT;
		expect(pages < 3 || !ml_shared_look(a, r, pages - 1));
		expect(ml_shared_page(a, r, pages - 1));
		expect(ml_shared_page(a, r, pages - 1) == ml_shared_page(a, r, pages - 1));
		expect(ml_shared_look(a, r, pages - 1) == ml_shared_page(a, r, pages - 1));
		expect(!ml_shared_look(a, r, pages));
		expect(!ml_shared_page(a, r, pages));
		expect(!ml_shared_page(a, r, ~0ULL));
	}
	expect(!ml_shared_page(a, MEMLANE_REGION_DATA, 0));
	expect(!ml_shared_page(a, MEMLANE_REGIONS, 0));
	expect(!ml_shared_look(a, MEMLANE_REGIONS, 0));
	expect(!ml_shared_page(a, ~0U, 0));
	expect(ml_shared_page(a, MEMLANE_REGION_STAT, 0) == a->stat_page);
	world_end(w);
}

/* A long array has but the beginning of its top at first: what was found stays where it is. */
static void tops_grow(void)
{
	static const u64 steps[] = { 5, 40ULL << 20, 3ULL << 30, (1ULL << 32) - 1, 1ULL << 30 };
	struct world *w = world_new(64 << 10, 64 << 10);
	struct ml_arena *a = &w->arena;
	struct ml_vec v = { };
	u64 *p[5], small, i, k;

	small = w->bytes;
	expect_eq(ml_vec_init(a, &v, 1ULL << 32, 9, ML_PRIVATE), 0);
	expect(w->bytes - small < 1024);
	for (i = 0; i < 5; i++) {
		expect(!ml_vec_at(&v, steps[i]));
		if (i) {	/* no longer top, no leaf, no page */
			w->fail = (struct failure){ .doors = DOOR_ZALLOC, .nth = 1 };
			expect(!ml_vec_make(a, &v, steps[i]));
			w->fail.doors = 0;
		}
		p[i] = ml_vec_make(a, &v, steps[i]);
		expect(p[i]);
		*p[i] = steps[i];
		for (k = 0; k <= i; k++)
			expect(ml_vec_at(&v, steps[k]) == p[k] && *p[k] == steps[k]);
	}
	mutex_lock(&a->lock);
	ml_vec_drop(a, &v, 3ULL << 30, 512);
	mutex_unlock(&a->lock);
	expect(!ml_vec_at(&v, 3ULL << 30));
	mutex_lock(&a->lock);
	ml_vec_drop(a, &v, (3ULL << 30) - 512, 512);	/* was never there */
	mutex_unlock(&a->lock);
	expect(ml_vec_at(&v, 5) == p[0]);
	end(w, &v);
}

static const struct test tests[] = {
	{ "vec_misses", misses },
	{ "vec_no_memory", no_memory },
	{ "vec_random_elements", random_elements },
	{ "vec_shared_pages", shared_pages },
	{ "vec_tops_grow", tops_grow },
};

KTAP_MAIN(tests);
