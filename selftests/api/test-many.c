// SPDX-License-Identifier: MIT
/* test-many.c - objects made and freed by the batch */
#include "api.h"

enum { MANY = 1000, ROUNDS = 60 };

static unsigned long long seed;

static void expect_different(const memlane_handle *h, uint32_t nr)
{
	uint32_t i, k;

	for (i = 0; i < nr; i++)
		for (k = 0; k < i; k++)
			expect(h[i] && h[i] != h[k]);
}

static void expect_live(struct memlane *m, uint64_t objects, uint64_t bytes)
{
	expect_eq(stats(m).live_objects, objects);
	expect_eq(stats(m).live_bytes, bytes);
}

/* Any size and number, whatever was in stock before. */
TEST(each_is_an_object_of_its_own)
{
	static const uint64_t sizes[] = { 1, 16, 17, 64, 3000, 5000, 32768, 40000 };
	static memlane_handle h[MANY];
	struct memlane *m = open_quiet();
	uint32_t nr, i;
	uint64_t size;

	seed = harness_seed();
	for (i = 0; i < 40; i++) {
		size = sizes[i % ARRAY_SIZE(sizes)];
		nr = 1 + below(&seed, size > 4000 ? 40 : 400);
		expect_eq(memlane_alloc_many(m, size, NULL, h, nr), nr);
		expect_different(h, nr);
		expect_live(m, nr, nr * size);
		for (uint32_t k = 0; k < nr; k++) {
			expect_eq(memlane_size(m, h[k]), size);
			fill(m, h[k], k);
		}
		expect_eq(memlane_compact(m, MEMLANE_BOTH_LANES, 0, NULL), 0);
		for (uint32_t k = 0; k < nr; k++)
			verify(m, h[k], k);
		expect_eq(memlane_free_many(m, h, nr, NULL), 0);
		expect_live(m, 0, 0);
		for (uint32_t k = 0; k < nr; k++)
			expect(!memlane_is_valid(m, h[k]));
	}
	memlane_close(m);
}

/* The bytes of all sizes go to the stock of their classes. */
TEST(of_any_sizes_in_any_order)
{
	static memlane_handle h[MANY];
	struct memlane *m = open_quiet();
	uint32_t round, i;
	uint64_t k;
	memlane_handle t;

	seed = harness_seed();
	for (round = 0; round < 20; round++) {
		for (i = 0; i < MANY; i++) {
			h[i] = must_alloc(m, 1 + below(&seed, 5000));
			fill(m, h[i], i);
		}
		for (i = 0; i < MANY; i++)
			verify(m, h[i], i);
		for (i = MANY - 1; i > 0; i--) {
			k = below(&seed, i + 1);
			t = h[i];
			h[i] = h[k];
			h[k] = t;
		}
		expect_eq(memlane_free_many(m, h, MANY, NULL), 0);
	}
	expect_live(m, 0, 0);
	memlane_close(m);
}

TEST(wishes_are_for_each)
{
	struct memlane_alloc_opts opts = {
		.tag = 5, .group = 6, .priority = 1, .lane = MEMLANE_IN_SLOW, .flags = MEMLANE_ZERO,
	};
	struct memlane *m = open_quiet();
	memlane_handle h[200];
	uint32_t i;

	expect_eq(memlane_alloc_many(m, 100, NULL, h, 200), 200);
	for (i = 0; i < 200; i++)
		fill(m, h[i], i);
	expect_eq(memlane_free_many(m, h, 200, NULL), 0);
	expect_eq(memlane_alloc_many(m, 100, &opts, h, 200), 200);
	for (i = 0; i < 200; i++) {
		expect_eq(memlane_tag(m, h[i]), 5);
		expect_eq(memlane_group(m, h[i]), 6);
		expect_eq(memlane_priority(m, h[i]), 1);
		expect_eq(memlane_lane(m, h[i]), MEMLANE_SLOW);
		expect_eq(*(unsigned char *)memlane_pin(m, h[i]), 0);
		expect_eq(memlane_unpin(m, h[i]), 0);
	}
	expect_eq(memlane_free_many(m, h, 200, NULL), 0);
	/* And none of it is left to who has no wishes. */
	expect_eq(memlane_alloc_many(m, 100, NULL, h, 200), 200);
	for (i = 0; i < 200; i++)
		expect_eq(memlane_tag(m, h[i]), 0);
	memlane_close(m);
}

