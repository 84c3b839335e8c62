// SPDX-License-Identifier: MIT
/* test-lanes.c - full lanes, the order of failover, growth, temperature, repartitioning */
#include <math.h>

#include "api.h"

#define MOST 20000

static memlane_handle h[MOST];

static memlane_handle try_alloc(struct memlane *m, uint64_t size, unsigned int lane, bool spill)
{
	struct memlane_alloc_opts opts = { .lane = lane, .flags = spill ? 0 : MEMLANE_NO_SPILL };
	memlane_handle got;
	int err = memlane_alloc_with(m, size, &opts, &got);

	if (err && err != -ENOSPC)
		fail("memlane_alloc_with: %s", memlane_strerror(err));
	return got;
}

static unsigned int fill_lane(struct memlane *m, uint64_t size, unsigned int lane)
{
	unsigned int n;

	for (n = 0; n < MOST; n++) {
		h[n] = try_alloc(m, size, lane, false);
		if (!h[n])
			break;
		fill(m, h[n], n);
	}
	expect(n > 100 && n < MOST);
	return n;
}

static struct memlane_lane_stat lane_stat(struct memlane *m, int lane)
{
	return stats(m).counts.lane[lane];
}

static struct memlane_config fixed(uint64_t fast, uint64_t slow)
{
	struct memlane_config c = quiet();

	c.fast_lane_size = c.fast_lane_max = fast;
	c.slow_lane_size = c.slow_lane_max = slow;
	return c;
}

/* The safety margin is what compaction of a full lane works in. */
TEST(a_full_fragmented_lane_compacts_and_serves_a_large_object)
{
	struct memlane_config c = fixed(1 * MIB, 8 * MIB);
	struct memlane *m = open_with(&c);
	struct memlane_lane_stat st;
	unsigned int n = fill_lane(m, 1000, MEMLANE_IN_SLOW), i;
	memlane_handle large;

	st = lane_stat(m, MEMLANE_SLOW);
	expect(st.limit * 9 / 10 - st.used < 64 * KIB);
	for (i = 0; i < n; i++)
		if (i % 2)
			expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	expect_eq(lane_stat(m, MEMLANE_SLOW).used, st.used);
	/* Room is made once in a while at most. */
	usleep(150000);
	large = try_alloc(m, 3 * MIB, MEMLANE_IN_SLOW, false);
	expect(large != 0);
	fill(m, large, 99);
	for (i = 0; i < n; i += 2)
		verify(m, h[i], i);
	verify(m, large, 99);
	expect(stats(m).counts.by_cause[MEMLANE_CAUSE_COMPACT] > 0);
	memlane_close(m);
}

TEST(the_margin_is_kept_from_allocations)
{
	struct memlane_config c = fixed(1 * MIB, 8 * MIB);
	struct memlane *m;
	uint64_t used[2];
	int i;

	for (i = 0; i < 2; i++) {
		c.slow_lane_safety_margin = i ? 0.3 : 0;
		m = open_with(&c);
		fill_lane(m, 1000, MEMLANE_IN_SLOW);
		used[i] = lane_stat(m, MEMLANE_SLOW).used;
		memlane_close(m);
	}
	expect(used[0] > 7 * MIB);
	expect(used[1] <= 8 * MIB * 7 / 10);
}

/* A thread whose objects come and go never runs out of stock of the SlowLane. */
TEST(after_spilling_a_thread_comes_back_to_the_fast_lane)
{
	struct memlane_config c = quiet();
	static memlane_handle h[20000];
	struct memlane *m;
	memlane_handle own;
	int i, n = 0;

	c.fast_lane_size = c.fast_lane_max = MIB;
	m = open_with(&c);
	do {
		h[n] = must_alloc(m, 200);
	} while (memlane_lane(m, h[n++]) == MEMLANE_FAST);
	for (i = 0; i < 2000; i++) {
		own = must_alloc(m, 200);
		expect_eq(memlane_lane(m, own), MEMLANE_SLOW);
		expect_eq(memlane_free(m, own), 0);
	}
	expect(stats(m).counts.refills < 100U + n);
	/* All of them go, but not by this thread's magazines. */
	expect_eq(memlane_migrate_batch(m, MEMLANE_SLOW, h, n, NULL, NULL), 0);
	for (i = 0; i < 300; i++) {
		own = must_alloc(m, 200);
		if (memlane_lane(m, own) == MEMLANE_FAST)
			break;
		expect_eq(memlane_free(m, own), 0);
	}
	printf("# in the FastLane after %d objects\n", i);
	expect(i < 300);
	memlane_close(m);
}

