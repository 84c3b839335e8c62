// SPDX-License-Identifier: MIT
/* test-bytes.c - what stays of memory when objects and threads have gone: counted, so that nothing else matters */
#include "api.h"

static uint64_t lanes_used(struct memlane *m)
{
	struct memlane_stats st = stats(m);

	return st.counts.lane[MEMLANE_FAST].used + st.counts.lane[MEMLANE_SLOW].used;
}

/* Nothing that could go is kept. */
static void tidy(struct memlane *m)
{
	expect_eq(memlane_thread_flush(m), 0);
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	expect_eq(memlane_maintain(m, NULL), 0);
}

/* Lanes take at most @permille of what is live; the rest of an arena is its tables. */
static void expect_lanes(struct memlane *m, uint64_t live, uint64_t permille)
{
	uint64_t used = lanes_used(m);

	printf("# lanes take %llu permille of %llu live bytes, tables %llu\n",
	       (unsigned long long)(used * 1000 / live), (unsigned long long)live,
	       (unsigned long long)stats(m).counts.metadata);
	expect(used * 1000 <= live * permille);
}

/*
 * Today's figure, and its bound: who makes an object cheaper lowers it. In the process the
 * addresses of pin words count, 4 bytes an object: nobody tells the engine of their pages.
 */
TEST(an_object_takes_31_bytes_of_tables)
{
	enum { OBJECTS = 200000 };
	struct memlane *m = open_quiet();
	uint64_t most = memlane_capabilities(m) & MEMLANE_CAP_MODULE ? 285 : 325;
	uint64_t before = stats(m).counts.metadata, each;
	int i;

	for (i = 0; i < OBJECTS; i++)
		must_alloc(m, 48);
	each = (stats(m).counts.metadata - before) * 10 / OBJECTS;
	printf("# %llu.%llu bytes an object\n", (unsigned long long)each / 10, (unsigned long long)each % 10);
	expect(each <= most);
	memlane_close(m);
}

TEST(every_other_object_gone_leaves_full_spans)
{
	enum { OBJECTS = 20000 };
	static memlane_handle h[OBJECTS];
	struct memlane *m = open_quiet();
	uint64_t live = 0;
	int i, size;

	for (i = 0; i < OBJECTS; i++) {
		size = 380 + i * 7 % 41;
		h[i] = must_alloc(m, size);
		live += i & 1 ? size : 0;
	}
	for (i = 0; i < OBJECTS; i += 2)
		expect_eq(memlane_free(m, h[i]), 0);
	tidy(m);
	expect_lanes(m, live, 1080);	/* of 100000: 1044 */
	memlane_close(m);
}

TEST(small_objects_that_went_leave_no_span)
{
	enum { LARGE = 200, SMALL = 10000 };
	static memlane_handle h[SMALL];
	struct memlane *m = open_quiet();
	int i;

	for (i = 0; i < LARGE; i++)
		must_alloc(m, 32288);
	for (i = 0; i < SMALL; i++)
		h[i] = must_alloc(m, 3584);
	for (i = 0; i < SMALL; i++)
		expect_eq(memlane_free(m, h[i]), 0);
	tidy(m);
	expect_lanes(m, LARGE * 32288ULL, 1030);
	memlane_close(m);
}

static struct memlane *shared;

/* Has stock of many sizes when it ends. */
static void *make_and_free(void *gate)
{
	memlane_handle h[40];
	int size, i;

	if (gate)
		pthread_barrier_wait(gate);
	for (size = 16; size <= 4096; size *= 2) {
		for (i = 0; i < 40; i++)
			h[i] = must_alloc(shared, size);
		for (i = 0; i < 40; i++)
			expect_eq(memlane_free(shared, h[i]), 0);
	}
	if (gate)
		pthread_barrier_wait(gate);
	return NULL;
}

static void run_threads(int nr, pthread_barrier_t *gate)
{
	static pthread_t t[64];
	int i;

	for (i = 0; i < nr; i++)
		expect_eq(pthread_create(&t[i], NULL, make_and_free, gate), 0);
	for (i = 0; i < nr; i++)
		expect_eq(pthread_join(t[i], NULL), 0);
	tidy(shared);
}

/* A thousand: less than 100 KiB together. Here are a hundred, which take turns. */
TEST(threads_that_have_ended_leave_next_to_nothing)
{
	uint64_t before;
	int i;

	shared = open_quiet();
	run_threads(1, NULL);
	before = stats(shared).counts.metadata + lanes_used(shared);
	for (i = 0; i < 100; i++)
		run_threads(1, NULL);
	expect(stats(shared).counts.metadata + lanes_used(shared) < before + 10 * KIB);
	expect_eq(stats(shared).counts.handles, 0);
	memlane_close(shared);
}

/* Of those that were there at the same time one page each stays, for the next ones; no magazine does. */
TEST(threads_that_were_many_leave_no_magazines)
{
	enum { THREADS = 32 };
	pthread_barrier_t gate;
	uint64_t before;

	shared = open_quiet();
	run_threads(1, NULL);
	before = stats(shared).counts.metadata;
	pthread_barrier_init(&gate, NULL, THREADS);
	run_threads(THREADS, &gate);
	pthread_barrier_destroy(&gate);
	/* Their indices were 32 times as many, too. */
	expect(stats(shared).counts.metadata < before + THREADS * 8 * KIB + 32 * stats(shared).counts.indices);
	expect_eq(stats(shared).counts.slots, 1);
	memlane_close(shared);
}
