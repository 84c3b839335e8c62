// SPDX-License-Identifier: MIT
/* test-preset.c - presets, and values of a configuration that reach the engine */
#include <math.h>

#include "api.h"

static uint64_t option(struct memlane *m, uint32_t which)
{
	uint64_t value = 0;

	expect_eq(memlane_get_option(m, which, &value), 0);
	return value;
}

TEST(every_preset_opens_and_works)
{
	struct memlane_config c;
	struct memlane *m;
	memlane_handle h;
	int preset;

	for (preset = MEMLANE_PRESET_GAME_LOOP; preset <= MEMLANE_PRESET_FRAME_SCRATCH; preset++) {
		expect_eq(memlane_config_preset(&c, preset), 0);
		expect(!memlane_config_check(&c));
		m = open_with(&c);
		h = must_alloc(m, 100);
		fill(m, h, preset);
		expect_eq(memlane_run_maintenance_cycle(m), 0);
		verify(m, h, preset);
		expect_eq(memlane_free(m, h), 0);
		memlane_close(m);
	}
}

TEST(presets_differ_from_the_defaults_and_each_other)
{
	struct memlane_config c[MEMLANE_PRESET_FRAME_SCRATCH + 2];
	int i, j, n = MEMLANE_PRESET_FRAME_SCRATCH + 1;

	memlane_config_init(&c[n]);
	for (i = 0; i < n; i++)
		expect_eq(memlane_config_preset(&c[i], i), 0);
	for (i = 0; i <= n; i++)
		for (j = 0; j < i; j++)
			expect(memcmp(&c[i], &c[j], sizeof(c[i])));
}

TEST(an_unknown_preset_is_refused_and_changes_nothing)
{
	struct memlane_config c = { .size = 7 };

	expect_eq(memlane_config_preset(&c, -1), -EINVAL);
	expect_eq(memlane_config_preset(&c, MEMLANE_PRESET_FRAME_SCRATCH + 1), -EINVAL);
	expect_eq(c.size, 7);
}

/* What the header says of each preset. */

static struct memlane *open_preset(int preset)
{
	struct memlane_config c;

	expect_eq(memlane_config_preset(&c, preset), 0);
	return open_with(&c);
}

static struct memlane_lane_stat lane_stat(struct memlane *m, int lane)
{
	return stats(m).counts.lane[lane];
}

TEST(a_game_loop_has_a_cycle_in_60_frames_and_none_in_the_background)
{
	struct memlane *m = open_preset(MEMLANE_PRESET_GAME_LOOP);
	memlane_handle still = must_alloc(m, 100), used = must_alloc(m, 100);
	int i;

	expect_eq(option(m, MEMLANE_OPT_POLICY_INTERVAL), 0);
	expect_eq(option(m, MEMLANE_OPT_GRACE), 1000000);
	expect_eq(memlane_lane(m, must_alloc(m, 16 * KIB - 1)), MEMLANE_FAST);
	for (i = 1; i <= 600; i++) {
		fill(m, used, i);
		expect_eq(memlane_tick_frame(m), i);
		expect_eq(stats(m).counts.cycles, (unsigned int)i / 60);
	}
	expect_eq(memlane_lane(m, still), MEMLANE_SLOW);
	expect_eq(memlane_lane(m, used), MEMLANE_FAST);
	memlane_close(m);
}

TEST(bulk_objects_are_born_in_a_large_slow_lane_that_is_compacted_late)
{
	struct memlane *m = open_preset(MEMLANE_PRESET_BULK);
	static memlane_handle h[248];
	unsigned int i;

	expect_eq(option(m, MEMLANE_OPT_POLICY_INTERVAL), 60000000000);
	expect_eq(memlane_lane(m, must_alloc(m, 1023)), MEMLANE_FAST);
	expect_eq(memlane_lane(m, must_alloc(m, 1024)), MEMLANE_SLOW);
	/* 92 % with a hole at the bottom: not yet. */
	for (i = 0; i < 237; i++)
		h[i] = must_alloc(m, MIB);
	expect_eq(memlane_free(m, h[0]), 0);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(stats(m).counts.by_cause[MEMLANE_CAUSE_COMPACT], 0);
	/* No room was made, and none was needed. */
	expect_eq(lane_stat(m, MEMLANE_SLOW).limit, 256 * MIB);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_SLOW_SAFETY_MARGIN, 0), 0);
	for (; i < 248; i++)
		h[i] = must_alloc(m, MIB);
	expect_eq(memlane_free(m, h[1]), 0);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect(stats(m).counts.by_cause[MEMLANE_CAUSE_COMPACT] > 0);
	expect_eq(lane_stat(m, MEMLANE_SLOW).limit, 256 * MIB);
	memlane_close(m);
}

