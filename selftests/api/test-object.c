// SPDX-License-Identifier: MIT
/* test-object.c - making objects: sizes, alignments, lanes, wishes */
#include "api.h"

TEST(every_size_of_a_block_holds_its_bytes)
{
	struct memlane *m = open_quiet();
	memlane_handle *h = calloc(3000, sizeof(*h));
	uint64_t size;
	int i, n = 0;

	for (size = 1; size <= MEMLANE_BLOCK_MAX; size += 1 + size / 64)
		h[n++] = must_alloc(m, size);
	for (i = 0; i < n; i++)
		fill(m, h[i], i);
	for (i = 0; i < n; i++)
		verify(m, h[i], i);
	for (i = 0; i < n; i++)
		expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(stats(m).live_objects, 0);
	expect_eq(stats(m).live_bytes, 0);
	memlane_close(m);
	free(h);
}

TEST(large_objects_hold_their_bytes)
{
	struct memlane *m = open_quiet();
	const uint64_t size[] = { MEMLANE_BLOCK_MAX + 1, 65536, MIB - 1, MIB, 3 * MIB + 5 };
	memlane_handle h[5];
	int i;

	for (i = 0; i < 5; i++) {
		h[i] = must_alloc(m, size[i]);
		fill(m, h[i], i);
	}
	for (i = 0; i < 5; i++) {
		expect_eq(memlane_size(m, h[i]), size[i]);
		verify(m, h[i], i);
		expect_eq(memlane_free(m, h[i]), 0);
	}
	memlane_close(m);
}

TEST(absurd_sizes_are_refused)
{
	struct memlane *m = open_quiet();
	const uint64_t size[] = { 0, MEMLANE_SIZE_MAX + 1, 1ULL << 63, ~0ULL };
	memlane_handle h;
	int i;

	for (i = 0; i < 4; i++) {
		h = 1;
		expect_eq(memlane_alloc_with(m, size[i], NULL, &h), -EINVAL);
		expect_eq(h, 0);
		expect_eq(memlane_alloc(m, size[i]), 0);
	}
	expect_eq(memlane_alloc_with(m, MEMLANE_SIZE_MAX, NULL, &h), -ENOSPC);
	memlane_close(m);
}

TEST(the_threshold_divides_the_lanes)
{
	struct memlane *m = open_quiet();
	memlane_handle below = must_alloc(m, 4095), at = must_alloc(m, 4096);

	expect_eq(memlane_lane(m, below), MEMLANE_FAST);
	expect_eq(memlane_lane(m, at), MEMLANE_SLOW);
	expect(memlane_id(m, below) > 0);
	expect(memlane_id(m, at) < 0);
	/* Handles are positive, wherever the object is. */
	expect((int64_t)below > 0);
	expect((int64_t)at > 0);
	memlane_close(m);
}

TEST(a_wished_lane_is_taken)
{
	struct memlane *m = open_quiet();

	expect_eq(memlane_lane(m, must_alloc_in(m, 100, MEMLANE_IN_SLOW)), MEMLANE_SLOW);
	expect_eq(memlane_lane(m, must_alloc_in(m, 100, MEMLANE_IN_FAST)), MEMLANE_FAST);
	expect_eq(memlane_lane(m, must_alloc_in(m, 20000, MEMLANE_IN_FAST)), MEMLANE_FAST);
	expect_eq(memlane_lane(m, must_alloc_in(m, 100000, MEMLANE_IN_FAST)), MEMLANE_FAST);
	memlane_close(m);
}

/*
 * As integers, which no compiler tells apart: what is no lane, or no place to be born in,
 * is refused, and nothing goes to another lane than was meant.
 */
