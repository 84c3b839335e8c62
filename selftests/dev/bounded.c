// SPDX-License-Identifier: MIT
/*
 * bounded.c - no call keeps a CPU, a lock or a dying process for long, whatever its sizes
 *
 * What is done by pieces is counted by pieces. A gap, or the time from SIGKILL to the
 * end, is the least of some tries: what happens to be slow here is not slow each time.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/uio.h>

#include "cool.h"

#define GIB (1UL << 30)
#define TRIES 8
#define GAP_MS 50		/* a FIFO thread's wait for its CPU, at the best of the tries */
#define DEATH_MS 200		/* from SIGKILL to the end, likewise */
#define OTHERS 200U		/* slots whose stock is looked through */
#define DEAD 40U		/* slots of a thread that has ended */

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static struct arena arena_huge(unsigned long fast, unsigned long slow)
{
	struct memlane_create req = {
		.size = sizeof(req), .fast_size = fast, .slow_size = slow,
		.handles = 1 << 20, .threads = 4096,
	};
	struct arena a = { .fd = device_open(O_RDWR), .info.size = sizeof(a.info) };

	expect_eq(call(a.fd, MEMLANE_IOCTL_CREATE, &req), 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_INFO, &a.info), 0);
	arena_map(&a);
	return a;
}

/* ------------------------------------------------------- a CPU's gaps */

static volatile bool watching, awake;
static double worst;

static void stay_on_last_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	expect_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* Wakes up every millisecond, on the CPU of who is watched. */
static void *watch(void *unused)
{
	struct sched_param prio = { .sched_priority = 50 };
	struct timespec ms = { 0, 1000000 };
	double then, late;

	(void)unused;
	stay_on_last_cpu();
	expect_eq(pthread_setschedparam(pthread_self(), SCHED_FIFO, &prio), 0);
	while (watching) {
		awake = true;
		then = now_ms();
		nanosleep(&ms, NULL);
		late = now_ms() - then - 1;
		worst = late > worst ? late : worst;
	}
	return NULL;
}

/* The longest that @work kept the CPU, at the best of the tries. */
static double least_gap(void (*work)(struct arena *a), struct arena *a)
{
	double least = 1e9;
	pthread_t thread;
	int i;

	stay_on_last_cpu();
	for (i = 0; i < TRIES && least > GAP_MS; i++) {
		worst = 0;
		watching = true;
		awake = false;
		expect_eq(pthread_create(&thread, NULL, watch, NULL), 0);
		while (!awake)
			sched_yield();
		work(a);
		watching = false;
		expect_eq(pthread_join(thread, NULL), 0);
		least = worst < least ? worst : least;
	}
	return least;
}

/* -------------------------------------------------------- large objects */

TEST(what_is_not_touched_costs_nothing)
{
	struct arena a = arena_huge(MIB, 630 * GIB);
	unsigned long was;
	__u64 h = alloc_one(&a, MEMLANE_SLOW, 500 * GIB);
	char *p;

	/* The second has no part in what every first object costs. */
	expect_eq(free_live(&a, &h, 1), 0);
	was = counts(&a).metadata;
	h = alloc_one(&a, MEMLANE_SLOW, 500 * GIB);
	p = address_of(&a, h);
	expect(counts(&a).metadata - was < 64 << 10);
	expect_eq(query(&a, h).out_pages, 0);
	p[0] = 1;
	p[256 * GIB + 5] = 2;
	p[500 * GIB - 1] = 3;
	expect_eq(query(&a, h).out_pages, 3);
	expect(counts(&a).metadata - was < 128 << 10);
	expect_sound(&a);
	expect_eq(p[0] + p[256 * GIB + 5] + p[500 * GIB - 1], 6);
	expect_eq(p[300 * GIB], 0);
	expect_eq(free_live(&a, &h, 1), 0);
	/* What is left describes the table, not the object. */
	expect(counts(&a).metadata - was < 32 << 10);
	arena_end(&a);
}

