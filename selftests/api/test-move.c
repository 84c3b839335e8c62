// SPDX-License-Identifier: MIT
/* test-move.c - compaction and migration: bytes, handles, pages, limits */
#include <sys/time.h>

#include "api.h"

static void check_bounce(struct memlane *m, uint64_t size)
{
	memlane_handle h = must_alloc_in(m, size, MEMLANE_IN_FAST), same = h;
	int64_t id = memlane_id(m, h);
	int i;

	fill(m, h, size);
	for (i = 0; i < 10; i++) {
		expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), 0);
		expect_eq(memlane_lane(m, h), MEMLANE_SLOW);
		expect_eq(memlane_id(m, h), -id);
		expect_eq(memlane_size(m, h), size);
		verify(m, h, size);
		expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), 0);
		expect_eq(memlane_migrate(m, h, MEMLANE_FAST), 0);
		expect_eq(memlane_lane(m, h), MEMLANE_FAST);
		expect_eq(memlane_id(m, h), id);
		verify(m, h, size);
	}
	expect_eq(h, same);
	expect_eq(memlane_state(m, h), MEMLANE_STATE_LIVE);
	expect_eq(memlane_free(m, h), 0);
}

TEST(a_handle_is_stable_through_fast_slow_fast)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	c.fast_lane_size = 16 * MIB;
	m = open_with(&c);
	check_bounce(m, 1);
	check_bounce(m, 16);
	check_bounce(m, 100);
	check_bounce(m, 4096);
	check_bounce(m, MEMLANE_BLOCK_MAX);
	check_bounce(m, MEMLANE_BLOCK_MAX + 1);
	check_bounce(m, MIB + 1);
	memlane_close(m);
}

/* A block and a blob in turn; the first round makes the places that the others use. */
TEST(moves_take_no_memory_but_their_destinations)
{
	struct memlane *m = open_quiet();
	memlane_handle h[2] = { must_alloc(m, 1000), must_alloc_in(m, 100000, MEMLANE_IN_FAST) };
	struct memlane_counts before = { 0 }, n;
	int i;

	fill(m, h[0], 0);
	fill(m, h[1], 1);
	for (i = 0; i < 1000; i++) {
		expect_eq(memlane_migrate(m, h[i & 1], i & 2 ? MEMLANE_FAST : MEMLANE_SLOW), 0);
		if (i % 4 != 3)
			continue;
		n = stats(m).counts;
		if (i == 3)
			before = n;
		expect_eq(n.metadata, before.metadata);
		expect_eq(n.lane[0].used + n.lane[1].used, before.lane[0].used + before.lane[1].used);
		expect_eq(n.lane[0].resident + n.lane[1].resident,
			  before.lane[0].resident + before.lane[1].resident);
	}
	verify(m, h[0], 0);
	verify(m, h[1], 1);
	memlane_close(m);
}

enum { MANY = 20000 };

static uint64_t size_of(int i)
{
	return i % 100 ? 16 + i % 700 : 40000;
}

/* Objects of many sizes; the one at i keeps number i. */
static memlane_handle *populate(struct memlane *m)
{
	memlane_handle *h = calloc(MANY, sizeof(*h));
	int i;

	for (i = 0; i < MANY; i++) {
		h[i] = must_alloc(m, size_of(i));
		fill(m, h[i], i);
	}
	return h;
}

static uint64_t resident(struct memlane *m)
{
	struct memlane_stats st = stats(m);

	return st.counts.lane[0].resident + st.counts.lane[1].resident;
}

static void free_all_but(struct memlane *m, memlane_handle *h, int n)
{
	int i;

	for (i = 0; i < MANY; i++)
		if (i % n) {
			expect_eq(memlane_free(m, h[i]), 0);
			h[i] = 0;
		}
}

static void verify_all(struct memlane *m, const memlane_handle *h)
{
	int i;

	for (i = 0; i < MANY; i++)
		if (h[i])
			verify(m, h[i], i);
}

