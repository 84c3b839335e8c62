// SPDX-License-Identifier: MIT
/*
 * stale.c - nobody sees a page that was given back, through an old address
 *
 * One thread makes objects, fills them, moves and frees them. Others load from
 * the places that these had of late, through two mappings. Such a load finds
 * nothing (SIGBUS), zeros, or what this arena was filled with; never the poison of
 * a free page nor the byte of another process, which takes pages and gives them
 * back all the time.
 *
 * The byte of a filling tells its round. What a round filled is freed before the
 * next but one begins, so in pages that go with their object an older byte is a
 * page that was given back. Blocks share pages, which keep the bytes of the dead.
 *
 * ML_OPS and ML_SECONDS bound each test, whichever comes first.
 */
#include <pthread.h>
#include <setjmp.h>
#include <sys/prctl.h>

#include "../arena.h"

#define LANE		(16 * MIB)
#define LIVE		48		/* objects at a time */
#define RECENT		256		/* places that readers know */
#define READERS		2
#define BYTES		100U		/* rounds whose byte differs: 1 to this */
#define ROUND_OPS	64
#define FOREIGN		0xc5		/* of the other process */
#define PIECE		(24 * PAGE)	/* of the other process's memory */
#define LEAST_OPS	500

struct object {
	__u64 handle;
	__u64 length;
	__u32 round;
};

static struct arena arena;
static struct object object[LIVE];
static char *second;		/* another mapping of the data area */
static __u64 recent[RECENT];	/* offsets in the data area */
static __u32 current_round;
static bool over, strict;

static unsigned char byte_of(__u32 round)
{
	return 1 + round % BYTES;
}

/* ------------------------------------------------------------- readers */

static __thread sigjmp_buf nothing_there;

static void on_sigbus(int sig)
{
	(void)sig;
	siglongjmp(nothing_there, 1);
}

struct reader {
	unsigned long long seed;
	unsigned long nothing, zeros, bytes;
};

/* Filled in one of the rounds from @from to @to. */
static bool may_be(unsigned char byte, __u32 from, __u32 to)
{
	if (!byte || byte > BYTES)
		return !byte;
	if (!strict || to - from >= BYTES)
		return true;
	return (byte - byte_of(from) + BYTES) % BYTES <= to - from;
}

static void look(struct reader *r)
{
	__u64 at = __atomic_load_n(&recent[rng_next(&r->seed) % RECENT], __ATOMIC_RELAXED);
	char *map = rng_next(&r->seed) % 2 ? second : arena.map[MEMLANE_REGION_DATA];
	__u32 from, to;
	unsigned char byte;

	/* The mask need not be kept: the handler leaves SIGBUS open. */
	if (sigsetjmp(nothing_there, 0)) {
		r->nothing++;
		return;
	}
	from = __atomic_load_n(&current_round, __ATOMIC_ACQUIRE);
	byte = __atomic_load_n(map + at, __ATOMIC_RELAXED);
	to = __atomic_load_n(&current_round, __ATOMIC_ACQUIRE);
	if (!may_be(byte, from ? from - 1 : 0, to))
		fail("byte 0x%02x at %llx of round %u to %u, whose byte is 0x%02x", byte, at, from,
		     to, byte_of(to));
	if (byte)
		r->bytes++;
	else
		r->zeros++;
}

static void *reader(void *data)
{
	struct reader *r = data;

	while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
		look(r);
	return NULL;
}

/* -------------------------------------------------------------- churner */

/* Some place in the object, for the readers. */
static void remember(unsigned long long *seed, const struct object *o)
{
	__u64 at = address_of(&arena, o->handle) - arena.map[MEMLANE_REGION_DATA];

	__atomic_store_n(&recent[rng_next(seed) % RECENT], at + rng_next(seed) % o->length,
			 __ATOMIC_RELAXED);
}

static void expect_whole(const struct object *o)
{
	const char *p = address_of(&arena, o->handle);
	char want = byte_of(o->round);

	if (*p != want || memcmp(p, p + 1, o->length - 1))
		fail("an object of round %u has lost its bytes", o->round);
}

static void give_back(unsigned long long *seed, struct object *o)
{
	remember(seed, o);
	expect_whole(o);
	expect_eq(free_live(&arena, &o->handle, 1), 0);
	o->handle = 0;
}

