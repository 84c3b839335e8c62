// SPDX-License-Identifier: MIT
/* test-policy.c - ageing, migration by policy, compaction past a threshold, purging */
#include <linux/atomic.h>
#include <stdlib.h>

#include "ktap.h"
#include "lane.h"
#include "policy.h"
#include "table.h"
#include "world.h"

#define SECOND 1000000000ULL

static struct world *w;
static struct ml_arena *a;

static void begin(void)
{
	w = world_new(256 << 10, 1 << 20);
	a = &w->arena;
	w->clock += 2 * SECOND;
}

static void end(void)
{
	world_check(w);
	world_end(w);
}

static struct memlane_step cycle(void)
{
	struct memlane_maintain req = { .size = sizeof(req) };

	w->clock += 2 * SECOND;
	expect_eq(ml_maintain(a, &req), 0);
	world_check(w);
	return req.step;
}

static void touch(u64 handle)
{
	world_use(w, handle);
}

static unsigned int lane_of(u64 handle)
{
	return world_query(w, handle).out_lane;
}

static void set(u32 option, u64 value)
{
	struct memlane_set req = { .size = sizeof(req), .option = option, .value = value };

	expect_eq(ml_set(a, &req), 0);
}

/* Heat is one bit a period, the newest lowest; a period needs its time. */
static void heat(void)
{
	struct memlane_maintain req = { .size = sizeof(req) };
	u64 x;
	int i;

	begin();
	x = world_alloc(w, MEMLANE_SLOW, 100);
	cycle();
	expect_eq(world_query(w, x).out_heat, 0xf);	/* born hot */
	cycle();
	expect_eq(world_query(w, x).out_heat, 0xe);
	touch(x);
	cycle();
	expect_eq(world_query(w, x).out_heat, 0xd);
	expect_eq(memlane_entry_state(*world_entry(w, x)), MEMLANE_ENTRY_IDLE);
	touch(x);
	expect_eq(ml_maintain(a, &req), 0);		/* too soon */
	expect_eq(world_query(w, x).out_heat, 0xd);
	for (i = 0; i < 4; i++)		/* that touch counts now */
		cycle();
	expect_eq(world_query(w, x).out_heat, 8);
	expect_eq(a->count.periods, 7);
	expect_eq(a->count.cycles, 8);
	world_free(w, x);
	x = world_alloc(w, MEMLANE_SLOW, 100);
	expect_eq(world_query(w, x).out_heat, 0xf);	/* nothing is inherited */
	end();
}

static void stale_leaves_hot_returns(void)
{
	u64 idle, used, critical;
	int i;

	begin();
	idle = world_alloc(w, MEMLANE_FAST, 100);
	used = world_alloc(w, MEMLANE_FAST, 100);
	critical = world_alloc(w, MEMLANE_FAST, 100);
	*world_pin(w, critical) = MEMLANE_HINT_FRAME_CRITICAL;
	for (i = 0; i < 5; i++) {
		touch(used);
		cycle();
	}
	expect_eq(lane_of(idle), MEMLANE_SLOW);
	expect_eq(lane_of(used), MEMLANE_FAST);
	expect_eq(lane_of(critical), MEMLANE_FAST);
	expect_eq(a->count.by_cause[MEMLANE_CAUSE_STALE], 1);
	for (i = 0; i < 4; i++) {
		expect_eq(lane_of(idle), MEMLANE_SLOW);
		touch(idle);
		cycle();
	}
	expect_eq(lane_of(idle), MEMLANE_FAST);
	expect_eq(a->count.by_cause[MEMLANE_CAUSE_HOT], 1);
	end();
}

