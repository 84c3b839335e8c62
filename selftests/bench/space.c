// SPDX-License-Identifier: MIT
/* space.c - what many objects cost, and how fast compaction gives room back */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define SMALL	48
#define PROBES	200000

static struct memlane_counts counts(struct memlane *m)
{
	struct memlane_stats st = { .size = sizeof(st), .flags = MEMLANE_STAT_EXACT };

	if (memlane_stat(m, &st))
		die("no statistics");
	return st.counts;
}

/* ----------------------------------------------------------------- scale */

/* Replace objects at random; ns for one free and one alloc. */
static double replace(struct memlane *m, memlane_handle *h, uint64_t live)
{
	static uint64_t rng = 88172645463325252ULL;
	uint64_t start = now_ns(), i, at;

	for (i = 0; i < PROBES; i++) {
		at = (rng_next(&rng) >> 20) % live;
		memlane_free(m, h[at]);
		h[at] = must_alloc(m, SMALL);
	}
	return (double)(now_ns() - start) / PROBES;
}

/* The same with malloc: the machine's caches are in both. */
static double replace_malloc(char **p, uint64_t had, uint64_t live)
{
	static uint64_t rng = 88172645463325252ULL;
	uint64_t start, i, at;

	for (i = had; i < live; i++)
		p[i] = malloc(SMALL);
	start = now_ns();
	for (i = 0; i < PROBES; i++) {
		at = (rng_next(&rng) >> 20) % live;
		free(p[at]);
		p[at] = malloc(SMALL);
	}
	return (double)(now_ns() - start) / PROBES;
}

static double grow(struct memlane *m, memlane_handle *h, uint64_t from, uint64_t to)
{
	uint64_t start = now_ns(), i;

	for (i = from; i < to; i++)
		h[i] = must_alloc(m, SMALL);
	return (double)(now_ns() - start) / (to - from);
}

#define TITLE	"cost against live objects (48 B)"

static void one_scale(struct memlane *m, uint64_t live, double alloc, double both, double base)
{
	static double first;
	char name[80];

	if (!first)
		first = alloc;
	snprintf(name, sizeof(name), "%llu live: alloc, against the first", (unsigned long long)live);
	row(TITLE, name, alloc, "ns", first);
	snprintf(name, sizeof(name), "%llu live: free and alloc, against glibc",
		 (unsigned long long)live);
	row(TITLE, name, both, "ns", base);
	if (live < 1000000)
		return;
	snprintf(name, sizeof(name), "%llu live: metadata an object", (unsigned long long)live);
	row(TITLE, name, (double)counts(m).metadata / live, "bytes", 0);
}

void bench_scale(void)
{
	uint64_t most = env("ML_OBJECTS", 10000000), live, had = 0, i;
	memlane_handle *h = calloc(most, sizeof(*h));
	char **p = calloc(most, sizeof(*p));
	struct memlane *m = open_bench(2048 * MIB, 64 * MIB);
	double alloc, both;

	for (live = 10000; live <= most; live *= 10) {
		alloc = grow(m, h, had, live);
		both = replace(m, h, live);
		one_scale(m, live, alloc, both, replace_malloc(p, had, live));
		had = live;
	}
	memlane_close(m);
	for (i = 0; i < had; i++)
		free(p[i]);
	free(p);
	free(h);
}

/* --------------------------------------------------------------- compact */

/* MB/s of a plain copy of as many bytes, in pieces of @size. */
static double copy_rate(uint64_t size, uint64_t bytes)
{
	char *from = malloc(bytes), *to = malloc(bytes);
	uint64_t start, i;

	memset(from, 1, bytes);
	memset(to, 2, bytes);
	start = now_ns();
	for (i = 0; i + size <= bytes; i += size)
		memcpy(to + i, from + bytes - i - size, size);
	start = now_ns() - start;
	free(from);
	free(to);
	return bytes * 1e3 / start;
}

static void fill(struct memlane *m, memlane_handle *h, uint64_t nr, uint64_t size)
{
	uint64_t i;

	for (i = 0; i < nr; i++) {
		h[i] = must_alloc(m, size);
		memlane_enter(m);
		memset(memlane_get(m, h[i]), 1, size);
		memlane_exit(m);
	}
}

/* One object in four stays, at random. */
static void thin_out(struct memlane *m, const memlane_handle *h, uint64_t nr)
{
	uint64_t rng = 88172645463325252ULL, i;

	for (i = 0; i < nr; i++)
		if (rng_next(&rng) >> 40 & 3)
			memlane_free(m, h[i]);
	memlane_thread_flush(m);
}

static void compact_objects(uint64_t size)
{
	uint64_t bytes = 64 * MIB, nr = bytes / size;
	struct memlane *m = open_bench(256 * MIB, 256 * MIB);
	memlane_handle *h = calloc(nr, sizeof(*h));
	struct memlane_step step = { 0 };
	char name[80];

	fill(m, h, nr, size);
	thin_out(m, h, nr);
	if (memlane_compact(m, 0, 0, &step) || !step.out_moved)
		die("no compaction");
	memlane_close(m);
	free(h);
	snprintf(name, sizeof(name), "%llu B: copied, against memcpy", (unsigned long long)size);
	row("compaction", name, step.out_moved_bytes * 1e3 / step.out_ns, "MB/s",
	    copy_rate(size, bytes));
	snprintf(name, sizeof(name), "%llu B: given back", (unsigned long long)size);
	row("compaction", name, step.out_pages_returned * 4096e3 / step.out_ns, "MB/s", 0);
}

void bench_compact(void)
{
	compact_objects(64);
	compact_objects(512);
	compact_objects(4096);
	compact_objects(32768);
}