TEST(with_low_memory_half_a_lane_is_compacted)
{
	struct memlane *m = open_preset(MEMLANE_PRESET_LOW_MEMORY);
	struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_SLOW };
	static memlane_handle h[1000];
	struct memlane_lane_stat st;
	unsigned int i;

	expect_eq(memlane_set_option(m, MEMLANE_OPT_POLICY_INTERVAL, 0), 0);
	st = lane_stat(m, MEMLANE_FAST);
	expect_eq(st.limit, 256 * KIB);
	expect_eq(st.max, 4 * MIB);
	st = lane_stat(m, MEMLANE_SLOW);
	expect_eq(st.limit, MIB);
	expect_eq(st.max, 64 * MIB);
	for (i = 0; i < 1000; i++) {
		expect_eq(memlane_alloc_with(m, 600, &opts, &h[i]), 0);
		fill(m, h[i], i);
	}
	for (i = 0; i < 1000; i++)
		if (i % 8)
			expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	expect(lane_stat(m, MEMLANE_SLOW).used > 500 * KIB);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect(lane_stat(m, MEMLANE_SLOW).resident < 200 * KIB);
	for (i = 0; i < 1000; i += 8)
		verify(m, h[i], i);
	memlane_close(m);
}

TEST(an_object_pool_keeps_all_in_the_fast_lane_and_moves_nothing)
{
	struct memlane *m = open_preset(MEMLANE_PRESET_OBJECT_POOL);
	enum { NR = 150000 };
	memlane_handle *h = calloc(NR, sizeof(*h));
	uint64_t used;
	unsigned int i;

	expect_eq(memlane_lane(m, must_alloc(m, MEMLANE_BLOCK_MAX)), MEMLANE_FAST);
	for (i = 0; i < NR; i++)
		h[i] = must_alloc(m, 200);
	used = lane_stat(m, MEMLANE_FAST).used;
	expect(used > 28 * MIB);
	/* Freed places are used again. */
	for (i = 0; i < NR; i += 2)
		expect_eq(memlane_free(m, h[i]), 0);
	for (i = 0; i < NR; i += 2)
		h[i] = must_alloc(m, 200);
	expect(lane_stat(m, MEMLANE_FAST).used < used + MIB);
	for (i = 0; i < NR; i++)
		expect_eq(memlane_lane(m, h[i]), MEMLANE_FAST);
	expect_eq(stats(m).counts.spilled, 0);
	expect_eq(stats(m).counts.moved + stats(m).counts.remapped, 0);
	expect_eq(stats(m).counts.cycles, 0);
	expect_eq(option(m, MEMLANE_OPT_AUTO_COMPACTION), 0);
	memlane_close(m);
	free(h);
}

static struct memlane *scratch;
static pthread_barrier_t all_have;

static void *have_scratch(void *arg)
{
	struct memlane_mark mark = memlane_frame_begin(scratch);
	char *p;
	int i;

	(void)arg;
	for (i = 0; i < 20; i++) {
		p = memlane_frame_alloc(scratch, 64 * KIB);
		expect(p != NULL);
		p[0] = i;
	}
	pthread_barrier_wait(&all_have);
	/* Somebody looks. */
	pthread_barrier_wait(&all_have);
	expect_eq(memlane_frame_end(scratch, mark), 0);
	return NULL;
}

TEST(frame_scratch_of_many_threads_is_in_the_fast_lane)
{
	enum { THREADS = 32 };
	pthread_t t[THREADS];
	struct memlane_lane_stat fast, slow;
	int i;

	scratch = open_preset(MEMLANE_PRESET_FRAME_SCRATCH);
	pthread_barrier_init(&all_have, NULL, THREADS + 1);
	for (i = 0; i < THREADS; i++)
		start(&t[i], have_scratch, NULL);
	pthread_barrier_wait(&all_have);
	fast = lane_stat(scratch, MEMLANE_FAST);
	slow = lane_stat(scratch, MEMLANE_SLOW);
	expect(fast.used >= THREADS * 20 * 64 * KIB);
	expect_eq(slow.used, 0);
	pthread_barrier_wait(&all_have);
	for (i = 0; i < THREADS; i++)
		finish(t[i]);
	expect_eq(stats(scratch).counts.spilled, 0);
	expect_eq(stats(scratch).counts.cycles, 0);
	expect_eq(lane_stat(scratch, MEMLANE_FAST).objects, 0);
	memlane_close(scratch);
}