TEST(compaction_gives_pages_back)
{
	struct memlane *m = open_quiet();
	memlane_handle *h = populate(m);
	struct memlane_step step = { .max_bytes = 0 };
	uint64_t before, after;

	free_all_but(m, h, 7);
	before = resident(m);	/* the caller's stock among it */
	expect_eq(memlane_compact(m, 0, 0, &step), 0);
	after = resident(m);
	expect(step.out_moved > 0);
	expect(step.out_moved_bytes > 0);
	expect(step.out_pages_returned > 0);
	expect_eq(step.out_more, 0);
	expect(after < before / 2);
	/* What is left: at most a part-filled span for each of the classes in use. */
	if (after > stats(m).live_bytes * 5 / 4 + 4 * MIB)
		fail("%llu bytes resident for %llu live", (unsigned long long)after,
		     (unsigned long long)stats(m).live_bytes);
	/* Nor did the caller's own stock keep any to speak of. */
	expect_eq(memlane_thread_flush(m), 0);
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	expect(resident(m) * 10 >= after * 9);
	verify_all(m, h);
	memlane_close(m);
	free(h);
}

TEST(compaction_comes_to_an_end)
{
	struct memlane *m = open_quiet();
	memlane_handle *h = populate(m);
	struct memlane_step step = { .max_bytes = 0 };
	int i;

	free_all_but(m, h, 5);
	for (i = 0; i < 2 || (i < 10 && step.out_moved); i++)
		expect_eq(memlane_compact(m, 0, 0, &step), 0);
	expect_eq(step.out_moved, 0);
	expect_eq(step.out_pages_returned, 0);
	verify_all(m, h);
	memlane_close(m);
	free(h);
}

TEST(steps_bound_a_compaction_and_add_up_to_it)
{
	struct memlane *m = open_quiet();
	memlane_handle *h = populate(m);
	struct memlane_step step;
	int steps = 0;

	free_all_but(m, h, 9);
	do {
		step = (struct memlane_step) { .max_bytes = 32 * KIB };
		expect_eq(memlane_compact(m, 0, 0, &step), 0);
		/* And one object of the largest, which the local backend copies. */
		expect(step.out_moved_bytes <= 32 * KIB + 40 * KIB);
		expect(++steps < 1000);
	} while (step.out_more);
	expect(steps > 3);
	verify_all(m, h);
	memlane_close(m);
	free(h);
}

TEST(everything_can_be_freed_after_compaction)
{
	struct memlane *m = open_quiet();
	memlane_handle *h = populate(m);
	int i;

	free_all_but(m, h, 3);
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	for (i = 0; i < MANY; i++)
		expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	expect_eq(resident(m), 0);
	expect_eq(stats(m).counts.handles, 0);
	memlane_close(m);
	free(h);
}

/* Stock is bound but not live: it holds no span open, and is good afterwards. A limit keeps it. */
TEST(stock_moves_too)
{
	struct memlane *m = open_quiet();
	memlane_handle *h = populate(m);
	struct memlane_step all = { .max_bytes = 1ULL << 40 };
	int i;

	free_all_but(m, h, 11);
	expect_eq(memlane_compact(m, 0, 0, &all), 0);
	for (i = 0; i < MANY; i++)
		if (!h[i]) {
			h[i] = must_alloc(m, size_of(i));
			fill(m, h[i], i);
		}
	verify_all(m, h);
	memlane_close(m);
	free(h);
}

TEST(lanes_and_holes_of_a_compaction_are_checked)
{
	struct memlane *m = open_quiet();

	expect_eq(memlane_compact(m, 4, 0, NULL), -EINVAL);
	expect_eq(memlane_compact(m, 0, ~0ULL, NULL), -EINVAL);
	expect_eq(memlane_compact(m, 1, 0, NULL), 0);
	expect_eq(memlane_compact(m, 2, MIB, NULL), 0);
	memlane_close(m);
}

/* Two in the FastLane, of which a pin has kept the first: it was not used in any period of late. */
static void age_two(struct memlane *m, memlane_handle unused, memlane_handle used)
{
	int i;

	fill(m, unused, 1);
	expect(memlane_pin(m, unused) != NULL);
	for (i = 0; i < 6; i++) {
		fill(m, used, 2);
		expect_eq(memlane_run_maintenance_cycle(m), 0);
	}
	expect_eq(memlane_unpin(m, unused), 0);
	expect_eq(memlane_lane(m, unused), MEMLANE_FAST);
	expect_eq(memlane_lane(m, used), MEMLANE_FAST);
}

