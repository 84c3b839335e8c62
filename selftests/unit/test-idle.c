// SPDX-License-Identifier: MIT
/* test-idle.c - what nobody uses is put away, page by page, and not what is touched again */
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <stdio.h>
#include <string.h>

#include "ktap.h"
#include "lane.h"
#include "table.h"
#include "world.h"

#define SECOND	1000000000ULL
#define BLOB	(16 * ML_PAGE_SIZE)

static struct world *w;
static struct ml_arena *a;

static void set(u32 option, u64 value)
{
	struct memlane_set req = { .size = sizeof(req), .option = option, .value = value };

	expect_eq(ml_set(a, &req), 0);
}

/* What is new is hot: without room in the FastLane it stays where it is. */
static void begin(u64 cold_age)
{
	w = world_new(256 << 10, 1 << 20);
	a = &w->arena;
	set(MEMLANE_OPT_FAST_LIMIT, 0);
	set(MEMLANE_OPT_COLD_AGE, cold_age);
}

static void end(void)
{
	world_check(w);
	world_end(w);
}

/* One ageing period, unless @max_ns cuts it. */
static struct memlane_step cycle(u64 max_ns)
{
	struct memlane_maintain req = { .size = sizeof(req), .step.max_ns = max_ns };

	w->clock += 2 * SECOND;
	expect_eq(ml_maintain(a, &req), 0);
	world_check(w);
	return req.step;
}

static void cycles(int nr)
{
	while (nr--)
		cycle(0);
}

/* In the SlowLane, and written. */
static u64 make(u64 bytes)
{
	u64 x = world_alloc(w, MEMLANE_SLOW, bytes);

	memset(world_at(w, world_loc(w, x), bytes), 1, bytes);
	return x;
}

static u64 away(u64 handle)
{
	return world_query(w, handle).out_compressed;
}

/* A page fault on each page of a large object; of so many pages the bytes came along before. */
static void touch_ahead(u64 handle, u64 ahead)
{
	u64 page = ml_loc_page(world_loc(w, handle)), was = w->away;

	a->ops->warm(a, page, BLOB / ML_PAGE_SIZE);
	a->count.refaults += was - w->away - ahead;
	a->count.ahead_hits += ahead;
	world_use(w, handle);
}

static void touch(u64 handle)
{
	touch_ahead(handle, 0);
}

/* Born hot: the first period counts as a use. */
static void after_so_many_periods(void)
{
	u64 x, y;

	begin(2);
	x = make(BLOB);
	y = make(BLOB);
	cycles(2);
	world_use(w, y);
	expect_eq(w->away, 0);
	cycle(0);
	expect_eq(away(x), 16);
	expect_eq(away(y), 0);
	cycles(2);
	expect_eq(away(y), 16);
	expect_eq(world_query(w, y).out_resident, 0);
	end();
}

static void never_by_default(void)
{
	struct memlane_set req = { .size = sizeof(req), .option = MEMLANE_OPT_COLD_AGE, .value = 9 };

	begin(0);
	make(BLOB);
	expect_eq(ml_get(a, &req), 0);
	expect_eq(req.value, 0);
	req.value = 5;
	expect_eq(ml_set(a, &req), -EINVAL);
	cycles(8);
	expect_eq(w->away, 0);
	end();
}

/* One object that is used keeps the page, or the two, that it is on. */
static void pages_go_whole(void)
{
	u64 x[256], page;
	int i;

	begin(1);
	for (i = 0; i < 256; i++)
		x[i] = make(100);
	for (i = 0; i < 3; i++) {
		world_use(w, x[100]);
		cycle(0);
	}
	page = ml_loc_page(world_loc(w, x[100]));
	expect_eq(away(x[100]), 0);
	expect(w->away >= 4);
	for (i = 0; i < 256; i++)
		if (ml_loc_page(world_loc(w, x[i])) > page + 1)
			expect(away(x[i]));
	end();
}