TEST(a_configuration_reaches_the_engine)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	c.fast_lane_size = 2 * MIB;
	c.slow_lane_size = 3 * MIB;
	c.threshold = 1000;
	c.enable_auto_compaction = false;
	c.compaction_threshold = 0.75;
	c.slow_lane_usage_threshold = 0.5;
	c.slow_lane_safety_margin = 0.2;
	c.section_grace = 0.005;
	c.age_interval = 2.5;
	m = open_with(&c);
	expect_eq(option(m, MEMLANE_OPT_FAST_LIMIT), 2 * MIB);
	expect_eq(option(m, MEMLANE_OPT_SLOW_LIMIT), 3 * MIB);
	expect_eq(option(m, MEMLANE_OPT_THRESHOLD), 1000);
	expect_eq(option(m, MEMLANE_OPT_AUTO_COMPACTION), 0);
	expect_eq(option(m, MEMLANE_OPT_COMPACTION_THRESHOLD), 750);
	expect_eq(option(m, MEMLANE_OPT_SLOW_USAGE_THRESHOLD), 500);
	expect_eq(option(m, MEMLANE_OPT_SLOW_SAFETY_MARGIN), 200);
	expect_eq(option(m, MEMLANE_OPT_POLICY_INTERVAL), 0);
	expect_eq(option(m, MEMLANE_OPT_GRACE), 5000000);
	expect_eq(option(m, MEMLANE_OPT_AGE_INTERVAL), 2500000000ULL);
	memlane_close(m);
}

TEST(the_threshold_decides_where_objects_are_born)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	c.threshold = 1000;
	m = open_with(&c);
	expect_eq(memlane_lane(m, must_alloc(m, 999)), MEMLANE_FAST);
	expect_eq(memlane_lane(m, must_alloc(m, 1000)), MEMLANE_SLOW);
	memlane_close(m);
}

TEST(a_threshold_set_later_decides_too)
{
	struct memlane *m = open_quiet();
	memlane_handle h;

	expect_eq(memlane_lane(m, must_alloc(m, 5000)), MEMLANE_SLOW);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_THRESHOLD, 5001), 0);
	h = must_alloc(m, 5000);
	expect_eq(memlane_lane(m, h), MEMLANE_FAST);
	expect_eq(memlane_lane(m, must_alloc(m, 5001)), MEMLANE_SLOW);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(memlane_lane(m, h), MEMLANE_FAST);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_THRESHOLD, 100), 0);
	expect_eq(memlane_lane(m, must_alloc(m, 100)), MEMLANE_SLOW);
	expect_eq(memlane_lane(m, must_alloc(m, 99)), MEMLANE_FAST);
	/* None: by size nothing is for the SlowLane. */
	expect_eq(memlane_set_option(m, MEMLANE_OPT_THRESHOLD, 0), 0);
	expect_eq(memlane_lane(m, must_alloc(m, 100000)), MEMLANE_FAST);
	memlane_close(m);
}

TEST(options_change_at_run_time_and_nonsense_is_refused)
{
	struct memlane *m = open_quiet();

	expect_eq(memlane_set_option(m, MEMLANE_OPT_COMPACTION_THRESHOLD, 300), 0);
	expect_eq(option(m, MEMLANE_OPT_COMPACTION_THRESHOLD), 300);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_COMPACTION_THRESHOLD, 0), -EINVAL);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_COMPACTION_THRESHOLD, 1001), -EINVAL);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_SLOW_SAFETY_MARGIN, 501), -EINVAL);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_AUTO_COMPACTION, 2), -EINVAL);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_GRACE, 1), -EINVAL);
	expect_eq(memlane_set_option(m, MEMLANE_OPTIONS, 1), -EOPNOTSUPP);
	expect_eq(option(m, MEMLANE_OPT_COMPACTION_THRESHOLD), 300);
	memlane_close(m);
}

/* The sentence begins with the name of the field. */
static void expect_refused(const struct memlane_config *c, const char *field)
{
	const char *why = memlane_config_check(c);
	struct memlane *m;

	expect(why != NULL);
	if (strncmp(why, field, strlen(field)))
		fail("\"%s\" does not name %s", why, field);
	expect_eq(memlane_open(&m, c), -EINVAL);
}

TEST(nonsense_in_the_newer_fields_is_refused_by_name)
{
	const double bad[] = { -1, 1e7, NAN, INFINITY };
	struct memlane_config c;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		c = quiet();
		c.age_interval = bad[i];
		expect_refused(&c, "age_interval");
	}
	c = quiet();
	c.frames_per_cycle = 1000001;
	expect_refused(&c, "frames_per_cycle");
}

TEST(a_shorter_configuration_has_the_defaults_for_the_rest)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	c.guard = true;
	c.age_interval = -5;
	c.size = offsetof(struct memlane_config, age_interval);
	m = open_with(&c);
	expect_eq(option(m, MEMLANE_OPT_AGE_INTERVAL), 1000000000);
	expect_eq(memlane_check(m, NULL, NULL), -EOPNOTSUPP);
	memlane_close(m);
}