/* What is refused is told of, and stays as it is; the others are freed. */
/* Of 200 objects, ends all. */
static void free_with_bad_ones(struct memlane *m, memlane_handle *h)
{
	struct memlane *other = open_quiet();
	memlane_handle foreign = must_alloc(other, 64);
	int32_t results[200];
	uint32_t i;

	expect_eq(memlane_free(m, h[10]), 0);		/* stale */
	h[20] = h[19];					/* twice */
	h[30] = foreign;
	h[40] ^= 1ULL << 33;				/* wild: another generation */
	h[50] |= 1ULL << 63;				/* no handle at all */
	h[60] = 0;					/* nothing */
	expect(memlane_pin(m, h[70]) != NULL);
	h[199] = h[0];					/* twice, far from each other */
	memset(results, 0x55, sizeof(results));
	expect_eq(memlane_free_many(m, h, 200, results), 7);
	for (i = 0; i < 200; i++) {
		int want = i == 10 || i == 20 || i == 199 ? -ESTALE : i == 30 ? -EXDEV :
			   i == 40 || i == 50 ? -EBADF : i == 70 ? -EBUSY : 0;

		expect_eq(results[i], want);
	}
	expect(memlane_is_valid(other, foreign));
	expect(memlane_is_valid(m, h[70]));
	expect_eq(memlane_unpin(m, h[70]), 0);
	/* Those whose names were spoilt are live still, with h[20]'s, h[30]'s, h[50]'s and h[60]'s. */
	expect_live(m, 7, 7 * 64);
	expect_eq(memlane_free_many(m, h, 200, NULL), 198);
	memlane_close(other);
}

TEST(one_bad_handle_is_in_nobodys_way)
{
	struct memlane *m = open_quiet();
	memlane_handle h[200];

	expect_eq(memlane_alloc_many(m, 64, NULL, h, 200), 200);
	free_with_bad_ones(m, h);
	memlane_close(m);
}

struct others {
	struct memlane *m;
	memlane_handle h[200];
};

static void *make_them(void *arg)
{
	struct others *o = arg;

	expect_eq(memlane_alloc_many(o->m, 64, NULL, o->h, 200), 200);
	return NULL;
}

/* Each is a compare-exchange; the first one waits for the maker's plain stores to end. */
TEST(what_another_thread_has_made)
{
	struct others o = { .m = open_quiet() };
	pthread_t other;

	expect(pthread_create(&other, NULL, make_them, &o) == 0);
	expect(pthread_join(other, NULL) == 0);
	free_with_bad_ones(o.m, o.h);
	memlane_close(o.m);
}

TEST(a_full_lane_gives_what_it_has)
{
	struct memlane_config c = quiet();
	static memlane_handle h[MANY];
	struct memlane *m;
	int got, i;

	c.fast_lane_size = c.fast_lane_max = c.slow_lane_size = c.slow_lane_max = 1 << 20;
	m = open_with(&c);
	memset(h, 0x55, sizeof(h));
	got = memlane_alloc_many(m, 4000, NULL, h, MANY);
	expect(got > 300 && got < 530);
	expect_different(h, got);
	for (i = got; i < MANY; i++)
		expect_eq(h[i], 0);
	expect_eq(memlane_alloc_many(m, 4000, NULL, h + got, 1), -ENOSPC);
	expect_eq(h[got], 0);
	/* With what was not made. */
	expect_eq(memlane_free_many(m, h, MANY, NULL), 0);
	expect_eq(memlane_alloc_many(m, 4000, NULL, h, got), got);
	memlane_close(m);
}