/* Pages at the ends of chunks, and in chunks that lie otherwise at the new place. */
TEST(sparse_objects_move_whole)
{
	const unsigned long at[] = { 0, 511, 512, 513, 5000, 1 << 18, (1 << 18) + 511, (2 << 18) - 1 };
	const unsigned int nr = sizeof(at) / sizeof(at[0]);
	struct arena a = arena_huge(4 * GIB, 8 * GIB);
	__u64 small = alloc_one(&a, MEMLANE_SLOW, 100 * PAGE), h = alloc_one(&a, 0, 2 * GIB);
	unsigned int i, round;

	for (i = 0; i < nr; i++)
		address_of(&a, h)[at[i] * PAGE] = i + 1;
	for (round = 0; round < 4; round++) {
		expect_eq(migrate_one(&a, h, !(round & 1)), 0);
		expect_eq(query(&a, h).out_pages, nr);
		for (i = 0; i < nr; i++)
			expect_eq(address_of(&a, h)[at[i] * PAGE], i + 1);
		expect_sound(&a);
	}
	expect_eq(free_live(&a, &small, 1), 0);
	expect_eq(free_live(&a, &h, 1), 0);
	expect_eq(counts(&a).lane[0].resident + counts(&a).lane[1].resident, 0);
	arena_end(&a);
}

static int channel[2];
static __u64 whale;

/* A page in a pipe keeps it where it is; when that is read it goes. */
static void move_whale(struct arena *a)
{
	struct iovec io = { address_of(a, whale), PAGE };
	char page[PAGE];

	*(volatile char *)io.iov_base = 7;
	expect_eq(vmsplice(channel[1], &io, 1, 0), (int)PAGE);
	expect_eq(migrate_one(a, whale, MEMLANE_SLOW), -EBUSY);
	expect_eq(read(channel[0], page, PAGE), (int)PAGE);
	expect_eq(page[0], 7);
	expect_eq(migrate_one(a, whale, MEMLANE_SLOW), 0);
	expect_eq(migrate_one(a, whale, MEMLANE_FAST), 0);
	expect_eq(*address_of(a, whale), 7);
}

TEST(no_gap_however_large_an_object_is)
{
	struct arena a = arena_huge(300 * GIB, 340 * GIB);
	double gap;

	expect_eq(pipe(channel), 0);
	whale = alloc_one(&a, MEMLANE_FAST, 290 * GIB);
	gap = least_gap(move_whale, &a);
	printf("# longest gap %.1f ms\n", gap);
	expect(gap < GAP_MS);
	expect_eq(free_live(&a, &whale, 1), 0);
	arena_end(&a);
}

/* ----------------------------------------------------- slots of the dead */

static struct memlane_mag *mag_of(const struct arena *a, __u32 slot, unsigned int mag)
{
	return (void *)(a->map[MEMLANE_REGION_SLOTS] + (size_t)slot * a->info.out_slot_size +
			a->info.out_mag_offset + (size_t)mag * a->info.out_mag_stride);
}

/* A slot whose every magazine is there, with @nr of @index. */
static void fill_slot(const struct arena *a, __u32 slot, __u32 index, __u32 nr)
{
	unsigned int m, i;

	for (m = 0; m < MEMLANE_LANES * a->info.out_classes; m++) {
		for (i = 0; i <= nr && i < a->info.out_mag_size; i++)
			mag_of(a, slot, m)->index[i] = index;
		mag_of(a, slot, m)->nr = nr;
	}
}

static __u32 slot_new(const struct arena *a)
{
	struct memlane_register req = { .size = sizeof(req) };

	expect_eq(call(a->fd, MEMLANE_IOCTL_REGISTER, &req), 0);
	return req.slot;
}

struct mortal {
	struct arena *a;
	__u32 index;
	unsigned int nr;
};

/* Ends with slots in whose magazines the same index may be in hand everywhere. */
static void *live_and_die(void *data)
{
	struct mortal *m = data;
	unsigned int i;

	for (i = 0; i < m->nr; i++)
		fill_slot(m->a, slot_new(m->a), m->index, 0);
	return NULL;
}

static void let_die(struct arena *a, __u32 index, unsigned int nr)
{
	struct mortal m = { a, index, nr };
	pthread_t thread;

	expect_eq(pthread_create(&thread, NULL, live_and_die, &m), 0);
	expect_eq(pthread_join(thread, NULL), 0);
	usleep(10000);	/* joined, it may be about to exit still */
}

