// SPDX-License-Identifier: MIT
/* failnth.c - what fails in each call, mapping, fault and end, and what that leaves */
#include <poll.h>

#include "failnth.h"

/* ------------------------------------------------------ before an arena is */

static bool exists(int fd)
{
	struct memlane_info info = { .size = sizeof(info) };

	return !call(fd, MEMLANE_IOCTL_INFO, &info);
}

/* What failed can be repeated, unless only the answer was lost. */
static void expect_repeatable(int fd, int err, int (*run)(int *fd))
{
	bool made = exists(fd);

	expect(!made || err == -EFAULT);
	expect_eq(run(&fd), made ? -EEXIST : 0);
}

static bool attempt_file(int (*run)(int *fd), bool ever, unsigned int nth, int *err)
{
	int fd = run ? device_open(O_RDWR) : -1;
	struct injection in = injection_open("thread-self", ever);
	bool failed;

	arm(&in, nth);
	if (run) {
		*err = run(&fd);
	} else {
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
		*err = fd < 0 ? -errno : 0;
	}
	failed = disarm(&in);
	injection_close(&in);
	if (*err && (!failed || (*err != -ENOMEM && *err != -EFAULT)))
		fail("point %u: %d, with%s a failure", nth, *err, failed ? "" : "out");
	expect_eq(debugfs_number("arenas"), fd >= 0);
	if (run && *err)
		expect_repeatable(fd, *err, run);
	if (fd >= 0)
		close(fd);
	expect_nothing_left();
	return failed;
}

static void sweep_file_once(unsigned int least, int (*run)(int *fd), bool ever)
{
	struct walk w = { .nth = 1, .stride = 1, .wanted = !!run };
	bool failed;
	int err;

	prepare_settings(-1);
	do {
		failed = attempt_file(run, ever, w.nth, &err);
	} while (walk_on(&w, failed, err));
	walk_end(&w, least, ever);
}

static void sweep_file(unsigned int least, int (*run)(int *fd))
{
	sweep_file_once(least, run, false);
	sweep_file_once(least, run, true);
}

TEST(open_file)
{
	sweep_file(5, NULL);
}

static int run_create(int *fd)
{
	return arena_create(*fd, 16 * MIB, 16 * MIB);
}

TEST(create)
{
	sweep_file(30, run_create);
}

/* --------------------------------------------------------------- the calls */

static int register_slot(struct context *c)
{
	struct memlane_register req = { .size = sizeof(req) };
	int err = call(c->a.fd, MEMLANE_IOCTL_REGISTER, &req);

	c->slot = req.slot;
	return err;
}

TEST(register_thread)
{
	sweep((struct scenario) { .least = 5, .run = register_slot });
}

static void registered(struct context *c)
{
	expect_eq(register_slot(c), 0);
}

static int unregister_slot(struct context *c)
{
	struct memlane_register req = { .size = sizeof(req), .slot = c->slot };

	return call(c->a.fd, MEMLANE_IOCTL_UNREGISTER, &req);
}

TEST(unregister_thread)
{
	sweep((struct scenario) { .least = 2, .prepare = registered, .run = unregister_slot, .flags = NO_UNDO });
}

static int alloc_of(struct context *c, __u64 length, __u32 count)
{
	int nr = alloc_live(&c->a, MEMLANE_FAST, length, count, c->handle);

	if (nr < 0)
		return nr;
	expect_eq(nr, count);
	return 0;
}

static int alloc_blocks(struct context *c)
{
	return alloc_of(c, 100, 8);
}

static int alloc_blob(struct context *c)
{
	return alloc_of(c, 200000, 1);
}

TEST(alloc_of_blocks)
{
	sweep((struct scenario) { .least = 16, .run = alloc_blocks });
}

TEST(alloc_of_a_blob)
{
	sweep((struct scenario) { .least = 16, .run = alloc_blob });
}

static int compact_now(struct context *c)
{
	struct memlane_compact req = { .size = sizeof(req) };

	return call(c->a.fd, MEMLANE_IOCTL_COMPACT, &req);
}

static void compact_rest(struct context *c, int err)
{
	expect(err <= 0);
	expect_eq(compact_now(c), 0);
}

/* A FastLane of 64 KiB that may be grown. */
static struct arena small(void)
{
	struct memlane_create req = {
		.size = sizeof(req), .fast_size = 64 << 10, .slow_size = 64 << 10,
		.fast_max = 16 * MIB, .slow_max = 16 * MIB, .handles = 1 << 20, .threads = 64,
	};
	struct arena a = { .fd = device_open(O_RDWR), .info.size = sizeof(a.info) };

	expect_eq(call(a.fd, MEMLANE_IOCTL_CREATE, &req), 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_INFO, &a.info), 0);
	arena_map(&a);
	return a;
}

