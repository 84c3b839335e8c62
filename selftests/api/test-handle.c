// SPDX-License-Identifier: MIT
/* test-handle.c - bad handles: each is told apart, and changes nothing */
#include "api.h"

#define GENERATIONS MEMLANE_GEN_MAX
#define NEXT	    (1ULL << MEMLANE_GEN_SHIFT) /* generation of an index */

/* Every call that takes a handle answers @err, and nothing has changed. */
static void refused(struct memlane *m, memlane_handle h, int err)
{
	struct memlane_stats before = stats(m), after;
	struct memlane_cost cost;
	struct memlane_track track;
	int32_t result = 0;
	void *p = &p;

	expect(!memlane_is_valid(m, h));
	expect_eq(memlane_size(m, h), 0);
	expect_eq(memlane_id(m, h), 0);
	expect_eq(memlane_lane(m, h), err);
	expect_eq(memlane_tag(m, h), err);
	expect_eq(memlane_group(m, h), err);
	expect_eq(memlane_hints(m, h), err);
	expect_eq(memlane_priority(m, h), err);
	expect_eq(memlane_set_hints(m, h, MEMLANE_HINT_COLD), err);
	expect_eq(memlane_set_priority(m, h, 3), err);
	expect_eq(memlane_migration_cost(m, h, MEMLANE_SLOW, &cost), err);
	expect_eq(memlane_track(m, h, &track), err);
	expect_eq(memlane_pin_long(m, h, &p), err);
	expect(p == NULL);
	p = &p;
	expect_eq(memlane_free(m, h), h ? err : 0);
	expect_eq(memlane_unpin(m, h), err);
	expect_eq(memlane_try_pin(m, h, &p), err);
	expect(p == NULL);
	expect(memlane_pin(m, h) == NULL);
	expect_eq(memlane_enter(m), 0);
	expect(memlane_get(m, h) == NULL);
	p = &p;
	expect_eq(memlane_try_get(m, h, 1, &p), err);
	expect(p == NULL);
	expect_eq(memlane_exit(m), 0);
	expect_eq(memlane_migrate_batch(m, MEMLANE_SLOW, &h, 1, &result, NULL), 1);
	expect_eq(result, err);
	after = stats(m);
	expect_eq(after.live_objects, before.live_objects);
	expect_eq(after.frees, before.frees);
	expect_eq(after.counts.handles, before.counts.handles);
}

TEST(no_handle_is_bad_and_its_free_is_nothing)
{
	struct memlane *m = open_quiet();

	refused(m, 0, -EBADF);
	expect_eq(memlane_state(m, 0), MEMLANE_STATE_WILD);
	memlane_close(m);
}

TEST(a_freed_handle_is_stale_for_ever)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 100), again;

	expect_eq(memlane_free(m, h), 0);
	expect_eq(memlane_state(m, h), MEMLANE_STATE_FREED);
	refused(m, h, -ESTALE);
	again = must_alloc(m, 100);
	expect_eq((uint32_t)again, (uint32_t)h);
	expect(again != h);
	fill(m, again, 5);
	expect_eq(memlane_state(m, h), MEMLANE_STATE_STALE);
	refused(m, h, -ESTALE);
	verify(m, again, 5);
	expect_eq(memlane_free(m, again), 0);
	memlane_close(m);
}

TEST(a_freed_blob_is_stale_for_ever)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, MIB), again;

	expect_eq(memlane_free(m, h), 0);
	refused(m, h, -ESTALE);
	again = must_alloc(m, MIB);
	fill(m, again, 6);
	refused(m, h, -ESTALE);
	verify(m, again, 6);
	memlane_close(m);
}

/* @h if the arena that has @theirs had made it: all but the arena is right. */
static memlane_handle as_if_of(memlane_handle theirs, memlane_handle h)
{
	return memlane_handle_make(memlane_handle_cookie(theirs), memlane_handle_gen(h),
				   memlane_handle_index(h));
}

static void foreign(struct memlane *m, memlane_handle h)
{
	refused(m, h, -EXDEV);
	expect_eq(memlane_state(m, h), MEMLANE_STATE_FOREIGN);
}

