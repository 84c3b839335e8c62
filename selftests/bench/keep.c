// SPDX-License-Identifier: MIT
/*
 * keep.c - what is kept in memory of objects of which a quarter is used
 *
 * Every fourth object is used in every period, once and then as often as Zipf's law has it; the
 * others never, until all are read once near the end. Beside it malloc, with a swap device of zram (zram.c).
 *
 * ML_KEEP names a file that gets a line for each period, to be plotted: columns with tabs
 * between them, the first line their names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "keep.h"

#define PAGE	4096ULL

struct kept {
	struct memlane *m;
	memlane_handle h[KEEP_OBJECTS];
	unsigned int period;
	uint64_t rng;
	FILE *plot;
};

static uint64_t sink;

uint64_t keep_size(uint32_t i)
{
	uint64_t rng = 4711 + i * 2ULL;

	rng_next(&rng);
	return 200 + (rng_next(&rng) >> 32) % 1800;
}

static void make_objects(struct kept *k)
{
	struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_SLOW };
	uint32_t i;

	for (i = 0; i < KEEP_OBJECTS; i++) {
		if (memlane_alloc_with(k->m, keep_size(i), &opts, &k->h[i]))
			die("no object");
		memlane_enter(k->m);
		write_words(memlane_get(k->m, k->h[i]), keep_size(i), i + 1);
		memlane_exit(k->m);
	}
}

static struct memlane_counts counts(struct memlane *m)
{
	struct memlane_stats st = { .size = sizeof(st), .flags = MEMLANE_STAT_EXACT };

	if (memlane_stat(m, &st))
		die("no counters");
	return st.counts;
}

static uint64_t resident(const struct memlane_counts *c)
{
	return c->lane[MEMLANE_FAST].resident + c->lane[MEMLANE_SLOW].resident;
}

static void use(struct kept *k, uint32_t i)
{
	memlane_enter(k->m);
	sink += *(volatile char *)memlane_get(k->m, k->h[i]);
	memlane_exit(k->m);
}

static void plot(struct kept *k)
{
	struct memlane_counts c;

	if (!k->plot)
		return;
	c = counts(k->m);
	fprintf(k->plot, "%u\t%llu\t%llu\t%llu\n", k->period, (unsigned long long)resident(&c),
		(unsigned long long)c.compressed_bytes, (unsigned long long)c.stored_bytes);
}

/* Every so many objects is used, as it lies among the others, and some of the hot ones again. */
static void one_period(struct kept *k, uint32_t every)
{
	uint32_t i;

	for (i = 0; i < KEEP_OBJECTS; i += every)
		use(k, i);
	for (i = 0; i < KEEP_USES; i++)
		use(k, keep_next(&k->rng));
	if (memlane_maintain(k->m, NULL))
		die("no maintenance");
	k->period++;
	plot(k);
}

static void periods(struct kept *k)
{
	unsigned int i;

	for (i = 0; i < KEEP_PERIODS; i++)
		one_period(k, KEEP_EVERY);
}

/* Until it is settled, and as long again: what that costs what is used. Bytes kept. */
static uint64_t settle(struct kept *k, const char *how)
{
	struct memlane_counts before, c = counts(k->m);
	const double base = resident(&c);
	char name[96];

	periods(k);
	before = counts(k->m);
	periods(k);
	c = counts(k->m);
	snprintf(name, sizeof(name), "memory kept, a quarter of the objects in use: %s", how);
	row(KEEP_GROUP, name, resident(&c) + c.compressed_bytes, "bytes", base);
	if (c.compressed)
		row(KEEP_GROUP, "  what was compressed, against its pages", c.compressed_bytes, "bytes",
		    c.compressed * (double)PAGE);
	row(KEEP_GROUP, "  faults of what is in use, in 30 periods, once settled",
	    c.refaults - before.refaults, "", 0);
	return resident(&c) + c.compressed_bytes;
}

static void begin(struct kept *k, int fd)
{
	memset(k, 0, sizeof(*k));
	k->rng = 4711;
	k->m = open_bench(64 * MIB, 64 * MIB);
	memlane_set_option(k->m, MEMLANE_OPT_AGE_INTERVAL, 0);
	memlane_set_option(k->m, MEMLANE_OPT_COLD_AGE, 2);
	if (fd >= 0 && memlane_set_backing(k->m, fd))
		die("no backing file");
	make_objects(k);
}

/* @fd: a backing file, or -1. Bytes kept. */
static uint64_t keep(int fd, const char *how)
{
	static struct kept k;
	const char *file = fd >= 0 ? getenv("ML_KEEP") : NULL;
	uint64_t bytes;

	begin(&k, fd);
	if (file)
		k.plot = fopen(file, "w");
	if (k.plot)
		fprintf(k.plot, "period\tresident\tcompressed\tstored\n");
	plot(&k);
	bytes = settle(&k, how);
	one_period(&k, 1);
	periods(&k);
	if (k.plot)
		fclose(k.plot);
	memlane_close(k.m);
	return bytes;
}

void bench_keep(void)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);

	zram_keep(keep(-1, "compressed"));
	keep(fd, "compressed, then in a file");
	close(fd);
}
