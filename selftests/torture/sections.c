// SPDX-License-Identifier: MIT
/*
 * sections.c - what sections do to moves, and what their end brings, however it comes
 *
 * The background is silent: every move here is asked for.
 */
#include "api.h"

#define SIZE 500

static struct memlane *arena;
static memlane_handle object;
static pthread_barrier_t gate;
static bool over;	/* atomic */

/* A grace of 5 ms: what is given up is given up soon. */
static void open_arena(void)
{
	struct memlane_config c = quiet();

	c.section_grace = 0.005;
	arena = open_with(&c);
	object = must_alloc_in(arena, SIZE, MEMLANE_IN_FAST);
	fill(arena, object, 1);
	pthread_barrier_init(&gate, NULL, 2);
}

static int other_lane(void)
{
	return memlane_lane(arena, object) == MEMLANE_FAST ? MEMLANE_SLOW : MEMLANE_FAST;
}

static void expect_movable(void)
{
	int to = other_lane();

	expect_eq(memlane_migrate(arena, object, to), 0);
	expect_eq(memlane_lane(arena, object), to);
	verify(arena, object, 1);
}

/* ------------------------------------------------------------------- veto */

/* In one section until the others say so: who looks, keeps. */
static void *look_at_it(void *unused)
{
	void *p, *first;

	(void)unused;
	expect_eq(memlane_enter(arena), 0);
	first = memlane_get(arena, object);
	pthread_barrier_wait(&gate);
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		p = memlane_get(arena, object);
		expect(p == first);
	}
	expect_eq(memlane_exit(arena), 0);
	return NULL;
}

TEST(who_looks_in_an_old_section_vetoes)
{
	struct memlane_stats st;
	pthread_t t;
	int try, err;

	open_arena();
	start(&t, look_at_it, NULL);
	pthread_barrier_wait(&gate);
	/* Unless that thread did not run for all of the grace time, it is a veto. */
	for (try = 0; try < 200; try++) {
		err = memlane_migrate(arena, object, other_lane());
		expect_eq(err, -EAGAIN);
		st = stats(arena);
		if (st.vetoes)
			break;
	}
	expect(st.vetoes > 0);
	expect(st.counts.vetoed > 0 || st.counts.given_up > 0);
	expect_eq(st.counts.moved, 0);
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	finish(t);
	expect_movable();
	memlane_close(arena);
}

/* ------------------------------------------------- a section without end ---- */

static uint32_t sitter;	/* thread id */

static void *sit(void *unused)
{
	const void *p;

	(void)unused;
	sitter = gettid();
	expect_eq(memlane_enter(arena), 0);
	expect_eq(memlane_enter(arena), 0);
	p = memlane_get(arena, object);
	expect_eq(memlane_exit(arena), 0);
	pthread_barrier_wait(&gate);
	pthread_barrier_wait(&gate);
	/* Nested: the outer section has kept it all the time. */
	expect(memlane_get(arena, object) == p);
	expect_eq(memlane_exit(arena), 0);
	return NULL;
}

static void expect_blocker(struct memlane_blocker *b)
{
	int nr = memlane_blockers(arena, b, 1);

	expect_eq(nr, 1);
	expect_eq(b->handle, 0);
	expect_eq(b->thread, sitter);
	expect(b->times > 0);
	expect(b->first >= b->last);
}

TEST(a_section_without_end_costs_moves_given_up_and_is_named)
{
	memlane_handle other;
	struct memlane_blocker b[2];
	struct memlane_stats st;
	pthread_t t;

	open_arena();
	other = must_alloc_in(arena, SIZE, MEMLANE_IN_FAST);
	start(&t, sit, NULL);
	pthread_barrier_wait(&gate);
	expect_eq(memlane_migrate(arena, object, MEMLANE_SLOW), -EAGAIN);
	expect_blocker(&b[0]);
	/* Also moves of objects that this section has nothing to do with. */
	expect_eq(memlane_migrate(arena, other, MEMLANE_SLOW), -EAGAIN);
	expect_blocker(&b[1]);
	expect(b[1].times > b[0].times);
	expect(b[1].first > b[0].first);
	st = stats(arena);
	expect(st.counts.given_up >= 2);
	expect_eq(st.counts.moved, 0);
	/* Nothing of the move is left. */
	expect_eq(memlane_state(arena, object), MEMLANE_STATE_LIVE);
	expect_eq(memlane_state(arena, other), MEMLANE_STATE_LIVE);
	pthread_barrier_wait(&gate);
	finish(t);
	expect_movable();
	expect_eq(memlane_migrate(arena, other, MEMLANE_SLOW), 0);
	memlane_close(arena);
}