static void make(unsigned long long *seed, struct object *o)
{
	o->length = strict ? MEMLANE_BLOCK_MAX + 1 + rng_next(seed) % (16 * PAGE) :
			     2 + rng_next(seed) % MEMLANE_BLOCK_MAX;
	o->handle = alloc_one(&arena, rng_next(seed) % 2, o->length);
	o->round = current_round;
	memset(address_of(&arena, o->handle), byte_of(o->round), o->length);
	remember(seed, o);
}

static void migrate(unsigned long long *seed, struct object *o)
{
	int err;

	remember(seed, o);
	err = migrate_one(&arena, o->handle, rng_next(seed) % 2);
	/* Held: a fault of a reader's was under way. */
	expect(!err || err == -EBUSY);
	expect_whole(o);
}

/* All that the last round filled goes before the next one begins. */
static void next_round(unsigned long long *seed)
{
	int i;

	for (i = 0; i < LIVE; i++)
		if (object[i].handle && object[i].round != current_round)
			give_back(seed, &object[i]);
	__atomic_store_n(&current_round, current_round + 1, __ATOMIC_RELEASE);
}

static void map_second_anew(void)
{
	struct memlane_region r = arena_region(&arena, MEMLANE_REGION_DATA);
	int flags = MAP_SHARED | (second ? MAP_FIXED : 0);

	second = mmap(second, r.length, PROT_READ, flags, arena.fd, r.offset);
	expect(second != MAP_FAILED);
}

static void step(unsigned long long *seed, unsigned long op)
{
	struct object *o = &object[rng_next(seed) % LIVE];

	if (!o->handle)
		make(seed, o);
	else if (rng_next(seed) % 3)
		give_back(seed, o);
	else
		migrate(seed, o);
	if (op % 40 == 0)
		compact(&arena);
	if (op % 100 == 0)
		map_second_anew();
	if (op % ROUND_OPS == 0)
		next_round(seed);
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* How many operations there were. */
static unsigned long churn(unsigned long long *seed)
{
	unsigned long most = env("ML_OPS", 20000), op;
	time_t end = now() + env("ML_SECONDS", 6);

	for (op = 1; op <= most && (op < LEAST_OPS || now() < end); op++)
		step(seed, op);
	return op - 1;
}

/* ---------------------------------------------------- the other process */

static void other_process(void)
{
	struct arena a = arena_new(MIB, MIB);
	__u64 handle;
	char *p;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		p = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		expect(p != MAP_FAILED);
		memset(p, FOREIGN, PIECE);
		handle = alloc_one(&a, MEMLANE_FAST, PIECE);
		memset(address_of(&a, handle), FOREIGN, PIECE);
		expect_eq(munmap(p, PIECE), 0);
		expect_eq(free_live(&a, &handle, 1), 0);
	}
}

static void end_other(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	expect_eq(waitpid(pid, &status, 0), pid);
	expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void run(bool whole_pages)
{
	struct sigaction act = { .sa_handler = on_sigbus, .sa_flags = SA_NODEFER };
	unsigned long long seed = harness_seed();
	struct reader r[READERS] = { }, sum = { };
	pthread_t t[READERS];
	unsigned long ops;
	pid_t other;
	int i;

	other = fork();
	if (!other)
		other_process();
	expect(other > 0);
	strict = whole_pages;
	arena = arena_new(LANE, LANE);
	map_second_anew();
	sigaction(SIGBUS, &act, NULL);
	for (i = 0; i < READERS; i++) {
		r[i].seed = rng_next(&seed) | 1;
		expect_eq(pthread_create(&t[i], NULL, reader, &r[i]), 0);
	}
	ops = churn(&seed);
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (i = 0; i < READERS; i++) {
		pthread_join(t[i], NULL);
		sum.nothing += r[i].nothing;
		sum.zeros += r[i].zeros;
		sum.bytes += r[i].bytes;
	}
	end_other(other);
	printf("# %lu operations; loads: %lu of nothing, %lu of zeros, %lu of bytes\n", ops,
	       sum.nothing, sum.zeros, sum.bytes);
	expect(sum.nothing && sum.bytes);
	expect_eq(munmap(second, arena_region(&arena, MEMLANE_REGION_DATA).length), 0);
	expect_sound(&arena);
	arena_end(&arena);
}

TEST(old_places_of_blobs)
{
	run(true);
}

TEST(old_places_of_blocks)
{
	run(false);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
