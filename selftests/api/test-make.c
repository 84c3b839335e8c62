// SPDX-License-Identifier: MIT
/* test-make.c - small calls: objects of zeros and of strings, and the room that they have */
#include "api.h"

static const uint64_t sizes[] = { 1, 16, 17, 100, 4095, 4097, 32768, 32769, 100000, 3 << 20 };

/* Something else was there before. */
TEST(an_object_of_zeros_has_no_other_byte)
{
	struct memlane *m = open_quiet();
	memlane_handle h;
	unsigned int i, k;
	uint64_t b;
	char *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 0; k < 3; k++) {
			h = must_alloc(m, sizes[i]);
			fill(m, h, i);
			expect_eq(memlane_free(m, h), 0);
			h = memlane_zalloc(m, sizes[i]);
			expect_eq(memlane_enter(m), 0);
			p = memlane_get(m, h);
			for (b = 0; b < sizes[i]; b++)
				expect_eq(p[b], 0);
			expect_eq(memlane_exit(m), 0);
			expect_eq(memlane_free(m, h), 0);
		}
	}
	expect_eq(memlane_zalloc(m, 0), 0);
	expect_eq(memlane_zalloc(m, ~0ULL), 0);
	memlane_close(m);
}

static void expect_text(struct memlane *m, memlane_handle h, const char *text)
{
	expect(h != 0);
	expect_eq(memlane_size(m, h), strlen(text) + 1);
	expect_eq(memlane_enter(m), 0);
	expect(!strcmp(memlane_get(m, h), text));
	expect_eq(memlane_exit(m), 0);
}

TEST(a_string_is_copied_with_its_end)
{
	struct memlane *m = open_quiet();
	const char open_end[4] = { 'a', 'b', 'c', 'd' };
	memlane_handle h, copy;
	static char large[70001];

	memset(large, 'x', sizeof(large) - 1);
	h = memlane_strdup(m, "memory that can move");
	expect_text(m, h, "memory that can move");
	expect_text(m, memlane_strdup(m, ""), "");
	expect_text(m, memlane_strdup(m, large), large);
	expect_text(m, memlane_strndup(m, "memory", 3), "mem");
	expect_text(m, memlane_strndup(m, "memory", 100), "memory");
	expect_text(m, memlane_strndup(m, "memory", 0), "");
	expect_text(m, memlane_strndup(m, open_end, sizeof(open_end)), "abcd");
	expect_eq(memlane_enter(m), 0);
	copy = memlane_strdup(m, memlane_get(m, h));
	expect_eq(memlane_exit(m), 0);
	expect_text(m, copy, "memory that can move");
	memlane_close(m);
}

/* Written to the last byte, and moved: neither it nor its neighbours lose anything. */
TEST(all_of_the_usable_size_is_the_objects_and_moves_along)
{
	struct memlane *m = open_quiet();
	memlane_handle h[ARRAY_SIZE(sizes)][2];
	uint64_t size, b;
	unsigned char *p;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (k = 0; k < 2; k++)
			h[i][k] = must_alloc(m, sizes[i]);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 0; k < 2; k++) {
			size = memlane_usable_size(m, h[i][k]);
			expect(size >= sizes[i]);
			expect_eq(memlane_size(m, h[i][k]), sizes[i]);
			expect_eq(memlane_enter(m), 0);
			memset(memlane_get(m, h[i][k]), 2 * i + k + 1, size);
			expect_eq(memlane_exit(m), 0);
			expect_eq(memlane_migrate(m, h[i][k], (i + k) & 1), 0);
		}
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 0; k < 2; k++) {
			size = memlane_usable_size(m, h[i][k]);
			expect_eq(memlane_enter(m), 0);
			p = memlane_get(m, h[i][k]);
			for (b = 0; b < size; b++)
				expect_eq(p[b], 2 * i + k + 1);
			expect_eq(memlane_exit(m), 0);
		}
	}
	expect_eq(memlane_free(m, h[0][0]), 0);
	expect_eq(memlane_usable_size(m, h[0][0]), 0);
	expect_eq(memlane_usable_size(m, 0), 0);
	memlane_close(m);
}

TEST(behind_an_object_of_checking_mode_nothing_is_usable)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	unsigned int i;

	c.guard = true;
	m = open_with(&c);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		expect_eq(memlane_usable_size(m, must_alloc(m, sizes[i])), sizes[i]);
	memlane_close(m);
}
