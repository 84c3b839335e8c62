// SPDX-License-Identifier: MIT
/* test-moves.c - the mode that finds addresses kept past their section or pin */
#include <signal.h>
#include <sys/wait.h>

#include "api.h"

#define FOUND 42

static struct memlane *open_moving(void)
{
	struct memlane_config c = quiet();

	c.guard_moves = true;
	return open_with(&c);
}

static void found(int sig)
{
	(void)sig;
	_exit(FOUND);
}

/* In a child, as it ends: is what @wrong does with an address found? */
static bool finds(void (*wrong)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		signal(SIGSEGV, found);
		signal(SIGBUS, found);
		wrong();
		_exit(0);
	}
	expect_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
		skip("no /dev/memlane");
	return WIFEXITED(status) && WEXITSTATUS(status) == FOUND;
}

static volatile unsigned char *address(struct memlane *m, memlane_handle h)
{
	volatile unsigned char *p;

	expect_eq(memlane_enter(m), 0);
	p = memlane_get(m, h);
	*p = 1;
	expect_eq(memlane_exit(m), 0);
	return p;
}

static void read_late(void)
{
	struct memlane *m = open_moving();
	volatile unsigned char *p = address(m, must_alloc(m, 100));

	printf("# %d\n", *p);
}

static void write_late(void)
{
	struct memlane *m = open_moving();
	volatile unsigned char *p = address(m, must_alloc(m, 100000));

	*p = 2;
}

/* After other sections, too. */
static void write_later(void)
{
	struct memlane *m = open_moving();
	memlane_handle h = must_alloc(m, 100);
	volatile unsigned char *p = address(m, h);
	int i;

	for (i = 0; i < 20; i++)
		address(m, i % 2 ? h : must_alloc(m, 30));
	*p = 2;
}

static void write_nested(void)
{
	struct memlane *m = open_moving();
	memlane_handle h = must_alloc(m, 100);
	volatile unsigned char *p;

	memlane_enter(m);
	p = address(m, h);
	*p = 2;
	memlane_exit(m);
	*p = 3;
}

static void write_unpinned(void)
{
	struct memlane *m = open_moving();
	memlane_handle h = must_alloc(m, 100);
	volatile unsigned char *p = memlane_pin(m, h);

	*p = 1;
	address(m, h);
	*p = 2;
	expect_eq(memlane_unpin(m, h), 0);
	*p = 3;
}

static void write_with_all_guards(void)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	c.guard = true;
	c.guard_moves = true;
	m = open_with(&c);
	*address(m, must_alloc(m, 100)) = 2;
}

static void write_freed(void)
{
	struct memlane *m = open_moving();
	memlane_handle h = must_alloc(m, 100);
	volatile unsigned char *p = address(m, h);

	expect_eq(memlane_free(m, h), 0);
	*p = 2;
}

TEST(a_read_after_the_section_is_found) { expect(finds(read_late)); }
TEST(a_write_after_the_section_is_found) { expect(finds(write_late)); }
TEST(a_write_some_sections_later_is_found) { expect(finds(write_later)); }
TEST(a_write_after_a_nested_section_is_found) { expect(finds(write_nested)); }
TEST(a_write_after_the_last_pin_is_found) { expect(finds(write_unpinned)); }
TEST(a_write_after_the_free_is_found) { expect(finds(write_freed)); }
TEST(it_is_found_with_guard_bytes_too) { expect(finds(write_with_all_guards)); }

static void *uses(void *arg)
{
	struct memlane *m = arg;
	memlane_handle h[50];
	int i, k;

	for (i = 0; i < 50; i++)
		fill(m, h[i] = must_alloc(m, 1 + i * 997), i);
	for (k = 0; k < 3; k++)
		for (i = 0; i < 50; i++)
			verify(m, h[i], i);
	for (i = 0; i < 50; i++)
		expect_eq(memlane_free(m, h[i]), 0);
	return NULL;
}

TEST(a_right_program_notices_nothing)
{
	struct memlane *m = open_moving();
	memlane_handle h = must_alloc(m, 5000), near = must_alloc(m, 50);
	pthread_t t[3];
	void *p;
	int i;

	expect_eq(memlane_lane(m, h), MEMLANE_SLOW);
	fill(m, h, 7);
	for (i = 0; i < 3; i++)
		start(&t[i], uses, m);
	p = memlane_pin(m, h);
	for (i = 0; i < 100; i++) {
		verify(m, h, 7);
		fill(m, near, i);
	}
	memlane_enter(m);
	expect(memlane_get(m, h) == p);
	memlane_exit(m);
	expect_eq(memlane_unpin(m, h), 0);
	for (i = 0; i < 3; i++)
		finish(t[i]);
	verify(m, h, 7);
	verify(m, near, 99);
	expect_eq(memlane_lane(m, h), MEMLANE_SLOW);
	expect_eq(memlane_lane(m, near), MEMLANE_FAST);
	expect(stats(m).counts.by_cause[MEMLANE_CAUSE_HAND] > 100);
	memlane_close(m);
}

TEST(the_environment_switches_it_on)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	expect_eq(setenv("MEMLANE_GUARD", "bytes,leaks", 1), 0);
	m = open_with(&c);
	expect_eq(memlane_check(m, NULL, NULL), 0);
	memlane_close(m);
	expect_eq(setenv("MEMLANE_GUARD", "moves", 1), 0);
	m = open_with(&c);
	expect_eq(memlane_check(m, NULL, NULL), -EOPNOTSUPP);
	address(m, must_alloc(m, 100));
	expect_eq(stats(m).counts.by_cause[MEMLANE_CAUSE_HAND], 1);
	memlane_close(m);
	expect_eq(setenv("MEMLANE_GUARD", "bytes,move", 1), 0);
	expect_eq(memlane_open(&m, &c), -EINVAL);
	expect_eq(setenv("MEMLANE_GUARD", "", 1), 0);
	m = open_with(&c);
	expect_eq(memlane_check(m, NULL, NULL), -EOPNOTSUPP);
	memlane_close(m);
}
