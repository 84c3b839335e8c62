// SPDX-License-Identifier: MIT
/*
 * test-steps.c - what a call costs in an arena of few objects, and of many
 *
 * The engine is compiled to call a function in each of its basic blocks, which
 * are counted here: no clock, and the same on any machine. The tests and the
 * arena's owner are not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ktap.h"
#include "world.h"

#define CALLS	200
#define A_LEVEL	12	/* steps that a doubling of the objects may add */

enum call { ALLOC, FREE, MIGRATE, CALLS_KNOWN };

static const char *const names[] = { "alloc", "free", "migrate" };
static u64 steps;
static struct world *w;
static struct rng rng;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	steps++;
}

/* Blocks of many classes, and a blob now and then. */
static u64 some_length(void)
{
	return rng_below(&rng, 16) ? 1 + rng_below(&rng, 500) : 33000 + rng_below(&rng, 20000);
}

/* A third of them has gone: spans have places, and there are holes of all sizes. */
static u64 *fill(u64 nr)
{
	u64 *handle = calloc(nr, sizeof(*handle)), i;

	for (i = 0; i < nr; i++)
		handle[i] = world_alloc(w, MEMLANE_SLOW, some_length());
	for (i = 0; i < nr; i += 1 + rng_below(&rng, 5)) {
		world_free(w, handle[i]);
		handle[i] = 0;
	}
	return handle;
}

static void begin(u64 nr)
{
	struct memlane_create req = world_request(64 << 20, nr * 8192 + (64 << 20));

	req.handles = nr * 2;
	w = calloc(1, sizeof(*w));
	expect_eq(world_try(w, &req, true), 0);
	rng = rng_new();
}

static u64 since(u64 was)
{
	return steps - was;
}

/* The mean of CALLS calls of each kind. */
static void measure(u64 nr, u64 *mean)
{
	u64 *handle, x, was, i;

	begin(nr);
	handle = fill(nr);
	mean[ALLOC] = mean[FREE] = mean[MIGRATE] = 0;
	for (i = 0; i < CALLS; i++) {
		was = steps;
		x = world_alloc(w, MEMLANE_SLOW, some_length());
		mean[ALLOC] += since(was);
		was = steps;
		expect_eq(world_migrate(w, x, MEMLANE_FAST), 0);
		mean[MIGRATE] += since(was);
		do {
			x = rng_below(&rng, nr);
		} while (!handle[x]);
		was = steps;
		world_free(w, handle[x]);
		mean[FREE] += since(was);
		handle[x] = 0;
	}
	free(handle);
	for (i = 0; i < CALLS_KNOWN; i++) {
		mean[i] /= CALLS;
		printf("# %llu objects: %llu steps for %s\n", nr, mean[i], names[i]);
	}
	world_end(w);
}

static void cost_grows_with_the_logarithm(void)
{
	u64 few[CALLS_KNOWN], many[CALLS_KNOWN], nr;
	unsigned int doublings, i;

	measure(1000, few);
	for (nr = 8000, doublings = 3; nr <= 512000; nr *= 8, doublings += 3) {
		measure(nr, many);
		for (i = 0; i < CALLS_KNOWN; i++) {
			expect(few[i]);
			expect(many[i] <= few[i] + A_LEVEL * doublings);
		}
	}
}

static const struct test tests[] = {
	{ "steps_grow_with_the_logarithm", cost_grows_with_the_logarithm },
};

KTAP_MAIN(tests);