static void hints(void)
{
	static const u32 leaving[] = {
		MEMLANE_HINT_COLD, MEMLANE_HINT_OLD, MEMLANE_HINT_EVICTABLE,
	};
	u64 x[3];
	int i;

	begin();
	for (i = 0; i < 3; i++) {
		x[i] = world_alloc(w, MEMLANE_FAST, 100);
		*world_pin(w, x[i]) = leaving[i];
	}
	cycle();
	for (i = 0; i < 3; i++)
		expect_eq(lane_of(x[i]), MEMLANE_SLOW);
	for (i = 0; i < 20; i++) {
		touch(x[i % 3]);
		cycle();
	}
	for (i = 0; i < 3; i++)
		expect_eq(lane_of(x[i]), MEMLANE_SLOW);
	end();
}

static void oversized(void)
{
	u64 large, small;

	begin();
	set(MEMLANE_OPT_THRESHOLD, 4096);
	small = world_alloc(w, MEMLANE_FAST, 4096);
	large = world_alloc(w, MEMLANE_FAST, 4097);
	touch(large);
	cycle();
	expect_eq(lane_of(large), MEMLANE_SLOW);
	expect_eq(lane_of(small), MEMLANE_FAST);
	expect_eq(a->count.by_cause[MEMLANE_CAUSE_OVERSIZED], 1);
	end();
}

/* Hot and cold objects do not share a span for long. */
static void sorted_by_temperature(void)
{
	u64 x[64], page[2] = { };
	int i, round;

	begin();
	for (i = 0; i < 64; i++)
		x[i] = world_alloc(w, MEMLANE_SLOW, 100);
	for (round = 0; round < 6; round++) {
		for (i = 0; i < 64; i += 2)
			touch(x[i]);
		set(MEMLANE_OPT_FAST_LIMIT, 0);	/* hot ones have nowhere else to go */
		cycle();
	}
	for (i = 0; i < 64; i++) {
		u64 at = world_query(w, x[i]).out_location / (4 * ML_PAGE_GRANULES);

		expect(!page[i % 2] || page[i % 2] == at);
		page[i % 2] = at;
	}
	expect(page[0] != page[1]);
	expect(a->count.by_cause[MEMLANE_CAUSE_SORT] >= 32);
	end();
}

/* What may be dropped is dropped under pressure only, and says so. */
static void purge(void)
{
	struct memlane_cost cost = { .size = sizeof(cost) };
	u64 keep, drop, pinned, filler;

	begin();
	set(MEMLANE_OPT_FAST_LIMIT, 0);		/* nothing may leave for the other lane */
	keep = world_alloc(w, MEMLANE_SLOW, 60000);
	drop = world_alloc(w, MEMLANE_SLOW, 60000);
	pinned = world_alloc(w, MEMLANE_SLOW, 60000);
	world_join(w, drop, 9);
	*world_pin(w, pinned) = MEMLANE_PIN_ONE;
	world_join(w, pinned, 9);
	set(MEMLANE_OPT_PURGEABLE, 1 << 16 | 9);
	cycle();
	expect_eq(world_query(w, drop).out_state, MEMLANE_STATE_LIVE);
	filler = world_alloc(w, MEMLANE_SLOW, 700000);
	set(MEMLANE_OPT_SLOW_USAGE_THRESHOLD, 800);
	cycle();
	expect_eq(world_query(w, drop).out_state, MEMLANE_STATE_PURGED);
	expect_eq(world_query(w, keep).out_state, MEMLANE_STATE_LIVE);
	expect_eq(world_query(w, filler).out_state, MEMLANE_STATE_LIVE);
	expect_eq(world_query(w, pinned).out_state, MEMLANE_STATE_PINNED);
	expect_eq(a->count.by_cause[MEMLANE_CAUSE_PURGE], 1);
	expect_eq(a->table.purged, 1);
	expect_eq(a->lane[1].objects, 3);
	expect_eq(world_migrate(w, drop, MEMLANE_FAST), -ENODATA);
	cost.handle = drop;
	expect_eq(ml_cost(a, &cost), -ENODATA);
	world_free(w, drop);
	expect_eq(a->table.purged, 0);
	expect_eq(world_query(w, drop).out_state, MEMLANE_STATE_FREED);
	end();
}