TEST(alloc_that_makes_the_lane_grow)
{
	sweep((struct scenario) { .least = 16, .arena = small, .run = alloc_blob,
				  .flags = GROWS });
}

/* Every other block is gone: half of the spans can be emptied. */
static void with_holes(struct context *c)
{
	__u64 gone[BLOCKS / 2];
	int i;

	expect_eq(alloc_of(c, 1000, BLOCKS), 0);
	for (i = 0; i < BLOCKS / 2; i++)
		gone[i] = c->handle[2 * i];
	expect_eq(free_live(&c->a, gone, BLOCKS / 2), 0);
}

/* A FastLane that with_holes() fills. */
static struct arena tight(void)
{
	return arena_new(512 << 10, 16 * MIB);
}

static int alloc_by_moving(struct context *c)
{
	struct memlane_alloc req = {
		.size = sizeof(req), .length = 200000, .count = 1,
		.flags = MEMLANE_ALLOC_LIVE | MEMLANE_ALLOC_NO_SPILL | MEMLANE_ALLOC_MAY_MOVE,
		.lane = MEMLANE_FAST, .handles = (unsigned long)c->handle,
	};

	if (c->handle[0])
		free_live(&c->a, c->handle, 1);
	return call(c->a.fd, MEMLANE_IOCTL_ALLOC, &req);
}

/* What is in the lane afterwards is the blob and blocks, moved or not. */
TEST(alloc_in_a_full_lane_that_may_be_compacted)
{
	sweep((struct scenario) { .least = 30, .arena = tight, .prepare = with_holes,
				  .run = alloc_by_moving, .settle = compact_rest,
				  .flags = PARTLY | ROOM });
}

static int refill(struct context *c)
{
	struct memlane_refill req = {
		.size = sizeof(req), .length = 100, .lane = MEMLANE_FAST, .slot = c->slot, .count = 16,
	};

	int err = call(c->a.fd, MEMLANE_IOCTL_REFILL, &req);

	c->cls = req.out_class;
	return err;
}

static int refill_blob(struct context *c)
{
	struct memlane_refill req = {
		.size = sizeof(req), .length = 200000, .lane = MEMLANE_FAST, .slot = c->slot, .count = 1,
	};

	return call(c->a.fd, MEMLANE_IOCTL_REFILL, &req);
}

/* What a magazine got stays there when the answer is lost: it is seen in it. */
TEST(refill_of_blocks)
{
	sweep((struct scenario) { .least = 12, .prepare = registered, .run = refill, .flags = NO_UNDO });
}

TEST(refill_of_a_blob)
{
	sweep((struct scenario) { .least = 12, .prepare = registered, .run = refill_blob });
}

static void stocked(struct context *c)
{
	registered(c);
	expect_eq(refill(c), 0);
}

static int flush(struct context *c)
{
	struct memlane_flush req = {
		.size = sizeof(req), .slot = c->slot, .lane = MEMLANE_FAST, .cls = c->cls,
	};

	return call(c->a.fd, MEMLANE_IOCTL_FLUSH, &req);
}

TEST(flush_of_blocks)
{
	sweep((struct scenario) { .least = 2, .prepare = stocked, .run = flush, .flags = NO_UNDO });
}

static void with_blocks(struct context *c)
{
	expect_eq(alloc_blocks(c), 0);
}

static void with_blob(struct context *c)
{
	expect_eq(alloc_blob(c), 0);
	memset(address_of(&c->a, c->handle[0]), 1, 200000);
}

static int free_blocks(struct context *c)
{
	return free_live(&c->a, c->handle, 8);
}

static int free_blob(struct context *c)
{
	return free_live(&c->a, c->handle, 1);
}

TEST(free_of_blocks)
{
	sweep((struct scenario) { .least = 3, .prepare = with_blocks, .run = free_blocks, .flags = NO_UNDO });
}

TEST(free_of_a_blob)
{
	sweep((struct scenario) { .least = 5, .prepare = with_blob, .run = free_blob, .flags = NO_UNDO });
}

/* ---------------------------------------------------------------- movement */

static int compact_later(struct context *c)
{
	struct memlane_compact req = { .size = sizeof(req), .flags = MEMLANE_ASYNC };

	return call(c->a.fd, MEMLANE_IOCTL_COMPACT, &req);
}

#define LAST	~0ULL	/* token of a call that comes after those in question */

/* Blocks until the end of the queued call with this token is told. */
static struct memlane_event end_of(struct context *c, __u64 token)
{
	struct memlane_event ev;

	do {
		expect_eq(read(c->a.fd, &ev, sizeof(ev)), sizeof(ev));
	} while (ev.type != MEMLANE_EVENT_DONE || ev.token != token);
	return ev;
}

