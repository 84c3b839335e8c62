// SPDX-License-Identifier: MIT
/* view.c - files that show an arena and cannot change it */
#include <linux/io_uring.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "../touch.h"
#include "cool.h"

#define OBJECTS	256
#define LENGTH	1000
#define ROUNDS	20

/* The arena as a view shows it: the same calls, another file. */
static struct arena view_of(const struct arena *a)
{
	struct arena v = { .fd = ioctl(a->fd, MEMLANE_IOCTL_VIEW, 0), .info.size = sizeof(v.info) };
	unsigned int r;

	expect(v.fd >= 0);
	expect_eq(fcntl(v.fd, F_GETFD), FD_CLOEXEC);
	expect_eq(call(v.fd, MEMLANE_IOCTL_INFO, &v.info), 0);
	expect_eq(v.info.out_cookie, a->info.out_cookie);
	for (r = 0; r < MEMLANE_REGIONS; r++) {
		v.map[r] = arena_mmap(&v, r, PROT_READ);
		expect(v.map[r] != MAP_FAILED);
	}
	return v;
}

TEST(nothing_is_mapped_for_writing)
{
	struct arena a = arena_new(MIB, MIB), v = view_of(&a);
	unsigned int r;

	for (r = 0; r < MEMLANE_REGIONS; r++) {
		expect(arena_mmap(&v, r, PROT_READ | PROT_WRITE) == MAP_FAILED);
		expect_eq(errno, EACCES);
		expect(mprotect(v.map[r], PAGE, PROT_READ | PROT_WRITE) < 0);
		expect_eq(errno, EACCES);
	}
	arena_end(&v);
	arena_end(&a);
}

/* Not by the back door either: a debugger writes what its victim may not. */
TEST(proc_mem_does_not_write)
{
	struct arena a = arena_new(MIB, MIB), v = view_of(&a);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 100);
	int mem = open("/proc/self/mem", O_RDWR);

	expect(mem >= 0);
	address_of(&a, handle)[0] = 1;
	expect_eq(address_of(&v, handle)[0], 1);
	expect(pwrite(mem, "x", 1, (off_t)address_of(&v, handle)) < 0);
	expect_eq(address_of(&a, handle)[0], 1);
	expect_eq(close(mem), 0);
	arena_end(&v);
	arena_end(&a);
}

TEST(calls_that_change_something_are_refused)
{
	struct arena a = arena_new(MIB, MIB), v = view_of(&a);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 100), more;
	struct memlane_event ev;

	expect_eq(alloc_live(&v, MEMLANE_FAST, 100, 1, &more), -EACCES);
	expect_eq(free_live(&v, &handle, 1), -EACCES);
	expect_eq(query(&v, handle).out_state, MEMLANE_STATE_LIVE);
	expect_eq(counts(&v).handles, 1);
	expect(read(v.fd, &ev, sizeof(ev)) < 0 && errno == EINVAL);
	expect(ioctl(a.fd, MEMLANE_IOCTL_VIEW, 1) < 0 && errno == EOPNOTSUPP);
	arena_end(&v);
	arena_end(&a);
}

/* Each file may be the last; a view of a view is one too. */
TEST(an_arena_lives_as_long_as_a_view)
{
	struct arena a = arena_new(MIB, MIB), v = view_of(&a), w;
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 100);

	strcpy(address_of(&a, handle), "still here");
	arena_end(&a);
	w = view_of(&v);
	arena_end(&v);
	expect(!strcmp(address_of(&w, handle), "still here"));
	expect_eq(close(w.fd), 0);
	expect(!strcmp(address_of(&w, handle), "still here"));
	expect_eq(munmap(w.map[0], arena_region(&w, 0).length), 0);
}

/* Nor has what it looks at any cost for whoever owns the arena. */
TEST(a_view_makes_no_pages)
{
	struct arena a = arena_new(MIB, MIB), v = view_of(&a);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, 64 * PAGE), at;
	long pages = debugfs_number("pages"), shared = debugfs_number("shared_pages");
	char *mine = address_of(&a, handle), *there = address_of(&v, handle);
	unsigned int r, seen = 0;

	for (r = 0; r < MEMLANE_REGIONS; r++)
		for (at = 0; at < arena_region(&v, r).length && at < 4 * MIB; at += PAGE)
			seen += !touch(v.map[r] + at, false);
	expect(seen > 0);
	expect_eq(debugfs_number("pages"), pages);
	expect_eq(debugfs_number("shared_pages"), shared);
	expect_eq(query(&a, handle).out_pages, 0);
	expect_eq(touch(there, false), SIGBUS);
	mine[0] = 5;
	expect_eq(there[0], 5);
	expect_eq(touch(there + PAGE, false), SIGBUS);
	expect_eq(migrate_one(&a, handle, MEMLANE_FAST), 0);
	expect_eq(touch(there, false), SIGBUS);
	expect_eq(*address_of(&v, handle), 5);
	arena_end(&v);
	arena_end(&a);
}

