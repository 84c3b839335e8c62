// SPDX-License-Identifier: MIT
/* test-names.c - ranges of indices for arenas that share a cookie */
#include "ktap.h"
#include "names.h"

#define LAST	((1ULL << 32) - 512)

static struct ml_names names;

/* Arenas that are open together have ranges behind each other, of whole pages. */
static void ranges_do_not_meet(void)
{
	u32 a, b, c;

	names = (struct ml_names){ };
	a = ml_names_take(&names, 1, 1000);
	b = ml_names_take(&names, 1, 1);
	c = ml_names_take(&names, 1, 512);
	expect_eq(a, 0);
	expect_eq(b, 1024);
	expect_eq(c, 1536);
	expect_eq(ml_names_take(&names, MEMLANE_COOKIE_MAX, 7), 0);
	expect_eq(ml_names_take(&names, 1, 1), 2048);
}

/* What was not used is the next one's, what was used is nobody's. */
static void the_rest_is_given_back(void)
{
	u32 a, b;

	names = (struct ml_names){ };
	a = ml_names_take(&names, 5, 1 << 24);
	ml_names_give(&names, 5, a + (1 << 24), a + 700);
	b = ml_names_take(&names, 5, 1 << 24);
	expect_eq(b, 1024);
	expect_eq(ml_names_take(&names, 5, 512), b + (1 << 24));
	/* Another came behind it. */
	ml_names_give(&names, 5, b + (1 << 24), b + 1);
	expect_eq(ml_names_take(&names, 5, 1), b + (1 << 24) + 512);
}

/* Ten thousand arenas that follow each other, of up to a million indices each. */
static void ten_thousand_in_a_row(void)
{
	struct rng r = rng_new();
	u64 end[MEMLANE_COOKIE_MAX + 1] = { };
	u32 i;

	names = (struct ml_names){ };
	for (i = 0; i < 10000; i++) {
		u32 cookie = 1 + i % MEMLANE_COOKIE_MAX, used = 1 + rng_below(&r, 1 << 20);
		u32 first = ml_names_take(&names, cookie, 1 << 24);

		expect(first >= end[cookie]);
		ml_names_give(&names, cookie, first + (1 << 24), first + used);
		end[cookie] = first + used;
	}
}

/* Behind the last index comes the first one. */
static void the_end(void)
{
	u32 i, first;

	names = (struct ml_names){ };
	for (i = 0; i < 3; i++)
		expect_eq(ml_names_take(&names, 9, 1 << 30), i << 30);
	first = ml_names_take(&names, 9, (1 << 30) - 512);
	expect_eq(first, 3U << 30);
	expect_eq((u64)first + (1 << 30) - 512, LAST);
	expect_eq(ml_names_take(&names, 9, 1), 0);
	expect_eq(ml_names_take(&names, 9, 1), 512);
}

static const struct test tests[] = {
	{ "names_ranges_do_not_meet", ranges_do_not_meet },
	{ "names_the_rest_is_given_back", the_rest_is_given_back },
	{ "names_ten_thousand_in_a_row", ten_thousand_in_a_row },
	{ "names_the_end", the_end },
};

KTAP_MAIN(tests);
