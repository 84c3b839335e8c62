// SPDX-License-Identifier: MIT
/*
 * barrier.c - whom a mover interrupts, and who waits for whom
 *
 * The mover runs on CPU 0. What it does to CPU 1 is read from the line of function
 * call interrupts in /proc/interrupts: one for each move where a thread of the arena
 * runs there, and none otherwise, but for a few that others send.
 */
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "../arena.h"

#define ROOT	"/sys/fs/cgroup"
#define RATE	"/sys/module/memlane/parameters/barrier_rate"
#define MOVES	400
#define ROUNDS	40
#define OTHERS	(MOVES / 8)	/* sent by the rest of the kernel meanwhile */
#define TRIES	100		/* what others do on a CPU makes some of them worse, not all */

/* Function call interrupts of CPU 1 so far. */
static unsigned long asked(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	unsigned long first, second = 0;
	char line[4096];
	bool found = false;

	expect(f);
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, " CAL: %lu %lu", &first, &second) == 2;
	fclose(f);
	if (!found)
		skip("this machine does not count such interrupts");
	return second;
}

static void move(const struct arena *a, __u64 handle, int times)
{
	int i;

	for (i = 0; i < times; i++)
		expect_eq(migrate_one(a, handle, i & 1 ? MEMLANE_FAST : MEMLANE_SLOW), 0);
}

/* Moves take an address away, and give it back: no TLB is flushed for a block. */
static unsigned long interrupts_of_moves(const struct arena *a, __u64 handle)
{
	unsigned long before = asked();

	move(a, handle, MOVES);
	return asked() - before;
}

/*
 * Later kernels forget a CPU that a program has left when they flush the program's TLB,
 * once a second at most.
 */
static void flush(void)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(p != MAP_FAILED);
	*p = 1;
	expect_eq(munmap(p, PAGE), 0);
}

static void expect_none(const struct arena *a, __u64 handle)
{
	unsigned long nr = interrupts_of_moves(a, handle);
	int try;

	for (try = 1; try < TRIES && nr > OTHERS; try++) {
		usleep(10000);
		flush();
		nr = interrupts_of_moves(a, handle);
	}
	printf("# %lu interrupts\n", nr);
	if (nr > OTHERS)
		fail("%lu interrupts of a CPU that has no part in the arena", nr);
}

/* Many come at a moment when CPU 1 runs a thread of the kernel's. */
static void expect_one_each(const struct arena *a, __u64 handle)
{
	unsigned long nr = interrupts_of_moves(a, handle);
	int try;

	for (try = 1; try < TRIES && nr < MOVES / 2; try++) {
		usleep(10000);
		nr = interrupts_of_moves(a, handle);
	}
	printf("# %lu interrupts\n", nr);
	if (nr < MOVES / 2)
		fail("%lu interrupts for %d moves", nr, MOVES);
}

/* ----------------------------------------------------------- what CPU 1 does */

static volatile int stop;

static void *spin(void *arg)
{
	volatile bool *here = arg;

	stay_on(1);
	*here = true;
	while (!stop)
		;
	return NULL;
}

static pthread_t spinner(void)
{
	bool here = false;
	pthread_t thread;

	stop = 0;
	expect_eq(pthread_create(&thread, NULL, spin, &here), 0);
	while (!*(volatile bool *)&here)
		usleep(1000);
	return thread;
}

static void spinner_end(pthread_t thread)
{
	stop = 1;
	pthread_join(thread, NULL);
}

/* One that ends with its test, however that ends. */
static pid_t child(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	expect(pid >= 0);
	return pid;
}

/* A process of its own on CPU 1, which maps the slots of @a if there is one. */
static pid_t stranger(const struct arena *a)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	expect_eq(pipe(ready), 0);
	pid = child();
	if (!pid) {
		if (a && arena_mmap(a, MEMLANE_REGION_SLOTS, PROT_READ | PROT_WRITE) == MAP_FAILED)
			_exit(1);
		stay_on(1);
		expect_eq(write(ready[1], &byte, 1), 1);
		for (;;)
			;
	}
	expect_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	expect_eq(waitpid(pid, NULL, 0), pid);
}

/* ------------------------------------------------------------------- tests */

static struct arena prepared(__u64 *handle)
{
	struct arena a = arena_new(MIB, MIB);

