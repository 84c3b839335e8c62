// SPDX-License-Identifier: MIT
/* test-config.c - defaults, and a refusal that names the field for every nonsense value */
#include <math.h>
#include <stddef.h>

#include "api.h"

/* The defaults with one value changed. */
struct nonsense {
	const char *field;
	size_t offset;
	size_t size;
	union {
		uint32_t u32;
		uint64_t u64;
		double d;
	} value;
};

#define BAD(f, member, v) \
	{ #f, offsetof(struct memlane_config, f), sizeof(((struct memlane_config *)0)->f), \
	  { .member = (v) } }

static const struct nonsense table[] = {
	BAD(size, u32, 0),
	BAD(size, u32, 12),
	BAD(size, u32, 1 << 20),
	BAD(backend, u32, 3),
	BAD(fast_lane_size, u64, 0),
	BAD(fast_lane_size, u64, 65535),
	BAD(slow_lane_size, u64, 4096),
	BAD(fast_lane_max, u64, 0),
	BAD(fast_lane_max, u64, 1048575),
	BAD(fast_lane_max, u64, MEMLANE_LANES_MAX + 1),
	BAD(fast_lane_max, u64, ~0ULL),
	BAD(slow_lane_max, u64, 1),
	BAD(slow_lane_max, u64, MEMLANE_LANES_MAX),
	BAD(slow_lane_max, u64, ~0ULL),
	BAD(threshold, u64, 0),
	BAD(threshold, u64, ~0ULL),
	BAD(compaction_threshold, d, 0),
	BAD(compaction_threshold, d, -0.5),
	BAD(compaction_threshold, d, 1.01),
	BAD(compaction_threshold, d, NAN),
	BAD(slow_lane_usage_threshold, d, 0),
	BAD(slow_lane_usage_threshold, d, INFINITY),
	BAD(slow_lane_safety_margin, d, -0.001),
	BAD(slow_lane_safety_margin, d, 0.51),
	BAD(slow_lane_safety_margin, d, NAN),
	BAD(policy_check_interval, d, -1),
	BAD(policy_check_interval, d, 0.0001),
	BAD(policy_check_interval, d, 1e9),
	BAD(policy_check_interval, d, NAN),
	BAD(section_grace, d, 0),
	BAD(section_grace, d, 11),
	BAD(section_grace, d, NAN),
	BAD(max_handles, u64, 0),
	BAD(max_handles, u64, 1ULL << 30),
	BAD(max_threads, u32, 0),
	BAD(max_threads, u32, 4097),
	BAD(__reserved, u32, 1),
	BAD(threshold, u64, (64ULL << 30) + 1),
	BAD(slow_lane_usage_threshold, d, 1.001),
	BAD(slow_lane_usage_threshold, d, NAN),
	BAD(policy_check_interval, d, INFINITY),
	BAD(section_grace, d, INFINITY),
	BAD(age_interval, d, -1),
	BAD(age_interval, d, NAN),
	BAD(frames_per_cycle, u32, 1000001),
};

TEST(defaults_are_the_documented_ones)
{
	struct memlane_config c;

	memset(&c, 0xa5, sizeof(c));
	memlane_config_init(&c);
	expect_eq(c.size, sizeof(c));
	expect_eq(c.backend, MEMLANE_BACKEND_AUTO);
	expect_eq(c.fast_lane_size, MIB);
	expect_eq(c.slow_lane_size, 10 * MIB);
	expect_eq(c.fast_lane_max, 64UL << 30);
	expect_eq(c.slow_lane_max, 64UL << 30);
	expect_eq(c.threshold, 4096);
	expect(c.enable_auto_compaction);
	expect(c.compaction_threshold == 0.90);
	expect(c.slow_lane_usage_threshold == 0.85);
	expect(c.slow_lane_safety_margin == 0.10);
	expect(c.policy_check_interval == 10);
	expect(c.section_grace == 0.010);
	expect_eq(c.max_handles, (1 << 24) - 1);
	expect_eq(c.max_threads, 1024);
	expect_eq(c.__reserved, 0);
	expect(c.age_interval == 1);
	expect_eq(c.frames_per_cycle, 0);
	expect(!c.guard && !c.report_leaks && !c.tracking);
	expect(!c.aged);
	expect(!c.report && !c.report_arg);
	expect(memlane_config_check(&c) == NULL);
	expect(memlane_config_check(NULL) == NULL);
}

