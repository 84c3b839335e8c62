// SPDX-License-Identifier: MIT
/* test-pressure.c - lanes that are full: thresholds, priorities, purging, the last resort */
#include <linux/atomic.h>
#include <stdlib.h>

#include "ktap.h"
#include "lane.h"
#include "policy.h"
#include "table.h"
#include "world.h"

#define SECOND	1000000000ULL
#define GROUP	9ULL

static struct world *w;
static struct ml_arena *a;

static void begin(u64 fast, u64 slow)
{
	w = world_new(fast, slow);
	a = &w->arena;
	w->clock += 2 * SECOND;
}

static void end(void)
{
	world_check(w);
	world_end(w);
}

static struct memlane_step cycle(u64 max_ns)
{
	struct memlane_maintain req = { .size = sizeof(req), .step = { .max_ns = max_ns } };

	w->clock += 2 * SECOND;
	expect_eq(ml_maintain(a, &req), 0);
	world_check(w);
	return req.step;
}

/* Go on with a cycle in the background; whether to go on once more. */
static bool tend(struct memlane_step *step)
{
	struct ml_tended t = { .more = true };

	expect_eq(ml_tend(a, step, &t), 0);
	return t.more;
}

static int set(u32 option, u64 value)
{
	struct memlane_set req = { .size = sizeof(req), .option = option, .value = value };

	return ml_set(a, &req);
}

static u64 get(u32 option)
{
	struct memlane_set req = { .size = sizeof(req), .option = option };

	expect_eq(ml_get(a, &req), 0);
	return req.value;
}

static int try_alloc(unsigned int lane, u64 length, u32 flags, u64 *handle)
{
	struct memlane_alloc req = {
		.size = sizeof(req), .flags = MEMLANE_ALLOC_LIVE | flags,
		.lane = lane, .length = length, .count = 1,
	};

	return ml_alloc(a, &req, handle);
}

static u64 droppable(unsigned int lane, u64 length, u32 priority)
{
	u64 handle = world_alloc(w, lane, length);

	*world_pin(w, handle) = priority << MEMLANE_PIN_PRIORITY_SHIFT;
	world_join(w, handle, GROUP);
	return handle;
}

static bool is_purged(u64 handle)
{
	return world_query(w, handle).out_state == MEMLANE_STATE_PURGED;
}

/* Whoever is short of memory has no time for indices that the arena does not have. */
static void reclaim_begins_with_the_first_index(void)
{
	struct memlane_create req = world_request(64 << 10, 1 << 20);
	u64 x[10];
	int i;

	w = calloc(1, sizeof(*w));
	w->first = 512 * 1000;
	expect_eq(world_try(w, &req, true), 0);
	a = &w->arena;
	expect_eq(set(MEMLANE_OPT_PURGEABLE, 1 << 16 | GROUP), 0);
	for (i = 0; i < 10; i++)
		x[i] = droppable(MEMLANE_SLOW, 40000, 3);
	/* One the slow way, as tallies are not made while there is no time. */
	ml_short_of_memory(a, 1);
	cycle(0);
	expect(!is_purged(x[0]) || !is_purged(x[9]));
	ml_reclaim(a, 10000);
	for (i = 0; i < 10; i++)
		expect(is_purged(x[i]));
	end();
}

/* ----------------------------------------------------------- thresholds ---- */

/* Stale objects leave until the SlowLane is under pressure; then they stay. */
static void nothing_enters_a_pressed_lane(void)
{
	u64 x[16];
	int i, left = 0;

	begin(1 << 20, 1 << 20);
	expect_eq(set(MEMLANE_OPT_SLOW_USAGE_THRESHOLD, 300), 0);
	for (i = 0; i < 16; i++) {
		x[i] = world_alloc(w, MEMLANE_FAST, 40000);
		*world_pin(w, x[i]) = MEMLANE_HINT_COLD;
	}
	cycle(0);
	for (i = 0; i < 16; i++)
		left += world_query(w, x[i]).out_lane == MEMLANE_SLOW;
	expect(left >= 7 && left <= 8);		/* 10 pages each, of 76 */
	expect(ml_lane_pressed(a, MEMLANE_SLOW));
	expect_eq(cycle(0).out_remapped, 0);
	end();
}

/* Each time that a lane comes under pressure it is told once, by what it may grow to. */
static void pressure_is_told_once(void)
{
	struct memlane_create req = world_request(64 << 10, 256 << 10);
	int i, round;
	u64 x;

	req.slow_max = 1 << 20;
	w = calloc(1, sizeof(*w));
	a = &w->arena;
	expect_eq(world_try(w, &req, true), 0);
	world_alloc(w, MEMLANE_SLOW, 225000);		/* 55 of 64 pages, of 256 at most */
	cycle(0);
	expect_eq(w->events[MEMLANE_EVENT_PRESSURE], 0);
	for (round = 1; round <= 2; round++) {
		x = world_alloc(w, MEMLANE_SLOW, 700000);
		for (i = 0; i < 3; i++)
			cycle(0);
		expect_eq(w->events[MEMLANE_EVENT_PRESSURE], round);
		world_free(w, x);
		cycle(0);
	}
	expect_eq(w->events[MEMLANE_EVENT_PRESSURE], 2);
	end();
}

