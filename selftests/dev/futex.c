// SPDX-License-Identifier: MIT
/*
 * futex.c - what processes wait for each other by, in objects that are pinned
 *
 * A futex of several processes is known by its file and its place there. Both are the
 * same for everybody as long as the object stays where it is, also while its page is put away.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "backing.h"

#define LONG 30	/* seconds; for what takes none */

static long futex(void *word, int op, __u32 value)
{
	struct timespec most = { .tv_sec = LONG };
	long ret = syscall(SYS_futex, word, op, value, &most, NULL, 0);

	return ret < 0 ? -errno : ret;
}

/* An object that is pinned for good. */
static __u64 pinned(const struct arena *a, __u32 lane, __u64 length)
{
	__u64 handle = alloc_one(a, lane, length);

	__atomic_add_fetch(pin_of(a, handle), MEMLANE_PIN_ONE, __ATOMIC_SEQ_CST);
	return handle;
}

static void unpin(const struct arena *a, __u64 handle)
{
	__atomic_sub_fetch(pin_of(a, handle), MEMLANE_PIN_ONE, __ATOMIC_SEQ_CST);
}

/* It has mappings of its own, at other addresses. */
static pid_t start(const struct arena *a, void (*fn)(const struct arena *a, __u64 handle),
		   __u64 handle)
{
	struct arena own = *a;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	expect(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	expect(mmap(NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	arena_map(&own);
	fn(&own, handle);
	_exit(0);
}

static void expect_good_end(pid_t pid)
{
	int status;

	expect_eq(waitpid(pid, &status, 0), pid);
	expect_eq(status, 0);
}

static void wait_for_one(const struct arena *a, __u64 handle)
{
	__u32 *word = (__u32 *)address_of(a, handle);
	long ret = 0;

	while (!__atomic_load_n(word, __ATOMIC_ACQUIRE) && (!ret || ret == -EAGAIN || ret == -EINTR))
		ret = futex(word, FUTEX_WAIT, 0);
	expect_eq(*word, 1);
}

/* Wakes until somebody was there to be woken. */
static void wake(__u32 *word)
{
	long woken = 0;
	int i;

	for (i = 0; i < LONG * 100 && !woken; i++) {
		usleep(10000);
		woken = futex(word, FUTEX_WAKE, 1);
	}
	expect_eq(woken, 1);
}

static void expect_waking(const struct arena *a, __u64 handle)
{
	__u32 *word = (__u32 *)address_of(a, handle);
	pid_t pid;

	*word = 0;
	pid = start(a, wait_for_one, handle);
	wake(word);
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	expect_eq(futex(word, FUTEX_WAKE, 1) >= 0, 1);
	expect_good_end(pid);
}

TEST(one_process_wakes_another)
{
	struct arena a = arena_new(MIB, MIB);
	__u64 block = pinned(&a, MEMLANE_FAST, 64), blob = pinned(&a, MEMLANE_SLOW, 10 * PAGE);

	expect_waking(&a, block);
	expect_waking(&a, blob);
	expect_eq(migrate_one(&a, block, MEMLANE_SLOW), -EBUSY);
	expect_eq(migrate_one(&a, blob, MEMLANE_FAST), -EBUSY);
	arena_end(&a);
}

/* Its pages are handed over; both sides know them by their new place. */
TEST(an_object_that_has_moved_can_be_waited_in)
{
	struct arena a = arena_new(MIB, MIB);
	__u64 handle = pinned(&a, MEMLANE_FAST, 10 * PAGE);
	int i;

	for (i = 0; i < 4; i++) {
		expect_waking(&a, handle);
		unpin(&a, handle);
		expect_eq(migrate_one(&a, handle, i & 1 ? MEMLANE_FAST : MEMLANE_SLOW), 0);
		__atomic_add_fetch(pin_of(&a, handle), MEMLANE_PIN_ONE, __ATOMIC_SEQ_CST);
	}
	expect_sound(&a);
	arena_end(&a);
}

/* Two words are never taken for one another, in one arena or in two. */
TEST(futexes_are_told_apart)
{
	struct arena a = arena_new(MIB, MIB), b = arena_new(MIB, MIB);
	__u64 here = pinned(&a, MEMLANE_FAST, PAGE), there = pinned(&b, MEMLANE_FAST, PAGE);
	__u64 other = pinned(&a, MEMLANE_FAST, PAGE);
	__u32 *word = (__u32 *)address_of(&a, here);
	pid_t pid;

	*word = 0;
	*address_of(&a, other) = 0;
	*address_of(&b, there) = 0;
	pid = start(&a, wait_for_one, here);
	usleep(200000);
	expect_eq(futex(address_of(&b, there), FUTEX_WAKE, 100), 0);
	expect_eq(futex(address_of(&a, other), FUTEX_WAKE, 100), 0);
	wake(word);
	*word = 1;
	futex(word, FUTEX_WAKE, 1);
	expect_good_end(pid);
	arena_end(&a);
	arena_end(&b);
}

struct board {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int turn;
};

static struct board *board_of(const struct arena *a, __u64 handle)
{
	return (struct board *)address_of(a, handle);
}

static void board_init(struct board *b)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;

	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
	expect_eq(pthread_mutex_init(&b->lock, &mutex), 0);
	pthread_condattr_init(&cond);
	pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
	expect_eq(pthread_cond_init(&b->changed, &cond), 0);
}

static void play(struct board *b, int me)
{
	int i;

	for (i = 0; i < 200; i++) {
		expect_eq(pthread_mutex_lock(&b->lock), 0);
		while (b->turn != me)
			expect_eq(pthread_cond_wait(&b->changed, &b->lock), 0);
		b->turn = !me;
		expect_eq(pthread_cond_broadcast(&b->changed), 0);
		expect_eq(pthread_mutex_unlock(&b->lock), 0);
	}
}

static void play_second(const struct arena *a, __u64 handle)
{
	play(board_of(a, handle), 1);
}

TEST(two_processes_take_turns)
{
	struct arena a = arena_new(MIB, MIB);
	__u64 handle = pinned(&a, MEMLANE_FAST, sizeof(struct board));
	pid_t pid;

	board_init(board_of(&a, handle));
	pid = start(&a, play_second, handle);
	play(board_of(&a, handle), 0);
	expect_good_end(pid);
	arena_end(&a);
}

static void lock_and_die(const struct arena *a, __u64 handle)
{
	expect_eq(pthread_mutex_lock(&board_of(a, handle)->lock), 0);
}

TEST(a_robust_mutex_outlives_its_owner)
{
	struct arena a = arena_new(MIB, MIB);
	__u64 handle = pinned(&a, MEMLANE_FAST, sizeof(struct board));
	struct board *b = board_of(&a, handle);

	board_init(b);
	expect_good_end(start(&a, lock_and_die, handle));
	expect_eq(pthread_mutex_lock(&b->lock), EOWNERDEAD);
	expect_eq(pthread_mutex_consistent(&b->lock), 0);
	expect_eq(pthread_mutex_unlock(&b->lock), 0);
	arena_end(&a);
}

/* Who waits holds nothing of the page: it goes, and comes back as the same place. */
static void expect_woken_from(const struct arena *a, __u64 handle, __u32 flags)
{
	__u32 *word = (__u32 *)address_of(a, handle);
	bool woken = false, away;
	pid_t pid;
	int i;

	*word = 0;
	expect(cool_flags(a, &handle, 1, flags) > 0);
	expect_eq(futex(word, FUTEX_WAIT, 1), -EAGAIN);
	pid = start(a, wait_for_one, handle);
	for (i = 0; i < LONG * 100 && !woken; i++) {
		usleep(10000);
		cool_flags(a, &handle, 1, flags);
		away = !query(a, handle).out_resident;
		woken = futex(word, FUTEX_WAKE, 1) == 1 && away;
	}
	expect(woken);
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	futex(word, FUTEX_WAKE, 1);
	expect_good_end(pid);
}

TEST(who_waits_in_what_is_put_away_is_woken)
{
	struct arena a = arena_on(file_new());
	__u64 handle = text_blob(&a, 1);

	expect_woken_from(&a, handle, 0);
	expect_woken_from(&a, handle, MEMLANE_COOL_STORE);
	write_text(address_of(&a, handle), 32, 1);
	expect_text(address_of(&a, handle), BLOB, 1);
	arena_end(&a);
}

/* ---------------------------------------------- who holds it is killed */

struct lock {
	pthread_mutex_t mutex;
	bool held;
	bool waited_for;
};

static struct lock *lock_of(const struct arena *a, __u64 handle)
{
	return (struct lock *)address_of(a, handle);
}

static void hold_for_ever(const struct arena *a, __u64 handle)
{
	struct lock *l = lock_of(a, handle);

	expect_eq(pthread_mutex_lock(&l->mutex), 0);
	__atomic_store_n(&l->held, true, __ATOMIC_RELEASE);
	for (;;)
		pause();
}

static void wait_for_the_dead(const struct arena *a, __u64 handle)
{
	struct lock *l = lock_of(a, handle);

	__atomic_store_n(&l->waited_for, true, __ATOMIC_RELEASE);
	expect_eq(pthread_mutex_lock(&l->mutex), EOWNERDEAD);
	expect_eq(pthread_mutex_consistent(&l->mutex), 0);
	expect_eq(pthread_mutex_unlock(&l->mutex), 0);
}

static void wait_until(bool *flag)
{
	while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE))
		usleep(1000);
}

static void expect_passed_on(int protocol)
{
	struct arena a = arena_new(MIB, MIB);
	__u64 handle = pinned(&a, MEMLANE_FAST, sizeof(struct lock));
	struct lock *l = lock_of(&a, handle);
	pthread_mutexattr_t attr;
	pid_t holder, waiter;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setprotocol(&attr, protocol);
	memset(l, 0, sizeof(*l));
	expect_eq(pthread_mutex_init(&l->mutex, &attr), 0);
	holder = start(&a, hold_for_ever, handle);
	wait_until(&l->held);
	waiter = start(&a, wait_for_the_dead, handle);
	wait_until(&l->waited_for);
	usleep(100000);	/* it may be asleep by now, or come too late for that */
	expect_eq(kill(holder, SIGKILL), 0);
	expect_eq(waitpid(holder, NULL, 0), holder);
	expect_good_end(waiter);
	arena_end(&a);
}

TEST(who_waits_for_the_killed_is_woken)
{
	expect_passed_on(PTHREAD_PRIO_NONE);
}

/* The kernel itself keeps the owner, and raises its priority. */
TEST(so_is_who_has_lent_its_priority)
{
	expect_passed_on(PTHREAD_PRIO_INHERIT);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
