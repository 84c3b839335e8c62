// SPDX-License-Identifier: MIT
/* test-run.c - runs of pages against an array with one letter for each page */
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "run.h"
#include "vec.h"
#include "world.h"

#define CHUNKS	12
#define PAGES	(CHUNKS * ML_CHUNK_PAGES)
#define MOST	400

#define POOL	'P'
#define FREE(use) ('a' + (use))
#define TAKEN	'T'

struct model {
	struct world *w;
	struct ml_arena *a;
	u64 first;
	char page[PAGES + 1];
	struct ml_run *run[MOST];
	unsigned int nr;
};

/* A lane of a few chunks, so that it fills up and the array stays small. */
static struct model *begin(void)
{
	struct model *m = calloc(1, sizeof(*m));
	struct ml_lane *lane;

	m->w = world_new(64 << 10, 64 << 10);
	m->a = &m->w->arena;
	lane = &m->a->lane[MEMLANE_SLOW];
	mutex_lock(&m->a->lock);
	ml_run_exit(m->a, lane);
	lane->end = lane->first + PAGES;
	expect_eq(ml_run_init(m->a, lane), 0);
	m->first = lane->first;
	memset(m->page, POOL, PAGES);
	return m;
}

static void give(struct model *m, unsigned int i);

/* The runs are this test's, so they are given back before the arena ends. */
static void end(struct model *m)
{
	while (m->nr)
		give(m, m->nr - 1);
	mutex_unlock(&m->a->lock);
	world_end(m->w);
	free(m);
}

/* Length of the stretch of one letter that begins at @at. */
static u64 stretch(const struct model *m, u64 at)
{
	u64 n = 1;

	while (at + n < PAGES && m->page[at + n] == m->page[at])
		n++;
	return n;
}

/* The shortest stretch of @letter with at least @want pages, the lowest of these. */
static s64 best(const struct model *m, char letter, u64 want)
{
	u64 at, n, shortest = ~0ULL;
	s64 found = -1;

	for (at = 0; at < PAGES; at += n) {
		n = stretch(m, at);
		if (m->page[at] == letter && n >= want && n < shortest) {
			shortest = n;
			found = at;
		}
	}
	return found;
}

static u64 chunks_of(u64 nr)
{
	return (nr + ML_CHUNK_PAGES - 1) / ML_CHUNK_PAGES * ML_CHUNK_PAGES;
}

/* Where the rules say that @nr pages are taken; the array as it is then. */
static s64 model_take(struct model *m, unsigned int use, u64 nr, unsigned int align)
{
	u64 mask = (1ULL << align) - 1;
	s64 at = best(m, FREE(use), nr + mask);

	if (at < 0) {
		at = best(m, POOL, chunks_of(nr));
		if (at < 0)
			return -1;
		memset(m->page + at, FREE(use), chunks_of(nr));
	} else {
		at = (s64)(((m->first + at + mask) & ~mask) - m->first);
	}
	memset(m->page + at, TAKEN, nr);
	return at;
}

/* Free pages of an area that fill a chunk, alone or with their neighbours. */
static void model_give(struct model *m, unsigned int use, u64 at, u64 nr)
{
	u64 chunk, i;

	memset(m->page + at, FREE(use), nr);
	for (chunk = 0; chunk < PAGES; chunk += ML_CHUNK_PAGES) {
		for (i = 0; i < ML_CHUNK_PAGES && m->page[chunk + i] == FREE(use); i++)
			;
		if (i == ML_CHUNK_PAGES)
			memset(m->page + chunk, POOL, ML_CHUNK_PAGES);
	}
}

static int take(struct model *m, unsigned int use, u64 nr, unsigned int align)
{
	struct ml_run *run = calloc(1, sizeof(*run));
	s64 at = model_take(m, use, nr, align);
	int err;

	run->kind = ML_BLOB;
	run->use = use;
	run->lane = MEMLANE_SLOW;
	run->align = align;
	err = ml_run_take(m->a, run, nr);
	expect_eq(err, at < 0 ? -ENOSPC : 0);
	if (err) {
		free(run);
		return err;
	}
	expect_eq(run->page - m->first, at);
	expect_eq(run->nr, nr);
	expect(run->page % (1ULL << align) == 0);
	m->run[m->nr++] = run;
	return 0;
}