/* What comes from the other lane leaves the margin alone; what is there may use it. */
static void the_margin_is_for_moves_inside_the_lane(void)
{
	u64 x[64], fast;
	int i;

	begin(256 << 10, 256 << 10);
	expect_eq(set(MEMLANE_OPT_FAST_MAX, 256 << 10), 0);
	expect_eq(set(MEMLANE_OPT_SLOW_USAGE_THRESHOLD, 1000), 0);
	expect_eq(set(MEMLANE_OPT_SLOW_SAFETY_MARGIN, 250), 0);
	for (i = 0; i < 48; i++)		/* 48 of 64 pages: all that allocations get */
		x[i] = world_alloc(w, MEMLANE_SLOW, 1024);
	while (!try_alloc(MEMLANE_SLOW, 4096, MEMLANE_ALLOC_NO_SPILL, &fast))
		;
	fast = world_alloc(w, MEMLANE_FAST, 9000);
	expect_eq(world_migrate(w, fast, MEMLANE_SLOW), -ENOSPC);
	for (i = 0; i < 6; i++) {		/* a cold span of their own fits into the margin */
		int k;

		for (k = 0; k < 48; k += 2)
			world_use(w, x[k]);
		cycle(0);
	}
	expect(w->told[MEMLANE_CAUSE_SORT] >= 24);
	end();
}

static void priority_decides_who_leaves(void)
{
	u64 x[4], filler;
	int i;

	begin(1 << 20, 4 << 20);
	for (i = 0; i < 4; i++) {
		x[i] = world_alloc(w, MEMLANE_FAST, 100);
		*world_pin(w, x[i]) = i << MEMLANE_PIN_PRIORITY_SHIFT;
	}
	for (i = 0; i < 5; i++)
		cycle(0);
	for (i = 0; i < 4; i++)			/* the lane is all but empty */
		expect_eq(world_query(w, x[i]).out_lane, i ? MEMLANE_FAST : MEMLANE_SLOW);
	filler = world_alloc(w, MEMLANE_FAST, 600000);
	*world_pin(w, filler) = MEMLANE_HINT_FRAME_CRITICAL;
	cycle(0);
	expect_eq(world_query(w, x[1]).out_lane, MEMLANE_SLOW);
	expect_eq(world_query(w, x[2]).out_lane, MEMLANE_FAST);
	filler = world_alloc(w, MEMLANE_FAST, 360000);
	*world_pin(w, filler) = MEMLANE_HINT_FRAME_CRITICAL;
	cycle(0);
	expect_eq(world_query(w, x[2]).out_lane, MEMLANE_SLOW);
	expect_eq(world_query(w, x[3]).out_lane, MEMLANE_FAST);
	end();
}

/* --------------------------------------------------------------- purging ---- */

/* What matters least goes first, and no more goes than the pressure asks for. */
static void purge_goes_by_priority_and_ends(void)
{
	u64 x[4][5], other;
	int i, k, gone = 0;

	begin(64 << 10, 1 << 20);
	expect_eq(set(MEMLANE_OPT_FAST_LIMIT, 0), 0);	/* what is hot stays */
	expect_eq(set(MEMLANE_OPT_PURGEABLE, 1 << 16 | GROUP), 0);
	for (i = 3; i >= 0; i--)
		for (k = 0; k < 5; k++)
			x[i][k] = droppable(MEMLANE_SLOW, 40000, i);
	expect(!ml_policy_pressed(a));
	cycle(0);
	expect_eq(a->table.purged, 0);
	other = world_alloc(w, MEMLANE_SLOW, 100000);	/* 225 of 256 pages */
	expect_eq(ml_policy_pressed(a), 1U << MEMLANE_SLOW);
	cycle(0);
	expect(!ml_policy_pressed(a));
	for (k = 0; k < 5; k++)
		gone += is_purged(x[0][k]);
	expect(gone >= 1);
	expect_eq(gone, (int)a->table.purged);	/* none of those that matter more */
	expect_eq(w->events[MEMLANE_EVENT_PURGED], 1);
	expect_eq(world_query(w, other).out_state, MEMLANE_STATE_LIVE);
	end();
}

