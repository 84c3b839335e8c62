// SPDX-License-Identifier: MIT
/* test-group.c - objects of a group at once; purgeable groups; sums by tag, class, group, lane */
#include <sched.h>

#include "api.h"

/* The engine is stood before. */
#include "../../lib/backend.h"

#define NR 1000

static memlane_handle make(struct memlane *m, uint64_t size, uint16_t group, uint16_t tag)
{
	struct memlane_alloc_opts opts = { .group = group, .tag = tag };
	memlane_handle h;

	expect_eq(memlane_alloc_with(m, size, &opts, &h), 0);
	return h;
}

/* Room for a span of each class. */
static struct memlane *open_wide(void)
{
	struct memlane_config c = quiet();

	c.fast_lane_size = 16 * MIB;
	return open_with(&c);
}

/* Every third object is of group 7. */
static void make_some(struct memlane *m, memlane_handle *h)
{
	int i;

	for (i = 0; i < NR; i++) {
		h[i] = make(m, 16 + i, i % 3 ? i % 5 : 7, i % 10);
		fill(m, h[i], i);
	}
}

static struct memlane_usage group(struct memlane *m, uint16_t g)
{
	struct memlane_usage u;

	expect_eq(memlane_stat_group(m, g, &u), 0);
	return u;
}

TEST(a_group_is_freed_and_no_other)
{
	struct memlane *m = open_wide();
	static memlane_handle h[NR];
	int i;

	make_some(m, h);
	expect_eq(group(m, 7).objects[MEMLANE_FAST], 334);
	expect_eq(memlane_group_free(m, 7), 0);
	expect_eq(group(m, 7).objects[MEMLANE_FAST], 0);
	for (i = 0; i < NR; i++) {
		expect_eq(memlane_is_valid(m, h[i]), i % 3 != 0);
		if (i % 3)
			verify(m, h[i], i);
	}
	expect_eq(memlane_group_free(m, 7), 0);
	memlane_close(m);
}

TEST(a_pinned_object_of_a_group_stays)
{
	struct memlane *m = open_wide();
	static memlane_handle h[NR];

	make_some(m, h);
	expect(memlane_pin(m, h[0]));
	expect(memlane_pin(m, h[3]));
	expect_eq(memlane_group_free(m, 7), 2);
	expect(memlane_is_valid(m, h[0]) && memlane_is_valid(m, h[3]));
	expect(!memlane_is_valid(m, h[6]));
	memlane_close(m);
}

TEST(a_group_migrates_there_and_back)
{
	struct memlane *m = open_wide();
	static memlane_handle h[NR];
	int i;

	make_some(m, h);
	expect_eq(memlane_group_migrate(m, 7, MEMLANE_SLOW), 0);
	for (i = 0; i < NR; i++) {
		expect_eq(memlane_lane(m, h[i]), i % 3 ? MEMLANE_FAST : MEMLANE_SLOW);
		verify(m, h[i], i);
	}
	expect_eq(group(m, 7).objects[MEMLANE_SLOW], 334);
	expect_eq(memlane_group_migrate(m, 7, MEMLANE_FAST), 0);
	expect_eq(group(m, 7).objects[MEMLANE_FAST], 334);
	expect_eq(memlane_group_migrate(m, 7, 2), -EINVAL);
	memlane_close(m);
}

/* Freed when the engine is told to move, after the library's walk. */
static memlane_handle going[3];
static const struct backend *real;

static int free_first(struct memlane *m, unsigned int cmd, void *req)
{
	unsigned int i;

	for (i = 0; cmd == MEMLANE_CMD_MIGRATE && i < ARRAY_SIZE(going); i++)
		memlane_free(m, going[i]);
	return real->call(m, cmd, req);
}

TEST(what_is_gone_meanwhile_is_not_left_behind)
{
	struct memlane *m = open_wide();
	static memlane_handle h[NR];
	struct backend mine = *m->backend;

	make_some(m, h);
	real = m->backend;
	mine.call = free_first;
	m->backend = &mine;
	going[0] = h[0];
	going[1] = h[300];
	going[2] = h[999];
	expect_eq(memlane_group_migrate(m, 7, MEMLANE_SLOW), 0);
	expect_eq(group(m, 7).objects[MEMLANE_SLOW], 331);
	expect_eq(group(m, 7).objects[MEMLANE_FAST], 0);
	expect(memlane_pin(m, h[3]));
	going[0] = h[6];
	expect_eq(memlane_group_migrate(m, 7, MEMLANE_FAST), 1);
	expect_eq(group(m, 7).objects[MEMLANE_SLOW], 1);
	m->backend = real;
	memlane_close(m);
}