/* A quarter of the objects stay, spread over all spans. */
static void thin_out(void)
{
	u64 x[1500];
	int i;

	for (i = 0; i < 1500; i++)
		x[i] = world_alloc(w, MEMLANE_SLOW, 256);
	for (i = 0; i < 1500; i++)
		if (i % 4)
			world_free(w, x[i]);
}

static void compaction(void)
{
	u64 spans;

	begin();
	set(MEMLANE_OPT_AGE_INTERVAL, ~0ULL);
	thin_out();
	spans = a->lane[1].area[ML_USE_BLOCK].runs;
	set(MEMLANE_OPT_AUTO_COMPACTION, 0);
	expect(!world_locked(a, ml_policy_wants_compaction(a, MEMLANE_SLOW)));
	expect_eq(cycle().out_moved, 0);
	set(MEMLANE_OPT_AUTO_COMPACTION, 1);
	set(MEMLANE_OPT_COMPACTION_THRESHOLD, 100);	/* denser than that */
	set(MEMLANE_OPT_SLOW_LIMIT, 1 << 20);
	set(MEMLANE_OPT_COMPACTION_THRESHOLD, 900);
	expect(world_locked(a, ml_policy_wants_compaction(a, MEMLANE_SLOW)));
	expect(cycle().out_moved > 100);
	expect(a->lane[1].area[ML_USE_BLOCK].runs <= (spans + 3) / 4);
	expect(!world_locked(a, ml_policy_wants_compaction(a, MEMLANE_SLOW)));
	expect_eq(a->count.by_cause[MEMLANE_CAUSE_COMPACT], a->count.moved);
	end();
}

/* Growth ends when the lane is empty again. */
static void shrinks_when_empty(void)
{
	struct memlane_create req = world_request(64 << 10, 64 << 10);
	u64 x;

	w = calloc(1, sizeof(*w));
	a = &w->arena;
	req.slow_max = 8 << 20;
	expect_eq(world_try(w, &req, true), 0);
	x = world_alloc(w, MEMLANE_SLOW, 1 << 20);
	expect(a->lane[1].limit > 256);
	cycle();
	expect(a->lane[1].limit > 256);
	world_free(w, x);
	cycle();
	expect_eq(a->lane[1].limit, 16);
	end();
}

/* A full FastLane sends stale objects away before anything spills. */
static void room_is_made(void)
{
	struct memlane_alloc req = {
		.size = sizeof(req), .flags = MEMLANE_ALLOC_LIVE | MEMLANE_ALLOC_MAY_MOVE,
		.length = 60000, .count = 1,
	};
	u64 x[5], more;
	int i;

	begin();
	for (i = 0; i < 4; i++) {
		x[i] = world_alloc(w, MEMLANE_FAST, 60000);
		*world_pin(w, x[i]) = MEMLANE_HINT_COLD;
	}
	expect_eq(ml_alloc(a, &req, &more), 0);
	expect_eq(req.out_lane, MEMLANE_FAST);
	expect_eq(a->lane[1].migrated_in + (req.out_lane == MEMLANE_SLOW), 4);
	for (i = 0; i < 4; i++)
		expect_eq(lane_of(x[i]), MEMLANE_SLOW);
	end();
}

