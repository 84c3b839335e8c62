// SPDX-License-Identifier: MIT
/*
 * failnth.c - every call with each of its allocations and user copies failed in turn
 *
 * The kernel fails the Nth chance of a task when told so in fail-nth. A call is
 * made on an arena of its own for N = 1, 2, ... until nothing was failed; then
 * again so that after the Nth each further allocation fails too. A call that
 * fails says -ENOMEM or -EFAULT and has changed nothing; one that succeeds, also
 * with a failure swallowed, has done all that it does undisturbed. The invariants
 * hold after each, and each arena leaves nothing.
 *
 * A fault has no way to fail here, the kernel repeats it: "for ever" ends for it
 * after so many failures.
 */
#include <dirent.h>
#include <poll.h>

#include "../arena.h"

#define MOST_POINTS	400
#define BLOCKS		512

/* How a call may differ from all or nothing. */
#define NO_UNDO		1	/* -EFAULT may come after the work was done */
#define PARTLY		2	/* a part of the work is done, and the rest when repeated */
#define FAULTS		4	/* what fails is repeated */
#define THREAD		8	/* it is the arena's thread that is to fail */

#define REPEATS		"20"

struct context {
	struct arena a;
	unsigned int nth;
	__u32 slot, cls;
	__u64 handle[BLOCKS];
	char *map;
};

struct scenario {
	void (*prepare)(struct context *c);
	int (*run)(struct context *c);
	void (*settle)(struct context *c, int err);	/* wait for what goes on */
	unsigned int flags;
};

/* ------------------------------------------------------------- injection */

static void put_setting(const char *file, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		skip("%s cannot be written: no fault injection", path);
	expect_eq(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

/**
 * struct injection - what is to fail
 * @nth: of the task that is to fail: its fail-nth
 * @task: its make-it-fail
 * @ever: from the Nth on all fail, not that one alone
 */
struct injection {
	int nth;
	int task;
	bool ever;
};

static int task_file(const char *task, const char *file)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", task, file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		skip("no %s", path);
	return fd;
}

static void put_settings(const char *where, const char *times)
{
	static const char * const setting[][2] = {
		{ "ignore-gfp-wait", "N" }, { "verbose", "0" }, { "task-filter", "Y" },
		{ "interval", "1" }, { "probability", "100" },
	};
	char path[64];
	unsigned int i;

	for (i = 0; i < sizeof(setting) / sizeof(*setting); i++) {
		snprintf(path, sizeof(path), "%s/%s", where, setting[i][0]);
		put_setting(path, setting[i][1]);
	}
	snprintf(path, sizeof(path), "%s/times", where);
	put_setting(path, times);
}

/* fail-nth goes first; once it is spent, a task that is marked fails by probability. */
static void prepare_settings(const char *times)
{
	put_settings("failslab", times);
	put_settings("fail_page_alloc", times);
	put_setting("fail_page_alloc/min-order", "0");
	put_setting("fail_usercopy/verbose", "0");
}

static struct injection injection_open(const char *task, bool ever)
{
	prepare_settings("-1");
	return (struct injection) {
		.nth = task_file(task, "fail-nth"), .task = task_file(task, "make-it-fail"),
		.ever = ever,
	};
}

static void injection_close(const struct injection *in)
{
	close(in->nth);
	close(in->task);
}

static void arm_nth(const struct injection *in, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	expect_eq(pwrite(in->nth, text, len, 0), len);
}

static void arm(const struct injection *in, unsigned int nth)
{
	if (in->ever)
		expect_eq(pwrite(in->task, "1", 1, 0), 1);
	arm_nth(in, nth);
}

/* Whether something was failed. Should it be this read or write, then nothing before. */
static bool disarm(const struct injection *in)
{
	char text[16] = "";
	bool spent = pread(in->nth, text, sizeof(text) - 1, 0) > 0 && !strcmp(text, "0\n");

	if (pwrite(in->nth, "0", 1, 0) != 1) {
		expect_eq(errno, EFAULT);
		arm_nth(in, 0);
		spent = false;
	}
	expect_eq(pwrite(in->task, "0", 1, 0), 1);
	return spent;
}

/* ----------------------------------------------------------------- state */

enum { HANDLES, SLOTS, OBJECTS, BOUND = OBJECTS + 2, USED = BOUND + 2, SHAPES = USED + 2 };

struct shape {
	long long of[SHAPES];
};

static struct shape shape_of(const struct arena *a)
{
	struct memlane_counts n = counts(a);
	struct shape s = { .of = { [HANDLES] = n.handles, [SLOTS] = n.slots } };
	int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		s.of[OBJECTS + lane] = n.lane[lane].objects;
		s.of[BOUND + lane] = n.lane[lane].bound;
		s.of[USED + lane] = n.lane[lane].used;
	}
	return s;
}

