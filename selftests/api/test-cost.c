// SPDX-License-Identifier: MIT
/* test-cost.c - what moves cost beforehand, who is in their way, long pins, background moves */
#include "api.h"

#define NR 2000

static struct memlane_cost cost_of(struct memlane *m, memlane_handle h, int lane)
{
	struct memlane_cost c;

	expect_eq(memlane_migration_cost(m, h, lane, &c), 0);
	return c;
}

TEST(a_block_costs_its_bytes)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 1000);
	struct memlane_cost c = cost_of(m, h, MEMLANE_SLOW);

	expect_eq(c.out_bytes, memlane_class_bytes(m, memlane_size_class(m, 1000)));
	expect_eq(c.out_pages, 0);
	expect_eq(c.out_advised, 0);
	expect(c.out_reasons & MEMLANE_REASON_IN_USE);
	memlane_close(m);
}

static void expect_class_of(struct memlane *m, uint32_t size)
{
	memlane_handle h[2] = { must_alloc(m, size), must_alloc(m, size) };
	int i;

	for (i = 0; i < 2; i++) {
		expect_eq(memlane_size(m, h[i]), size);
		expect_eq(cost_of(m, h[i], MEMLANE_SLOW).out_bytes,
			  memlane_class_bytes(m, memlane_size_class(m, size)));
		expect_eq(memlane_free(m, h[i]), 0);
	}
}

/* The second one comes from stock. */
TEST(every_size_has_its_class)
{
	struct memlane *m = open_quiet();
	uint32_t cls, size = 0;

	for (cls = 0; memlane_class_bytes(m, cls); cls++) {
		size = memlane_class_bytes(m, cls);
		expect_eq(memlane_size_class(m, size - 15), cls);
		expect_eq(memlane_size_class(m, size), cls);
		expect_class_of(m, size - 15);
		expect_class_of(m, size);
	}
	expect_eq(size, MEMLANE_BLOCK_MAX);
	expect_eq(memlane_size_class(m, size + 1), MEMLANE_CLASS_BLOB);
	expect_eq(memlane_size_class(m, 0), MEMLANE_CLASS_BLOB);
	memlane_close(m);
}

TEST(a_blob_costs_pages_or_bytes)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 100000);
	struct memlane_cost c = cost_of(m, h, MEMLANE_FAST);

	if (c.out_pages)
		expect_eq(c.out_bytes, 0);
	expect_eq(c.out_bytes + c.out_pages * 4096, 25 * 4096);
	memlane_close(m);
}

TEST(time_is_estimated_once_a_move_was_measured)
{
	struct memlane *m = open_quiet();
	memlane_handle small = must_alloc(m, 64), large = must_alloc(m, 4000);

	expect_eq(cost_of(m, large, MEMLANE_SLOW).out_ns, 0);
	expect_eq(memlane_migrate(m, small, MEMLANE_SLOW), 0);
	expect(cost_of(m, large, MEMLANE_SLOW).out_ns > 0);
	expect(cost_of(m, large, MEMLANE_SLOW).out_ns > cost_of(m, small, MEMLANE_FAST).out_ns);
	memlane_close(m);
}

TEST(reasons_for_and_against_are_told)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h;
	void *p;

	c.age_interval = 0;
	m = open_with(&c);
	h = must_alloc(m, 64);
	expect(cost_of(m, h, MEMLANE_FAST).out_reasons & MEMLANE_REASON_THERE);
	expect_eq(memlane_try_pin(m, h, &p), 0);
	expect(cost_of(m, h, MEMLANE_SLOW).out_reasons & MEMLANE_REASON_PINNED);
	expect_eq(memlane_unpin(m, h), 0);
	expect_eq(memlane_set_hints(m, h, MEMLANE_HINT_FRAME_CRITICAL), 0);
	expect(cost_of(m, h, MEMLANE_SLOW).out_reasons & MEMLANE_REASON_FRAME_CRITICAL);
	expect_eq(cost_of(m, h, MEMLANE_SLOW).out_advised, 0);
	expect_eq(memlane_set_hints(m, h, MEMLANE_HINT_COLD), 0);
	expect(cost_of(m, h, MEMLANE_SLOW).out_reasons & MEMLANE_REASON_HINTED);
	expect_eq(cost_of(m, h, MEMLANE_SLOW).out_advised, 1);
	memlane_close(m);
}

