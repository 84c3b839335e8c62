// SPDX-License-Identifier: MIT
/* pattern.c - bytes that only one object can have */
#include <string.h>

#include "pattern.h"

/* A bijection of 64 bits (the finaliser of SplitMix64). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* Every other word is the same, so that they compress about as text and JSON do. */
static uint64_t word(uint64_t seed, uint64_t i)
{
	return i % 2 ? seed : seed + i * 0x9e3779b97f4a7c15ULL;
}

static uint64_t seed_of(uint64_t id)
{
	return mix(id + 1);
}

static unsigned char byte_at(uint64_t seed, uint64_t at)
{
	return (unsigned char)(word(seed, at / 8) >> (at % 8 * 8));
}

void pattern_fill(void *p, uint64_t from, uint64_t to, uint64_t id)
{
	uint64_t seed = seed_of(id), w;
	unsigned char *at = p;

	for (; from < to && from % 8; from++)
		at[from] = byte_at(seed, from);
	for (; from + 8 <= to; from += 8) {
		w = word(seed, from / 8);
		memcpy(at + from, &w, 8);
	}
	for (; from < to; from++)
		at[from] = byte_at(seed, from);
}

uint64_t pattern_check(const void *p, uint64_t size, uint64_t id)
{
	uint64_t seed = seed_of(id), at = 0, w;
	const unsigned char *byte = p;

	for (; at + 8 <= size; at += 8) {
		memcpy(&w, byte + at, 8);
		if (w != word(seed, at / 8))
			break;
	}
	for (; at < size; at++)
		if (byte[at] != byte_at(seed, at))
			return at;
	return PATTERN_GOOD;
}

uint64_t pattern_check_zero(const void *p, uint64_t size)
{
	const unsigned char *byte = p;
	uint64_t at = 0, w;

	for (; at + 8 <= size; at += 8) {
		memcpy(&w, byte + at, 8);
		if (w)
			break;
	}
	for (; at < size; at++)
		if (byte[at])
			return at;
	return PATTERN_GOOD;
}
