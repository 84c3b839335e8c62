// SPDX-License-Identifier: MIT
/* test-thread.c - threads that come, share, move things and go */
#include <sys/syscall.h>

#include "api.h"

static struct memlane *m;

/* A box in which threads hand objects to each other. */
enum { BOX = 512 };
static memlane_handle box[BOX];
static bool stop;

/* An object's bytes follow from its own handle: who takes it out can verify them. */
static void *trade(void *arg)
{
	unsigned long long seed = harness_seed() + (uintptr_t)arg * 2;
	memlane_handle h;
	int i;

	for (i = 0; i < 20000; i++) {
		h = must_alloc(m, 8 + rng_next(&seed) % 1500);
		fill(m, h, h);
		h = __atomic_exchange_n(&box[rng_next(&seed) % BOX], h, __ATOMIC_ACQ_REL);
		if (h) {
			verify(m, h, h);
			expect_eq(memlane_free(m, h), 0);
		}
	}
	return NULL;
}

static void *keep_moving(void *arg)
{
	unsigned long long seed = harness_seed() + 98;
	memlane_handle some[64];
	int i;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		for (i = 0; i < 64; i++)
			some[i] = __atomic_load_n(&box[rng_next(&seed) % BOX], __ATOMIC_ACQUIRE);
		expect(memlane_migrate_batch(m, rng_next(&seed) & 1, some, 64, NULL, NULL) >= 0);
		expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	}
	return arg;
}

static void empty_box(void)
{
	int i;

	for (i = 0; i < BOX; i++)
		if (box[i]) {
			verify(m, box[i], box[i]);
			expect_eq(memlane_free(m, box[i]), 0);
		}
}

TEST(objects_pass_between_threads_while_everything_moves)
{
	pthread_t t[4], mover;
	struct memlane_stats st;
	uintptr_t i;

	m = open_quiet();
	harness_seed();
	start(&mover, keep_moving, NULL);
	for (i = 0; i < 4; i++)
		start(&t[i], trade, (void *)i);
	for (i = 0; i < 4; i++)
		finish(t[i]);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	finish(mover);
	empty_box();
	st = stats(m);
	printf("# moved %llu, vetoed %llu, waited %llu, given up %llu\n",
	       (unsigned long long)st.counts.moved, (unsigned long long)st.vetoes,
	       (unsigned long long)st.waits, (unsigned long long)st.counts.given_up);
	expect_eq(st.allocs, 80000);
	expect_eq(st.live_objects, 0);
	expect_eq(st.live_bytes, 0);
	expect(st.counts.moved > 0);
	memlane_close(m);
}

/* ------------------------------------------------------- dense, with other threads or without */

enum { CROWD = 8, KINDS = 6, KEEP = 2000, PINNED = 4 };

/* Classes whose places fill their spans to the last byte. */
static const unsigned int kind[KINDS] = { 64, 128, 256, 512, 1024, 4096 };
static const unsigned int lane[] = { MEMLANE_IN_FAST, MEMLANE_IN_SLOW };
static uint64_t span_bytes[KINDS];
static pthread_barrier_t parked;
static int through;

static void measure_spans(void)
{
	const struct memlane_lane_stat *l;
	struct memlane_stats st;
	uint64_t was = 0;
	int i;

	for (i = 0; i < KINDS; i++) {
		must_alloc_in(m, kind[i], MEMLANE_IN_SLOW);
		st = stats(m);
		l = &st.counts.lane[MEMLANE_SLOW];
		expect_eq(l->spans, i + 1);
		span_bytes[i] = l->block_used - was;
		expect_eq(span_bytes[i] % kind[i], 0);
		was = l->block_used;
	}
}