/* Bound and not live: stock. */
static void take_stock(const struct arena *a, __u64 *handles, __u32 nr)
{
	struct memlane_alloc req = {
		.size = sizeof(req), .length = 64, .count = nr,
		.handles = (unsigned long)handles,
	};

	expect_eq(call(a->fd, MEMLANE_IOCTL_ALLOC, &req), 0);
	expect_eq(req.out_count, nr);
}

static struct arena arena_of_the_dead(__u64 *stock)
{
	struct arena a = arena_huge(8 * MIB, 8 * MIB);
	unsigned int i;

	take_stock(&a, stock, 2);
	for (i = 0; i < OTHERS; i++)
		fill_slot(&a, slot_new(&a), index_of(stock[0]), a.info.out_mag_size);
	return a;
}

static struct memlane_step maintain(const struct arena *a, __u64 max_ns)
{
	struct memlane_maintain req = { .size = sizeof(req), .step.max_ns = max_ns };

	expect_eq(call(a->fd, MEMLANE_IOCTL_MAINTAIN, &req), 0);
	return req.step;
}

TEST(the_dead_are_buried_by_pieces)
{
	unsigned int calls = 0;
	__u64 stock[2];
	struct arena a = arena_of_the_dead(stock);

	let_die(&a, index_of(stock[1]), DEAD);
	expect_eq(counts(&a).slots, OTHERS + DEAD);
	/* The first finds them all, and does not do it all. */
	maintain(&a, 1);
	expect_eq(counts(&a).slots_reaped, DEAD);
	for (; counts(&a).slots > OTHERS; calls++)
		maintain(&a, 1);
	expect(calls > 1);
	printf("# %u calls\n", calls);
	/* The others had the first in stock, nobody the second. */
	expect_eq(query(&a, stock[0]).out_state, MEMLANE_STATE_CACHED);
	expect_eq(query(&a, stock[1]).out_state, MEMLANE_STATE_NONE);
	expect_sound(&a);
	arena_end(&a);
}

/* An index that is freed and bound again between two pieces is nobody's leftover. */
TEST(what_was_given_out_again_stays)
{
	__u64 stock[2], again[1];
	struct arena a = arena_of_the_dead(stock);
	struct memlane_free req = {
		.size = sizeof(req), .count = 1, .handles = (unsigned long)&stock[1],
	};
	unsigned int i;

	let_die(&a, index_of(stock[1]), 1);
	for (i = 0; i < 10; i++)
		maintain(&a, 1);
	expect_eq(counts(&a).slots, OTHERS + 1);
	expect_eq(call(a.fd, MEMLANE_IOCTL_FREE, &req), 0);
	take_stock(&a, again, 1);
	expect_eq(index_of(again[0]), index_of(stock[1]));
	maintain(&a, 0);
	expect_eq(counts(&a).slots, OTHERS);
	expect_eq(query(&a, again[0]).out_state, MEMLANE_STATE_CACHED);
	expect_sound(&a);
	arena_end(&a);
}

static void bury_all(struct arena *a)
{
	let_die(a, 1, 2);
	maintain(a, 0);
}

TEST(no_gap_however_many_are_dead)
{
	__u64 stock[2];
	struct arena a = arena_of_the_dead(stock);
	double gap = least_gap(bury_all, &a);

	printf("# longest gap %.1f ms\n", gap);
	expect(gap < GAP_MS);
	expect_eq(counts(&a).slots, OTHERS);
	arena_end(&a);
}

#define CALLS 6U

/* Every other one of many objects goes, and then the rest. */
static void compact_once(struct arena *a)
{
	static __u64 handles[CALLS][4096], half[2048];
	unsigned int i, k, odd;

	for (i = 0; i < CALLS; i++)
		expect_eq(alloc_live(a, MEMLANE_FAST, 1000, 4096, handles[i]), 4096);
	for (odd = 0; odd < 2; odd++) {
		for (i = 0; i < CALLS; i++) {
			for (k = 0; k < 2048; k++)
				half[k] = handles[i][2 * k + odd];
			expect_eq(free_live(a, half, 2048), 0);
		}
		compact(a);
		maintain(a, 0);
	}
}

