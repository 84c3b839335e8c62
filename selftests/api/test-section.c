// SPDX-License-Identifier: MIT
/* test-section.c - sections and pins */
#include "api.h"

TEST(an_address_is_what_was_written)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 8);
	uint64_t *p;

	expect_eq(memlane_enter(m), 0);
	p = memlane_get(m, h);
	expect(p != NULL);
	expect(memlane_get(m, h) == p);
	*p = 12345;
	expect_eq(memlane_exit(m), 0);
	expect_eq(memlane_enter(m), 0);
	expect_eq(*(uint64_t *)memlane_get(m, h), 12345);
	expect_eq(memlane_exit(m), 0);
	memlane_close(m);
}

TEST(sections_nest_and_exits_match)
{
	struct memlane *m = open_quiet();
	int i;

	expect_eq(memlane_exit(m), -EINVAL);
	for (i = 0; i < 1000; i++)
		expect_eq(memlane_enter(m), 0);
	expect_eq(memlane_thread_leave(m), -EBUSY);
	for (i = 0; i < 1000; i++)
		expect_eq(memlane_exit(m), 0);
	expect_eq(memlane_exit(m), -EINVAL);
	expect_eq(memlane_exit(m), -EINVAL);
	expect_eq(memlane_thread_leave(m), 0);
	expect_eq(memlane_exit(m), -EINVAL);
	memlane_close(m);
}

TEST(a_section_holds_moves_off_until_its_end)
{
	struct memlane_config c = quiet();
	struct memlane *m, *clock;
	memlane_handle h;
	void *p;

	c.section_grace = 0.001;
	m = open_with(&c);
	clock = open_quiet();
	h = must_alloc(m, 100);
	expect_eq(memlane_enter(m), 0);
	p = memlane_get(m, h);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), -EDEADLK);
	expect_eq(memlane_compact(m, 0, 0, NULL), -EDEADLK);
	expect_eq(memlane_maintain(m, NULL), -EDEADLK);
	/* Also when another arena was used in between. */
	expect_eq(memlane_enter(clock), 0);
	expect_eq(memlane_exit(clock), 0);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), -EDEADLK);
	expect(memlane_get(m, h) == p);
	expect_eq(memlane_exit(m), 0);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), 0);
	expect_eq(memlane_enter(m), 0);
	expect(memlane_get(m, h) != p);
	expect_eq(memlane_exit(m), 0);
	memlane_close(clock);
	memlane_close(m);
}

static struct memlane *shared;
static memlane_handle shared_handle;

static void *migrate_it(void *arg)
{
	*(int *)arg = memlane_migrate(shared, shared_handle, MEMLANE_SLOW);
	return NULL;
}

TEST(an_open_section_of_another_thread_makes_a_move_give_up)
{
	struct memlane_config c = quiet();
	pthread_t t;
	int result;

	c.section_grace = 0.005;
	shared = open_with(&c);
	shared_handle = must_alloc(shared, 100);
	expect_eq(memlane_enter(shared), 0);
	start(&t, migrate_it, &result);
	finish(t);
	expect_eq(result, -EAGAIN);
	expect_eq(memlane_exit(shared), 0);
	expect(stats(shared).counts.given_up >= 1);
	expect_eq(memlane_lane(shared, shared_handle), MEMLANE_FAST);
	start(&t, migrate_it, &result);
	finish(t);
	expect_eq(result, 0);
	expect_eq(memlane_lane(shared, shared_handle), MEMLANE_SLOW);
	memlane_close(shared);
}

TEST(several_arenas_do_not_mix)
{
	enum { N = 5 };
	struct memlane *m[N];
	memlane_handle h[N][100];
	int i, k;

	for (i = 0; i < N; i++)
		m[i] = open_quiet();
	for (k = 0; k < 100; k++)
		for (i = 0; i < N; i++) {
			h[i][k] = must_alloc(m[i], 10 + k);
			fill(m[i], h[i][k], i * 100 + k);
		}
	for (i = 0; i < N; i++)
		expect_eq(memlane_enter(m[i]), 0);
	for (i = N - 1; i >= 0; i--)
		for (k = 0; k < 100; k++)
			verify(m[i], h[i][k], i * 100 + k);
	/* Sections of several arenas need not end in the order of their beginning. */
	for (i = 0; i < N; i++)
		expect_eq(memlane_exit(m[i]), 0);
	for (i = 0; i < N; i++)
		expect_eq(memlane_exit(m[i]), -EINVAL);
	for (i = 0; i < N; i += 2)
		memlane_close(m[i]);
	for (i = 1; i < N; i += 2)
		for (k = 0; k < 100; k++)
			verify(m[i], h[i][k], i * 100 + k);
	for (i = 1; i < N; i += 2)
		memlane_close(m[i]);
}

