// SPDX-License-Identifier: MIT
/* errors.c - what each call refuses, with which error, and that nothing is lost by it */
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "../arena.h"

#define LANE (4 * MIB)

/* ---------------------------------------------------------------- create */

static int create_with(struct memlane_create req)
{
	int fd = device_open(O_RDWR), err;

	req.size = sizeof(req);
	err = call(fd, MEMLANE_IOCTL_CREATE, &req);
	close(fd);
	return err;
}

#define create(...) create_with((struct memlane_create) { __VA_ARGS__ })

TEST(create_checks_ranges)
{
	const __u64 least = 64 << 10, most = MEMLANE_LANES_MAX;

	expect_eq(create(.fast_size = least, .slow_size = least), 0);
	expect_eq(create(.fast_size = least - 1, .slow_size = least), -EINVAL);
	expect_eq(create(.fast_size = least, .slow_size = least - 1), -EINVAL);
	expect_eq(create(.fast_size = 0, .slow_size = least), -EINVAL);
	expect_eq(create(.fast_size = LANE, .slow_size = LANE, .fast_max = LANE - 1), -EINVAL);
	expect_eq(create(.fast_size = LANE, .slow_size = LANE, .slow_max = LANE - 1), -EINVAL);
	expect_eq(create(.fast_size = most - LANE, .slow_size = LANE), 0);
	expect_eq(create(.fast_size = most - LANE, .slow_size = LANE + 1), -EINVAL);
	expect_eq(create(.fast_size = LANE, .slow_size = LANE, .fast_max = most), -EINVAL);
	expect_eq(create(.fast_size = UINT64_MAX, .slow_size = LANE), -EINVAL);
	expect_eq(create(.fast_size = UINT64_MAX, .slow_size = UINT64_MAX), -EINVAL);
	expect_eq(create(.fast_size = LANE, .slow_size = LANE, .slow_max = UINT64_MAX - 4096), -EINVAL);
	expect_eq(create(.fast_size = LANE, .slow_size = LANE, .handles = 1ULL << 30), 0);
	expect_eq(create(.fast_size = LANE, .slow_size = LANE, .handles = (1ULL << 30) + 1), -EINVAL);
	expect_eq(create(.fast_size = LANE, .slow_size = LANE, .handles = UINT64_MAX), -EINVAL);
	expect_eq(create(.fast_size = LANE, .slow_size = LANE, .threads = 4096), 0);
	expect_eq(create(.fast_size = LANE, .slow_size = LANE, .threads = 4097), -EINVAL);
}

TEST(create_happens_once)
{
	struct arena a = arena_new(LANE, LANE);

	expect_eq(arena_create(a.fd, LANE, LANE), -EEXIST);
	expect_eq(alloc_one(&a, MEMLANE_FAST, 100) != 0, 1);
	arena_end(&a);
}

TEST(a_failed_create_can_be_repeated)
{
	int fd = device_open(O_RDWR);

	expect_eq(arena_create(fd, 1, 1), -EINVAL);
	expect_eq(arena_create(fd, LANE, LANE), 0);
	close(fd);
}

static void *creator(void *fd)
{
	return (void *)(long)arena_create((int)(long)fd, LANE, LANE);
}

TEST(one_of_many_creators_wins)
{
	int round, i, won;
	pthread_t t[4];
	void *err;

	for (round = 0; round < 20; round++) {
		int fd = device_open(O_RDWR);

		for (i = 0; i < 4; i++)
			expect_eq(pthread_create(&t[i], NULL, creator, (void *)(long)fd), 0);
		for (i = won = 0; i < 4; i++) {
			pthread_join(t[i], &err);
			expect(!err || (long)err == -EEXIST);
			won += !err;
		}
		expect_eq(won, 1);
		close(fd);
	}
}

/* ----------------------------------------------------------------- alloc */

static struct memlane_alloc alloc_with(struct arena *a, int want, struct memlane_alloc req)
{
	struct memlane_counts was = counts(a);
	static __u64 room[8192];
	int err;