/* ------------------------------------------------------- ends of threads ---- */

static void *end_inside(void *unused)
{
	(void)unused;
	expect_eq(memlane_enter(arena), 0);
	expect_eq(memlane_enter(arena), 0);
	expect(memlane_get(arena, object));
	expect(memlane_alloc(arena, SIZE));
	return NULL;
}

TEST(a_thread_that_ends_inside_is_not_waited_for)
{
	struct memlane_stats st;
	pthread_t t;
	int i;

	open_arena();
	for (i = 0; i < 50; i++) {
		start(&t, end_inside, NULL);
		finish(t);
		expect_movable();
	}
	st = stats(arena);
	expect_eq(st.counts.given_up, 0);
	expect_eq(st.live_objects, 51);
	memlane_close(arena);
}

/* ------------------------------------------------------------- processes ---- */

static void child_looks(void)
{
	struct memlane_stats st = { .size = sizeof(st) };

	if (memlane_enter(arena) != -EOWNERDEAD || memlane_get(arena, object) ||
	    memlane_exit(arena) != -EOWNERDEAD || memlane_stat(arena, &st) != -EOWNERDEAD ||
	    memlane_free(arena, object) != -EOWNERDEAD)
		_exit(1);
	memlane_close(arena);
	_exit(0);
}

TEST(a_child_born_in_a_section_is_told)
{
	int i, status;
	void *p;

	open_arena();
	for (i = 0; i < 10; i++) {
		expect_eq(memlane_enter(arena), 0);
		p = memlane_get(arena, object);
		if (!fork())
			child_looks();
		expect(wait(&status) > 0);
		expect_eq(status, 0);
		expect(memlane_get(arena, object) == p);
		expect_eq(memlane_exit(arena), 0);
		expect_movable();
	}
	memlane_close(arena);
}

/* A process of its own, with the same arena, in a section. */
static void sit_until_killed(int fd, int ready)
{
	struct memlane *own;
	int i;

	if (memlane_open_fd(&own, fd, NULL))
		_exit(1);
	for (i = 0; i < 100; i++)
		if (!memlane_alloc(own, SIZE))
			_exit(1);
	if (memlane_enter(own) || !memlane_get(own, object) || write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static pid_t start_sitter(void)
{
	int ready[2];
	pid_t pid;
	char c;

	expect_eq(pipe(ready), 0);
	pid = fork();
	if (!pid)
		sit_until_killed(memlane_fd(arena), ready[1]);
	close(ready[1]);
	expect_eq(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

TEST(a_process_killed_inside_is_not_waited_for)
{
	struct memlane_stats st;
	int i, status;
	pid_t pid;

	open_arena();
	if (!(memlane_capabilities(arena) & MEMLANE_CAP_SHARE))
		skip("this arena cannot be shared");
	for (i = 0; i < 10; i++) {
		pid = start_sitter();
		expect_eq(memlane_migrate(arena, object, other_lane()), -EAGAIN);
		expect_eq(kill(pid, SIGKILL), 0);
		expect(waitpid(pid, &status, 0) == pid);
		expect(WIFSIGNALED(status));
		expect_movable();
		expect_eq(memlane_maintain(arena, NULL), 0);
		st = stats(arena);
		expect_eq(st.counts.slots_reaped, i + 1);
		expect_eq(st.counts.slots, 1);
		/* Its objects are everybody's, its stock is not. */
		expect_eq(st.live_objects, 1 + 100 * (i + 1));
	}
	expect_eq(memlane_thread_flush(arena), 0);
	st = stats(arena);
	expect_eq(st.counts.handles, 1 + 100 * 10);
	memlane_close(arena);
}