static void give(struct model *m, unsigned int i)
{
	struct ml_run *run = m->run[i];

	model_give(m, run->use, run->page - m->first, run->nr);
	ml_run_give(m->a, run);
	free(run);
	m->run[i] = m->run[--m->nr];
}

/* Each stretch is a run of its kind, named at both ends: nothing is uncoalesced. */
static void compare(struct model *m)
{
	u64 at = 0, free_pages[ML_USES] = { }, largest[ML_USES] = { };
	unsigned int use;

	while (at < PAGES) {
		struct ml_run *run = ml_run_at(m->a, m->first + at);
		char letter = m->page[at];
		u64 n = stretch(m, at);

		expect(run && run->page == m->first + at);
		if (letter == TAKEN) {
			expect_eq(run->kind, ML_BLOB);
			at += run->nr;
			continue;
		}
		expect_eq(run->nr, n);
		expect(ml_run_at(m->a, m->first + at + n - 1) == run);
		expect_eq(run->kind, letter == POOL ? ML_POOL : ML_FREE);
		if (letter != POOL) {
			expect_eq(FREE(run->use), letter);
			free_pages[run->use] += n;
			largest[run->use] = n > largest[run->use] ? n : largest[run->use];
		}
		at += n;
	}
	for (use = 0; use < ML_USES; use++) {
		struct ml_area *area = &m->a->lane[MEMLANE_SLOW].area[use];

		expect_eq(area->chunks * ML_CHUNK_PAGES, area->used + free_pages[use]);
		expect_eq(ml_run_largest(area), largest[use]);
	}
}

static u64 some_pages(struct rng *r)
{
	switch (rng_below(r, 8)) {
	case 0: return 1 + rng_below(r, 3 * ML_CHUNK_PAGES);
	case 1: return ML_CHUNK_PAGES;
	case 2: return 1 + rng_below(r, ML_CHUNK_PAGES);
	default: return 1 + rng_below(r, 40);
	}
}

static void random_runs(void)
{
	struct rng r = rng_new();
	struct model *m = begin();
	u64 ops = ktap_ops(20000);

	compare(m);
	for (; ops; ops--) {
		bool more = (ops >> 9) % 2 ? rng_below(&r, 5) < 3 : rng_below(&r, 5) < 2;

		if (more && m->nr < MOST)
			take(m, rng_below(&r, 2), some_pages(&r),
			     rng_below(&r, 4) ? 0 : rng_below(&r, 10));
		else if (m->nr)
			give(m, rng_below(&r, m->nr));
		compare(m);
	}
	while (m->nr)
		give(m, m->nr - 1);
	compare(m);
	expect(m->page[0] == POOL && stretch(m, 0) == PAGES);
	end(m);
}

/* Chunks one area gave back serve the other. */
static void repartition(void)
{
	struct model *m = begin();

	while (!take(m, ML_USE_BLOB, ML_CHUNK_PAGES, 0))
		;
	expect_eq(m->nr, CHUNKS);
	expect_eq(take(m, ML_USE_BLOCK, 1, 0), -ENOSPC);
	give(m, 5);
	expect_eq(take(m, ML_USE_BLOCK, 1, 0), 0);
	expect_eq(take(m, ML_USE_BLOB, 1, 0), -ENOSPC);
	compare(m);
	while (m->nr)
		give(m, m->nr - 1);
	expect_eq(take(m, ML_USE_BLOCK, PAGES, 0), 0);
	expect_eq(take(m, ML_USE_BLOCK, 1, 0), -ENOSPC);
	give(m, 0);
	expect_eq(take(m, ML_USE_BLOCK, PAGES + 1, 0), -ENOSPC);
	end(m);
}

