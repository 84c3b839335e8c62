// SPDX-License-Identifier: MIT
/*
 * torture.c - everything at once, on objects that say whose bytes they have
 *
 * Workers make, read, write, pin, migrate and free shared objects; one more
 * thread moves all of them to and fro and compacts without a pause. Workers
 * live for a while, end (some inside a section) and are followed by others; the
 * number of objects swings. Every read verifies what it reads. With the module, another
 * thread puts objects away and brings them back all the time.
 *
 * The test itself is free of races: an object's record is locked, shared by
 * those who read it and alone by those who write or free it. The mover takes no
 * such lock, so that nothing but the protocol stands between it and the readers.
 *
 *	ML_SEED		of all random choices; printed
 *	ML_OPS		verified reads to reach; 0: run for ML_SECONDS
 *	ML_SECONDS	time limit; reaching it before ML_OPS is a failure. With no ML_OPS it
 *			goes on, if it must, until all has happened that it is to show
 *	ML_THREADS	workers
 *	ML_NEIGHBOUR	1: another process takes memory until little is left, again and again;
 *			2: all of it, until the kernel kills it (minutes, where much else runs)
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "api.h"
#include "content.h"

#define OBJECTS		4096
#define ID_STEP		OBJECTS		/* an object's number modulo this is its record's */
#define MOST_PINNED	(OBJECTS / 32)
#define SWING		400000		/* verified reads from one tide to the next */
#define LIFE		30000		/* operations of a worker, about */
#define BATCH		200
#define BLOB_MAX	(128 * KIB)
#define TAKERS		4
#define LITTLE		(40UL << 10)	/* KiB that a neighbour leaves */
#define PLAYROOM	(192UL << 10)	/* KiB that are there to be taken by a neighbour */

/**
 * struct object - what the test knows of an object
 * @lock: -1: one holder alone; else how many share it
 * @pins: held by the test; changed by sharers, so that who is alone can rely on it
 * @address: while pinned
 * @handle: 0: none; read by the mover without the lock
 * @id: never used twice
 * @version: times it was written
 * @size: bytes
 */
struct object {
	int lock;
	int pins;
	void *address;
	memlane_handle handle;
	uint64_t id;
	uint64_t version;
	uint64_t size;
};

enum event {
	OPERATION, READ, NESTED, LINGERED, WRITTEN, ALLOCATED, ZEROED, FREED, FREE_REFUSED, STALE, PINNED,
	UNPINNED, MIGRATED, NOT_MIGRATED, COMPACTED, MAINTAINED, PUT_AWAY, BROUGHT_BACK, LEFT, ENDED, ENDED_INSIDE, FULL,
	EVENTS
};

static const char *const event_name[EVENTS] = {
	"operations", "verified reads", "nested sections", "long sections", "writes", "allocs", "zeroed allocs",
	"frees", "frees refused (pinned)", "stale handles refused", "pins", "unpins", "migrated",
	"not migrated", "compactions", "maintenance cycles", "pages put away",
	"pages brought back", "leaves", "threads ended",
	"threads ended in a section", "lane full",
};

static struct memlane *arena;
static struct object object[OBJECTS];
static uint64_t total[EVENTS];	/* atomic */
static uint64_t wrong_bytes;	/* atomic; the first are the end */
static int live, pinned;	/* atomic */
static bool over;		/* atomic */
static uint64_t want_reads;
static time_t deadline;

struct worker {
	unsigned long long rng;
	uint64_t seen[EVENTS];
};

static uint64_t pick(struct worker *w, uint64_t n)
{
	return (rng_next(&w->rng) >> 16) % n;
}

static bool chance(struct worker *w, unsigned int in)
{
	return !pick(w, in);
}

/* --------------------------------------------------------------- records */