	req.size = sizeof(req);
	if (!req.handles)
		req.handles = (unsigned long)room;
	err = call(a->fd, MEMLANE_IOCTL_ALLOC, &req);
	if (err != want)
		fail("length %llu count %u align %u lane %u: %s, not %s", req.length, req.count,
		     req.align, req.lane, strerror(-err), strerror(-want));
	if (err)
		expect_eq(req.out_count, 0);
	expect_eq(counts(a).handles, was.handles + req.out_count);
	return req;
}

#define alloc(a, want, ...) alloc_with(a, want, (struct memlane_alloc) { __VA_ARGS__ })

TEST(alloc_checks_ranges)
{
	struct arena a = arena_new(LANE, LANE);

	alloc(&a, 0, .length = 1, .count = 1);
	alloc(&a, -EINVAL, .length = 0, .count = 1);
	alloc(&a, -EINVAL, .length = MEMLANE_SIZE_MAX + 1, .count = 1);
	alloc(&a, -EINVAL, .length = UINT64_MAX, .count = 1);
	alloc(&a, -ENOSPC, .length = MEMLANE_SIZE_MAX, .count = 1);
	alloc(&a, -EINVAL, .length = 1, .count = 0);
	alloc(&a, -EINVAL, .length = 1, .count = 4097);
	alloc(&a, -EINVAL, .length = 1, .count = UINT32_MAX);
	alloc(&a, 0, .length = 1, .count = 4096);
	alloc(&a, -EINVAL, .length = 1, .count = 1, .lane = 2);
	alloc(&a, -EINVAL, .length = 1, .count = 1, .lane = UINT32_MAX);
	alloc(&a, -EINVAL, .length = MEMLANE_BLOCK_MAX + 1, .count = 2);
	alloc(&a, 0, .length = MEMLANE_BLOCK_MAX + 1, .count = 1);
	arena_end(&a);
}

TEST(alloc_checks_alignment)
{
	struct arena a = arena_new(LANE, LANE);
	unsigned int shift;
	__u64 handle;

	for (shift = 0; shift < 32; shift++) {
		alloc(&a, shift > 21 ? -EINVAL : 0, .length = 48, .count = 1, .lane = MEMLANE_SLOW,
		      .align = 1U << shift, .handles = (unsigned long)&handle);
		if (shift <= 21)
			expect_eq((unsigned long)(address_of(&a, handle) - a.map[MEMLANE_REGION_DATA]) %
				  (1UL << shift), 0);
		if (shift > 1)
			alloc(&a, -EINVAL, .length = 48, .count = 1, .align = (1U << shift) - 1);
	}
	arena_end(&a);
}

TEST(alloc_fills_a_lane_and_says_so)
{
	struct arena a = arena_new(LANE, LANE);
	struct memlane_alloc got;
	int i;

	for (i = 0; i < 4; i++)
		alloc(&a, 0, .length = MIB, .count = 1, .flags = MEMLANE_ALLOC_NO_SPILL);
	alloc(&a, -ENOSPC, .length = MIB, .count = 1, .flags = MEMLANE_ALLOC_NO_SPILL);
	got = alloc(&a, 0, .length = MIB, .count = 1);
	expect_eq(got.out_lane, MEMLANE_SLOW);
	expect_eq(got.out_class, MEMLANE_CLASS_BLOB);
	arena_end(&a);
}

/* The kernel's copy of the array is longer than what it gives. */
TEST(alloc_writes_the_handles_it_gives_and_no_more)
{
	struct arena a = arena_new(LANE, LANE);
	static __u64 room[4096];
	struct memlane_alloc got;
	__u32 i;

	memset(room, 0xa5, sizeof(room));
	got = alloc(&a, 0, .length = 2000, .count = 4096, .handles = (unsigned long)room,
		    .flags = MEMLANE_ALLOC_NO_SPILL);
	expect(got.out_count > 0 && got.out_count < 4096);
	for (i = got.out_count; i < 4096; i++)
		expect_eq(room[i], 0xa5a5a5a5a5a5a5a5);
	arena_end(&a);
}

