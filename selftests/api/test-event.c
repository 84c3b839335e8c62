// SPDX-License-Identifier: MIT
/* test-event.c - what the arena tells of, and calls whose end is an event */
#include <poll.h>
#include <sys/epoll.h>

#include "api.h"
#include "../ring.h"

#define NR	500
#define TOKEN	0x1234567890abcdefULL
#define WAIT_MS 60000

static int ready(struct memlane *m, int wait)
{
	struct pollfd p = { .fd = memlane_event_fd(m), .events = POLLIN };
	int n;

	expect(p.fd >= 0);
	n = poll(&p, 1, wait);
	if (n)
		expect_eq(p.revents, POLLIN);
	return n;
}

static struct memlane_event next_event(struct memlane *m)
{
	struct memlane_event ev;
	int n;

	/* Somebody may wake us before a record is there. */
	while (!(n = memlane_read_events(m, &ev, 1)))
		expect_eq(ready(m, WAIT_MS), 1);
	expect_eq(n, 1);
	expect_eq(ev.size, sizeof(ev));
	return ev;
}

/* What comes before it, of other types, is passed over. */
static struct memlane_event event_of(struct memlane *m, unsigned int type)
{
	struct memlane_event ev;

	do {
		ev = next_event(m);
	} while (ev.type != type);
	return ev;
}

static void expect_none(struct memlane *m)
{
	struct memlane_event ev;

	expect_eq(memlane_read_events(m, &ev, 1), 0);
	expect_eq(ready(m, 0), 0);
}

static void make_objects(struct memlane *m, memlane_handle *h)
{
	int i;

	for (i = 0; i < NR; i++) {
		h[i] = must_alloc_in(m, 1000, MEMLANE_IN_FAST);
		fill(m, h[i], i);
	}
}

TEST(a_quiet_arena_tells_nothing)
{
	struct memlane *m = open_quiet();

	expect(memlane_capabilities(m) & MEMLANE_CAP_EVENTS);
	errno = 99;
	expect_none(m);
	expect_eq(errno, 99);
	memlane_close(m);
}

TEST(a_queued_migration_says_when_it_is_done)
{
	struct memlane *m = open_quiet();
	memlane_handle h[NR];
	struct memlane_event ev;
	int i;

	make_objects(m, h);
	expect_eq(memlane_queue_migrate(m, MEMLANE_SLOW, h, NR, TOKEN), 0);
	ev = event_of(m, MEMLANE_EVENT_DONE);
	expect_eq(ev.token, TOKEN);
	expect_eq(ev.result, 0);
	expect_eq(ev.value, NR);
	expect_eq(ev.failed, 0);
	expect_eq(ev.lost, 0);
	for (i = 0; i < NR; i++) {
		expect_eq(memlane_lane(m, h[i]), MEMLANE_SLOW);
		verify(m, h[i], i);
	}
	expect_none(m);
	memlane_close(m);
}

TEST(what_does_not_arrive_is_counted)
{
	struct memlane *m = open_quiet();
	memlane_handle h[NR];
	struct memlane_event ev;

	make_objects(m, h);
	expect_eq(memlane_free(m, h[7]), 0);
	expect(memlane_pin(m, h[8]));
	expect_eq(memlane_queue_migrate(m, MEMLANE_SLOW, h, NR, 1), 0);
	ev = event_of(m, MEMLANE_EVENT_DONE);
	expect_eq(ev.value, NR - 2);
	expect_eq(ev.failed, 2);
	expect_eq(ev.step.out_moved, NR - 2);
	expect_eq(ev.step.out_pinned, 1);
	memlane_close(m);
}

TEST(a_queued_compaction_says_when_it_is_done)
{
	struct memlane *m = open_quiet();
	memlane_handle h[NR];
	struct memlane_event ev;
	int i;

	make_objects(m, h);
	for (i = 0; i < NR; i++)
		if (i % 8)
			expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	expect_eq(memlane_queue_compact(m, 1, 0, TOKEN), 0);
	ev = event_of(m, MEMLANE_EVENT_DONE);
	expect_eq(ev.token, TOKEN);
	expect_eq(ev.result, 0);
	expect(ev.value > 0);
	for (i = 0; i < NR; i += 8)
		verify(m, h[i], i);
	memlane_close(m);
}

