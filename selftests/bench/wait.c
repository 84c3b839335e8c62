// SPDX-License-Identifier: MIT
/*
 * wait.c - how long a thread waits for the engine while everything is compacted
 *
 * Each object is made and freed by calls of the engine: a thread that has given its stock back
 * asks for more, and gives it back again; a large object asks by itself. Each call is
 * timed. The same is done while nothing else happens, and beside a thread that copies memory
 * about: so the machine's own noise shows.
 *
 *	ML_WAIT		objects that are made before three of four are freed, 4 million
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "histogram.h"

#define GROUP	"waits of a thread for the engine while a million objects are compacted"
#define SMALL	64
#define LEAST	20000U	/* objects that are made and freed where nothing sets an end */

enum beside { NOTHING, COPY, COMPACTION };

/**
 * struct waits - a thread that makes and frees, and what goes on beside it
 * @size: of its objects
 * @over: the other thread is done; atomic
 * @h: ns of its calls
 */
struct waits {
	struct memlane *m;
	uint64_t size;
	enum beside beside;
	bool over;
	struct histogram h;
};

static void copy_about(void)
{
	const size_t bytes = 64 * MIB;
	char *from = malloc(bytes), *to = malloc(bytes);
	unsigned int i;

	memset(from, 1, bytes);
	for (i = 0; i < 16; i++)
		memcpy(to, from, bytes);
	free(from);
	free(to);
}

static void compact_all(struct memlane *m)
{
	struct memlane_step step = { 0 };

	if (memlane_compact(m, 0, 0, &step) || !step.out_moved)
		die("no compaction");
}

static void *go_on_beside(void *arg)
{
	struct waits *w = arg;

	if (w->beside == COMPACTION)
		compact_all(w->m);
	else
		copy_about();
	__atomic_store_n(&w->over, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Each of the two is one call of the engine. */
static void make_and_free(struct waits *w)
{
	uint64_t start = now_ns(), made;
	memlane_handle h = must_alloc(w->m, w->size);

	made = now_ns();
	histogram_add(&w->h, made - start);
	memlane_free(w->m, h);
	memlane_thread_flush(w->m);
	histogram_add(&w->h, now_ns() - made);
}

static bool goes_on(struct waits *w)
{
	if (w->beside == NOTHING)
		return w->h.total < 2 * LEAST;
	return !__atomic_load_n(&w->over, __ATOMIC_ACQUIRE);
}

static void measure(struct waits *w)
{
	pthread_t t;

	if (w->beside != NOTHING && pthread_create(&t, NULL, go_on_beside, w))
		die("no thread");
	while (goes_on(w))
		make_and_free(w);
	if (w->beside != NOTHING)
		pthread_join(t, NULL);
}

/* Objects of which one in four stays, at random. */
static void leave_holes(struct memlane *m)
{
	uint64_t nr = env("ML_WAIT", ratios_only() ? 400000 : 4000000), i;
	memlane_handle *h = calloc(nr, sizeof(*h));
	uint64_t rng = 88172645463325252ULL;

	for (i = 0; i < nr; i++)
		h[i] = must_alloc(m, SMALL);
	for (i = 0; i < nr; i++)
		if (rng_next(&rng) >> 40 & 3)
			memlane_free(m, h[i]);
	memlane_thread_flush(m);
	free(h);
}

static void report(const struct waits *w, const struct waits *base, const char *what)
{
	static const char *const beside[] = { "nothing beside", "beside a copying thread", "beside the compaction" };
	static const double part[] = { 0.5, 0.99, 0.999, 1 };
	static const char *const label[] = { "p50", "p99", "p99.9", "max" };
	char name[100];
	size_t i;

	for (i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		snprintf(name, sizeof(name), "%s, %s: %s", what, beside[w->beside], label[i]);
		row(GROUP, name, histogram_at(&w->h, part[i]), "ns", histogram_at(&base->h, part[i]));
	}
}

static void wait_with(uint64_t size, const char *what)
{
	static struct waits w[COMPACTION + 1];
	struct memlane *m = open_bench(512 * MIB, 64 * MIB);
	unsigned int i;

	leave_holes(m);
	for (i = NOTHING; i <= COMPACTION; i++) {
		w[i] = (struct waits){ .m = m, .size = size, .beside = i };
		measure(&w[i]);
		report(&w[i], &w[NOTHING], what);
	}
	memlane_close(m);
}

void bench_wait(void)
{
	wait_with(64, "64 B");
	wait_with(3584, "3584 B");
	wait_with(128 * KIB, "128 KiB");
}