static void who_must_not_wait(void)
{
	u64 pinned, critical, first, fast;

	begin(1);
	set(MEMLANE_OPT_FAST_LIMIT, BLOB);
	pinned = make(BLOB);
	critical = make(BLOB);
	first = make(BLOB);
	fast = world_alloc(w, MEMLANE_FAST, BLOB);
	memset(world_at(w, world_loc(w, fast), BLOB), 1, BLOB);
	*world_pin(w, pinned) = MEMLANE_PIN_ONE;
	*world_pin(w, critical) = MEMLANE_HINT_FRAME_CRITICAL;
	*world_pin(w, first) = 3 << MEMLANE_PIN_PRIORITY_SHIFT;
	*world_pin(w, fast) = MEMLANE_HINT_FRAME_CRITICAL;
	cycles(8);
	expect_eq(w->away, 0);
	*world_pin(w, pinned) = 0;
	cycle(0);
	expect_eq(away(pinned), 16);
	expect_eq(w->away, 16);
	end();
}

/* What matters more stays for longer; what its program calls cold goes first. */
static void priorities_and_hints(void)
{
	u64 low, high, cold;

	begin(2);
	low = make(BLOB);
	high = make(BLOB);
	cold = make(BLOB);
	*world_pin(w, high) = 1 << MEMLANE_PIN_PRIORITY_SHIFT;
	*world_pin(w, cold) = MEMLANE_HINT_COLD;
	cycles(2);
	expect_eq(w->away, 16);
	expect_eq(away(cold), 16);
	cycle(0);
	expect_eq(away(low), 16);
	expect_eq(away(high), 0);
	cycle(0);
	expect_eq(away(high), 16);
	end();
}

/* A step that is over at once gets somewhere, and the next goes on there. */
static void goes_on_where_it_ended(void)
{
	struct memlane_maintain req = { .size = sizeof(req), .step.max_ns = 1 };
	u64 was;
	int i, steps = 0;

	begin(1);
	for (i = 0; i < 12; i++)
		make(BLOB);
	cycles(1);
	set(MEMLANE_OPT_AGE_INTERVAL, 1000 * SECOND);
	a->policy.aged = 0;
	w->clock = 1001 * SECOND;
	do {
		was = w->away;
		expect_eq(ml_maintain(a, &req), 0);
		steps++;
	} while (w->away < 12 * 16 && steps < 100);
	expect_eq(w->away, 12 * 16);
	expect(steps > 1);
	expect(was < w->away);
	end();
}

/* What is touched again makes the walks rarer; when that ends they come as before. */
static void slows_down(u64 ahead)
{
	u64 x, walks = 0;
	int i;

	begin(1);
	x = make(BLOB);
	for (i = 0; i < 64; i++) {
		cycle(0);
		walks += away(x) == 16;
		if (away(x))
			touch_ahead(x, ahead);
	}
	printf("# %llu walks, %llu rests\n", walks, (u64)a->count.cool_rests);
	expect(walks >= 3 && walks <= 10);
	expect(a->count.cool_rests >= 3);
	expect(a->policy.idle.rest >= 8);
	cycles(300);
	expect(a->policy.idle.rest <= 1);
	expect_eq(away(x), 16);
	end();
}

static void slows_down_by_touches(void)
{
	slows_down(0);
}

/* One in 16 pages is touched before its bytes are back: too few by themselves. */
static void slows_down_by_neighbours(void)
{
	slows_down(15);
}

/* Past its threshold the lane is first cooled, and nothing need be dropped. */
static void cools_before_it_drops(u64 cold_age, u64 dropped)
{
	int i;

	begin(cold_age);
	set(MEMLANE_OPT_PURGEABLE, 1 << 16 | 9);
	for (i = 0; i < 8; i++)
		world_join(w, make(BLOB), 9);
	cycles(2);
	expect_eq(w->away, 0);
	set(MEMLANE_OPT_SLOW_USAGE_THRESHOLD, 250);
	cycle(0);
	expect_eq(a->count.purged, dropped);
	end();
}

static void before_it_drops(void)
{
	cools_before_it_drops(4, 0);
	cools_before_it_drops(0, 4);
}