/* Below an address: the best fit there, or nothing. */
static void take_below(void)
{
	struct model *m = begin();
	struct ml_run run = { .kind = ML_BLOB, .use = ML_USE_BLOB, .lane = MEMLANE_SLOW };

	expect_eq(ml_run_take_below(m->a, &run, 1, m->first + PAGES), -ENOSPC);	/* no borrowing */
	take(m, ML_USE_BLOB, 100, 0);
	take(m, ML_USE_BLOB, 50, 0);
	take(m, ML_USE_BLOB, 100, 0);
	take(m, ML_USE_BLOB, 222, 0);		/* a hole of 40 at the chunk's end */
	give(m, 1);				/* a hole of 50 at 100 */
	expect_eq(ml_run_take_below(m->a, &run, 51, m->first + 472), -ENOSPC);
	expect_eq(ml_run_take_below(m->a, &run, 50, m->first + 149), -ENOSPC);
	expect_eq(ml_run_take_below(m->a, &run, 30, m->first + 250), 0);
	expect_eq(run.page, m->first + 100);
	ml_run_give(m->a, &run);
	expect_eq(ml_run_take_below(m->a, &run, 50, m->first + 150), 0);
	expect_eq(run.page, m->first + 100);
	ml_run_give(m->a, &run);
	compare(m);
	end(m);
}

/* Rather above an address: behind it in the area, then in another chunk, then where there is room. */
static void take_above(void)
{
	struct model *m = begin();
	struct ml_run run = { .kind = ML_BLOB, .use = ML_USE_BLOB, .lane = MEMLANE_SLOW };

	take(m, ML_USE_BLOB, 50, 0);
	take(m, ML_USE_BLOB, 100, 0);
	give(m, 0);				/* a hole of 50 at 0, and the rest at 150 */
	expect_eq(ml_run_take_above(m->a, &run, 50, m->first + 50), 0);
	expect_eq(run.page, m->first + 150);
	ml_run_give(m->a, &run);
	expect_eq(ml_run_take_above(m->a, &run, 50, m->first + 151), 0);
	expect(run.page >= m->first + ML_CHUNK_PAGES);
	ml_run_give(m->a, &run);
	expect_eq(ml_run_take_above(m->a, &run, 50, m->a->lane[MEMLANE_SLOW].end), 0);
	ml_run_give(m->a, &run);
	while (!take(m, ML_USE_BLOCK, ML_CHUNK_PAGES, 0))
		;
	expect_eq(ml_run_take_above(m->a, &run, 50, m->first + 151), 0);
	expect_eq(run.page, m->first);		/* there is nothing else */
	ml_run_give(m->a, &run);
	compare(m);
	end(m);
}

/* Every allocation of take fails in turn: nothing is taken, all is as before. */
static void no_memory(void)
{
	struct model *m = begin();
	struct ml_lane *lane = &m->a->lane[MEMLANE_SLOW];
	unsigned int n, left = 2;
	int err = -1;
	u64 page;

	/* The second time the page map is there, so that the nodes are what fails. */
	for (n = 1; left; n = err ? n + 1 : 1) {
		struct ml_run run = {
			.kind = ML_SPAN, .use = ML_USE_BLOCK, .lane = MEMLANE_SLOW, .align = 3,
		};

		ml_run_free_nodes(m->a);
		for (page = lane->first; left == 1 && page < lane->first + 1536; page += 512)
			expect(ml_vec_make(m->a, &m->a->map, page));
		m->w->fail = (struct failure){ .doors = DOOR_ZALLOC, .nth = n };
		err = ml_run_take(m->a, &run, 600);
		m->w->fail.doors = 0;
		if (!err)
			ml_run_give(m->a, &run);
		else
			expect_eq(err, -ENOMEM);
		left -= !err;
		expect_eq(lane->area[ML_USE_BLOCK].used, 0);
		expect_eq(lane->area[ML_USE_BLOCK].chunks, 0);
		compare(m);
	}
	end(m);
}

static const struct test tests[] = {
	{ "run_repartition", repartition },
	{ "run_take_below", take_below },
	{ "run_take_above", take_above },
	{ "run_no_memory", no_memory },
	{ "run_random", random_runs },
};

KTAP_MAIN(tests);