TEST(stock_of_the_other_lane_serves_where_nothing_else_can)
{
	struct memlane_config c = quiet();
	memlane_handle h, last = 0;
	struct memlane *m;
	int i;

	c.fast_lane_size = c.fast_lane_max = c.slow_lane_size = c.slow_lane_max = 128 * KIB;
	m = open_with(&c);
	while ((h = memlane_alloc(m, 200)))
		last = h;
	expect_eq(memlane_lane(m, last), MEMLANE_SLOW);
	for (i = 0; i < 1000; i++) {
		expect_eq(memlane_free(m, last), 0);
		last = must_alloc(m, 200);
	}
	memlane_close(m);
}

/* What a thread has in stock, of other sizes, it gets for an object that needs it. */
TEST(a_thread_s_own_stock_refuses_it_nothing)
{
	struct memlane_config c = quiet();
	memlane_handle h[9];
	struct memlane *m;
	int i;

	c.fast_lane_size = c.fast_lane_max = c.slow_lane_size = c.slow_lane_max = MIB;
	c.max_handles = 8;
	m = open_with(&c);
	expect_eq(memlane_free(m, must_alloc(m, 5000)), 0);
	h[0] = must_alloc(m, 900000);
	for (i = 1; i < 8; i++)
		h[i] = must_alloc(m, 100 * i);
	expect_eq(memlane_alloc_with(m, 16, NULL, &h[8]), -ENOSPC);
	for (i = 0; i < 8; i++)
		expect_eq(memlane_free(m, h[i]), 0);
	memlane_close(m);
}

TEST(a_full_lane_refuses_what_may_not_spill)
{
	struct memlane_config c = fixed(1 * MIB, 8 * MIB);
	struct memlane *m = open_with(&c);

	fill_lane(m, 500, MEMLANE_IN_FAST);
	expect(!try_alloc(m, 500, MEMLANE_IN_FAST, false));
	expect_eq(lane_stat(m, MEMLANE_SLOW).used, 0);
	memlane_close(m);
}

TEST(first_a_full_lane_is_compacted)
{
	struct memlane_config c = fixed(1 * MIB, 8 * MIB);
	struct memlane *m = open_with(&c);
	unsigned int n = fill_lane(m, 500, MEMLANE_IN_FAST), i;
	memlane_handle other;

	for (i = 0; i < n; i++)
		if (i % 4)
			expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	usleep(150000);
	other = try_alloc(m, 3000, MEMLANE_IN_FAST, true);
	expect_eq(memlane_lane(m, other), MEMLANE_FAST);
	expect_eq(stats(m).counts.spilled, 0);
	expect_eq(stats(m).counts.by_cause[MEMLANE_CAUSE_STALE], 0);
	expect(stats(m).counts.by_cause[MEMLANE_CAUSE_COMPACT] > 0);
	memlane_close(m);
}

TEST(then_stale_objects_leave)
{
	struct memlane_config c = fixed(1 * MIB, 8 * MIB);
	struct memlane *m;
	unsigned int n, i;
	memlane_handle other;

	c.enable_auto_compaction = false;
	m = open_with(&c);
	n = fill_lane(m, 500, MEMLANE_IN_FAST);
	for (i = 0; i < n; i++)
		expect_eq(memlane_set_hints(m, h[i], MEMLANE_HINT_COLD), 0);
	usleep(150000);
	/* It needs the place of one of them: room is made for 50 ms, how slow a machine may be. */
	other = try_alloc(m, 500, MEMLANE_IN_FAST, true);
	expect_eq(memlane_lane(m, other), MEMLANE_FAST);
	expect_eq(stats(m).counts.spilled, 0);
	expect(stats(m).counts.by_cause[MEMLANE_CAUSE_ROOM] > 0);
	for (i = 0; i < n; i++)
		verify(m, h[i], i);
	memlane_close(m);
}