/* The system is short of memory: what was not used in the last period goes. */
static void for_the_system(void)
{
	u64 x, y;

	begin(4);
	x = make(BLOB);
	y = make(BLOB);
	cycles(2);
	world_use(w, y);
	ml_short_of_memory(a, 8);
	cycle(0);
	expect_eq(away(x), 16);
	expect_eq(away(y), 0);
	end();
}

static void use_for(u64 x, int periods)
{
	while (periods--) {
		world_use(w, x);
		cycle(0);
	}
}

/* How many hot objects lie in spans of cold ones: none once they were sorted. */
static void hot_objects_on_cold_pages(void)
{
	u64 x[32];
	int i;

	begin(4);
	for (i = 0; i < 32; i++)
		x[i] = make(1000);
	cycles(8);
	expect_eq(a->count.hot_on_cold, 0);
	use_for(x[5], 8);
	expect_eq(a->count.hot_on_cold, 0);
	expect_eq(away(x[5]), 0);
	expect(away(x[20]));
	/* One that may not move is met there, until it may. */
	*world_pin(w, x[9]) = MEMLANE_PIN_ONE;
	use_for(x[9], 8);
	expect_eq(a->count.hot_on_cold, 1);
	*world_pin(w, x[9]) = 0;
	use_for(x[9], 4);
	expect_eq(a->count.hot_on_cold, 0);
	end();
}

/* What is put away comes back before it is copied, and goes as it is where pages are handed over. */
static void moves_bring_it_back(void)
{
	u64 blob, block;

	begin(1);
	blob = make(BLOB);
	block = make(1000);
	cycles(3);
	expect(away(block) && away(blob) == 16);
	set(MEMLANE_OPT_FAST_LIMIT, 256 << 10);
	expect_eq(world_migrate(w, block, MEMLANE_FAST), 0);
	expect_eq(away(block), 0);
	expect_eq(world_migrate(w, blob, MEMLANE_FAST), 0);
	expect_eq(w->away, 0);
	end();
}

/* Blocks of 1000 bytes that were put away, in spans of which so many in eight are in use. */
static u64 asleep(u64 *x, int nr, int used)
{
	int i;

	begin(1);
	for (i = 0; i < nr; i++)
		x[i] = make(1000);
	cycles(3);
	for (i = 0; i < nr; i++)
		if (i % 8 >= used)
			world_free(w, x[i]);
	expect(w->away > 0);
	return w->away;
}

/* Pages that are put away stay so, unless their spans are holes for the most part. */
static void compaction_leaves_them_alone(void)
{
	struct memlane_compact usage = { .size = sizeof(usage), .lanes = 2, .usage = 1 };
	u64 x[160], was = asleep(x, 160, 6), used;

	expect_eq(world_compact(w).out_moved, 0);
	expect_eq(w->away, was);
	used = ml_lane_used(&a->lane[MEMLANE_SLOW]);
	/* But where that is not good enough, they are woken. */
	expect_eq(ml_compact(a, &usage), 0);
	expect(usage.step.out_moved > 0);
	expect(ml_lane_used(&a->lane[MEMLANE_SLOW]) < used);
	expect(w->away < was);
	end();
	was = asleep(x, 160, 2);
	expect(world_compact(w).out_moved > 0);
	expect(w->away < was);
	end();
}

/* ---------------------------------------------------------- to a file */

static u64 file_tries, file_pages;
static u64 file_first;		/* page of the last try */

/* Each page once: what is there already is not written again. */
static s64 take_all(struct world *on, u64 page, u64 nr)
{
	u64 was = file_pages;

	file_tries++;
	file_first = page;
	file_pages = max(file_pages, on->away);
	return file_pages - was;
}

static s64 take_none(struct world *on, u64 page, u64 nr)
{
	file_tries++;
	return -ENOSPC;
}

/* One walk puts it away, and the next one, if nobody came, has it stored. */
static void on_to_a_file(void)
{
	u64 x;

	begin(1);
	file_tries = file_pages = 0;
	w->to_file = take_all;
	x = make(BLOB);
	cycle(0);
	expect_eq(file_tries, 0);
	while (!away(x))
		cycle(0);
	expect_eq(file_tries, 0);
	cycle(0);
	expect_eq(file_tries, 1);
	expect_eq(file_pages, 16);
	expect_eq(file_first, ml_loc_page(world_loc(w, x)));
	expect_eq(a->policy.idle.stored, 16);
	cycles(4);
	expect_eq(a->policy.idle.stored, 16);
	end();
}