static bool same(const struct shape *x, const struct shape *y, int upto)
{
	return !memcmp(x->of, y->of, upto * sizeof(x->of[0]));
}

static void describe(const char *what, const struct shape *s)
{
	int i;

	printf("# %s:", what);
	for (i = 0; i < SHAPES; i++)
		printf(" %lld", s->of[i]);
	printf("\n");
}

/* An empty span may stay with its class for the next to come. */
static bool undone(const struct shape *now, const struct shape *before, const struct shape *done)
{
	int i;

	for (i = USED; i < SHAPES; i++)
		if (now->of[i] != before->of[i] && now->of[i] != done->of[i])
			return false;
	return same(now, before, USED);
}

static void judge(const struct scenario *sc, const struct context *c, int err,
		  const struct shape *before, const struct shape *done)
{
	bool may_be_done = !err || sc->flags & PARTLY || (err == -EFAULT && sc->flags & NO_UNDO);
	bool may_be_undone = err && !(sc->flags & PARTLY);
	struct shape now = shape_of(&c->a);
	bool good;

	expect_sound(&c->a);
	good = (may_be_done && same(&now, done, SHAPES)) ||
	       (may_be_undone && undone(&now, before, done));
	if (good)
		return;
	describe("before", before);
	describe("done  ", done);
	describe("now   ", &now);
	fail("point %u: the call said %d and left something else", c->nth, err);
}

/* ----------------------------------------------------------------- sweep */

/* The number of the arena's thread, which sleeps until a call is queued. */
static const char *thread_of(const struct arena *a)
{
	static char number[32];
	char path[64], want[32], name[32];
	struct dirent *d;
	DIR *dir = opendir("/proc");
	FILE *f;

	snprintf(want, sizeof(want), "memlane/%u\n", a->info.out_cookie);
	*number = '\0';
	while ((d = readdir(dir)) && !*number) {
		snprintf(path, sizeof(path), "/proc/%.20s/comm", d->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) && !strcmp(name, want))
			snprintf(number, sizeof(number), "%.20s", d->d_name);
		fclose(f);
	}
	closedir(dir);
	expect(*number);
	return number;
}

/* One call on an arena of its own; whether something was failed in it. */
static bool attempt(const struct scenario *sc, bool ever, unsigned int nth, struct shape *done)
{
	struct context c = { .nth = nth };
	struct injection in;
	struct shape before;
	bool failed = false;
	int err;

	c.a = arena_new(16 * MIB, 16 * MIB);
	if (sc->prepare)
		sc->prepare(&c);
	before = shape_of(&c.a);
	in = injection_open(sc->flags & THREAD ? thread_of(&c.a) : "thread-self", ever);
	if (sc->flags & FAULTS)
		prepare_settings(REPEATS);
	if (nth)
		arm(&in, nth);
	err = sc->run(&c);
	if (nth)
		failed = disarm(&in);
	injection_close(&in);
	if (err && (!failed || (err != -ENOMEM && err != -EFAULT)))
		fail("point %u: %d, with%s a failure", nth, err, failed ? "" : "out");
	if (sc->settle)
		sc->settle(&c, err);
	if (sc->flags & PARTLY) {
		expect_eq(sc->run(&c), 0);
		if (sc->settle)
			sc->settle(&c, 0);
	}
	if (!nth)
		*done = shape_of(&c.a);
	judge(sc, &c, err, &before, done);
	if (c.map)
		expect_eq(munmap(c.map, 16 * MIB), 0);
	arena_end(&c.a);
	return failed;
}

static void sweep_once(const struct scenario *sc, bool ever)
{
	struct shape done;
	unsigned int nth = 0;

	attempt(sc, ever, nth, &done);
	do {
		expect(++nth < MOST_POINTS);
	} while (attempt(sc, ever, nth, &done));
	printf("# %u points%s\n", nth - 1, ever ? ", for ever" : "");
	expect(nth > 1);
	expect_nothing_left();
}

static void sweep(struct scenario sc)
{
	sweep_once(&sc, false);
	sweep_once(&sc, true);
}

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