TEST(an_arena_without_a_configuration_has_the_defaults)
{
	const struct {
		uint32_t option;
		uint64_t value;
	} want[] = {
		{ MEMLANE_OPT_FAST_LIMIT, MIB },
		{ MEMLANE_OPT_SLOW_LIMIT, 10 * MIB },
		{ MEMLANE_OPT_FAST_MAX, 64UL << 30 },
		{ MEMLANE_OPT_SLOW_MAX, 64UL << 30 },
		{ MEMLANE_OPT_THRESHOLD, 4096 },
		{ MEMLANE_OPT_AUTO_COMPACTION, 1 },
		{ MEMLANE_OPT_COMPACTION_THRESHOLD, 900 },
		{ MEMLANE_OPT_SLOW_USAGE_THRESHOLD, 850 },
		{ MEMLANE_OPT_SLOW_SAFETY_MARGIN, 100 },
		{ MEMLANE_OPT_POLICY_INTERVAL, 10000000000 },
		{ MEMLANE_OPT_GRACE, 10000000 },
		{ MEMLANE_OPT_AGE_INTERVAL, 1000000000 },
	};
	struct memlane *m = open_with(NULL);
	uint64_t value;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		expect_eq(memlane_get_option(m, want[i].option, &value), 0);
		if (value != want[i].value)
			fail("option %u is %llu", want[i].option, (unsigned long long)value);
	}
	expect_eq(memlane_lane(m, must_alloc(m, 4095)), MEMLANE_FAST);
	expect_eq(memlane_lane(m, must_alloc(m, 4096)), MEMLANE_SLOW);
	memlane_close(m);
}

TEST(nonsense_is_refused_by_name)
{
	struct memlane_config c;
	struct memlane *m;
	const char *why;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		memlane_config_init(&c);
		memcpy((char *)&c + table[i].offset, &table[i].value, table[i].size);
		why = memlane_config_check(&c);
		if (!why)
			fail("case %zu: %s is accepted", i, table[i].field);
		if (!strstr(why, table[i].field))
			fail("case %zu: \"%s\" does not name %s", i, why, table[i].field);
		m = (struct memlane *)&c;
		expect_eq(memlane_open(&m, &c), -EINVAL);
		expect(m == NULL);
	}
}

TEST(limits_themselves_are_accepted)
{
	struct memlane_config c;

	memlane_config_init(&c);
	c.fast_lane_size = c.fast_lane_max = 65536;
	c.slow_lane_size = c.slow_lane_max = 65536;
	c.threshold = 65536;
	c.compaction_threshold = 1;
	c.slow_lane_safety_margin = 0.5;
	c.policy_check_interval = 0.001;
	c.section_grace = 10;
	c.max_handles = 1;
	c.max_threads = 1;
	expect(memlane_config_check(&c) == NULL);
	c.max_handles = (1ULL << 30) - 1;
	c.max_threads = 4096;
	c.fast_lane_max = MEMLANE_LANES_MAX / 2;
	c.slow_lane_max = MEMLANE_LANES_MAX / 2;
	expect(memlane_config_check(&c) == NULL);
}

TEST(an_older_programs_config_gets_defaults_for_the_rest)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	c.size = offsetof(struct memlane_config, compaction_threshold);
	c.compaction_threshold = NAN;
	c.max_threads = 99999;
	m = open_with(&c);
	memlane_close(m);
}