TEST(no_gap_while_objects_are_made_moved_and_freed)
{
	struct arena a = arena_huge(64 * MIB, 64 * MIB);
	double gap = least_gap(compact_once, &a);

	printf("# longest gap %.1f ms\n", gap);
	expect(gap < GAP_MS);
	arena_end(&a);
}

static void cool_once(struct arena *a)
{
	__u64 h = alloc_one(a, MEMLANE_SLOW, 8 * MIB);

	write_text(address_of(a, h), 8 * MIB, 1);
	cool(a, &h, 1);
	warm(a, &h, 1);
	expect_eq(free_live(a, &h, 1), 0);
}

TEST(no_gap_while_bytes_are_put_away)
{
	struct arena a = arena_huge(MIB, 64 * MIB);
	double gap = least_gap(cool_once, &a);

	printf("# longest gap %.1f ms\n", gap);
	expect(gap < GAP_MS);
	arena_end(&a);
}

/* ------------------------------------------------------------- SIGKILL */

static void bury_for_ever(struct arena *a)
{
	for (;;)
		bury_all(a);
}

static void give_slots_back_for_ever(struct arena *a)
{
	struct memlane_register req = { .size = sizeof(req) };

	for (;;) {
		req.slot = slot_new(a);
		fill_slot(a, req.slot, 1, 0);
		expect_eq(call(a->fd, MEMLANE_IOCTL_UNREGISTER, &req), 0);
	}
}

static void move_for_ever(struct arena *a)
{
	whale = alloc_one(a, MEMLANE_FAST, 7 * MIB);
	for (;;) {
		migrate_one(a, whale, MEMLANE_SLOW);
		migrate_one(a, whale, MEMLANE_FAST);
	}
}

/* Objects of many pages that exist: what they are asked, handed over and given back for. */
#define RESIDENT (16 * MIB)

static void fill_resident(struct arena *a, __u64 *handles, unsigned int nr)
{
	unsigned int i;
	unsigned long at;

	for (i = 0; i < nr; i++) {
		handles[i] = alloc_one(a, MEMLANE_SLOW, RESIDENT / nr);
		for (at = 0; at < RESIDENT / nr; at += PAGE)
			address_of(a, handles[i])[at] = 1;
	}
}

static void hand_over_for_ever(struct arena *unused)
{
	struct arena a = arena_huge(32 * MIB, 32 * MIB);
	__u64 handles[16];
	unsigned int i, lane;

	(void)unused;
	fill_resident(&a, handles, 16);
	for (lane = MEMLANE_FAST;; lane = !lane)
		for (i = 0; i < 16; i++)
			migrate_one(&a, handles[i], lane);
}

static void free_for_ever(struct arena *unused)
{
	struct arena a = arena_huge(MIB, 32 * MIB);
	__u64 handles[64];

	(void)unused;
	for (;;) {
		fill_resident(&a, handles, 64);
		expect_eq(free_live(&a, handles, 64), 0);
	}
}

#define SMALL 4096U

static void compact_for_ever(struct arena *unused)
{
	struct arena a = arena_huge(32 * MIB, MIB);
	static __u64 handles[SMALL], odd[SMALL / 2];
	unsigned int i;

	(void)unused;
	for (;;) {
		expect_eq(alloc_live(&a, MEMLANE_FAST, 1000, SMALL, handles), SMALL);
		for (i = 0; i < SMALL / 2; i++)
			odd[i] = handles[2 * i];
		free_live(&a, odd, SMALL / 2);
		compact(&a);
		for (i = 0; i < SMALL / 2; i++)
			odd[i] = handles[2 * i + 1];
		free_live(&a, odd, SMALL / 2);
	}
}

static void maintain_for_ever(struct arena *unused)
{
	struct arena a = arena_huge(32 * MIB, 32 * MIB);
	static __u64 handles[SMALL];
	unsigned int i;

	(void)unused;
	for (i = 0; i < 8; i++)
		expect_eq(alloc_live(&a, MEMLANE_FAST, 1000, SMALL, handles), SMALL);
	for (;;)
		maintain(&a, 0);
}

