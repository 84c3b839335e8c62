// SPDX-License-Identifier: MIT
/* speed.c - what get costs against a pointer, and alloc and free against malloc */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define GET_OBJECTS	1000	/* 64 bytes each: all in the cache */
#define GETS		50000000ULL
#define PAIRS		5000000ULL
#define RANDOM_LIVE	100000
#define RANDOM_OPS	3000000ULL
#define SMALL		64

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

static double by_pointer(uint64_t **p)
{
	uint64_t start = now_ns(), sum = 0, i;

	for (i = 0; i < GETS; i++)
		sum += load(p[i % GET_OBJECTS]);
	__atomic_store_n(&sink, sum, __ATOMIC_RELAXED);
	return (double)(now_ns() - start) / GETS;
}

/* @per: gets in one section */
static double by_handle(struct memlane *m, const memlane_handle *h, unsigned int per)
{
	uint64_t start = now_ns(), sum = 0, i, j;

	for (i = 0; i < GETS; i += per) {
		memlane_enter(m);
		for (j = i; j < i + per; j++)
			sum += load(memlane_get(m, h[j % GET_OBJECTS]));
		memlane_exit(m);
	}
	__atomic_store_n(&sink, sum, __ATOMIC_RELAXED);
	return (double)(now_ns() - start) / GETS;
}

void bench_get(void)
{
	static const char *const title = "get against a pointer (64 B in the cache)";
	struct memlane *m = open_bench(8 * MIB, 8 * MIB);
	static memlane_handle h[GET_OBJECTS];
	static uint64_t *p[GET_OBJECTS];
	double base;
	unsigned int i;

	for (i = 0; i < GET_OBJECTS; i++) {
		h[i] = must_alloc(m, SMALL);
		p[i] = memlane_pin(m, h[i]);
		memlane_unpin(m, h[i]);
	}
	base = by_pointer(p);
	row(title, "pointer", base, "ns", base);
	row(title, "a section for 100 gets", by_handle(m, h, 100), "ns", base);
	row(title, "a section for 10 gets", by_handle(m, h, 10), "ns", base);
	row(title, "a section for each get", by_handle(m, h, 1), "ns", base);
	memlane_close(m);
}

/* ---------------------------------------------------------- alloc and free */

static uint64_t any_size(uint64_t *rng)
{
	return 16 + (rng_next(rng) >> 32) % 501;
}

static double malloc_pairs(void)
{
	uint64_t start = now_ns(), i;
	char *p;

	for (i = 0; i < PAIRS; i++) {
		p = malloc(SMALL);
		store(p);
		free(p);
	}
	return (double)(now_ns() - start) / PAIRS;
}

static double malloc_random(void)
{
	uint64_t rng = 88172645463325252ULL, start, i;
	char **p = calloc(RANDOM_LIVE, sizeof(*p));

	for (i = 0; i < RANDOM_LIVE; i++)
		p[i] = malloc(any_size(&rng));
	start = now_ns();
	for (i = 0; i < RANDOM_OPS; i++) {
		uint64_t at = (rng_next(&rng) >> 32) % RANDOM_LIVE;

		free(p[at]);
		p[at] = malloc(any_size(&rng));
		store(p[at]);
	}
	start = now_ns() - start;
	for (i = 0; i < RANDOM_LIVE; i++)
		free(p[i]);
	free(p);
	return (double)start / RANDOM_OPS;
}

static void touch(struct memlane *m, memlane_handle h)
{
	memlane_enter(m);
	store(memlane_get(m, h));
	memlane_exit(m);
}

static double memlane_pairs(struct memlane *m)
{
	uint64_t start = now_ns(), i;
	memlane_handle h;

	for (i = 0; i < PAIRS; i++) {
		h = memlane_alloc(m, SMALL);
		touch(m, h);
		memlane_free(m, h);
	}
	return (double)(now_ns() - start) / PAIRS;
}

static double memlane_random(struct memlane *m)
{
	uint64_t rng = 88172645463325252ULL, start, i;
	memlane_handle *h = calloc(RANDOM_LIVE, sizeof(*h));

	for (i = 0; i < RANDOM_LIVE; i++)
		h[i] = must_alloc(m, any_size(&rng));
	start = now_ns();
	for (i = 0; i < RANDOM_OPS; i++) {
		uint64_t at = (rng_next(&rng) >> 32) % RANDOM_LIVE;

		memlane_free(m, h[at]);
		h[at] = must_alloc(m, any_size(&rng));
		touch(m, h[at]);
	}
	start = now_ns() - start;
	for (i = 0; i < RANDOM_LIVE; i++)
		memlane_free(m, h[i]);
	free(h);
	return (double)start / RANDOM_OPS;
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
	struct prices p;

	if (*library && !is_mapped(library))
		exit(1);
	p.pair = malloc_pairs();
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
	result.pair = memlane_pairs(m);
	result.random = memlane_random(m);
	result.batch = batch_by_one(m);
	result.handed = batch_handed_over(m);
	report_calls("memlane, with a get", &result, &base);
	report_batches("memlane, by the batch", &result, &base);
	memlane_close(m);
}