TEST(then_the_slow_lane_serves_before_any_lane_grows)
{
	struct memlane_config c = fixed(1 * MIB, 8 * MIB);
	struct memlane *m;
	memlane_handle other;
	unsigned int n;

	c.fast_lane_max = 4 * MIB;
	m = open_with(&c);
	for (n = 0; !stats(m).counts.spilled && n < MOST; n++)
		h[n] = try_alloc(m, 500, MEMLANE_IN_FAST, true);
	other = h[n - 1];
	expect_eq(memlane_lane(m, other), MEMLANE_SLOW);
	expect(memlane_id(m, other) < 0);
	expect_eq(lane_stat(m, MEMLANE_FAST).limit, 1 * MIB);
	memlane_close(m);
}

TEST(at_last_lanes_grow_and_shrink_when_empty)
{
	struct memlane_config c = fixed(1 * MIB, 1 * MIB);
	struct memlane *m;
	unsigned int i;

	c.fast_lane_max = 4 * MIB;
	c.slow_lane_max = 4 * MIB;
	m = open_with(&c);
	for (i = 0; i < 8000; i++) {
		h[i] = try_alloc(m, 500, MEMLANE_IN_FAST, true);
		expect(h[i] != 0);
	}
	expect(lane_stat(m, MEMLANE_FAST).limit > 1 * MIB);
	expect(lane_stat(m, MEMLANE_FAST).limit <= 4 * MIB);
	for (i = 0; i < 8000; i++)
		expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(lane_stat(m, MEMLANE_FAST).limit, 1 * MIB);
	expect_eq(lane_stat(m, MEMLANE_SLOW).limit, 1 * MIB);
	expect_eq(lane_stat(m, MEMLANE_FAST).resident, 0);
	memlane_close(m);
}

TEST(a_limit_is_raised_and_lowered_at_run_time)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	c.slow_lane_size = 1 * MIB;
	c.slow_lane_max = 16 * MIB;
	m = open_with(&c);
	expect_eq(memlane_set_limit(m, MEMLANE_SLOW, 8 * MIB), 0);
	expect_eq(lane_stat(m, MEMLANE_SLOW).limit, 8 * MIB);
	expect(try_alloc(m, 6 * MIB, MEMLANE_IN_SLOW, false));
	expect_eq(lane_stat(m, MEMLANE_SLOW).limit, 8 * MIB);
	expect_eq(memlane_set_limit(m, MEMLANE_SLOW, 17 * MIB), -EINVAL);
	expect_eq(memlane_set_limit(m, MEMLANE_SLOW, 5 * MIB), -EINVAL);
	expect_eq(memlane_set_limit(m, MEMLANE_SLOW, 16 * MIB), 0);
	expect(try_alloc(m, 8 * MIB, MEMLANE_IN_SLOW, false));
	expect(!try_alloc(m, 8 * MIB, MEMLANE_IN_SLOW, false));
	memlane_close(m);
}

TEST(a_maximum_is_raised_and_lowered_at_run_time)
{
	struct memlane_config c = fixed(1 * MIB, 8 * MIB);
	struct memlane *m = open_with(&c);

	expect(try_alloc(m, 6 * MIB, MEMLANE_IN_SLOW, false));
	expect(!try_alloc(m, 6 * MIB, MEMLANE_IN_SLOW, false));
	expect_eq(memlane_set_max(m, MEMLANE_SLOW, 32 * MIB), 0);
	expect_eq(lane_stat(m, MEMLANE_SLOW).max, 32 * MIB);
	expect_eq(lane_stat(m, MEMLANE_SLOW).limit, 8 * MIB);
	expect(try_alloc(m, 6 * MIB, MEMLANE_IN_SLOW, false));
	expect(try_alloc(m, 12 * MIB, MEMLANE_IN_SLOW, false));
	expect(!try_alloc(m, 12 * MIB, MEMLANE_IN_SLOW, false));
	/* Not below what is used, nor above what there are addresses for. */
	expect_eq(memlane_set_max(m, MEMLANE_SLOW, 20 * MIB), -EINVAL);
	expect_eq(memlane_set_max(m, MEMLANE_SLOW, (64ULL << 30) + 1), -EINVAL);
	expect_eq(memlane_set_max(m, MEMLANE_SLOW, 0), -EINVAL);
	expect_eq(memlane_set_max(m, 2, MIB), -EINVAL);
	expect_eq(memlane_set_max(m, -1, MIB), -EINVAL);
	expect_eq(lane_stat(m, MEMLANE_SLOW).max, 32 * MIB);
	expect_eq(memlane_set_max(m, MEMLANE_SLOW, 64ULL << 30), 0);
	expect_eq(memlane_set_max(m, MEMLANE_SLOW, 25 * MIB), 0);
	expect_eq(lane_stat(m, MEMLANE_SLOW).limit, 25 * MIB);
	expect_eq(memlane_set_max(m, MEMLANE_FAST, 256 * KIB), 0);
	expect_eq(lane_stat(m, MEMLANE_FAST).limit, 256 * KIB);
	memlane_close(m);
}