TEST(a_full_compaction_of_the_fast_lane_takes_out_what_is_not_used)
{
	struct memlane_config c = quiet();
	memlane_handle unused, used;
	struct memlane *m;

	c.age_interval = 0;
	m = open_with(&c);
	unused = must_alloc(m, 200);
	used = must_alloc(m, 200);
	age_two(m, unused, used);
	expect_eq(memlane_compact(m, 1 << MEMLANE_FAST, 0, NULL), 0);
	expect_eq(memlane_lane(m, unused), MEMLANE_SLOW);
	expect_eq(memlane_lane(m, used), MEMLANE_FAST);
	expect_eq(stats(m).counts.by_cause[MEMLANE_CAUSE_ROOM], 1);
	verify(m, unused, 1);
	verify(m, used, 2);
	memlane_close(m);
}

enum { COLD = 900 };

/* A FastLane of 1 MiB with cold objects in every other place of what was filled. */
static struct memlane *open_cold(memlane_handle *h)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	int i;

	c.fast_lane_size = c.fast_lane_max = MIB;
	m = open_with(&c);
	for (i = 0; i < COLD; i++) {
		h[i] = must_alloc_in(m, 1000, MEMLANE_IN_FAST);
		fill(m, h[i], i);
		expect_eq(memlane_set_hints(m, h[i], MEMLANE_HINT_COLD), 0);
	}
	for (i = 1; i < COLD; i += 2)
		expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	return m;
}

/* How many of them are in a lane; all have their bytes. */
static int count_in(struct memlane *m, const memlane_handle *h, int lane)
{
	int i, n = 0;

	for (i = 0; i < COLD; i += 2) {
		verify(m, h[i], i);
		n += memlane_lane(m, h[i]) == lane;
	}
	return n;
}

static void expect_left(struct memlane *m, const memlane_handle *h, int nr)
{
	struct memlane_counts n = stats(m).counts;

	expect_eq(count_in(m, h, MEMLANE_SLOW), nr);
	expect_eq(n.by_cause[MEMLANE_CAUSE_ROOM], nr);
	expect_eq(n.lane[MEMLANE_SLOW].migrated_in, nr);
	expect(n.by_cause[MEMLANE_CAUSE_COMPACT] > 0);
}

TEST(objects_leave_only_where_compaction_alone_does_not_reach_the_hole)
{
	static memlane_handle h[COLD];
	struct memlane *m = open_cold(h);

	expect_eq(memlane_compact(m, 1 << MEMLANE_FAST, 256 * KIB, NULL), 0);
	expect_left(m, h, 0);
	expect_eq(memlane_compact(m, 1 << MEMLANE_FAST, 900 * KIB, NULL), 0);
	expect_left(m, h, COLD / 2);
	memlane_close(m);
}

TEST(objects_leave_only_where_compaction_alone_does_not_reach_the_usage)
{
	static memlane_handle h[COLD];
	struct memlane *m = open_cold(h);

	expect_eq(memlane_compact_until(m, 1 << MEMLANE_FAST, 0, 0.7, NULL), 0);
	expect_left(m, h, 0);
	expect_eq(memlane_compact_until(m, 1 << MEMLANE_FAST, 0, 0.1, NULL), 0);
	expect_left(m, h, COLD / 2);
	memlane_close(m);
}

TEST(a_batch_tells_the_fate_of_each)
{
	struct memlane *m = open_quiet(), *other = open_quiet();
	memlane_handle h[6];
	int32_t result[6];
	struct memlane_step step = { .max_bytes = 0 };

	h[0] = must_alloc(m, 100);
	h[1] = must_alloc(m, 100);
	h[2] = must_alloc(other, 100);
	h[3] = must_alloc(m, 100);
	h[4] = h[0] + 5000;
	h[5] = must_alloc_in(m, 100, MEMLANE_IN_SLOW);
	expect(memlane_pin(m, h[1]) != NULL);
	expect_eq(memlane_free(m, h[3]), 0);
	expect_eq(memlane_migrate_batch(m, MEMLANE_SLOW, h, 6, result, &step), 4);
	expect_eq(result[0], 0);
	expect_eq(result[1], -EBUSY);
	expect_eq(result[2], -EXDEV);
	expect_eq(result[3], -ESTALE);
	expect_eq(result[4], -EBADF);
	expect_eq(result[5], 0);
	expect_eq(step.out_moved, 1);
	expect_eq(step.out_pinned, 1);
	expect_eq(memlane_migrate_batch(m, MEMLANE_SLOW, h, 0, NULL, NULL), 0);
	expect_eq(memlane_migrate_batch(m, 2, h, 6, NULL, NULL), -EINVAL);
	expect_eq(memlane_migrate_batch(m, -1, h, 6, NULL, NULL), -EINVAL);
	expect_eq(memlane_migrate_batch(m, MEMLANE_SLOW, h, (1 << 20) + 1, NULL, NULL), -EINVAL);
	expect_eq(memlane_migrate(m, h[0], 7), -EINVAL);
	memlane_close(other);
	memlane_close(m);
}