static void queue_nothing(struct context *c)
{
	__u64 nothing = 0;
	struct memlane_migrate req = {
		.size = sizeof(req), .flags = MEMLANE_ASYNC, .lane = MEMLANE_SLOW, .count = 1,
		.handles = (unsigned long)&nothing, .token = LAST,
	};

	expect_eq(call(c->a.fd, MEMLANE_IOCTL_MIGRATE, &req), 0);
}

/* One whose answer was lost may have been queued: calls end in their order. */
static void wait_for_end(struct context *c, int err)
{
	if (err == -EFAULT)
		queue_nothing(c);
	if (!err || err == -EFAULT)
		end_of(c, err ? LAST : 0);
}

TEST(compaction)
{
	sweep((struct scenario) { .least = 45, .prepare = with_holes, .run = compact_now, .flags = PARTLY });
}

TEST(queued_compaction)
{
	sweep((struct scenario) { .least = 3, .prepare = with_holes, .run = compact_later,
				  .settle = wait_for_end, .flags = PARTLY });
}

/* Every other one is gone: the others slide down. */
static void with_blob_holes(struct context *c)
{
	int i;

	for (i = 0; i < 16; i++) {
		c->handle[i] = alloc_one(&c->a, MEMLANE_FAST, 40000);
		memset(address_of(&c->a, c->handle[i]), i, 40000);
	}
	for (i = 0; i < 16; i += 2)
		expect_eq(free_live(&c->a, &c->handle[i], 1), 0);
}

static void expect_blobs(struct context *c, int err)
{
	int i;

	expect(err <= 0);
	for (i = 1; i < 16; i += 2)
		expect_eq(address_of(&c->a, c->handle[i])[39999], i);
}

TEST(compaction_of_blobs)
{
	sweep((struct scenario) { .least = 6, .prepare = with_blob_holes, .run = compact_now,
				  .settle = expect_blobs, .flags = PARTLY });
}

static int maintain(struct context *c)
{
	struct memlane_maintain req = { .size = sizeof(req) };

	return call(c->a.fd, MEMLANE_IOCTL_MAINTAIN, &req);
}

/* What a cycle that was cut short has left may be too little for the next to want. */
static void finish_compaction(struct context *c, int err)
{
	expect(err <= 0);
	expect_eq(compact_now(c), 0);
}

TEST(maintenance)
{
	sweep((struct scenario) { .least = 45, .prepare = with_holes, .run = maintain,
				  .settle = finish_compaction, .flags = PARTLY });
}

static int set_option(const struct context *c, __u32 option, __u64 value)
{
	struct memlane_set req = { .size = sizeof(req), .option = option, .value = value };

	return call(c->a.fd, MEMLANE_IOCTL_SET, &req);
}

/* A group in the SlowLane that may be dropped, cold objects in the FastLane. */
static void with_all_to_do(struct context *c)
{
	__u64 dropped[8];
	int i;

	expect_eq(alloc_of(c, 1000, 64), 0);
	for (i = 0; i < 64; i++)
		*pin_of(&c->a, c->handle[i]) = MEMLANE_HINT_COLD;
	for (i = 0; i < 8; i++) {
		dropped[i] = alloc_one(&c->a, MEMLANE_SLOW, 40000);
		join_group(&c->a, dropped[i], 7);
	}
	expect_eq(set_option(c, MEMLANE_OPT_AGE_INTERVAL, 0), 0);
	expect_eq(set_option(c, MEMLANE_OPT_PURGEABLE, 7 | 1 << 16), 0);
}

/* Nothing is moved into a SlowLane under pressure, and no pressure drops nothing. */
static int cycle_under(struct context *c, __u64 permille)
{
	int err = set_option(c, MEMLANE_OPT_SLOW_USAGE_THRESHOLD, permille);

	return err ? err : maintain(c);
}

static int age_and_drop(struct context *c)
{
	int err = cycle_under(c, 850);

	return err ? err : cycle_under(c, 1);
}

/* A cycle goes on where the one before was cut short: the next looks at all. */
static void finish_cycle(struct context *c, int err)
{
	struct memlane_counts n;

	expect(err <= 0);
	expect_eq(cycle_under(c, 850), 0);
	expect_eq(age_and_drop(c), 0);
	finish_compaction(c, 0);
	n = counts(&c->a);
	expect_eq(n.purged, 8);
	expect_eq(n.lane[MEMLANE_FAST].objects, 0);
}

TEST(maintenance_that_ages_migrates_and_drops)
{
	sweep((struct scenario) { .least = 30, .prepare = with_all_to_do, .run = age_and_drop,
				  .settle = finish_cycle, .flags = PARTLY });
}

