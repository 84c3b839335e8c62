/* SPDX-License-Identifier: MIT */
/*
 * failnth.h - run a scenario with each of its allocations and user copies failed in turn
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
#ifndef FAILNTH_H
#define FAILNTH_H


#include "../arena.h"

#define MOST_POINTS	400
#define FEW_POINTS	8
#define MOST_MISSES	3
#define LONG_SEARCH	60
#define MANY_STRIDE	4
#define BLOCKS		512

/* How a call may differ from all or nothing. */
#define NO_UNDO		1	/* -EFAULT may come after the work was done */
#define PARTLY		2	/* a part of the work is done, and the rest when repeated */
#define FAULTS		4	/* what fails is repeated */
#define ROOM		16	/* without memory no room is made, and so -ENOSPC is said */
#define GROWS		32	/* once work was done that is taken back, the limit stays */
#define MAPS		64	/* it is no call with an answer */
#define MANY		128	/* each point takes long: one in MANY_STRIDE is tried, and all with ML_ALL=1 */

#define REPEATS		20
#define DESCRIPTORS	256	/* bytes */

struct context {
	struct arena a;
	unsigned int nth;
	__u32 slot, cls;
	__u64 handle[BLOCKS];
	char *map;
	__u64 map_length;
	int view;
};

/**
 * struct scenario - a call to be failed
 * @least: so many points there are
 * @arena: makes the arena; NULL: 16 MiB in each lane
 * @prepare: undisturbed
 * @run: the call
 * @settle: wait for what goes on, or look at what it left
 * @flags: see above
 */
struct scenario {
	unsigned int least;
	struct arena (*arena)(void);
	void (*prepare)(struct context *c);
	int (*run)(struct context *c);
	void (*settle)(struct context *c, int err);
	unsigned int flags;
};

/* Of all tests, which are processes of their own. */
static unsigned int *points_in_total;

__attribute__((constructor))
static void share_points(void)
{
	points_in_total = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			       -1, 0);
}

/**
 * struct walk - which points are failed, and what came of it
 * @nth: the next
 * @stride: how far from one to the next
 * @most: the last one that there was
 * @misses: how often there was none
 * @lost: how often an answer was lost
 * @wanted: how often that has to be: the last point of a call with an answer
 */
struct walk {
	unsigned int nth, stride, most, misses, lost, wanted;
};

static unsigned int misses_allowed(const struct walk *w)
{
	return w->lost < w->wanted ? LONG_SEARCH : MOST_MISSES + w->stride - 1;
}

/*
 * How many points there are depends on what caches hold: where they end is
 * looked for more than once, unless they are so few that no cache matters.
 */
static bool walk_on(struct walk *w, bool failed, int err)
{
	w->lost += err == -EFAULT;
	if (failed) {
		w->most = w->nth > w->most ? w->nth : w->most;
		w->nth += w->misses ? 1 : w->stride;
		return true;
	}
	w->misses++;
	w->nth -= w->nth > 1;
	expect(w->nth < MOST_POINTS);
	/* By single points once the end was met, back and forth, until the last one was failed. */
	return w->most > FEW_POINTS && w->misses < misses_allowed(w);
}

static void walk_end(const struct walk *w, unsigned int least, bool ever)
{
	printf("# %u points%s\n", w->most, ever ? ", for ever" : "");
	if (w->most < least)
		fail("there used to be %u at least", least);
	if (w->lost < w->wanted)
		fail("in %u of them an answer was lost", w->lost);
	if (!ever)
		*points_in_total += w->most;
}

/* ------------------------------------------------------------- injection */

static void put_setting(const char *file, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		fail("%s cannot be written: no fault injection", path);
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
		fail("no %s: no fault injection", path);
	return fd;
}

static void put_settings(const char *where)
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
}

/* How often something fails at most; the kernel counts down. */
static void limit_failures(int times)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", times);
	put_setting("failslab/times", text);
	put_setting("fail_page_alloc/times", text);
}

/* fail-nth goes first; once it is spent, a task that is marked fails by probability. */
static void prepare_settings(int times)
{
	put_settings("failslab");
	put_settings("fail_page_alloc");
	limit_failures(times);
	put_setting("fail_page_alloc/min-order", "0");
	put_setting("fail_usercopy/verbose", "0");
}