/* The system is short of memory: everything that may go goes, and it is told. */
static void shortage_drops_all(void)
{
	struct memlane_step step = { .max_ns = 0 };
	u64 fast, slow, keep;

	begin(256 << 10, 1 << 20);
	expect_eq(set(MEMLANE_OPT_PURGEABLE, 1 << 16 | GROUP), 0);
	fast = droppable(MEMLANE_FAST, 100, 3);
	slow = droppable(MEMLANE_SLOW, 40000, 0);
	keep = world_alloc(w, MEMLANE_SLOW, 40000);
	ml_short_of_memory(a, ~0ULL);
	expect(!tend(&step));
	expect(is_purged(fast) && is_purged(slow) && !is_purged(keep));
	expect_eq(w->events[MEMLANE_EVENT_PRESSURE], 1);
	expect_eq(w->events[MEMLANE_EVENT_PURGED], 2);
	expect_eq(a->count.shortages, 1);
	expect(!a->policy.wanted);
	end();
}

static void touch(u64 handle, u64 length)
{
	world_at(w, world_loc(w, handle), length);
}

/* Pages between the objects go first, then objects, and no more than are wanted. */
static void shortage_takes_what_is_wanted(void)
{
	struct memlane_step step = { };
	struct ml_lane *l;
	u64 x[100], keep[5], used;
	int i;

	begin(64 << 10, 1 << 20);
	l = &a->lane[MEMLANE_SLOW];
	expect_eq(set(MEMLANE_OPT_FAST_LIMIT, 0), 0);
	expect_eq(set(MEMLANE_OPT_PURGEABLE, 1 << 16 | GROUP), 0);
	for (i = 0; i < 5; i++)
		touch(keep[i] = droppable(MEMLANE_SLOW, 40000, 0), 40000);
	for (i = 0; i < 100; i++)
		touch(x[i] = world_alloc(w, MEMLANE_SLOW, 2048), 2048);
	for (i = 0; i < 100; i++)
		if (i % 4)
			world_free(w, x[i]);
	used = ml_lane_used(l);
	ml_short_of_memory(a, 8);
	tend(&step);
	expect(ml_lane_used(l) <= used - 8);
	expect_eq(a->table.purged, 0);
	used = ml_lane_used(l);
	ml_short_of_memory(a, 40);
	tend(&step);
	expect(ml_lane_used(l) <= used - 40);
	expect(a->table.purged > 0 && a->table.purged < 5);
	expect(is_purged(keep[0]) + is_purged(keep[4]) < 2);
	expect_eq(a->count.shortages, 2);
	end();
}

/* A request that would be refused is served by what may be dropped. */
static void the_last_resort_purges(void)
{
	u64 x[5], more;
	int i, gone = 0;

	begin(64 << 10, 256 << 10);
	expect_eq(set(MEMLANE_OPT_SLOW_SAFETY_MARGIN, 0), 0);
	expect_eq(set(MEMLANE_OPT_PURGEABLE, 1 << 16 | GROUP), 0);
	for (i = 0; i < 5; i++)
		x[i] = droppable(MEMLANE_SLOW, 49152, 0);
	expect_eq(try_alloc(MEMLANE_SLOW, 49152, 0, &more), -ENOSPC);	/* may not move */
	expect_eq(w->events[MEMLANE_EVENT_FULL], 1);
	expect_eq(try_alloc(MEMLANE_SLOW, 49152, MEMLANE_ALLOC_MAY_MOVE, &more), 0);
	expect_eq(w->events[MEMLANE_EVENT_FULL], 1);
	for (i = 0; i < 5; i++)
		gone += is_purged(x[i]);
	expect(gone >= 1 && gone <= 2);
	end();
}

/* Holes of one lane are closed for one request after the other, without a wait. */
static void the_last_resort_compacts_at_once(void)
{
	u64 x[240], large;
	int i, round;

	begin(64 << 10, 256 << 10);
	expect_eq(set(MEMLANE_OPT_SLOW_SAFETY_MARGIN, 0), 0);
	for (i = 0; i < 240; i++)
		x[i] = world_alloc(w, MEMLANE_SLOW, 1024);
	for (i = 0; i < 240; i++)
		if (i % 4)
			world_free(w, x[i]);
	for (round = 0; round < 2; round++)
		expect_eq(try_alloc(MEMLANE_SLOW, 81920, MEMLANE_ALLOC_MAY_MOVE, &large), 0);
	expect_eq(try_alloc(MEMLANE_SLOW, 81920, MEMLANE_ALLOC_MAY_MOVE, &large), -ENOSPC);
	expect(a->count.by_cause[MEMLANE_CAUSE_COMPACT] > 0);
	end();
}

