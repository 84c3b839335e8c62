// SPDX-License-Identifier: MIT
/* test-decay.c - pages that nobody uses are kept, used again, and go in the end */
#include <stdlib.h>
#include <string.h>

#include "decay.h"
#include "ktap.h"
#include "lane.h"
#include "world.h"

#define SECOND	1000000000ULL
#define MIB	(1ULL << 20)

static int set(struct world *w, u32 option, u64 value)
{
	struct memlane_set req = { .size = sizeof(req), .option = option, .value = value };

	return ml_set(&w->arena, &req);
}

static struct world *begin(u64 fast, u64 slow)
{
	struct world *w = world_new(fast, slow);

	expect_eq(set(w, MEMLANE_OPT_DECAY, SECOND), 0);
	return w;
}

/* Emptied one after the other, spans go a MiB at a time, when their time has come. */
static void freed_in_a_row(void)
{
	enum { N = 2000 };
	struct world *w = begin(64 << 10, 64 * MIB);
	static u64 h[N];
	unsigned int i;
	u64 calls, ns;

	for (i = 0; i < N; i++)
		h[i] = world_alloc(w, MEMLANE_SLOW, 3500);
	calls = w->decommits;
	for (i = 0; i < N; i++)
		world_free(w, h[i]);
	world_check(w);
	expect_eq(w->decommits, calls);
	expect(world_kept(w) * 4096 > N * 3500);
	expect_eq(w->later, SECOND);
	ns = ml_decay(&w->arena);
	expect(ns > 0 && ns <= SECOND);
	expect_eq(w->decommits, calls);
	w->clock += ns;
	while (ml_decay(&w->arena))
		w->clock += SECOND;
	expect_eq(world_kept(w), 0);
	expect(w->decommits - calls <= N * 3500 / MIB + 3);
	world_check(w);
	world_end(w);
}

/* What fits what was freed is made of it, also of another class, and of a blob's. */
static void used_again(void)
{
	struct world *w = begin(64 << 10, 64 * MIB);
	u64 h, calls;
	unsigned int i;

	h = world_alloc(w, MEMLANE_SLOW, 64 << 10);
	calls = w->commits;
	for (i = 0; i < 1000; i++) {
		world_free(w, h);
		h = world_alloc(w, MEMLANE_SLOW, (33 << 10) + i % 31 * 1024);
	}
	expect_eq(w->commits, calls);
	expect_eq(w->decommits, 0);
	world_free(w, h);
	expect_eq(world_kept(w), 16);
	world_check(w);
	expect_eq(world_compact(w).out_pages_returned, 0);	/* never touched */
	expect_eq(world_kept(w), 0);
	expect_eq(w->committed, 0);
	world_end(w);
}

/* What small objects leave serves large ones, and the other way round, a chunk at a time. */
static void of_the_other_kind(void)
{
	enum { N = 1500 };
	struct world *w = begin(64 << 10, 64 * MIB);
	static u64 h[N];
	unsigned int i, round;
	u64 calls;

	for (i = 0; i < N; i++)
		h[i] = world_alloc(w, MEMLANE_SLOW, 3500);
	for (i = 0; i < N; i++)
		world_free(w, h[i]);
	calls = w->commits;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 20; i++)
			h[i] = world_alloc(w, MEMLANE_SLOW, round ? 30000 : 40000 + i * 100);
		world_check(w);
		expect_eq(w->commits, calls);
		for (i = 0; i < 20; i++)
			world_free(w, h[i]);
		world_check(w);
	}
	world_end(w);
}

/* Of what is kept the shortest that fits is taken, also if it is of many pages. */
static void best_fit(void)
{
	static const u64 pages[] = { 12, 70, 15, 64, 63, 9, 120 };
	enum { N = sizeof(pages) / sizeof(pages[0]) };
	struct world *w = begin(64 << 10, 64 * MIB);
	u64 h[N], between[N], loc[N], x;
	unsigned int i;

	for (i = 0; i < N; i++) {
		h[i] = world_alloc(w, MEMLANE_SLOW, pages[i] << 12);
		between[i] = world_alloc(w, MEMLANE_SLOW, 33000);
		loc[i] = world_query(w, h[i]).out_location;
	}
	for (i = 0; i < N; i++)
		world_free(w, h[i]);
	expect_eq(world_kept(w), 12 + 70 + 15 + 64 + 63 + 9 + 120);
	world_check(w);
	for (i = 0; i < N; i++) {
		x = world_alloc(w, MEMLANE_SLOW, (pages[i] << 12) - 100);
		expect_eq(world_query(w, x).out_location, loc[i]);
		h[i] = x;
	}
	expect_eq(world_kept(w), 0);
	for (i = 0; i < N; i++) {
		world_free(w, h[i]);
		world_free(w, between[i]);
		world_check(w);
	}
	world_end(w);
}

