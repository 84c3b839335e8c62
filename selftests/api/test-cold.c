// SPDX-License-Identifier: MIT
/*
 * test-cold.c - what was put away, and what comes back
 *
 * The local backend puts nothing away: there the same calls are made, and change nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#include "api.h"

enum { PAGE = 4096, BLOB = 64 * 1024, NR = 40, ROUNDS = 300 };

static unsigned long long seed;

static bool puts_away(struct memlane *m)
{
	return memlane_capabilities(m) & MEMLANE_CAP_COLD;
}

/* Of what backend there is. */
static uint64_t if_cold(struct memlane *m, uint64_t pages)
{
	return puts_away(m) ? pages : 0;
}

/* Becomes much smaller, and is not all one word. */
static void write_text(struct memlane *m, memlane_handle h, unsigned int id)
{
	uint64_t i, size = memlane_size(m, h);
	char *p;

	expect_eq(memlane_enter(m), 0);
	p = memlane_get(m, h);
	expect(p != NULL);
	for (i = 0; i + 32 <= size; i += 32)
		snprintf(p + i, 32, "object %08x line %08lx .", id, (unsigned long)i);
	expect_eq(memlane_exit(m), 0);
}

static void expect_text(struct memlane *m, memlane_handle h, unsigned int id)
{
	uint64_t i, size = memlane_size(m, h);
	const char *p;
	char line[32];

	expect_eq(memlane_enter(m), 0);
	p = memlane_get(m, h);
	expect(p != NULL);
	for (i = 0; i + 32 <= size; i += 32) {
		snprintf(line, 32, "object %08x line %08lx .", id, (unsigned long)i);
		if (memcmp(p + i, line, strlen(line) + 1))
			fail("object %u, byte %lu: '%.31s', not '%s'", id, (unsigned long)i, p + i, line);
	}
	expect_eq(memlane_exit(m), 0);
}

static struct memlane_residence residence(struct memlane *m, memlane_handle h)
{
	struct memlane_residence r;

	expect_eq(memlane_residence(m, h, &r), 0);
	expect_eq(r.size, sizeof(r));
	expect_eq(r.lost, 0);
	return r;
}

static memlane_handle make_text(struct memlane *m, uint64_t size, unsigned int id)
{
	memlane_handle h = must_alloc_in(m, size, MEMLANE_IN_SLOW);

	write_text(m, h, id);
	return h;
}

static struct memlane_event next_event(struct memlane *m)
{
	struct pollfd p = { .fd = memlane_event_fd(m), .events = POLLIN };
	struct memlane_event ev;

	/* Somebody may wake us before a record is there. */
	while (!memlane_read_events(m, &ev, 1))
		expect_eq(poll(&p, 1, 60000), 1);
	return ev;
}

/* ------------------------------------------------------------- tests ---- */

static uint64_t faults_that_met(struct memlane *m, enum memlane_fault_met met)
{
	struct memlane_fault_times t;
	uint64_t sum = 0;
	unsigned int i;

	expect_eq(memlane_stat_faults(m, met, &t), 0);
	for (i = 0; i < MEMLANE_FAULT_BUCKETS; i++)
		sum += t.bucket[i];
	return sum;
}

TEST(a_touch_brings_it_back)
{
	struct memlane *m = open_quiet();
	memlane_handle h = make_text(m, BLOB, 1);

	expect_eq(residence(m, h).resident, BLOB / PAGE);
	expect_eq(memlane_cool(m, h), 0);
	expect_eq(residence(m, h).compressed, if_cold(m, BLOB / PAGE));
	expect_eq(memlane_state(m, h), puts_away(m) ? MEMLANE_STATE_COMPRESSED : MEMLANE_STATE_LIVE);
	expect_eq(stats(m).counts.away, if_cold(m, BLOB / PAGE));
	expect_text(m, h, 1);
	expect_eq(faults_that_met(m, MEMLANE_FAULT_COMPRESSED) + stats(m).counts.ahead, if_cold(m, BLOB / PAGE));
	expect_eq(memlane_stat_faults(m, MEMLANE_FAULTS, NULL), -EINVAL);
	expect_eq(residence(m, h).resident, BLOB / PAGE);
	expect_eq(memlane_state(m, h), MEMLANE_STATE_LIVE);
	expect_eq(memlane_cool(m, h), 0);
	expect_eq(memlane_warm(m, h), 0);
	expect_eq(residence(m, h).resident, BLOB / PAGE);
	expect_text(m, h, 1);
	memlane_close(m);
}

