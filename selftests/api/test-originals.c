// SPDX-License-Identifier: MIT
/* test-originals.c - what the prototype did wrong, each a test */
#include "api.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void use(struct memlane *m, memlane_handle h)
{
	expect_eq(memlane_enter(m), 0);
	expect(memlane_get(m, h));
	expect_eq(memlane_exit(m), 0);
}

TEST(migrating_from_slow_to_fast_gives_the_same_handle)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 8000);

	fill(m, h, 1);
	expect_eq(memlane_lane(m, h), MEMLANE_SLOW);
	expect_eq(memlane_migrate(m, h, MEMLANE_FAST), 0);
	expect_eq(memlane_lane(m, h), MEMLANE_FAST);
	verify(m, h, 1);
	expect_eq(memlane_free(m, h), 0);
	memlane_close(m);
}

TEST(free_checks_the_generation)
{
	struct memlane *m = open_quiet();
	memlane_handle old = must_alloc(m, 64), new;

	expect_eq(memlane_free(m, old), 0);
	new = must_alloc(m, 64);
	expect_eq((uint32_t)new, (uint32_t)old);
	expect_eq(memlane_free(m, old), -ESTALE);
	expect(memlane_is_valid(m, new));
	expect_eq(memlane_free(m, new), 0);
	expect_eq(memlane_free(m, new), -ESTALE);
	memlane_close(m);
}

enum { FRAGMENTS = 6000 };

/* All but one in ten are gone, and those and one that is pinned may not leave the lane. */
static unsigned char *fragment(struct memlane *m, memlane_handle *h, int pin)
{
	unsigned char *pinned;
	int i;

	for (i = 0; i < FRAGMENTS; i++) {
		h[i] = must_alloc(m, 200);
		expect_eq(memlane_set_hints(m, h[i], MEMLANE_HINT_FRAME_CRITICAL), 0);
		fill(m, h[i], i);
	}
	pinned = memlane_pin(m, h[pin]);
	for (i = 0; i < FRAGMENTS; i++)
		if (i % 10 && i != pin)
			expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	return pinned;
}

static uint64_t compacted(struct memlane *m)
{
	return stats(m).counts.by_cause[MEMLANE_CAUSE_COMPACT];
}

/* No period ends, or objects would be sorted by their use, which fills spans too. */
static struct memlane *open_with_timer(bool compaction)
{
	struct memlane_config c = quiet();

	c.policy_check_interval = 0.001;
	c.age_interval = 1000;
	c.fast_lane_size = 8 * MIB;
	c.enable_auto_compaction = compaction;
	return open_with(&c);
}

TEST(references_survive_the_compaction_of_the_policy_timer)
{
	struct memlane *m = open_with_timer(true);
	static memlane_handle h[FRAGMENTS];
	unsigned char *pinned = fragment(m, h, 501), *got;
	uint64_t end = now_ns() + 60000000000;
	int i, more;

	for (more = 0; more < 20 && now_ns() < end; more += compacted(m) > 0) {
		expect_eq(memlane_enter(m), 0);
		got = memlane_get(m, h[1000]);
		usleep(2000);
		expect_eq(got[0], pattern(1000, 0));
		expect_eq(pinned[199], pattern(501, 199));
		expect_eq(memlane_exit(m), 0);
		usleep(1000);
	}
	expect(compacted(m) > 0);
	for (i = 0; i < FRAGMENTS; i += 10) {
		expect_eq(memlane_lane(m, h[i]), MEMLANE_FAST);
		verify(m, h[i], i);
	}
	verify(m, h[501], 501);
	memlane_close(m);
}

TEST(the_policy_timer_compacts_only_where_the_option_says_so)
{
	struct memlane *m = open_with_timer(false);
	static memlane_handle h[FRAGMENTS];
	uint64_t end = now_ns() + 60000000000, cycles, used;

	fragment(m, h, 501);
	used = stats(m).counts.lane[MEMLANE_FAST].used;
	for (cycles = stats(m).counts.cycles; stats(m).counts.cycles < cycles + 10;) {
		expect(now_ns() < end);
		usleep(1000);
	}
	expect_eq(compacted(m), 0);
	expect(stats(m).counts.lane[MEMLANE_FAST].used * 2 > used);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_AUTO_COMPACTION, 1), 0);
	while (!compacted(m)) {
		expect(now_ns() < end);
		usleep(1000);
	}
	memlane_close(m);
}

TEST(automatic_compaction_is_reached_when_the_lane_is_fragmented)
{
	struct memlane_config c = quiet();
	static memlane_handle h[3000];
	struct memlane_lane_stat before, after;
	struct memlane *m;
	int i;

	c.fast_lane_size = 8 * MIB;
	c.age_interval = 1000;
	m = open_with(&c);
	for (i = 0; i < 3000; i++)
		h[i] = must_alloc(m, 1000);
	for (i = 0; i < 3000; i++)
		if (i % 10)
			expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	before = stats(m).counts.lane[MEMLANE_FAST];
	expect(before.used * 10 < before.limit * 9);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	after = stats(m).counts.lane[MEMLANE_FAST];
	printf("# %llu bytes in use, then %llu\n", (unsigned long long)before.used,
	       (unsigned long long)after.used);
	expect(after.used * 4 < before.used);
	memlane_close(m);
}

TEST(large_objects_are_reclaimed)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h;
	int i;

	c.slow_lane_size = c.slow_lane_max = 8 * MIB;
	m = open_with(&c);
	for (i = 0; i < 100; i++) {
		h = must_alloc_in(m, 5 * MIB, MEMLANE_IN_SLOW);
		expect_eq(memlane_enter(m), 0);
		memset(memlane_get(m, h), 1, 5 * MIB);
		expect_eq(memlane_exit(m), 0);
		expect_eq(memlane_free(m, h), 0);
	}
	expect_eq(stats(m).counts.lane[MEMLANE_SLOW].used, 0);
	expect_eq(stats(m).counts.lane[MEMLANE_SLOW].resident, 0);
	memlane_close(m);
}

