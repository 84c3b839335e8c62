// SPDX-License-Identifier: MIT
/* view.c - files that show an arena and cannot change it */
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "../arena.h"
#include "../touch.h"

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