	*handle = alloc_one(&a, MEMLANE_FAST, 64);
	memset(address_of(&a, *handle), 7, 64);
	stay_on(1);
	stay_on(0);
	move(&a, *handle, 2);
	return a;
}

static void finish(struct arena *a, __u64 handle)
{
	expect_eq(address_of(a, handle)[63], 7);
	expect_sound(a);
	arena_end(a);
}

/* This program has run there before, and its address space is borrowed still. */
TEST(a_cpu_that_idles_is_left_alone)
{
	__u64 handle;
	struct arena a = prepared(&handle);

	expect_none(&a, handle);
	finish(&a, handle);
}

TEST(a_cpu_of_another_program_is_left_alone)
{
	__u64 handle;
	struct arena a = prepared(&handle);
	pid_t pid = stranger(NULL);

	expect_none(&a, handle);
	end(pid);
	finish(&a, handle);
}

TEST(a_thread_of_the_arena_is_interrupted)
{
	__u64 handle;
	struct arena a = prepared(&handle);
	pthread_t thread = spinner();

	expect_one_each(&a, handle);
	spinner_end(thread);
	finish(&a, handle);
}

TEST(a_process_that_shares_the_arena_is_interrupted)
{
	__u64 handle;
	struct arena a = prepared(&handle);
	pid_t pid = stranger(&a), other = stranger(&a);

	expect_one_each(&a, handle);
	end(other);
	expect_one_each(&a, handle);
	end(pid);
	pid = stranger(NULL);
	expect_none(&a, handle);
	end(pid);
	finish(&a, handle);
}

/* Mappings are split, moved, and taken away: the last of them ends it. */
TEST(without_the_slots_nobody_is_interrupted)
{
	__u64 handle;
	struct arena a = prepared(&handle);
	struct memlane_region r = arena_region(&a, MEMLANE_REGION_SLOTS);
	pthread_t thread = spinner();
	char *p = a.map[MEMLANE_REGION_SLOTS], *to;

	expect(r.length >= 4 * PAGE);
	expect_eq(munmap(p + PAGE, PAGE), 0);
	expect_eq(munmap(p + 2 * PAGE, r.length - 2 * PAGE), 0);
	expect_one_each(&a, handle);
	to = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 2 * PAGE);
	expect(to == p + 2 * PAGE);
	expect_one_each(&a, handle);
	expect_eq(munmap(to, PAGE), 0);
	expect_none(&a, handle);
	spinner_end(thread);
	a.map[MEMLANE_REGION_SLOTS] = arena_mmap(&a, MEMLANE_REGION_SLOTS, PROT_READ | PROT_WRITE);
	finish(&a, handle);
}

/* MADV_DOFORK: the child has the mapping without having made it. */
TEST(a_child_that_inherited_the_slots_is_interrupted)
{
	__u64 handle;
	struct arena a = prepared(&handle);
	pid_t pid;

	if (madvise(a.map[MEMLANE_REGION_SLOTS], arena_region(&a, MEMLANE_REGION_SLOTS).length,
		    MADV_DOFORK))
		skip("this kernel has no MADV_DOFORK for such mappings");
	pid = stranger(NULL);
	expect_one_each(&a, handle);
	end(pid);
	finish(&a, handle);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Ten moves are free after a rest, each of the others has its hundredth of a second. */
TEST(interrupts_have_a_rate)
{
	__u64 handle;
	struct arena a = prepared(&handle);
	pthread_t thread;
	double start;

	if (!put(RATE, "100"))
		skip(RATE " cannot be written");
	thread = spinner();
	start = now();
	move(&a, handle, 40);
	start = now() - start;
	expect(put(RATE, "10000"));
	spinner_end(thread);
	if (start < 0.25)
		fail("40 moves in %f s", start);
	finish(&a, handle);
}

/* -------------------------------------------------------------- throttled movers */

static char group[64];

static bool group_put(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", group, name);
	return put(path, text);
}

static void make_group(void)
{
	snprintf(group, sizeof(group), ROOT "/memlane-%d", getpid());
	if (!put(ROOT "/cgroup.subtree_control", "+cpu") || mkdir(group, 0700))
		skip("no group with a share of the CPUs can be made below " ROOT);
	if (!group_put("cpu.max", "1000 100000"))
		skip("this kernel does not limit groups");
}

static void move_for_ever(void)
{
	struct arena a = arena_new(MIB, MIB);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 64);

	for (;;)
		move(&a, handle, 100);
}