TEST(many_in_one_call)
{
	struct memlane *m = open_quiet();
	struct memlane_step step = { .max_ns = 0 };
	memlane_handle h[NR];
	int i;

	for (i = 0; i < NR; i++)
		h[i] = make_text(m, BLOB, i);
	expect_eq(memlane_cool_batch(m, h, NR, &step), 0);
	expect_eq(step.out_pages_returned, if_cold(m, NR * BLOB / PAGE));
	expect(!step.out_more && step.out_ns);
	expect_eq(memlane_warm_batch(m, h, NR, &step), 0);
	expect_eq(step.out_remapped_pages, if_cold(m, NR * BLOB / PAGE));
	for (i = 0; i < NR; i++)
		expect_text(m, h[i], i);
	expect_eq(memlane_free(m, h[3]), 0);
	expect_eq(memlane_cool_batch(m, h, NR, NULL), 1);
	expect_eq(memlane_warm_batch(m, h, NR, NULL), 1);
	expect_eq(memlane_cool_batch(m, h, 0, NULL), 0);
	memlane_close(m);
}

TEST(a_group_and_a_lane)
{
	struct memlane *m = open_quiet();
	struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_SLOW, .group = 7 };
	struct memlane_step step = { .max_ns = 0 };
	memlane_handle of_it, other = make_text(m, BLOB, 2);

	expect_eq(memlane_alloc_with(m, BLOB, &opts, &of_it), 0);
	write_text(m, of_it, 1);
	expect_eq(memlane_group_cool(m, 7, &step), 0);
	expect_eq(step.out_pages_returned, if_cold(m, BLOB / PAGE));
	expect_eq(residence(m, other).resident, BLOB / PAGE);
	expect_eq(memlane_group_warm(m, 7, &step), 0);
	expect_eq(step.out_remapped_pages, if_cold(m, BLOB / PAGE));
	expect_eq(memlane_cool_lane(m, MEMLANE_SLOW, &step), 0);
	expect_eq(step.out_pages_returned, if_cold(m, 2 * BLOB / PAGE));
	expect_eq(memlane_warm_lane(m, MEMLANE_SLOW, &step), 0);
	expect_eq(step.out_remapped_pages, if_cold(m, 2 * BLOB / PAGE));
	expect_text(m, of_it, 1);
	expect_text(m, other, 2);
	memlane_close(m);
}

TEST(what_stays)
{
	struct memlane *m = open_quiet();
	memlane_handle fast = must_alloc_in(m, 100, MEMLANE_IN_FAST), h = make_text(m, BLOB, 1);

	expect_eq(memlane_cool(m, fast), -EBUSY);
	expect_eq(memlane_cool_lane(m, MEMLANE_FAST, NULL), 1);
	expect_eq(memlane_set_priority(m, h, 3), 0);
	expect_eq(memlane_cool(m, h), -EBUSY);
	expect_eq(memlane_set_priority(m, h, 1), 0);
	expect(memlane_pin(m, h) != NULL);
	expect_eq(memlane_cool(m, h), -EBUSY);
	expect_eq(memlane_cool_batch(m, &h, 1, NULL), 1);
	expect_eq(memlane_unpin(m, h), 0);
	expect_eq(memlane_set_hints(m, h, MEMLANE_HINT_FRAME_CRITICAL), 0);
	expect_eq(memlane_cool(m, h), -EBUSY);
	expect_eq(residence(m, h).resident, BLOB / PAGE);
	memlane_close(m);
}

