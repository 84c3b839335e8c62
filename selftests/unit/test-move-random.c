// SPDX-License-Identifier: MIT
/*
 * test-move-random.c - batches of moves, each object with a fate of its own
 *
 * A table says of each handle what becomes of it before the call and while the
 * batch waits, and from that alone what the call has to answer, where the object
 * is then and what its bytes are.
 */
#include <string.h>

#include "ktap.h"
#include "lane.h"
#include "world.h"

#define OBJECTS	48
#define NONE	MEMLANE_LANES	/* no object: the handle is an old one */

enum fate {
	MOVES,
	PINNED,		/* before the call */
	FORGED,		/* another location in the word, before the call */
	BUSY,		/* the state of what is handed over */
	PINNED_LATE,	/* these while the batch waits */
	FORGED_LATE,
	VETOED,
	FREED,
	FATES
};

struct object {
	u64 handle;
	u64 length;
	unsigned int lane;
	enum fate fate;
	u64 word;	/* before the call */
	bool asked;
};

static struct world *w;
static struct rng rng;
static struct object objects[OBJECTS];
static unsigned int target;
static u64 fates[FATES];	/* met by objects that would have moved */

static u8 *bytes(const struct object *o)
{
	return world_at(w, world_query(w, o->handle).out_location, o->length);
}

static void make(struct object *o)
{
	o->lane = rng_below(&rng, 2);
	o->length = rng_below(&rng, 8) ? 1 + rng_below(&rng, 3000) : 33000 + rng_below(&rng, 9000);
	o->handle = world_alloc(w, o->lane, o->length);
	memset(bytes(o), (int)(o - objects), o->length);
}

/* Is there anything to move? */
static bool on_its_way(const struct object *o)
{
	return o->asked && o->lane != NONE && o->lane != target;
}

static void before_call(struct object *o)
{
	o->asked = rng_below(&rng, 2);
	o->fate = rng_below(&rng, 2) ? MOVES : rng_below(&rng, FATES);
	if (o->lane == NONE)
		return;
	o->word = *world_entry(w, o->handle);
	if (on_its_way(o))
		fates[o->fate]++;
	if (o->fate == PINNED)
		*world_pin(w, o->handle) = MEMLANE_PIN_ONE;
	if (o->fate == FORGED)
		*world_entry(w, o->handle) ^= 1ULL << 20;
	if (o->fate == BUSY)
		*world_entry(w, o->handle) = world_in_state(o->word, MEMLANE_ENTRY_BUSY);
}

static void in_grace(struct world *world, void *arg)
{
	struct object *o;

	for (o = objects; o < objects + OBJECTS; o++) {
		if (!on_its_way(o))
			continue;
		if (o->fate == PINNED_LATE)
			*world_pin(world, o->handle) = MEMLANE_PIN_ONE;
		if (o->fate == FORGED_LATE)
			*world_entry(world, o->handle) ^= 1ULL << 20;
		if (o->fate == VETOED)
			*world_entry(world, o->handle) =
				world_unmarked(*world_entry(world, o->handle));
		if (o->fate == FREED)
			world_free(world, o->handle);
	}
}

static int wanted(const struct object *o)
{
	static const int result[FATES] = {
		[PINNED] = -EBUSY, [BUSY] = -EAGAIN, [PINNED_LATE] = -EBUSY,
		[FORGED_LATE] = -EAGAIN, [VETOED] = -EAGAIN, [FREED] = -EAGAIN,
	};

	if (o->lane == NONE)
		return -ESTALE;
	if (o->fate == FORGED)
		return -EBADF;
	if (o->lane == target)
		return 0;
	return w->sync_result && o->fate != PINNED ? -EAGAIN : result[o->fate];
}

/* Whatever its fate: the object is where the table says, and whole. */
static void after_call(struct object *o)
{
	u64 i;
	u8 *p;

	if (on_its_way(o) && o->fate == FREED)
		o->lane = NONE;
	else if (on_its_way(o) && !wanted(o))
		o->lane = target;
	if (o->lane == NONE)
		return;
	*world_pin(w, o->handle) = 0;
	if (o->fate == FORGED || o->fate == BUSY || (o->fate == FORGED_LATE && on_its_way(o)))
		*world_entry(w, o->handle) = o->word;
	expect_eq(world_query(w, o->handle).out_lane, o->lane);
	expect_eq(world_loc(w, o->handle), world_query(w, o->handle).out_location);
	expect(!world_moving(w, o->handle));
	p = bytes(o);
	for (i = 0; i < o->length; i++)
		if (p[i] != (u8)(o - objects))
			expect_eq(p[i], o - objects);
}

static void call(void)
{
	struct memlane_migrate req = { .size = sizeof(req), .lane = target };
	u64 handles[OBJECTS];
	s32 results[OBJECTS];
	u32 n = 0, i;

	for (i = 0; i < OBJECTS; i++)
		if (objects[i].asked)
			handles[req.count++] = objects[i].handle;
	if (!req.count)
		return;
	expect_eq(ml_migrate(&w->arena, &req, handles, results), 0);
	expect_eq(req.out_count, req.count);
	for (i = 0; i < OBJECTS; i++)
		if (objects[i].asked)
			expect_eq(results[n++], wanted(&objects[i]));
}

static void round_of_moves(void)
{
	unsigned int i;

	target = rng_below(&rng, 2);
	w->sync_result = rng_below(&rng, 8) ? 0 : -ENOMEM;
	for (i = 0; i < OBJECTS; i++)
		before_call(&objects[i]);
	call();
	for (i = 0; i < OBJECTS; i++)
		after_call(&objects[i]);
	world_check(w);
	for (i = 0; i < OBJECTS; i++)
		if (objects[i].lane == NONE && !rng_below(&rng, 4))
			make(&objects[i]);
}

static void move_random(void)
{
	u64 rounds = ktap_ops(2400) / OBJECTS * 2, i;

	w = world_new(4 << 20, 4 << 20);
	w->in_grace = in_grace;
	rng = rng_new();
	for (i = 0; i < OBJECTS; i++)
		make(&objects[i]);
	for (i = 0; i < rounds; i++)
		round_of_moves();
	for (i = 0; i < FATES && rounds >= 100; i++)
		expect(fates[i]);
	world_end(w);
}

static const struct test tests[] = {
	{ "move_random", move_random },
};

KTAP_MAIN(tests);
