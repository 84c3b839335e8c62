// SPDX-License-Identifier: MIT
/*
 * scale.c - what an object costs when so many others live, in each lane
 *
 * ML_SCALE names a file that gets a line for each point, to be plotted: columns
 * with tabs between them, the first line their names.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

#define SMALL	48
#define PROBES	10000	/* objects replaced in a round */
#define ROUNDS	40
#define FIRST	10000
#define TITLE	"cost against live objects (48 B)"

static const char *const lane_name[] = { "fast", "slow" };

/* The same lane of ours, and plain malloc, at one number of live objects; ns for each. */
struct point {
	uint64_t live;
	double alloc;
	double replace;
	double malloc;
	double malloc_replace;
	double metadata;	/* bytes an object */
};

struct scene {
	struct memlane *m;
	struct memlane_alloc_opts opts;
	memlane_handle *handle;
	char **pointer;
	uint64_t live;
	uint64_t rng;
};

static memlane_handle make(struct scene *s)
{
	memlane_handle h;

	if (memlane_alloc_with(s->m, SMALL, &s->opts, &h))
		die("no object");
	return h;
}

static uint64_t any(struct scene *s)
{
	return (rng_next(&s->rng) >> 20) % s->live;
}

static double grow(struct scene *s, uint64_t from)
{
	uint64_t start = now_ns(), i;

	for (i = from; i < s->live; i++)
		s->handle[i] = make(s);
	return (double)(now_ns() - start) / (s->live - from);
}

static double grow_malloc(struct scene *s, uint64_t from)
{
	uint64_t start = now_ns(), i;

	for (i = from; i < s->live; i++)
		s->pointer[i] = malloc(SMALL);
	return (double)(now_ns() - start) / (s->live - from);
}

/* Replace objects at random. */
static void replace(void *arg)
{
	struct scene *s = arg;
	uint64_t i, at;

	for (i = 0; i < PROBES; i++) {
		at = any(s);
		memlane_free(s->m, s->handle[at]);
		s->handle[at] = make(s);
	}
}

/* The same with malloc: the machine's caches are in both. */
static void replace_malloc(void *arg)
{
	struct scene *s = arg;
	uint64_t i, at;

	for (i = 0; i < PROBES; i++) {
		at = any(s);
		free(s->pointer[at]);
		s->pointer[at] = malloc(SMALL);
	}
}

/* All of it must be in the lane that is measured. */
static double metadata(struct scene *s)
{
	struct memlane_stats st = { .size = sizeof(st), .flags = MEMLANE_STAT_EXACT };
	int lane = s->opts.lane == MEMLANE_IN_SLOW ? MEMLANE_SLOW : MEMLANE_FAST;

	if (memlane_stat(s->m, &st))
		die("no statistics");
	if (st.counts.lane[lane].objects < s->live || st.counts.lane[!lane].objects)
		die("objects in the wrong lane");
	return (double)st.counts.metadata / s->live;
}

static struct point measure(struct scene *s, uint64_t live)
{
	uint64_t had = s->live;
	struct point p = { .live = live };

	s->live = live;
	p.alloc = grow(s, had);
	p.replace = quickest(replace, s, ROUNDS) / PROBES;
	p.malloc = grow_malloc(s, had);
	p.malloc_replace = quickest(replace_malloc, s, ROUNDS) / PROBES;
	p.metadata = metadata(s);
	return p;
}

static void show(const char *lane, const struct point *p, const struct point *first)
{
	unsigned long long live = p->live;
	char name[80];

	snprintf(name, sizeof(name), "%s, %llu live: alloc, against the first", lane, live);
	row(TITLE, name, p->alloc, "ns", first->alloc);
	snprintf(name, sizeof(name), "%s, %llu live: free and alloc, against glibc", lane, live);
	row(TITLE, name, p->replace, "ns", p->malloc_replace);
	if (live < 1000000)
		return;
	snprintf(name, sizeof(name), "%s, %llu live: metadata an object", lane, live);
	row(TITLE, name, p->metadata, "bytes", 0);
}

static void plot(FILE *f, const char *lane, const struct point *p)
{
	if (f)
		fprintf(f, "%s\t%llu\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\n", lane,
			(unsigned long long)p->live, p->alloc, p->replace, p->malloc,
			p->malloc_replace, p->metadata);
}

static struct scene set_scene(uint32_t lane, uint64_t most)
{
	uint64_t room = (most * 64 + 64 * MIB) & ~(2 * MIB - 1);
	bool slow = lane == MEMLANE_IN_SLOW;
	struct scene s = {
		.m = open_bench(slow ? 64 * MIB : room, slow ? room : 64 * MIB),
		.opts = { .lane = lane, .flags = MEMLANE_NO_SPILL },
		.handle = calloc(most, sizeof(*s.handle)),
		.pointer = calloc(most, sizeof(*s.pointer)),
		.rng = 88172645463325252ULL,
	};

	if (!s.handle || !s.pointer)
		die("no memory");
	return s;
}

static void strike_scene(struct scene *s)
{
	uint64_t i;

	memlane_close(s->m);
	for (i = 0; i < s->live; i++)
		free(s->pointer[i]);
	free(s->pointer);
	free(s->handle);
}

static void scale_lane(int lane, uint64_t most, FILE *f)
{
	struct scene s = set_scene(lane == MEMLANE_SLOW ? MEMLANE_IN_SLOW : MEMLANE_IN_FAST, most);
	struct point p, first = { 0 };
	uint64_t live;
	int i;

	/* 10, 30, 100, 300 ... thousand */
	for (live = FIRST, i = 0; live <= most; live = i++ % 2 ? live / 3 * 10 : live * 3) {
		p = measure(&s, live);
		if (live == FIRST)
			first = p;
		show(lane_name[lane], &p, &first);
		plot(f, lane_name[lane], &p);
	}
	strike_scene(&s);
}

void bench_scale(void)
{
	uint64_t most = env("ML_OBJECTS", 10000000);
	const char *file = getenv("ML_SCALE");
	FILE *f = file && *file ? fopen(file, "w") : NULL;

	if (file && *file && !f)
		die("the file for the plot cannot be written");
	if (f)
		fputs("lane\tlive\talloc_ns\treplace_ns\tglibc_alloc_ns\tglibc_replace_ns\tmetadata_bytes\n", f);
	scale_lane(MEMLANE_FAST, most, f);
	scale_lane(MEMLANE_SLOW, most, f);
	if (f && fclose(f))
		die("the file for the plot cannot be written");
}
