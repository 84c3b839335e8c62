// SPDX-License-Identifier: MIT
/*
 * bounce.c - objects that are counted up while everything moves to and fro
 *
 * Each object has one word for all threads, counted up atomically, and one word
 * for each thread, counted up plainly; the rest are bytes that nobody changes.
 * Another thread sends every object to one lane, compacts, sends all back, and
 * so on. In the end no increment may be missing.
 *
 *	ML_BOUNCES	round trips
 *	ML_MIB		size of all objects together
 *	ML_SECONDS	no more round trips after so many, but two at least
 *	ML_THREADS	those that count
 */
#include "api.h"
#include "content.h"

#define MOST_THREADS	8
#define SIZES		8
#define MIN_BOUNCES	2

/* What an object begins with. */
struct counters {
	uint64_t shared;
	uint64_t own[MOST_THREADS];
};

static const uint32_t size_of[SIZES] = { 96, 200, 512, 1000, 4096, 9000, 32768, 70000 };

static struct memlane *arena;
static memlane_handle *handle;
static uint32_t objects;
static unsigned int threads;
static unsigned int resting;	/* half of the objects; 2: none; atomic */
static bool over;		/* atomic */

/**
 * struct counting - a thread that counts
 * @number: of the thread
 * @rng: its own
 * @sum: increments by object
 */
struct counting {
	unsigned int number;
	unsigned long long rng;
	uint32_t *sum;
};

static uint32_t size_at(uint32_t i)
{
	return size_of[i % SIZES];
}

static void make_object(uint32_t i)
{
	struct counters *c;

	handle[i] = must_alloc(arena, size_at(i));
	expect_eq(memlane_enter(arena), 0);
	c = memlane_get(arena, handle[i]);
	memset(c, 0, sizeof(*c));
	content_write(c + 1, size_at(i) - sizeof(*c), i, 1);
	expect_eq(memlane_exit(arena), 0);
}

static void make_all(uint64_t bytes)
{
	uint64_t round = 0;
	uint32_t i;

	for (i = 0; i < SIZES; i++)
		round += size_of[i];
	objects = (bytes / round + 2) * SIZES;
	handle = calloc(objects, sizeof(*handle));
	for (i = 0; i < objects; i++)
		make_object(i);
}

/* --------------------------------------------------------------- counting */

static void increment(struct counting *t, uint32_t i)
{
	struct counters *c = memlane_get(arena, handle[i]);

	expect(c);
	c->own[t->number]++;
	__atomic_add_fetch(&c->shared, 1, __ATOMIC_RELAXED);
	t->sum[i]++;
}

/* One half of the objects has its rest from time to time, and a chance to arrive. */
static uint32_t pick_restless(struct counting *t)
{
	uint32_t i;

	do {
		i = rng_next(&t->rng) % objects;
	} while (i / SIZES % 2 == __atomic_load_n(&resting, __ATOMIC_RELAXED));
	return i;
}

/* A few objects a section, and a look at what nobody changes. */
static void one_section(struct counting *t)
{
	uint32_t i = pick_restless(t), n = 1 + i % 8;
	struct counters *c;

	expect_eq(memlane_enter(arena), 0);
	while (n--)
		increment(t, pick_restless(t));
	c = memlane_get(arena, handle[i]);
	expect_eq(content_wrong_sample(c + 1, size_at(i) - sizeof(*c), i, 1, t->rng), 0);
	expect_eq(memlane_exit(arena), 0);
}

static void *count_up(void *arg)
{
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
		one_section(arg);
	return NULL;
}

/* --------------------------------------------------------------- bouncing */

static uint64_t send_all(int lane)
{
	int failed = memlane_migrate_batch(arena, lane, handle, objects, NULL, NULL);

	expect(failed >= 0);
	expect_eq(memlane_compact(arena, 0, 0, NULL), 0);
	return objects - failed;
}

/* Return: objects that arrived. */
static uint64_t bounce(uint64_t bounces, time_t deadline, uint64_t *done)
{
	uint64_t arrived = 0;

	for (*done = 0; *done < bounces; ++*done) {
		if (*done >= MIN_BOUNCES && time(NULL) >= deadline)
			break;
		__atomic_store_n(&resting, *done % 3, __ATOMIC_RELAXED);
		arrived += send_all(MEMLANE_FAST);
		arrived += send_all(MEMLANE_SLOW);
	}
	return arrived;
}

/* ---------------------------------------------------------------- the sum */

static uint64_t expect_object(const struct counting *t, uint32_t i)
{
	const struct counters *c = memlane_get(arena, handle[i]);
	uint64_t sum = 0;
	unsigned int n;

	expect(c);
	for (n = 0; n < threads; n++) {
		if (c->own[n] != t[n].sum[i])
			fail("object %u: thread %u counted %u, found %llu", i, n, t[n].sum[i],
			     (unsigned long long)c->own[n]);
		sum += t[n].sum[i];
	}
	if (c->shared != sum)
		fail("object %u: together counted %llu, found %llu", i, (unsigned long long)sum,
		     (unsigned long long)c->shared);
	expect_eq(content_wrong(c + 1, size_at(i) - sizeof(*c), i, 1), 0);
	return sum;
}

static uint64_t expect_all(const struct counting *t)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < objects; i++) {
		expect_eq(memlane_enter(arena), 0);
		sum += expect_object(t, i);
		expect_eq(memlane_exit(arena), 0);
	}
	return sum;
}

static struct memlane *open_for(uint64_t bytes)
{
	struct memlane_config c = quiet();

	c.fast_lane_size = c.slow_lane_size = 2 * bytes;
	c.fast_lane_max = c.slow_lane_max = 4 * bytes;
	c.section_grace = 0.1;
	return open_with(&c);
}

TEST(no_increment_is_lost)
{
	uint64_t bytes = env("ML_MIB", 16) * MIB, bounces, arrived, sum;
	struct counting t[MOST_THREADS] = { 0 };
	pthread_t thread[MOST_THREADS];
	struct memlane_stats st;
	unsigned int i;

	threads = env("ML_THREADS", 3);
	expect(threads >= 1 && threads <= MOST_THREADS);
	arena = open_for(bytes);
	make_all(bytes);
	for (i = 0; i < threads; i++) {
		t[i].number = i;
		t[i].rng = harness_seed() * (2 * i + 1);
		t[i].sum = calloc(objects, sizeof(*t[i].sum));
		start(&thread[i], count_up, &t[i]);
	}
	arrived = bounce(env("ML_BOUNCES", 32), time(NULL) + env("ML_SECONDS", 20), &bounces);
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (i = 0; i < threads; i++)
		finish(thread[i]);
	sum = expect_all(t);
	st = stats(arena);
	printf("# %u objects, %llu bounces, %llu arrivals, %llu increments, none lost\n", objects,
	       (unsigned long long)bounces, (unsigned long long)arrived, (unsigned long long)sum);
	printf("# moved %llu (%llu MiB), remapped %llu, vetoed %llu, waits %llu, given up %llu\n",
	       st.counts.moved, st.counts.moved_bytes >> 20, st.counts.remapped, st.counts.vetoed,
	       (unsigned long long)st.waits, st.counts.given_up);
	expect(sum > objects);
	expect(arrived > objects);
	expect(st.counts.moved > objects);
	memlane_close(arena);
}