TEST(a_limited_batch_says_what_was_not_tried)
{
	struct memlane *m = open_quiet();
	memlane_handle h[3000];
	int32_t result[3000];
	struct memlane_step step = { .max_bytes = 10000 };
	int i, failed, again = 0;

	for (i = 0; i < 3000; i++) {
		h[i] = must_alloc(m, 100);
		fill(m, h[i], i);
	}
	failed = memlane_migrate_batch(m, MEMLANE_SLOW, h, 3000, result, &step);
	expect(failed > 2000 && failed < 3000);
	expect_eq(step.out_more, 1);
	for (i = 0; i < 3000; i++) {
		expect_eq(memlane_lane(m, h[i]), result[i] ? MEMLANE_FAST : MEMLANE_SLOW);
		again += result[i] == -EAGAIN;
		verify(m, h[i], i);
	}
	expect_eq(again, failed);
	expect_eq(memlane_migrate_batch(m, MEMLANE_SLOW, h, 3000, result, NULL), 0);
	memlane_close(m);
}

TEST(a_full_lane_takes_nothing_in)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h = 0;
	int i, err = 0;

	c.fast_lane_size = c.fast_lane_max = 64 * KIB;
	m = open_with(&c);
	for (i = 0; i < 100 && !err; i++) {
		h = must_alloc_in(m, 8192, MEMLANE_IN_SLOW);
		fill(m, h, i);
		err = memlane_migrate(m, h, MEMLANE_FAST);
	}
	expect_eq(err, -ENOSPC);
	expect_eq(memlane_lane(m, h), MEMLANE_SLOW);
	verify(m, h, i - 1);
	memlane_close(m);
}

/* Where the backend hands pages over, a blob's move copies nothing. */
TEST(blobs_move_without_copying_where_pages_are_handed_over)
{
	struct memlane_config c = quiet();
	struct memlane_step step = { .max_bytes = 0 };
	struct memlane *m;
	memlane_handle h;

	c.fast_lane_size = 16 * MIB;
	m = open_with(&c);
	if (!(memlane_capabilities(m) & MEMLANE_CAP_REMAP))
		skip("no MEMLANE_CAP_REMAP");
	h = must_alloc(m, 4 * MIB);
	fill(m, h, 3);
	expect_eq(memlane_migrate_batch(m, MEMLANE_FAST, &h, 1, NULL, &step), 0);
	expect_eq(step.out_remapped, 1);
	expect_eq(step.out_remapped_pages, 1024);
	expect_eq(step.out_moved_bytes, 0);
	verify(m, h, 3);
	memlane_close(m);
}

static void nothing(int signal)
{
	(void)signal;
}

/* How long a signal keeps this machine busy, in microseconds: emulated ones are slow. */
static unsigned int signal_cost(void)
{
	struct timespec from, to;
	int i;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < 1000; i++)
		expect_eq(raise(SIGALRM), 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec) / 1000000;
}

/*
 * As profilers do: a signal each few microseconds, to the thread that runs. Not so many that
 * nothing else is done.
 */
TEST(signals_do_not_stop_a_move)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct itimerval often, never = { { 0, 0 }, { 0, 0 } };
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h[200];
	unsigned int cost;
	int i, round;

	c.fast_lane_size = 256 * MIB;
	c.slow_lane_size = 256 * MIB;
	m = open_with(&c);
	for (i = 0; i < 200; i++) {
		h[i] = must_alloc(m, i % 10 ? 32768 : MIB);
		fill(m, h[i], i);
	}
	expect_eq(sigaction(SIGALRM, &sa, NULL), 0);
	cost = signal_cost();
	often.it_value.tv_sec = 0;
	often.it_value.tv_usec = 4 * cost > 40 ? 4 * cost : 40;
	often.it_interval = often.it_value;
	printf("# a signal each %ld us\n", (long)often.it_value.tv_usec);
	expect_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	for (round = 0; round < 20; round++) {
		expect_eq(memlane_migrate_batch(m, round & 1, h, 200, NULL, NULL), 0);
		expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	}
	expect_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	for (i = 0; i < 200; i++)
		verify(m, h[i], i);
	memlane_close(m);
}