static int migrate_now(struct context *c)
{
	return migrate_one(&c->a, c->handle[0], MEMLANE_SLOW);
}

static int migrate_later(struct context *c)
{
	struct memlane_migrate req = {
		.size = sizeof(req), .flags = MEMLANE_ASYNC, .lane = MEMLANE_SLOW,
		.count = 1, .handles = (unsigned long)c->handle,
	};

	return call(c->a.fd, MEMLANE_IOCTL_MIGRATE, &req);
}

TEST(migration_of_a_block)
{
	sweep((struct scenario) { .least = 12, .prepare = with_blocks, .run = migrate_now, .flags = NO_UNDO });
}

TEST(migration_of_a_blob)
{
	sweep((struct scenario) { .least = 12, .prepare = with_blob, .run = migrate_now, .flags = NO_UNDO });
}

TEST(queued_migration)
{
	sweep((struct scenario) { .least = 4, .prepare = with_blob, .run = migrate_later,
				  .settle = wait_for_end, .flags = NO_UNDO });
}

TEST(migration_that_makes_the_lane_grow)
{
	sweep((struct scenario) { .least = 12, .arena = small, .prepare = with_blob,
				  .run = migrate_now, .flags = NO_UNDO });
}

/* A span with one object, which goes to one that lacks one. */
static void with_a_loner(struct context *c)
{
	expect_eq(alloc_of(c, 8192, 16), 0);
	expect_eq(free_live(&c->a, &c->handle[9], 7), 0);
	expect_eq(free_live(&c->a, &c->handle[1], 1), 0);
}

static int settle_one(struct context *c)
{
	__s32 result = 1;
	struct memlane_migrate req = {
		.size = sizeof(req), .flags = MEMLANE_MIGRATE_SETTLE, .count = 1,
		.handles = (unsigned long)&c->handle[8], .results = (unsigned long)&result,
	};
	int err = call(c->a.fd, MEMLANE_IOCTL_MIGRATE, &req);

	return err ? err : result;
}

/* The table stays where it is, and the first block was given first. */
static void expect_settled(struct context *c, int err)
{
	if (!err)
		expect_eq(address_of(&c->a, c->handle[8]) - address_of(&c->a, c->handle[0]), 8192);
}

TEST(migration_before_a_long_pin)
{
	sweep((struct scenario) { .least = 5, .prepare = with_a_loner, .run = settle_one,
				  .settle = expect_settled, .flags = NO_UNDO });
}

/* ------------------------------------------------------------- small calls */

static int run_info(struct context *c)
{
	struct memlane_info req = { .size = sizeof(req) };
	int err = call(c->a.fd, MEMLANE_IOCTL_INFO, &req);

	if (!err)
		expect_eq(req.out_cookie, c->a.info.out_cookie);
	return err;
}

TEST(layout)
{
	sweep((struct scenario) { .least = 2, .run = run_info });
}

static int run_get(struct context *c)
{
	struct memlane_set req = { .size = sizeof(req), .option = MEMLANE_OPT_FAST_LIMIT };
	int err = call(c->a.fd, MEMLANE_IOCTL_GET, &req);

	if (!err)
		expect_eq(req.value, 16 * MIB);
	return err;
}

TEST(value_of_an_option)
{
	sweep((struct scenario) { .least = 2, .run = run_get });
}

static int run_wait(struct context *c)
{
	struct memlane_wait req = { .size = sizeof(req), .handle = c->handle[0] };

	return call(c->a.fd, MEMLANE_IOCTL_WAIT, &req);
}

TEST(wait_for_a_copy)
{
	sweep((struct scenario) { .least = 2, .prepare = with_blob, .run = run_wait });
}

static void with_a_blocker(struct context *c)
{
	with_blob(c);
	*pin_of(&c->a, c->handle[0]) += MEMLANE_PIN_ONE;
	expect_eq(migrate_one(&c->a, c->handle[0], MEMLANE_SLOW), -EBUSY);
}

static int run_blockers(struct context *c)
{
	struct memlane_blocker record[2] = { };
	struct memlane_blockers req = {
		.size = sizeof(req), .count = 2, .records = (unsigned long)record,
	};
	int err = call(c->a.fd, MEMLANE_IOCTL_BLOCKERS, &req);

	if (err)
		return err;
	expect_eq(req.out_count, 1);
	expect_eq(record[0].handle, c->handle[0]);
	return 0;
}

TEST(who_was_in_the_way)
{
	sweep((struct scenario) { .least = 4, .prepare = with_a_blocker, .run = run_blockers });
}

/* Too large an object makes an event. */
static void with_an_event(struct context *c)
{
	__u64 handle;

	expect_eq(alloc_live(&c->a, MEMLANE_FAST, 20 * MIB, 1, &handle), -ENOSPC);
}