TEST(alloc_to_a_bad_place_gives_nothing)
{
	struct arena a = arena_new(LANE, LANE);
	char *edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	expect_eq(munmap(edge + PAGE, PAGE), 0);
	alloc(&a, -EFAULT, .length = 100, .count = 64, .handles = 8);
	alloc(&a, -EFAULT, .length = 100, .count = 64, .handles = UINT64_MAX - 7);
	alloc(&a, -EFAULT, .length = 100, .count = 64, .handles = 0xffff888000000000UL);
	alloc(&a, -EFAULT, .length = 100, .count = 64, .handles = (unsigned long)edge + PAGE - 8);
	alloc(&a, -EFAULT, .length = 100, .count = 4096, .handles = (unsigned long)edge,
	      .flags = MEMLANE_ALLOC_LIVE);
	alloc(&a, -EFAULT, .length = MIB, .count = 1, .handles = (unsigned long)edge + PAGE);
	expect_eq(counts(&a).lane[MEMLANE_FAST].objects, 0);
	expect_sound(&a);
	arena_end(&a);
}

/* ------------------------------------------------------------------ free */

static void expect_free(struct arena *a, __u64 handle, int want)
{
	struct memlane_counts was = counts(a);

	expect_eq(free_live(a, &handle, 1), want);
	expect_eq(counts(a).handles, was.handles - !want);
}

TEST(free_tells_each_kind_of_bad_handle)
{
	struct arena a = arena_new(LANE, LANE), b = arena_new(LANE, LANE);
	__u64 good = alloc_one(&a, MEMLANE_FAST, 100), pinned = alloc_one(&a, MEMLANE_FAST, 100);
	__u64 foreign = alloc_one(&b, MEMLANE_FAST, 100), next;
	int i = 0;

	expect_free(&a, foreign, -EXDEV);
	expect_free(&a, 0, -EBADF);
	expect_free(&a, good | 0xfffffff, -EBADF);
	expect_free(&a, good & ~0xffffffffULL, -EBADF);
	expect_free(&a, good + (1ULL << MEMLANE_GEN_SHIFT), -EBADF);
	*pin_of(&a, pinned) += MEMLANE_PIN_ONE;
	expect_free(&a, pinned, -EBUSY);
	*pin_of(&a, pinned) -= MEMLANE_PIN_ONE;
	expect_free(&a, pinned, 0);
	expect_free(&a, pinned, -ESTALE);
	do {
		next = alloc_one(&a, MEMLANE_FAST, 100);
		expect(i++ < 1000);
	} while ((__u32)next != (__u32)pinned);
	expect_free(&a, pinned, -ESTALE);	/* though its index is in use again */
	expect_free(&a, next, 0);
	expect_free(&a, good, 0);
	expect_sound(&a);
	arena_end(&a);
	arena_end(&b);
}

TEST(free_of_stock_refuses_what_is_live)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 100);
	struct memlane_free req = {
		.size = sizeof(req), .count = 1, .handles = (unsigned long)&handle,
	};

	expect_eq(call(a.fd, MEMLANE_IOCTL_FREE, &req), -EBUSY);
	expect_eq(req.out_count, 0);
	*entry_of(&a, handle) = memlane_entry_to(*entry_of(&a, handle), MEMLANE_ENTRY_FREE, 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_FREE, &req), 0);
	expect_eq(req.out_count, 1);
	expect_eq(call(a.fd, MEMLANE_IOCTL_FREE, &req), -EBADF);
	arena_end(&a);
}