/* Each page is gone a decay after it was freed, though its neighbours were freed later. */
static void none_stays_for_longer(void)
{
	enum { N = 64 };
	struct world *w = begin(64 << 10, 64 * MIB);
	u64 h[N];
	unsigned int i;

	for (i = 0; i < N; i++)
		h[i] = world_alloc(w, MEMLANE_SLOW, 40 << 10);
	for (i = 0; i < N; i++) {
		world_free(w, h[i]);
		w->clock += SECOND / 10;
		ml_decay(&w->arena);
		expect(world_kept(w) <= 11 * 10);
		world_check(w);
	}
	w->clock += SECOND;
	expect_eq(ml_decay(&w->arena), 0);
	expect_eq(world_kept(w), 0);
	world_end(w);
}

/* A lane's limit is for what is kept, too: it gives way to what is used. */
static void limits(void)
{
	struct world *w = begin(64 << 10, 4 * MIB);
	struct ml_lane *slow = &w->arena.lane[MEMLANE_SLOW];
	u64 h = world_alloc(w, MEMLANE_SLOW, 2 * MIB), x;

	world_free(w, h);
	expect_eq(world_kept(w), 512);
	x = world_alloc(w, MEMLANE_SLOW, 3 * MIB);
	world_check(w);
	expect_eq(world_kept(w), 256);
	world_free(w, x);
	expect(world_kept(w) > 256);
	expect_eq(set(w, MEMLANE_OPT_SLOW_LIMIT, MIB), 0);
	expect_eq(world_kept(w), 256);
	world_check(w);
	expect_eq(slow->limit, 256);
	expect_eq(set(w, MEMLANE_OPT_DECAY, 0), 0);
	expect_eq(world_kept(w), 0);
	expect_eq(set(w, MEMLANE_OPT_DECAY, 3601 * SECOND), -EINVAL);
	world_end(w);
}

/* A large object, written to. */
static u64 written(struct world *w, u64 length)
{
	u64 h = world_alloc(w, MEMLANE_SLOW, length);

	memset(world_at(w, world_query(w, h).out_location, length), 1, length);
	return h;
}

/* What the system wants back is taken from what is kept first, and without waiting. */
static void short_of_memory(void)
{
	struct world *w = begin(64 << 10, 8 * MIB);
	struct memlane_maintain req = { .size = sizeof(req) };
	u64 h[4], i;

	for (i = 0; i < 4; i++)
		h[i] = written(w, MIB);
	world_free(w, h[0]);
	w->clock++;
	world_free(w, h[2]);
	mutex_lock(&w->arena.lock);
	expect_eq(ml_reclaim(&w->arena, 100), 0);
	mutex_unlock(&w->arena.lock);
	expect_eq(world_kept(w), 512);
	ml_reclaim(&w->arena, 100);	/* whole runs go: nothing is made in there */
	expect_eq(world_kept(w), 256);
	ml_short_of_memory(&w->arena, 1);
	expect_eq(ml_maintain(&w->arena, &req), 0);
	expect_eq(world_kept(w), 0);
	expect_eq(ml_reclaim(&w->arena, 100), 0);
	world_check(w);
	world_free(w, h[1]);
	world_free(w, h[3]);
	world_end(w);
}

/* Where a commit fails for want of memory, what is kept is given back for it. */
static void instead_of_a_refusal(void)
{
	struct world *w = begin(64 << 10, 8 * MIB);
	u64 h = world_alloc(w, MEMLANE_SLOW, MIB);

	world_free(w, h);
	expect_eq(world_kept(w), 256);
	w->fail = (struct failure){ .doors = DOOR_COMMIT, .nth = 1 };
	h = world_alloc(w, MEMLANE_SLOW, 3 * MIB);
	expect_eq(w->fail.hits, 1);
	expect_eq(world_kept(w), 0);
	world_check(w);
	world_free(w, h);
	expect_eq(world_kept(w), 768);
	w->fail = (struct failure){ .doors = DOOR_ZALLOC, .nth = 1 };
	h = world_alloc(w, MEMLANE_SLOW, 100);	/* no memory to describe its span */
	expect_eq(w->fail.hits, 1);
	expect_eq(world_kept(w), 0);
	world_check(w);
	world_free(w, h);
	world_end(w);
}

