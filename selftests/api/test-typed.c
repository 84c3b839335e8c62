// SPDX-License-Identifier: MIT
/* test-typed.c - memlane_typed.h: references that have a type */
#include <memlane_typed.h>

#include "api.h"

struct point {
	int x;
	int y;
	double z;
};

MEMLANE_TYPED(struct point, point);
MEMLANE_TYPED(uint64_t, number);

/* One that would be misplaced by the guards of checking mode. */
struct vector {
	_Alignas(64) float x[3];
};

/* And one that a small place does not align by itself. */
struct page {
	_Alignas(4096) char text[100];
};

MEMLANE_TYPED(struct vector, vector);
MEMLANE_TYPED(struct page, page);

TEST(a_value_goes_in_and_comes_out_after_moves)
{
	struct memlane *m = open_quiet();
	struct point p = { 1, 2, 3.5 }, q;
	point_ref r;

	expect_eq(point_alloc(m, &r), 0);
	expect_eq(point_get(m, r, &q), 0);
	expect(!q.x && !q.y && q.z == 0);
	expect_eq(point_set(m, r, &p), 0);
	expect_eq(memlane_migrate(m, r.h, MEMLANE_SLOW), 0);
	expect_eq(point_get(m, r, &q), 0);
	expect(q.x == 1 && q.y == 2 && q.z == 3.5);
	expect_eq(memlane_enter(m), 0);
	point_at(m, r)->x = 9;
	expect_eq(memlane_exit(m), 0);
	expect_eq(point_get(m, r, &q), 0);
	expect_eq(q.x, 9);
	expect_eq(point_count(m, r), 1);
	expect_eq(point_free(m, r), 0);
	expect_eq(point_get(m, r, &q), -ESTALE);
	expect_eq(point_count(m, r), 0);
	memlane_close(m);
}

TEST(an_array_knows_its_bounds)
{
	struct memlane *m = open_quiet();
	uint64_t i, v = 0;
	number_ref r;

	expect_eq(number_alloc_array(m, 1000, &r), 0);
	expect_eq(number_count(m, r), 1000);
	for (i = 0; i < 1000; i++)
		expect_eq(number_set_at(m, r, i, &i), 0);
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	for (i = 0; i < 1000; i++) {
		expect_eq(number_get_at(m, r, i, &v), 0);
		expect_eq(v, i);
	}
	expect_eq(number_get_at(m, r, 1000, &v), -ERANGE);
	expect_eq(number_set_at(m, r, 1ULL << 61, &v), -ERANGE);
	expect_eq(number_set_at(m, r, ~0ULL, &v), -ERANGE);
	expect_eq(number_alloc_array(m, 1ULL << 61, &r), -EINVAL);
	expect_eq(number_alloc_array(m, 0, &r), -EINVAL);
	memlane_close(m);
}

static void expect_aligned(struct memlane *m, memlane_handle h, uintptr_t align)
{
	int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		expect_eq(memlane_migrate(m, h, lane), 0);
		expect_eq(memlane_enter(m), 0);
		expect_eq((uintptr_t)memlane_get(m, h) & (align - 1), 0);
		expect_eq(memlane_exit(m), 0);
	}
}

TEST(a_type_is_aligned_as_it_wishes)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	vector_ref v;
	page_ref p;
	int i;

	for (i = 0; i < 2; i++) {
		c.guard = i;
		m = open_with(&c);
		expect_eq(vector_alloc(m, &v), 0);
		expect_aligned(m, v.h, 64);
		expect_eq(vector_alloc_array(m, 7, &v), 0);
		expect_aligned(m, v.h, 64);
		expect_eq(page_alloc(m, &p), i ? -EOPNOTSUPP : 0);
		if (!i)
			expect_aligned(m, p.h, 4096);
		memlane_close(m);
	}
}

TEST(a_string_is_stored_and_loaded)
{
	struct memlane *m = open_quiet();
	char text[32];
	memlane_handle h;

	expect_eq(memlane_store_string(m, "memory that can move", &h), 0);
	expect_eq(memlane_size(m, h), 21);
	expect_eq(memlane_load_string(m, h, text, 20), -ERANGE);
	expect_eq(memlane_load_string(m, h, text, 21), 0);
	expect(!strcmp(text, "memory that can move"));
	expect_eq(memlane_store_string(m, "", &h), 0);
	expect_eq(memlane_load_string(m, h, text, 1), 0);
	expect(!*text);
	expect_eq(memlane_free(m, h), 0);
	expect_eq(memlane_load_string(m, h, text, 32), -ESTALE);
	memlane_close(m);
}