/* Where an arena's indices begin depends on the arenas before, so equal ones are made. */
TEST(another_arenas_handle_is_foreign)
{
	struct memlane *m = open_quiet(), *other = open_quiet();
	memlane_handle h = must_alloc(m, 100), theirs = must_alloc(other, 100);

	expect(memlane_handle_cookie(h) != memlane_handle_cookie(theirs));
	expect_eq(as_if_of(h, h), h);
	fill(m, h, 1);
	fill(other, theirs, 2);
	foreign(m, theirs);
	foreign(other, h);
	foreign(m, as_if_of(theirs, h));
	foreign(other, as_if_of(h, theirs));
	verify(m, h, 1);
	verify(other, theirs, 2);
	memlane_close(other);
	verify(m, h, 1);
	memlane_close(m);
}

TEST(invented_handles_are_wild)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 100);
	const uint64_t cookie = memlane_handle_make(memlane_handle_cookie(h), 0, 0);

	refused(m, 42, -EBADF);
	refused(m, cookie | NEXT, -EBADF);
	refused(m, cookie | NEXT | 0xffffffff, -EBADF);
	refused(m, cookie | NEXT | 0x40000000, -EBADF);
	refused(m, h & ~MEMLANE_GEN_MASK, -EBADF);
	refused(m, h + NEXT, -EBADF);
	refused(m, h | MEMLANE_GEN_MASK, -EBADF);
	refused(m, h + 100000, -EBADF);
	expect_eq(memlane_state(m, h + 100000), MEMLANE_STATE_WILD);
	expect_eq(memlane_state(m, h + NEXT), MEMLANE_STATE_WILD);
	memlane_close(m);
}

/* Flip bits of a good handle. */
TEST(no_single_or_double_bit_error_goes_unnoticed)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 100);
	int i, j;

	for (i = 0; i < 64; i++)
		for (j = i; j < 64; j++)
			expect(!memlane_is_valid(m, h ^ (1ULL << i) ^ (i == j ? 0 : 1ULL << j)));
	expect_eq(memlane_free(m, h), 0);
	memlane_close(m);
}

TEST(random_values_do_no_harm)
{
	struct memlane *m = open_quiet();
	unsigned long long seed = harness_seed();
	memlane_handle h[64], x;
	int i, k;

	for (i = 0; i < 64; i++) {
		h[i] = must_alloc(m, 50 + i);
		fill(m, h[i], i);
	}
	for (k = 0; k < 200000; k++) {
		x = rng_next(&seed);
		/* Half of them in the right arena, half of these of an index near by. */
		if (k & 1)
			x = (x << 7 >> 7) | h[0] >> MEMLANE_COOKIE_SHIFT << MEMLANE_COOKIE_SHIFT;
		if (k & 2)
			x = (x & ~0xffffff00ULL) | (h[0] & 0xffffff00);
		for (i = 0; i < 64; i++)
			if (x == h[i])
				break;
		if (i == 64)
			expect(memlane_free(m, x) < 0 || !x);
	}
	for (i = 0; i < 64; i++)
		verify(m, h[i], i);
	expect_eq(stats(m).live_objects, 64);
	memlane_close(m);
}

/* Indices that are looked up, but that the table has not; it begins at a whole page. */
static void refuse_past_the_end(const struct memlane_config *c)
{
	struct memlane *m = open_with(c);
	unsigned long long seed = harness_seed();
	memlane_handle h = must_alloc(m, 100), x;
	int i;

	for (i = 0; i < 400; i++) {
		x = h & ~511ULL;
		x += 100001 + rng_next(&seed) % (131072 - 100001);
		x ^= rng_next(&seed) & MEMLANE_HANDLE_ZEROS;
		refused(m, i & 1 ? x : x + rng_next(&seed) % 1000 * NEXT, -EBADF);
		expect_eq(memlane_state(m, x), MEMLANE_STATE_WILD);
	}
	memlane_close(m);
}

TEST(handles_past_the_table_s_end_are_wild)
{
	struct memlane_config c = quiet();

	c.max_handles = 100000;
	refuse_past_the_end(&c);
	c.tracking = true;
	refuse_past_the_end(&c);
	c.guard = true;
	refuse_past_the_end(&c);
}

TEST(a_pinned_object_is_not_freed)
{
	struct memlane *m = open_quiet();
	const uint64_t size[] = { 100, MIB };
	memlane_handle h;
	int i;

	for (i = 0; i < 2; i++) {
		h = must_alloc(m, size[i]);
		fill(m, h, 9);
		expect(memlane_pin(m, h) != NULL);
		expect_eq(memlane_state(m, h), MEMLANE_STATE_PINNED);
		expect_eq(memlane_free(m, h), -EBUSY);
		verify(m, h, 9);
		expect_eq(memlane_unpin(m, h), 0);
		expect_eq(memlane_state(m, h), MEMLANE_STATE_LIVE);
		expect_eq(memlane_free(m, h), 0);
		expect_eq(memlane_free(m, h), -ESTALE);
	}
	memlane_close(m);
}

