// SPDX-License-Identifier: MIT
/* histogram.c - how long calls took: eight buckets for each doubling */
#include "histogram.h"

static unsigned int bucket_of(uint64_t value)
{
	unsigned int shift;

	if (value < 8)
		return (unsigned int)value;
	shift = 60 - (unsigned int)__builtin_clzll(value);
	return shift * 8 + (unsigned int)(value >> shift);
}

/* The largest value of a bucket. */
static uint64_t bucket_end(unsigned int bucket)
{
	unsigned int shift = bucket / 8;

	if (shift < 2)
		return bucket;
	shift--;
	return ((uint64_t)(bucket % 8 + 8) << shift) + ((1ULL << shift) - 1);
}

void histogram_add(struct histogram *h, uint64_t value)
{
	h->count++;
	h->sum += value;
	if (value > h->max)
		h->max = value;
	h->bucket[bucket_of(value)]++;
}

uint64_t histogram_at(const struct histogram *h, unsigned int permille)
{
	/* Rounded up, so that 1000 is the last value. */
	uint64_t rank = h->count - h->count / 1000 * (1000 - permille) -
			h->count % 1000 * (1000 - permille) / 1000;
	uint64_t seen = 0;
	unsigned int i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= rank && seen)
			return bucket_end(i) < h->max ? bucket_end(i) : h->max;
	}
	return 0;
}