TEST(a_fast_lane_whose_maximum_is_raised_takes_objects_again)
{
	struct memlane_config c = fixed(1 * MIB, 8 * MIB);
	struct memlane *m = open_with(&c);

	fill_lane(m, 500, MEMLANE_IN_FAST);
	expect(!try_alloc(m, 500, MEMLANE_IN_FAST, false));
	expect_eq(memlane_set_max(m, MEMLANE_FAST, 2 * MIB), 0);
	expect(fill_lane(m, 500, MEMLANE_IN_FAST) > 1000);
	expect(lane_stat(m, MEMLANE_FAST).used <= 2 * MIB);
	memlane_close(m);
}

/* Half of a lane's objects are gone, one by one. */
static struct memlane *open_fragmented(unsigned int *n)
{
	struct memlane_config c = fixed(1 * MIB, 8 * MIB);
	struct memlane *m;
	unsigned int i;

	c.enable_auto_compaction = false;
	m = open_with(&c);
	*n = fill_lane(m, 1000, MEMLANE_IN_SLOW);
	for (i = 1; i < *n; i += 2)
		expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	expect(lane_stat(m, MEMLANE_SLOW).used > 7 * MIB);
	return m;
}

TEST(compaction_ends_where_a_usage_is_reached)
{
	uint64_t limit = 8 * MIB, used, moved;
	struct memlane_step step = { 0 };
	unsigned int n, i;
	struct memlane *m = open_fragmented(&n);

	/* So little is in use already. */
	expect_eq(memlane_compact_until(m, 1 << MEMLANE_SLOW, 0, 0.95, &step), 0);
	expect_eq(step.out_moved, 0);
	expect_eq(memlane_compact_until(m, 1 << MEMLANE_SLOW, 0, 0.75, &step), 0);
	moved = step.out_moved;
	used = lane_stat(m, MEMLANE_SLOW).used;
	expect(moved > 0 && moved < n / 2);
	expect(used * 1000 <= limit * 750);
	/* Full compaction finds more to do, and this does as much where it has no goal. */
	memset(&step, 0, sizeof(step));
	expect_eq(memlane_compact_until(m, 1 << MEMLANE_SLOW, 0, 0, &step), 0);
	expect(step.out_moved > 0);
	expect(lane_stat(m, MEMLANE_SLOW).used < used);
	expect(lane_stat(m, MEMLANE_SLOW).used * 10 < limit * 5);
	for (i = 0; i < n; i += 2)
		verify(m, h[i], i);
	memlane_close(m);
}

TEST(the_goal_that_is_reached_first_ends_a_compaction)
{
	struct memlane_step step = { 0 };
	unsigned int n;
	struct memlane *m = open_fragmented(&n);

	/* A hole of 2 MiB is there before next to nothing is in use. */
	expect_eq(memlane_compact_until(m, 1 << MEMLANE_SLOW, 2 * MIB, 0.0001, &step), 0);
	expect(step.out_moved > 0);
	expect(lane_stat(m, MEMLANE_SLOW).used * 10 > 8 * MIB * 5);
	expect(try_alloc(m, 2 * MIB, MEMLANE_IN_SLOW, false));
	memlane_close(m);
}

TEST(nonsense_goals_of_compaction_are_refused)
{
	struct memlane *m = open_quiet();

	expect_eq(memlane_compact_until(m, 4, 0, 0.5, NULL), -EINVAL);
	expect_eq(memlane_compact_until(m, 0, 0, -0.1, NULL), -EINVAL);
	expect_eq(memlane_compact_until(m, 0, 0, 1.001, NULL), -EINVAL);
	expect_eq(memlane_compact_until(m, 0, 0, NAN, NULL), -EINVAL);
	expect_eq(memlane_compact_until(m, 0, ~0ULL, 0, NULL), -EINVAL);
	expect_eq(memlane_compact_until(m, 0, 0, 1, NULL), 0);
	expect_eq(memlane_enter(m), 0);
	expect_eq(memlane_compact_until(m, 0, 0, 0.5, NULL), -EDEADLK);
	expect_eq(memlane_exit(m), 0);
	memlane_close(m);
}

