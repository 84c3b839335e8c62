// SPDX-License-Identifier: MIT
/* test-decay.c - pages that are freed are used again, and go back a while later */
#include <sys/resource.h>

#include "api.h"

static uint64_t resident(struct memlane *m)
{
	struct memlane_counts n = stats(m).counts;

	return n.lane[MEMLANE_FAST].resident + n.lane[MEMLANE_SLOW].resident;
}

/* Both lanes have room, so that no limit makes anything go. */
static struct memlane *open_decaying(double seconds)
{
	struct memlane_config c;
	struct memlane *m;

	memlane_config_init(&c);
	c.fast_lane_size = c.slow_lane_size = 256 * MIB;
	c.decay = seconds;
	m = open_with(&c);
	return m;
}

static void flushed(struct memlane *m)
{
	expect_eq(memlane_thread_flush(m), 0);
}

enum { N = 10000, SIZE = 3500 };

static void make_and_free(struct memlane *m)
{
	static memlane_handle h[N];
	int i;

	for (i = 0; i < N; i++)
		fill(m, h[i] = must_alloc(m, SIZE), i);
	for (i = 0; i < N; i++)
		expect_eq(memlane_free(m, h[i]), 0);
	flushed(m);
}

TEST(what_is_freed_stays_for_a_while)
{
	struct memlane *m = open_decaying(3600);
	struct memlane_step step = { .max_ns = 0 };

	make_and_free(m);
	expect(resident(m) >= (uint64_t)N * SIZE);
	expect(stats(m).counts.lane[MEMLANE_FAST].used < MIB);
	expect_eq(memlane_compact(m, 0, 0, &step), 0);
	expect(step.out_pages_returned >= (uint64_t)N * SIZE / 4096);
	expect_eq(resident(m), 0);
	memlane_close(m);
}

/* A slow machine only waits for longer. */
TEST(it_goes_by_itself)
{
	struct memlane *m = open_decaying(0.05);
	int tries;

	make_and_free(m);
	for (tries = 0; tries < 2000 && resident(m) > 2 * MIB; tries++)
		usleep(10000);
	expect(resident(m) <= 2 * MIB);
	memlane_close(m);
}

/* Without background maintenance nobody would give them back. */
TEST(nothing_stays_without_maintenance)
{
	struct memlane *m = open_quiet();
	uint64_t ns = 1;

	expect_eq(memlane_get_option(m, MEMLANE_OPT_DECAY, &ns), 0);
	expect_eq(ns, 0);
	make_and_free(m);
	expect(resident(m) <= 2 * MIB);
	memlane_close(m);
}

TEST(the_time_is_an_option)
{
	struct memlane *m = open_decaying(1);
	struct memlane_config c;
	uint64_t ns = 0;

	expect_eq(memlane_get_option(m, MEMLANE_OPT_DECAY, &ns), 0);
	expect_eq(ns, 1000000000);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_DECAY, 3600000000000), 0);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_DECAY, 3600000000001), -EINVAL);
	make_and_free(m);
	expect(resident(m) >= (uint64_t)N * SIZE);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_DECAY, 0), 0);
	expect(resident(m) <= 2 * MIB);
	memlane_close(m);
	memlane_config_init(&c);
	c.decay = -1;
	expect(strstr(memlane_config_check(&c), "decay"));
	c.decay = 3601;
	expect(strstr(memlane_config_check(&c), "decay"));
}

static long faults(void)
{
	struct rusage u;

	expect_eq(getrusage(RUSAGE_SELF, &u), 0);
	return u.ru_minflt;
}

static void churn(struct memlane *m, uint64_t size, int rounds)
{
	memlane_handle h;

	while (rounds--) {
		h = must_alloc(m, size);
		expect_eq(memlane_enter(m), 0);
		memset(memlane_get(m, h), 1, size);
		expect_eq(memlane_exit(m), 0);
		expect_eq(memlane_free(m, h), 0);
	}
}

/* A large object made of pages that another one left takes no fault. */
TEST(pages_are_used_again_without_faults)
{
	struct memlane *m = open_decaying(3600);
	uint64_t returned, size, pages = 0;
	long before;

	churn(m, 256 * KIB, 10);
	returned = stats(m).counts.pages_returned;
	before = faults();
	for (size = 40 * KIB; size <= 256 * KIB; size += 24 * KIB) {
		churn(m, size, 100);
		pages += 100 * size / 4096;
	}
	printf("# %ld faults, %llu pages returned\n", faults() - before,
	       (unsigned long long)(stats(m).counts.pages_returned - returned));
	/* Some are the program's own: a sanitizer's more. */
	expect((uint64_t)(faults() - before) < pages / 100);
	expect_eq(stats(m).counts.pages_returned, returned);
	memlane_close(m);
}

/* Bytes that are asked for cleared are, whatever was there before. */
TEST(cleared_bytes_are_cleared)
{
	struct memlane_alloc_opts zero = { .flags = MEMLANE_ZERO };
	struct memlane *m = open_decaying(3600);
	const unsigned char *p;
	memlane_handle h;
	uint64_t size, i;

	for (size = 16; size <= MIB; size *= 4) {
		churn(m, size, 3);
		expect_eq(memlane_alloc_with(m, size, &zero, &h), 0);
		expect_eq(memlane_enter(m), 0);
		p = memlane_get(m, h);
		for (i = 0; i < size; i++)
			expect(!p[i]);
		expect_eq(memlane_exit(m), 0);
	}
	memlane_close(m);
}