/* The call returns at once; the move waits for the section. */
TEST(queueing_is_for_sections_too)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h[NR];
	struct memlane_event ev;

	c.section_grace = 10;
	m = open_with(&c);
	make_objects(m, h);
	expect_eq(memlane_enter(m), 0);
	expect_eq(memlane_queue_migrate(m, MEMLANE_SLOW, h, NR, 1), 0);
	usleep(1000);
	expect_none(m);
	expect_eq(memlane_exit(m), 0);
	ev = event_of(m, MEMLANE_EVENT_DONE);
	expect_eq(ev.value, NR);
	memlane_close(m);
}

TEST(what_cannot_be_queued_is_refused)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 100);

	expect_eq(memlane_queue_migrate(m, MEMLANE_LANES, &h, 1, 0), -EINVAL);
	expect_eq(memlane_queue_migrate(m, -1, &h, 1, 0), -EINVAL);
	expect_eq(memlane_queue_migrate(m, MEMLANE_SLOW, &h, 0, 0), -EINVAL);
	expect_eq(memlane_queue_migrate(m, MEMLANE_SLOW, &h, 4097, 0), -EINVAL);
	expect_none(m);
	/* The engine is asked when its turn comes. */
	expect_eq(memlane_queue_compact(m, 1 << 5, 0, 0), 0);
	expect_eq(event_of(m, MEMLANE_EVENT_DONE).result, -EINVAL);
	memlane_close(m);
}

/* Which of them has begun is not known: one may be, beside the 64 that wait. */
TEST(the_queue_is_bounded_and_in_order)
{
	struct memlane_config c = quiet();
	memlane_handle h[NR];
	struct memlane_event ev;
	struct memlane *m;
	uint64_t queued, i;
	int err = 0;

	c.section_grace = 10;
	m = open_with(&c);
	make_objects(m, h);
	expect_eq(memlane_enter(m), 0);
	for (queued = 0; queued < 1000; queued++) {
		err = memlane_queue_migrate(m, MEMLANE_SLOW, h, 1, queued);
		if (err)
			break;
	}
	expect_eq(err, -EAGAIN);
	expect_eq(queued, 64);
	expect_eq(memlane_exit(m), 0);
	for (i = 0; i < queued; i++) {
		ev = next_event(m);
		expect_eq(ev.token, i);
		expect_eq(ev.lost, 0);
	}
	expect_eq(memlane_queue_migrate(m, MEMLANE_FAST, h, 1, i), 0);
	expect_eq(next_event(m).token, i);
	expect_none(m);
	memlane_close(m);
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

TEST(growth_and_a_full_lane_are_told)
{
	struct memlane_config c = quiet();
	struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_SLOW, .flags = MEMLANE_NO_SPILL };
	struct memlane_event ev;
	struct memlane *m;
	memlane_handle h;

	c.fast_lane_size = c.slow_lane_size = MIB;
	c.slow_lane_max = 8 * MIB;
	m = open_with(&c);
	expect_eq(memlane_alloc_with(m, 2 * MIB, &opts, &h), 0);
	ev = event_of(m, MEMLANE_EVENT_GROWTH);
	expect_eq(ev.lane, MEMLANE_SLOW);
	expect(ev.value >= 2 * MIB && ev.value <= 8 * MIB);
	expect_eq(memlane_alloc_with(m, 9 * MIB, &opts, &h), -ENOSPC);
	ev = event_of(m, MEMLANE_EVENT_FULL);
	expect_eq(ev.lane, MEMLANE_SLOW);
	expect_eq(ev.value, 9 * MIB);
	memlane_close(m);
}