/* A pipe of somebody who only looks would keep the owner's object from moving. */
TEST(nothing_is_held_through_a_view)
{
	struct arena a = arena_new(MIB, MIB), v = view_of(&a);
	__u64 blob = alloc_one(&a, MEMLANE_SLOW, 4 * PAGE), block = alloc_one(&a, MEMLANE_SLOW, 100);
	char byte, *p;
	struct iovec there = { .iov_len = 1 }, here = { &byte, 1 };
	int end[2], i;

	expect_eq(pipe(end), 0);
	for (i = 0; i < 2; i++) {
		*address_of(&a, i ? blob : block) = 9;
		p = address_of(&v, i ? blob : block);
		expect_eq(*p, 9);
		there.iov_base = p;
		expect(vmsplice(end[1], &there, 1, 0) < 0 && errno == EFAULT);
		expect(process_vm_readv(getpid(), &here, 1, &there, 1, 0) < 0 && errno == EFAULT);
		expect_eq(write(end[1], p, 1), 1);
		expect_eq(migrate_one(&a, i ? blob : block, MEMLANE_FAST), 0);
		expect_eq(*address_of(&v, i ? blob : block), 9);
	}
	expect_eq(counts(&a).held, 0);
	arena_end(&v);
	arena_end(&a);
}

/* ------------------------------------------------------------ a hostile one */

/* Buffers that stay pinned as long as the ring is there: -errno, or a ring that has them. */
static int ring_with(void *p, unsigned long bytes)
{
	struct io_uring_params params = { };
	struct iovec buffer = { p, bytes };
	int ring = syscall(SYS_io_uring_setup, 4, &params), err;

	if (ring < 0)
		return -errno;
	err = syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1) ? -errno : 0;
	if (err)
		close(ring);
	return err ? err : ring;
}

/* Of all that holds a page nothing may get one: or the owner's object could not move. */
static void expect_no_hold(char *p, const int *end)
{
	struct iovec there = { p, PAGE };
	int err = ring_with(p, PAGE);

	expect(err == -EFAULT || err == -EOPNOTSUPP || err == -ENOSYS || err == -EPERM);
	expect(vmsplice(end[1], &there, 1, SPLICE_F_NONBLOCK) < 0);
	mlock(p, PAGE);
	madvise(p, PAGE, MADV_PAGEOUT);
	munlock(p, PAGE);
}

/* Mapped anew, populated, locked, advised and pinned, until it is killed. */
static int harass(const struct arena *v, const int *tell)
{
	unsigned long length = arena_region(v, MEMLANE_REGION_DATA).length, at;
	unsigned int seen = 0;
	int end[2];
	char *p;

	expect_eq(pipe(end), 0);
	for (;;) {
		p = mmap(NULL, length, PROT_READ, MAP_SHARED, v->fd,
			 arena_region(v, MEMLANE_REGION_DATA).offset);
		expect(p != MAP_FAILED);
		madvise(p, length, MADV_POPULATE_READ);
		madvise(p, length, MADV_WILLNEED);
		for (at = 0; at < length; at += PAGE) {
			if (touch(p + at, false))
				continue;
			expect_no_hold(p + at, end);
			if (!seen++)
				expect_eq(write(tell[1], "x", 1), 1);
		}
		munmap(p, length);
	}
}

static pid_t harass_from(const struct arena *a)
{
	int tell[2];
	pid_t pid;
	char c;

	expect_eq(pipe(tell), 0);
	pid = fork();
	if (!pid) {
		struct arena v = view_of(a);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(harass(&v, tell));
	}
	expect_eq(read(tell[0], &c, 1), 1);
	close(tell[0]);
	close(tell[1]);
	return pid;
}

#define MANY 128U
#define TEXT (64 * PAGE)

/* Half of what is made goes, the rest moves, is put away and comes back. */
static void owner_round(const struct arena *a, unsigned int round)
{
	__u64 handles[MANY], some[MANY / 2], blob = alloc_one(a, MEMLANE_SLOW, TEXT);
	unsigned int i;

	expect_eq(alloc_live(a, MEMLANE_FAST, LENGTH, MANY, handles), MANY);
	write_text(address_of(a, blob), TEXT, round);
	for (i = 0; i < MANY; i++)
		memset(address_of(a, handles[i]), i, LENGTH);
	for (i = 0; i < MANY / 2; i++)
		some[i] = handles[2 * i];
	expect_eq(free_live(a, some, MANY / 2), 0);
	compact(a);
	for (i = 0; i < MANY / 2; i++) {
		some[i] = handles[2 * i + 1];
		expect_eq(migrate_one(a, some[i], MEMLANE_SLOW), 0);
	}
	expect_eq(cool(a, &blob, 1), TEXT / PAGE);
	expect_text(address_of(a, blob), TEXT, round);
	expect_eq(migrate_one(a, blob, MEMLANE_FAST), 0);
	for (i = 0; i < MANY / 2; i++)
		expect_eq(*address_of(a, some[i]), (char)(2 * i + 1));
	expect_eq(free_live(a, some, MANY / 2), 0);
	expect_eq(free_live(a, &blob, 1), 0);
}