/* What was of no help is not tried again before something changes, or time has passed. */
static void the_last_resort_is_not_repeated(void)
{
	u64 x[5], more;
	u32 round;
	int i;

	begin(64 << 10, 256 << 10);
	for (i = 0; i < 4; i++)
		x[i] = world_alloc(w, MEMLANE_SLOW, 49152);
	x[4] = world_alloc(w, MEMLANE_SLOW, 100);
	expect_eq(try_alloc(MEMLANE_SLOW, 60000, MEMLANE_ALLOC_MAY_MOVE, &more), -ENOSPC);
	round = a->lane[MEMLANE_SLOW].round;
	expect_eq(try_alloc(MEMLANE_SLOW, 60000, MEMLANE_ALLOC_MAY_MOVE, &more), -ENOSPC);
	expect_eq(a->lane[MEMLANE_SLOW].round, round);
	world_free(w, x[4]);
	expect_eq(try_alloc(MEMLANE_SLOW, 60000, MEMLANE_ALLOC_MAY_MOVE, &more), -ENOSPC);
	expect_eq(a->lane[MEMLANE_SLOW].round, round + 1);
	w->clock += SECOND;			/* room may be made again, too */
	expect_eq(try_alloc(MEMLANE_SLOW, 60000, MEMLANE_ALLOC_MAY_MOVE, &more), -ENOSPC);
	expect_eq(a->lane[MEMLANE_SLOW].round, round + 3);
	end();
}

/* One lane's want of room does not stand in the way of the other's. */
static void room_is_made_by_lane(void)
{
	u64 x[60], large;
	int i;

	begin(256 << 10, 256 << 10);
	for (i = 0; i < 60; i++)
		x[i] = world_alloc(w, MEMLANE_FAST, 4096);
	for (i = 0; i < 60; i++)
		if (i % 4)
			world_free(w, x[i]);
	WRITE_ONCE(a->lane[MEMLANE_SLOW].made_room, w->clock);
	expect_eq(try_alloc(MEMLANE_FAST, 100000, MEMLANE_ALLOC_MAY_MOVE, &large), 0);
	expect_eq(world_query(w, large).out_lane, MEMLANE_FAST);
	expect(a->count.by_cause[MEMLANE_CAUSE_COMPACT] > 0);
	end();
}

/* Where compaction is off, or was not enough, stale objects leave for a larger one. */
static void stale_objects_make_room(void)
{
	u64 x[512], other;
	int i, n;

	begin(256 << 10, 1 << 20);
	expect_eq(set(MEMLANE_OPT_AUTO_COMPACTION, 0), 0);
	for (n = 0; n < 512 && !try_alloc(MEMLANE_FAST, 500, MEMLANE_ALLOC_NO_SPILL, &x[n]); n++)
		*world_pin(w, x[n]) = MEMLANE_HINT_COLD;
	expect(n > 256 && n <= 512);
	expect_eq(try_alloc(MEMLANE_FAST, 3000, MEMLANE_ALLOC_MAY_MOVE, &other), 0);
	expect_eq(world_query(w, other).out_lane, MEMLANE_FAST);
	expect(a->count.by_cause[MEMLANE_CAUSE_ROOM] > 0);
	expect_eq(a->count.by_cause[MEMLANE_CAUSE_COMPACT], 0);
	for (i = 0; i < n; i++)
		expect_eq(world_query(w, x[i]).out_state, MEMLANE_STATE_LIVE);
	end();
}

/* ------------------------------------------------------- limits of a step ---- */

#define MANY 40000

static u64 many[MANY];

static void make_many(void)
{
	int i;

	begin(8 << 20, 8 << 20);
	for (i = 0; i < MANY; i++)
		many[i] = world_alloc(w, MEMLANE_SLOW, 48);
}

/* However short the steps are, each object ages once a period, and is placed. */
static void ageing_goes_on_from_step_to_step(void)
{
	struct memlane_step step = { .max_ns = 40 };
	int i, steps = 1;

	make_many();
	expect(cycle(40).out_more);
	expect_eq(a->count.periods, 0);
	while (tend(&step)) {
		step.max_ns = 40;
		expect(steps++ < MANY);
	}
	printf("# %d objects aged in %d steps\n", MANY, steps);
	expect(steps > 3);
	expect_eq(a->count.periods, 1);
	/* None was passed over for want of time. */
	expect_eq(a->count.by_cause[MEMLANE_CAUSE_HOT], MANY);
	for (i = 0; i < MANY; i++)
		expect(!memlane_entry_is_used(*world_entry(w, many[i])));
	end();
}

#define MILLION	1000000
#define CALL	4000		/* handles that one call allocates */

/* Of the smallest class, born hot and not used since. */
static void make_a_million(void)
{
	struct memlane_create create = world_request(1 << 20, 64 << 20);
	struct memlane_alloc req = {
		.size = sizeof(req), .flags = MEMLANE_ALLOC_LIVE, .lane = MEMLANE_SLOW,
		.length = 16, .count = CALL,
	};
	static u64 handle[CALL];
	int i;

	create.handles = MILLION + 1;
	w = calloc(1, sizeof(*w));
	a = &w->arena;
	w->soft = true;
	expect_eq(world_try(w, &create, true), 0);
	for (i = 0; i < MILLION; i += CALL) {
		expect_eq(ml_alloc(a, &req, handle), 0);
		expect_eq(req.out_count, CALL);
	}
}