static int read_event(struct context *c)
{
	struct memlane_event ev;
	ssize_t n = read(c->a.fd, &ev, sizeof(ev));

	if (n < 0)
		return -errno;
	expect_eq(n, sizeof(ev));
	expect_eq(ev.type, MEMLANE_EVENT_FULL);
	expect_eq(ev.value, 20 * MIB);
	return 0;
}

/* What could not be handed out is there for the next. */
static void read_after_failure(struct context *c, int err)
{
	struct pollfd p = { .fd = c->a.fd, .events = POLLIN };

	if (err)
		expect_eq(read_event(c), 0);
	expect_eq(poll(&p, 1, 0), 0);
}

TEST(read_of_an_event)
{
	sweep((struct scenario) { .least = 1, .prepare = with_an_event, .run = read_event,
				  .settle = read_after_failure });
}

/* The first group makes the set of them. */
static int set_purgeable(struct context *c)
{
	return set_option(c, MEMLANE_OPT_PURGEABLE, 5 | 1 << 16);
}

static void get_purgeable(struct context *c, int err)
{
	struct memlane_set req = {
		.size = sizeof(req), .option = MEMLANE_OPT_PURGEABLE, .value = 5,
	};

	expect_eq(call(c->a.fd, MEMLANE_IOCTL_GET, &req), 0);
	if (!err)
		expect_eq(req.value, 5 | 1 << 16);
	if (err == -ENOMEM)
		expect_eq(req.value, 5);
}

TEST(first_purgeable_group)
{
	sweep((struct scenario) { .least = 3, .run = set_purgeable, .settle = get_purgeable });
}

static int run_query(struct context *c)
{
	struct memlane_query req = { .size = sizeof(req), .handle = c->handle[0] };

	return call(c->a.fd, MEMLANE_IOCTL_QUERY, &req);
}

TEST(query_of_a_blob)
{
	sweep((struct scenario) { .least = 2, .prepare = with_blob, .run = run_query });
}

static int run_stat(struct context *c)
{
	struct memlane_stat req = { .size = sizeof(req) };

	return call(c->a.fd, MEMLANE_IOCTL_STAT, &req);
}

TEST(statistics)
{
	sweep((struct scenario) { .least = 2, .run = run_stat });
}

static int run_cost(struct context *c)
{
	struct memlane_cost req = {
		.size = sizeof(req), .handle = c->handle[0], .lane = MEMLANE_SLOW,
	};

	return call(c->a.fd, MEMLANE_IOCTL_COST, &req);
}

TEST(cost_of_a_blob)
{
	sweep((struct scenario) { .least = 2, .prepare = with_blob, .run = run_cost });
}

/* An hour keeps the background asleep. */
static int set_interval(struct context *c)
{
	struct memlane_set req = {
		.size = sizeof(req), .option = MEMLANE_OPT_POLICY_INTERVAL,
		.value = 3600000000000ULL,
	};

	return call(c->a.fd, MEMLANE_IOCTL_SET, &req);
}

static void get_interval(struct context *c, int err)
{
	struct memlane_set req = { .size = sizeof(req), .option = MEMLANE_OPT_POLICY_INTERVAL };

	expect_eq(call(c->a.fd, MEMLANE_IOCTL_GET, &req), 0);
	if (!err)
		expect_eq(req.value, 3600000000000ULL);
	if (err == -ENOMEM)
		expect_eq(req.value, 0);
}

/* What tends arenas is there already. */
TEST(first_interval)
{
	sweep((struct scenario) { .least = 0, .run = set_interval, .settle = get_interval });
}

/* ------------------------------------------------------ mappings and faults */

static int map_region(struct context *c, unsigned int region)
{
	char *at = arena_mmap(&c->a, region, region == MEMLANE_REGION_STAT ? PROT_READ :
			      PROT_READ | PROT_WRITE);

	if (at == MAP_FAILED)
		return -errno;
	c->map = at;
	c->map_length = arena_region(&c->a, region).length;
	return 0;
}

