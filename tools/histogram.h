/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - how long calls took: eight buckets for each doubling
 *
 * A bucket's value is its upper end, at most an eighth above what was measured.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS	496

struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t max;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);

/* The value that @permille of all values do not pass; 0: there are none. */
uint64_t histogram_at(const struct histogram *h, unsigned int permille);

#endif /* HISTOGRAM_H */