/* Put away and brought back, by pages that are compressed. */
static void cool_for_ever(struct arena *unused)
{
	struct arena a = arena_huge(MIB, 32 * MIB);
	__u64 handles[16];
	unsigned int i;

	(void)unused;
	fill_resident(&a, handles, 16);
	for (;;) {
		cool(&a, handles, 16);
		for (i = 0; i < 16; i++)
			warm(&a, &handles[i], 1);
	}
}

static void resize_for_ever(struct arena *unused)
{
	struct arena a = arena_huge(MIB, 64 * MIB);
	__u64 handle;
	struct memlane_migrate req = {
		.size = sizeof(req), .flags = MEMLANE_MIGRATE_RESIZE, .count = 1,
		.lane = MEMLANE_SLOW, .handles = (unsigned long)&handle,
	};

	(void)unused;
	fill_resident(&a, &handle, 1);
	for (;;) {
		req.length = RESIDENT + 4 * MIB;
		expect_eq(call(a.fd, MEMLANE_IOCTL_MIGRATE, &req), 0);
		req.length = RESIDENT - 4 * MIB;
		expect_eq(call(a.fd, MEMLANE_IOCTL_MIGRATE, &req), 0);
	}
}

/* 120 MB in one call, nothing of it touched. */
static void allocate_for_ever(struct arena *unused)
{
	struct arena a = arena_huge(MIB, GIB);
	static __u64 handles[SMALL];

	(void)unused;
	for (;;) {
		expect_eq(alloc_live(&a, MEMLANE_SLOW, 30000, SMALL, handles), SMALL);
		expect_eq(free_live(&a, handles, SMALL), 0);
	}
}

/* All at once, by the kernel, on its own or for mmap(). */
static void populate_for_ever(struct arena *unused)
{
	struct arena a = arena_huge(MIB, 320 * MIB);
	__u64 h = alloc_one(&a, MEMLANE_SLOW, 250 * MIB);
	unsigned long at = address_of(&a, h) - a.map[MEMLANE_REGION_DATA];
	void *map;

	(void)unused;
	for (;;) {
		madvise(address_of(&a, h), 250 * MIB, MADV_POPULATE_WRITE);
		map = mmap(NULL, 250 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, a.fd,
			   arena_region(&a, MEMLANE_REGION_DATA).offset + at);
		expect(map != MAP_FAILED);
		expect_eq(munmap(map, 250 * MIB), 0);
		expect_eq(free_live(&a, &h, 1), 0);
		h = alloc_one(&a, MEMLANE_SLOW, 250 * MIB);
	}
}

static void commit_for_ever(struct arena *unused)
{
	struct arena a = arena_huge(MIB, 630 * GIB);
	__u64 h;

	(void)unused;
	for (;;) {
		h = alloc_one(&a, MEMLANE_SLOW, 500 * GIB);
		expect_eq(free_live(&a, &h, 1), 0);
	}
}

/* A page in each chunk: as much to hand over as there can be for so little memory. */
static __u64 sparse_object(struct arena *a)
{
	unsigned long at;
	__u64 h;

	*a = arena_huge(3 * GIB, 3 * GIB);
	h = alloc_one(a, MEMLANE_SLOW, 2 * GIB);
	for (at = 0; at < 2 * GIB; at += 2 * MIB)
		address_of(a, h)[at] = 1;
	return h;
}

static void have_sparse(struct arena *unused)
{
	struct arena a;

	(void)unused;
	sparse_object(&a);
	pause();
}

static void move_sparse_for_ever(struct arena *unused)
{
	struct arena a;
	__u64 h = sparse_object(&a);

	(void)unused;
	for (;;) {
		migrate_one(&a, h, MEMLANE_FAST);
		migrate_one(&a, h, MEMLANE_SLOW);
	}
}