/* The same at run time as in the configuration. */
TEST(a_threshold_above_the_fast_lane_is_refused)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	uint64_t v;

	c.fast_lane_max = 2 * MIB;
	c.threshold = 2 * MIB + 1;
	expect(strstr(memlane_config_check(&c), "threshold"));
	c.threshold = 2 * MIB;
	m = open_with(&c);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_THRESHOLD, ~0ULL), -EINVAL);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_THRESHOLD, 2 * MIB + 1), -EINVAL);
	expect_eq(memlane_get_option(m, MEMLANE_OPT_THRESHOLD, &v), 0);
	expect_eq(v, 2 * MIB);
	expect_eq(memlane_set_max(m, MEMLANE_FAST, 4 * MIB), 0);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_THRESHOLD, 4 * MIB), 0);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_THRESHOLD, 0), 0);
	memlane_close(m);
}

TEST(a_newer_programs_config_is_taken_if_its_tail_is_zero)
{
	struct {
		struct memlane_config c;
		char tail[64];
	} big;
	struct memlane *m;

	memset(&big, 0, sizeof(big));
	big.c = quiet();
	big.c.size = sizeof(big);
	m = open_with(&big.c);
	memlane_close(m);
	big.tail[63] = 1;
	expect_eq(memlane_open(&m, &big.c), -EINVAL);
	expect(strstr(memlane_config_check(&big.c), "size"));
}

/* What an older or newer program has, in front of bytes that are nobody's. */
struct framed {
	union {
		struct memlane_config config;
		struct memlane_usage usage;
		struct memlane_lane_usage lane;
		struct memlane_fault_times times;
		struct memlane_track track;
		struct memlane_cost cost;
		unsigned char room[1024];
	};
	size_t size;
};

static void expect_kept(struct framed *f, size_t length)
{
	size_t i;

	for (i = f->size; i < sizeof(f->room); i++)
		expect_eq(f->room[i], 0xa5);
	for (i = length; i < f->size; i++)
		expect_eq(f->room[i], 0);
	memset(f->room, 0xa5, sizeof(f->room));
}

static void fill_in(struct memlane *m, memlane_handle h, int off)
{
	struct framed f;

	memset(f.room, 0xa5, sizeof(f.room));
	f.size = sizeof(f.config) + off;
	memlane_config_init_sized(&f.config, f.size);
	expect_eq(f.config.size, f.size);
	expect(!memlane_config_check(&f.config));
	expect_kept(&f, sizeof(f.config));
	expect_eq(memlane_config_preset_sized(&f.config, MEMLANE_PRESET_BULK, f.size), 0);
	expect_eq(f.config.size, f.size);
	expect_kept(&f, sizeof(f.config));
	f.size = sizeof(f.usage) + off;
	expect_eq(memlane_stat_tag_sized(m, 0, &f.usage, f.size), 0);
	expect_kept(&f, sizeof(f.usage));
	expect_eq(memlane_stat_group_sized(m, 0, &f.usage, f.size), 0);
	expect_kept(&f, sizeof(f.usage));
	expect_eq(memlane_stat_class_sized(m, 0, &f.usage, f.size), 0);
	expect_kept(&f, sizeof(f.usage));
	f.size = sizeof(f.lane) + off;
	expect_eq(memlane_stat_lane_sized(m, 0, &f.lane, f.size), 0);
	expect_kept(&f, sizeof(f.lane));
	f.size = sizeof(f.times) + off;
	expect_eq(memlane_stat_faults_sized(m, MEMLANE_FAULT_NEW, &f.times, f.size), 0);
	expect_kept(&f, sizeof(f.times));
	f.size = sizeof(f.cost) + off;
	expect_eq(memlane_migration_cost_sized(m, h, 0, &f.cost, f.size), 0);
	expect_eq(f.cost.size, f.size);
	expect_kept(&f, sizeof(f.cost));
	f.size = sizeof(f.track) + off / 8;
	expect_eq(memlane_track_sized(m, h, &f.track, f.size), 0);
	expect_kept(&f, sizeof(f.track));
}

TEST(no_program_gets_more_than_it_has_room_for)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h;

	c.tracking = true;
	m = open_with(&c);
	h = must_alloc(m, 100);
	fill_in(m, h, 0);
	fill_in(m, h, -16);
	fill_in(m, h, 64);
	memlane_close(m);
}

