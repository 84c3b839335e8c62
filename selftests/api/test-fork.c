// SPDX-License-Identifier: MIT
/* test-fork.c - the child of a fork has no arena, and is told so */
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "api.h"

/* In the child. Exit status: 0, or 1 + the line of what went wrong, modulo 250. */
#define CHECK(cond) do { if (!(cond)) _exit(1 + __LINE__ % 250); } while (0)

static void child_calls(struct memlane *m, memlane_handle h)
{
	struct memlane_stats st = { .size = sizeof(st) };
	memlane_handle x = h;
	uint64_t v;
	void *p;

	CHECK(memlane_enter(m) == -EOWNERDEAD);
	CHECK(memlane_get(m, h) == NULL);
	CHECK(memlane_try_get(m, h, 1, &p) == -EOWNERDEAD && !p);
	CHECK(memlane_exit(m) == -EOWNERDEAD);
	CHECK(memlane_alloc(m, 100) == 0);
	CHECK(memlane_alloc(m, MIB) == 0);
	CHECK(memlane_alloc_with(m, 100, NULL, &x) == -EOWNERDEAD && !x);
	CHECK(memlane_free(m, h) == -EOWNERDEAD);
	CHECK(!memlane_is_valid(m, h));
	CHECK(memlane_state(m, h) == -EOWNERDEAD);
	CHECK(memlane_size(m, h) == 0);
	CHECK(memlane_id(m, h) == 0);
	CHECK(memlane_lane(m, h) == -EOWNERDEAD);
	CHECK(memlane_tag(m, h) == -EOWNERDEAD);
	CHECK(memlane_pin(m, h) == NULL);
	CHECK(memlane_try_pin(m, h, &p) == -EOWNERDEAD);
	CHECK(memlane_unpin(m, h) == -EOWNERDEAD);
	CHECK(memlane_migrate(m, h, MEMLANE_SLOW) == -EOWNERDEAD);
	CHECK(memlane_compact(m, 0, 0, NULL) == -EOWNERDEAD);
	CHECK(memlane_maintain(m, NULL) == -EOWNERDEAD);
	CHECK(memlane_stat(m, &st) == -EOWNERDEAD);
	CHECK(memlane_set_limit(m, MEMLANE_FAST, MIB) == -EOWNERDEAD);
	CHECK(memlane_get_option(m, MEMLANE_OPT_GRACE, &v) == -EOWNERDEAD);
	CHECK(memlane_thread_join(m) == -EOWNERDEAD);
	CHECK(memlane_thread_flush(m) == -EOWNERDEAD);
	CHECK(memlane_thread_leave(m) == -EOWNERDEAD);
	CHECK(memlane_tag_name(m, 1, "one") == -EOWNERDEAD);
	CHECK(!memlane_frame_begin(m).at && !memlane_frame_alloc(m, 1));
	CHECK(memlane_tick_frame(m) == -EOWNERDEAD);
	memlane_close(m);
}

static void child_own_arena(void)
{
	struct memlane_config c = quiet();
	struct memlane *own;
	memlane_handle h;

	CHECK(memlane_open(&own, &c) == 0);
	h = memlane_alloc(own, 100);
	CHECK(h && memlane_enter(own) == 0);
	CHECK(memlane_get(own, h));
	CHECK(memlane_exit(own) == 0);
	CHECK(memlane_migrate(own, h, MEMLANE_SLOW) == 0);
	memlane_close(own);
}

/* Not even as a copy: what the parent gives back is gone. */
static void child_lacks(const void *at)
{
	unsigned char there;

	CHECK(mincore((void *)((uintptr_t)at & ~4095UL), 1, &there) && errno == ENOMEM);
}

/* The table's addresses are there for who looks a handle up, and say that it is nobody's. */
static void child_sees_no_entry(struct memlane *m, memlane_handle h)
{
	const uint64_t *entry = &((const struct memlane_hot *)m)->table[(uint32_t)h];
	unsigned int i;

	CHECK(memlane_enter(m) == -EOWNERDEAD);
	for (i = 0; i < 512; i++)
		CHECK(!entry[i]);
}

static bool shares(const struct memlane *m)
{
	return memlane_capabilities(m) & MEMLANE_CAP_SHARE;
}