static void sweep_file_once(int (*run)(int *fd), bool ever)
{
	struct injection in = injection_open("thread-self", ever);
	unsigned int nth = 0;
	bool failed;
	int fd, err;

	do {
		expect(++nth < MOST_POINTS);
		fd = -1;
		if (run) {
			fd = device_open(O_RDWR);
			arm(&in, nth);
			err = run(&fd);
		} else {
			arm(&in, nth);
			fd = open(DEVICE, O_RDWR | O_CLOEXEC);
			err = fd < 0 ? -errno : 0;
		}
		failed = disarm(&in);
		if (err && (!failed || (err != -ENOMEM && err != -EFAULT)))
			fail("point %u: %d, with%s a failure", nth, err, failed ? "" : "out");
		expect_eq(debugfs_number("arenas"), fd >= 0);
		if (run && err)
			expect_repeatable(fd, err, run);
		if (fd >= 0)
			close(fd);
		expect_nothing_left();
	} while (failed);
	printf("# %u points%s\n", nth - 1, ever ? ", for ever" : "");
	expect(nth > 1);
	injection_close(&in);
}

static void sweep_file(int (*run)(int *fd))
{
	sweep_file_once(run, false);
	sweep_file_once(run, true);
}

TEST(open_file)
{
	sweep_file(NULL);
}

static int run_create(int *fd)
{
	return arena_create(*fd, 16 * MIB, 16 * MIB);
}

TEST(create)
{
	sweep_file(run_create);
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
	sweep((struct scenario) { .run = register_slot });
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
	sweep((struct scenario) { .prepare = registered, .run = unregister_slot, .flags = NO_UNDO });
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
	sweep((struct scenario) { .run = alloc_blocks });
}

TEST(alloc_of_a_blob)
{
	sweep((struct scenario) { .run = alloc_blob });
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
	sweep((struct scenario) { .prepare = registered, .run = refill, .flags = NO_UNDO });
}

TEST(refill_of_a_blob)
{
	sweep((struct scenario) { .prepare = registered, .run = refill_blob });
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
	sweep((struct scenario) { .prepare = stocked, .run = flush, .flags = NO_UNDO });
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
	sweep((struct scenario) { .prepare = with_blocks, .run = free_blocks, .flags = NO_UNDO });
}

TEST(free_of_a_blob)
{
	sweep((struct scenario) { .prepare = with_blob, .run = free_blob, .flags = NO_UNDO });
}

/* ---------------------------------------------------------------- movement */

/* Every other block is gone: half of the spans can be emptied. */
static void with_holes(struct context *c)
{
	int i;

	expect_eq(alloc_of(c, 1000, BLOCKS), 0);
	for (i = 0; i < BLOCKS; i += 2)
		expect_eq(free_live(&c->a, &c->handle[i], 1), 0);
}

static int compact_now(struct context *c)
{
	struct memlane_compact req = { .size = sizeof(req) };

	return call(c->a.fd, MEMLANE_IOCTL_COMPACT, &req);
}

static int compact_later(struct context *c)
{
	struct memlane_compact req = { .size = sizeof(req), .flags = MEMLANE_ASYNC };

	return call(c->a.fd, MEMLANE_IOCTL_COMPACT, &req);
}

/* The end of a queued call; one whose answer was lost may have been queued. */
static void wait_for_end(struct context *c, int err)
{
	struct pollfd p = { .fd = c->a.fd, .events = POLLIN };
	struct memlane_event ev;
	int ready;

	if (err && err != -EFAULT)
		return;
	ready = poll(&p, 1, err ? 300 : 10000);
	expect(err || ready == 1);
	if (ready)
		expect_eq(read(c->a.fd, &ev, sizeof(ev)), sizeof(ev));
}

TEST(compaction)
{
	sweep((struct scenario) { .prepare = with_holes, .run = compact_now, .flags = PARTLY });
}

TEST(queued_compaction)
{
	sweep((struct scenario) { .prepare = with_holes, .run = compact_later,
				  .settle = wait_for_end, .flags = PARTLY });
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
	sweep((struct scenario) { .prepare = with_holes, .run = maintain,
				  .settle = finish_compaction, .flags = PARTLY });
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
	sweep((struct scenario) { .prepare = with_blocks, .run = migrate_now, .flags = NO_UNDO });
}

TEST(migration_of_a_blob)
{
	sweep((struct scenario) { .prepare = with_blob, .run = migrate_now, .flags = NO_UNDO });
}

