// SPDX-License-Identifier: MIT
/*
 * pins.c - pins, and stock, against compaction
 *
 * The background is silent: every move here is asked for.
 */
#include "api.h"

#define SIZE 512

static struct memlane *arena;
static memlane_handle object;

static uint64_t lane_spans(int lane)
{
	return stats(arena).counts.lane[lane].spans;
}

/* ----------------------------------------------------------------- counts */

TEST(pins_are_counted_up_to_their_limit)
{
	void *p, *first;
	unsigned int i;

	arena = open_quiet();
	object = must_alloc(arena, SIZE);
	expect_eq(memlane_unpin(arena, object), -EINVAL);
	first = memlane_pin(arena, object);
	for (i = 1; i < MEMLANE_PIN_MAX; i++) {
		expect_eq(memlane_try_pin(arena, object, &p), 0);
		expect(p == first);
	}
	expect_eq(memlane_try_pin(arena, object, &p), -EOVERFLOW);
	expect(!p);
	expect_eq(memlane_migrate(arena, object, MEMLANE_SLOW), -EBUSY);
	expect_eq(memlane_free(arena, object), -EBUSY);
	for (i = 0; i < MEMLANE_PIN_MAX; i++) {
		expect_eq(memlane_state(arena, object), MEMLANE_STATE_PINNED);
		expect_eq(memlane_unpin(arena, object), 0);
	}
	expect_eq(memlane_unpin(arena, object), -EINVAL);
	expect_eq(memlane_migrate(arena, object, MEMLANE_SLOW), 0);
	expect_eq(memlane_free(arena, object), 0);
	expect_eq(memlane_unpin(arena, object), -ESTALE);
	memlane_close(arena);
}

static void *unpin_it(void *result)
{
	*(int *)result = memlane_unpin(arena, object);
	return NULL;
}

TEST(any_thread_may_unpin)
{
	int result = 1;
	pthread_t t;

	arena = open_quiet();
	object = must_alloc(arena, SIZE);
	expect(memlane_pin(arena, object));
	start(&t, unpin_it, &result);
	finish(t);
	expect_eq(result, 0);
	expect_eq(memlane_unpin(arena, object), -EINVAL);
	expect_eq(memlane_free(arena, object), 0);
	memlane_close(arena);
}

/* Up and down, by all at once: none is lost. */
static void *pin_and_unpin(void *unused)
{
	int i;

	(void)unused;
	for (i = 0; i < 20000; i++) {
		expect(memlane_pin(arena, object));
		expect_eq(memlane_unpin(arena, object), 0);
	}
	return NULL;
}

TEST(no_pin_is_lost)
{
	pthread_t t[4];
	int i;

	arena = open_quiet();
	object = must_alloc(arena, SIZE);
	for (i = 0; i < 4; i++)
		start(&t[i], pin_and_unpin, NULL);
	for (i = 0; i < 200; i++)
		memlane_migrate(arena, object, i & 1);
	for (i = 0; i < 4; i++)
		finish(t[i]);
	expect_eq(memlane_state(arena, object), MEMLANE_STATE_LIVE);
	expect_eq(memlane_unpin(arena, object), -EINVAL);
	expect_eq(memlane_migrate(arena, object, !memlane_lane(arena, object)), 0);
	memlane_close(arena);
}

/* ---------------------------------------------------------------- islands */

#define MANY	4000
#define EVERY	50

static memlane_handle many[MANY];

static void make_many(uint64_t tag)
{
	struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_FAST, .tag = tag };
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		expect_eq(memlane_alloc_with(arena, SIZE, &opts, &many[i]), 0);
		fill(arena, many[i], i);
	}
}

/* What is not pinned goes, but for a few that are there to be moved. */
static void thin_out(void)
{
	unsigned int i;

	for (i = 0; i < MANY; i++)
		if (i % EVERY && i % 7) {
			expect_eq(memlane_free(arena, many[i]), 0);
			many[i] = 0;
		}
	expect_eq(memlane_thread_flush(arena), 0);
}

static uint64_t spans_left(int (*pin)(struct memlane *m, memlane_handle h, void **p))
{
	unsigned int i;
	uint64_t spans;
	void *p;

	arena = open_quiet();
	make_many(77);
	if (pin == memlane_pin_long)
		thin_out();
	for (i = 0; i < MANY; i += EVERY)
		expect_eq(pin(arena, many[i], &p), 0);
	if (pin != memlane_pin_long)
		thin_out();
	expect_eq(memlane_compact(arena, 0, 0, NULL), 0);
	spans = lane_spans(MEMLANE_FAST);
	for (i = 0; i < MANY; i++)
		if (many[i])
			verify(arena, many[i], i);
	return spans;
}