TEST(bad_calls)
{
	struct memlane *m = open_quiet(), *other = open_quiet();
	memlane_handle h = make_text(m, BLOB, 1), gone = must_alloc(m, 10);
	struct memlane_step step = { .max_bytes = 1 };
	struct memlane_residence r;

	expect_eq(memlane_free(m, gone), 0);
	expect_eq(memlane_cool(m, gone), -ESTALE);
	expect_eq(memlane_warm(m, gone), -ESTALE);
	expect_eq(memlane_residence(m, gone, &r), -ESTALE);
	expect_eq(memlane_cool(m, 0), -EBADF);
	expect_eq(memlane_cool(other, h), -EXDEV);
	expect_eq(memlane_residence(other, h, &r), -EXDEV);
	expect_eq(memlane_residence_sized(m, h, &r, 8), -EINVAL);
	expect_eq(memlane_cool_lane(m, MEMLANE_LANES, NULL), -EINVAL);
	expect_eq(memlane_cool_batch(m, &h, (1 << 20) + 1, NULL), -EINVAL);
	expect_eq(memlane_cool_batch(m, &h, 1, &step), -EINVAL);
	expect_eq(memlane_queue_warm(m, &h, 0, 1), -EINVAL);
	expect_eq(memlane_queue_warm(m, &h, 4097, 1), -EINVAL);
	expect_eq(memlane_enter(m), 0);
	expect_eq(memlane_cool(m, h), -EDEADLK);
	expect_eq(memlane_warm(m, h), 0);
	expect_eq(memlane_exit(m), 0);
	memlane_close(other);
	memlane_close(m);
}

TEST(in_the_background)
{
	struct memlane *m = open_quiet();
	struct memlane_event ev;
	memlane_handle h[NR];
	int i;

	for (i = 0; i < NR; i++)
		h[i] = make_text(m, BLOB, i);
	expect_eq(memlane_cool_lane(m, MEMLANE_SLOW, NULL), 0);
	expect_eq(memlane_free(m, h[7]), 0);
	expect_eq(memlane_queue_warm(m, h, NR, 99), 0);
	ev = next_event(m);
	expect_eq(ev.type, MEMLANE_EVENT_DONE);
	expect_eq(ev.token, 99);
	expect_eq(ev.result, 0);
	expect_eq(ev.failed, 1);
	expect_eq(ev.value, if_cold(m, (NR - 1) * BLOB / PAGE));
	for (i = 0; i < NR; i++)
		if (i != 7)
			expect_eq(residence(m, h[i]).resident, BLOB / PAGE);
	memlane_close(m);
}

/* Cycles by hand, and a period is as long as one. */
TEST(maintenance_puts_away_what_nobody_uses)
{
	struct memlane_config c = quiet();
	memlane_handle cold, used;
	struct memlane *m;
	int i;

	c.cold_age = 5;
	expect_eq(memlane_open(&m, &c), -EINVAL);
	c.cold_age = 2;
	c.age_interval = 0;
	m = open_with(&c);
	cold = make_text(m, BLOB, 1);
	used = make_text(m, BLOB, 2);
	for (i = 0; i < 12; i++) {
		expect_text(m, used, 2);
		expect_eq(memlane_maintain(m, NULL), 0);
	}
	expect_eq(residence(m, cold).compressed, if_cold(m, BLOB / PAGE));
	expect_eq(residence(m, used).resident, BLOB / PAGE);
	expect_text(m, cold, 1);
	memlane_close(m);
}

/* ----------------------------------------------------------- to a file ---- */

static int file_new(void)
{
	int fd = memfd_create("backing", MFD_CLOEXEC);

	expect(fd >= 0);
	return fd;
}