/* All that stands in a list of the module's for a while: an arena, its file, a queued call. */
static void come_and_go(void)
{
	struct memlane_set_backing file = { .size = sizeof(file), .fd = memfd_create("store", MFD_CLOEXEC) };
	struct arena a = arena_new(MIB, MIB);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 64);
	struct memlane_migrate req = {
		.size = sizeof(req), .flags = MEMLANE_ASYNC, .lane = MEMLANE_SLOW,
		.count = 1, .handles = (unsigned long)&handle,
	};

	expect(file.fd >= 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_SET_BACKING, &file), 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_MIGRATE, &req), 0);
	expect(debugfs_number("arenas") > 0);
	arena_end(&a);
	expect_eq(close(file.fd), 0);
}

static void come_and_go_for_ever(void)
{
	for (;;)
		come_and_go();
}

#define TENANTS 8

static pid_t tenant[TENANTS];

/* Each runs for a millisecond, at whatever it is stopped, and rests for 99. */
static void start_throttled(void (*work)(void))
{
	unsigned int i;

	for (i = 0; i < TENANTS; i++) {
		tenant[i] = child();
		if (!tenant[i]) {
			expect(group_put("cgroup.procs", "0"));
			work();
		}
	}
	usleep(300000);
}

static void end_throttled(void)
{
	unsigned int i;

	expect(group_put("cpu.max", "max"));	/* to end takes time, too */
	for (i = 0; i < TENANTS; i++)
		end(tenant[i]);
	for (i = 0; i < 100 && rmdir(group); i++)
		usleep(10000);
}

static double seconds_of_moves(const struct arena *a, __u64 handle)
{
	double start = now();

	move(a, handle, 4 * MOVES);
	return now() - start;
}

static void expect_no_wait(const char *beside_whom, double alone, double beside)
{
	printf("# alone %f s, beside %s %f s\n", alone, beside_whom, beside);
	if (beside > 5 * alone + 2)
		fail("%f s alone, and %f s beside %s", alone, beside, beside_whom);
}

/*
 * If they had a lock in common, most moves would wait for a mover that rests: for
 * a minute, where these take a second.
 */
TEST(movers_without_cpu_time_hold_nobody_up)
{
	double alone, beside;
	__u64 handle;
	struct arena a;

	close(device_open(O_RDWR));
	make_group();
	a = arena_new(MIB, MIB);
	handle = alloc_one(&a, MEMLANE_FAST, 64);
	memset(address_of(&a, handle), 7, 64);
	alone = seconds_of_moves(&a, handle);
	start_throttled(move_for_ever);
	beside = seconds_of_moves(&a, handle);
	end_throttled();
	expect_no_wait("throttled movers", alone, beside);
	finish(&a, handle);
}

static double seconds_of_rounds(void)
{
	double start = now();
	int i;

	for (i = 0; i < ROUNDS; i++)
		come_and_go();
	return now() - start;
}

static bool is_frozen(void)
{
	char path[128], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.events", group);
	fd = open(path, O_RDONLY);
	expect(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strstr(text, "frozen 1");
}

/* Somewhere in a call, or between two. */
static void stop_tenants(void)
{
	int i;

	expect(group_put("cpu.max", "max"));
	if (!group_put("cgroup.freeze", "1"))
		skip("this kernel does not freeze groups");
	for (i = 0; i < 1000 && !is_frozen(); i++)
		usleep(10000);
	expect(is_frozen());
}

/* The same for arenas, files and queued calls that come and go; then those that do so are frozen. */
TEST(nor_do_those_that_come_and_go)
{
	double alone, beside, frozen;

	close(device_open(O_RDWR));
	make_group();
	come_and_go();
	alone = seconds_of_rounds();
	start_throttled(come_and_go_for_ever);
	beside = seconds_of_rounds();
	stop_tenants();
	frozen = seconds_of_rounds();
	end_throttled();
	expect_no_wait("throttled ones", alone, beside);
	expect_no_wait("frozen ones", alone, frozen);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