/* An object, what its move to the other lane would have for and against it, and whether it moves. */
struct weighed {
	const char *what;
	int lane;
	uint64_t size;
	uint32_t hints, priority;
	bool used, crowded, pinned;
	uint32_t reasons_for, against;
	bool moves;
};

#define WHY(reason) MEMLANE_REASON_##reason

static const struct weighed weighed[] = {
	{ "idle", 0, .reasons_for = WHY(STALE), .moves = true },
	{ "used", 0, .used = true, .against = WHY(IN_USE) },
	{ "idle, but matters", 0, .priority = 3, .reasons_for = WHY(STALE), .against = WHY(PRIORITY) },
	{ "idle, matters a little, lane half empty", 0, .priority = 1, .reasons_for = WHY(STALE),
	  .against = WHY(PRIORITY) },
	{ "idle, matters a little, lane filled", 0, .priority = 1, .crowded = true,
	  .reasons_for = WHY(STALE), .moves = true },
	{ "idle, frame-critical", 0, .hints = MEMLANE_HINT_FRAME_CRITICAL,
	  .reasons_for = WHY(STALE), .against = WHY(FRAME_CRITICAL) },
	{ "idle, pinned", 0, .pinned = true, .reasons_for = WHY(STALE), .against = WHY(PINNED) },
	{ "used, cold", 0, .used = true, .hints = MEMLANE_HINT_COLD, .reasons_for = WHY(HINTED),
	  .against = WHY(IN_USE), .moves = true },
	{ "used, matters, evictable", 0, .used = true, .priority = 3,
	  .hints = MEMLANE_HINT_EVICTABLE, .reasons_for = WHY(HINTED),
	  .against = WHY(IN_USE) | WHY(PRIORITY), .moves = true },
	{ "used, oversized", 0, .size = 5000, .used = true, .reasons_for = WHY(OVERSIZED),
	  .against = WHY(IN_USE), .moves = true },
	{ "idle in the SlowLane", 1, .moves = false },
	{ "used in the SlowLane", 1, .used = true, .reasons_for = WHY(HOT), .moves = true },
	{ "used in the SlowLane, cold", 1, .used = true, .hints = MEMLANE_HINT_COLD,
	  .reasons_for = WHY(HOT), .against = WHY(HINTED) },
	{ "used in the SlowLane, old", 1, .used = true, .hints = MEMLANE_HINT_OLD,
	  .reasons_for = WHY(HOT), .against = WHY(HINTED) },
	{ "used in the SlowLane, oversized", 1, .size = 5000, .used = true,
	  .reasons_for = WHY(HOT), .against = WHY(OVERSIZED) },
	{ "used in the SlowLane, FastLane filled", 1, .used = true, .crowded = true,
	  .reasons_for = WHY(HOT), .against = WHY(NO_ROOM) },
	{ "used in the SlowLane, pinned", 1, .used = true, .pinned = true,
	  .reasons_for = WHY(HOT), .against = WHY(PINNED) },
};

static void cycle_with(struct memlane *m, memlane_handle h, bool used)
{
	if (used) {
		expect_eq(memlane_enter(m), 0);
		expect(memlane_get(m, h));
		expect_eq(memlane_exit(m), 0);
	}
	expect_eq(memlane_run_maintenance_cycle(m), 0);
}

/* Its heat is steady, and a pin has kept it where it was born. */
static memlane_handle settled(struct memlane *m, const struct weighed *w)
{
	static const unsigned int wish[] = { MEMLANE_IN_FAST, MEMLANE_IN_SLOW };
	memlane_handle h = must_alloc_in(m, w->size ? w->size : 64, wish[w->lane]);
	void *p;
	int i;

	expect_eq(memlane_try_pin(m, h, &p), 0);
	expect_eq(memlane_set_hints(m, h, w->hints), 0);
	expect_eq(memlane_set_priority(m, h, w->priority), 0);
	for (i = 0; i < 6; i++)
		cycle_with(m, h, w->used);
	if (!w->pinned)
		expect_eq(memlane_unpin(m, h), 0);
	expect_eq(memlane_lane(m, h), w->lane);
	return h;
}

static void weigh(struct memlane *m, const struct weighed *w)
{
	memlane_handle h = settled(m, w);
	struct memlane_cost c = cost_of(m, h, !w->lane);

	if (c.out_reasons != (w->reasons_for | w->against) || c.out_advised != w->moves)
		fail("%s: reasons %x, advised %u", w->what, c.out_reasons, c.out_advised);
	expect_eq(c.out_heat, w->used ? 0xf : 0);
	cycle_with(m, h, w->used);
	if ((memlane_lane(m, h) != w->lane) != w->moves)
		fail("%s: now in lane %d", w->what, memlane_lane(m, h));
}

