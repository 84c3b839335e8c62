// SPDX-License-Identifier: MIT
/*
 * test-nomem.c - no memory: the error says so, errno does not, and nothing is lost
 *
 * Linked so that the library's requests come here.
 */
#include "api.h"

#define OLD_ERRNO 4321

void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *p, size_t size);

/* The next but so many requests of this thread fails; -1: none. */
static __thread int good = -1;
static __thread int refused;
static __thread bool for_ever;	/* and all that come after it */

static bool refuse(void)
{
	if (good < 0 || good--)
		return false;
	if (for_ever)
		good = 0;
	errno = ENOMEM;
	refused++;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t nr, size_t size)
{
	return refuse() ? NULL : __real_calloc(nr, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return refuse() ? NULL : __real_realloc(p, size);
}

static void refuse_after(int nr)
{
	good = nr;
	refused = 0;
	errno = OLD_ERRNO;
}

static bool was_refused(void)
{
	good = -1;
	expect_eq(errno, OLD_ERRNO);
	return refused;
}

TEST(opening_fails_at_every_request)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	int i, err;

	c.tracking = true;
	memlane_close(open_with(&c));
	/* What needs less is tried too. */
	for_ever = true;
	for (i = 0; i < 100; i++) {
		refuse_after(i);
		err = memlane_open(&m, &c);
		if (!was_refused())
			break;
		expect_eq(err, -ENOMEM);
		expect(!m);
	}
	expect(i > 2 && i < 100);
	expect_eq(err, 0);
	memlane_close(m);
}

static void *joins(void *arg)
{
	struct memlane *m = arg;

	refuse_after(0);
	expect_eq(memlane_thread_join(m), -ENOMEM);
	expect(was_refused());
	expect_eq(memlane_thread_join(m), 0);
	return NULL;
}

TEST(a_thread_that_cannot_join_may_try_again)
{
	struct memlane *m = open_quiet();
	pthread_t t;

	start(&t, joins, m);
	finish(t);
	memlane_close(m);
}

/* What the mover does not see of a pin, or of a slot, it does not heed. */
TEST(pins_are_seen_whatever_could_not_be_had)
{
	struct memlane *m;
	int i, k;

	for (i = 0; i < 60; i++) {
		struct memlane_config c = quiet();
		memlane_handle h = 0;

		m = open_with(&c);
		refuse_after(i);
		for (k = 0; k < 4 && !h; k++)
			memlane_alloc_with(m, i % 2 ? 100 : 100000, NULL, &h);
		was_refused();
		expect(h);
		fill(m, h, i);
		expect(memlane_pin(m, h));
		expect_eq(memlane_migrate(m, h, !memlane_lane(m, h)), -EBUSY);
		verify(m, h, i);
		expect_eq(memlane_unpin(m, h), 0);
		expect_eq(memlane_migrate(m, h, !memlane_lane(m, h)), 0);
		expect_eq(memlane_free(m, h), 0);
		expect_eq(memlane_thread_flush(m), 0);
		expect_eq(stats(m).counts.handles, 0);
		memlane_close(m);
	}
}

/* Beyond the first leaf of the engine's arrays: the same where much exists already. */
TEST(pins_are_seen_after_many_objects)
{
	struct memlane *m = open_quiet();
	struct memlane_stats st;
	memlane_handle h = 0;
	unsigned int i, failed = 0;

	for (i = 0; i < 540000; i++) {
		refuse_after(i > 523500 && i < 525000 ? (int)i % 8 : -1);
		if (memlane_alloc_with(m, 16, NULL, &h)) {
			failed++;
			continue;
		}
		was_refused();
		if (i < 523000 || i > 530000)
			continue;
		expect(memlane_pin(m, h));
		expect_eq(memlane_migrate(m, h, !memlane_lane(m, h)), -EBUSY);
	}
	was_refused();
	st = stats(m);
	printf("# %u allocations found no memory\n", failed);
	expect_eq(st.live_objects, 540000 - failed);
	memlane_close(m);
}

TEST(errno_stays_where_there_is_no_memory)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h;

	c.tracking = true;
	m = open_with(&c);
	h = must_alloc(m, 100);
	refuse_after(0);
	expect_eq(memlane_migrate_async(m, MEMLANE_SLOW, &h, 1, NULL, NULL), -ENOMEM);
	expect(was_refused());
	refuse_after(0);
	expect_eq(memlane_tag_name(m, 7, "seven"), -ENOMEM);
	expect(was_refused());
	refuse_after(1);
	expect_eq(memlane_tag_name(m, 7, "seven"), -ENOMEM);
	expect(was_refused());
	refuse_after(0);
	expect_eq(memlane_group_pin(m, 0), -ENOMEM);
	expect(was_refused());
	expect_eq(memlane_state(m, h), MEMLANE_STATE_LIVE);
	refuse_after(0);
	expect_eq(memlane_recommend(m, NULL, NULL), -ENOMEM);
	expect(was_refused());
	refuse_after(0);
	expect_eq(memlane_free(m, h), 0);
	was_refused();
	memlane_close(m);
}