TEST(a_migrated_object_keeps_its_size)
{
	static const uint64_t sizes[] = { 1, 17, 4095, 32767, 32768, 32769, 1000001 };
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h;
	unsigned int i;
	void *p;

	c.fast_lane_size = 16 * MIB;
	m = open_with(&c);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		h = must_alloc(m, sizes[i]);
		fill(m, h, i);
		expect_eq(memlane_migrate(m, h, !memlane_lane(m, h)), 0);
		expect_eq(memlane_size(m, h), sizes[i]);
		expect_eq(memlane_enter(m), 0);
		expect_eq(memlane_try_get(m, h, sizes[i], &p), 0);
		expect_eq(memlane_try_get(m, h, sizes[i] + 1, &p), -ERANGE);
		expect_eq(memlane_exit(m), 0);
		verify(m, h, i);
	}
	memlane_close(m);
}

TEST(cold_means_not_accessed)
{
	struct memlane_config c = quiet();
	memlane_handle old_used, old_idle, young;
	struct memlane *m;
	int i;

	c.age_interval = 0;
	m = open_with(&c);
	old_used = must_alloc(m, 64);
	old_idle = must_alloc(m, 64);
	young = 0;
	for (i = 0; i < 8; i++) {
		use(m, old_used);
		if (i == 6)
			young = must_alloc(m, 64);
		expect_eq(memlane_run_maintenance_cycle(m), 0);
	}
	expect_eq(memlane_lane(m, old_used), MEMLANE_FAST);
	expect_eq(memlane_lane(m, old_idle), MEMLANE_SLOW);
	expect_eq(memlane_lane(m, young), MEMLANE_FAST);
	for (i = 0; i < 8; i++) {
		use(m, old_idle);
		expect_eq(memlane_run_maintenance_cycle(m), 0);
	}
	expect_eq(memlane_lane(m, old_idle), MEMLANE_FAST);
	memlane_close(m);
}

static uint64_t footprint(struct memlane *m)
{
	struct memlane_counts n = stats(m).counts;

	return n.lane[MEMLANE_FAST].resident + n.lane[MEMLANE_SLOW].resident + n.metadata;
}

TEST(compaction_needs_no_second_lane)
{
	struct memlane_step step = { .out_more = 1 };
	struct memlane_config c = quiet();
	static memlane_handle h[40000];
	uint64_t first, most = 0, now = 0;
	struct memlane *m;
	int i;

	c.slow_lane_size = c.slow_lane_max = 48 * MIB;
	m = open_with(&c);
	for (i = 0; i < 40000; i++) {
		h[i] = must_alloc_in(m, 1000, MEMLANE_IN_SLOW);
		fill(m, h[i], i);
	}
	for (i = 0; i < 40000; i++)
		if (i % 2)
			expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	first = footprint(m);
	for (; step.out_more; most = now > most ? now : most) {
		step = (struct memlane_step) { .max_bytes = 256 * KIB };
		expect_eq(memlane_compact(m, 2, 0, &step), 0);
		now = footprint(m);
	}
	printf("# %llu bytes, %llu at most, %llu afterwards\n", (unsigned long long)first,
	       (unsigned long long)most, (unsigned long long)now);
	expect(most < first + MIB);
	expect(now * 10 < first * 7);
	for (i = 0; i < 40000; i += 2)
		verify(m, h[i], i);
	memlane_close(m);
}

/* ns an allocation, with so many live objects more; the best of some batches. */
static double alloc_ns(struct memlane *m, unsigned int nr)
{
	double best = 1e9, ns;
	unsigned int i, batch;
	uint64_t start;

	for (batch = 0; batch < 10; batch++) {
		start = now_ns();
		for (i = 0; i < nr / 10; i++)
			must_alloc_in(m, 32, MEMLANE_IN_SLOW);
		ns = (double)(now_ns() - start) / (nr / 10);
		best = ns < best ? ns : best;
	}
	return best;
}

TEST(slow_allocation_is_not_linear_in_live_objects)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	double few, many;

	c.slow_lane_size = 256 * MIB;
	m = open_with(&c);
	few = alloc_ns(m, 20000);
	alloc_ns(m, 1000000);
	many = alloc_ns(m, 20000);
	printf("# %.1f ns with 20 thousand live objects, %.1f ns with a million\n", few, many);
	expect(many < few * 10);
	memlane_close(m);
}

TEST(sizes_pass_2_gib)
{
	struct memlane *m = open_quiet();
	uint64_t size = (5ULL << 30) + 123;
	unsigned char *p;
	memlane_handle h;

	h = must_alloc(m, size);
	expect_eq(memlane_size(m, h), size);
	expect_eq(memlane_enter(m), 0);
	p = memlane_get(m, h);
	p[0] = 1;
	p[(2ULL << 30) + 7] = 2;
	p[size - 1] = 3;
	expect(p[0] == 1 && p[(2ULL << 30) + 7] == 2 && p[size - 1] == 3);
	expect_eq(p[4ULL << 30], 0);
	expect_eq(memlane_exit(m), 0);
	expect(stats(m).counts.lane[MEMLANE_SLOW].used > size);
	expect_eq(stats(m).live_bytes, size);
	expect_eq(memlane_free(m, h), 0);
	expect_eq(stats(m).counts.lane[MEMLANE_SLOW].used, 0);
	memlane_close(m);
}
