// SPDX-License-Identifier: MIT
/* speed.c - what get costs against a pointer, and alloc and free against malloc */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define GET_OBJECTS	1000	/* 64 bytes each: all in the cache */
#define ROUND		10000U	/* calls, some 0.1 ms of them */
#define ROUNDS		1000U
#define RANDOM_LIVE	100000
#define RANDOM_ROUNDS	300U
#define SMALL		64

static const char gets_title[] = "get against a pointer (64 B in the cache)";

/* Accesses that the compiler may not leave out. */
static uint64_t load(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void store(char *p)
{
	__atomic_store_n(p, 1, __ATOMIC_RELAXED);
}

static uint64_t sink;

/* ------------------------------------------------------------------- get */

/* @per: in one section */
struct gets {
	struct memlane *m;
	unsigned int per;
	memlane_handle h[GET_OBJECTS];
	uint64_t *p[GET_OBJECTS];
};

static void by_pointer(void *arg)
{
	const struct gets *g = arg;
	uint64_t sum = 0, i;

	for (i = 0; i < ROUND; i++)
		sum += load(g->p[i % GET_OBJECTS]);
	__atomic_store_n(&sink, sum, __ATOMIC_RELAXED);
}

static void by_handle(void *arg)
{
	const struct gets *g = arg;
	uint64_t sum = 0, i, j;

	for (i = 0; i < ROUND; i += g->per) {
		memlane_enter(g->m);
		for (j = i; j < i + g->per; j++)
			sum += load(memlane_get(g->m, g->h[j % GET_OBJECTS]));
		memlane_exit(g->m);
	}
	__atomic_store_n(&sink, sum, __ATOMIC_RELAXED);
}

static void report_gets(struct gets *g, unsigned int per, const char *what, double base)
{
	g->per = per;
	row(gets_title, what, quickest(by_handle, g, ROUNDS) / ROUND, "ns", base);
}

void bench_get(void)
{
	static struct gets g;
	double base;
	unsigned int i;

	g.m = open_bench(8 * MIB, 8 * MIB);
	for (i = 0; i < GET_OBJECTS; i++) {
		g.h[i] = must_alloc(g.m, SMALL);
		g.p[i] = memlane_pin(g.m, g.h[i]);
		memlane_unpin(g.m, g.h[i]);
	}
	base = quickest(by_pointer, &g, ROUNDS) / ROUND;
	row(gets_title, "pointer", base, "ns", base);
	report_gets(&g, 100, "a section for 100 gets", base);
	report_gets(&g, 10, "a section for 10 gets", base);
	report_gets(&g, 1, "a section for each get", base);
	memlane_close(g.m);
}

/* ---------------------------------------------------------- alloc and free */

static uint64_t any_size(uint64_t *rng)
{
	return 16 + (rng_next(rng) >> 32) % 501;
}

static void malloc_pairs(void *arg)
{
	const size_t *size = arg;
	uint64_t i;
	char *p;

	for (i = 0; i < ROUND; i++) {
		p = malloc(*size);
		store(p);
		free(p);
	}
}

/* Objects of which one at random is replaced by another: @p of malloc(), @h of the arena. */
struct live {
	struct memlane *m;
	uint64_t rng;
	char *p[RANDOM_LIVE];
	memlane_handle h[RANDOM_LIVE];
};

static uint64_t any_of(struct live *l)
{
	return (rng_next(&l->rng) >> 32) % RANDOM_LIVE;
}

static void malloc_replace(void *arg)
{
	struct live *l = arg;
	uint64_t i, at;

	for (i = 0; i < ROUND; i++) {
		at = any_of(l);
		free(l->p[at]);
		l->p[at] = malloc(any_size(&l->rng));
		store(l->p[at]);
	}
}

static double malloc_random(void)
{
	static struct live l = { .rng = 88172645463325252ULL };
	double best;
	uint64_t i;

	for (i = 0; i < RANDOM_LIVE; i++)
		l.p[i] = malloc(any_size(&l.rng));
	best = quickest(malloc_replace, &l, RANDOM_ROUNDS) / ROUND;
	for (i = 0; i < RANDOM_LIVE; i++)
		free(l.p[i]);
	return best;
}

static void touch(struct memlane *m, memlane_handle h)
{
	memlane_enter(m);
	store(memlane_get(m, h));
	memlane_exit(m);
}

static void memlane_pairs(void *arg)
{
	struct memlane *m = arg;
	uint64_t i;

	for (i = 0; i < ROUND; i++)
		memlane_free(m, memlane_alloc(m, SMALL));
}

static void memlane_pairs_seen(void *arg)
{
	struct memlane *m = arg;
	memlane_handle h;
	uint64_t i;

	for (i = 0; i < ROUND; i++) {
		h = memlane_alloc(m, SMALL);
		touch(m, h);
		memlane_free(m, h);
	}
}

static void memlane_replace(void *arg)
{
	struct live *l = arg;
	uint64_t i, at;

	for (i = 0; i < ROUND; i++) {
		at = any_of(l);
		memlane_free(l->m, l->h[at]);
		l->h[at] = must_alloc(l->m, any_size(&l->rng));
		touch(l->m, l->h[at]);
	}
}

static double memlane_random(struct memlane *m)
{
	static struct live l = { .rng = 88172645463325252ULL };
	double best;
	uint64_t i;

	l.m = m;
	for (i = 0; i < RANDOM_LIVE; i++)
		l.h[i] = must_alloc(m, any_size(&l.rng));
	best = quickest(memlane_replace, &l, RANDOM_ROUNDS) / ROUND;
	for (i = 0; i < RANDOM_LIVE; i++)
		memlane_free(m, l.h[i]);
	return best;
}

/* Whether this process really has that malloc: a preload that fails is only a warning. */
static bool is_mapped(const char *library)
{
	char line[512];
	bool found = false;
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f))
		found |= strstr(line, library) != NULL;
	if (f)
		fclose(f);
	return found;
}

