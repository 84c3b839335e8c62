// SPDX-License-Identifier: MIT
/* test-syscall.c - the common path makes no system call */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "api.h"

#define ROUNDS 100000

static void need_plain_build(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip("the sanitizer makes system calls of its own");
#endif
}

/* From now on any system call but the ones that end the test kills the process. */
static void forbid_system_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };

	need_plain_build();
	expect_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	expect_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), 0);
}

static void round_of_work(struct memlane *m, unsigned int i)
{
	memlane_handle h[16];
	unsigned int k;

	for (k = 0; k < 16; k++) {
		h[k] = must_alloc(m, 8 + (i + k) % 32 * 60);
		expect_eq(memlane_enter(m), 0);
		*(unsigned int *)memlane_get(m, h[k]) = i + k;
		expect_eq(memlane_exit(m), 0);
	}
	for (k = 0; k < 16; k++) {
		expect_eq(memlane_enter(m), 0);
		expect_eq(*(unsigned int *)memlane_get(m, h[k]), i + k);
		expect_eq(memlane_exit(m), 0);
		expect_eq(memlane_free(m, h[k]), 0);
	}
}

static struct memlane *warmed_up(void)
{
	struct memlane *m = open_quiet();
	unsigned int i;

	for (i = 0; i < 200; i++)
		round_of_work(m, i);
	return m;
}

TEST(the_filter_kills)
{
	int status;
	pid_t pid;

	need_plain_build();
	pid = fork();
	if (!pid) {
		forbid_system_calls();
		syscall(SYS_getppid);
		_exit(0);
	}
	expect(pid > 0 && waitpid(pid, &status, 0) == pid);
	expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

TEST(alloc_get_and_free_make_no_system_call)
{
	struct memlane *m = warmed_up();
	unsigned int i;

	forbid_system_calls();
	for (i = 0; i < ROUNDS / 16; i++)
		round_of_work(m, i);
}

TEST(looking_at_objects_and_counters_makes_no_system_call)
{
	struct memlane *m = warmed_up();
	struct memlane_stats st = { .size = sizeof(st) };
	memlane_handle h = must_alloc(m, 100);
	struct memlane_lane_usage lane;
	struct memlane_tally tally;
	unsigned int i;
	void *p;

	forbid_system_calls();
	for (i = 0; i < ROUNDS / 10; i++) {
		expect(memlane_is_valid(m, h));
		expect_eq(memlane_state(m, h), MEMLANE_STATE_LIVE);
		expect_eq(memlane_size(m, h), 100);
		expect(memlane_lane(m, h) >= 0);
		expect(memlane_id(m, h) != 0);
		expect_eq(memlane_try_pin(m, h, &p), 0);
		expect_eq(memlane_unpin(m, h), 0);
		expect_eq(memlane_stat(m, &st), 0);
		expect_eq(st.live_objects, 1);
		expect_eq(memlane_stat_lane(m, i % 2, &lane), 0);
		expect_eq(memlane_tally(m, MEMLANE_BY_LANE, i % 2, &tally), 0);
		expect_eq(memlane_tally(m, MEMLANE_BY_CLASS, i % 2, &tally), 0);
		expect_eq(memlane_tally(m, MEMLANE_BY_TAG, i, &tally), 0);
		expect_eq(memlane_tally(m, MEMLANE_BY_GROUP, i, &tally), 0);
	}
}

/* The same by the engine's own count of calls. */
TEST(the_engine_sees_no_call)
{
	struct memlane *m = warmed_up();
	uint64_t calls = stats(m).counts.ioctls;
	unsigned int i;

	for (i = 0; i < ROUNDS / 16; i++)
		round_of_work(m, i);
	/* Only that of the second look. */
	expect_eq(stats(m).counts.ioctls, calls + 1);
}

TEST(a_growing_heap_costs_a_call_for_many_objects)
{
	struct memlane *m = open_quiet();
	uint64_t calls = stats(m).counts.ioctls;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++)
		must_alloc(m, 64);
	expect(stats(m).counts.ioctls - calls < ROUNDS / 50);
	memlane_close(m);
}
