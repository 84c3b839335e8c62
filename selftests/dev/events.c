// SPDX-License-Identifier: MIT
/* events.c - asynchronous calls, and what poll() and read() tell */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "../arena.h"
#include "../ring.h"

#define TOKEN	0x1234567890abcdefULL
#define WAIT_MS	20000

static void expect_readable(int fd, int want)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	expect_eq(poll(&p, 1, want ? WAIT_MS : 0), want);
	if (want)
		expect_eq(p.revents, POLLIN);
}

static struct memlane_event next_event(int fd)
{
	struct memlane_event ev = { };

	expect_eq(read(fd, &ev, sizeof(ev)), sizeof(ev));
	expect_eq(ev.size, sizeof(ev));
	return ev;
}

static struct memlane_event event_of(int fd, unsigned int type)
{
	struct memlane_event ev;

	do {
		expect_readable(fd, 1);
		ev = next_event(fd);
	} while (ev.type != type);
	return ev;
}

static int migrate_async(const struct arena *a, __u64 *handles, __u32 count, __u32 lane)
{
	struct memlane_migrate req = {
		.size = sizeof(req), .flags = MEMLANE_ASYNC, .lane = lane, .count = count,
		.handles = (unsigned long)handles, .token = TOKEN,
	};

	return call(a->fd, MEMLANE_IOCTL_MIGRATE, &req);
}

static int compact_async(const struct arena *a, __u64 token)
{
	struct memlane_compact req = {
		.size = sizeof(req), .flags = MEMLANE_ASYNC, .token = token,
	};

	return call(a->fd, MEMLANE_IOCTL_COMPACT, &req);
}