TEST(an_arena_may_get_the_address_of_a_closed_one)
{
	struct memlane *m;
	memlane_handle h;
	int i;

	for (i = 0; i < 50; i++) {
		m = open_quiet();
		h = must_alloc(m, 100);
		fill(m, h, i);
		verify(m, h, i);
		memlane_close(m);
	}
}

TEST(try_get_knows_the_exact_size)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 100);
	void *p;

	expect_eq(memlane_enter(m), 0);
	expect_eq(memlane_try_get(m, h, 100, &p), 0);
	expect(p == memlane_get(m, h));
	expect_eq(memlane_try_get(m, h, 0, &p), 0);
	expect_eq(memlane_try_get(m, h, 101, &p), -ERANGE);
	expect(p == NULL);
	expect_eq(memlane_try_get(m, h, ~0ULL, &p), -ERANGE);
	expect_eq(memlane_exit(m), 0);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), 0);
	expect_eq(memlane_size(m, h), 100);
	memlane_close(m);
}

TEST(a_pin_keeps_the_address_through_everything)
{
	struct memlane *m = open_quiet();
	memlane_handle h[1000];
	void *p;
	int i;

	for (i = 0; i < 1000; i++)
		h[i] = must_alloc(m, 200);
	p = memlane_pin(m, h[999]);
	expect(p != NULL);
	strcpy(p, "stays");
	for (i = 0; i < 999; i++)
		expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	expect_eq(memlane_migrate(m, h[999], MEMLANE_SLOW), -EBUSY);
	expect(stats(m).counts.pinned > 0);
	expect(memlane_pin(m, h[999]) == p);
	expect(!strcmp(p, "stays"));
	expect_eq(memlane_unpin(m, h[999]), 0);
	expect_eq(memlane_migrate(m, h[999], MEMLANE_SLOW), -EBUSY);
	expect_eq(memlane_unpin(m, h[999]), 0);
	expect_eq(memlane_unpin(m, h[999]), -EINVAL);
	expect_eq(memlane_migrate(m, h[999], MEMLANE_SLOW), 0);
	memlane_close(m);
}

TEST(pins_are_counted_up_to_their_limit)
{
	struct memlane *m = open_quiet();
	struct memlane_alloc_opts opts = { .tag = 0xabcd, .priority = 2, .hints = 5 };
	memlane_handle h;
	void *p;
	unsigned int i;

	expect_eq(memlane_alloc_with(m, 100, &opts, &h), 0);
	for (i = 0; i < MEMLANE_PIN_MAX; i++)
		expect_eq(memlane_try_pin(m, h, &p), 0);
	expect_eq(memlane_try_pin(m, h, &p), -EOVERFLOW);
	expect(p == NULL);
	expect_eq(memlane_tag(m, h), 0xabcd);
	for (i = 0; i < MEMLANE_PIN_MAX; i++) {
		expect_eq(memlane_free(m, h), -EBUSY);
		expect_eq(memlane_unpin(m, h), 0);
	}
	expect_eq(memlane_unpin(m, h), -EINVAL);
	expect_eq(memlane_tag(m, h), 0xabcd);
	expect_eq(memlane_free(m, h), 0);
	memlane_close(m);
}

static void *unpin_it(void *arg)
{
	*(int *)arg = memlane_unpin(shared, shared_handle);
	return NULL;
}

TEST(any_thread_may_unpin)
{
	pthread_t t;
	int result;

	shared = open_quiet();
	shared_handle = must_alloc(shared, 100);
	expect(memlane_pin(shared, shared_handle) != NULL);
	start(&t, unpin_it, &result);
	finish(t);
	expect_eq(result, 0);
	expect_eq(memlane_free(shared, shared_handle), 0);
	memlane_close(shared);
}