static void cost(void)
{
	struct memlane_cost c = { .size = sizeof(c), .lane = MEMLANE_SLOW };

	begin();
	c.handle = world_alloc(w, MEMLANE_FAST, 100);
	expect_eq(ml_cost(a, &c), 0);
	expect_eq(c.out_bytes, 112);
	expect_eq(c.out_pages, 0);
	expect_eq(c.out_reasons & MEMLANE_REASON_PINNED, 0);
	*world_pin(w, c.handle) = MEMLANE_PIN_ONE;
	expect_eq(ml_cost(a, &c), 0);
	expect(c.out_reasons & MEMLANE_REASON_PINNED);
	c.lane = MEMLANE_FAST;
	expect_eq(ml_cost(a, &c), 0);
	expect(c.out_reasons & MEMLANE_REASON_THERE);
	c.handle = world_alloc(w, MEMLANE_FAST, 100000);
	expect_eq(ml_cost(a, &c), 0);
	expect_eq(c.out_pages, 25);
	c.lane = 2;
	expect_eq(ml_cost(a, &c), -EINVAL);
	c.flags = 1;
	expect_eq(ml_cost(a, &c), -EOPNOTSUPP);
	c = (struct memlane_cost){ .size = sizeof(c), .handle = 5 };
	expect_eq(ml_cost(a, &c), -EBADF);
	end();
}

/* Who was in the way: pins by handle, sections by slot, the latest first. */
static void blockers(void)
{
	struct memlane_blockers req = { .size = sizeof(req), .count = 1 };
	struct memlane_register reg = { .size = sizeof(reg) };
	struct memlane_blocker who[MEMLANE_BLOCKERS];
	u64 pinned, x;

	begin();
	expect_eq(ml_blockers(a, &req, who), 0);
	expect_eq(req.out_count, 0);
	pinned = world_alloc(w, MEMLANE_FAST, 100);
	*world_pin(w, pinned) = MEMLANE_PIN_ONE | 77 << MEMLANE_PIN_TAG_SHIFT;
	expect_eq(world_migrate(w, pinned, MEMLANE_SLOW), -EBUSY);
	expect_eq(world_migrate(w, pinned, MEMLANE_SLOW), -EBUSY);
	x = world_alloc(w, MEMLANE_FAST, 100);
	expect_eq(ml_register(a, &reg), 0);
	world_slot(w, reg.slot)->section = 1;
	world_slot(w, reg.slot)->thread = 4321;
	expect_eq(world_migrate(w, x, MEMLANE_SLOW), -EAGAIN);
	req.count = MEMLANE_BLOCKERS;
	expect_eq(ml_blockers(a, &req, who), 0);
	expect_eq(req.out_count, 2);
	expect_eq(who[0].handle, 0);
	expect_eq(who[0].thread, 4321);
	expect_eq(who[0].slot, reg.slot);
	expect_eq(who[1].handle, pinned);
	expect_eq(who[1].times, 2);
	expect_eq(who[1].tag, 77);
	/* The same section again; then the thread's next one, which has an age of its own. */
	w->clock += SECOND;
	expect_eq(world_migrate(w, x, MEMLANE_SLOW), -EAGAIN);
	expect_eq(ml_blockers(a, &req, who), 0);
	expect_eq(who[0].times, 2);
	expect(who[0].first >= SECOND && who[0].last < SECOND);
	world_slot(w, reg.slot)->section = 2;
	expect_eq(world_migrate(w, x, MEMLANE_SLOW), -EAGAIN);
	expect_eq(ml_blockers(a, &req, who), 0);
	expect_eq(req.out_count, 3);
	expect_eq(who[0].times, 1);
	expect(who[0].first < SECOND);
	req.flags = 1;
	expect_eq(ml_blockers(a, &req, who), -EOPNOTSUPP);
	end();
}

static const struct test tests[] = {
	{ "policy_heat", heat },
	{ "policy_stale_leaves_hot_returns", stale_leaves_hot_returns },
	{ "policy_hints", hints },
	{ "policy_oversized", oversized },
	{ "policy_sorted_by_temperature", sorted_by_temperature },
	{ "policy_purge", purge },
	{ "policy_compaction", compaction },
	{ "policy_shrinks_when_empty", shrinks_when_empty },
	{ "policy_room_is_made", room_is_made },
	{ "policy_cost", cost },
	{ "policy_blockers", blockers },
};

KTAP_MAIN(tests);
