// SPDX-License-Identifier: MIT
/* test-histogram.c - values whose steps and percentiles are known */
#include <string.h>

#include "../harness.h"
#include "histogram.h"

/* Each value is in one step, which ends no more than 1/16 above it. */
TEST(steps)
{
	uint64_t ns, end = 0;
	unsigned int step = 0;

	for (ns = 0; ns < 100000; ns++) {
		if (ns > end)
			step++;
		expect_eq(histogram_step(ns), step);
		end = histogram_end(step);
		expect(end >= ns && end - ns <= ns / 16);
	}
	for (ns = 1; ns; ns <<= 1) {
		expect_eq(histogram_end(histogram_step(ns - 1)), ns - 1);
		expect_eq(histogram_step(ns), histogram_step(ns - 1) + 1);
	}
	expect(histogram_step(UINT64_MAX) < HISTOGRAM_STEPS);
	expect_eq(histogram_end(histogram_step(UINT64_MAX)), UINT64_MAX);
}

TEST(one_value)
{
	static struct histogram h;

	histogram_add(&h, 1000);
	expect_eq(histogram_at(&h, 0), 1000);
	expect_eq(histogram_at(&h, 0.5), 1000);
	expect_eq(histogram_at(&h, 1), 1000);
}

/* 1 to 1000, and one far away. */
TEST(percentiles)
{
	static struct histogram h;
	uint64_t ns;

	for (ns = 1000; ns; ns--)
		histogram_add(&h, ns);
	expect_eq(h.total, 1000);
	expect_eq(histogram_at(&h, 0), 1);
	expect_eq(histogram_at(&h, 0.01), 11);
	expect_eq(histogram_at(&h, 0.5), histogram_end(histogram_step(501)));
	expect_eq(histogram_at(&h, 0.99), histogram_end(histogram_step(991)));
	expect_eq(histogram_at(&h, 1), 1000);
	histogram_add(&h, 5000000);
	expect_eq(histogram_at(&h, 0.99), histogram_end(histogram_step(991)));
	expect_eq(histogram_at(&h, 1), 5000000);
}