TEST(a_group_is_pinned_and_unpinned)
{
	struct memlane *m = open_wide();
	static memlane_handle h[NR];

	make_some(m, h);
	expect_eq(memlane_group_pin(m, 7), 334);
	expect_eq(group(m, 7).pinned, 334);
	expect_eq(memlane_state(m, h[0]), MEMLANE_STATE_PINNED);
	expect_eq(memlane_state(m, h[1]), MEMLANE_STATE_LIVE);
	expect_eq(memlane_group_migrate(m, 7, MEMLANE_SLOW), 334);
	expect_eq(memlane_group_unpin(m, 7), 0);
	expect_eq(group(m, 7).pinned, 0);
	expect_eq(memlane_group_unpin(m, 7), 334);
	memlane_close(m);
}

TEST(a_group_that_cannot_be_pinned_is_not_pinned_at_all)
{
	struct memlane *m = open_wide();
	static memlane_handle h[NR];
	unsigned int i;

	make_some(m, h);
	for (i = 0; i < MEMLANE_PIN_MAX; i++)
		expect(memlane_pin(m, h[300]));
	expect_eq(memlane_group_pin(m, 7), -EOVERFLOW);
	expect_eq(group(m, 7).pinned, 1);
	memlane_close(m);
}

/* Somebody else's objects of the group, made and pinned while others are walked over. */
static bool over;

static void *pin_own(void *arg)
{
	struct memlane *m = arg;
	memlane_handle h;

	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		h = make(m, 24, 7, 0);
		expect(memlane_pin(m, h));
		sched_yield();
		expect_eq(memlane_unpin(m, h), 0);
		while (memlane_free(m, h) == -EBUSY)
			;
	}
	return NULL;
}

TEST(what_is_taken_back_is_ones_own)
{
	struct memlane *m = open_wide();
	memlane_handle first = make(m, 24, 7, 0);
	static memlane_handle h[NR];
	unsigned int i;
	pthread_t t;

	make_some(m, h);
	for (i = 0; i < MEMLANE_PIN_MAX; i++)
		expect(memlane_pin(m, h[999]));
	expect_eq(memlane_free(m, first), 0);
	expect_eq(memlane_thread_flush(m), 0);
	start(&t, pin_own, m);
	for (i = 0; i < 5000; i++)
		expect_eq(memlane_group_pin(m, 7), -EOVERFLOW);
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	finish(t);
	expect_eq(group(m, 7).pinned, 1);
	memlane_close(m);
}

static int count_chunks(void *arg, const struct memlane_object *o)
{
	if (o->tag == MEMLANE_TAG_FRAME) {
		expect_eq(o->pins, 1);
		++*(int *)arg;
	}
	return 0;
}

static int chunks(struct memlane *m)
{
	int nr = 0;

	expect_eq(memlane_each(m, count_chunks, &nr), 0);
	return nr;
}

/* Group 0 is that of all who wish for none. */
TEST(scratch_of_frames_is_in_no_group)
{
	struct memlane *m = open_wide();
	memlane_handle h = must_alloc(m, 100);
	struct memlane_mark mark = memlane_frame_begin(m);
	unsigned char *p = memlane_frame_alloc(m, 1000);

	expect(mark.at && p);
	memset(p, 7, 1000);
	expect_eq(memlane_group_pin(m, 0), 1);
	expect_eq(chunks(m), 1);
	expect_eq(memlane_group_unpin(m, 0), 0);
	expect_eq(memlane_group_unpin(m, 0), 1);
	expect_eq(chunks(m), 1);
	expect_eq(memlane_group_migrate(m, 0, MEMLANE_SLOW), 0);
	expect_eq(memlane_lane(m, h), MEMLANE_SLOW);
	expect_eq(group(m, 0).objects[MEMLANE_FAST] + group(m, 0).objects[MEMLANE_SLOW], 1);
	expect_eq(memlane_group_free(m, 0), 0);
	expect_eq(chunks(m), 1);
	expect(p[0] == 7 && p[999] == 7);
	expect(memlane_frame_alloc(m, 16) == p + 1008);
	expect_eq(memlane_frame_end(m, mark), 0);
	memlane_close(m);
}

/* Both lanes full to their maximum. */
static struct memlane *open_tight(void)
{
	struct memlane_config c = quiet();

	c.fast_lane_size = c.fast_lane_max = 1 * MIB;
	c.slow_lane_size = c.slow_lane_max = 4 * MIB;
	return open_with(&c);
}

static unsigned int fill_lanes(struct memlane *m, memlane_handle *h)
{
	struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_SLOW };
	unsigned int i;

	for (i = 0; i < 64; i++) {
		opts.group = i % 2 ? 11 : 12;
		if (memlane_alloc_with(m, 100000, &opts, &h[i]))
			break;
		fill(m, h[i], i);
	}
	return i;
}