TEST(chunks_go_from_one_manager_to_the_other)
{
	struct memlane_config c = fixed(1 * MIB, 16 * MIB);
	struct memlane *m = open_with(&c);
	struct memlane_lane_stat st;
	unsigned int n = fill_lane(m, 1000, MEMLANE_IN_SLOW), i;
	memlane_handle large;

	st = lane_stat(m, MEMLANE_SLOW);
	expect(st.block_chunks >= 7);
	expect_eq(st.blob_chunks, 0);
	for (i = 0; i < n; i++)
		expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	large = try_alloc(m, 13 * MIB, MEMLANE_IN_SLOW, false);
	expect(large != 0);
	st = lane_stat(m, MEMLANE_SLOW);
	expect(st.block_chunks <= 1);
	expect(st.blob_chunks >= 7);
	expect_eq(memlane_free(m, large), 0);
	expect(fill_lane(m, 1000, MEMLANE_IN_SLOW) + 100 > n);
	memlane_close(m);
}

/* -------------------------------------------------------- temperature */

#define OBJECTS 20000
#define SKEW 1.2
#define DRAWS 30000	/* an ageing period: the hot tenth's least is used in most of them */

/* Rank r from 1 is used with probability r^-SKEW: the inverse of its distribution. */
static unsigned int zipf(unsigned long long *seed)
{
	double u = (rng_next(seed) >> 11) * 0x1p-53, end = pow(OBJECTS + 1, 1 - SKEW);

	return (unsigned int)pow(1 + u * (end - 1), 1 / (1 - SKEW)) - 1;
}

static void shuffle(unsigned int *order, unsigned long long *seed)
{
	unsigned int i, j, t;

	for (i = 0; i < OBJECTS; i++)
		order[i] = i;
	for (i = OBJECTS - 1; i; i--) {
		j = rng_next(seed) % (i + 1);
		t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;

	return x < y ? -1 : x > y;
}

/* Pages that the tenth of the objects with the highest ranks is on. */
static unsigned int hot_pages(struct memlane *m, const unsigned int *order)
{
	static uintptr_t page[OBJECTS / 10];
	unsigned int i, nr = 1;

	expect_eq(memlane_enter(m), 0);
	for (i = 0; i < OBJECTS / 10; i++)
		page[i] = (uintptr_t)memlane_get(m, h[order[i]]) >> 12;
	expect_eq(memlane_exit(m), 0);
	qsort(page, OBJECTS / 10, sizeof(page[0]), by_address);
	for (i = 1; i < OBJECTS / 10; i++)
		nr += page[i] != page[i - 1];
	return nr;
}

static void zipf_sorts(unsigned int lane)
{
	struct memlane_config c = quiet();
	static unsigned int order[OBJECTS];
	unsigned long long seed = harness_seed();
	unsigned int i, period, before, after;
	struct memlane *m;

	c.age_interval = 0;
	c.fast_lane_size = 16 * MIB;
	c.slow_lane_size = 16 * MIB;
	m = open_with(&c);
	shuffle(order, &seed);
	for (i = 0; i < OBJECTS; i++) {
		h[i] = try_alloc(m, 100, lane, false);
		expect(h[i] != 0);
		fill(m, h[i], i);
	}
	before = hot_pages(m, order);
	for (period = 0; period < 12; period++) {
		for (i = 0; i < DRAWS; i++) {
			expect_eq(memlane_enter(m), 0);
			expect(memlane_get(m, h[order[zipf(&seed)]]));
			expect_eq(memlane_exit(m), 0);
		}
		expect_eq(memlane_run_maintenance_cycle(m), 0);
	}
	after = hot_pages(m, order);
	printf("# the hot tenth touches %u pages, then %u\n", before, after);
	expect(after * 2 <= before);
	for (i = 0; i < OBJECTS; i++)
		verify(m, h[i], i);
	memlane_close(m);
}

TEST(a_zipf_load_sorts_a_fast_lane)
{
	zipf_sorts(MEMLANE_IN_FAST);
}

TEST(a_zipf_load_sorts_a_slow_lane)
{
	zipf_sorts(MEMLANE_IN_SLOW);
}