TEST(what_is_advised_is_what_maintenance_does_and_the_reasons_tell_why)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	unsigned int i;

	c.age_interval = 0;
	c.enable_auto_compaction = false;
	c.fast_lane_size = c.fast_lane_max = 4 * MIB;
	for (i = 0; i < ARRAY_SIZE(weighed); i++) {
		/* A reason for, and yet it stays: there is a reason against. */
		expect(weighed[i].moves || !weighed[i].reasons_for || weighed[i].against);
		m = open_with(&c);
		if (weighed[i].crowded)
			memlane_set_hints(m, must_alloc_in(m, 3 * MIB, MEMLANE_IN_FAST),
					  MEMLANE_HINT_FRAME_CRITICAL);
		weigh(m, &weighed[i]);
		memlane_close(m);
	}
}

TEST(a_lane_that_is_full_is_a_reason_against)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h;

	c.fast_lane_size = c.fast_lane_max = MIB;
	m = open_with(&c);
	h = must_alloc_in(m, 2 * MIB, MEMLANE_IN_SLOW);
	expect(cost_of(m, h, MEMLANE_FAST).out_reasons & MEMLANE_REASON_NO_ROOM);
	expect_eq(memlane_migrate(m, h, MEMLANE_FAST), -ENOSPC);
	memlane_close(m);
}

TEST(bad_handles_and_lanes_have_no_cost)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 64);
	struct memlane_cost c;

	expect_eq(memlane_migration_cost(m, h, 2, &c), -EINVAL);
	expect_eq(memlane_migration_cost(m, h, -1, &c), -EINVAL);
	expect_eq(memlane_migration_cost(m, 12345, MEMLANE_SLOW, &c), -EBADF);
	expect_eq(memlane_free(m, h), 0);
	expect_eq(memlane_migration_cost(m, h, MEMLANE_SLOW, &c), -ESTALE);
	memlane_close(m);
}

TEST(a_pin_in_the_way_is_named)
{
	struct memlane *m = open_quiet();
	struct memlane_alloc_opts opts = { .tag = 77 };
	struct memlane_blocker b[MEMLANE_BLOCKERS];
	memlane_handle h;
	void *p;

	expect_eq(memlane_blockers(m, b, MEMLANE_BLOCKERS), 0);
	expect_eq(memlane_alloc_with(m, 64, &opts, &h), 0);
	expect_eq(memlane_try_pin(m, h, &p), 0);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), -EBUSY);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), -EBUSY);
	expect_eq(memlane_blockers(m, b, MEMLANE_BLOCKERS), 1);
	expect((b[0].handle << 1) == (h << 1));
	expect_eq(b[0].tag, 77);
	expect_eq(b[0].times, 2);
	expect(b[0].first >= b[0].last);
	memlane_close(m);
}

struct squatter {
	struct memlane *m;
	int stage;
};

static void *stay_in_section(void *arg)
{
	struct squatter *s = arg;

	memlane_enter(s->m);
	__atomic_store_n(&s->stage, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&s->stage, __ATOMIC_ACQUIRE) == 1)
		usleep(100);
	memlane_exit(s->m);
	return NULL;
}

TEST(a_section_in_the_way_is_named)
{
	struct squatter s = { .m = open_quiet() };
	struct memlane_blocker b[4];
	memlane_handle h = must_alloc(s.m, 64);
	pthread_t t;
	int nr;

	start(&t, stay_in_section, &s);
	while (__atomic_load_n(&s.stage, __ATOMIC_ACQUIRE) != 1)
		usleep(100);
	expect_eq(memlane_migrate(s.m, h, MEMLANE_SLOW), -EAGAIN);
	nr = memlane_blockers(s.m, b, 4);
	__atomic_store_n(&s.stage, 2, __ATOMIC_RELEASE);
	finish(t);
	expect_eq(nr, 1);
	expect_eq(b[0].handle, 0);
	expect(b[0].times >= 1);
	expect_eq(memlane_migrate(s.m, h, MEMLANE_SLOW), 0);
	memlane_close(s.m);
}

