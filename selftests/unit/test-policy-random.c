// SPDX-License-Identifier: MIT
/*
 * test-policy-random.c - where the policy wants objects, against a naive answer
 *
 * The answer is written from what Documentation/api.md says of priorities, hints
 * and pressure, of what the statistics report and of a heat that is kept here.
 */
#include <linux/minmax.h>
#include <stdlib.h>

#include "block.h"
#include "ktap.h"
#include "lane.h"
#include "policy.h"
#include "run.h"
#include "table.h"
#include "world.h"

#define SECOND	1000000000ULL
#define OBJECTS	160
#define STAYS	MEMLANE_LANES	/* no wish */

struct object {
	u64 handle;	/* 0: none */
	u32 notes;
	u64 size;
	bool used[4];	/* in which of the last periods? the newest first */
	bool touched;
};

static struct world *w;
static struct ml_arena *a;
static struct rng rng;
static struct object objects[OBJECTS];
static u32 compaction, pressure;	/* thresholds, permille */
static u64 threshold;
static u64 wishes[MEMLANE_CAUSES];	/* met in this run */

static void set(u32 option, u64 value)
{
	struct memlane_set req = { .size = sizeof(req), .option = option, .value = value };

	expect_eq(ml_set(a, &req), 0);
}

/* ---------------------------------------------------------- naive answer */

static struct memlane_lane_stat lane_stat(unsigned int lane)
{
	struct memlane_stat st = { .size = sizeof(st) };

	expect_eq(ml_stat(a, &st), 0);
	return st.out.lane[lane];
}

static bool past(u64 part, u64 whole, u32 permille)
{
	return part * 1000 >= whole * permille;
}

static unsigned int periods(const struct object *o, unsigned int of)
{
	unsigned int i, n = 0;

	for (i = 0; i < of; i++)
		n += o->used[i];
	return n;
}

/* Until when does its priority keep what is not used in the FastLane? */
static bool may_stay(const struct object *o, const struct memlane_lane_stat *fast)
{
	static const u32 none, half = 500;
	const u32 *until[] = { &none, &half, &compaction };
	u32 priority = (o->notes & MEMLANE_PIN_PRIORITY_MASK) >> MEMLANE_PIN_PRIORITY_SHIFT;

	return priority == 3 || !past(fast->used, fast->limit, *until[priority]);
}

/* What it should do, if it may change its lane. */
static unsigned int leaves(const struct object *o, unsigned int lane)
{
	struct memlane_lane_stat fast = lane_stat(MEMLANE_FAST), slow = lane_stat(MEMLANE_SLOW);
	bool large = threshold && o->size > threshold;
	bool let_go = o->notes & (MEMLANE_HINT_COLD | MEMLANE_HINT_OLD | MEMLANE_HINT_EVICTABLE);

	if (lane == MEMLANE_SLOW)
		return periods(o, 4) == 4 && !let_go && !large &&
		       !past(fast.used, fast.limit, 500) ? MEMLANE_CAUSE_HOT : 0;
	if (o->notes & MEMLANE_HINT_FRAME_CRITICAL || slow.used * 1000 > slow.max * pressure)
		return 0;
	if (large)
		return MEMLANE_CAUSE_OVERSIZED;
	if (!let_go && (o->touched || periods(o, 4) || may_stay(o, &fast)))
		return 0;
	return MEMLANE_CAUSE_STALE;
}

/* Should a block change its span? Never used: out of the warm; lately: out of the cold. */
static bool misplaced(const struct object *o, const struct ml_run *run)
{
	if (run->kind != ML_SPAN)
		return false;
	return container_of(run, struct ml_span, run)->cold ? periods(o, 2) == 2 : !periods(o, 4);
}

static struct ml_wish naive_wish(const struct object *o)
{
	struct memlane_query q = world_query(w, o->handle);
	unsigned int cause = leaves(o, q.out_lane);

	expect_eq(q.out_heat, o->used[0] | o->used[1] << 1 | o->used[2] << 2 | o->used[3] << 3);
	if (cause)
		return (struct ml_wish){ !q.out_lane, q.out_lane ? ML_WARM : ML_COLD, cause };
	if (misplaced(o, world_locked(a, ml_run_at(a, ml_loc_page(q.out_location)))))
		return (struct ml_wish){ q.out_lane, periods(o, 4) ? ML_WARM : ML_COLD,
					 MEMLANE_CAUSE_SORT };
	return (struct ml_wish){ .lane = STAYS };
}

static void compare(const struct object *o)
{
	struct ml_wish want = naive_wish(o), is = { };
	bool any = world_locked(a, ml_policy_wish(a, (u32)o->handle, &is));

	expect_eq(any, want.lane != STAYS);
	if (!any)
		return;
	expect_eq(is.lane, want.lane);
	expect_eq(is.temper, want.temper);
	expect_eq(is.cause, want.cause);
	wishes[is.cause]++;
}