TEST(a_lane_of_another_kind_is_refused)
{
	static const unsigned int wrong[] = { MEMLANE_SLOW, MEMLANE_FAST_LANE, MEMLANE_SLOW_LANE, 3, 6 };
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 100), other;
	struct memlane_lane_usage usage;
	unsigned int i, in;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct memlane_alloc_opts opts = { .align = 16 };

		memcpy(&opts.lane, &wrong[i], sizeof(opts.lane));
		expect_eq(memlane_alloc_with(m, 100, &opts, &other), -EINVAL);
		expect_eq(other, 0);
	}
	for (in = MEMLANE_IN_FAST; in <= MEMLANE_IN_SLOW; in++) {
		int lane = in;

		expect_eq(memlane_migrate(m, h, lane), -EINVAL);
		expect_eq(memlane_migrate_async(m, lane, &h, 1, NULL, NULL), -EINVAL);
		expect_eq(memlane_queue_migrate(m, lane, &h, 1, 0), -EINVAL);
		expect_eq(memlane_set_limit(m, lane, MIB), -EINVAL);
		expect_eq(memlane_stat_lane(m, lane, &usage), -EINVAL);
		expect_eq(memlane_compact(m, lane, 0, NULL), -EINVAL);
		expect_eq(memlane_compact_until(m, lane, 0, 0.5, NULL), -EINVAL);
	}
	expect_eq(memlane_lane(m, h), MEMLANE_FAST);
	memlane_close(m);
}

static void check_aligned(struct memlane *m, uint64_t size, uint32_t align)
{
	struct memlane_alloc_opts opts = { .align = align };
	memlane_handle h;
	int lane;

	expect_eq(memlane_alloc_with(m, size, &opts, &h), 0);
	fill(m, h, size);
	for (lane = 1; lane >= 0; lane--) {
		expect_eq(memlane_migrate(m, h, lane), 0);
		memlane_enter(m);
		if ((uintptr_t)memlane_get(m, h) & (align - 1))
			fail("%llu bytes at %p, not aligned to %u", (unsigned long long)size,
			     memlane_get(m, h), align);
		memlane_exit(m);
	}
	verify(m, h, size);
	expect_eq(memlane_free(m, h), 0);
}

/* The program's wish holds until the next cycle: there the threshold does. */
TEST(what_is_larger_than_the_threshold_leaves_the_fast_lane)
{
	struct memlane_config c = quiet();
	memlane_handle large, critical, small;
	struct memlane *m;

	c.age_interval = 0;
	m = open_with(&c);
	large = must_alloc_in(m, 5000, MEMLANE_IN_FAST);
	critical = must_alloc_in(m, 5000, MEMLANE_IN_FAST);
	small = must_alloc_in(m, 4096, MEMLANE_IN_FAST);
	fill(m, large, 1);
	fill(m, critical, 2);
	fill(m, small, 3);
	expect_eq(memlane_set_hints(m, critical, MEMLANE_HINT_FRAME_CRITICAL), 0);
	expect_eq(memlane_lane(m, large), MEMLANE_FAST);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(memlane_lane(m, large), MEMLANE_SLOW);
	expect_eq(memlane_lane(m, critical), MEMLANE_FAST);
	expect_eq(memlane_lane(m, small), MEMLANE_FAST);
	expect_eq(stats(m).counts.by_cause[MEMLANE_CAUSE_OVERSIZED], 1);
	verify(m, large, 1);
	verify(m, critical, 2);
	verify(m, small, 3);
	memlane_close(m);
}

TEST(alignment_holds_wherever_the_object_goes)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	uint32_t align;

	c.fast_lane_size = 64 * MIB;
	c.slow_lane_size = 64 * MIB;
	m = open_with(&c);
	for (align = 1; align <= 2 * MIB; align *= 2) {
		check_aligned(m, 1, align);
		check_aligned(m, 17, align);
		check_aligned(m, 1000, align);
		check_aligned(m, 5000, align);
		check_aligned(m, MEMLANE_BLOCK_MAX, align);
		check_aligned(m, 100000, align);
	}
	memlane_close(m);
}

TEST(wishes_out_of_range_are_refused)
{
	struct memlane *m = open_quiet();
	const struct {
		struct memlane_alloc_opts opts;
		int err;
	} bad[] = {
		{ { .align = 3 }, -EINVAL },
		{ { .align = 4 * MIB }, -EINVAL },
		{ { .lane = 3 }, -EINVAL },
		{ { .priority = 4 }, -EINVAL },
		{ { .flags = 4 }, -EOPNOTSUPP },
		{ { .flags = 1U << 31 }, -EOPNOTSUPP },
		{ { .hints = 16 }, -EOPNOTSUPP },
		{ { .__reserved = { 1, 0 } }, -EOPNOTSUPP },
		{ { .__reserved = { 0, 1 } }, -EOPNOTSUPP },
	};
	memlane_handle h;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		h = 1;
		expect_eq(memlane_alloc_with(m, 64, &bad[i].opts, &h), bad[i].err);
		expect_eq(h, 0);
	}
	expect_eq(stats(m).allocs, 0);
	memlane_close(m);
}