/* In ns. */
struct prices {
	double pair;
	double random;
	double batch;
	double handed;
};

void malloc_child(const char *library)
{
	size_t size = SMALL;
	struct prices p;

	if (*library && !is_mapped(library))
		exit(1);
	p.pair = quickest(malloc_pairs, &size, ROUNDS) / ROUND;
	p.random = malloc_random();
	p.batch = batch_by_one(NULL);
	p.handed = batch_handed_over(NULL);
	printf("%f %f %f %f\n", p.pair, p.random, p.batch, p.handed);
}

/* Run this program anew with another malloc; false: it cannot be had. */
static bool run_child(const char *library, struct prices *p)
{
	int fd[2], status = 0;
	FILE *f;
	bool ok;
	pid_t pid;

	if (pipe(fd))
		die("no pipe");
	pid = fork();
	if (!pid) {
		dup2(fd[1], STDOUT_FILENO);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		setenv("LD_PRELOAD", library, 1);
		execl("/proc/self/exe", "bench", "--malloc", library, NULL);
		_exit(1);
	}
	close(fd[1]);
	f = fdopen(fd[0], "r");
	ok = f && fscanf(f, "%lf %lf %lf %lf", &p->pair, &p->random, &p->batch, &p->handed) == 4;
	fclose(f);
	return waitpid(pid, &status, 0) == pid && !status && ok;
}

static void report_one(const char *name, const char *what, double result, double base)
{
	char text[80];

	snprintf(text, sizeof(text), "%s: %s", name, what);
	row("alloc and free against malloc", text, result, "ns", base);
}

static void report_calls(const char *name, const struct prices *p, const struct prices *base)
{
	report_one(name, "64 B, alloc and free in turn", p->pair, base->pair);
	report_one(name, "16 to 516 B, random among 100000", p->random, base->random);
}

static void report_batches(const char *name, const struct prices *p, const struct prices *base)
{
	report_one(name, "64 B, 1000 made, then freed", p->batch, base->batch);
	report_one(name, "64 B, made here, freed there", p->handed, base->handed);
}

static void report(const char *name, const struct prices *p, const struct prices *base)
{
	report_calls(name, p, base);
	report_batches(name, p, base);
}

void bench_alloc(void)
{
	static const char *const library[][2] = {
		{ "jemalloc", "libjemalloc.so.2" }, { "mimalloc", "libmimalloc.so.2.0" },
		{ "tcmalloc", "libtcmalloc_minimal.so.4" },
	};
	struct memlane *m = open_bench(256 * MIB, 256 * MIB);
	struct prices base, result;
	size_t i;

	if (!run_child("", &base))
		die("no child");
	report("glibc", &base, &base);
	for (i = 0; i < sizeof(library) / sizeof(library[0]); i++)
		if (run_child(library[i][1], &result))
			report(library[i][0], &result, &base);
	report_one("memlane", "64 B, alloc and free in turn", quickest(memlane_pairs, m, ROUNDS) / ROUND, base.pair);
	result.pair = quickest(memlane_pairs_seen, m, ROUNDS) / ROUND;
	result.random = memlane_random(m);
	result.batch = batch_by_one(m);
	result.handed = batch_handed_over(m);
	report_calls("memlane, with a get", &result, &base);
	report_batches("memlane, by the batch", &result, &base);
	memlane_close(m);
}
