// SPDX-License-Identifier: MIT
/* test-names.c - ranges of indices for arenas that share a cookie */
#include "ktap.h"
#include "names.h"

#define LAST	((1ULL << 32) - 32768)

static struct ml_names names;

static u32 take(u32 cookie, u64 nr)
{
	return ml_names_take(&names, cookie, nr, nr);
}

/* Arenas that are open together have ranges behind each other, of whole pages. */
static void ranges_do_not_meet(void)
{
	u32 a, b, c;

	names = (struct ml_names){ };
	a = take(1, 1000);
	b = take(1, 1);
	c = take(1, 512);
	expect_eq(a, 0);
	expect_eq(b, 4096);
	expect_eq(c, 8192);
	expect_eq(take(MEMLANE_COOKIE_MAX, 7), 0);
	expect_eq(take(1, 1), 12288);
}

/* What was not used is the next one's, what was used is nobody's. */
static void the_rest_is_given_back(void)
{
	u32 a, b;

	names = (struct ml_names){ };
	a = take(5, 1 << 24);
	ml_names_give(&names, 5, a + (1 << 24), a + 700);
	b = take(5, 1 << 24);
	expect_eq(b, 4096);
	expect_eq(take(5, 512), b + (1 << 24));
	/* Another came behind it. */
	ml_names_give(&names, 5, b + (1 << 24), b + 1);
	expect_eq(take(5, 1), b + (1 << 24) + 4096);
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
		u32 first = take(cookie, 1 << 24);

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
		expect_eq(take(9, 1 << 30), i << 30);
	first = take(9, (1 << 30) - 32768);
	expect_eq(first, 3U << 30);
	expect_eq((u64)first + (1 << 30) - 32768, LAST);
	expect_eq(take(9, 1), 0);
	expect_eq(take(9, 1), 4096);
}

/* Who may come to have more begins where so many are left, and leaves what it used behind. */
static void some_go_on(void)
{
	const u64 reach = 2729ULL << 20;
	u32 first = 0, i;

	names = (struct ml_names){ };
	for (i = 0; i < 200; i++) {
		first = ml_names_take(&names, 3, 1 << 24, reach);
		expect(first + reach <= LAST);
		expect_eq(first, (u64)(i % 86) << 24);
	}
	/* It is the last one, and has gone on past its own. */
	ml_names_give(&names, 3, first + (1 << 24), first + (5 << 24) + 9);
	expect_eq(take(3, 1), first + (5 << 24) + 4096);
}

static const struct test tests[] = {
	{ "names_ranges_do_not_meet", ranges_do_not_meet },
	{ "names_the_rest_is_given_back", the_rest_is_given_back },
	{ "names_ten_thousand_in_a_row", ten_thousand_in_a_row },
	{ "names_the_end", the_end },
	{ "names_some_go_on", some_go_on },
};

KTAP_MAIN(tests);