/* As many calls as wait already are refused at once; then the end of one is waited for. */
static void fill_queue_for_ever(struct arena *unused)
{
	struct arena a = arena_huge(32 * MIB, 32 * MIB);
	struct memlane_migrate req;
	struct memlane_event ev;
	__u64 handles[16];
	__u32 lane = 0;

	(void)unused;
	fill_resident(&a, handles, 16);
	for (;; lane = !lane) {
		req = (struct memlane_migrate) {
			.size = sizeof(req), .flags = MEMLANE_ASYNC, .lane = lane, .count = 16,
			.handles = (unsigned long)handles,
		};
		if (call(a.fd, MEMLANE_IOCTL_MIGRATE, &req) == -EAGAIN)
			expect_eq(read(a.fd, &ev, sizeof(ev)), (int)sizeof(ev));
	}
}

static void end_arenas_for_ever(struct arena *unused)
{
	__u64 handles[16];
	struct arena a;

	(void)unused;
	for (;;) {
		a = arena_huge(MIB, 32 * MIB);
		fill_resident(&a, handles, 16);
		arena_end(&a);
	}
}

/* Time that a process takes to end which is killed in the middle of @work, ms. */
static double time_to_die(void (*work)(struct arena *a), unsigned int after_ms)
{
	__u64 stock[2];
	double begun;
	int status, ready[2];
	char c;
	pid_t pid;

	expect_eq(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		struct arena a = arena_of_the_dead(stock);

		expect_eq(write(ready[1], "x", 1), 1);
		work(&a);
		_exit(1);
	}
	expect_eq(read(ready[0], &c, 1), 1);
	usleep(after_ms * 1000);
	begun = now_ms();
	expect_eq(kill(pid, SIGKILL), 0);
	expect_eq(waitpid(pid, &status, 0), pid);
	expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(ready[0]);
	close(ready[1]);
	return now_ms() - begun;
}

static double least_time_to_die(void (*work)(struct arena *a), unsigned int after_ms, double enough)
{
	double least = 1e9, took;
	unsigned int i;

	for (i = 0; i < TRIES && least > enough; i++) {
		took = time_to_die(work, after_ms + 37 * i);
		least = took < least ? took : least;
	}
	printf("# dead after %.1f ms\n", least);
	return least;
}

static void expect_prompt_death(void (*work)(struct arena *a), unsigned int after_ms)
{
	expect(least_time_to_die(work, after_ms, DEATH_MS) < DEATH_MS);
}

TEST(killed_while_it_buries)
{
	expect_prompt_death(bury_for_ever, 30);
}

TEST(killed_while_it_gives_slots_back)
{
	expect_prompt_death(give_slots_back_for_ever, 30);
}

TEST(killed_while_it_moves)
{
	expect_prompt_death(move_for_ever, 30);
}

TEST(killed_while_it_hands_pages_over)
{
	expect_prompt_death(hand_over_for_ever, 300);
}

TEST(killed_while_it_frees)
{
	expect_prompt_death(free_for_ever, 300);
}

TEST(killed_while_it_compacts)
{
	expect_prompt_death(compact_for_ever, 300);
}

TEST(killed_while_it_maintains)
{
	expect_prompt_death(maintain_for_ever, 300);
}

TEST(killed_while_it_puts_away)
{
	expect_prompt_death(cool_for_ever, 300);
}

TEST(killed_while_it_resizes)
{
	expect_prompt_death(resize_for_ever, 300);
}

TEST(killed_while_it_allocates)
{
	expect_prompt_death(allocate_for_ever, 300);
}

TEST(killed_while_it_populates)
{
	expect_prompt_death(populate_for_ever, 100);
}

TEST(killed_while_it_commits_what_is_huge)
{
	expect_prompt_death(commit_for_ever, 300);
}

TEST(killed_while_it_moves_what_is_sparse)
{
	/* To let go of so many tables takes its time, whatever the program was at. */
	double enough = DEATH_MS + least_time_to_die(have_sparse, 1000, 0);

	expect(least_time_to_die(move_sparse_for_ever, 1000, enough) < enough);
}

TEST(killed_while_its_queue_is_full)
{
	expect_prompt_death(fill_queue_for_ever, 300);
}

TEST(killed_while_it_ends_arenas)
{
	expect_prompt_death(end_arenas_for_ever, 300);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