TEST(nothing_to_read)
{
	struct arena a = arena_new(MIB, MIB);
	struct memlane_event ev;

	expect_readable(a.fd, 0);
	expect_eq(fcntl(a.fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	expect(read(a.fd, &ev, sizeof(ev)) < 0 && errno == EAGAIN);
	expect(read(a.fd, &ev, sizeof(ev) - 1) < 0 && errno == EINVAL);
	arena_end(&a);
}

/* The caller says with the call that it will not wait; io_uring does so first. */
TEST(reading_without_waiting)
{
	struct arena a = arena_new(MIB, MIB);
	struct memlane_event ev;
	struct iovec to = { &ev, sizeof(ev) };

	expect(preadv2(a.fd, &to, 1, -1, RWF_NOWAIT) < 0 && errno == EAGAIN);
	expect_eq(compact_async(&a, 3), 0);
	expect_readable(a.fd, 1);
	expect_eq(preadv2(a.fd, &to, 1, -1, RWF_NOWAIT), sizeof(ev));
	expect_eq(ev.token, 3);
	expect(preadv2(a.fd, &to, 1, -1, RWF_NOWAIT) < 0 && errno == EAGAIN);
	to.iov_len--;
	expect(preadv2(a.fd, &to, 1, -1, RWF_NOWAIT) < 0 && errno == EINVAL);
	arena_end(&a);
}

TEST(migration_by_the_thread)
{
	struct arena a = arena_new(4 * MIB, 4 * MIB);
	struct memlane_event ev;
	__u64 handles[64];
	int i;

	expect_eq(alloc_live(&a, MEMLANE_FAST, 1000, 64, handles), 64);
	for (i = 0; i < 64; i++)
		memset(address_of(&a, handles[i]), i, 1000);
	expect_eq(migrate_async(&a, handles, 64, MEMLANE_SLOW), 0);
	ev = event_of(a.fd, MEMLANE_EVENT_DONE);
	expect_eq(ev.token, TOKEN);
	expect_eq(ev.result, 0);
	expect_eq(ev.value, 64);
	expect_eq(ev.failed, 0);
	expect_eq(ev.step.out_moved, 64);
	expect(ev.step.out_moved_bytes >= 64 * 1000);
	expect(ev.step.out_ns > 0);
	for (i = 0; i < 64; i++) {
		expect_eq(query(&a, handles[i]).out_lane, MEMLANE_SLOW);
		expect_eq(address_of(&a, handles[i])[999], i);
	}
	expect_sound(&a);
	arena_end(&a);
}

TEST(stale_handles_are_counted)
{
	struct arena a = arena_new(MIB, MIB);
	struct memlane_event ev;
	__u64 handles[2];

	expect_eq(alloc_live(&a, MEMLANE_FAST, 100, 2, handles), 2);
	expect_eq(free_live(&a, handles, 1), 0);
	expect_eq(migrate_async(&a, handles, 2, MEMLANE_SLOW), 0);
	ev = event_of(a.fd, MEMLANE_EVENT_DONE);
	expect_eq(ev.value, 1);
	expect_eq(ev.failed, 1);
	arena_end(&a);
}

TEST(compaction_by_the_thread)
{
	struct arena a = arena_new(8 * MIB, MIB);
	__u64 handles[2048], odd[1024];
	struct memlane_event ev;
	int i;

	expect_eq(alloc_live(&a, MEMLANE_FAST, 1024, 2048, handles), 2048);
	for (i = 0; i < 2048; i++)
		memset(address_of(&a, handles[i]), i, 1024);
	for (i = 0; i < 1024; i++)
		odd[i] = handles[2 * i + 1];
	expect_eq(free_live(&a, odd, 1024), 0);
	expect_eq(compact_async(&a, 7), 0);
	ev = event_of(a.fd, MEMLANE_EVENT_DONE);
	expect_eq(ev.token, 7);
	expect_eq(ev.result, 0);
	expect(ev.value > 0);
	expect_eq(ev.value, ev.step.out_moved + ev.step.out_remapped);
	expect(ev.step.out_pages_returned > 0);
	expect_eq(ev.step.out_more, 0);
	expect(counts(&a).lane[MEMLANE_FAST].used <= 1024 * 1024 + 256 * 1024);
	expect_sound(&a);
	arena_end(&a);
}

TEST(refusals)
{
	struct arena a = arena_new(MIB, MIB);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 100);
	__s32 result;
	struct memlane_migrate req = {
		.size = sizeof(req), .flags = MEMLANE_ASYNC, .count = 1,
		.handles = (unsigned long)&handle, .results = (unsigned long)&result,
	};

	expect_eq(call(a.fd, MEMLANE_IOCTL_MIGRATE, &req), -EINVAL);
	req.results = 0;
	req.count = 4097;
	expect_eq(call(a.fd, MEMLANE_IOCTL_MIGRATE, &req), -EINVAL);
	req.count = 1;
	req.handles = 16;
	expect_eq(call(a.fd, MEMLANE_IOCTL_MIGRATE, &req), -EFAULT);
	expect_readable(a.fd, 0);
	arena_end(&a);
}

TEST(growth_and_full_lanes)
{
	int fd = device_open(O_RDWR);
	struct memlane_create create = {
		.size = sizeof(create), .fast_size = MIB, .slow_size = MIB,
		.fast_max = 4 * MIB, .slow_max = MIB,
	};
	struct arena a = { .fd = fd };
	struct memlane_event ev;
	__u64 handle;

	expect_eq(call(fd, MEMLANE_IOCTL_CREATE, &create), 0);
	expect_eq(alloc_live(&a, MEMLANE_FAST, 2 * MIB, 1, &handle), 1);
	ev = event_of(fd, MEMLANE_EVENT_GROWTH);
	expect_eq(ev.lane, MEMLANE_FAST);
	expect(ev.value > MIB && ev.value <= 4 * MIB);
	expect_eq(alloc_live(&a, MEMLANE_FAST, 3 * MIB, 1, &handle), -ENOSPC);
	ev = event_of(fd, MEMLANE_EVENT_FULL);
	expect_eq(ev.value, 3 * MIB);
	expect_eq(close(fd), 0);
}

/* Once a lane passes the threshold; and how many objects had to go for it. */
TEST(pressure_and_dropped_objects)
{
	struct memlane_maintain req = { .size = sizeof(req) };
	struct arena a = arena_new(MIB, 4 * MIB);
	struct memlane_event ev;
	__u64 handles[30], left;
	int i, slow = 0;

	option_set(&a, MEMLANE_OPT_SLOW_USAGE_THRESHOLD, 500);
	for (i = 0; i < 30; i++)
		expect_eq(alloc_live(&a, MEMLANE_SLOW, 100 * 1024, 1, &handles[i]), 1);
	ev = event_of(a.fd, MEMLANE_EVENT_PRESSURE);
	expect_eq(ev.lane, MEMLANE_SLOW);
	expect(ev.value > 2 * MIB && ev.value <= 4 * MIB);
	/* Told once. */
	expect_readable(a.fd, 0);
	option_set(&a, MEMLANE_OPT_PURGEABLE, 1 << 16);
	expect_eq(call(a.fd, MEMLANE_IOCTL_MAINTAIN, &req), 0);
	/* Some may have gone to the FastLane first, and under pressure there. */
	for (left = counts(&a).purged; left; left -= ev.value) {
		ev = event_of(a.fd, MEMLANE_EVENT_PURGED);
		expect(ev.value > 0 && ev.value <= left);
		slow += ev.lane == MEMLANE_SLOW;
	}
	expect_eq(slow, 1);
	expect(counts(&a).lane[MEMLANE_SLOW].used <= 2 * MIB);
	expect_sound(&a);
	arena_end(&a);
}

TEST(the_oldest_are_dropped)
{
	struct arena a = arena_new(MIB, MIB);
	struct memlane_event ev;
	unsigned int i, n;
	__u64 handle;

	for (i = 0; i < 80; i++)
		expect_eq(alloc_live(&a, MEMLANE_FAST, 2 * MIB, 1, &handle), -ENOSPC);
	ev = next_event(a.fd);
	expect_eq(ev.lost, 80 - 64);
	expect_eq(fcntl(a.fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	for (n = 1; read(a.fd, &ev, sizeof(ev)) == sizeof(ev); n++)
		expect_eq(ev.lost, 0);
	expect_eq(n, 64);
	arena_end(&a);
}

/* Whatever else happens, each call that was accepted is told of. */
TEST(ends_of_calls_are_kept)
{
	struct arena a = arena_new(MIB, MIB);
	struct memlane_event ev;
	unsigned int i;
	__u64 handle;

	for (i = 0; i < 64; i++)
		expect_eq(compact_async(&a, i), 0);
	expect_eq(compact_async(&a, i), -EAGAIN);
	/* Before they end, and after. */
	for (i = 0; i < 800; i++) {
		expect_eq(alloc_live(&a, MEMLANE_FAST, 2 * MIB, 1, &handle), -ENOSPC);
		if (i % 80 == 0)
			usleep(50000);
	}
	for (i = 0; i < 64; i++) {
		ev = event_of(a.fd, MEMLANE_EVENT_DONE);
		expect_eq(ev.token, i);
	}
	expect_eq(compact_async(&a, TOKEN), 0);
	expect_eq(event_of(a.fd, MEMLANE_EVENT_DONE).token, TOKEN);
	arena_end(&a);
}

/* A record that could not be handed out is there for the next who asks. */
TEST(a_bad_address_loses_nothing)
{
	struct arena a = arena_new(MIB, MIB);
	char *nowhere = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct memlane_event ev;
	__u64 handle;
	int i;

	expect(nowhere != MAP_FAILED);
	for (i = 0; i < 80; i++)
		expect_eq(alloc_live(&a, MEMLANE_FAST, (2 + i) * MIB, 1, &handle), -ENOSPC);
	for (i = 0; i < 3; i++)
		expect(read(a.fd, nowhere, sizeof(ev)) < 0 && errno == EFAULT);
	ev = next_event(a.fd);
	expect_eq(ev.lost, 80 - 64);
	expect_eq(ev.value, (2 + 80 - 64) * MIB);
	expect_eq(next_event(a.fd).lost, 0);
	expect_eq(munmap(nowhere, PAGE), 0);
	arena_end(&a);
}

TEST(epoll)
{
	struct arena a = arena_new(MIB, MIB);
	struct epoll_event want = { .events = EPOLLIN }, got;
	int ep = epoll_create1(0);

	expect(ep >= 0);
	expect_eq(epoll_ctl(ep, EPOLL_CTL_ADD, a.fd, &want), 0);
	expect_eq(epoll_wait(ep, &got, 1, 0), 0);
	expect_eq(compact_async(&a, 1), 0);
	expect_eq(epoll_wait(ep, &got, 1, WAIT_MS), 1);
	expect_eq(got.events, EPOLLIN);
	expect_eq(close(ep), 0);
	arena_end(&a);
}

/* Readiness and the record itself, each asked for before there is one. */
TEST(io_uring)
{
	struct arena a = arena_new(MIB, MIB);
	struct memlane_event ev = { };
	const struct io_uring_sqe poll_in = {
		.opcode = IORING_OP_POLL_ADD, .fd = a.fd, .poll_events = POLLIN,
	};
	const struct io_uring_sqe read_one = {
		.opcode = IORING_OP_READ, .fd = a.fd, .addr = (unsigned long)&ev, .len = sizeof(ev),
	};
	struct ring r;

	ring_open(&r);
	ring_submit(&r, &poll_in);
	expect(!ring_ready(&r));
	expect_eq(compact_async(&a, 1), 0);
	expect_eq(ring_wait(&r), POLLIN);
	expect_eq(event_of(a.fd, MEMLANE_EVENT_DONE).token, 1);
	expect_readable(a.fd, 0);

	ring_submit(&r, &read_one);
	expect(!ring_ready(&r));
	expect_eq(compact_async(&a, TOKEN), 0);
	expect_eq(ring_wait(&r), sizeof(ev));
	expect_eq(ev.token, TOKEN);
	expect_eq(close(r.fd), 0);
	arena_end(&a);
}

/* The file is released while jobs wait: they are dropped, and nothing is left. */
TEST(release_with_jobs)
{
	struct arena a = arena_new(16 * MIB, MIB);
	static __u64 handles[4096];
	int i;

	expect_eq(alloc_live(&a, MEMLANE_FAST, 2048, 4096, handles), 4096);
	for (i = 0; i < 64 && !migrate_async(&a, handles, 4096, i % 2); i++)
		;
	expect(i > 0);
	arena_end(&a);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