static bool try_share(struct object *o)
{
	int n = __atomic_load_n(&o->lock, __ATOMIC_RELAXED);

	return n >= 0 && __atomic_compare_exchange_n(&o->lock, &n, n + 1, false,
						     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void leave_shared(struct object *o)
{
	__atomic_sub_fetch(&o->lock, 1, __ATOMIC_RELEASE);
}

static bool try_alone(struct object *o)
{
	int n = 0;

	return __atomic_compare_exchange_n(&o->lock, &n, -1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static void release(struct object *o)
{
	__atomic_store_n(&o->lock, 0, __ATOMIC_RELEASE);
}

static memlane_handle handle_of(const struct object *o)
{
	return __atomic_load_n(&o->handle, __ATOMIC_RELAXED);
}

static void set_handle(struct object *o, memlane_handle h)
{
	__atomic_store_n(&o->handle, h, __ATOMIC_RELAXED);
}

/* A live object, shared; NULL if none was found soon. */
static struct object *share_any(struct worker *w)
{
	struct object *o;
	int try;

	for (try = 0; try < 16; try++) {
		o = &object[pick(w, OBJECTS)];
		if (!try_share(o))
			continue;
		if (handle_of(o))
			return o;
		leave_shared(o);
	}
	return NULL;
}

/* ------------------------------------------------------- a short memory */

/**
 * struct neighbour - a process that wants all the memory there is
 * @pid: its keeper, which starts it anew when it was killed
 * @rounds: times that it had all it could get; shared
 */
static struct neighbour {
	pid_t pid;
	unsigned int *rounds;
} neighbour;

/* May be for want of memory, and is no harm then. */
static bool is_shortage(int err)
{
	return err == -ENOMEM && neighbour.pid;
}

static void set_oom_score(const char *score)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, score, strlen(score)) < 0)
		_exit(1);
	close(fd);
}

static unsigned long number_in(const char *path, const char *name)
{
	unsigned long n = 0;
	char line[128];
	FILE *f = fopen(path, "r");

	while (f && !n && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			n = strtoul(line + strlen(name), NULL, 10);
	if (f)
		fclose(f);
	return n;
}

/* Huge pages that are for nobody: most of the memory, without the time to fill it. */
static void reserve_memory(unsigned long pages)
{
	FILE *f = fopen("/proc/sys/vm/nr_hugepages", "w");

	if (!f)
		_exit(1);
	fprintf(f, "%lu", pages);
	fclose(f);
}

/* So little is left that the kernel looks for more; or the neighbour wants that, too. */
static bool has_enough(void)
{
	return env("ML_NEIGHBOUR", 0) == 1 && number_in("/proc/meminfo", "MemAvailable:") < LITTLE;
}

/* Until it has enough, or is killed by the kernel, before anybody else. */
static void take_memory(void)
{
	char *p;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	set_oom_score("1000");
	for (;;) {
		if (has_enough()) {
			usleep(100000);
			_exit(0);
		}
		p = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p != MAP_FAILED)
			memset(p, 1, 4 * MIB);
	}
}

static void give_memory_back(int sig)
{
	(void)sig;
	reserve_memory(0);
	_exit(0);
}

/* What one had is not free at once when it is killed, and the kernel looks for the next. */
static void keep_neighbour(unsigned int *rounds)
{
	unsigned long kib = number_in("/proc/meminfo", "MemAvailable:");
	unsigned int alive = 0;
	pid_t pid;

	signal(SIGTERM, give_memory_back);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	set_oom_score("-1000");
	reserve_memory(kib > PLAYROOM ? (kib - PLAYROOM) / 2048 : 0);
	for (;;) {
		pid = alive < TAKERS ? fork() : waitpid(-1, NULL, 0);
		if (!pid)
			take_memory();
		if (pid > 0 && alive < TAKERS) {
			alive++;
		} else if (pid > 0) {
			alive--;
			__atomic_add_fetch(rounds, 1, __ATOMIC_RELAXED);
		}
	}
}

static void neighbour_start(void)
{
	neighbour.rounds = mmap(NULL, KIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(neighbour.rounds != MAP_FAILED);
	neighbour.pid = fork();
	expect(neighbour.pid >= 0);
	if (!neighbour.pid)
		keep_neighbour(neighbour.rounds);
}

static void neighbour_end(void)
{
	if (!neighbour.pid)
		return;
	expect_eq(kill(neighbour.pid, SIGTERM), 0);
	expect_eq(waitpid(neighbour.pid, NULL, 0), neighbour.pid);
	printf("# the neighbour had what it wanted %u times\n", *neighbour.rounds);
	neighbour.pid = 0;
}

/* ------------------------------------------------------------ operations */

static void verify_at(struct worker *w, const struct object *o, const void *p)
{
	size_t wrong;

	if (!p)
		fail("object %llu, handle %#llx: no address, state %s", (unsigned long long)o->id,
		     (unsigned long long)o->handle,
		     memlane_state_name(memlane_state(arena, o->handle)));
	if (chance(w, 16))
		wrong = content_wrong(p, o->size, o->id, o->version);
	else
		wrong = content_wrong_sample(p, o->size, o->id, o->version, w->rng);
	if (!wrong) {
		w->seen[READ]++;
		return;
	}
	__atomic_add_fetch(&wrong_bytes, wrong, __ATOMIC_RELAXED);
	fail("object %llu version %llu of %llu bytes: %zu wrong bytes",
	     (unsigned long long)o->id, (unsigned long long)o->version,
	     (unsigned long long)o->size, wrong);
}

/* One object, in the section that the caller has entered. */
static void read_one(struct worker *w)
{
	struct object *o = share_any(w);
	int times = 1;

	if (!o)
		return;
	if (chance(w, 2048)) {
		times = 100;
		w->seen[LINGERED]++;
	}
	while (times--)
		verify_at(w, o, memlane_get(arena, o->handle));
	leave_shared(o);
}

static void op_read(struct worker *w)
{
	bool nested = chance(w, 8);

	expect_eq(memlane_enter(arena), 0);
	read_one(w);
	if (nested) {
		expect_eq(memlane_enter(arena), 0);
		read_one(w);
		read_one(w);
		expect_eq(memlane_exit(arena), 0);
		read_one(w);
		w->seen[NESTED]++;
	}
	expect_eq(memlane_exit(arena), 0);
}

static void op_write(struct worker *w)
{
	struct object *o = &object[pick(w, OBJECTS)];
	void *p;

	if (!try_alone(o))
		return;
	if (handle_of(o)) {
		expect_eq(memlane_enter(arena), 0);
		p = memlane_get(arena, o->handle);
		verify_at(w, o, p);
		content_write(p, o->size, o->id, ++o->version);
		verify_at(w, o, memlane_get(arena, o->handle));
		expect_eq(memlane_exit(arena), 0);
		w->seen[WRITTEN]++;
	}
	release(o);
}

static uint64_t any_size(struct worker *w)
{
	uint64_t kind = pick(w, 100);

	if (kind < 40)
		return 1 + pick(w, 64);
	if (kind < 80)
		return 1 + pick(w, 512);
	if (kind < 95)
		return 1 + pick(w, 4 * KIB);
	if (kind < 99)
		return 1 + pick(w, MEMLANE_BLOCK_MAX);
	return 1 + pick(w, BLOB_MAX);
}

static void expect_zero(const unsigned char *p, uint64_t size)
{
	uint64_t i;

	for (i = 0; i < size; i++)
		if (p[i])
			fail("byte %llu of %llu is not zero", (unsigned long long)i,
			     (unsigned long long)size);
}

static const enum memlane_alloc_lane lanes[] = { MEMLANE_BY_SIZE, MEMLANE_IN_FAST, MEMLANE_IN_SLOW };

static void birth(struct worker *w, struct object *o)
{
	struct memlane_alloc_opts opts = {
		.lane = lanes[pick(w, ARRAY_SIZE(lanes))], .flags = chance(w, 4) ? MEMLANE_ZERO : 0,
		.tag = o - object, .group = pick(w, 8),
	};
	memlane_handle h;
	void *p;
	int err;

	o->size = any_size(w);
	err = memlane_alloc_with(arena, o->size, &opts, &h);
	if (err == -ENOSPC || is_shortage(err)) {
		w->seen[FULL]++;
		return;
	}
	expect_eq(err, 0);
	o->id += ID_STEP;
	expect_eq(memlane_enter(arena), 0);
	p = memlane_get(arena, h);
	expect(p);
	if (opts.flags) {
		expect_zero(p, o->size);
		w->seen[ZEROED]++;
	}
	content_write(p, o->size, o->id, ++o->version);
	expect_eq(memlane_exit(arena), 0);
	set_handle(o, h);
	__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	w->seen[ALLOCATED]++;
}

static void death(struct worker *w, struct object *o)
{
	memlane_handle h = o->handle;

	if (__atomic_load_n(&o->pins, __ATOMIC_RELAXED)) {
		expect_eq(memlane_free(arena, h), -EBUSY);
		w->seen[FREE_REFUSED]++;
		return;
	}
	expect_eq(memlane_free(arena, h), 0);
	set_handle(o, 0);
	__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	w->seen[FREED]++;
	if (chance(w, 8)) {
		expect_eq(memlane_free(arena, h), -ESTALE);
		expect_eq(memlane_enter(arena), 0);
		expect(!memlane_get(arena, h));
		expect_eq(memlane_exit(arena), 0);
		w->seen[STALE]++;
	}
}

/* How many objects there should be: from an eighth to nearly all, and back. */
static int tide(void)
{
	uint64_t at = __atomic_load_n(&total[READ], __ATOMIC_RELAXED) % SWING;
	uint64_t level = at < SWING / 2 ? at : SWING - at;

	return OBJECTS / 8 + level * (OBJECTS * 6 / 8) / (SWING / 2);
}

static void op_replace(struct worker *w)
{
	struct object *o = &object[pick(w, OBJECTS)];
	int level = tide(), now = __atomic_load_n(&live, __ATOMIC_RELAXED);

	if (!try_alone(o))
		return;
	if (!handle_of(o) && now < level + OBJECTS / 16)
		birth(w, o);
	else if (handle_of(o) && now > level - OBJECTS / 16)
		death(w, o);
	release(o);
}

/* While a pin is held the address is the same for everybody. */
static void op_pin(struct worker *w)
{
	struct object *o;
	void *p;

	if (__atomic_load_n(&pinned, __ATOMIC_RELAXED) >= MOST_PINNED)
		return;
	o = share_any(w);
	if (!o)
		return;
	expect_eq(memlane_try_pin(arena, o->handle, &p), 0);
	verify_at(w, o, p);
	__atomic_store_n(&o->address, p, __ATOMIC_RELAXED);
	__atomic_add_fetch(&o->pins, 1, __ATOMIC_RELEASE);
	__atomic_add_fetch(&pinned, 1, __ATOMIC_RELAXED);
	leave_shared(o);
	w->seen[PINNED]++;
}

/* Whoever takes the test's count down owns that pin. */
static bool claim_pin(struct object *o)
{
	int n = __atomic_load_n(&o->pins, __ATOMIC_RELAXED);

	while (n > 0)
		if (__atomic_compare_exchange_n(&o->pins, &n, n - 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static void unpin(struct worker *w, struct object *o)
{
	void *p = __atomic_load_n(&o->address, __ATOMIC_RELAXED);

	verify_at(w, o, p);
	expect_eq(memlane_enter(arena), 0);
	expect(memlane_get(arena, o->handle) == p);
	expect_eq(memlane_exit(arena), 0);
	expect_eq(memlane_unpin(arena, o->handle), 0);
	__atomic_sub_fetch(&pinned, 1, __ATOMIC_RELAXED);
	w->seen[UNPINNED]++;
}

static void op_unpin(struct worker *w)
{
	struct object *o;
	int try;

	for (try = 0; try < 64; try++) {
		o = &object[pick(w, OBJECTS)];
		if (!__atomic_load_n(&o->pins, __ATOMIC_RELAXED) || !try_share(o))
			continue;
		if (claim_pin(o))
			unpin(w, o);
		leave_shared(o);
	}
}

static void count_migration(struct worker *w, int result)
{
	if (result && result != -EBUSY && result != -EAGAIN && result != -ENOSPC && !is_shortage(result))
		fail("migrate: %s", memlane_strerror(result));
	w->seen[result ? NOT_MIGRATED : MIGRATED]++;
}

static void op_migrate(struct worker *w)
{
	struct object *o = share_any(w);

	if (!o)
		return;
	count_migration(w, memlane_migrate(arena, o->handle, pick(w, MEMLANE_LANES)));
	leave_shared(o);
}

static void expect_done(int err)
{
	if (!is_shortage(err))
		expect_eq(err, 0);
}

static void op_compact(struct worker *w)
{
	struct memlane_step step = { .max_bytes = 1 + pick(w, 4 * MIB), .max_ns = 20000000 };

	expect_done(memlane_compact(arena, pick(w, 4), chance(w, 2) ? BLOB_MAX : 0, &step));
	w->seen[COMPACTED]++;
}

static void op_maintain(struct worker *w)
{
	struct memlane_step step = { .max_bytes = 1 + pick(w, 4 * MIB), .max_ns = 20000000 };

	expect_done(memlane_maintain(arena, &step));
	w->seen[MAINTAINED]++;
}

static void op_stat(struct worker *w)
{
	struct memlane_stats st = {
		.size = sizeof(st), .flags = chance(w, 2) ? MEMLANE_STAT_EXACT : 0,
	};

	expect_eq(memlane_stat(arena, &st), 0);
	expect(st.counts.lane[MEMLANE_FAST].used <= st.counts.lane[MEMLANE_FAST].max);
	expect(st.counts.lane[MEMLANE_SLOW].used <= st.counts.lane[MEMLANE_SLOW].max);
}

static void op_leave(struct worker *w)
{
	expect_eq(chance(w, 2) ? memlane_thread_flush(arena) : memlane_thread_leave(arena), 0);
	w->seen[LEFT]++;
}

static const struct {
	unsigned int weight;
	void (*run)(struct worker *w);
} operation[] = {
	{ 8000, op_read }, { 1000, op_write }, { 1000, op_replace }, { 40, op_pin },
	{ 10, op_unpin }, { 20, op_migrate }, { 4, op_compact }, { 2, op_maintain },
	{ 4, op_stat }, { 2, op_leave },
};

static void one_operation(struct worker *w)
{
	unsigned int i, sum = 0, at;

	for (i = 0; i < sizeof(operation) / sizeof(operation[0]); i++)
		sum += operation[i].weight;
	at = pick(w, sum);
	for (i = 0; at >= operation[i].weight; i++)
		at -= operation[i].weight;
	operation[i].run(w);
	w->seen[OPERATION]++;
}

/* ------------------------------------------------------- what has happened */

static bool cools(void)
{
	return memlane_capabilities(arena) & MEMLANE_CAP_COLD;
}

/* A run in which something never happened proves nothing of it: what was it? */
static const char *gap_in(const struct memlane_stats *st)
{
	unsigned int i;

	for (i = 0; i < EVENTS; i++)
		if (!__atomic_load_n(&total[i], __ATOMIC_RELAXED) && i != FULL &&
		    (cools() || (i != PUT_AWAY && i != BROUGHT_BACK)))
			return event_name[i];
	if (st->counts.moved <= 1000)
		return "1000 moves";
	if (!st->counts.vetoed || !st->vetoes)
		return "vetoes";
	if (!st->counts.pinned)
		return "pins in the way";
	if (memlane_capabilities(arena) & MEMLANE_CAP_REMAP && !st->counts.remapped)
		return "pages handed over";
	if (cools() && (!st->counts.written || !st->counts.loaded))
		return "pages to the file and back";
	if (neighbour.pid && !__atomic_load_n(neighbour.rounds, __ATOMIC_RELAXED))
		return "neighbour that had what it wanted";
	return NULL;
}

/* However slow the machine: where the time is the limit, it goes on until all has been. */
static bool is_enough(void)
{
	struct memlane_stats st = { .size = sizeof(st) };

	if (want_reads && __atomic_load_n(&total[READ], __ATOMIC_RELAXED) >= want_reads)
		return true;
	if (time(NULL) < deadline)
		return false;
	expect_eq(memlane_stat(arena, &st), 0);
	return want_reads || !gap_in(&st);
}

/* --------------------------------------------------------------- threads */

static void settle_tally(struct worker *w)
{
	unsigned int i;

	for (i = 0; i < EVENTS; i++)
		__atomic_add_fetch(&total[i], w->seen[i], __ATOMIC_RELAXED);
	memset(w->seen, 0, sizeof(w->seen));
	if (is_enough())
		__atomic_store_n(&over, true, __ATOMIC_RELAXED);
}

static bool is_over(void)
{
	return __atomic_load_n(&over, __ATOMIC_RELAXED);
}

static void *live_once(void *arg)
{
	struct worker *w = arg;
	uint64_t life = LIFE / 2 + pick(w, LIFE);

	while (life-- && !is_over()) {
		one_operation(w);
		if (life % 256 == 0)
			settle_tally(w);
	}
	w->seen[ENDED]++;
	if (chance(w, 4)) {
		expect_eq(memlane_enter(arena), 0);
		read_one(w);
		w->seen[ENDED_INSIDE]++;
	}
	settle_tally(w);
	return NULL;
}

/* One life after the other. */
static void *lives(void *arg)
{
	pthread_t t;

	while (!is_over()) {
		start(&t, live_once, arg);
		finish(t);
	}
	return NULL;
}

/* Handles are read without the lock: they may be stale when the mover comes. */
static uint32_t some_handles(struct worker *w, memlane_handle *h)
{
	size_t at = pick(w, OBJECTS);
	uint32_t nr = 0, i;

	for (i = 0; i < BATCH; i++) {
		h[nr] = handle_of(&object[(at + i) % OBJECTS]);
		nr += h[nr] != 0;
	}
	return nr;
}

static void move_batch(struct worker *w)
{
	memlane_handle h[BATCH];
	int32_t result[BATCH];
	uint32_t nr = some_handles(w, h), i;
	int err;

	err = memlane_migrate_batch(arena, pick(w, MEMLANE_LANES), h, nr, result, NULL);
	if (is_shortage(err))
		return;
	expect(err >= 0);
	for (i = 0; i < nr; i++)
		if (result[i] != -ESTALE)
			count_migration(w, result[i]);
}

static void *move_all(void *arg)
{
	struct worker *w = arg;

	while (!is_over()) {
		move_batch(w);
		if (chance(w, 4))
			op_compact(w);
		if (chance(w, 32))
			op_maintain(w);
		settle_tally(w);
	}
	return NULL;
}

/* Some objects, a group, or all that is in the SlowLane. */
static struct memlane_cool cool_what(struct worker *w, memlane_handle *h)
{
	struct memlane_cool req = { .size = sizeof(req), .max_ns = 20000000 };
	uint64_t kind = pick(w, 16);

	if (kind == 0) {
		req.flags = MEMLANE_COOL_LANE;
		req.lane = MEMLANE_SLOW;
	} else if (kind < 4) {
		req.flags = MEMLANE_COOL_GROUP;
		req.group = pick(w, 8);
	} else {
		req.count = some_handles(w, h);
		req.handles = (uintptr_t)h;
	}
	return req;
}

static void cool_or_warm(struct worker *w)
{
	bool warms = chance(w, 4);
	memlane_handle h[BATCH];
	struct memlane_cool req = cool_what(w, h);

	if (!req.flags && !req.count)
		return;
	if (!warms && chance(w, 3))
		req.flags |= MEMLANE_COOL_STORE;
	if (ioctl(memlane_fd(arena), warms ? MEMLANE_IOCTL_WARM : MEMLANE_IOCTL_COOL, &req) &&
	    !is_shortage(-errno))
		fail("%s: %s", warms ? "warm" : "cool", strerror(errno));
	w->seen[warms ? BROUGHT_BACK : PUT_AWAY] += req.out_pages;
}

static void *cool_all(void *arg)
{
	struct worker *w = arg;

	while (!is_over()) {
		cool_or_warm(w);
		settle_tally(w);
	}
	return NULL;
}

/* --------------------------------------------------------------- the test */

static struct memlane *open_small(void)
{
	struct memlane_config c = quiet();

	c.fast_lane_size = 2 * MIB;
	c.fast_lane_max = 32 * MIB;
	c.slow_lane_size = 2 * MIB;
	c.slow_lane_max = 32 * MIB;
	c.policy_check_interval = 0.002;
	c.compaction_threshold = 0.5;
	c.max_handles = 1 << 20;
	c.max_threads = 256;
	return open_with(&c);
}

/* What goes to a file comes back as what is compressed does. */
static void give_file(void)
{
	int fd = memfd_create("torture", MFD_CLOEXEC);

	expect(fd >= 0);
	expect_eq(memlane_set_backing(arena, fd), 0);
	close(fd);
}

/* Thread 0 is the mover, and the last one, where there is a use for it, the cooler. */
static void run_threads(unsigned int threads)
{
	unsigned int i, all = 1 + threads + cools();
	struct worker w[66] = { 0 };
	pthread_t t[66];

	for (i = 0; i < all; i++) {
		w[i].rng = harness_seed() * (2 * i + 1);
		start(&t[i], !i ? move_all : i <= threads ? lives : cool_all, &w[i]);
	}
	for (i = 0; i < all; i++)
		finish(t[i]);
}

static void report(const struct memlane_stats *st)
{
	const struct memlane_counts *c = &st->counts;
	unsigned int i;

	for (i = 0; i < EVENTS; i++)
		printf("# %s %llu\n", event_name[i], (unsigned long long)total[i]);
	printf("# copied %llu (%llu MiB), remapped %llu, vetoed %llu (by readers %llu)\n",
	       c->moved, c->moved_bytes >> 20, c->remapped, c->vetoed,
	       (unsigned long long)st->vetoes);
	printf("# pinned %llu, held %llu, given up %llu, batches %llu, pages returned %llu\n",
	       c->pinned, c->held, c->given_up, c->batches, c->pages_returned);
	printf("# spoiled %llu, cycles %llu\n", c->spoiled, c->cycles);
	printf("# put away %llu (of one word %llu), came back %llu; to the file %llu, from there %llu\n",
	       c->cooled, c->cooled_same, c->warmed, c->written, c->loaded);
	printf("# %s: %llu operations, %llu verified reads, %llu moves, %llu vetoes, %llu waits, wrong bytes %llu\n",
	       memlane_backend(arena) == MEMLANE_BACKEND_MODULE ? "module" : "local",
	       (unsigned long long)total[OPERATION], (unsigned long long)total[READ],
	       c->moved + c->remapped, c->vetoed, (unsigned long long)st->waits,
	       (unsigned long long)wrong_bytes);
}

static void expect_no_gap(const struct memlane_stats *st)
{
	const char *gap = gap_in(st);

	if (gap)
		fail("no %s", gap);
	expect_eq(st->counts.spoiled, 0);
}

/* All that is left is whole, and can be given back to the last page. */
static void tear_down(void)
{
	struct worker w = { .rng = harness_seed() };
	struct memlane_stats st;
	struct object *o;

	for (o = object; o < object + OBJECTS; o++) {
		if (!o->handle)
			continue;
		expect_eq(memlane_enter(arena), 0);
		expect_eq(content_wrong(memlane_get(arena, o->handle), o->size, o->id,
					o->version), 0);
		expect_eq(memlane_exit(arena), 0);
		while (claim_pin(o))
			unpin(&w, o);
		death(&w, o);
	}
	expect_eq(pinned, 0);
	expect_eq(live, 0);
	expect_eq(memlane_thread_leave(arena), 0);
	expect_eq(memlane_compact(arena, 0, 0, NULL), 0);
	st = stats(arena);
	expect_eq(st.live_objects, 0);
	expect_eq(st.live_bytes, 0);
	expect_eq(st.counts.handles, 0);
	expect_eq(st.counts.slots, 0);
	expect_eq(st.counts.lane[MEMLANE_FAST].used, 0);
	expect_eq(st.counts.lane[MEMLANE_SLOW].used, 0);
}

TEST(everything_at_once)
{
	unsigned int threads = env("ML_THREADS", 4), i;
	struct memlane_stats st;

	expect(threads >= 1 && threads <= 64);
	want_reads = env("ML_OPS", 2000000);
	deadline = time(NULL) + env("ML_SECONDS", 60);
	if (env("ML_NEIGHBOUR", 0))
		neighbour_start();
	arena = open_small();
	if (cools())
		give_file();
	for (i = 0; i < OBJECTS; i++)
		object[i].id = i;
	run_threads(threads);
	st = stats(arena);
	report(&st);
	expect_no_gap(&st);
	neighbour_end();
	if (want_reads && total[READ] < want_reads)
		fail("the time was over before %llu reads", (unsigned long long)want_reads);
	tear_down();
	memlane_close(arena);
}
