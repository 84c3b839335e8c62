/* SPDX-License-Identifier: MIT */
/*
 * gup.h - objects for the kernel to hold, and a mover that is to meet them
 *
 *	ML_OPS		of each kind, with the mover at work
 */
#ifndef GUP_H
#define GUP_H

#include "api.h"
#include "content.h"

#define OBJECTS	48

static struct memlane *arena;
static bool over;	/* atomic */

static struct object {
	memlane_handle handle;
	uint64_t size;
	uint64_t id;
	uint64_t version;
} object[OBJECTS];

__attribute__((unused))
static void set_content(struct object *o)
{
	expect_eq(memlane_enter(arena), 0);
	content_write(memlane_get(arena, o->handle), o->size, o->id, ++o->version);
	expect_eq(memlane_exit(arena), 0);
}

__attribute__((unused))
static void expect_content(const struct object *o)
{
	expect_eq(memlane_enter(arena), 0);
	expect_eq(content_wrong(memlane_get(arena, o->handle), o->size, o->id, o->version), 0);
	expect_eq(memlane_exit(arena), 0);
}

/* Blocks of one and of three pages, and blobs. */
__attribute__((unused))
static void open_arena(void)
{
	static const uint64_t size[] = { 4096, 12288, 65536 };
	struct memlane_config c = quiet();
	struct object *o;

	c.fast_lane_size = c.slow_lane_size = 64 * MIB;
	c.section_grace = 0.1;
	arena = open_with(&c);
	if (memlane_backend(arena) != MEMLANE_BACKEND_MODULE)
		skip("the kernel's holds are known to the module alone");
	for (o = object; o < object + OBJECTS; o++) {
		o->id = o - object;
		o->size = size[o->id % 3];
		o->handle = must_alloc_in(arena, o->size, MEMLANE_IN_FAST);
		set_content(o);
	}
}

__attribute__((unused))
static int other_lane(const struct object *o)
{
	return memlane_lane(arena, o->handle) == MEMLANE_FAST ? MEMLANE_SLOW : MEMLANE_FAST;
}

__attribute__((unused))
static void *place_of(const struct object *o)
{
	void *p;

	expect_eq(memlane_enter(arena), 0);
	p = memlane_get(arena, o->handle);
	expect_eq(memlane_exit(arena), 0);
	return p;
}

static bool same_object(uint64_t a, uint64_t b)
{
	return a == b;
}

/* The latest to be in the way, and not for a pin. */
__attribute__((unused))
static void expect_blocker(const struct object *o)
{
	struct memlane_blocker b;

	expect_eq(memlane_blockers(arena, &b, 1), 1);
	expect(same_object(b.handle, o->handle));
	expect(b.times > 0);
	expect_eq(memlane_state(arena, o->handle), MEMLANE_STATE_LIVE);
}

/* The kernel holds it: it does not move, by hand or by compaction, and is counted. */
__attribute__((unused))
static void expect_held(const struct object *o)
{
	uint64_t held = stats(arena).counts.held;
	void *p = place_of(o);

	expect_eq(memlane_migrate(arena, o->handle, other_lane(o)), -EBUSY);
	expect_eq(stats(arena).counts.held, held + 1);
	expect_blocker(o);
	expect_eq(memlane_compact(arena, 0, 0, NULL), 0);
	expect(place_of(o) == p);
}

/*
 * Nobody holds it any more. Pages that were in use by the system a moment ago may
 * have a reference of its caches' left, for a moment.
 */
__attribute__((unused))
static void expect_free_again(const struct object *o)
{
	int err, to = other_lane(o), try;

	for (try = 0; try < 100; try++) {
		err = memlane_migrate(arena, o->handle, to);
		if (err != -EBUSY)
			break;
		usleep(10000);
	}
	expect_eq(err, 0);
	expect_content(o);
}

/* ----------------------------------------------- with the mover at work ---- */

/* All to and fro, and compaction, until told otherwise. */
__attribute__((unused))
static void *move_all(void *unused)
{
	memlane_handle h[OBJECTS];
	int lane = MEMLANE_SLOW;
	unsigned int i;

	(void)unused;
	for (i = 0; i < OBJECTS; i++)
		h[i] = object[i].handle;
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		expect(memlane_migrate_batch(arena, lane, h, OBJECTS, NULL, NULL) >= 0);
		expect_eq(memlane_compact(arena, 0, 0, NULL), 0);
		lane = lane == MEMLANE_FAST ? MEMLANE_SLOW : MEMLANE_FAST;
	}
	return NULL;
}

__attribute__((unused))
static struct memlane_counts counts_so_far(void)
{
	struct memlane_stats st = { .size = sizeof(st) };

	expect_eq(memlane_stat(arena, &st), 0);
	return st.counts;
}

/* What has to have happened for the run to mean something. */
__attribute__((unused))
static bool enough(bool holds)
{
	struct memlane_counts c = counts_so_far();

	return c.moved + c.remapped > OBJECTS && (!holds || c.held);
}

/*
 * Runs @kind on object after object while all of them move: as often as was asked
 * for, and on, within reason, until the mover has had its turns as well. @holds: it
 * must have met pages that @kind makes the kernel hold.
 */
__attribute__((unused))
static void under_load(void (*kind)(struct object *o, void *arg), void *arg, bool holds)
{
	uint64_t ops = env("ML_OPS", 300), done, i;
	unsigned long long rng = harness_seed();
	struct memlane_counts c;
	pthread_t mover;

	start(&mover, move_all, NULL);
	for (done = 0; done < ops || (done < 100 * ops && !enough(holds)); done++)
		kind(&object[rng_next(&rng) % OBJECTS], arg);
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	finish(mover);
	for (i = 0; i < OBJECTS; i++)
		expect_content(&object[i]);
	c = counts_so_far();
	printf("# %llu operations: moved %llu, remapped %llu, held %llu, vetoed %llu, given up %llu\n",
	       (unsigned long long)done, c.moved, c.remapped, c.held, c.vetoed, c.given_up);
	expect(enough(holds));
}

/* Until the mover has met a page that is held, but not for ever. */
__attribute__((unused))
static void let_it_try(void)
{
	uint64_t before = counts_so_far().held;
	int look;

	for (look = 0; look < 50 && counts_so_far().held == before; look++)
		usleep(200);
}

/* The kernel holds this object alone: the mover comes by, counts it, lets it be. */
__attribute__((unused))
static void expect_met(const struct object *o)
{
	uint64_t before = counts_so_far().held;
	void *p = place_of(o);
	int look;

	for (look = 0; look < 60000 && counts_so_far().held == before; look++)
		usleep(1000);
	expect(counts_so_far().held > before);
	expect(place_of(o) == p);
}

#endif /* GUP_H */