/* How far the walk of ageing has come. */
static u32 aged(void)
{
	return a->count.periods ? a->table.top : a->policy.age.cursor;
}

/*
 * The clock moves when it is looked at, so a step of so many ns is one of so many looks
 * at it, and between two of them so many objects are visited at the most.
 */
static void a_million_objects_age_in_bounded_steps(void)
{
	struct memlane_step step;
	u32 was = 0, steps = 0, piece = 4096, looks = 50;
	struct ml_tended last = { .more = false };

	make_a_million();
	set(MEMLANE_OPT_FAST_LIMIT, 0);		/* nothing moves, so that looks are counted */
	w->clock += 2 * SECOND;
	do {
		step = (struct memlane_step){ .max_ns = 10 * looks };
		expect_eq(ml_tend(a, &step, &last), 0);
		expect(aged() > was && aged() - was <= looks * piece);
		was = aged();
		steps++;
	} while (!a->count.periods);
	printf("# %d objects aged in %u steps\n", MILLION, steps);
	expect(steps >= MILLION / (looks * piece) && steps <= MILLION / piece + 1);
	end();
}

/* And a lane that wants compaction gets it in the same steps. */
static void ageing_leaves_time_for_compaction(void)
{
	int i;

	make_many();
	for (i = 0; i < MANY; i++)
		if (i % 8)
			world_free(w, many[i]);
	expect(world_locked(a, ml_policy_wants_compaction(a, MEMLANE_SLOW)));
	cycle(2000);
	expect(a->count.by_cause[MEMLANE_CAUSE_COMPACT] > 10);
	expect_eq(a->count.periods, 0);
	end();
}

static struct memlane_step compact(u32 usage, u64 hole, u64 max_ns, int want)
{
	struct memlane_compact req = {
		.size = sizeof(req), .lanes = 2, .usage = usage, .hole = hole,
		.step = { .max_ns = max_ns },
	};

	expect_eq(ml_compact(a, &req), want);
	world_check(w);
	return req.step;
}

/* One of eight stays; spans of the FastLane, or blobs and spans of the SlowLane. */
static void make_holes(unsigned int lane)
{
	int i;

	begin(8 << 20, 8 << 20);
	for (i = 0; i < MANY; i++)
		many[i] = world_alloc(w, lane, 48);
	for (i = 0; i < MANY; i++)
		if (i % 8)
			world_free(w, many[i]);
}

/* How many steps it takes until there is nothing left to do. */
static unsigned int compact_in_steps(u32 lanes, u64 max_ns)
{
	struct memlane_compact req = { .size = sizeof(req), .lanes = lanes };
	unsigned int steps = 0;

	do {
		req.step.max_ns = max_ns;
		expect_eq(ml_compact(a, &req), 0);
	} while (req.step.out_more && ++steps < 2 * MANY);
	expect(!req.step.out_more);
	return steps;
}

/*
 * However short they are, they come to an end, and all is done then: the clock moves
 * by 10 when it is looked at, and looking at all objects takes longer than a step.
 */
static void short_steps_compact(void)
{
	static const u64 max_ns[] = { 1, 40, 1000 };
	unsigned int i, lane;
	u64 used, whole;

	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		make_holes(lane);
		compact_in_steps(1U << lane, 0);
		whole = ml_lane_used(&a->lane[lane]);
		end();
		for (i = 0; i < sizeof(max_ns) / sizeof(*max_ns); i++) {
			make_holes(lane);
			compact_in_steps(3, max_ns[i]);
			used = ml_lane_used(&a->lane[lane]);
			world_check(w);
			expect_eq(used, whole);
			expect_eq(compact_in_steps(3, max_ns[i]) < 20, 1);
			end();
		}
	}
}

static unsigned int compact_in_slices(unsigned int lane, u64 max_ns, u32 usage)
{
	struct memlane_compact req = { .size = sizeof(req), .lanes = 1U << lane, .usage = usage };
	struct ml_sliced slices = { .anew = true };
	unsigned int nr = 0;

	do {
		req.step.max_ns = max_ns;
		expect_eq(ml_compact_slice(a, &req, &slices), 0);
	} while (req.step.out_more && ++nr < 2 * MANY);
	expect(!req.step.out_more);
	return nr;
}

/*
 * As above; they begin anew although somebody was half through, and end although
 * what is wanted cannot be had.
 */