static void compare_all(void)
{
	unsigned int i;

	for (i = 0; i < OBJECTS; i++)
		if (objects[i].handle)
			compare(&objects[i]);
}

/* ------------------------------------------------------------ operations */

static void make(struct object *o)
{
	struct memlane_alloc req = {
		.size = sizeof(req), .flags = MEMLANE_ALLOC_LIVE, .count = 1,
		.lane = rng_below(&rng, 2),
		.length = rng_below(&rng, 8) ? 1 + rng_below(&rng, 2000) : 40000,
	};

	*o = (struct object){ .used = { true, true, true, true }, .touched = true };
	o->size = req.length;
	if (ml_alloc(a, &req, &o->handle))
		o->handle = 0;
}

static void end_one(struct object *o)
{
	*world_pin(w, o->handle) = 0;	/* what is pinned cannot be freed */
	world_free(w, o->handle);
	o->handle = 0;
}

/* The program's notes, with pins now and then; sizes about the threshold. */
static void note(struct object *o)
{
	o->notes = rng_below(&rng, 4) << MEMLANE_PIN_PRIORITY_SHIFT;
	if (!rng_below(&rng, 3))
		o->notes |= 1U << rng_below(&rng, 4);
	if (!rng_below(&rng, 8))
		o->notes |= MEMLANE_PIN_ONE;
	*world_pin(w, o->handle) = o->notes;
	o->size = 4090 + rng_below(&rng, 12);
	world_describe(w, o->handle, o->size);
	world_join(w, o->handle, rng_below(&rng, 9));
}

static void touch(struct object *o)
{
	world_use(w, o->handle);
	o->touched = true;
}

static void aged(struct object *o)
{
	o->used[3] = o->used[2];
	o->used[2] = o->used[1];
	o->used[1] = o->used[0];
	o->used[0] = o->touched;
	o->touched = false;
}

/* Some periods in which it is always used, or never, or now and then. */
static void age(struct object *o)
{
	unsigned int n = rng_below(&rng, 5), often = rng_below(&rng, 3);

	for (; n; n--) {
		if (rng_below(&rng, 2) < often)
			touch(o);
		mutex_lock(&a->lock);
		ml_index_age(a, (u32)o->handle);
		mutex_unlock(&a->lock);
		aged(o);
	}
}

/* A period ends for all, and objects go where they are wanted. */
static void cycle(void)
{
	struct memlane_maintain req = { .size = sizeof(req) };
	unsigned int i;

	w->clock += 2 * SECOND;
	expect_eq(ml_maintain(a, &req), 0);
	for (i = 0; i < OBJECTS; i++)
		if (objects[i].handle)
			aged(&objects[i]);
	world_check(w);
}

static void options(void)
{
	u64 used = lane_stat(MEMLANE_FAST).used, max = lane_stat(MEMLANE_FAST).max;

	compaction = 300 + rng_below(&rng, 700);
	pressure = 100 + rng_below(&rng, 900);
	threshold = rng_below(&rng, 2) ? 4090 + rng_below(&rng, 12) : 0;
	set(MEMLANE_OPT_COMPACTION_THRESHOLD, compaction);
	set(MEMLANE_OPT_SLOW_USAGE_THRESHOLD, pressure);
	set(MEMLANE_OPT_THRESHOLD, threshold);
	set(MEMLANE_OPT_FAST_LIMIT, min(max, used * (1 + rng_below(&rng, 4))));
}

static void step(void)
{
	struct object *o = &objects[rng_below(&rng, OBJECTS)];

	if (!o->handle) {
		make(o);
		return;
	}
	switch (rng_below(&rng, 10)) {
	case 0:
		end_one(o);
		break;
	case 1: case 2: case 3:
		note(o);
		break;
	case 4: case 5: case 6:
		touch(o);
		break;
	default:
		age(o);
	}
}

static void begin(void)
{
	struct memlane_create req = world_request(4 << 20, 2 << 20);

	w = calloc(1, sizeof(*w));
	a = &w->arena;
	expect_eq(world_try(w, &req, true), 0);
	rng = rng_new();
	compaction = 900;
	pressure = 850;
	threshold = 0;
}

static void policy_random(void)
{
	u64 ops = ktap_ops(4000), i;

	begin();
	for (i = 0; i < ops; i++) {
		step();
		if (!rng_below(&rng, 16))
			options();
		if (!rng_below(&rng, 128))
			cycle();
		if (!rng_below(&rng, 16))
			compare_all();
	}
	/* Otherwise the run has shown little. */
	if (ops >= 4000) {
		expect(wishes[MEMLANE_CAUSE_STALE]);
		expect(wishes[MEMLANE_CAUSE_HOT]);
		expect(wishes[MEMLANE_CAUSE_OVERSIZED]);
		expect(wishes[MEMLANE_CAUSE_SORT]);
	}
	world_end(w);
}

static const struct test tests[] = {
	{ "policy_random", policy_random },
};

KTAP_MAIN(tests);
