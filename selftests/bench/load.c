// SPDX-License-Identifier: MIT
/* load.c - loads that make and free many pages, beside the same of malloc */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

#define PAGE	4096
#define MOST	4000000U
#define SLOTS	2000U
#define RANDOM	200000U
#define LARGEST	65536U

static const char *const title = "loads that free pages, against malloc (CPU time of all threads)";

/* What the arena's own thread does counts, too. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* What holds one object: a pointer, or a handle. */
union holder {
	char *p;
	memlane_handle h;
};

/**
 * struct heap - what makes the objects
 * @m: the arena; NULL: malloc()
 * @hold: room for MOST
 */
struct heap {
	struct memlane *m;
	union holder *hold;
};

/* A byte of each page is written. */
static void touch(char *p, size_t size)
{
	size_t i;

	for (i = 0; i < size; i += PAGE)
		__atomic_store_n(&p[i], 1, __ATOMIC_RELAXED);
}

static void make(struct heap *heap, unsigned int i, size_t size)
{
	union holder *at = &heap->hold[i];

	if (!heap->m) {
		at->p = malloc(size);
		touch(at->p, size);
		return;
	}
	at->h = must_alloc(heap->m, size);
	memlane_enter(heap->m);
	touch(memlane_get(heap->m, at->h), size);
	memlane_exit(heap->m);
}

static void end(struct heap *heap, unsigned int i)
{
	union holder *at = &heap->hold[i];

	if (heap->m)
		memlane_free(heap->m, at->h);
	else
		free(at->p);
	at->h = 0;
}

/* ns of each free, where @nr objects are freed in the order they were made. */
static double in_a_row(struct heap *heap, unsigned int nr, size_t size)
{
	uint64_t start;
	unsigned int i;

	for (i = 0; i < nr; i++)
		make(heap, i, size);
	start = cpu_ns();
	for (i = 0; i < nr; i++)
		end(heap, i);
	return (double)(cpu_ns() - start) / nr;
}

/* ns of each operation, where sizes and objects are chosen at random. */
static double at_random(struct heap *heap)
{
	uint64_t rng = 88172645463325252ULL, start;
	unsigned int n, i;

	for (i = 0; i < SLOTS; i++)
		heap->hold[i].h = 0;
	start = cpu_ns();
	for (n = 0; n < RANDOM; n++) {
		i = (rng_next(&rng) >> 32) % SLOTS;
		if (heap->hold[i].h)
			end(heap, i);
		else
			make(heap, i, 16 + (rng_next(&rng) >> 32) % (LARGEST - 15));
	}
	start = cpu_ns() - start;
	for (i = 0; i < SLOTS; i++)
		if (heap->hold[i].h)
			end(heap, i);
	return (double)start / RANDOM;
}

static void both(struct heap *own, struct heap *mine, unsigned int nr, size_t size)
{
	double base = in_a_row(own, nr, size);
	char name[80];

	snprintf(name, sizeof(name), "%u x %zu B freed in a row: malloc", nr, size);
	row(title, name, base, "ns", base);
	snprintf(name, sizeof(name), "%u x %zu B freed in a row: memlane", nr, size);
	row(title, name, in_a_row(mine, nr, size), "ns", base);
}

void bench_load(void)
{
	unsigned int most = env("ML_OBJECTS", MOST) < MOST ? env("ML_OBJECTS", MOST) : MOST;
	struct heap own = { .hold = calloc(MOST, sizeof(*own.hold)) }, mine = own;
	double base;

	if (memlane_open(&mine.m, NULL) || !own.hold)
		die("no arena");
	both(&own, &mine, most / 40, 3584);
	both(&own, &mine, most / 4, 48);
	both(&own, &mine, most, 48);
	base = at_random(&own);
	row(title, "16 B to 64 KiB at random: malloc", base, "ns", base);
	row(title, "16 B to 64 KiB at random: memlane", at_random(&mine), "ns", base);
	memlane_close(mine.m);
	free(own.hold);
}