/* Leaves one object in eight, and with them the stock of its magazines. */
static void *crowd(void *arg)
{
	unsigned long long seed = harness_seed() + (uintptr_t)arg * 2;
	memlane_handle h[KEEP] = { };
	int i, k;

	for (i = 0; i < 3 * KEEP; i++) {
		k = rng_next(&seed) % KEEP;
		if (h[k])
			expect_eq(memlane_free(m, h[k]), 0);
		h[k] = h[k] ? 0 : must_alloc_in(m, kind[rng_next(&seed) % KINDS], lane[k % 2]);
	}
	for (k = 0; k < KEEP; k++)
		if (h[k] && k / 2 % 8)
			expect_eq(memlane_free(m, h[k]), 0);
	__atomic_add_fetch(&through, 1, __ATOMIC_ACQ_REL);
	pthread_barrier_wait(&parked);
	pthread_barrier_wait(&parked);
	return NULL;
}

/* One part-filled span of a class at most, and those that hold something pinned. */
static void expect_dense(const struct memlane_lane_stat *l)
{
	uint64_t may = PINNED * span_bytes[0];
	int i;

	for (i = 0; i < KINDS; i++)
		may += span_bytes[i];
	printf("# %llu bytes of spans are free, %llu may be\n",
	       (unsigned long long)(l->block_used - l->bound), (unsigned long long)may);
	expect(l->block_used - l->bound < may);
}

/* With a limit, however high, it takes no stock: see a_thread_that_sleeps_has_no_stock. */
static void compact_around_stock(void)
{
	struct memlane_step step = { .max_ns = 100000000000ULL };

	expect_eq(memlane_compact(m, 0, 0, &step), 0);
}

TEST(compaction_is_dense_though_magazines_are_full)
{
	struct memlane_stats st;
	pthread_t t[CROWD];
	uintptr_t i;

	m = open_quiet();
	harness_seed();
	measure_spans();
	through = 0;
	expect_eq(pthread_barrier_init(&parked, NULL, CROWD + 1), 0);
	for (i = 0; i < CROWD; i++)
		start(&t[i], crowd, (void *)i);
	for (i = 0; i < PINNED; i++)
		expect(memlane_pin(m, must_alloc_in(m, kind[0], lane[i % 2])) != NULL);
	while (__atomic_load_n(&through, __ATOMIC_ACQUIRE) < CROWD)
		compact_around_stock();
	pthread_barrier_wait(&parked);
	compact_around_stock();
	st = stats(m);
	printf("# %llu objects, %llu in stock\n", (unsigned long long)st.live_objects,
	       (unsigned long long)(st.counts.handles - st.live_objects));
	expect(st.counts.handles > st.live_objects + CROWD * KINDS);
	for (i = 0; i < MEMLANE_LANES; i++)
		expect_dense(&st.counts.lane[i]);
	pthread_barrier_wait(&parked);
	for (i = 0; i < CROWD; i++)
		finish(t[i]);
	memlane_close(m);
}

static void *use_and_end(void *arg)
{
	memlane_handle h = must_alloc(m, 100);

	fill(m, h, 1);
	expect_eq(memlane_free(m, must_alloc(m, 50)), 0);
	*(memlane_handle *)arg = h;
	return NULL;
}

TEST(a_thread_that_ends_gives_its_stock_back)
{
	memlane_handle h[50];
	pthread_t t;
	int i;

	m = open_quiet();
	for (i = 0; i < 50; i++) {
		start(&t, use_and_end, &h[i]);
		finish(t);
	}
	expect_eq(stats(m).counts.slots, 0);
	expect_eq(stats(m).counts.handles, 50);
	expect_eq(stats(m).allocs, 100);
	expect_eq(stats(m).frees, 50);
	expect_eq(stats(m).live_bytes, 5000);
	for (i = 0; i < 50; i++)
		verify(m, h[i], 1);
	memlane_close(m);
}

TEST(leaving_and_flushing_give_stock_back)
{
	memlane_handle h;

	m = open_quiet();
	expect_eq(memlane_thread_leave(m), 0);
	h = must_alloc(m, 100);
	expect(stats(m).counts.handles > 1);
	expect_eq(memlane_thread_flush(m), 0);
	expect_eq(stats(m).counts.handles, 1);
	expect_eq(stats(m).counts.slots, 1);
	expect_eq(memlane_thread_leave(m), 0);
	expect_eq(stats(m).counts.slots, 0);
	expect_eq(stats(m).live_objects, 1);
	expect_eq(memlane_free(m, h), 0);
	expect_eq(stats(m).counts.slots, 1);
	memlane_close(m);
}