TEST(the_smallest_arena_works)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h;

	c.fast_lane_size = c.fast_lane_max = 65536;
	c.slow_lane_size = c.slow_lane_max = 65536;
	c.max_handles = 1;
	c.max_threads = 1;
	m = open_with(&c);
	h = must_alloc(m, 100);
	fill(m, h, 1);
	verify(m, h, 1);
	expect_eq(memlane_alloc_with(m, 100, NULL, &h), -ENOSPC);
	expect_eq(h, 0);
	memlane_close(m);
}

TEST(the_environment_chooses_only_for_auto)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	setenv("MEMLANE_BACKEND", "remote", 1);
	expect_eq(memlane_open(&m, &c), -EINVAL);
	c.backend = MEMLANE_BACKEND_LOCAL;
	expect_eq(memlane_open(&m, &c), 0);
	expect_eq(memlane_backend(m), MEMLANE_BACKEND_LOCAL);
	memlane_close(m);
	setenv("MEMLANE_BACKEND", "local", 1);
	c.backend = MEMLANE_BACKEND_AUTO;
	expect_eq(memlane_open(&m, &c), 0);
	expect_eq(memlane_backend(m), MEMLANE_BACKEND_LOCAL);
	memlane_close(m);
}

TEST(auto_takes_the_module_if_it_can)
{
	struct memlane *m;

	unsetenv("MEMLANE_BACKEND");
	expect_eq(memlane_open(&m, NULL), 0);
	expect_eq(memlane_backend(m), access("/dev/memlane", R_OK | W_OK) ?
		  MEMLANE_BACKEND_LOCAL : MEMLANE_BACKEND_MODULE);
	expect_eq(!!(memlane_capabilities(m) & MEMLANE_CAP_MODULE),
		  memlane_backend(m) == MEMLANE_BACKEND_MODULE);
	memlane_close(m);
	memlane_close(NULL);
}

TEST(options_follow_the_config)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	uint64_t v;

	c.compaction_threshold = 0.755;
	c.slow_lane_safety_margin = 0.25;
	c.section_grace = 0.002;
	c.enable_auto_compaction = false;
	m = open_with(&c);
	expect_eq(memlane_get_option(m, MEMLANE_OPT_COMPACTION_THRESHOLD, &v), 0);
	expect_eq(v, 755);
	expect_eq(memlane_get_option(m, MEMLANE_OPT_SLOW_SAFETY_MARGIN, &v), 0);
	expect_eq(v, 250);
	expect_eq(memlane_get_option(m, MEMLANE_OPT_GRACE, &v), 0);
	expect_eq(v, 2000000);
	expect_eq(memlane_get_option(m, MEMLANE_OPT_AUTO_COMPACTION, &v), 0);
	expect_eq(v, 0);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_COMPACTION_THRESHOLD, 1001), -EINVAL);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_COMPACTION_THRESHOLD, 333), 0);
	expect_eq(memlane_get_option(m, MEMLANE_OPT_COMPACTION_THRESHOLD, &v), 0);
	expect_eq(v, 333);
	expect_eq(memlane_set_option(m, 0, 1), -EOPNOTSUPP);
	expect_eq(memlane_get_option(m, 9999, &v), -EOPNOTSUPP);
	memlane_close(m);
}

/* Of an arena that has something: the module lets an empty one sleep, whatever the interval. */
TEST(the_background_cycle_runs)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	uint64_t cycles;
	int i;

	c.policy_check_interval = 0.01;
	m = open_with(&c);
	usleep(100000);
	must_alloc(m, 100);
	cycles = stats(m).counts.cycles;
	for (i = 0; i < 500 && stats(m).counts.cycles < cycles + 3; i++)
		usleep(10000);
	expect(stats(m).counts.cycles >= cycles + 3);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_POLICY_INTERVAL, 0), 0);
	usleep(100000);
	cycles = stats(m).counts.cycles;
	usleep(100000);
	expect_eq(stats(m).counts.cycles, cycles);
	memlane_close(m);
}
