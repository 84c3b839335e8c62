// SPDX-License-Identifier: MIT
/* speed.c - what get costs against a pointer, and alloc and free against malloc */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define GET_OBJECTS	512U	/* 64 bytes each: all in the first cache */
#define GET_MANY	(1U << 20)
#define ROUND		10000U	/* calls, some 0.1 ms of them */
#define ROUNDS		6000U	/* a second of them: a neighbour may spoil a tenth */
#define PER		100U	/* gets in a section */
#define RANDOM_LIVE	100000
#define SMALL		64

static const char gets_title[] = "get against a pointer (64 B)";

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

/* An emulator takes thirty times as long, and its times are told to nobody. */
static unsigned int rounds(void)
{
	return ratios_only() ? ROUNDS / 30 : ROUNDS;
}

static void shuffle(uint64_t *x, unsigned int nr)
{
	uint64_t rng = 88172645463325252ULL, other;
	unsigned int at;

	while (nr > 1) {
		at = (rng_next(&rng) >> 32) % nr--;
		other = x[nr];
		x[nr] = x[at];
		x[at] = other;
	}
}

/* ------------------------------------------------------------------- get */

/**
 * struct gets - objects that are looked at, in the order of their arrays
 * @nr: objects, a power of two
 * @at: the next one
 */
struct gets {
	struct memlane *m;
	unsigned int nr;
	unsigned int at;
	memlane_handle *h;
	uint64_t **p;
};

/* Where a round begins: the next one goes on behind it. */
static unsigned int begin(struct gets *g)
{
	g->at += ROUND;
	return g->at - ROUND;
}

static void by_pointer(void *arg)
{
	struct gets *g = arg;
	const unsigned int mask = g->nr - 1, from = begin(g);
	uint64_t sum = 0;
	unsigned int i;

	for (i = from; i != from + ROUND; i++)
		sum += load(g->p[i & mask]);
	__atomic_store_n(&sink, sum, __ATOMIC_RELAXED);
}

/* What a table costs that believes every handle: a load, an exclusive or, an addition. */
static void by_table(void *arg)
{
	struct gets *g = arg;
	const struct memlane_hot *hot = (const struct memlane_hot *)g->m;
	const unsigned int mask = g->nr - 1, from = begin(g);
	uint64_t sum = 0, x;
	unsigned int i;

	for (i = from; i != from + ROUND; i++) {
		x = hot->table[(uint32_t)g->h[i & mask]] ^ g->h[i & mask];
		sum += load((uint64_t *)(hot->data + (x << MEMLANE_GRANULE_SHIFT)));
	}
	__atomic_store_n(&sink, sum, __ATOMIC_RELAXED);
}

/* Four in a turn: a loop of one would tell how many jumps the machine can take in a cycle. */
static void by_handle(void *arg)
{
	struct gets *g = arg;
	const unsigned int mask = g->nr - 1, from = begin(g);
	const memlane_handle *h = g->h;
	struct memlane *m = g->m;
	uint64_t sum = 0;
	unsigned int i, j;

	for (i = from; i != from + ROUND; i += PER) {
		memlane_enter(m);
		for (j = i; j != i + PER; j += 4) {
			sum += load(memlane_get(m, h[j & mask]));
			sum += load(memlane_get(m, h[(j + 1) & mask]));
			sum += load(memlane_get(m, h[(j + 2) & mask]));
			sum += load(memlane_get(m, h[(j + 3) & mask]));
		}
		memlane_exit(m);
	}
	__atomic_store_n(&sink, sum, __ATOMIC_RELAXED);
}

static void by_section(void *arg)
{
	struct gets *g = arg;
	const unsigned int mask = g->nr - 1, from = begin(g);
	uint64_t sum = 0;
	unsigned int i;

	for (i = from; i != from + ROUND; i++) {
		memlane_enter(g->m);
		sum += load(memlane_get(g->m, g->h[i & mask]));
		memlane_exit(g->m);
	}
	__atomic_store_n(&sink, sum, __ATOMIC_RELAXED);
}

static double report_gets(struct gets *g, const char *what, void (*round)(void *arg), double base)
{
	double ns = quickest(round, g, rounds()) / ROUND;
	char text[80];

	snprintf(text, sizeof(text), "%u objects at random: %s", g->nr, what);
	row(gets_title, g->nr > GET_OBJECTS ? text : what, ns, "ns", base ? base : ns);
	return ns;
}

