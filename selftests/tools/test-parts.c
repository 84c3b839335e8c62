// SPDX-License-Identifier: MIT
/* test-parts.c - the tools' small nouns beside naive models: address map, histogram, pattern */
#include "../harness.h"
#include "../../tools/histogram.h"
#include "../../tools/pattern.h"
#include "../../tools/recorder/addrmap.h"

#define KEYS	4096
#define STEPS	2000000

/* Addresses as malloc gives them out: near each other, sixteen bytes apart. */
static void *address(unsigned int key)
{
	return (void *)(0x7f0000000000 + key * 16UL);
}

TEST(the_address_map_is_a_map)
{
	static uint64_t model[KEYS];	/* object + 1 */
	struct addrmap map;
	unsigned long long x = harness_seed();
	uint64_t object, live = 0;
	unsigned int i, key;

	expect(addrmap_init(&map));
	for (i = 0; i < STEPS; i++) {
		key = rng_next(&x) % KEYS;
		if (rng_next(&x) % 2) {
			expect(addrmap_put(&map, address(key), i));
			live += !model[key];
			model[key] = i + 1;
			continue;
		}
		expect_eq(addrmap_take(&map, address(key), &object), model[key] != 0);
		if (model[key])
			expect_eq(object, model[key] - 1);
		live -= model[key] != 0;
		model[key] = 0;
	}
	expect_eq(map.used, live);
}

TEST(the_address_map_grows)
{
	struct addrmap map;
	uint64_t object;
	unsigned int i;

	expect(addrmap_init(&map));
	for (i = 0; i < 1000000; i++)
		expect(addrmap_put(&map, address(i), i));
	for (i = 0; i < 1000000; i++) {
		expect(addrmap_take(&map, address(i), &object));
		expect_eq(object, i);
	}
	expect_eq(map.used, 0);
	expect(!addrmap_take(&map, address(5), &object));
}

static int by_value(const void *a, const void *c)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)c;

	return x < y ? -1 : x > y;
}

TEST(the_histogram_is_right_to_an_eighth)
{
	static uint64_t value[20001];
	static struct histogram h;
	unsigned long long x = harness_seed();
	unsigned int i, n = sizeof(value) / sizeof(*value), permille;
	uint64_t exact, got;

	expect_eq(histogram_at(&h, 990), 0);
	for (i = 0; i < n; i++) {
		value[i] = rng_next(&x) >> rng_next(&x) % 64;
		histogram_add(&h, value[i]);
	}
	qsort(value, n, sizeof(*value), by_value);
	expect_eq(h.count, n);
	expect_eq(h.max, value[n - 1]);
	for (permille = 1; permille <= 1000; permille++) {
		exact = value[((uint64_t)n * permille + 999) / 1000 - 1];
		got = histogram_at(&h, permille);
		if (got < exact || got - exact > exact / 8)
			fail("%u permille: %llu, not %llu", permille,
			     (unsigned long long)got, (unsigned long long)exact);
	}
}

TEST(a_pattern_shows_every_wrong_byte)
{
	unsigned char byte[200];
	unsigned int size, at;

	for (size = 0; size <= sizeof(byte); size += 1 + size / 9) {
		pattern_fill(byte, 0, size, 42);
		expect_eq(pattern_check(byte, size, 42), PATTERN_GOOD);
		for (at = 0; at < size; at++) {
			byte[at] ^= 0x10;
			expect_eq(pattern_check(byte, size, 42), at);
			byte[at] ^= 0x10;
		}
	}
}

TEST(a_pattern_is_of_one_object_and_one_place)
{
	uint64_t word[64];

	pattern_fill(word, 0, sizeof(word), 1);
	expect(pattern_check(word, sizeof(word), 2) != PATTERN_GOOD);
	expect(pattern_check(word + 1, sizeof(word) - 8, 1) != PATTERN_GOOD);
}

TEST(a_pattern_grows_with_its_object)
{
	unsigned char byte[300];
	unsigned int from;

	for (from = 0; from < sizeof(byte); from++) {
		memset(byte, 0, sizeof(byte));
		pattern_fill(byte, 0, from, 7);
		pattern_fill(byte, from, sizeof(byte), 7);
		expect_eq(pattern_check(byte, sizeof(byte), 7), PATTERN_GOOD);
	}
}

TEST(zero_is_seen_to_the_byte)
{
	unsigned char byte[100] = { 0 };
	unsigned int at;

	expect_eq(pattern_check_zero(byte, sizeof(byte)), PATTERN_GOOD);
	for (at = 0; at < sizeof(byte); at++) {
		byte[at] = 1;
		expect_eq(pattern_check_zero(byte, sizeof(byte)), at);
		byte[at] = 0;
	}
}