static bool all_zero(struct memlane *m, memlane_handle h)
{
	uint64_t i, size = memlane_size(m, h);
	const char *p;
	bool zero = true;

	memlane_enter(m);
	p = memlane_get(m, h);
	for (i = 0; i < size; i++)
		zero &= !p[i];
	memlane_exit(m);
	return zero;
}

static void check_zero(struct memlane *m, uint64_t size)
{
	const struct memlane_alloc_opts zero = { .flags = MEMLANE_ZERO };
	memlane_handle h = must_alloc(m, size);
	int i;

	for (i = 0; i < 3; i++) {
		fill(m, h, 77);
		expect_eq(memlane_free(m, h), 0);
		expect_eq(memlane_alloc_with(m, size, &zero, &h), 0);
		expect(all_zero(m, h));
	}
	expect_eq(memlane_free(m, h), 0);
}

TEST(zeroed_means_zeroed_also_where_bytes_were)
{
	struct memlane *m = open_quiet();

	check_zero(m, 1);
	check_zero(m, 100);
	check_zero(m, 4096);
	check_zero(m, MEMLANE_BLOCK_MAX);
	check_zero(m, MEMLANE_BLOCK_MAX + 1);
	check_zero(m, MIB);
	memlane_close(m);
}

TEST(tags_and_groups_come_back)
{
	struct memlane *m = open_quiet();
	struct memlane_alloc_opts opts = { .tag = 65534, .group = 4711, .priority = 3,
					   .hints = MEMLANE_HINT_MASK };
	memlane_handle h, plain;

	expect_eq(memlane_alloc_with(m, 64, &opts, &h), 0);
	expect_eq(memlane_tag(m, h), 65534);
	expect_eq(memlane_group(m, h), 4711);
	expect_eq(memlane_size(m, h), 64);
	expect_eq(memlane_state(m, h), MEMLANE_STATE_LIVE);
	expect_eq(memlane_free(m, h), 0);
	expect_eq(memlane_tag(m, h), -ESTALE);
	expect_eq(memlane_group(m, h), -ESTALE);
	/* The same index, and none of the wishes of the one before. */
	plain = must_alloc(m, 64);
	expect_eq((uint32_t)plain, (uint32_t)h);
	expect_eq(memlane_tag(m, plain), 0);
	expect_eq(memlane_group(m, plain), 0);
	memlane_close(m);
}

TEST(no_spill_refuses_what_the_other_lane_would_serve)
{
	struct memlane_config c = quiet();
	struct memlane_alloc_opts stay = { .lane = MEMLANE_IN_FAST, .flags = MEMLANE_NO_SPILL };
	struct memlane *m;
	memlane_handle h;
	int err, n = 0;

	c.fast_lane_size = c.fast_lane_max = 256 * KIB;
	m = open_with(&c);
	while (!(err = memlane_alloc_with(m, 1000, &stay, &h))) {
		expect_eq(memlane_lane(m, h), MEMLANE_FAST);
		expect(++n <= 262);
	}
	expect_eq(err, -ENOSPC);
	expect(n >= 200);
	for (n = 0; n < 1000; n++) {
		h = must_alloc(m, 1000);
		expect_eq(memlane_lane(m, h), MEMLANE_SLOW);
		expect(memlane_id(m, h) < 0);
	}
	expect(stats(m).counts.spilled > 0);
	/* Spilled stock is used up before the full lane is asked again. */
	expect(stats(m).counts.refills < 200);
	memlane_close(m);
}