TEST(to_a_file_and_back)
{
	struct memlane *m = open_quiet();
	memlane_handle h = make_text(m, BLOB, 1);
	struct memlane_step step = { .max_ns = 0 };
	int fd = file_new();

	expect_eq(memlane_store(m, h), -ENXIO);
	if (!puts_away(m)) {
		expect_eq(memlane_set_backing(m, fd), -EOPNOTSUPP);
		memlane_close(m);
		return;
	}
	expect_eq(memlane_set_backing(m, fd), 0);
	close(fd);
	expect_eq(memlane_store(m, h), 0);
	expect_eq(residence(m, h).stored, BLOB / PAGE);
	expect_eq(memlane_state(m, h), MEMLANE_STATE_STORED);
	expect_text(m, h, 1);
	expect_eq(residence(m, h).resident, BLOB / PAGE);
	expect_eq(memlane_store_batch(m, &h, 1, &step), 0);
	expect_eq(step.out_pages_returned, BLOB / PAGE);
	expect_eq(memlane_set_backing(m, -1), -EBUSY);
	expect_eq(memlane_warm(m, h), 0);
	expect_eq(memlane_group_store(m, 0, NULL), 0);
	expect_eq(memlane_warm_lane(m, MEMLANE_SLOW, NULL), 0);
	expect_eq(memlane_store_lane(m, MEMLANE_SLOW, NULL), 0);
	expect_eq(residence(m, h).stored, BLOB / PAGE);
	expect_eq(memlane_warm_lane(m, MEMLANE_SLOW, NULL), 0);
	expect_eq(memlane_set_backing(m, -1), 0);
	expect_eq(memlane_store(m, h), -ENXIO);
	expect_text(m, h, 1);
	fd = file_new();
	expect_eq(memlane_set_backing_max(m, fd, 1), -EINVAL);
	expect_eq(memlane_set_backing_max(m, fd, MIB), 0);
	close(fd);
	memlane_close(m);
}

TEST(a_file_in_the_configuration)
{
	struct memlane_config c = quiet();
	struct memlane *m = open_quiet();
	bool cold = puts_away(m);
	memlane_handle h;

	memlane_close(m);
	c.backing_fd = -2;
	expect_eq(memlane_open(&m, &c), -EINVAL);
	c.backing_fd = file_new();
	c.backing_max = 1;
	expect_eq(memlane_open(&m, &c), cold ? -EINVAL : -EOPNOTSUPP);
	if (!cold)
		return;
	c.backing_max = MIB;
	expect_eq(memlane_open(&m, &c), 0);
	h = make_text(m, BLOB, 1);
	expect_eq(memlane_store(m, h), 0);
	expect_eq(residence(m, h).stored, BLOB / PAGE);
	expect_text(m, h, 1);
	memlane_close(m);
}

/* ------------------------------------------------------- an idle server ---- */

enum { SMALL = 300, LARGE = 4, SERVED = SMALL + LARGE, IDLE_PERIODS = 60 };

struct server {
	struct memlane *m;
	memlane_handle h[SERVED];
};

static struct server server_new(void)
{
	struct memlane_config c = quiet();
	struct server s;
	unsigned int i;

	c.age_interval = 0;
	c.cold_age = 2;
	s.m = open_with(&c);
	if (puts_away(s.m))
		expect_eq(memlane_set_backing(s.m, file_new()), 0);
	for (i = 0; i < SERVED; i++)
		s.h[i] = make_text(s.m, i < SMALL ? 200 + below(&seed, 1800) : BLOB, i);
	return s;
}

/* An hour without a request: so many periods. Return: pages, all of which are in the file. */
static uint64_t stay_idle(struct server *s)
{
	struct memlane_counts c;
	unsigned int i;

	for (i = 0; i < IDLE_PERIODS; i++)
		expect_eq(memlane_maintain(s->m, NULL), 0);
	c = stats(s->m).counts;
	if (!puts_away(s->m))
		return 0;
	expect_eq(c.lane[MEMLANE_FAST].resident + c.lane[MEMLANE_SLOW].resident, 0);
	expect(c.stored > LARGE * BLOB / PAGE);
	expect_eq(c.away, c.stored);
	return c.stored;
}

/* Requests for everything there is. */
static void serve(struct server *s)
{
	unsigned int i;

	for (i = 0; i < SERVED; i++)
		expect_text(s->m, s->h[i], i);
}

/* Of any kind, and those that waited for bytes. */
static uint64_t all_faults(struct memlane *m)
{
	uint64_t sum = 0;
	int met;

	for (met = 0; met < MEMLANE_FAULTS; met++)
		sum += faults_that_met(m, met);
	return sum;
}