TEST(what_makes_no_sense_is_refused)
{
	struct memlane_alloc_opts opts = { .align = 3 };
	struct memlane *m = open_quiet();
	memlane_handle h[2] = { 7, 7 };

	expect_eq(memlane_alloc_many(m, 64, NULL, h, 0), 0);
	expect_eq(h[0], 7);
	expect_eq(memlane_free_many(m, h, 0, NULL), 0);
	expect_eq(memlane_alloc_many(m, 64, NULL, h, (1 << 20) + 1), -EINVAL);
	expect_eq(memlane_free_many(m, h, (1 << 20) + 1, NULL), -EINVAL);
	expect_eq(memlane_alloc_many(m, 0, NULL, h, 2), -EINVAL);
	expect_eq(h[0] | h[1], 0);
	expect_eq(memlane_alloc_many(m, MEMLANE_SIZE_MAX + 1, NULL, h, 2), -EINVAL);
	expect_eq(memlane_alloc_many(m, 64, &opts, h, 2), -EINVAL);
	opts = (struct memlane_alloc_opts){ .tag = MEMLANE_TAG_FRAME };
	expect_eq(memlane_alloc_many(m, 64, &opts, h, 2), -EINVAL);
	memlane_close(m);
}

/* An open section is the program's: it is as it was, and its addresses are good. */
TEST(in_a_section)
{
	static memlane_handle h[MANY];
	struct memlane *m = open_quiet();
	memlane_handle kept = must_alloc(m, 64);
	void *p;

	expect_eq(memlane_enter(m), 0);
	p = memlane_get(m, kept);
	expect_eq(memlane_alloc_many(m, 64, NULL, h, MANY), MANY);
	expect_eq(memlane_free_many(m, h, MANY, NULL), 0);
	expect(memlane_get(m, kept) == p);
	expect_eq(memlane_compact(m, MEMLANE_BOTH_LANES, 0, NULL), -EDEADLK);
	expect_eq(memlane_exit(m), 0);
	expect_eq(memlane_exit(m), -EINVAL);
	memlane_close(m);
}

/* Arenas that take the long way for each object. */
TEST(watched)
{
	static memlane_handle h[MANY];
	struct memlane_config c = quiet();
	struct memlane *m;
	uint32_t i;

	for (i = 0; i < 2; i++) {
		c.guard = i == 0;
		c.tracking = i == 1;
		m = open_with(&c);
		expect_eq(memlane_alloc_many(m, 64, NULL, h, MANY), MANY);
		expect_different(h, 300);
		expect_eq(memlane_free(m, h[500]), 0);
		expect_eq(memlane_free_many(m, h, MANY, NULL), 1);
		expect_eq(stats(m).live_objects, 0);
		memlane_close(m);
	}
}

/* One refill is for many: each asks for as much as a thread may have. */
TEST(few_refills)
{
	static memlane_handle h[MANY];
	struct memlane *m = open_quiet();
	uint64_t before;

	must_alloc(m, 64);
	before = stats(m).counts.refills;
	expect_eq(memlane_alloc_many(m, 64, NULL, h, MANY), MANY);
	expect(stats(m).counts.refills - before <= MANY / 63 + 2);
	memlane_close(m);
}

/* Who frees and makes nothing gives back seven eighths of a magazine at a time, and half before. */
TEST(few_flushes)
{
	static memlane_handle h[MANY];
	struct memlane *m = open_quiet();
	uint64_t before;
	uint32_t i;

	for (i = 0; i < MANY; i++)
		h[i] = must_alloc(m, 64);
	before = stats(m).counts.flushes;
	for (i = 0; i < MANY; i++)
		expect_eq(memlane_free(m, h[i]), 0);
	expect(stats(m).counts.flushes - before <= MANY / 111 + 2);
	before = stats(m).counts.flushes;
	for (i = 0; i < 100; i++)
		expect_eq(memlane_free(m, must_alloc(m, 64)), 0);
	expect_eq(stats(m).counts.flushes, before);
	memlane_close(m);
}

