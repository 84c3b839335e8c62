// SPDX-License-Identifier: MIT
/* test-arenas.c - many arenas in one process: they share threads, and nothing else */
#include <dirent.h>
#include <poll.h>

#include "api.h"

#define WORKERS 4 /* that all arenas of a process have together */
#define STUCK	(WORKERS - 1)
#define TOKEN	42
/* A sanitizer leaves less of the address space. */
#define NR	(SANITIZED ? 6 : 100)

/* Whether a thread of this process is one of the library's that look after arenas. */
static bool is_worker(const char *tid)
{
	char path[64], name[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm", tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = '\0';
	fclose(f);
	return !strcmp(name, "memlane\n");
}

static unsigned int workers(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned int nr = 0;
	struct dirent *d;

	expect(dir != NULL);
	while ((d = readdir(dir)))
		nr += is_worker(d->d_name);
	closedir(dir);
	return nr;
}

/* A thread that was waited for is seen for a moment yet. */
static void expect_no_workers(void)
{
	while (workers())
		usleep(1000);
}

static void local_only(void)
{
	const char *backend = getenv("MEMLANE_BACKEND");

	if (backend && !strcmp(backend, "module"))
		skip("the module's threads are the kernel's");
}

/* ------------------------------------------------------------- threads ---- */

TEST(arenas_share_their_threads)
{
	struct memlane_config c = quiet();
	unsigned int i;
	struct memlane *m[NR];

	local_only();
	c.backend = MEMLANE_BACKEND_LOCAL;
	c.policy_check_interval = 0.001;
	for (i = 0; i < ARRAY_SIZE(m); i++) {
		m[i] = open_with(&c);
		fill(m[i], must_alloc(m[i], 100), i);
	}
	for (i = 0; i < ARRAY_SIZE(m); i++)
		while (!stats(m[i]).counts.cycles)
			usleep(1000);
	expect(workers() >= 1);
	expect(workers() <= WORKERS);
	for (i = 0; i < ARRAY_SIZE(m); i++)
		memlane_close(m[i]);
	expect_no_workers();
}

/* Each goes when the last arena does, however often that is. */
TEST(the_last_arena_takes_the_threads_with_it)
{
	struct memlane_config c = quiet();
	unsigned int i;
	struct memlane *m[2];

	local_only();
	c.backend = MEMLANE_BACKEND_LOCAL;
	c.policy_check_interval = 1;
	for (i = 0; i < 100; i++) {
		m[0] = open_with(&c);
		m[1] = open_with(&c);
		expect(workers() >= 1);
		memlane_close(m[i & 1]);
		expect(workers() >= 1);
		memlane_close(m[~i & 1]);
		expect_no_workers();
	}
}

static void *open_and_close(void *arg)
{
	struct memlane_config c = quiet();
	unsigned int i;

	c.backend = MEMLANE_BACKEND_LOCAL;
	c.policy_check_interval = 0.001;
	for (i = 0; i < *(unsigned int *)arg; i++) {
		struct memlane *m = open_with(&c);

		fill(m, must_alloc(m, 100), i);
		memlane_close(m);
	}
	return NULL;
}

TEST(the_last_arena_may_be_closed_while_the_first_is_opened)
{
	unsigned int rounds = 200, i;
	pthread_t t[4];

	local_only();
	for (i = 0; i < ARRAY_SIZE(t); i++)
		expect_eq(pthread_create(&t[i], NULL, open_and_close, &rounds), 0);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		expect_eq(pthread_join(t[i], NULL), 0);
	expect_no_workers();
}

static void expect_done(struct memlane *m)
{
	struct pollfd p = { .fd = memlane_event_fd(m), .events = POLLIN };
	struct memlane_event ev;

	expect_eq(poll(&p, 1, -1), 1);
	expect_eq(memlane_read_events(m, &ev, 1), 1);
	expect_eq(ev.type, MEMLANE_EVENT_DONE);
	expect_eq(ev.result, 0);
	expect_eq(ev.value, 1);
}

/* Nor does a close wait for a step of another arena. */
TEST(arenas_that_wait_for_a_section_keep_no_other_one_waiting)
{
	struct memlane_config c = quiet();
	struct memlane *m[STUCK], *other, *closed;
	memlane_handle h[STUCK];
	struct memlane_event ev;
	unsigned int i;

	local_only();
	c.backend = MEMLANE_BACKEND_LOCAL;
	c.section_grace = 10;
	other = open_with(&c);
	closed = open_with(&c);
	for (i = 0; i < STUCK; i++) {
		m[i] = open_with(&c);
		h[i] = must_alloc_in(m[i], 100, MEMLANE_IN_FAST);
		expect_eq(memlane_enter(m[i]), 0);
		expect_eq(memlane_queue_migrate(m[i], MEMLANE_SLOW, &h[i], 1, TOKEN), 0);
	}
	for (i = 0; i < 20; i++) {
		memlane_handle x = must_alloc_in(other, 100, MEMLANE_IN_FAST);

		expect_eq(memlane_queue_migrate(other, MEMLANE_SLOW, &x, 1, TOKEN), 0);
		expect_done(other);
	}
	memlane_close(closed);
	for (i = 0; i < STUCK; i++) {
		expect_eq(memlane_read_events(m[i], &ev, 1), 0);
		expect_eq(memlane_exit(m[i]), 0);
	}
	for (i = 0; i < STUCK; i++)
		expect_done(m[i]);
	for (i = 0; i < STUCK; i++)
		memlane_close(m[i]);
	memlane_close(other);
}

/* -------------------------------------------------------------- forks ---- */

static void in_child(void)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	c.backend = MEMLANE_BACKEND_LOCAL;
	c.policy_check_interval = 0.001;
	m = open_with(&c);
	fill(m, must_alloc(m, 100), 1);
	while (!stats(m).counts.cycles)
		usleep(1000);
	memlane_close(m);
	expect_no_workers();
}

TEST(a_child_has_threads_of_its_own)
{
	struct memlane_config c = quiet();
	unsigned int i;
	struct memlane *m[2];
	int status;
	pid_t pid;

	local_only();
#ifdef __SANITIZE_THREAD__
	skip("a sanitizer allows a child no threads");
#endif
	c.backend = MEMLANE_BACKEND_LOCAL;
	c.policy_check_interval = 0.001;
	m[0] = open_with(&c);
	m[1] = open_with(&c);
	for (i = 0; i < 10; i++) {
		pid = fork();
		expect(pid >= 0);
		if (!pid) {
			in_child();
			memlane_close(m[0]);
			_exit(0);
		}
		expect_eq(waitpid(pid, &status, 0), pid);
		expect_eq(status, 0);
	}
	memlane_close(m[0]);
	memlane_close(m[1]);
	expect_no_workers();
}