/* Of a move, too, which has nobody who would try again. */
static void instead_of_a_move_that_fails(void)
{
	struct world *w = begin(4 * MIB, 8 * MIB);
	u64 h = world_alloc(w, MEMLANE_FAST, 2 * MIB);

	world_free(w, world_alloc(w, MEMLANE_SLOW, MIB));
	expect_eq(world_kept(w), 256);
	w->fail = (struct failure){ .doors = DOOR_COMMIT, .nth = 1 };
	expect_eq(world_migrate(w, h, MEMLANE_SLOW), 0);
	expect_eq(w->fail.hits, 1);
	world_check(w);
	world_free(w, h);
	world_end(w);
}

/* A broken page is nobody's next place. */
static void broken_pages_go(void)
{
	struct world *w = begin(64 << 10, 8 * MIB);
	u64 h = world_alloc(w, MEMLANE_SLOW, MIB);

	world_break(w, world_query(w, h).out_location);
	world_free(w, h);
	expect_eq(world_kept(w), 0);
	expect_eq(w->committed, 0);
	world_end(w);
}

static u64 some_length(struct rng *r)
{
	switch (rng_below(r, 4)) {
	case 0: return 1 + rng_below(r, 200000);
	case 1: return 1 + rng_below(r, 40000);
	default: return 1 + rng_below(r, 4000);
	}
}

static int try_alloc(struct world *w, struct rng *r, u64 *h)
{
	struct memlane_alloc req = {
		.size = sizeof(req), .flags = MEMLANE_ALLOC_LIVE | MEMLANE_ALLOC_MAY_MOVE,
		.lane = rng_below(r, 2), .count = 1, .length = some_length(r),
	};

	return ml_alloc(&w->arena, &req, h);
}

static void something_else(struct world *w, struct rng *r)
{
	switch (rng_below(r, 12)) {
	case 0:
		world_compact(w);
		break;
	case 1:
		expect_eq(set(w, MEMLANE_OPT_DECAY, rng_below(r, 3) * SECOND), 0);
		break;
	case 2:
		set(w, MEMLANE_OPT_SLOW_LIMIT, (1 + rng_below(r, 8)) * MIB);
		break;
	case 3:
		ml_reclaim(&w->arena, rng_below(r, 1000));
		break;
	default:
		w->clock += rng_below(r, SECOND / 2);
		ml_decay(&w->arena);
	}
}

static void random_keeping(void)
{
	enum { MOST = 800 };
	struct rng r = rng_new();
	struct world *w = begin(1 * MIB, 8 * MIB);
	static u64 h[MOST];
	unsigned int nr = 0, i;
	u64 ops = ktap_ops(20000);

	for (; ops; ops--) {
		bool more = (ops >> 10) % 2 ? rng_below(&r, 5) < 3 : rng_below(&r, 5) < 2;

		if (!rng_below(&r, 20)) {
			something_else(w, &r);
		} else if (more && nr < MOST) {
			nr += !try_alloc(w, &r, &h[nr]);
		} else if (nr) {
			i = rng_below(&r, nr);
			world_free(w, h[i]);
			h[i] = h[--nr];
		}
		if (ops % 16 == 0)
			world_check(w);
	}
	while (nr)
		world_free(w, h[--nr]);
	world_compact(w);
	expect_eq(w->committed, 0);
	world_check(w);
	world_end(w);
}

static const struct test tests[] = {
	{ "decay_freed_in_a_row", freed_in_a_row },
	{ "decay_used_again", used_again },
	{ "decay_best_fit", best_fit },
	{ "decay_of_the_other_kind", of_the_other_kind },
	{ "decay_none_stays_for_longer", none_stays_for_longer },
	{ "decay_limits", limits },
	{ "decay_short_of_memory", short_of_memory },
	{ "decay_instead_of_a_refusal", instead_of_a_refusal },
	{ "decay_instead_of_a_move_that_fails", instead_of_a_move_that_fails },
	{ "decay_broken_pages_go", broken_pages_go },
	{ "decay_random", random_keeping },
};

KTAP_MAIN(tests);
