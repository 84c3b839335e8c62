/* SPDX-License-Identifier: MIT */
/* histogram.h - values counted in 16 steps a doubling: a step is 6 % wide at most */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB	4
#define HISTOGRAM_STEPS	(64 << HISTOGRAM_SUB)

struct histogram {
	uint64_t count[HISTOGRAM_STEPS];
	uint64_t total;
	uint64_t max;
};

static inline unsigned int histogram_step(uint64_t ns)
{
	unsigned int e;

	if (ns < 1 << HISTOGRAM_SUB)
		return ns;
	e = 63 - __builtin_clzll(ns);
	return ((e - HISTOGRAM_SUB + 1) << HISTOGRAM_SUB) + ((ns >> (e - HISTOGRAM_SUB)) & ((1 << HISTOGRAM_SUB) - 1));
}

/* The upper end of a step. */
static inline uint64_t histogram_end(unsigned int step)
{
	unsigned int e = step >> HISTOGRAM_SUB;

	if (!e)
		return step;
	return (((uint64_t)(1 << HISTOGRAM_SUB) + (step & ((1 << HISTOGRAM_SUB) - 1)) + 1) << (e - 1)) - 1;
}

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
	h->count[histogram_step(ns)]++;
	h->total++;
	if (ns > h->max)
		h->max = ns;
}

/* What the smaller @part of all values does not exceed, to a step; 1: the largest. */
static inline uint64_t histogram_at(const struct histogram *h, double part)
{
	uint64_t rank = h->total * part, seen = 0;
	unsigned int i;

	for (i = 0; i < HISTOGRAM_STEPS; i++) {
		seen += h->count[i];
		if (seen > rank)
			break;
	}
	return histogram_end(i) < h->max ? histogram_end(i) : h->max;
}

#endif /* HISTOGRAM_H */