/* The index waits in the thread's stock for its next object, whose handle is known. */
TEST(the_next_handle_of_a_freed_object_is_cached)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 100), next = h + NEXT;

	expect_eq(memlane_state(m, next), MEMLANE_STATE_WILD);
	expect_eq(memlane_free(m, h), 0);
	expect_eq(memlane_state(m, next), MEMLANE_STATE_CACHED);
	refused(m, next, -ESTALE);
	expect(must_alloc(m, 100) == next);
	expect_eq(memlane_state(m, next), MEMLANE_STATE_LIVE);
	memlane_close(m);
}

struct mover {
	struct memlane *m;
	memlane_handle h;
	int result;
};

static void *move_it(void *arg)
{
	struct mover *mv = arg;

	mv->result = memlane_migrate(mv->m, mv->h, MEMLANE_SLOW);
	return NULL;
}

/* For a minute at most. */
static void wait_for_state(struct memlane *m, memlane_handle h, int state)
{
	int i;

	for (i = 0; i < 60000 && memlane_state(m, h) != state; i++)
		usleep(1000);
	expect_eq(memlane_state(m, h), state);
}

/* The move is planned, and waits for the end of a section that was open already. */
TEST(an_object_whose_move_waits_for_a_section_is_moving)
{
	struct memlane_config c = quiet();
	struct mover mv;
	pthread_t t;

	c.section_grace = 10;
	mv.m = open_with(&c);
	mv.h = must_alloc(mv.m, 100);
	fill(mv.m, mv.h, 1);
	expect_eq(memlane_state(mv.m, mv.h), MEMLANE_STATE_LIVE);
	expect_eq(memlane_enter(mv.m), 0);
	start(&t, move_it, &mv);
	wait_for_state(mv.m, mv.h, MEMLANE_STATE_MOVING);
	expect_eq(memlane_lane(mv.m, mv.h), MEMLANE_FAST);
	expect_eq(memlane_exit(mv.m), 0);
	finish(t);
	expect_eq(mv.result, 0);
	expect_eq(memlane_state(mv.m, mv.h), MEMLANE_STATE_LIVE);
	expect_eq(memlane_lane(mv.m, mv.h), MEMLANE_SLOW);
	verify(mv.m, mv.h, 1);
	memlane_close(mv.m);
}

TEST(states_have_names)
{
	int i, j;

	for (i = 0; i < MEMLANE_STATES; i++) {
		expect(strcmp(memlane_state_name(i), "unknown"));
		for (j = 0; j < i; j++)
			expect(strcmp(memlane_state_name(i), memlane_state_name(j)));
	}
	expect(!strcmp(memlane_state_name(MEMLANE_STATES), "unknown"));
	expect(!strcmp(memlane_state_name(-1), "unknown"));
	expect(!strcmp(memlane_state_name(MEMLANE_STATE_LIVE), "live"));
}

/* More arenas than there are cookies, one after the other, and each keeps a few handles. */
TEST(handles_of_many_arenas_are_not_taken_for_each_other)
{
	enum { ARENAS = 300, EACH = 4 };
	static memlane_handle all[ARENAS][EACH];
	struct memlane *m;
	int i, j, k;

	for (i = 0; i < ARENAS; i++) {
		m = open_quiet();
		for (j = 0; j < EACH; j++) {
			all[i][j] = must_alloc(m, 100 + j);
			fill(m, all[i][j], j);
			expect(memlane_id(m, all[i][j]) > 0);
		}
		expect_eq(memlane_migrate(m, all[i][0], MEMLANE_SLOW), 0);
		expect_eq(memlane_compact(m, 0, 0, NULL), 0);
		for (j = 0; j < EACH; j++)
			verify(m, all[i][j], j);
		for (k = 0; k < i; k++)
			for (j = 0; j < EACH; j++)
				expect(!memlane_is_valid(m, all[k][j]));
		memlane_close(m);
	}
}