#define MAPPING(region, number)							\
	static int map_##region(struct context *c)				\
	{									\
		return map_region(c, number);					\
	}									\
										\
	TEST(mmap_of_##region)							\
	{									\
		sweep((struct scenario) { .least = 2, .run = map_##region, .flags = MAPS }); \
	}

MAPPING(table, MEMLANE_REGION_TABLE)
MAPPING(classes, MEMLANE_REGION_CLASS)
MAPPING(notes, MEMLANE_REGION_NOTE)
MAPPING(pins, MEMLANE_REGION_PIN)
MAPPING(sizes, MEMLANE_REGION_SIZE)
MAPPING(slots, MEMLANE_REGION_SLOTS)
MAPPING(statistics, MEMLANE_REGION_STAT)
MAPPING(data, MEMLANE_REGION_DATA)

/* A view looks at the arena, or there is none. */
static int open_view(struct context *c)
{
	c->view = ioctl(c->a.fd, MEMLANE_IOCTL_VIEW, 0);
	return c->view < 0 ? -errno : 0;
}

static void close_view(struct context *c, int err)
{
	struct memlane_info info = { .size = sizeof(info) };

	if (err)
		return;
	expect_eq(call(c->view, MEMLANE_IOCTL_INFO, &info), 0);
	expect_eq(info.out_cookie, c->a.info.out_cookie);
	expect_eq(close(c->view), 0);
}

TEST(view_of_an_arena)
{
	sweep((struct scenario) { .least = 2, .run = open_view, .settle = close_view,
				  .flags = MAPS });
}

static void mapped_anew(struct context *c)
{
	expect_eq(alloc_blob(c), 0);
	expect_eq(map_data(c), 0);
}

static int touch_data(struct context *c)
{
	__u64 loc = memlane_entry_loc(*entry_of(&c->a, c->handle[0]), c->handle[0]);
	volatile char *at = c->map + (loc << MEMLANE_GRANULE_SHIFT);

	expect_eq(*at, 0);
	*at = 1;
	expect_eq(*address_of(&c->a, c->handle[0]), 1);
	return 0;
}

TEST(fault_of_data)
{
	sweep((struct scenario) { .least = 9, .prepare = mapped_anew, .run = touch_data, .flags = FAULTS });
}

/* A word far from those in use: its page does not exist yet. */
static int touch_far(const struct context *c, unsigned int region)
{
	__u64 at = (arena_region(&c->a, region).length / 2) & ~(PAGE - 1);
	volatile __u64 *word = (__u64 *)(c->a.map[region] + at);

	expect_eq(*word, 0);
	return 0;
}

static int touch_table(struct context *c)
{
	return touch_far(c, MEMLANE_REGION_TABLE);
}

static int touch_classes(struct context *c)
{
	return touch_far(c, MEMLANE_REGION_CLASS);
}

static int touch_notes(struct context *c)
{
	return touch_far(c, MEMLANE_REGION_NOTE);
}

static int touch_sizes(struct context *c)
{
	return touch_far(c, MEMLANE_REGION_SIZE);
}

static int touch_pins(struct context *c)
{
	__u64 *word = (__u64 *)c->a.map[MEMLANE_REGION_PIN] + c->a.info.out_handles / 2;

	touch_far(c, MEMLANE_REGION_PIN);
	__atomic_store_n(word, MEMLANE_PIN_ONE, __ATOMIC_RELAXED);
	expect_eq(__atomic_load_n(word, __ATOMIC_RELAXED), MEMLANE_PIN_ONE);
	__atomic_store_n(word, 0, __ATOMIC_RELAXED);
	return 0;
}

static int touch_slots(struct context *c)
{
	return touch_far(c, MEMLANE_REGION_SLOTS);
}

TEST(fault_of_the_table)
{
	sweep((struct scenario) { .least = 4, .run = touch_table, .flags = FAULTS });
}

TEST(fault_of_classes)
{
	sweep((struct scenario) { .least = 4, .run = touch_classes, .flags = FAULTS });
}

TEST(fault_of_notes)
{
	sweep((struct scenario) { .least = 4, .run = touch_notes, .flags = FAULTS });
}

TEST(fault_of_sizes)
{
	sweep((struct scenario) { .least = 4, .run = touch_sizes, .flags = FAULTS });
}

TEST(fault_of_pins)
{
	sweep((struct scenario) { .least = 4, .run = touch_pins, .flags = FAULTS });
}

TEST(fault_of_slots)
{
	sweep((struct scenario) { .least = 4, .run = touch_slots, .flags = FAULTS });
}

/* ------------------------------------------------------------- put away */

#define COLD_BYTES	36864

static int call_of_one(struct context *c, unsigned long cmd)
{
	struct memlane_cool req = {
		.size = sizeof(req), .count = 1, .handles = (unsigned long)c->handle,
	};
	int err = call(c->a.fd, cmd, &req);

	return err ? err : req.out_error;
}

static int cool_one(struct context *c)
{
	return call_of_one(c, MEMLANE_IOCTL_COOL);
}

static int warm_one(struct context *c)
{
	return call_of_one(c, MEMLANE_IOCTL_WARM);
}

/* What is put away differs from page to page, and is not one word. */
static void fill_pages(struct context *c)
{
	__u64 *at = (__u64 *)address_of(&c->a, c->handle[0]);
	unsigned int i;

	for (i = 0; i < COLD_BYTES / sizeof(*at); i++)
		at[i] = i / 4;
}

static void expect_pages(struct context *c, int err)
{
	__u64 *at = (__u64 *)address_of(&c->a, c->handle[0]);
	unsigned int i;

	expect(err <= 0);
	for (i = 0; i < COLD_BYTES / sizeof(*at); i++)
		expect_eq(at[i], i / 4);
}

static void with_a_blob_in_use(struct context *c)
{
	c->handle[0] = alloc_one(&c->a, MEMLANE_SLOW, COLD_BYTES);
	fill_pages(c);
}

static void with_a_cold_blob(struct context *c)
{
	with_a_blob_in_use(c);
	expect_eq(cool_one(c), 0);
	expect_eq(counts(&c->a).lane[MEMLANE_SLOW].resident, 0);
}

/* A page for which there is no memory stays; whatever went, a touch finds. */
TEST(objects_put_away)
{
	sweep((struct scenario) { .least = 10, .prepare = with_a_blob_in_use, .run = cool_one,
				  .settle = expect_pages, .flags = PARTLY });
}

TEST(objects_brought_back)
{
	sweep((struct scenario) { .least = 10, .prepare = with_a_cold_blob, .run = warm_one,
				  .settle = expect_pages, .flags = PARTLY });
}

static int store_one(struct context *c)
{
	struct memlane_cool req = {
		.size = sizeof(req), .flags = MEMLANE_COOL_STORE, .count = 1,
		.handles = (unsigned long)c->handle,
	};
	int err = call(c->a.fd, MEMLANE_IOCTL_COOL, &req);

	return err ? err : req.out_error;
}

static int backing_fd;

static void with_a_file(struct context *c)
{
	(void)c;
	backing_fd = memfd_create("failnth", MFD_CLOEXEC);
	expect(backing_fd >= 0);
}

static int take_file(struct context *c)
{
	struct memlane_set_backing req = { .size = sizeof(req), .fd = backing_fd, .max = 1 << 20 };

	return call(c->a.fd, MEMLANE_IOCTL_SET_BACKING, &req);
}

static void with_a_blob_and_a_file(struct context *c)
{
	with_a_blob_in_use(c);
	with_a_file(c);
	expect_eq(take_file(c), 0);
	close(backing_fd);
}

static void with_a_stored_blob(struct context *c)
{
	with_a_blob_and_a_file(c);
	expect_eq(store_one(c), 0);
	expect_eq(counts(&c->a).stored, COLD_BYTES / 4096);
}

TEST(a_file_put_away_to)
{
	sweep((struct scenario) { .least = 4, .prepare = with_a_file, .run = take_file });
}

TEST(objects_put_away_to_a_file)
{
	sweep((struct scenario) { .least = 10, .prepare = with_a_blob_and_a_file, .run = store_one,
				  .settle = expect_pages, .flags = PARTLY | MANY });
}

TEST(objects_brought_back_from_a_file)
{
	sweep((struct scenario) { .least = 10, .prepare = with_a_stored_blob, .run = warm_one,
				  .settle = expect_pages, .flags = PARTLY });
}

static int warm_later(struct context *c)
{
	struct memlane_cool req = {
		.size = sizeof(req), .flags = MEMLANE_ASYNC, .count = 1,
		.handles = (unsigned long)c->handle,
	};

	return call(c->a.fd, MEMLANE_IOCTL_WARM, &req);
}

static void expect_end_and_pages(struct context *c, int err)
{
	wait_for_end(c, err);
	expect_pages(c, err);
}

TEST(objects_brought_back_later)
{
	sweep((struct scenario) { .least = 3, .prepare = with_a_cold_blob, .run = warm_later,
				  .settle = expect_end_and_pages, .flags = PARTLY });
}

static int touch_cold(struct context *c)
{
	expect_eq(((__u64 *)address_of(&c->a, c->handle[0]))[513], 513 / 4);
	return 0;
}

TEST(fault_of_what_was_put_away)
{
	sweep((struct scenario) { .least = 1, .prepare = with_a_cold_blob, .run = touch_cold,
				  .flags = FAULTS });
}

/* In order, so that neighbours come along, if there is memory for them. */
static int touch_in_order(struct context *c)
{
	__u64 *at = (__u64 *)address_of(&c->a, c->handle[0]);
	unsigned int i;

	for (i = 0; i < COLD_BYTES / sizeof(*at); i += 512)
		expect_eq(at[i], i / 4);
	return 0;
}

TEST(faults_of_what_is_in_a_file)
{
	sweep((struct scenario) { .least = 5, .prepare = with_a_stored_blob, .run = touch_in_order,
				  .flags = FAULTS });
}

/* One for each page that a touch brings, or brings along. */
TEST(faults_of_what_was_put_away)
{
	sweep((struct scenario) { .least = COLD_BYTES / 4096, .prepare = with_a_cold_blob,
				  .run = touch_in_order, .flags = FAULTS });
}

static int migrate_cold(struct context *c)
{
	return migrate_one(&c->a, c->handle[0], MEMLANE_FAST);
}

TEST(migration_of_what_was_put_away)
{
	sweep((struct scenario) { .least = 12, .prepare = with_a_cold_blob, .run = migrate_cold,
				  .settle = expect_pages, .flags = PARTLY });
}

/* ----------------------------------------------------------------- the end */

static void unmap(const struct arena *a, unsigned int region)
{
	expect_eq(munmap(a->map[region], arena_region(a, region).length), 0);
}

static void unmap_all_but_first(const struct arena *a)
{
	unsigned int region;

	for (region = 1; region < MEMLANE_REGIONS; region++)
		unmap(a, region);
}

/* munmap() itself may want memory; what it was to end is still there then. */
static bool last_unmap(const struct arena *a, const struct injection *in)
{
	int err = munmap(a->map[0], arena_region(a, 0).length) ? errno : 0;
	bool failed = disarm(in);

	expect(!err || err == ENOMEM);
	if (err)
		unmap(a, 0);
	return failed;
}

/*
 * What ends cannot be refused: all goes, whatever fails on the way. The last to
 * go is the file or a mapping.
 */
static bool attempt_end(bool mapped, bool ever, unsigned int nth)
{
	struct context c = { };
	struct injection in;
	bool failed;

	c.a = arena_new(16 * MIB, 16 * MIB);
	registered(&c);
	with_blob(&c);
	expect_eq(alloc_of(&c, 1000, BLOCKS), 0);
	expect_eq(set_interval(&c), 0);
	unmap_all_but_first(&c.a);
	expect_eq(mapped ? close(c.a.fd) : 0, 0);
	if (!mapped)
		unmap(&c.a, 0);
	in = injection_open("thread-self", ever);
	arm(&in, nth);
	if (mapped) {
		failed = last_unmap(&c.a, &in);
	} else {
		expect_eq(close(c.a.fd), 0);
		failed = disarm(&in);
	}
	injection_close(&in);
	expect_nothing_left();
	return failed;
}

static void sweep_end(bool mapped)
{
	int ever;

	prepare_settings(-1);
	for (ever = 0; ever < 2; ever++) {
		struct walk w = { .nth = 1, .stride = 1 };

		while (walk_on(&w, attempt_end(mapped, ever, w.nth), 0))
			;
		walk_end(&w, 0, ever);
	}
}

TEST(close_of_the_file)
{
	sweep_end(false);
}

TEST(end_of_the_last_mapping)
{
	sweep_end(true);
}

/* ------------------------------------------------------------ the background */
/*
 * Which worker will have the arena is not known beforehand, so none of them is made to
 * fail: what they run is what the calls above run. Here it is what queueing needs, and
 * a cycle with the limits that a worker gives it.
 */

static void with_holes_and_interval(struct context *c)
{
	with_holes(c);
	expect_eq(set_interval(c), 0);
}

TEST(compaction_in_the_background)
{
	sweep((struct scenario) { .least = 1, .prepare = with_holes_and_interval,
				  .run = compact_later, .settle = wait_for_end,
				  .flags = PARTLY | NO_UNDO });
}

static void with_blocks_and_interval(struct context *c)
{
	with_blocks(c);
	expect_eq(set_interval(c), 0);
}

TEST(migration_in_the_background)
{
	sweep((struct scenario) { .least = 1, .prepare = with_blocks_and_interval,
				  .run = migrate_later, .settle = wait_for_end,
				  .flags = NO_UNDO });
}

static int cycle_within_limits(struct context *c)
{
	struct memlane_maintain req = {
		.size = sizeof(req), .step.max_bytes = 16 * MIB, .step.max_ns = 10000000,
	};

	return call(c->a.fd, MEMLANE_IOCTL_MAINTAIN, &req);
}

/* It says nothing, or is not heard: what it left to do is done here. */
static void finish_maintenance(struct context *c, int err)
{
	expect(!err || err == -ENOMEM || err == -EFAULT);
	expect_eq(maintain(c), 0);
	expect_eq(compact_now(c), 0);
}

TEST(a_cycle_within_limits)
{
	sweep((struct scenario) { .least = 20, .prepare = with_holes_and_interval,
				  .run = cycle_within_limits, .settle = finish_maintenance,
				  .flags = PARTLY });
}

TEST(there_are_many_points)
{
	if (!*points_in_total)
		skip("nothing was swept");
	printf("# %u points in all\n", *points_in_total);
	expect(*points_in_total >= 600);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