TEST(a_purgeable_group_is_dropped_under_pressure_and_says_so)
{
	struct memlane *m = open_tight();
	memlane_handle h[64], pinned;
	unsigned int i, nr;
	uint64_t on = 11;
	void *p;

	nr = fill_lanes(m, h);
	expect(nr > 20 && nr < 64);
	pinned = h[1];
	expect_eq(memlane_try_pin(m, pinned, &p), 0);
	expect_eq(memlane_group_purgeable(m, 11, true), 0);
	expect_eq(memlane_get_option(m, MEMLANE_OPT_PURGEABLE, &on), 0);
	expect_eq(on, 11 | 1 << 16);
	/* No more is dropped than the pressure asks for: all of it. */
	expect_eq(memlane_set_option(m, MEMLANE_OPT_SLOW_USAGE_THRESHOLD, 1), 0);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(group(m, 11).purged, nr / 2 - 1);
	for (i = 0; i < nr; i++) {
		if (i % 2 == 0 || h[i] == pinned) {
			verify(m, h[i], i);
			continue;
		}
		expect_eq(memlane_state(m, h[i]), MEMLANE_STATE_PURGED);
		expect_eq(memlane_enter(m), 0);
		expect(!memlane_get(m, h[i]));
		expect_eq(memlane_try_get(m, h[i], 1, &p), -ENODATA);
		expect_eq(memlane_exit(m), 0);
		expect_eq(memlane_free(m, h[i]), 0);
		expect_eq(memlane_free(m, h[i]), -ESTALE);
	}
	memlane_close(m);
}

TEST(without_pressure_nothing_is_dropped)
{
	struct memlane *m = open_tight();
	memlane_handle h = make(m, 1000, 11, 0);

	expect_eq(memlane_group_purgeable(m, 11, true), 0);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(memlane_state(m, h), MEMLANE_STATE_LIVE);
	memlane_close(m);
}

TEST(dropped_objects_are_freed_with_their_group)
{
	struct memlane *m = open_tight();
	memlane_handle h[64];
	unsigned int nr = fill_lanes(m, h);

	expect_eq(memlane_group_purgeable(m, 11, true), 0);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_SLOW_USAGE_THRESHOLD, 1), 0);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(group(m, 11).purged, nr / 2);
	expect_eq(memlane_group_free(m, 11), 0);
	expect_eq(group(m, 11).purged, 0);
	expect_eq(stats(m).live_objects, nr - nr / 2);
	memlane_close(m);
}

/* What the program was told of. */
struct told {
	unsigned int nr;
	unsigned int wrong;
	uint64_t bytes;
	struct memlane *m;
};

static void note_dropped(void *arg, const struct memlane_object *o)
{
	struct told *t = arg;

	t->nr++;
	t->bytes += o->bytes;
	t->wrong += o->group != 11 || memlane_free(t->m, o->handle) != -ESTALE;
	memlane_free(t->m, memlane_alloc(t->m, 10));
}

TEST(each_dropped_object_is_told_once_and_freed)
{
	struct memlane *m = open_tight();
	struct told t = { .m = m };
	memlane_handle h[64];
	unsigned int nr = fill_lanes(m, h);

	expect_eq(memlane_group_purgeable(m, 11, true), 0);
	expect_eq(memlane_group_reap(m, 11, note_dropped, &t), 0);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_SLOW_USAGE_THRESHOLD, 1), 0);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(memlane_group_reap(m, 12, note_dropped, &t), 0);
	expect_eq(memlane_group_reap(m, 11, note_dropped, &t), nr / 2);
	expect_eq(t.nr, nr / 2);
	expect_eq(t.wrong, 0);
	expect(t.bytes >= t.nr);
	expect_eq(group(m, 11).purged, 0);
	expect_eq(memlane_group_reap(m, 11, NULL, NULL), 0);
	expect_eq(stats(m).live_objects, nr - nr / 2);
	memlane_close(m);
}

/* ------------------------------------------------------------ telemetry */