TEST(pressure_and_dropped_objects_are_told)
{
	struct memlane_alloc_opts opts = {
		.lane = MEMLANE_IN_SLOW, .flags = MEMLANE_NO_SPILL, .group = 3,
	};
	struct memlane_config c = quiet();
	struct memlane_event ev;
	struct memlane *m;
	memlane_handle h;
	int i;

	c.fast_lane_size = c.slow_lane_size = 4 * MIB;
	c.fast_lane_max = c.slow_lane_max = 4 * MIB;
	c.slow_lane_usage_threshold = 0.5;
	m = open_with(&c);
	expect_eq(memlane_set_purgeable(m, 3, true), 0);
	for (i = 0; i < 40; i++)
		if (memlane_alloc_with(m, 90 * KIB, &opts, &h))
			break;
	expect(i > 30);
	ev = event_of(m, MEMLANE_EVENT_PRESSURE);
	expect_eq(ev.lane, MEMLANE_SLOW);
	expect(ev.value >= 2 * MIB && ev.value <= 4 * MIB);
	expect_eq(memlane_maintain(m, NULL), 0);
	opts.group = 0;
	expect_eq(memlane_alloc_with(m, 3 * MIB, &opts, &h), 0);
	ev = event_of(m, MEMLANE_EVENT_PURGED);
	expect(ev.value > 0 && ev.value <= (unsigned int)i);
	memlane_close(m);
}

TEST(the_oldest_are_dropped_and_counted)
{
	struct memlane_config c = quiet();
	struct memlane_event ev[100];
	struct memlane *m;
	memlane_handle h;
	int i;

	c.fast_lane_size = c.slow_lane_size = MIB;
	c.fast_lane_max = c.slow_lane_max = MIB;
	m = open_with(&c);
	for (i = 0; i < 80; i++)
		expect_eq(memlane_alloc_with(m, (2 + i) * MIB, NULL, &h), -ENOSPC);
	expect_eq(ready(m, 0), 1);
	expect_eq(memlane_read_events(m, ev, 10), 10);
	expect_eq(ev[0].lost, 80 - 64);
	expect_eq(ready(m, 0), 1);
	expect_eq(memlane_read_events(m, ev + 10, 90), 54);
	for (i = 0; i < 64; i++) {
		expect_eq(ev[i].type, MEMLANE_EVENT_FULL);
		expect_eq(ev[i].value, (2 + 80 - 64 + i) * MIB);
		expect_eq(ev[i].lost, i ? 0 : 80 - 64);
	}
	expect_none(m);
	memlane_close(m);
}

/* A program that knows shorter or longer records gets those. */
TEST(records_of_other_versions)
{
	struct {
		struct memlane_event ev;
		uint64_t more;
	} longer[2];
	uint64_t shorter[2][2];
	struct memlane *m = open_quiet();

	expect_eq(memlane_queue_compact(m, 0, 0, 5), 0);
	expect_eq(memlane_queue_compact(m, 0, 0, 6), 0);
	expect_eq(memlane_queue_compact(m, 0, 0, 7), 0);
	memset(longer, 0xff, sizeof(longer));
	while (!memlane_read_events_sized(m, &longer[0].ev, 1, sizeof(longer[0])))
		expect_eq(ready(m, WAIT_MS), 1);
	expect_eq(longer[0].ev.token, 5);
	expect_eq(longer[0].ev.size, sizeof(longer[0].ev));
	expect_eq(longer[0].more, 0);
	while (!memlane_read_events_sized(m, (struct memlane_event *)shorter, 1, 16))
		expect_eq(ready(m, WAIT_MS), 1);
	while (!memlane_read_events_sized(m, (struct memlane_event *)shorter[1], 1, 16))
		expect_eq(ready(m, WAIT_MS), 1);
	expect_eq((uint32_t)shorter[0][0], 16);
	expect_eq(shorter[0][0] >> 32, MEMLANE_EVENT_DONE);
	expect_eq((uint32_t)shorter[1][0], 16);
	expect_none(m);
	memlane_close(m);
}

TEST(epoll_and_io_uring)
{
	struct memlane *m = open_quiet();
	struct epoll_event want = { .events = EPOLLIN }, got;
	struct io_uring_sqe sqe = { .opcode = IORING_OP_POLL_ADD, .poll_events = POLLIN };
	int fd = memlane_event_fd(m), ep = epoll_create1(EPOLL_CLOEXEC);
	struct ring r;

	expect_eq(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &want), 0);
	expect_eq(epoll_wait(ep, &got, 1, 0), 0);
	expect_eq(memlane_queue_compact(m, 0, 0, 1), 0);
	expect_eq(epoll_wait(ep, &got, 1, WAIT_MS), 1);
	expect_eq(next_event(m).token, 1);
	expect_eq(epoll_wait(ep, &got, 1, 0), 0);
	ring_open(&r);
	sqe.fd = fd;
	ring_submit(&r, &sqe);
	expect(!ring_ready(&r));
	expect_eq(memlane_queue_compact(m, 0, 0, 2), 0);
	expect_eq(ring_wait(&r), POLLIN);
	expect_eq(next_event(m).token, 2);
	memlane_close(m);
}