/* All that the owner does goes on as if nobody looked, and so does the arena's end. */
TEST(a_hostile_view_stops_nothing)
{
	struct arena a = arena_new(MIB, MIB);
	__u64 first = alloc_one(&a, MEMLANE_FAST, 10);
	unsigned int i;
	int status;
	pid_t pid;

	*address_of(&a, first) = 1;
	pid = harass_from(&a);
	for (i = 0; i < 4; i++)
		owner_round(&a, i);
	expect_eq(waitpid(pid, &status, WNOHANG), 0);
	expect_eq(counts(&a).held, 0);
	expect_eq(counts(&a).given_up, 0);
	expect_sound(&a);
	option_set(&a, MEMLANE_OPT_PRIVATE, 1);
	arena_end(&a);
	for (i = 0; i < 100 && debugfs_number("pages"); i++)
		usleep(20000);
	expect_eq(debugfs_number("pages"), 0);
	expect_eq(kill(pid, SIGKILL), 0);
	expect_eq(waitpid(pid, &status, 0), pid);
	expect(WIFSIGNALED(status));	/* what it expects held */
}

TEST(without_an_arena)
{
	int fd = device_open(O_RDWR);

	expect(ioctl(fd, MEMLANE_IOCTL_VIEW, 0) < 0 && errno == ENODEV);
	expect_eq(close(fd), 0);
}

/* Return: 1: read whole; 0: it moved meanwhile. As memlane.h says. */
static int peek(const struct arena *v, __u64 handle, unsigned char *to)
{
	const struct memlane_stat_page *stat = (void *)v->map[MEMLANE_REGION_STAT];
	__u64 *e = entry_of(v, handle), epoch = __atomic_load_n(&stat->epoch, __ATOMIC_ACQUIRE);
	__u64 word = __atomic_load_n(e, __ATOMIC_ACQUIRE);

	if (memlane_entry_state(word) != MEMLANE_ENTRY_USED &&
	    memlane_entry_state(word) != MEMLANE_ENTRY_IDLE)
		return 0;
	memcpy(to, v->map[MEMLANE_REGION_DATA] +
	       (memlane_entry_loc(word, handle) << MEMLANE_GRANULE_SHIFT), LENGTH);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(e, __ATOMIC_RELAXED) == word &&
	       __atomic_load_n(&stat->epoch, __ATOMIC_RELAXED) == epoch;
}

/* Another process, which has the view alone. Every object is read whole, many times. */
static int watch(const struct arena *v, const __u64 *handles, const int *moved)
{
	struct sigaction act = { .sa_handler = on_signal };
	unsigned char bytes[LENGTH];
	static unsigned int whole;
	unsigned int i, k;

	sigaction(SIGBUS, &act, NULL);
	for (whole = 0; whole < ROUNDS * OBJECTS || !__atomic_load_n(moved, __ATOMIC_RELAXED); whole++) {
		/* From a place that nobody has any more one comes back to here. */
		sigsetjmp(refused, 1);
		i = whole % OBJECTS;
		while (!peek(v, handles[i], bytes))
			;
		for (k = 0; k < LENGTH; k++)
			if (bytes[k] != (unsigned char)(i + k))
				return 1;
	}
	return 0;
}

TEST(what_is_read_whole_is_good_while_objects_move)
{
	struct arena a = arena_new(4 * MIB, 4 * MIB), v;
	static __u64 handles[OBJECTS];
	int i, k, status, *moved;
	pid_t child;

	expect_eq(alloc_live(&a, MEMLANE_FAST, LENGTH, OBJECTS, handles), OBJECTS);
	for (i = 0; i < OBJECTS; i++)
		for (k = 0; k < LENGTH; k++)
			address_of(&a, handles[i])[k] = i + k;
	moved = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(moved != MAP_FAILED);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		v = view_of(&a);
		_exit(watch(&v, handles, moved));
	}
	for (i = 0; waitpid(child, &status, WNOHANG) == 0; i++) {
		for (k = 0; k < OBJECTS; k++)
			migrate_one(&a, handles[k], i % 2 ? MEMLANE_FAST : MEMLANE_SLOW);
		usleep(10000);	/* a slow machine reads nothing whole but in a pause */
		__atomic_store_n(moved, i >= ROUNDS, __ATOMIC_RELAXED);
	}
	expect_eq(status, 0);
	printf("# %llu moves meanwhile\n", (unsigned long long)counts(&a).moved);
	expect(counts(&a).moved >= (__u64)ROUNDS * OBJECTS);
	expect_sound(&a);
	arena_end(&a);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