static void slices_compact(void)
{
	unsigned int lane;
	u64 whole;

	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		make_holes(lane);
		compact_in_steps(1U << lane, 0);
		whole = ml_lane_used(&a->lane[lane]);
		end();
		make_holes(lane);
		compact(0, 0, 40, 0);
		expect(compact_in_slices(lane, 1000, 0) > 1);
		expect_eq(ml_lane_used(&a->lane[lane]), whole);
		compact_in_slices(lane, 1000, 1);
		world_check(w);
		end();
	}
}

/* Nothing to do is no reason to come again. */
static void an_empty_arena_needs_one_step(void)
{
	begin(1 << 20, 1 << 20);
	expect_eq(compact_in_steps(3, 1), 0);
	end();
}

/* However many pinned spans there are: each is looked at once. */
static void short_steps_pass_pinned_spans(void)
{
	int i;

	make_holes(MEMLANE_SLOW);
	for (i = 0; i < MANY; i += 8)
		*world_pin(w, many[i]) += MEMLANE_PIN_ONE;
	expect(compact_in_steps(2, 1) > 10);
	end();
}

/* However short it is, it moves something while there is something to move. */
static void the_shortest_step_makes_progress(void)
{
	make_holes(MEMLANE_SLOW);
	expect(compact(0, 0, 1, 0).out_moved > 0);
	end();
}

/* A section that stays open costs one grace period, and not one for each batch. */
static void a_stuck_section_is_waited_for_once(void)
{
	struct memlane_register reg = { .size = sizeof(reg) };
	struct memlane_step step;
	u64 begun;

	make_holes(MEMLANE_SLOW);
	expect_eq(ml_register(a, &reg), 0);
	world_slot(w, reg.slot)->section = 1;
	begun = w->clock;
	step = compact(0, 0, 0, 0);
	expect(step.out_given_up > 2 * ML_BATCH && !step.out_moved && !step.out_more);
	expect(w->clock - begun < 2 * get(MEMLANE_OPT_GRACE));
	world_slot(w, reg.slot)->section = 0;
	expect(compact(0, 0, 0, 0).out_moved > 0);
	end();
}

/* So does purging: those of the highest priority have their turn in the end. */
static void short_steps_purge_by_priority(void)
{
	u64 x[5];
	int i, steps;

	make_many();
	expect_eq(set(MEMLANE_OPT_AGE_INTERVAL, 100000 * SECOND), 0);
	expect_eq(set(MEMLANE_OPT_PURGEABLE, 1 << 16 | GROUP), 0);
	for (i = 0; i < 5; i++)
		x[i] = droppable(MEMLANE_SLOW, 1 << 20, 3);
	expect_eq(ml_policy_pressed(a), 1U << MEMLANE_SLOW);
	for (steps = 0; !a->table.purged && steps < 10000; steps++)
		cycle(40);
	printf("# the first of priority 3 went in step %d\n", steps);
	expect(steps > 3 && steps < 10000);
	expect(is_purged(x[0]) + is_purged(x[4]) < 2);
	end();
}

static void a_usage_is_good_enough(void)
{
	struct ml_lane *l;
	int i;

	make_many();
	l = &a->lane[MEMLANE_SLOW];
	for (i = 0; i < MANY; i++)
		if (i % 8)
			world_free(w, many[i]);
	expect_eq(set(MEMLANE_OPT_SLOW_LIMIT, 2 << 20), 0);
	expect(ml_lane_used(l) * 1000 > l->limit * 800);
	compact(500, 0, 0, 0);
	expect(ml_lane_used(l) * 1000 <= l->limit * 500);
	expect(ml_lane_used(l) * 1000 > l->limit * 300);
	expect_eq(compact(500, 0, 0, 0).out_moved, 0);
	expect(compact(0, 0, 0, 0).out_moved > 0);
	end();
}

static void time_ends_a_batch(void)
{
	struct memlane_step step;
	int i;

	make_many();
	for (i = 0; i < MANY; i++)
		if (i % 8)
			world_free(w, many[i]);
	step = compact(0, 0, 1500, 0);
	expect(step.out_more && step.out_moved > 0 && step.out_moved < 256);
	expect_eq(step.out_given_up, 0);	/* nobody was in the way */
	end();
}

/* A step whose time is over when it begins moves something all the same. */
static void a_step_has_its_first_batch(void)
{
	struct memlane_migrate req = {
		.size = sizeof(req), .lane = MEMLANE_FAST, .count = 2 * ML_BATCH,
		.step = { .max_ns = 1 },
	};
	s32 result[2 * ML_BATCH];

	make_many();
	expect_eq(ml_migrate(a, &req, many, result), 0);
	expect(req.step.out_moved && req.step.out_moved < 2 * ML_BATCH);
	expect_eq(req.step.out_more, 1);
	end();
}