static pthread_barrier_t both;

static void *join_late(void *arg)
{
	*(int *)arg = memlane_thread_join(m);
	return NULL;
}

/* ------------------------------------------------------- those who sleep */

#define A_SIZE_OF_EACH_CLASS(s) ((s) = 16; (s) <= MEMLANE_BLOCK_MAX; (s) += (s) < 128 ? 16 : (s) / 8)

struct sleeper {
	struct memlane *m;
	pthread_barrier_t gate;
};

/* Stock of each class in both lanes. */
static void make_and_free(struct memlane *m)
{
	struct memlane_alloc_opts opts = { 0 };
	memlane_handle h[64];
	uint64_t size, i;
	int lane;

	for A_SIZE_OF_EACH_CLASS(size)
		for (lane = 0; lane < MEMLANE_LANES; lane++) {
			opts.lane = lane ? MEMLANE_IN_SLOW : MEMLANE_IN_FAST;
			for (i = 0; i < 64 && i * size < 256 * KIB; i++) {
				expect_eq(memlane_alloc_with(m, size, &opts, &h[i]), 0);
				fill(m, h[i], i);
			}
			while (i--) {
				verify(m, h[i], i);
				expect_eq(memlane_free(m, h[i]), 0);
			}
		}
}

static void *sleeper(void *arg)
{
	struct sleeper *s = arg;

	expect_eq(memlane_thread_join(s->m), 0);
	make_and_free(s->m);
	pthread_barrier_wait(&s->gate);	/* it sleeps from here */
	pthread_barrier_wait(&s->gate);	/* until here */
	make_and_free(s->m);
	return NULL;
}

static uint64_t lanes_used(struct memlane *m)
{
	struct memlane_counts c = stats(m).counts;

	return c.lane[MEMLANE_FAST].used + c.lane[MEMLANE_SLOW].used;
}

TEST(a_thread_that_sleeps_has_no_stock)
{
	struct sleeper s = { .m = open_quiet() };
	pthread_t t;

	pthread_barrier_init(&s.gate, NULL, 2);
	start(&t, sleeper, &s);
	pthread_barrier_wait(&s.gate);
	expect(lanes_used(s.m) > MIB);
	expect(stats(s.m).counts.handles > 100);
	expect_eq(memlane_maintain(s.m, NULL), 0);
	expect_eq(memlane_compact(s.m, 0, 0, NULL), 0);
	expect_eq(lanes_used(s.m), 0);
	expect_eq(stats(s.m).counts.handles, 0);
	expect_eq(stats(s.m).counts.purged, 0);
	pthread_barrier_wait(&s.gate);
	finish(t);
	expect_eq(memlane_compact(s.m, 0, 0, NULL), 0);
	expect_eq(lanes_used(s.m), 0);
	memlane_close(s.m);
	pthread_barrier_destroy(&s.gate);
}

/* What others have in stock is no reason to refuse an object. */
TEST(stock_of_others_is_no_reason)
{
	struct memlane_config c = quiet();
	struct sleeper s;
	memlane_handle h;
	pthread_t t;

	c.fast_lane_size = c.fast_lane_max = 16 * MIB;
	c.slow_lane_size = c.slow_lane_max = 16 * MIB;
	s.m = open_with(&c);
	pthread_barrier_init(&s.gate, NULL, 2);
	start(&t, sleeper, &s);
	pthread_barrier_wait(&s.gate);
	h = must_alloc_in(s.m, 15 * MIB, MEMLANE_IN_FAST);
	expect_eq(memlane_free(s.m, h), 0);
	h = must_alloc_in(s.m, 14 * MIB, MEMLANE_IN_SLOW);
	expect_eq(memlane_free(s.m, h), 0);
	pthread_barrier_wait(&s.gate);
	finish(t);
	memlane_close(s.m);
	pthread_barrier_destroy(&s.gate);
}