TEST(a_pinned_object_blocks_and_is_named)
{
	struct memlane_blocker b[MEMLANE_BLOCKERS];
	uint64_t islands = spans_left(memlane_try_pin);
	int nr = memlane_blockers(arena, b, MEMLANE_BLOCKERS), i;

	expect(islands > 10);
	expect(nr > 0);
	for (i = 0; i < nr; i++) {
		expect(memlane_is_valid(arena, b[i].handle));
		expect_eq(memlane_state(arena, b[i].handle), MEMLANE_STATE_PINNED);
		expect_eq(b[i].tag, 77);
	}
	expect(stats(arena).counts.pinned > 0);
	memlane_close(arena);
}

TEST(long_pins_make_no_islands)
{
	uint64_t islands = spans_left(memlane_try_pin), settled;

	memlane_close(arena);
	settled = spans_left(memlane_pin_long);
	memlane_close(arena);
	printf("# spans left with %u pins: %llu as they stood, %llu when settled\n", MANY / EVERY,
	       (unsigned long long)islands, (unsigned long long)settled);
	expect(settled * 4 <= islands);
}

/* ------------------------------------------------------ stock is no island ---- */

#define THREADS	8
#define KEPT	300

static pthread_barrier_t gate;
static uint64_t size_now;

/* Leaves stock in its magazine, and objects here and there. */
static void *churn(void *arg)
{
	unsigned long long rng = harness_seed() + 2 * (uintptr_t)arg;
	memlane_handle own[KEPT] = { 0 };
	unsigned int i, at;

	for (i = 0; i < 20 * KEPT; i++) {
		at = rng_next(&rng) % KEPT;
		if (own[at])
			expect_eq(memlane_free(arena, own[at]), 0);
		own[at] = rng_next(&rng) % 3 ? 0 : must_alloc_in(arena, size_now, MEMLANE_IN_FAST);
		if (own[at])
			fill(arena, own[at], at);
	}
	pthread_barrier_wait(&gate);	/* the arena is compacted now */
	pthread_barrier_wait(&gate);
	for (at = 0; at < KEPT; at++)
		if (own[at]) {
			verify(arena, own[at], at);
			expect_eq(memlane_free(arena, own[at]), 0);
		}
	return NULL;
}

/* Spans of one class in one lane have one size, but for what is left of it: that is smaller. */
static void expect_packed(const struct memlane_lane_stat *l, uint64_t live)
{
	const uint64_t bytes = memlane_class_bytes(arena, memlane_size_class(arena, size_now));
	const uint64_t places = l->block_used / bytes;
	uint64_t of_a_span;

	expect(l->spans > 0);
	expect(l->objects >= live);
	of_a_span = (places + l->spans - 1) / l->spans;
	printf("# %llu bytes: %llu objects, %llu places of stock, %llu spans of %llu places\n",
	       (unsigned long long)size_now, (unsigned long long)live,
	       (unsigned long long)(l->objects - live), (unsigned long long)l->spans,
	       (unsigned long long)of_a_span);
	expect(l->objects > live);
	expect(places - l->objects < of_a_span);
}

static void pack(uint64_t size)
{
	struct memlane_config c = quiet();
	struct memlane_stats st;
	pthread_t t[THREADS];
	uintptr_t i;

	harness_seed();
	c.section_grace = 1;
	c.fast_lane_size = 64 * MIB;
	arena = open_with(&c);
	size_now = size;
	pthread_barrier_init(&gate, NULL, THREADS + 1);
	for (i = 0; i < THREADS; i++)
		start(&t[i], churn, (void *)i);
	pthread_barrier_wait(&gate);
	expect_eq(memlane_compact(arena, 0, 0, NULL), 0);
	st = stats(arena);
	expect_eq(st.counts.slots, THREADS);
	expect_packed(&st.counts.lane[MEMLANE_FAST], st.live_objects);
	pthread_barrier_wait(&gate);
	for (i = 0; i < THREADS; i++)
		finish(t[i]);
	expect_eq(memlane_compact(arena, 0, 0, NULL), 0);
	st = stats(arena);
	expect_eq(st.live_objects, 0);
	expect_eq(st.counts.handles, 0);
	expect_eq(st.counts.lane[MEMLANE_FAST].used, 0);
	memlane_close(arena);
	pthread_barrier_destroy(&gate);
}

/* With every thread's magazines as they are: at most one span has room left. */
TEST(stock_holds_no_span_open)
{
	pack(64);
	pack(500);
	pack(4000);
}