static uint64_t slow_faults(struct memlane *m)
{
	return all_faults(m) - faults_that_met(m, MEMLANE_FAULT_PAGE) - faults_that_met(m, MEMLANE_FAULT_NEW);
}

/* The first touches are the only slow ones, and no page is read twice. */
static void come_back(struct server *s, uint64_t pages)
{
	uint64_t slow = slow_faults(s->m), all, loaded = stats(s->m).counts.loaded;
	unsigned int i;

	serve(s);
	expect_eq(stats(s->m).counts.loaded - loaded, pages);
	slow = slow_faults(s->m) - slow;
	printf("# %llu pages come back by %llu faults that wait\n", (unsigned long long)pages,
	       (unsigned long long)slow);
	expect(slow <= pages && !slow == !pages);
	all = all_faults(s->m);
	serve(s);
	expect_eq(all_faults(s->m), all);
	slow = slow_faults(s->m);
	for (i = 0; i < 10; i++) {
		expect_eq(memlane_maintain(s->m, NULL), 0);
		serve(s);
	}
	expect_eq(slow_faults(s->m), slow);
}

TEST(an_idle_server_comes_back)
{
	struct server s;
	uint64_t pages;
	int i;

	seed = harness_seed();
	s = server_new();
	for (i = 0; i < 2; i++) {
		pages = stay_idle(&s);
		come_back(&s, pages);
	}
	memlane_close(s.m);
}

TEST(what_takes_no_bytes)
{
	struct memlane *m = open_quiet();
	int fd[2], zero = open("/dev/zero", O_RDWR), reads = open("/proc/self/exe", O_RDONLY);

	if (!puts_away(m))
		skip("no file on this backend");
	expect_eq(pipe(fd), 0);
	expect_eq(memlane_set_backing(m, fd[0]), -EINVAL);
	expect_eq(memlane_set_backing(m, zero), -EINVAL);
	expect_eq(memlane_set_backing(m, reads), -EACCES);
	expect_eq(memlane_set_backing(m, 12345), -EBADF);
	expect_eq(memlane_enter(m), 0);
	expect_eq(memlane_set_backing(m, zero), -EDEADLK);
	expect_eq(memlane_exit(m), 0);
	memlane_close(m);
}

/* ------------------------------------------------------------ at random ---- */

struct thing {
	memlane_handle h;
	unsigned int id;
};

static void renew(struct memlane *m, struct thing *t, unsigned int id)
{
	static const uint64_t sizes[] = { 200, 1000, 5000, 20000, 40000, 200000 };

	if (t->h)
		expect_eq(memlane_free(m, t->h), 0);
	t->h = make_text(m, sizes[below(&seed, ARRAY_SIZE(sizes))], id);
	t->id = id;
}

/* Another thread may have it pinned or be at it: what is refused is as good as done. */
static void do_something(struct memlane *m, struct thing *t, unsigned int round)
{
	switch (below(&seed, 8)) {
	case 0:
		renew(m, t, round);
		break;
	case 1:
		memlane_warm(m, t->h);
		break;
	case 2:
		memlane_migrate(m, t->h, below(&seed, 2));
		break;
	case 3:
		expect_eq(memlane_compact(m, MEMLANE_BOTH_LANES, 0, NULL), 0);
		break;
	case 4:
		expect(memlane_cool_lane(m, MEMLANE_SLOW, NULL) >= 0);
		break;
	default:
		memlane_cool(m, t->h);
	}
}

TEST(right_bytes_whatever_is_done)
{
	struct memlane *m = open_quiet();
	static struct thing things[NR];
	struct thing *t;
	unsigned int i;

	seed = harness_seed();
	for (i = 0; i < NR; i++)
		renew(m, &things[i], i);
	for (i = 0; i < ROUNDS; i++) {
		t = &things[below(&seed, NR)];
		do_something(m, t, NR + i);
		t = &things[below(&seed, NR)];
		expect_text(m, t->h, t->id);
	}
	for (i = 0; i < NR; i++)
		expect_text(m, things[i].h, things[i].id);
	memlane_close(m);
}