/* It wakes while its stock is taken, and sleeps again. */
static void *wake_and_sleep(void *arg)
{
	struct memlane *m = arg;
	unsigned long long seed = harness_seed();
	memlane_handle h[8];
	int round, i, nr;

	expect_eq(memlane_thread_join(m), 0);
	for (round = 0; round < 3000; round++) {
		nr = 1 + below(&seed, 8);
		for (i = 0; i < nr; i++) {
			h[i] = must_alloc(m, 16 + below(&seed, 300));
			fill(m, h[i], h[i]);
		}
		if (below(&seed, 4) == 0)
			sched_yield();
		while (nr--) {
			verify(m, h[nr], h[nr]);
			expect_eq(memlane_free(m, h[nr]), 0);
		}
	}
	return NULL;
}

TEST(stock_is_taken_while_its_thread_wakes)
{
	struct memlane *m = open_quiet();
	pthread_t t[2];
	int i;

	harness_seed();	/* before others ask for it */
	for (i = 0; i < 2; i++)
		start(&t[i], wake_and_sleep, m);
	for (i = 0; i < 2000; i++)
		expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	for (i = 0; i < 2; i++)
		finish(t[i]);
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	expect_eq(lanes_used(m), 0);
	memlane_close(m);
}

TEST(too_many_threads_are_told_so)
{
	struct memlane_config c = quiet();
	pthread_t t;
	int result;

	c.max_threads = 1;
	m = open_with(&c);
	expect_eq(memlane_thread_join(m), 0);
	expect_eq(memlane_thread_join(m), 0);
	start(&t, join_late, &result);
	finish(t);
	expect_eq(result, -EUSERS);
	expect_eq(memlane_thread_leave(m), 0);
	start(&t, join_late, &result);
	finish(t);
	expect_eq(result, 0);
	expect_eq(memlane_free(m, must_alloc(m, 10)), 0);
	memlane_close(m);
}

static void *outlive(void *arg)
{
	memlane_handle h = must_alloc(m, 100);
	struct memlane *own;

	fill(m, h, 1);
	pthread_barrier_wait(&both);
	pthread_barrier_wait(&both);
	/* The arena is gone; another one must not be taken for it. */
	own = open_quiet();
	expect_eq(memlane_exit(own), -EINVAL);
	h = must_alloc(own, 100);
	fill(own, h, 2);
	verify(own, h, 2);
	memlane_close(own);
	return arg;
}

TEST(an_arena_may_be_closed_before_its_threads_end)
{
	pthread_t t;
	int i;

	pthread_barrier_init(&both, NULL, 2);
	for (i = 0; i < 20; i++) {
		m = open_quiet();
		start(&t, outlive, NULL);
		pthread_barrier_wait(&both);
		memlane_close(m);
		pthread_barrier_wait(&both);
		finish(t);
	}
}

enum { ROUNDS = 200 };
static pthread_barrier_t all;
static struct memlane *lasting[2];
static int closed;	/* arenas so far; atomic */

/* At each change from one arena to another, what is left of closed ones is freed. */
static void *change(void *arg)
{
	int round, i;

	for (round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&all);
		expect_eq(memlane_thread_join(m), 0);
		pthread_barrier_wait(&all);
		for (i = 0; __atomic_load_n(&closed, __ATOMIC_ACQUIRE) == round; i++) {
			expect_eq(memlane_enter(lasting[i & 1]), 0);
			expect_eq(memlane_exit(lasting[i & 1]), 0);
			expect_eq(memlane_exit(lasting[~i & 1]), -EINVAL);
		}
	}
	return arg;
}

TEST(an_arena_is_closed_while_its_threads_use_others)
{
	pthread_t t[3];
	int i, round;

	pthread_barrier_init(&all, NULL, 4);
	lasting[0] = open_quiet();
	lasting[1] = open_quiet();
	for (i = 0; i < 3; i++)
		start(&t[i], change, NULL);
	for (round = 0; round < ROUNDS; round++) {
		m = open_quiet();
		pthread_barrier_wait(&all);
		pthread_barrier_wait(&all);
		memlane_close(m);
		__atomic_store_n(&closed, round + 1, __ATOMIC_RELEASE);
	}
	for (i = 0; i < 3; i++)
		finish(t[i]);
	memlane_close(lasting[0]);
	memlane_close(lasting[1]);
}