static void a_fatal_signal_ends_a_step(void)
{
	int i;

	make_many();
	for (i = 0; i < MANY; i++)
		if (i % 8)
			world_free(w, many[i]);
	w->hurry = true;
	expect_eq(compact(0, 0, 0, -EINTR).out_moved, 0);
	w->hurry = false;
	expect(compact(0, 0, 0, 0).out_moved > 0);
	end();
}

static void want_of_memory_ends_a_step(void)
{
	int i;

	make_many();
	for (i = 0; i < MANY; i++)
		if (i % 8)
			world_free(w, many[i]);
	w->fail = (struct failure){ .doors = DOOR_POPULATE, .nth = 1, .forever = true };
	expect_eq(compact(0, 0, 0, -ENOMEM).out_moved, 0);
	w->fail.doors = 0;
	expect(compact(0, 0, 0, 0).out_moved > 0);
	end();
}

/* A section is waited for as long as the step has time, not as long as may be. */
static void time_ends_a_grace_period(void)
{
	struct memlane_register reg = { .size = sizeof(reg) };
	struct memlane_compact req = { .size = sizeof(req), .step = { .max_ns = 1000000 } };
	u64 x[200], start;
	int i;

	begin(1 << 20, 1 << 20);
	for (i = 0; i < 200; i++)
		x[i] = world_alloc(w, MEMLANE_SLOW, 1024);
	for (i = 0; i < 200; i++)
		if (i % 4)
			world_free(w, x[i]);
	expect_eq(set(MEMLANE_OPT_GRACE, 5 * SECOND), 0);
	expect_eq(ml_register(a, &reg), 0);
	world_slot(w, reg.slot)->section = 1;
	start = w->clock;
	expect_eq(ml_compact(a, &req), 0);
	expect(req.step.out_given_up > 0 && !req.step.out_moved);
	expect(w->clock - start < 3000000);
	end();
}

static u64 section_until;

static void leave_in_time(struct world *world, void *arg)
{
	if (world->clock >= section_until)
		world_slot(world, *(u32 *)arg)->section = 0;
}

static void stay(struct world *world, void *arg)
{
	world_slot(world, *(u32 *)arg)->section = 1;
	section_until = world->clock + 3000000;
}

/* Work in the background is short, but has the patience for longer sections. */
static void the_background_waits_for_sections(void)
{
	struct memlane_step step = { .max_ns = 20000 };
	struct memlane_register reg = { .size = sizeof(reg) };
	struct ml_tended last = { .more = true };
	int i;

	make_many();
	for (i = 0; i < MANY; i++)
		if (i % 8)
			world_free(w, many[i]);
	expect_eq(set(MEMLANE_OPT_AGE_INTERVAL, 1000 * SECOND), 0);
	expect_eq(ml_register(a, &reg), 0);
	w->grace_arg = &reg.slot;
	w->in_grace = stay;
	w->in_pause = leave_in_time;
	expect_eq(ml_tend(a, &step, &last), 0);
	expect_eq(step.out_given_up, 0);
	expect(step.out_moved > 256);		/* in more than one batch */
	expect(step.out_ns > 2 * 3000000);
	expect(last.rested > w->clock && last.rested < w->clock + 3000000);	/* for work alone */
	step.max_ns = 20000;
	w->in_pause = NULL;			/* now it never ends */
	expect(!tend(&step));
	expect(step.out_given_up > 0 && step.out_given_up <= 256);
	w->in_grace = NULL;
	end();
}

/* Many blobs are handed over in batches of so many pages, not in one. */
static void hand_overs_are_bounded(void)
{
	struct memlane_create req = world_request(64 << 10, 256 << 20);
	u64 x[240];
	int i;

	w = calloc(1, sizeof(*w));
	a = &w->arena;
	expect_eq(world_try(w, &req, true), 0);
	for (i = 0; i < 240; i++)		/* two a chunk */
		x[i] = world_alloc(w, MEMLANE_SLOW, 200 << ML_PAGE_SHIFT);
	for (i = 0; i < 240; i += 2)
		world_free(w, x[i]);
	expect(compact(0, 0, 0, 0).out_remapped > 50);
	expect(a->count.remapped_pages <= a->count.batches * (ML_BATCH_PAGES + 200));
	expect(a->count.remapped_pages > ML_BATCH_PAGES);
	end();
}

/* ---------------------------------------------------------- growth, costs ---- */

