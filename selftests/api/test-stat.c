// SPDX-License-Identifier: MIT
/* test-stat.c - counters agree with what was done */
#include <stddef.h>

#include "api.h"

TEST(objects_and_bytes_are_counted_exactly)
{
	struct memlane *m = open_quiet();
	memlane_handle h[500];
	struct memlane_stats st;
	uint64_t bytes = 0;
	int i;

	for (i = 0; i < 500; i++) {
		h[i] = must_alloc(m, 1 + i * 97);
		bytes += 1 + i * 97;
	}
	st = stats(m);
	expect_eq(st.allocs, 500);
	expect_eq(st.live_objects, 500);
	expect_eq(st.alloc_bytes, bytes);
	expect_eq(st.live_bytes, bytes);
	expect(st.counts.lane[0].bound + st.counts.lane[1].bound >= bytes);
	for (i = 0; i < 500; i += 2) {
		bytes -= memlane_size(m, h[i]);
		expect_eq(memlane_free(m, h[i]), 0);
	}
	st = stats(m);
	expect_eq(st.frees, 250);
	expect_eq(st.live_objects, 250);
	expect_eq(st.live_bytes, bytes);
	expect_eq(memlane_thread_flush(m), 0);
	st = stats(m);
	expect_eq(st.counts.handles, 250);
	expect_eq(st.counts.lane[0].objects + st.counts.lane[1].objects, 250);
	memlane_close(m);
}

TEST(the_page_tells_what_the_engine_does)
{
	struct memlane *m = open_quiet();
	struct memlane_stats page = { .size = sizeof(page) }, exact;
	int i;

	for (i = 0; i < 1000; i++)
		fill(m, must_alloc(m, 500), i);
	exact = stats(m);
	expect_eq(memlane_stat(m, &page), 0);
	expect_eq(page.allocs, exact.allocs);
	expect_eq(page.live_bytes, exact.live_bytes);
	expect_eq(page.counts.handles, exact.counts.handles);
	expect_eq(page.counts.lane[0].used, exact.counts.lane[0].used);
	expect_eq(page.counts.refills, exact.counts.refills);
	memlane_close(m);
}

TEST(resident_pages_are_those_touched)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 4 * MIB);
	char *p;

	expect_eq(stats(m).counts.lane[MEMLANE_SLOW].resident, 0);
	p = memlane_pin(m, h);
	memset(p, 1, MIB);
	expect_eq(stats(m).counts.lane[MEMLANE_SLOW].resident, MIB);
	memset(p, 2, 4 * MIB);
	expect_eq(stats(m).counts.lane[MEMLANE_SLOW].resident, 4 * MIB);
	expect_eq(memlane_unpin(m, h), 0);
	expect_eq(memlane_free(m, h), 0);
	expect_eq(stats(m).counts.lane[MEMLANE_SLOW].resident, 0);
	expect_eq(stats(m).counts.pages_returned, 1024);
	memlane_close(m);
}

/* A large object that was hardly touched costs its touched pages, wherever it goes. */
TEST(a_move_makes_no_memory_of_what_was_never_touched)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h;
	char *p;
	int lane;

	c.fast_lane_size = 8UL << 30;
	c.slow_lane_size = 8UL << 30;
	m = open_with(&c);
	h = must_alloc(m, 4UL << 30);
	p = memlane_pin(m, h);
	expect(p != NULL);
	memset(p + (1UL << 30), 7, 64 * KIB);
	expect_eq(memlane_unpin(m, h), 0);
	for (lane = 0; lane < 2; lane++) {
		expect_eq(memlane_migrate(m, h, lane), 0);
		expect_eq(stats(m).counts.lane[lane].resident, 64 * KIB);
		expect_eq(stats(m).counts.lane[!lane].resident, 0);
	}
	p = memlane_pin(m, h);
	expect_eq(p[(1UL << 30) - 1], 0);
	expect_eq(p[1UL << 30], 7);
	expect_eq(p[(1UL << 30) + 64 * KIB - 1], 7);
	memlane_close(m);
}

TEST(metadata_stays_within_its_budget)
{
	enum { N = 400000 };
	struct memlane *m = open_quiet();
	struct memlane_stats st;
	int i;

	for (i = 0; i < N; i++)
		must_alloc(m, 64);
	st = stats(m);
	printf("# %.1f bytes of metadata an object\n", (double)st.counts.metadata / N);
	expect(st.counts.metadata <= 32ULL * N);
	memlane_close(m);
}

TEST(older_and_newer_callers_get_their_part)
{
	struct memlane *m = open_quiet();
	struct {
		struct memlane_stats st;
		char tail[64];
	} big;
	struct memlane_stats st;

	must_alloc(m, 100);
	memset(&big, 0xa5, sizeof(big));
	big.st.size = sizeof(big);
	big.st.flags = 0;
	expect_eq(memlane_stat(m, &big.st), 0);
	expect_eq(big.st.allocs, 1);
	expect_eq(big.st.size, sizeof(big));
	expect_eq(big.tail[0], 0);
	expect_eq(big.tail[63], 0);
	memset(&st, 0xa5, sizeof(st));
	st.size = offsetof(struct memlane_stats, counts);
	st.flags = MEMLANE_STAT_EXACT;
	expect_eq(memlane_stat(m, &st), 0);
	expect_eq(st.allocs, 1);
	expect_eq(st.counts.ioctls, 0xa5a5a5a5a5a5a5a5ULL);
	st.size = 8;
	expect_eq(memlane_stat(m, &st), -EINVAL);
	st.size = sizeof(st);
	st.flags = 2;
	expect_eq(memlane_stat(m, &st), -EOPNOTSUPP);
	memlane_close(m);
}
