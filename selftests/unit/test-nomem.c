// SPDX-License-Identifier: MIT
/*
 * test-nomem.c - every allocation of a scenario fails, in turn, once and for ever after
 *
 * Whatever fails, the invariants hold, the objects keep their bytes, and when it
 * is over everything has come back.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ktap.h"
#include "sequence.h"

/* Making an arena: nothing is left behind. */
static void create(bool forever)
{
	struct memlane_create req = world_request(128 << 10, 512 << 10);
	u64 n;
	int err = -1;

	for (n = 1; err; n++) {
		struct world *w = calloc(1, sizeof(*w));

		w->fail = (struct failure){ .doors = DOOR_ALL, .nth = n, .forever = forever };
		err = world_try(w, &req, true);
		expect(!err || err == -ENOMEM);
		if (err)
			free(w);
		else
			world_end(w);
	}
	expect(n > 20);
}

static void create_once(void)
{
	create(false);
}

static void create_for_ever(void)
{
	create(true);
}

/* One scenario with the @nth call through @doors failing; how many calls there were. */
static u64 scenario(const u8 *bytes, size_t len, unsigned int doors, u64 nth, bool forever)
{
	struct world *w = world_new(128 << 10, 512 << 10);
	struct sequence *s = sequence_new(w, SEQ_THOROUGH | SEQ_NO_FAILURES);
	const u8 *end = bytes + len;
	u64 hits;

	w->fail = (struct failure){ .doors = doors, .nth = nth, .forever = forever };
	while (bytes < end)
		sequence_step(s, &bytes, end);
	hits = w->fail.hits;
	sequence_end(s);
	world_end(w);
	return hits;
}

#define LEN 250

/* For every N until the Nth call is not reached. */
static void sweep(unsigned int doors)
{
	struct rng r = rng_new();
	u64 scenarios = ktap_ops(6), i, n, failed = 0;
	u8 bytes[LEN];

	for (; scenarios; scenarios--) {
		for (i = 0; i < LEN; i++)
			bytes[i] = (u8)(rng_next(&r) >> 56);
		for (n = 1; scenario(bytes, LEN, doors, n, false); n++)
			failed++;
		for (n = 1; scenario(bytes, LEN, doors, n, true); n++)
			failed++;
	}
	printf("# %llu failures\n", failed);
	expect(failed > 0);
}

static void zalloc(void)
{
	sweep(DOOR_ZALLOC);
}

static void share(void)
{
	sweep(DOOR_SHARE);
}

static void commit(void)
{
	sweep(DOOR_COMMIT);
}

static void populate(void)
{
	sweep(DOOR_POPULATE);
}

static const struct test tests[] = {
	{ "nomem_create_once", create_once },
	{ "nomem_create_for_ever", create_for_ever },
	{ "nomem_zalloc", zalloc },
	{ "nomem_share", share },
	{ "nomem_commit", commit },
	{ "nomem_populate", populate },
};

KTAP_MAIN(tests);