/* ------------------------------------------------------------- two threads */

static struct memlane *m;
static memlane_handle object[MANY];
static int freed[MANY];
static int at_start;

/* From @first on, round the end; counts what it was told it has freed. */
static void free_from(uint32_t first)
{
	static __thread memlane_handle h[MANY];
	static __thread int32_t results[MANY];
	uint32_t i;

	for (i = 0; i < MANY; i++)
		h[i] = object[(first + i) % MANY];
	memlane_free_many(m, h, MANY, results);
	for (i = 0; i < MANY; i++) {
		expect(!results[i] || results[i] == -ESTALE || results[i] == -EBUSY);
		if (!results[i])
			__atomic_add_fetch(&freed[(first + i) % MANY], 1, __ATOMIC_ACQ_REL);
	}
}

static void *free_too(void *arg)
{
	meet(&at_start);
	free_from((uintptr_t)arg);
	return NULL;
}

static void make_all(void)
{
	uint32_t i;

	m = open_quiet();
	at_start = 0;
	expect_eq(memlane_alloc_many(m, 64, NULL, object, MANY), MANY);
	for (i = 0; i < MANY; i++)
		freed[i] = 0;
}

TEST(two_batches_of_the_same)
{
	pthread_t other;
	int round, i;

	seed = harness_seed();
	for (round = 0; round < ROUNDS; round++) {
		make_all();
		start(&other, free_too, (void *)(uintptr_t)(round & 1 ? below(&seed, MANY) : 0));
		meet(&at_start);
		free_from(0);
		finish(other);
		for (i = 0; i < MANY; i++)
			expect_eq(freed[i], 1);
		expect_eq(stats(m).live_objects, 0);
		memlane_close(m);
	}
}

/* Who has a pin keeps the object, and the batch is told so. */
static void *pin_some(void *arg)
{
	uint32_t i;
	void *p;

	meet(&at_start);
	for (i = (uintptr_t)arg; i < MANY; i += 97) {
		if (memlane_try_pin(m, object[i], &p))
			continue;
		expect(memlane_is_valid(m, object[i]));
		expect_eq(memlane_unpin(m, object[i]), 0);
	}
	return NULL;
}

TEST(pinned_meanwhile)
{
	pthread_t other;
	int round, i;

	seed = harness_seed();
	for (round = 0; round < ROUNDS; round++) {
		make_all();
		start(&other, pin_some, (void *)(uintptr_t)below(&seed, 97));
		meet(&at_start);
		free_from(0);
		finish(other);
		free_from(0);
		for (i = 0; i < MANY; i++)
			expect_eq(freed[i], 1);
		memlane_close(m);
	}
}

/* Objects move between the batches, and the bytes come along. */
static bool stop;

static void *compact_all(void *arg)
{
	meet(&at_start);
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		expect_eq(memlane_compact(m, MEMLANE_BOTH_LANES, 0, NULL), 0);
	return arg;
}

TEST(while_everything_moves)
{
	static memlane_handle h[MANY];
	pthread_t other;
	int round, i;

	m = open_quiet();
	at_start = 0;
	stop = false;
	start(&other, compact_all, NULL);
	meet(&at_start);
	seed = harness_seed();
	for (round = 0; round < ROUNDS; round++) {
		expect_eq(memlane_alloc_many(m, 16 + below(&seed, 500), NULL, h, MANY), MANY);
		for (i = 0; i < MANY; i++)
			fill(m, h[i], i);
		expect_eq(memlane_free_many(m, h, MANY / 2, NULL), 0);
		for (i = MANY / 2; i < MANY; i++)
			verify(m, h[i], i);
		expect_eq(memlane_free_many(m, h + MANY / 2, MANY / 2, NULL), 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	finish(other);
	expect_eq(stats(m).live_objects, 0);
	memlane_close(m);
}