TEST(queued_migration)
{
	sweep((struct scenario) { .prepare = with_blob, .run = migrate_later,
				  .settle = wait_for_end, .flags = NO_UNDO });
}

/* ------------------------------------------------------------- small calls */

static int run_query(struct context *c)
{
	struct memlane_query req = { .size = sizeof(req), .handle = c->handle[0] };

	return call(c->a.fd, MEMLANE_IOCTL_QUERY, &req);
}

TEST(query_of_a_blob)
{
	sweep((struct scenario) { .prepare = with_blob, .run = run_query });
}

static int run_stat(struct context *c)
{
	struct memlane_stat req = { .size = sizeof(req) };

	return call(c->a.fd, MEMLANE_IOCTL_STAT, &req);
}

TEST(statistics)
{
	sweep((struct scenario) { .run = run_stat });
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
	sweep((struct scenario) { .prepare = with_blob, .run = run_cost });
}

/* The first interval makes the arena's thread; an hour keeps it asleep. */
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

TEST(first_interval)
{
	sweep((struct scenario) { .run = set_interval, .settle = get_interval });
}

/* ------------------------------------------------------ mappings and faults */

static int map_data(struct context *c)
{
	char *at = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, c->a.fd,
			arena_region(&c->a, MEMLANE_REGION_DATA).offset);

	if (at == MAP_FAILED)
		return -errno;
	c->map = at;
	return 0;
}

TEST(mmap_of_data)
{
	sweep((struct scenario) { .run = map_data });
}

static void mapped_anew(struct context *c)
{
	expect_eq(alloc_blob(c), 0);
	expect_eq(map_data(c), 0);
}

static int touch_data(struct context *c)
{
	__u64 entry = *entry_of(&c->a, c->handle[0]) & MEMLANE_ENTRY_LOC_MASK;
	volatile char *at = c->map + (entry << MEMLANE_GRANULE_SHIFT);

	expect_eq(*at, 0);
	*at = 1;
	expect_eq(*address_of(&c->a, c->handle[0]), 1);
	return 0;
}

TEST(fault_of_data)
{
	sweep((struct scenario) { .prepare = mapped_anew, .run = touch_data, .flags = FAULTS });
}

/* An entry far from those in use: its page does not exist yet. */
static int touch_table(struct context *c)
{
	volatile __u64 *entry = (__u64 *)c->a.map[MEMLANE_REGION_TABLE] + 500000;

	expect_eq(*entry, 0);
	return 0;
}

TEST(fault_of_the_table)
{
	sweep((struct scenario) { .run = touch_table, .flags = FAULTS });
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
	int ever, nth;

	for (ever = 0; ever < 2; ever++) {
		for (nth = 1; attempt_end(mapped, ever, nth); nth++)
			expect(nth < MOST_POINTS);
		printf("# %d points%s\n", nth - 1, ever ? ", for ever" : "");
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

/* -------------------------------------------------------- the arena's thread */

static void with_holes_and_thread(struct context *c)
{
	with_holes(c);
	expect_eq(set_interval(c), 0);
}

/* What the thread could not finish it tells, or the next call does it. */
static int compact_by_thread(struct context *c)
{
	struct pollfd p = { .fd = c->a.fd, .events = POLLIN };
	struct memlane_event ev;
	int err = compact_later(c);

	if (err)
		return err;
	expect_eq(poll(&p, 1, 10000), 1);
	expect_eq(read(c->a.fd, &ev, sizeof(ev)), sizeof(ev));
	return ev.result;
}

TEST(compaction_by_the_thread)
{
	sweep((struct scenario) { .prepare = with_holes_and_thread, .run = compact_by_thread,
				  .flags = PARTLY | THREAD });
}

static void with_blocks_and_thread(struct context *c)
{
	with_blocks(c);
	expect_eq(set_interval(c), 0);
}

static int migrate_by_thread(struct context *c)
{
	struct pollfd p = { .fd = c->a.fd, .events = POLLIN };
	struct memlane_event ev;
	int err = migrate_later(c);

	if (err)
		return err;
	expect_eq(poll(&p, 1, 10000), 1);
	expect_eq(read(c->a.fd, &ev, sizeof(ev)), sizeof(ev));
	return ev.failed ? -ENOMEM : ev.result;
}

TEST(migration_by_the_thread)
{
	sweep((struct scenario) { .prepare = with_blocks_and_thread, .run = migrate_by_thread,
				  .flags = THREAD });
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