TEST(lanes_grow_on_demand_up_to_their_maximum)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h[200];
	int i, n;

	c.fast_lane_size = 64 * KIB;
	c.slow_lane_size = 64 * KIB;
	c.fast_lane_max = 1 * MIB;
	c.slow_lane_max = 16 * MIB;
	m = open_with(&c);
	for (n = 0; n < 200; n++) {
		h[n] = memlane_alloc(m, 100000);
		if (!h[n])
			break;
		fill(m, h[n], n);
	}
	/* 16 MiB less the safety margin of a tenth. */
	expect(n >= 130 && n <= 168);
	expect_eq(stats(m).counts.lane[MEMLANE_SLOW].limit, 16 * MIB);
	for (i = 0; i < n; i++)
		verify(m, h[i], i);
	for (i = 0; i < n; i++)
		expect_eq(memlane_free(m, h[i]), 0);
	expect(must_alloc(m, 100000));
	memlane_close(m);
}

TEST(a_limit_can_be_set_within_reason)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h;

	c.slow_lane_size = 4 * MIB;
	c.slow_lane_max = 32 * MIB;
	m = open_with(&c);
	h = must_alloc(m, 2 * MIB);
	expect_eq(memlane_set_limit(m, MEMLANE_SLOW, 32 * MIB + 1), -EINVAL);
	expect_eq(memlane_set_limit(m, MEMLANE_SLOW, MIB), -EINVAL);
	expect_eq(memlane_set_limit(m, 2, MIB), -EINVAL);
	expect_eq(memlane_set_limit(m, -1, MIB), -EINVAL);
	expect_eq(memlane_set_limit(m, MEMLANE_SLOW, 8 * MIB), 0);
	expect_eq(stats(m).counts.lane[MEMLANE_SLOW].limit, 8 * MIB);
	expect_eq(memlane_free(m, h), 0);
	memlane_close(m);
}

TEST(calls_leave_errno_alone)
{
	struct memlane *m, *no;
	struct memlane_config c = quiet();
	memlane_handle h, big, bad;
	void *p;

	m = open_with(&c);
	errno = 4242;
	c.threshold = 0;
	expect_eq(memlane_open(&no, &c), -EINVAL);
	expect_eq(memlane_open(&no, NULL), 0);
	memlane_close(no);
	h = memlane_alloc(m, 100);
	big = memlane_alloc(m, MIB);
	expect_eq(memlane_alloc_with(m, MEMLANE_SIZE_MAX, NULL, &bad), -ENOSPC);
	expect_eq(memlane_set_option(m, 9999, 0), -EOPNOTSUPP);
	expect_eq(memlane_state(m, 12345), MEMLANE_STATE_WILD);
	expect_eq(memlane_migrate(m, big, MEMLANE_SLOW), 0);
	expect_eq(memlane_compact(m, 8, 0, NULL), -EINVAL);
	expect_eq(memlane_maintain(m, NULL), 0);
	expect_eq(memlane_try_pin(m, h + (1ULL << 32), &p), -EBADF);
	expect_eq(memlane_free(m, h), 0);
	expect_eq(memlane_free(m, h), -ESTALE);
	expect_eq(memlane_free(m, big), 0);
	expect_eq(memlane_thread_flush(m), 0);
	expect_eq(memlane_thread_leave(m), 0);
	memlane_close(m);
	expect_eq(errno, 4242);
}

TEST(every_error_has_a_sentence_of_its_own)
{
	const int errs[] = { ESTALE, EXDEV, EBADF, ENODATA, EBUSY, EAGAIN, ERANGE, EOVERFLOW,
			     EINVAL, EOPNOTSUPP, ENOSPC, ENOMEM, EUSERS, EDEADLK, EOWNERDEAD,
			     ENOENT, ENODEV, EACCES, EPROTO, E2BIG, EFAULT, EINTR, ENOSYS,
			     ENXIO, EIO, EFBIG, ETXTBSY, ETIMEDOUT };
	const char *other = memlane_strerror(-9999);
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(errs); i++) {
		expect(memlane_strerror(errs[i]) != other);
		expect(memlane_strerror(errs[i]) == memlane_strerror(-errs[i]));
		expect(strlen(memlane_strerror(errs[i])) > 30);
		for (j = 0; j < i; j++)
			expect(strcmp(memlane_strerror(errs[i]), memlane_strerror(errs[j])));
	}
	expect(memlane_strerror(0) != other);
	expect(memlane_strerror(-2147483647 - 1) == other);
}