/* What a child is told of the file after its parent has closed the arena: 0 or -errno. */
static int file_of_child(struct memlane *m)
{
	int over[2], status, fd;
	pid_t pid;
	char c;

	expect_eq(pipe(over), 0);
	pid = fork();
	if (!pid) {
		if (read(over[0], &c, 1) != 1)
			abort();
		fd = memlane_fd(m);
		_exit(fd < 0 ? -fd : 0);
	}
	memlane_close(m);
	expect_eq(write(over[1], "x", 1), 1);
	expect_eq(waitpid(pid, &status, 0), pid);
	expect(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

/* With the module the child has the file: the arena ends without it all the same. */
TEST(the_child_keeps_nothing_alive)
{
	struct memlane *m = open_quiet();
	int err = shares(m) ? -EOWNERDEAD : -EOPNOTSUPP;

	must_alloc(m, 100000);
	expect_eq(file_of_child(m), err);
}

TEST(an_arena_whose_file_was_asked_for_lives_on)
{
	struct memlane *m = open_quiet();

	if (!shares(m))
		skip("the backend has no file");
	expect(memlane_fd(m) >= 0);
	expect_eq(file_of_child(m), 0);
}

TEST(the_child_has_none_of_the_memory)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 100000), small = must_alloc(m, 100);
	void *p = memlane_pin(m, h), *q = memlane_pin(m, small);
	pid_t pid;
	int status;

	memset(p, 1, 100000);
	memset(q, 1, 100);
	pid = fork();
	if (!pid) {
		child_lacks(p);
		child_lacks(q);
		child_sees_no_entry(m, small);
		_exit(0);
	}
	expect(pid > 0 && waitpid(pid, &status, 0) == pid);
	expect_eq(status, 0);
	memlane_close(m);
}

/* A sanitizer's malloc() may stay locked in the child of a process with threads. */
static void in_child(struct memlane *m, memlane_handle h)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		child_calls(m, h);
		if (!SANITIZED)
			child_own_arena();
		_exit(0);
	}
	expect(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status))
		fail("the child ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status))
		fail("the child failed at line 250 n + %d", WEXITSTATUS(status) - 1);
}

static void still_good(struct memlane *m, memlane_handle h)
{
	verify(m, h, 8);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), 0);
	verify(m, h, 8);
	expect_eq(memlane_migrate(m, h, MEMLANE_FAST), 0);
	expect_eq(memlane_free(m, must_alloc(m, 100)), 0);
}

TEST(every_call_of_the_child_answers_and_the_parent_goes_on)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 1000);
	int i;

	fill(m, h, 8);
	for (i = 0; i < 5; i++) {
		in_child(m, h);
		still_good(m, h);
	}
	memlane_close(m);
}

/* Where alloc and free take the long way. */
TEST(every_call_of_the_child_of_a_watched_arena_answers)
{
	struct memlane_config c;
	struct memlane *m;
	memlane_handle h;
	int mode;

	for (mode = 0; mode < 4; mode++) {
		c = quiet();
		c.guard = mode == 0;
		c.tracking = mode == 1;
		c.guard_moves = mode == 2;
		c.report_leaks = mode == 3;
		m = open_with(&c);
		h = must_alloc(m, 1000);
		fill(m, h, 8);
		in_child(m, h);
		still_good(m, h);
		expect_eq(memlane_free(m, h), 0);
		memlane_close(m);
	}
}

/* It may be allowed less than it has, and answers all the same. */
static void child_has_no_room(struct memlane *m, memlane_handle h)
{
	const struct rlimit less = { 1 << 20, 1 << 20 };

	CHECK(setrlimit(RLIMIT_AS, &less) == 0);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	child_calls(m, h);
}

TEST(a_child_without_room_for_addresses_answers_as_well)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 1000);
	int status;
	pid_t pid;

	if (SANITIZED)
		skip("a sanitizer has more addresses than that");
	fill(m, h, 8);
	pid = fork();
	if (!pid) {
		child_has_no_room(m, h);
		_exit(0);
	}
	expect(pid > 0 && waitpid(pid, &status, 0) == pid);
	expect_eq(status, 0);
	still_good(m, h);
	memlane_close(m);
}

TEST(fork_inside_a_section)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 1000);

	fill(m, h, 8);
	expect_eq(memlane_enter(m), 0);
	in_child(m, h);
	expect_eq(memlane_exit(m), 0);
	still_good(m, h);
	memlane_close(m);
}

static struct memlane *shared;
static memlane_handle shared_handle;

static void *make_object(void *arg)
{
	shared_handle = must_alloc(shared, 1000);
	fill(shared, shared_handle, 8);
	return arg;
}

TEST(fork_by_a_thread_that_never_used_the_arena)
{
	pthread_t t;

	shared = open_quiet();
	start(&t, make_object, NULL);
	finish(t);
	in_child(shared, shared_handle);
	still_good(shared, shared_handle);
	memlane_close(shared);
}

static bool stop;

static void *churn(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		expect_eq(memlane_free(shared, must_alloc(shared, 40000)), 0);
	return arg;
}

/* Locks of the library and of the engine may be held when the process is copied. */
TEST(fork_while_other_threads_are_in_calls)
{
	pthread_t t[2];
	int i;

	shared = open_quiet();
	make_object(NULL);
	for (i = 0; i < 2; i++)
		start(&t[i], churn, NULL);
	for (i = 0; i < 50; i++)
		in_child(shared, shared_handle);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++)
		finish(t[i]);
	still_good(shared, shared_handle);
	memlane_close(shared);
}