/* Long pins of spread objects gather in fewer spans, so that compaction gives more back. */
static uint64_t used_with_pins(bool settle)
{
	struct memlane *m = open_quiet();
	static memlane_handle h[NR];
	uint64_t used;
	void *p;
	int i;

	for (i = 0; i < NR; i++)
		h[i] = must_alloc(m, 256);
	for (i = 0; i < NR; i++)
		if (i % 50)
			expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	for (i = 0; i < NR; i += 50) {
		fill(m, h[i], i);
		expect_eq((settle ? memlane_pin_long : memlane_try_pin)(m, h[i], &p), 0);
		expect(p != NULL);
	}
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	for (i = 0; i < NR; i += 50)
		verify(m, h[i], i);
	used = stats(m).counts.lane[MEMLANE_FAST].block_used;
	memlane_close(m);
	return used;
}

TEST(long_pins_gather)
{
	uint64_t spread = used_with_pins(false), gathered = used_with_pins(true);

	printf("# bytes of spans: %llu with pins, %llu with long pins\n",
	       (unsigned long long)spread, (unsigned long long)gathered);
	expect(gathered * 2 <= spread);
}

TEST(a_long_pin_refuses_sections_and_bad_handles)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 64);
	void *p;

	expect_eq(memlane_enter(m), 0);
	expect_eq(memlane_pin_long(m, h, &p), -EDEADLK);
	expect_eq(memlane_exit(m), 0);
	expect_eq(memlane_pin_long(m, 12345, &p), -EBADF);
	expect(!p);
	expect_eq(memlane_pin_long(m, h, &p), 0);
	expect_eq(memlane_pin_long(m, h, &p), 0);
	expect_eq(memlane_unpin(m, h), 0);
	expect_eq(memlane_unpin(m, h), 0);
	expect_eq(memlane_unpin(m, h), -EINVAL);
	memlane_close(m);
}

static int done_failed = 1;

static void done(void *arg, int failed)
{
	expect(arg == &done_failed);
	__atomic_store_n(&done_failed, failed, __ATOMIC_RELEASE);
}

TEST(a_background_migration_arrives_and_says_so)
{
	struct memlane *m = open_quiet();
	static memlane_handle h[NR];
	int i;

	for (i = 0; i < NR; i++) {
		h[i] = must_alloc(m, 64);
		fill(m, h[i], i);
	}
	expect_eq(memlane_migrate_async(m, MEMLANE_SLOW, h, NR, done, &done_failed), 0);
	while (__atomic_load_n(&done_failed, __ATOMIC_ACQUIRE) == 1)
		usleep(100);
	expect_eq(done_failed, 0);
	for (i = 0; i < NR; i++) {
		expect_eq(memlane_lane(m, h[i]), MEMLANE_SLOW);
		verify(m, h[i], i);
	}
	memlane_close(m);
}

TEST(close_waits_for_background_migrations)
{
	struct memlane *m = open_quiet();
	static memlane_handle h[NR];
	int i;

	for (i = 0; i < NR; i++)
		h[i] = must_alloc(m, 64);
	for (i = 0; i < 4; i++)
		expect_eq(memlane_migrate_async(m, i & 1, h, NR, NULL, NULL), 0);
	expect_eq(memlane_migrate_async(m, 2, h, NR, NULL, NULL), -EINVAL);
	expect_eq(memlane_migrate_async(m, 0, h, 0, NULL, NULL), -EINVAL);
	memlane_close(m);
}

/* Compaction that stops at a good enough hole does less than a full one. */
static struct memlane_step compact_holes(uint64_t hole)
{
	struct memlane_config c = quiet();
	struct memlane_step step = { .max_ns = 0 };
	struct memlane *m;
	static memlane_handle h[4096];
	int i;

	c.fast_lane_size = 4 * MIB;
	c.fast_lane_max = 4 * MIB;
	m = open_with(&c);
	for (i = 0; i < 4096; i++)
		h[i] = must_alloc(m, 1000);
	for (i = 0; i < 4096; i++)
		if (i % 4)
			expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	expect_eq(memlane_compact(m, 1, hole, &step), 0);
	memlane_close(m);
	return step;
}

TEST(good_enough_compaction_stops_at_the_hole)
{
	struct memlane_step full = compact_holes(0), enough = compact_holes(512 * KIB);

	printf("# moved %llu objects fully, %llu for a hole\n",
	       (unsigned long long)full.out_moved, (unsigned long long)enough.out_moved);
	expect(full.out_moved > 100);
	expect(enough.out_moved * 2 < full.out_moved);
}