/* Many who read, each record once. */
#define READERS 4
#define JOBS	400

static struct memlane *shared;
static uint64_t seen[JOBS];
static uint64_t sum;

static void *read_some(void *unused)
{
	struct memlane_event ev[3];
	int i, n;

	while (__atomic_load_n(&sum, __ATOMIC_SEQ_CST) < JOBS) {
		n = memlane_read_events(shared, ev, 3);
		expect(n >= 0);
		for (i = 0; i < n; i++) {
			expect_eq(ev[i].type, MEMLANE_EVENT_DONE);
			__atomic_add_fetch(&seen[ev[i].token], 1, __ATOMIC_SEQ_CST);
			__atomic_add_fetch(&sum, 1, __ATOMIC_SEQ_CST);
		}
		if (!n)
			usleep(100);
	}
	return unused;
}

TEST(each_record_is_read_once)
{
	pthread_t t[READERS];
	uint64_t i;
	int err;

	shared = open_quiet();
	for (i = 0; i < READERS; i++)
		start(&t[i], read_some, NULL);
	for (i = 0; i < JOBS; i++) {
		/* No more under way than the ring keeps. */
		while (i - __atomic_load_n(&sum, __ATOMIC_SEQ_CST) > 32)
			usleep(100);
		while ((err = memlane_queue_compact(shared, 0, 0, i)) == -EAGAIN)
			usleep(100);
		expect_eq(err, 0);
	}
	for (i = 0; i < READERS; i++)
		finish(t[i]);
	for (i = 0; i < JOBS; i++)
		expect_eq(seen[i], 1);
	memlane_close(shared);
}

/* What has not begun is dropped, and nobody waits for it. */
TEST(close_with_jobs_waiting)
{
	struct memlane_config c = quiet();
	memlane_handle h[NR];
	struct memlane *m;
	int i;

	m = open_with(&c);
	make_objects(m, h);
	for (i = 0; i < 64 && !memlane_queue_migrate(m, i % 2, h, NR, i); i++)
		;
	expect(i > 0);
	memlane_close(m);
}

TEST(a_child_has_no_events)
{
	struct memlane *m = open_quiet();
	struct memlane_event ev;
	int status;

	expect(memlane_event_fd(m) >= 0);
	if (!fork()) {
		expect_eq(memlane_event_fd(m), -EOWNERDEAD);
		expect_eq(memlane_read_events(m, &ev, 1), -EOWNERDEAD);
		expect_eq(memlane_queue_compact(m, 0, 0, 1), -EOWNERDEAD);
		memlane_close(m);
		_exit(0);
	}
	expect(wait(&status) > 0);
	expect_eq(status, 0);
	expect_eq(memlane_queue_compact(m, 0, 0, 1), 0);
	expect_eq(next_event(m).token, 1);
	memlane_close(m);
}

/* It is not the program's to close. That makes no signal of an event. */
TEST(an_event_descriptor_that_was_closed_is_made_again)
{
	struct memlane_config c = quiet();
	struct memlane_event ev;
	struct memlane *m;
	memlane_handle h;
	int fd;

	c.slow_lane_size = MIB;
	m = open_with(&c);
	if (memlane_backend(m) != MEMLANE_BACKEND_LOCAL)
		skip("there it is the arena's own file");
	fd = memlane_event_fd(m);
	expect(fd >= 0);
	expect_eq(close(fd), 0);
	expect_eq(memlane_alloc_with(m, 2 * MIB, NULL, &h), 0);
	fd = memlane_event_fd(m);
	expect(is_readable(fd));
	ev = event_of(m, MEMLANE_EVENT_GROWTH);
	expect_eq(ev.lane, MEMLANE_SLOW);
	expect(!is_readable(fd));
	memlane_close(m);
}