TEST(free_tells_how_far_it_came)
{
	enum { NR = 1300, BAD = 700 };
	struct arena a = arena_new(LANE, LANE);
	static __u64 handle[NR];
	struct memlane_free req = {
		.size = sizeof(req), .count = NR, .flags = MEMLANE_FREE_LIVE,
		.handles = (unsigned long)handle,
	};
	__u64 spoiled;

	expect_eq(alloc_live(&a, MEMLANE_FAST, 100, NR, handle), NR);
	spoiled = handle[BAD];
	handle[BAD] = 0;
	expect_eq(call(a.fd, MEMLANE_IOCTL_FREE, &req), -EBADF);
	expect_eq(req.out_count, BAD);
	expect_eq(counts(&a).handles, NR - BAD);
	handle[BAD] = spoiled;
	req.handles += BAD * sizeof(__u64);
	req.count -= BAD;
	expect_eq(call(a.fd, MEMLANE_IOCTL_FREE, &req), 0);
	expect_eq(counts(&a).handles, 0);
	arena_end(&a);
}

/* The array ends at a hole: what lies before it in whole pieces is freed. */
TEST(free_from_a_bad_place_stops_there)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 *edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	struct memlane_free req = {
		.size = sizeof(req), .count = 1024, .flags = MEMLANE_FREE_LIVE,
		.handles = (unsigned long)edge,
	};

	expect_eq(alloc_live(&a, MEMLANE_FAST, 16, 1024, edge), 1024);
	expect_eq(munmap((char *)edge + PAGE, PAGE), 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_FREE, &req), -EFAULT);
	expect_eq(req.out_count, 512);
	expect_eq(counts(&a).handles, 512);
	req.count = 0;
	expect_eq(call(a.fd, MEMLANE_IOCTL_FREE, &req), -EINVAL);
	req.count = (1 << 20) + 1;
	expect_eq(call(a.fd, MEMLANE_IOCTL_FREE, &req), -EINVAL);
	arena_end(&a);
}

/* --------------------------------------------------------------- migrate */

TEST(migrate_tells_each_kind_of_bad_handle)
{
	struct arena a = arena_new(LANE, LANE), b = arena_new(LANE, LANE);
	__u64 good = alloc_one(&a, MEMLANE_FAST, 100), pinned = alloc_one(&a, MEMLANE_FAST, 100);
	__u64 stale = alloc_one(&a, MEMLANE_FAST, 100);
	__u64 handle[] = { good, pinned, stale, alloc_one(&b, MEMLANE_FAST, 100), good | 0xfffffff };
	__s32 want[] = { 0, -EBUSY, -ESTALE, -EXDEV, -EBADF }, result[5] = { 1, 1, 1, 1, 1 };
	struct memlane_migrate req = {
		.size = sizeof(req), .lane = MEMLANE_SLOW, .count = 5,
		.handles = (unsigned long)handle, .results = (unsigned long)result,
	};
	int i;

	*pin_of(&a, pinned) += MEMLANE_PIN_ONE;
	expect_free(&a, stale, 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_MIGRATE, &req), 0);
	expect_eq(req.out_count, 5);
	expect_eq(req.out_failed, 4);
	expect_eq(req.step.out_moved, 1);
	expect_eq(req.step.out_pinned, 1);
	for (i = 0; i < 5; i++)
		expect_eq(result[i], want[i]);
	expect_eq(query(&a, good).out_lane, MEMLANE_SLOW);
	expect_sound(&a);
	arena_end(&a);
	arena_end(&b);
}

static int migrate_with(struct arena *a, struct memlane_migrate req)
{
	req.size = sizeof(req);
	return call(a->fd, MEMLANE_IOCTL_MIGRATE, &req);
}

#define migrate(a, ...) migrate_with(a, (struct memlane_migrate) { __VA_ARGS__ })