TEST(maintenance_compacts_a_fragmented_lane)
{
	struct memlane *m = open_quiet();
	memlane_handle *h = populate(m);
	struct memlane_step step = { .max_bytes = 0 };
	uint64_t before;

	free_all_but(m, h, 20);
	expect_eq(memlane_thread_flush(m), 0);
	before = resident(m);
	expect_eq(memlane_maintain(m, &step), 0);
	expect(step.out_moved > 0);
	expect(resident(m) < before);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	verify_all(m, h);
	memlane_close(m);
	free(h);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CROWD = 40000 };
#else
enum { CROWD = 200000 };
#endif

/* Small objects in the FastLane; every fourth is to leave it. */
static struct memlane *open_crowded(memlane_handle *h)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	int i;

	c.age_interval = 0;
	c.fast_lane_size = 16 * MIB;
	m = open_with(&c);
	for (i = 0; i < CROWD; i++) {
		h[i] = must_alloc(m, 16);
		if (i % 4 == 0)
			expect_eq(memlane_set_hints(m, h[i], MEMLANE_HINT_COLD), 0);
	}
	return m;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * The walk over all handles goes on from cycle to cycle. Any of these may have been kept
 * off the processor for long: the one in the middle took its time and not a walk's. A
 * machine on which a cycle moves next to nothing gets longer ones.
 */
TEST(a_limited_cycle_over_many_handles_ends_early_and_tells_its_time)
{
	const uint64_t limit = 1000000;
	enum { MOST_CYCLES = 10000 };
	static memlane_handle h[CROWD];
	static uint64_t ns[MOST_CYCLES];
	struct memlane *m = open_crowded(h);
	struct memlane_step step;
	uint64_t moved = 0;
	int i, nr;

	for (nr = 0; !stats(m).counts.periods; nr++) {
		expect(nr < MOST_CYCLES);
		step = (struct memlane_step) { .max_ns = limit << nr / 1000 };
		expect_eq(memlane_maintain(m, &step), 0);
		expect(step.out_ns > 0);
		expect(step.out_more || stats(m).counts.periods);
		ns[nr] = step.out_ns;
		moved += step.out_moved;
	}
	qsort(ns, nr, sizeof(*ns), by_size);
	printf("# %d handles in %d cycles of %.3f ms, the longest %.3f; %llu moved\n", CROWD, nr,
	       ns[nr / 2] / 1e6, ns[nr - 1] / 1e6, (unsigned long long)moved);
	expect(nr > 1);
	expect(ns[nr / 2] < 100 * limit);
	expect(moved > 0);
	expect_eq(stats(m).counts.moved, moved);
	step = (struct memlane_step) { .max_ns = 0 };
	expect_eq(memlane_maintain(m, &step), 0);
	expect_eq(step.out_more, 0);
	for (i = 0; i < CROWD; i++)
		expect_eq(memlane_lane(m, h[i]), i % 4 ? MEMLANE_FAST : MEMLANE_SLOW);
	memlane_close(m);
}

struct loop {
	struct memlane *m;
	bool over;	/* atomic */
};

static void *compact_in_a_loop(void *arg)
{
	struct loop *l = arg;

	while (!__atomic_load_n(&l->over, __ATOMIC_RELAXED))
		expect_eq(memlane_compact(l->m, 0, 0, NULL), 0);
	return NULL;
}

/* A thread that has moved something and calls again waits for those that waited for it. */
TEST(a_loop_of_compactions_leaves_others_their_turn)
{
	struct loop l = { .m = open_quiet() };
	memlane_handle h[64];
	pthread_t t;
	int i;

	for (i = 0; i < 64; i++)
		h[i] = must_alloc(l.m, 100);
	start(&t, compact_in_a_loop, &l);
	for (i = 0; i < 512; i++) {
		usleep(100);
		expect_eq(memlane_migrate(l.m, h[i % 64], i / 64 % 2 ? MEMLANE_FAST : MEMLANE_SLOW), 0);
	}
	__atomic_store_n(&l.over, true, __ATOMIC_RELAXED);
	finish(t);
	memlane_close(l.m);
}