/* The same of arenas that are all open. */
TEST(handles_of_open_arenas_are_not_taken_for_each_other)
{
	enum { ARENAS = 70 };
	struct memlane *m[ARENAS];
	memlane_handle h[ARENAS];
	struct memlane_config c = quiet();
	int i, k;

#if defined(__SANITIZE_THREAD__)
	skip("a sanitizer leaves no addresses for so many tables");
#endif
	c.fast_lane_max = c.slow_lane_max = 16 * MIB;
	for (i = 0; i < ARENAS; i++) {
		m[i] = open_with(&c);
		h[i] = must_alloc(m[i], 100);
		fill(m[i], h[i], i);
	}
	for (i = 0; i < ARENAS; i++)
		for (k = 0; k < ARENAS; k++)
			expect_eq(memlane_is_valid(m[i], h[k]), i == k);
	for (i = 0; i < ARENAS; i++) {
		verify(m[i], h[i], i);
		memlane_close(m[i]);
	}
}

/* An arena for one object goes on when its index is used up. */
TEST(indices_follow_those_that_are_used_up)
{
	enum { OBJECTS = 5000 };
	struct memlane_config c = quiet();
	static memlane_handle all[OBJECTS];
	struct memlane *m;
	int i;

	c.aged = true;
	c.max_handles = 1;
	m = open_with(&c);
	for (i = 0; i < OBJECTS; i++) {
		all[i] = must_alloc(m, 64);
		expect_eq(memlane_free(m, all[i]), 0);
	}
	for (i = 0; i < OBJECTS; i++)
		expect_eq(memlane_free(m, all[i]), -ESTALE);
	expect(stats(m).counts.retired >= OBJECTS / 8);
	memlane_close(m);
}

#define AGED_LIVES ((3 * 4096 - 1) * 8ULL) /* objects that an aged arena can make */

static int count_one(void *arg, const struct memlane_object *o)
{
	(void)o;
	++*(int *)arg;
	return 0;
}

static int count_all(struct memlane *m)
{
	int nr = 0;

	expect_eq(memlane_each(m, count_one, &nr), 0);
	return nr;
}

/* Objects come and go until none can be made. Return: how many did; some handles of theirs. */
static uint64_t live_to_the_end(struct memlane *m, memlane_handle *some, unsigned int nr)
{
	uint64_t made = 0;
	memlane_handle h;
	int err;

	while (!(err = memlane_alloc_with(m, 100, NULL, &h))) {
		if (made % 1000 == 0) {
			fill(m, h, made);
			verify(m, h, made);
		}
		some[made++ % nr] = h;
		expect_eq(memlane_free(m, h), 0);
		expect(made <= AGED_LIVES);
	}
	expect_eq(err, -ENOSPC);
	return made;
}

/*
 * An index ends, then a page of the table, then all of them: nobody notices but at the very
 * end, and is told then. What is used up takes no memory, and its handles stay stale.
 */
TEST(an_arena_makes_objects_until_all_its_handles_are_used_up)
{
	enum { SOME = 5000 };
	struct memlane_config c = quiet();
	static memlane_handle some[SOME];
	memlane_handle kept, h;
	uint64_t before, made;
	struct memlane *m;
	int i;

#ifdef __SANITIZE_THREAD__
	skip("it takes minutes with this sanitizer");
#endif
	c.aged = true;
	c.max_handles = 100;
	m = open_with(&c);
	kept = must_alloc(m, 200);
	fill(m, kept, 7);
	before = stats(m).counts.metadata;
	made = live_to_the_end(m, some, SOME);
	expect(strstr(memlane_strerror(-ENOSPC), "given out every handle"));
	verify(m, kept, 7);
	expect_eq(count_all(m), 1);
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	expect_eq(memlane_maintain(m, NULL), 0);
	verify(m, kept, 7);
	for (i = 0; i < SOME; i++) {
		expect(!memlane_is_valid(m, some[i]));
		refused(m, some[i], -ESTALE);
	}
	expect_eq(memlane_free(m, kept), 0);
	memlane_thread_flush(m);
	made += 1 + live_to_the_end(m, some, SOME);
	expect_eq(made, AGED_LIVES);
	expect_eq(stats(m).counts.retired, AGED_LIVES / 8);
	expect_eq(stats(m).counts.indices, AGED_LIVES / 8);
	/* The words of all of them would be 21 bytes each, 250 KB. */
	printf("# %lld bytes more than for one object\n", (long long)(stats(m).counts.metadata - before));
	if (memlane_capabilities(m) & MEMLANE_CAP_MODULE)	/* tallies of faults, pages' words */
		expect(stats(m).counts.metadata <= before + 96 * KIB);
	else
		expect(stats(m).counts.metadata <= before + 16 * KIB);
	expect_eq(count_all(m), 0);
	expect_eq(memlane_alloc_with(m, 100, NULL, &h), -ENOSPC);
	expect_eq(memlane_alloc_with(m, 100000, NULL, &h), -ENOSPC);
	expect_eq(memlane_state(m, kept), MEMLANE_STATE_RETIRED);
	refused(m, kept, -ESTALE);
	memlane_close(m);
}