TEST(migrate_checks_its_request)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 100);
	unsigned long good = (unsigned long)&handle;

	expect_eq(migrate(&a, .lane = 2, .count = 1, .handles = good), -EINVAL);
	expect_eq(migrate(&a, .lane = 1, .count = 0, .handles = good), -EINVAL);
	expect_eq(migrate(&a, .lane = 1, .count = (1 << 20) + 1, .handles = good), -EINVAL);
	expect_eq(migrate(&a, .lane = 1, .count = 1, .handles = 8), -EFAULT);
	expect_eq(migrate(&a, .lane = 1, .count = 1, .handles = good, .results = 8), -EFAULT);
	expect_eq(migrate(&a, .lane = 1, .count = 1, .handles = good), 0);
	expect_eq(migrate(&a, .count = 1, .handles = good, .flags = MEMLANE_MIGRATE_RESIZE), -EINVAL);
	expect_eq(migrate(&a, .count = 1, .handles = good, .flags = MEMLANE_MIGRATE_RESIZE,
			  .length = MEMLANE_SIZE_MAX + 1), -EINVAL);
	expect_eq(migrate(&a, .count = 1, .handles = good, .length = 100,
			  .flags = MEMLANE_MIGRATE_RESIZE | MEMLANE_ASYNC), -EOPNOTSUPP);
	expect_eq(migrate(&a, .count = 1, .handles = good, .length = 100,
			  .flags = MEMLANE_MIGRATE_RESIZE), 0);
	arena_end(&a);
}

/* ------------------------------------------------------------- registration */

struct peer {
	struct arena *a;
	__u32 slot;
	pthread_barrier_t met;
};

static int slot_call(struct arena *a, unsigned long cmd, __u32 *slot)
{
	struct memlane_register req = { .size = sizeof(req), .slot = *slot };
	int err = call(a->fd, cmd, &req);

	*slot = req.slot;
	return err;
}

static void *registers(void *data)
{
	struct peer *p = data;

	expect_eq(slot_call(p->a, MEMLANE_IOCTL_REGISTER, &p->slot), 0);
	pthread_barrier_wait(&p->met);
	pthread_barrier_wait(&p->met);
	return NULL;
}

