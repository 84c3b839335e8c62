// SPDX-License-Identifier: MIT
/*
 * bytes.c - what is kept of three loads that leave holes, beside malloc
 *
 * Each runs in a process of its own. What malloc keeps, and the engine inside the process,
 * is what became resident; what the module keeps it says itself: its pages are not the process's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define GROUP	"bytes kept after loads that leave holes (a live byte)"
#define MOST	3000000U	/* ML_OBJECTS has fewer */
#define SOME	100000U
#define LARGE	200U

/* A pointer of malloc(), or a handle. */
struct heap {
	struct memlane *m;
	uint64_t *object;
	uint64_t live;	/* bytes */
	uint64_t rng;
};

static void make(struct heap *heap, unsigned int i, uint64_t size)
{
	char *p;

	if (heap->m) {
		heap->object[i] = must_alloc(heap->m, size);
		memlane_enter(heap->m);
		p = memlane_get(heap->m, heap->object[i]);
	} else {
		p = malloc(size);
		heap->object[i] = (uintptr_t)p;
	}
	write_words(p, size, i);
	if (heap->m)
		memlane_exit(heap->m);
	heap->live += size;
}

static void end(struct heap *heap, unsigned int i, uint64_t size)
{
	if (heap->m)
		memlane_free(heap->m, heap->object[i]);
	else
		free((void *)(uintptr_t)heap->object[i]);
	heap->live -= size;
}

static unsigned int at_most(unsigned int nr)
{
	uint64_t most = env("ML_OBJECTS", nr);

	return most < nr ? most : nr;
}

/* Two of a hundred are left, at random. */
static void small(struct heap *heap)
{
	unsigned int i, nr = at_most(MOST);

	for (i = 0; i < nr; i++)
		make(heap, i, 48);
	for (i = 0; i < nr; i++)
		if ((rng_next(&heap->rng) >> 32) % 100 >= 2)
			end(heap, i, 48);
}

/* Every other one is left. */
static void interleaved(struct heap *heap)
{
	unsigned int i, nr = at_most(SOME);

	for (i = 0; i < nr; i++)
		make(heap, i, 380 + i % 41);
	for (i = 1; i < nr; i += 2)
		end(heap, i, 380 + i % 41);
}

/* Large ones are left, and what came and went behind them is not. */
static void behind(struct heap *heap)
{
	unsigned int i, nr = LARGE + at_most(SOME);

	for (i = 0; i < LARGE; i++)
		make(heap, i, 32288);
	for (; i < nr; i++)
		make(heap, i, 3584);
	for (i = LARGE; i < nr; i++)
		end(heap, i, 3584);
}

/* Not the code of libraries, of which more is read in as it runs. */
static uint64_t resident(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	unsigned long kib = 0;
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "Anonymous: %lu", &kib) == 1;
	if (!found)
		die("no smaps_rollup");
	fclose(f);
	return kib * 1024;
}

static uint64_t kept_by_module(struct memlane *m)
{
	struct memlane_stats st = { .size = sizeof(st), .flags = MEMLANE_STAT_EXACT };

	if (memlane_stat(m, &st))
		die("no statistics");
	return st.counts.metadata + st.counts.lane[MEMLANE_FAST].resident +
	       st.counts.lane[MEMLANE_SLOW].resident;
}

static uint64_t settled(struct heap *heap, uint64_t before)
{
	struct memlane_step step = { 0 };

	if (heap->m && (memlane_thread_flush(heap->m) || memlane_compact(heap->m, 0, 0, &step)))
		die("no compaction");
	if (heap->m && memlane_backend(heap->m) == MEMLANE_BACKEND_MODULE)
		return kept_by_module(heap->m);
	return resident() - before;
}

/* Bytes kept for a live one. */
static double run(void (*load)(struct heap *heap), bool own)
{
	struct heap heap = { .rng = 88172645463325252ULL };
	uint64_t before = resident();

	heap.object = malloc(MOST * sizeof(*heap.object));
	if (own)
		heap.m = open_bench(512 * MIB, 512 * MIB);
	load(&heap);
	/* The list of objects is the program's, and goes back as it came. */
	free(heap.object);
	return (double)settled(&heap, before) / heap.live;
}

static const struct load {
	const char *name;
	void (*run)(struct heap *heap);
} loads[] = {
	{ "48 B, 98 % freed at random", small },
	{ "380 to 420 B, every other one freed", interleaved },
	{ "200 x 32288 B, 3584 B behind made and freed", behind },
};

/**
 * bytes_child - what the process started anew does
 * @load: number of the load
 * @heap: "memlane" or "malloc"
 */
void bytes_child(const char *load, const char *heap)
{
	unsigned long nr = strtoul(load, NULL, 10);

	if (nr >= sizeof(loads) / sizeof(loads[0]))
		die("no such load");
	printf("%f\n", run(loads[nr].run, !strcmp(heap, "memlane")));
}

/* A program of its own: what this one has freed would be used again, and count as nothing. */
static double in_child(unsigned int nr, const char *heap)
{
	double result = 0;
	char command[80];
	FILE *f;

	snprintf(command, sizeof(command), "exec /proc/%d/exe --bytes %u %s", (int)getpid(), nr, heap);
	f = popen(command, "r");
	if (!f || fscanf(f, "%lf", &result) != 1 || pclose(f))
		die("no child");
	return result;
}

static void both(unsigned int nr)
{
	double base = in_child(nr, "malloc");
	char name[100];

	snprintf(name, sizeof(name), "%s: malloc", loads[nr].name);
	row(GROUP, name, base, "", base);
	snprintf(name, sizeof(name), "%s: memlane, compacted", loads[nr].name);
	row(GROUP, name, in_child(nr, "memlane"), "", base);
}

void bench_bytes(void)
{
	unsigned int nr;

	for (nr = 0; nr < sizeof(loads) / sizeof(loads[0]); nr++)
		both(nr);
}