static uint32_t gen(memlane_handle h)
{
	return memlane_handle_gen(h);
}

/* Use one index up to generation @last: all its handles were different, and are stale. */
static void wear_out(struct memlane *m, uint64_t size, uint32_t last)
{
	memlane_handle *all = calloc(GENERATIONS + 1, sizeof(*all));
	uint64_t retired = stats(m).counts.retired;
	uint32_t n = 0, i;

	for (;;) {
		all[n] = must_alloc(m, size);
		if ((uint32_t)all[n] != (uint32_t)all[0])
			break;
		expect(n == 0 || all[n] - all[n - 1] == NEXT);
		expect_eq(memlane_free(m, all[n]), 0);
		expect(++n <= GENERATIONS);
	}
	expect_eq(n, last - gen(all[0]) + 1);
	expect_eq(gen(all[n - 1]), last);
	expect_eq(stats(m).counts.retired, retired + 1);
	for (i = 0; i < n; i++)
		expect(!memlane_is_valid(m, all[i]));
	expect_eq(memlane_state(m, all[0]), MEMLANE_STATE_RETIRED);
	expect_eq(memlane_state(m, all[n - 1]), MEMLANE_STATE_RETIRED);
	refused(m, all[n - 1], -ESTALE);
	refused(m, all[0], -ESTALE);
	expect_eq(memlane_free(m, all[n]), 0);
	free(all);
}

TEST(an_index_is_retired_when_its_generations_are_used_up)
{
	struct memlane *m = open_quiet();

	wear_out(m, 64, GENERATIONS);
	wear_out(m, 64, GENERATIONS);
	memlane_close(m);
}

/* It goes back to the arena after each use. */
TEST(an_index_of_a_blob_is_retired_too)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	c.aged = true;
	m = open_with(&c);
	wear_out(m, MEMLANE_BLOCK_MAX + 1, GENERATIONS);
	memlane_close(m);
}

static bool has_state(struct memlane *m, const memlane_handle *h, int n, int state)
{
	int i;

	for (i = 0; i < n; i++)
		if (memlane_state(m, h[i]) != state)
			return false;
	return true;
}

TEST(a_purged_object_says_so_and_can_only_be_freed)
{
	struct memlane_config c = quiet();
	struct memlane_alloc_opts opts = { .group = 7 };
	struct memlane *m;
	memlane_handle h[64], kept, pinned;
	int i;

	c.slow_lane_size = c.slow_lane_max = MIB;
	c.slow_lane_usage_threshold = 0.5;
	m = open_with(&c);
	opts.lane = MEMLANE_IN_SLOW;
	expect_eq(memlane_set_purgeable(m, 7, true), 0);
	for (i = 0; i < 64; i++) {
		expect_eq(memlane_alloc_with(m, 10000, &opts, &h[i]), 0);
		fill(m, h[i], i);
	}
	expect_eq(memlane_alloc_with(m, 10000, &opts, &pinned), 0);
	fill(m, pinned, 100);
	memlane_pin(m, pinned);
	kept = must_alloc_in(m, 10000, MEMLANE_IN_SLOW);
	fill(m, kept, 101);
	for (i = 0; i < 50 && !has_state(m, h, 64, MEMLANE_STATE_PURGED); i++)
		expect_eq(memlane_maintain(m, NULL), 0);
	verify(m, kept, 101);
	verify(m, pinned, 100);
	expect(stats(m).counts.purged > 0);
	for (i = 0; i < 64; i++) {
		if (memlane_state(m, h[i]) != MEMLANE_STATE_PURGED) {
			verify(m, h[i], i);
			continue;
		}
		memlane_enter(m);
		expect(memlane_get(m, h[i]) == NULL);
		memlane_exit(m);
		expect(memlane_pin(m, h[i]) == NULL);
		expect_eq(memlane_lane(m, h[i]), -ENODATA);
		expect(!memlane_is_valid(m, h[i]));
	}
	for (i = 0; i < 64; i++) {
		expect_eq(memlane_free(m, h[i]), 0);
		expect_eq(memlane_free(m, h[i]), -ESTALE);
	}
	expect_eq(stats(m).counts.purged, 0);
	expect_eq(stats(m).live_objects, 2);
	memlane_close(m);
}