static int by_another_process(struct arena *a, __u32 slot)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(-slot_call(a, MEMLANE_IOCTL_UNREGISTER, &slot));
	expect_eq(waitpid(pid, &status, 0), pid);
	expect(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

TEST(a_slot_is_its_threads_own)
{
	struct arena a = arena_new(LANE, LANE);
	struct peer p = { .a = &a };
	struct memlane_refill refill = { .size = sizeof(refill), .length = 100, .count = 8 };
	struct memlane_flush flush = { .size = sizeof(flush), .cls = 3 };
	pthread_t t;
	__u32 slot;

	pthread_barrier_init(&p.met, NULL, 2);
	expect_eq(pthread_create(&t, NULL, registers, &p), 0);
	pthread_barrier_wait(&p.met);
	refill.slot = flush.slot = slot = p.slot;
	expect_eq(call(a.fd, MEMLANE_IOCTL_REFILL, &refill), -EINVAL);
	expect_eq(call(a.fd, MEMLANE_IOCTL_FLUSH, &flush), -EINVAL);
	expect_eq(counts(&a).slots, 1);
	/* Its process may give it back, and nobody else. */
	expect_eq(by_another_process(&a, slot), -EINVAL);
	expect_eq(slot_call(&a, MEMLANE_IOCTL_UNREGISTER, &slot), 0);
	expect_eq(slot_call(&a, MEMLANE_IOCTL_UNREGISTER, &slot), -EINVAL);
	expect_eq(counts(&a).slots, 0);
	pthread_barrier_wait(&p.met);
	pthread_join(t, NULL);
	arena_end(&a);
}

TEST(a_slot_of_the_dead_is_anybody_s)
{
	struct arena a = arena_new(LANE, LANE);
	__u32 slot = 0;
	int fd[2];
	pid_t pid;

	expect_eq(pipe(fd), 0);
	pid = fork();
	if (!pid) {
		expect_eq(slot_call(&a, MEMLANE_IOCTL_REGISTER, &slot), 0);
		expect_eq(write(fd[1], &slot, sizeof(slot)), sizeof(slot));
		pause();
	}
	expect_eq(read(fd[0], &slot, sizeof(slot)), sizeof(slot));
	expect_eq(slot_call(&a, MEMLANE_IOCTL_UNREGISTER, &slot), -EINVAL);
	expect_eq(counts(&a).slots, 1);
	expect_eq(kill(pid, SIGKILL), 0);
	expect_eq(waitpid(pid, NULL, 0), pid);
	expect_eq(slot_call(&a, MEMLANE_IOCTL_UNREGISTER, &slot), 0);
	expect_eq(counts(&a).slots, 0);
	arena_end(&a);
}

TEST(wild_slots_are_refused)
{
	struct arena a = arena_new(LANE, LANE);
	struct memlane_refill refill = { .size = sizeof(refill), .length = 100, .count = 8 };
	__u32 slot, bit, off;

	for (bit = 0; bit < 32; bit++)
		for (off = 0; off < 3; off++) {
			slot = refill.slot = (1U << bit) + off - 1;
			expect_eq(call(a.fd, MEMLANE_IOCTL_REFILL, &refill), -EINVAL);
			expect_eq(slot_call(&a, MEMLANE_IOCTL_UNREGISTER, &slot), -EINVAL);
		}
	arena_end(&a);
}

TEST(slots_run_out_and_come_back)
{
	struct arena a = arena_new(LANE, LANE);
	__u32 slot = 0, i;

	for (i = 0; i < 64; i++)
		expect_eq(slot_call(&a, MEMLANE_IOCTL_REGISTER, &slot), 0);
	expect_eq(slot_call(&a, MEMLANE_IOCTL_REGISTER, &slot), -ENOSPC);
	for (slot = 0; slot < 64; slot++)
		expect_eq(slot_call(&a, MEMLANE_IOCTL_UNREGISTER, &slot), 0);
	expect_eq(slot_call(&a, MEMLANE_IOCTL_REGISTER, &slot), 0);
	arena_end(&a);
}

/* A thread that leaves, and comes again with the same slot, often. */
static void *comes_and_goes(void *data)
{
	__u32 slot = 0;

	expect_eq(slot_call(data, MEMLANE_IOCTL_REGISTER, &slot), 0);
	return NULL;
}

TEST(slots_of_the_dead_are_taken_back)
{
	struct arena a = arena_new(LANE, LANE);
	pthread_t t;
	int i;

	for (i = 0; i < 300; i++) {
		expect_eq(pthread_create(&t, NULL, comes_and_goes, &a), 0);
		pthread_join(t, NULL);
	}
	expect(counts(&a).slots <= 64);
	expect(counts(&a).slots_reaped >= 300 - 64);
	arena_end(&a);
}

/* --------------------------------------------------------------- options */

static int set_option(struct arena *a, __u32 option, __u64 value)
{
	struct memlane_set req = { .size = sizeof(req), .option = option, .value = value };

	return call(a->fd, MEMLANE_IOCTL_SET, &req);
}

static __u64 get_option(struct arena *a, __u32 option)
{
	struct memlane_set req = { .size = sizeof(req), .option = option, .value = UINT64_MAX };

	expect_eq(call(a->fd, MEMLANE_IOCTL_GET, &req), 0);
	return req.value;
}

TEST(options_check_ranges)
{
	static const struct {
		__u32 option;
		__u64 least;
		__u64 most;
	} range[] = {
		{ MEMLANE_OPT_FAST_LIMIT, 0, LANE },
		{ MEMLANE_OPT_SLOW_LIMIT, 0, LANE },
		{ MEMLANE_OPT_AUTO_COMPACTION, 0, 1 },
		{ MEMLANE_OPT_COMPACTION_THRESHOLD, 1, 1000 },
		{ MEMLANE_OPT_SLOW_USAGE_THRESHOLD, 1, 1000 },
		{ MEMLANE_OPT_SLOW_SAFETY_MARGIN, 0, 500 },
		{ MEMLANE_OPT_GRACE, 1000, 10000000000ULL },
		{ MEMLANE_OPT_COLD_AGE, 0, 4 },
		{ }
	};
	struct arena a = arena_new(LANE, LANE);
	unsigned int i;

	for (i = 0; range[i].option; i++) {
		expect_eq(set_option(&a, range[i].option, range[i].least), 0);
		expect_eq(get_option(&a, range[i].option), range[i].least);
		expect_eq(set_option(&a, range[i].option, range[i].most), 0);
		expect_eq(set_option(&a, range[i].option, range[i].most + 1), -EINVAL);
		expect_eq(set_option(&a, range[i].option, UINT64_MAX), -EINVAL);
		if (range[i].least)
			expect_eq(set_option(&a, range[i].option, range[i].least - 1), -EINVAL);
		expect_eq(get_option(&a, range[i].option), range[i].most);
	}
	expect_eq(set_option(&a, 0, 0), -EOPNOTSUPP);
	expect_eq(set_option(&a, MEMLANE_OPTIONS, 0), -EOPNOTSUPP);
	expect_eq(set_option(&a, UINT32_MAX, 0), -EOPNOTSUPP);
	arena_end(&a);
}

/* ----------------------------------------------------------------- query */

TEST(query_never_fails)
{
	struct arena a = arena_new(LANE, LANE), b = arena_new(LANE, LANE);
	__u64 good = alloc_one(&a, MEMLANE_SLOW, 100), foreign = alloc_one(&b, MEMLANE_FAST, 100);
	unsigned long long seed = harness_seed();
	int i;

	expect_eq(query(&a, good).out_state, MEMLANE_STATE_LIVE);
	expect_eq(query(&a, good).out_lane, MEMLANE_SLOW);
	expect_eq(query(&a, good).out_room, 112);
	expect_eq(query(&a, foreign).out_state, MEMLANE_STATE_FOREIGN);
	expect_eq(query(&a, good | 0xfffffff).out_state, MEMLANE_STATE_WILD);
	*pin_of(&a, good) += MEMLANE_PIN_ONE;
	expect_eq(query(&a, good).out_state, MEMLANE_STATE_PINNED);
	*pin_of(&a, good) -= MEMLANE_PIN_ONE;
	expect_eq(free_live(&a, &good, 1), 0);
	expect_eq(query(&a, good).out_state, MEMLANE_STATE_FREED);
	for (i = 0; i < 10000; i++)
		expect(query(&a, rng_next(&seed)).out_state < MEMLANE_STATES);
	arena_end(&a);
	arena_end(&b);
}

TEST(wait_returns_at_once_for_what_is_not_copied)
{
	struct arena a = arena_new(LANE, LANE);
	struct memlane_wait req = { .size = sizeof(req) };

	req.handle = alloc_one(&a, MEMLANE_FAST, 100);
	expect_eq(call(a.fd, MEMLANE_IOCTL_WAIT, &req), 0);
	req.handle = UINT64_MAX;
	expect_eq(call(a.fd, MEMLANE_IOCTL_WAIT, &req), 0);
	/* Nobody made either. */
	req.flags = MEMLANE_WAIT_MAKER;
	expect_eq(call(a.fd, MEMLANE_IOCTL_WAIT, &req), 0);
	req.flags = MEMLANE_WAIT_MAKER << 1;
	expect_eq(call(a.fd, MEMLANE_IOCTL_WAIT, &req), -EOPNOTSUPP);
	arena_end(&a);
}

/* -------------------------------------------------------------- statistics */

TEST(the_mapped_statistics_agree)
{
	struct arena a = arena_new(LANE, LANE);
	struct memlane_stat_page *page = (struct memlane_stat_page *)a.map[MEMLANE_REGION_STAT];
	struct memlane_counts is;

	alloc_one(&a, MEMLANE_FAST, 100);
	is = counts(&a);
	expect_eq(page->seq % 2, 0);
	expect(!memcmp(&page->counts, &is, sizeof(is)));
	expect_eq(is.ioctls, 4);	/* create, info, alloc, stat */
	expect_eq(is.handles, 1);
	arena_end(&a);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
