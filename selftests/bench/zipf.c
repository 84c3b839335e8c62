// SPDX-License-Identifier: MIT
/* zipf.c - which object is used next: the n-th most used one half as often as the n/2-th */
#include "bench.h"
#include "keep.h"

#define HOT	(KEEP_OBJECTS / KEEP_EVERY)
#define STRIDE	1009U	/* a prime: those that are used most do not lie side by side */
#define WHOLE	(1ULL << 32)

/* Sums of 1, 1/2, 1/3 ... */
static uint64_t sum[HOT];

static void make_sums(void)
{
	uint32_t i;

	for (i = 0; i < HOT; i++)
		sum[i] = (i ? sum[i - 1] : 0) + WHOLE / (i + 1);
}

/* The first sum that is larger than @x. */
static uint32_t rank_of(uint64_t x)
{
	uint32_t low = 0, high = HOT - 1, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (sum[mid] > x)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

uint32_t keep_next(uint64_t *rng)
{
	if (!sum[0])
		make_sums();
	return rank_of(rng_next(rng) % sum[HOT - 1]) * STRIDE % HOT * KEEP_EVERY;
}