/* What is used in between is put away anew, and waits anew. */
static void used_in_between(void)
{
	u64 x;
	int i;

	begin(1);
	file_tries = file_pages = 0;
	w->to_file = take_all;
	x = make(BLOB);
	for (i = 0; i < 20; i++) {
		cycle(0);
		if (away(x))
			touch(x);
	}
	expect_eq(file_tries, 0);
	end();
}

/* Left alone for 2, 4, 8 ... 64 periods; what it does not take stays put away. */
static void a_file_that_takes_nothing(void)
{
	u64 x, most;

	begin(1);
	file_tries = 0;
	w->to_file = take_none;
	x = make(BLOB);
	cycles(200);
	most = file_tries;
	expect(most >= 6 && most <= 9);
	expect_eq(away(x), 16);
	expect_eq(a->policy.idle.stored, 0);
	expect_eq(w->events[MEMLANE_EVENT_BACKING], 1);
	expect_eq(w->event_value, ENOSPC);
	file_pages = 0;
	w->to_file = take_all;
	cycles(65);
	expect_eq(a->policy.idle.stored, 16);
	expect_eq(a->policy.idle.refused, 0);
	end();
}

/* ---------------------------------------------------------- lost */

static u64 lost_from, lost_end, lost_behind;	/* pages; what was looked at ends there */

/* The whole file is bad. Who looks at what it has seen takes for ever where there is much. */
static bool all_lost(struct ml_arena *arena, u64 *page, u64 *first)
{
	lockdep_assert_held(&arena->lock);
	expect(*page >= lost_behind);
	*page = max(*page, lost_from);
	if (*page >= lost_end)
		return false;
	lost_behind = *page + 1;
	*first = lost_from + ((*page - lost_from) & ~15ULL);
	return true;
}

static void lost_pages_are_looked_at_once(void)
{
	struct ml_ops ops;
	u64 x, y;

	begin(0);
	x = make(BLOB);
	y = make(BLOB);
	lost_from = ml_loc_page(world_loc(w, x));
	lost_end = lost_from + 32;
	expect_eq(ml_loc_page(world_loc(w, y)), lost_from + 16);
	ops = *a->ops;
	ops.untold = all_lost;
	a->ops = &ops;
	ml_tell_lost(a);
	expect_eq(a->count.lost, 32);
	expect_eq(w->events[MEMLANE_EVENT_LOST], 32);
	expect_eq(w->event_value, y);
	expect_eq(lost_behind, lost_end);
	end();
}

static const struct test tests[] = {
	{ "idle_after_so_many_periods", after_so_many_periods },
	{ "idle_never_by_default", never_by_default },
	{ "idle_pages_go_whole", pages_go_whole },
	{ "idle_who_must_not_wait", who_must_not_wait },
	{ "idle_priorities_and_hints", priorities_and_hints },
	{ "idle_goes_on_where_it_ended", goes_on_where_it_ended },
	{ "idle_slows_down", slows_down_by_touches },
	{ "idle_slows_down_by_neighbours", slows_down_by_neighbours },
	{ "idle_before_it_drops", before_it_drops },
	{ "idle_for_the_system", for_the_system },
	{ "idle_hot_objects_on_cold_pages", hot_objects_on_cold_pages },
	{ "idle_moves_bring_it_back", moves_bring_it_back },
	{ "idle_compaction_leaves_them_alone", compaction_leaves_them_alone },
	{ "idle_on_to_a_file", on_to_a_file },
	{ "idle_used_in_between", used_in_between },
	{ "idle_a_file_that_takes_nothing", a_file_that_takes_nothing },
	{ "idle_lost_pages_are_looked_at_once", lost_pages_are_looked_at_once },
};

KTAP_MAIN(tests);