static struct injection injection_open(const char *task, bool ever)
{
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

/* Up to USED a call that failed leaves each as it was. */
enum {
	HANDLES, SLOTS, PURGED, SPOILED, OBJECTS, BOUND = OBJECTS + 2, LIMIT = BOUND + 2, USED = LIMIT + 2,
	SPANS = USED + 2, RESIDENT = SPANS + 2, METADATA = RESIDENT + 2, SHAPES
};

struct shape {
	long long of[SHAPES];
};

static struct shape shape_of(const struct arena *a)
{
	struct memlane_counts n = counts(a);
	struct shape s = { .of = {
		[HANDLES] = n.handles, [SLOTS] = n.slots, [PURGED] = n.purged,
		[SPOILED] = n.spoiled, [METADATA] = n.metadata,
	} };
	int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		s.of[OBJECTS + lane] = n.lane[lane].objects;
		s.of[BOUND + lane] = n.lane[lane].bound;
		s.of[LIMIT + lane] = n.lane[lane].limit;
		s.of[USED + lane] = n.lane[lane].used;
		s.of[SPANS + lane] = n.lane[lane].spans;
		s.of[RESIDENT + lane] = n.lane[lane].resident;
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

/*
 * Pages of tables stay until the arena ends, and so does the descriptor of a run
 * that could not be joined with another. @fewer: a page of a table or a descriptor
 * may have been avoided by going another way.
 */
static bool metadata_fits(const struct shape *now, const struct shape *before,
			  const struct shape *done, bool fewer)
{
	long long x = before->of[METADATA], y = done->of[METADATA], m = now->of[METADATA];
	long long low = x < y ? x : y, high = x > y ? x : y;

	return m >= low - (fewer ? (long long)PAGE : 0) && m <= high + DESCRIPTORS;
}

/* An empty span may stay with its class for the next to come, and some of its pages. */
static bool undone(const struct shape *now, const struct shape *before, const struct shape *done)
{
	int i;

	for (i = USED; i < RESIDENT; i++)
		if (now->of[i] != before->of[i] && now->of[i] != done->of[i])
			return false;
	for (; i < METADATA; i++)
		if ((now->of[i] < before->of[i] && now->of[i] < done->of[i]) ||
		    (now->of[i] > before->of[i] && now->of[i] > done->of[i]))
			return false;
	return same(now, before, USED) && metadata_fits(now, before, done, false);
}

static void judge(const struct scenario *sc, const struct context *c, int err,
		  struct shape *before, const struct shape *done)
{
	bool may_be_done = !err || sc->flags & PARTLY || (err == -EFAULT && sc->flags & NO_UNDO);
	bool may_be_undone = err && !(sc->flags & PARTLY);
	struct shape now = shape_of(&c->a);
	bool good;

	expect_sound(&c->a);
	if (sc->flags & GROWS && err == -EFAULT)
		memcpy(&before->of[LIMIT], &now.of[LIMIT], 2 * sizeof(now.of[0]));
	good = (may_be_done && same(&now, done, METADATA) &&
		metadata_fits(&now, before, done, sc->flags & PARTLY)) ||
	       (may_be_undone && undone(&now, before, done));
	if (good)
		return;
	describe("before", before);
	describe("done  ", done);
	describe("now   ", &now);
	fail("point %u: the call said %d and left something else", c->nth, err);
}

/* ----------------------------------------------------------------- sweep */

static void expect_fitting(const struct scenario *sc, const struct context *c, bool failed,
			   int err)
{
	if (!err || (failed && (err == -ENOMEM || err == -EFAULT)) ||
	    (err == -ENOSPC && sc->flags & ROOM))
		return;
	fail("point %u: %d, with%s a failure", c->nth, err, failed ? "" : "out");
}

/* Room is not made again at once. */
static void repeat(const struct scenario *sc, struct context *c)
{
	int tries = sc->flags & ROOM ? 1000 : 1, err;

	do {
		err = sc->run(c);
	} while (err == -ENOSPC && --tries && !usleep(20000));
	expect_eq(err, 0);
	if (sc->settle)
		sc->settle(c, 0);
}

/* The call, with point @nth failed, which is 0 for none; whether there was one. */
static bool run_failing(const struct scenario *sc, struct context *c, bool ever, int *err)
{
	struct injection in;
	bool failed = false;

	in = injection_open("thread-self", ever);
	if (sc->flags & FAULTS)
		limit_failures(REPEATS);
	if (c->nth)
		arm(&in, c->nth);
	*err = sc->run(c);
	if (c->nth)
		failed = disarm(&in);
	injection_close(&in);
	expect_fitting(sc, c, failed, *err);
	return failed;
}

/* All of it on an arena of its own; whether something was failed. */
static bool attempt(const struct scenario *sc, bool ever, unsigned int nth, struct shape *done,
		    int *err)
{
	struct context c = { .nth = nth };
	struct shape before;
	bool failed;

	c.a = sc->arena ? sc->arena() : arena_new(16 * MIB, 16 * MIB);
	if (sc->prepare)
		sc->prepare(&c);
	before = shape_of(&c.a);
	failed = run_failing(sc, &c, ever, err);
	if (sc->settle)
		sc->settle(&c, *err);
	if (sc->flags & PARTLY)
		repeat(sc, &c);
	if (!nth)
		*done = shape_of(&c.a);
	judge(sc, &c, *err, &before, done);
	if (c.map)
		expect_eq(munmap(c.map, c.map_length), 0);
	arena_end(&c.a);
	return failed;
}

/* Where it begins differs from run to run, so that no point is left out for ever. */
static struct walk walk_of(const struct scenario *sc)
{
	struct walk w = { .nth = 1, .stride = 1, .wanted = !(sc->flags & (FAULTS | MAPS)) };
	unsigned long long seed;

	if (!(sc->flags & MANY) || env("ML_ALL", 0))
		return w;
	seed = harness_seed();
	w.nth += (rng_next(&seed) >> 32) % MANY_STRIDE;
	w.stride = MANY_STRIDE;
	return w;
}

static void sweep_once(const struct scenario *sc, bool ever)
{
	struct walk w = walk_of(sc);
	struct shape done;
	bool failed;
	int err;

	prepare_settings(-1);
	attempt(sc, ever, 0, &done, &err);
	do {
		failed = attempt(sc, ever, w.nth, &done, &err);
	} while (walk_on(&w, failed, err));
	walk_end(&w, sc->least, ever);
	expect_nothing_left();
}

static void sweep(struct scenario sc)
{
	sweep_once(&sc, false);
	sweep_once(&sc, true);
}

#endif /* FAILNTH_H */