static void *come_and_go(void *arg)
{
	int i;

	for (i = 0; i < 300; i++) {
		expect_eq(memlane_free(m, must_alloc(m, 64 + i)), 0);
		if (i % 3 == 0)
			expect_eq(memlane_thread_leave(m), 0);
	}
	return arg;
}

TEST(threads_may_join_and_leave_all_the_time)
{
	pthread_t t[8];
	int i, round;

	m = open_quiet();
	for (round = 0; round < 10; round++) {
		for (i = 0; i < 8; i++)
			start(&t[i], come_and_go, NULL);
		for (i = 0; i < 8; i++)
			finish(t[i]);
	}
	expect_eq(stats(m).counts.slots, 0);
	expect_eq(stats(m).counts.handles, 0);
	expect_eq(stats(m).allocs, 10 * 8 * 300);
	memlane_close(m);
}

/* Ends without running any destructor, inside a section, with stock. */
static void *die(void *arg)
{
	memlane_handle h = must_alloc(m, 100);

	*(memlane_handle *)arg = h;
	fill(m, h, 3);
	memlane_enter(m);
	pthread_barrier_wait(&both);
	syscall(SYS_exit, 0);
	return NULL;
}

TEST(a_dead_threads_slot_is_taken_back)
{
	memlane_handle h;
	pthread_t t;
	int i;

	m = open_quiet();
	if (!(memlane_capabilities(m) & MEMLANE_CAP_REAP))
		skip("no MEMLANE_CAP_REAP");
	pthread_barrier_init(&both, NULL, 2);
	start(&t, die, &h);
	pthread_barrier_wait(&both);
	for (i = 0; i < 200 && !stats(m).counts.slots_reaped; i++) {
		usleep(10000);
		expect_eq(memlane_maintain(m, NULL), 0);
	}
	expect_eq(stats(m).counts.slots_reaped, 1);
	expect_eq(stats(m).counts.slots, 0);
	expect_eq(stats(m).counts.handles, 1);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), 0);
	verify(m, h, 3);
	memlane_close(m);
}

/* The same with scratch, which is not its stack's to give back. */
static void *die_with_scratch(void *arg)
{
	int i;

#ifndef __SANITIZE_THREAD__	/* which cannot know that the thread is dead */
	expect(memlane_frame_begin(m).at);
#endif
	for (i = 0; i < 100; i++)
		must_alloc(m, 100);
	pthread_barrier_wait(&both);
	syscall(SYS_exit, 0);
	return arg;
}

static void *make_ten(void *arg)
{
	int i;

	for (i = 0; i < 10; i++)
		must_alloc(m, 100);
	pthread_barrier_wait(&both);
	pthread_barrier_wait(&both);
	return arg;
}

TEST(a_slot_that_is_used_again_counts_once)
{
	uint64_t had;
	pthread_t t;
	int i;

	m = open_quiet();
	pthread_barrier_init(&both, NULL, 2);
	start(&t, die_with_scratch, NULL);
	pthread_barrier_wait(&both);
	for (i = 0; i < 200 && !stats(m).counts.slots_reaped; i++) {
		usleep(10000);
		expect_eq(memlane_maintain(m, NULL), 0);
	}
	expect_eq(stats(m).counts.slots_reaped, 1);
	had = stats(m).live_objects;
	expect(had == 100 || had == 101);
	start(&t, make_ten, NULL);
	pthread_barrier_wait(&both);
	expect_eq(stats(m).counts.slots, 1);
	expect_eq(stats(m).allocs, had + 10);
	expect_eq(stats(m).live_objects, 110);
	expect_eq(stats(m).live_bytes, 11000);
	pthread_barrier_wait(&both);
	finish(t);
	memlane_close(m);
}