/* As pages lie now, and nothing moves: an address stays true. */
static void fill_gets(struct gets *g)
{
	unsigned int i;

	g->h = calloc(g->nr, sizeof(*g->h));
	g->p = calloc(g->nr, sizeof(*g->p));
	for (i = 0; i < g->nr; i++)
		g->h[i] = must_alloc(g->m, SMALL);
	if (g->nr > GET_OBJECTS)
		shuffle(g->h, g->nr);
	for (i = 0; i < g->nr; i++) {
		g->p[i] = memlane_pin(g->m, g->h[i]);
		memlane_unpin(g->m, g->h[i]);
	}
}

static void empty_gets(struct gets *g)
{
	unsigned int i;

	for (i = 0; i < g->nr; i++)
		memlane_free(g->m, g->h[i]);
	free(g->h);
	free(g->p);
}

static void look_at(struct memlane *m, unsigned int nr)
{
	struct gets g = { .m = m, .nr = nr };
	double base;

	fill_gets(&g);
	base = report_gets(&g, "pointer", by_pointer, 0);
	base = report_gets(&g, "a table that believes every handle", by_table, base);
	report_gets(&g, "a section for 100 gets, against that", by_handle, base);
	if (nr == GET_OBJECTS)
		report_gets(&g, "a section for each get, against the table", by_section, base);
	empty_gets(&g);
}

void bench_get(void)
{
	struct memlane *m = open_bench(256 * MIB, 8 * MIB);

	look_at(m, GET_OBJECTS);
	look_at(m, GET_MANY);
	memlane_close(m);
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
	best = quickest(malloc_replace, &l, rounds() / 6) / ROUND;
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
	best = quickest(memlane_replace, &l, rounds() / 6) / ROUND;
	for (i = 0; i < RANDOM_LIVE; i++)
		memlane_free(m, l.h[i]);
	return best;
}

/* A thread of two that do the same at the same time. */
struct twin {
	void (*round)(void *arg);
	void *arg;
	pthread_barrier_t *both;
	double ns;
};

static void *run_twin(void *arg)
{
	struct twin *twin = arg;

	pthread_barrier_wait(twin->both);
	twin->ns = quickest(twin->round, twin->arg, rounds());
	pthread_barrier_wait(twin->both);
	return NULL;
}

/* How many calls two threads make in the time in which one makes one. */
static double two_against_one(void (*round)(void *arg), void *arg)
{
	pthread_barrier_t both;
	struct twin twin[2];
	pthread_t thread[2];
	double alone = quickest(round, arg, rounds());
	unsigned int i;

	pthread_barrier_init(&both, NULL, 2);
	for (i = 0; i < 2; i++) {
		twin[i] = (struct twin){ .round = round, .arg = arg, .both = &both };
		if (pthread_create(&thread[i], NULL, run_twin, &twin[i]))
			die("no thread");
	}
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&both);
	return alone / twin[0].ns + alone / twin[1].ns;
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
	double two;	/* no time: calls of two threads against one */
};

void malloc_child(const char *library)
{
	size_t size = SMALL;
	struct prices p;

	if (*library && !is_mapped(library))
		exit(1);
	p.pair = quickest(malloc_pairs, &size, rounds()) / ROUND;
	p.random = malloc_random();
	p.batch = batch_by_one(NULL);
	p.handed = batch_handed_over(NULL);
	p.two = two_against_one(malloc_pairs, &size);
	printf("%f %f %f %f %f\n", p.pair, p.random, p.batch, p.handed, p.two);
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
	ok = f && fscanf(f, "%lf %lf %lf %lf %lf", &p->pair, &p->random, &p->batch, &p->handed, &p->two) == 5;
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

static void report_threads(const char *name, double two)
{
	char text[80];

	snprintf(text, sizeof(text), "%s: calls of two threads, against one", name);
	row("alloc and free against malloc", text, two, "x", 0);
}

static void report(const char *name, const struct prices *p, const struct prices *base)
{
	report_calls(name, p, base);
	report_batches(name, p, base);
	report_threads(name, p->two);
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
	report_one("memlane", "64 B, alloc and free in turn", quickest(memlane_pairs, m, rounds()) / ROUND, base.pair);
	result.pair = quickest(memlane_pairs_seen, m, rounds()) / ROUND;
	result.random = memlane_random(m);
	result.batch = batch_by_one(m);
	result.handed = batch_handed_over(m);
	report_calls("memlane, with a get", &result, &base);
	report_batches("memlane, by the batch", &result, &base);
	report_threads("memlane", two_against_one(memlane_pairs, m));
	memlane_close(m);
}
