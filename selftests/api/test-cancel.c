// SPDX-License-Identifier: MIT
/* test-cancel.c - a thread that is cancelled in a call leaves no lock behind */
#include "api.h"

/* ASan takes the frame of a function that never returns for one that is in use. */
#define ENDS_INSIDE __attribute__((no_sanitize_address))

static struct memlane *m;
static memlane_handle object;
static int done;	/* atomic */

/* A lock that was left behind shows as a call that does not return. */
static void expect_alive(void)
{
	alarm(20);
	expect_eq(memlane_free(m, must_alloc(m, 50000)), 0);
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	expect_eq(memlane_free(m, must_alloc(m, 50)), 0);
}

ENDS_INSIDE static void *migrate(void *unused)
{
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	memlane_migrate(m, object, MEMLANE_SLOW);
	pthread_testcancel();
	return unused;
}

TEST(a_migration_that_waits_for_a_section)
{
	struct memlane_config c = quiet();
	pthread_t t;

	c.section_grace = 1;
	m = open_with(&c);
	object = must_alloc(m, 100);
	expect_eq(memlane_enter(m), 0);
	expect(memlane_get(m, object));
	start(&t, migrate, NULL);
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE))
		usleep(1000);
	usleep(100000);
	expect_eq(pthread_cancel(t), 0);
	finish(t);
	expect_eq(memlane_exit(m), 0);
	expect_alive();
	expect_eq(memlane_migrate(m, object, MEMLANE_SLOW), 0);
	memlane_close(m);
}

/* In a thread that is cancelled: it ends behind its calls, and nothing is held up. */
static void expect_done_by(void *(*run)(void *))
{
	pthread_t t;

	start(&t, run, NULL);
	finish(t);
	expect_eq(done, 1);
	expect_alive();
}

/* The thread is told to end before the call, and ends behind it. */
ENDS_INSIDE static void *free_damaged(void *unused)
{
	pthread_cancel(pthread_self());
	memlane_free(m, object);
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	pthread_testcancel();
	return unused;
}

TEST(a_report_to_stderr_in_checking_mode)
{
	struct memlane_config c = quiet();
	char *p;

	c.guard = true;
	m = open_with(&c);
	object = must_alloc(m, 100);
	expect_eq(memlane_enter(m), 0);
	p = memlane_get(m, object);
	p[100] ^= 1;
	expect_eq(memlane_exit(m), 0);
	expect_done_by(free_damaged);
	expect(!memlane_is_valid(m, object));
	memlane_close(m);
}

ENDS_INSIDE static void *open_and_close(void *unused)
{
	struct memlane_config c = quiet();
	struct memlane *own;

	pthread_cancel(pthread_self());
	expect_eq(memlane_open(&own, &c), 0);
	must_alloc(own, 100);
	memlane_close(own);
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	pthread_testcancel();
	return unused;
}

TEST(opening_and_closing)
{
	m = open_quiet();
	expect_done_by(open_and_close);
	memlane_close(m);
}

ENDS_INSIDE static void *work_and_end(void *unused)
{
	memlane_handle h[100];
	int i;

	pthread_cancel(pthread_self());
	for (i = 0; i < 100; i++)
		h[i] = must_alloc(m, 1 + 997 * i);
	for (i = 0; i < 100; i++)
		expect_eq(memlane_free(m, h[i]), 0);
	memlane_enter(m);
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	pthread_testcancel();
	return unused;
}

TEST(a_section_ends_with_its_thread)
{
	m = open_quiet();
	object = must_alloc(m, 100);
	expect_done_by(work_and_end);
	expect_eq(stats(m).counts.slots, 1);
	expect_eq(memlane_migrate(m, object, MEMLANE_SLOW), 0);
	memlane_close(m);
}