static void growth_ends_at_a_max_that_can_be_raised(void)
{
	struct memlane_create req = world_request(64 << 10, 64 << 10);
	u64 x;

	req.slow_max = 256 << 10;
	req.slow_reserve = 1 << 20;
	w = calloc(1, sizeof(*w));
	a = &w->arena;
	expect_eq(world_try(w, &req, true), 0);
	expect_eq(get(MEMLANE_OPT_SLOW_MAX), 256 << 10);
	expect_eq(try_alloc(MEMLANE_SLOW, 400000, 0, &x), -ENOSPC);
	expect_eq(set(MEMLANE_OPT_SLOW_MAX, (1 << 20) + 1), -EINVAL);
	expect_eq(set(MEMLANE_OPT_SLOW_MAX, 0), -EINVAL);
	expect_eq(set(MEMLANE_OPT_SLOW_MAX, 1 << 20), 0);
	expect_eq(try_alloc(MEMLANE_SLOW, 400000, 0, &x), 0);
	expect_eq(w->events[MEMLANE_EVENT_GROWTH], 1);
	expect_eq(set(MEMLANE_OPT_SLOW_MAX, 256 << 10), -EINVAL);	/* more is in use */
	expect_eq(set(MEMLANE_OPT_SLOW_MAX, 512 << 10), 0);
	expect(get(MEMLANE_OPT_SLOW_LIMIT) <= 512 << 10);
	expect_eq(try_alloc(MEMLANE_SLOW, 200000, 0, &x), -ENOSPC);
	end();
}

static void limits_of_half_a_terabyte(void)
{
	struct memlane_create req = world_request(64 << 10, 64 << 10);

	req.slow_max = 512ULL << 30;
	w = calloc(1, sizeof(*w));
	a = &w->arena;
	expect_eq(world_try(w, &req, true), 0);
	expect_eq(set(MEMLANE_OPT_SLOW_LIMIT, 256ULL << 30), 0);
	expect_eq(get(MEMLANE_OPT_SLOW_LIMIT), 256ULL << 30);
	expect_eq(set(MEMLANE_OPT_SLOW_LIMIT, (512ULL << 30) + 1), -EINVAL);
	end();
}

/* An absurd rate gives an absurd estimate, not an overflow. */
static void cost_saturates(void)
{
	struct memlane_cost c = { .size = sizeof(c), .lane = MEMLANE_FAST };

	begin(1 << 20, 1 << 20);
	c.handle = world_alloc(w, MEMLANE_SLOW, 400000);
	a->rate.remap_pages = 1;
	a->rate.remap_ns = ~0ULL / 2;
	expect_eq(ml_cost(a, &c), 0);
	expect_eq(c.out_ns, ~0ULL);
	a->rate.remap_ns = 5;
	expect_eq(ml_cost(a, &c), 0);
	expect_eq(c.out_ns, 5 * c.out_pages);
	end();
}

static const struct test tests[] = {
	{ "pressure_nothing_enters", nothing_enters_a_pressed_lane },
	{ "pressure_told_once", pressure_is_told_once },
	{ "pressure_margin", the_margin_is_for_moves_inside_the_lane },
	{ "pressure_priority", priority_decides_who_leaves },
	{ "pressure_purge_order", purge_goes_by_priority_and_ends },
	{ "pressure_shortage", shortage_drops_all },
	{ "purge_shortage_as_wanted", shortage_takes_what_is_wanted },
	{ "pressure_last_resort_purges", the_last_resort_purges },
	{ "pressure_last_resort_compacts", the_last_resort_compacts_at_once },
	{ "pressure_last_resort_once", the_last_resort_is_not_repeated },
	{ "pressure_room_by_lane", room_is_made_by_lane },
	{ "pressure_room_by_stale", stale_objects_make_room },
	{ "step_ageing_goes_on", ageing_goes_on_from_step_to_step },
	{ "step_ageing_of_a_million", a_million_objects_age_in_bounded_steps },
	{ "step_ageing_shares", ageing_leaves_time_for_compaction },
	{ "step_usage_goal", a_usage_is_good_enough },
	{ "step_short_compaction", short_steps_compact },
	{ "step_slices", slices_compact },
	{ "step_nothing_to_do", an_empty_arena_needs_one_step },
	{ "step_pinned_spans", short_steps_pass_pinned_spans },
	{ "step_stuck_section", a_stuck_section_is_waited_for_once },
	{ "step_shortest", the_shortest_step_makes_progress },
	{ "step_short_purge", short_steps_purge_by_priority },
	{ "step_time_ends_a_batch", time_ends_a_batch },
	{ "step_first_batch", a_step_has_its_first_batch },
	{ "step_signal", a_fatal_signal_ends_a_step },
	{ "step_no_memory", want_of_memory_ends_a_step },
	{ "step_time_ends_a_grace", time_ends_a_grace_period },
	{ "step_background_waits", the_background_waits_for_sections },
	{ "step_hand_overs", hand_overs_are_bounded },
	{ "reclaim_begins_with_the_first_index", reclaim_begins_with_the_first_index },
	{ "growth_max", growth_ends_at_a_max_that_can_be_raised },
	{ "growth_terabytes", limits_of_half_a_terabyte },
	{ "cost_saturates", cost_saturates },
};

KTAP_MAIN(tests);