TEST(sums_by_tag_class_and_group_are_exact)
{
	struct memlane *m = open_wide();
	static memlane_handle h[NR];
	struct memlane_usage u;
	uint64_t bytes = 0, nr = 0, in_class = 0;
	int i;

	make_some(m, h);
	for (i = 0; i < NR; i++) {
		nr += i % 10 == 4;
		bytes += i % 10 == 4 ? 16 + i : 0;
		in_class += memlane_size_class(m, 16 + i) == memlane_size_class(m, 500);
	}
	expect_eq(memlane_stat_tag(m, 4, &u), 0);
	expect_eq(u.objects[MEMLANE_FAST], nr);
	expect_eq(u.bytes[MEMLANE_FAST], bytes);
	expect_eq(u.objects[MEMLANE_SLOW], 0);
	expect(u.room[MEMLANE_FAST] >= bytes && u.room[MEMLANE_FAST] < bytes * 107 / 100 + 16 * nr);
	expect_eq(memlane_stat_class(m, memlane_size_class(m, 500), &u), 0);
	expect_eq(u.objects[MEMLANE_FAST], in_class);
	expect_eq(memlane_stat_class(m, memlane_size_class(m, MEMLANE_BLOCK_MAX) + 1, &u), -EINVAL);
	expect_eq(memlane_stat_class(m, MEMLANE_CLASS_BLOB, &u), 0);
	expect_eq(u.objects[0] + u.objects[1], 0);
	make(m, 100000, 0, 0);
	expect_eq(memlane_stat_class(m, MEMLANE_CLASS_BLOB, &u), 0);
	expect_eq(u.room[MEMLANE_SLOW], 25 * 4096);
	memlane_close(m);
}

TEST(the_walk_meets_every_object_once_and_asks_no_engine)
{
	struct memlane *m = open_wide();
	static memlane_handle h[NR];
	struct memlane_lane_usage lane;
	struct memlane_usage u;
	uint64_t calls;

	make_some(m, h);
	calls = stats(m).counts.ioctls;
	expect_eq(memlane_stat_tag(m, 4, &u), 0);
	expect_eq(memlane_stat_group(m, 7, &u), 0);
	expect_eq(memlane_stat_class(m, 3, &u), 0);
	expect_eq(memlane_stat_lane(m, MEMLANE_FAST, &lane), 0);
	expect_eq(stats(m).counts.ioctls - calls, 1);
	memlane_close(m);
}

static int third(void *arg, const struct memlane_object *o)
{
	(void)o;
	return ++*(int *)arg == 3 ? 42 : 0;
}

TEST(a_walk_can_be_stopped)
{
	struct memlane *m = open_wide();
	static memlane_handle h[NR];
	int n = 0;

	make_some(m, h);
	expect_eq(memlane_each(m, third, &n), 42);
	expect_eq(n, 3);
	memlane_close(m);
}

TEST(a_lane_tells_usage_fragmentation_and_pressure)
{
	struct memlane_config c = quiet();
	struct memlane_lane_usage before, after;
	static memlane_handle h[4096];
	struct memlane *m;
	int i;

	c.fast_lane_size = 4 * MIB;
	c.fast_lane_max = 8 * MIB;
	m = open_with(&c);
	for (i = 0; i < 3000; i++)
		h[i] = must_alloc(m, 1000);
	stats(m);
	expect_eq(memlane_stat_lane(m, MEMLANE_FAST, &before), 0);
	expect(before.usage > 0.7 && before.usage < 0.9);
	expect(before.pressure > before.usage / 2 - 1e-9 && before.pressure < before.usage / 2 + 1e-9);
	expect(before.fragmentation < 0.1);
	for (i = 0; i < 3000; i++)
		if (i % 8)
			expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	expect_eq(memlane_stat_lane(m, MEMLANE_FAST, &after), 0);
	expect(after.fragmentation > 0.8);
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	expect_eq(memlane_stat_lane(m, MEMLANE_FAST, &after), 0);
	printf("# fragmentation %.3f, then %.3f\n", before.fragmentation, after.fragmentation);
	expect(after.fragmentation < 0.2);
	expect(after.usage < 0.2);
	expect_eq(memlane_stat_lane(m, 2, &after), -EINVAL);
	memlane_close(m);
}

TEST(migrations_are_counted_by_cause)
{
	struct memlane_config c = quiet();
	struct memlane_counts n;
	struct memlane *m;
	memlane_handle h[4];
	int i;

	c.age_interval = 0;
	m = open_with(&c);
	for (i = 0; i < 4; i++)
		h[i] = must_alloc(m, 64);
	expect_eq(memlane_migrate(m, h[0], MEMLANE_SLOW), 0);
	expect_eq(memlane_set_hints(m, h[1], MEMLANE_HINT_COLD), 0);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	n = stats(m).counts;
	expect_eq(n.by_cause[MEMLANE_CAUSE_HAND], 1);
	expect_eq(n.by_cause[MEMLANE_CAUSE_STALE], 1);
	expect_eq(n.lane[MEMLANE_SLOW].migrated_in, 2);
	expect_eq(n.cycles, 1);
	expect_eq(n.periods, 1);
	memlane_close(m);
}
