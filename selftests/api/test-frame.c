// SPDX-License-Identifier: MIT
/* test-frame.c - scratch of frames, and frames as a clock */
#include "api.h"

static struct memlane *shared;
static pthread_barrier_t both;

TEST(scratch_follows_itself_and_is_used_again)
{
	struct memlane *m = open_quiet();
	struct memlane_mark mark = memlane_frame_begin(m);
	unsigned char *a, *b, *c;

	expect(mark.at);
	a = memlane_frame_alloc(m, 1);
	b = memlane_frame_alloc(m, 100);
	c = memlane_frame_alloc(m, 16);
	expect(a && !((uintptr_t)a & 15));
	expect_eq(b - a, 16);
	expect_eq(c - b, 112);
	memset(a, 1, 1);
	memset(b, 2, 100);
	memset(c, 3, 16);
	expect_eq(memlane_frame_end(m, mark), 0);
	mark = memlane_frame_begin(m);
	expect(memlane_frame_alloc(m, 32) == a);
	expect_eq(memlane_frame_end(m, mark), 0);
	memlane_close(m);
}

TEST(frames_nest)
{
	struct memlane *m = open_quiet();
	struct memlane_mark outer, inner;
	unsigned char *a, *b;

	outer = memlane_frame_begin(m);
	a = memlane_frame_alloc(m, 64);
	memset(a, 7, 64);
	inner = memlane_frame_begin(m);
	b = memlane_frame_alloc(m, 64);
	memset(b, 8, 64);
	expect_eq(memlane_frame_end(m, inner), 0);
	expect(memlane_frame_alloc(m, 16) == b);
	expect_eq(a[0], 7);
	expect_eq(a[63], 7);
	expect_eq(memlane_frame_end(m, outer), 0);
	expect_eq(memlane_frame_end(m, inner), -EINVAL);
	memlane_close(m);
}

/* Through many chunks, deterministic bytes, sizes over a chunk. */
TEST(a_frame_grows_and_its_bytes_stay)
{
	struct memlane *m = open_quiet();
	unsigned long long seed = harness_seed();
	static unsigned char *p[2000];
	static size_t size[2000];
	struct memlane_mark mark, inner = { .at = NULL };
	uint64_t used = 0;
	int i, round;

	for (round = 0; round < 3; round++) {
		mark = memlane_frame_begin(m);
		for (i = 0; i < 2000; i++) {
			size[i] = i == 1000 ? 300000 : 1 + rng_next(&seed) % 600;
			p[i] = memlane_frame_alloc(m, size[i]);
			expect(p[i] != NULL);
			memset(p[i], i, size[i]);
			if (i == 500)
				inner = memlane_frame_begin(m);
		}
		for (i = 0; i < 2000; i++)
			expect(p[i][0] == (unsigned char)i && p[i][size[i] - 1] == (unsigned char)i);
		expect_eq(memlane_frame_end(m, inner), 0);
		expect_eq(p[499][0], (unsigned char)499);
		expect_eq(memlane_frame_end(m, mark), 0);
		expect_eq(memlane_compact(m, 0, 0, NULL), 0);
		if (round == 1)
			used = stats(m).counts.ioctls;
		if (round == 2)
			expect_eq(stats(m).counts.ioctls - used, 2);
	}
	memlane_close(m);
}

/* A mark is of one frame, not of its depth: what others hold is not given out again. */
TEST(the_mark_of_a_frame_that_ended_is_refused)
{
	struct memlane *m = open_quiet();
	struct memlane_mark outer = memlane_frame_begin(m), old, young, more;
	void *p;

	old = memlane_frame_begin(m);
	expect_eq(memlane_frame_end(m, old), 0);
	p = memlane_frame_alloc(m, 100);
	young = memlane_frame_begin(m);
	expect_eq(memlane_frame_end(m, old), -EINVAL);
	more = memlane_frame_begin(m);
	expect_eq(memlane_frame_end(m, old), -EINVAL);
	expect(memlane_frame_alloc(m, 100) == (char *)p + 112);
	expect_eq(memlane_frame_end(m, more), 0);
	expect_eq(memlane_frame_end(m, young), 0);
	expect_eq(memlane_frame_end(m, outer), 0);
	/* Another outermost one begins at the same place. */
	young = memlane_frame_begin(m);
	expect(young.at == outer.at);
	expect_eq(memlane_frame_end(m, outer), -EINVAL);
	expect_eq(memlane_frame_end(m, young), 0);
	memlane_close(m);
}

TEST(frames_may_be_in_many_others)
{
	struct memlane *m = open_quiet();
	struct memlane_mark mark[100], old;
	unsigned char *p[100];
	int i;

	for (i = 0; i < 100; i++) {
		mark[i] = memlane_frame_begin(m);
		p[i] = memlane_frame_alloc(m, 16);
		expect(mark[i].at && p[i] == mark[i].at);
	}
	old = mark[99];
	for (i = 99; i >= 40; i--)
		expect_eq(memlane_frame_end(m, mark[i]), 0);
	expect_eq(memlane_frame_end(m, old), -EINVAL);
	expect(memlane_frame_alloc(m, 16) == p[40]);
	expect_eq(memlane_frame_end(m, mark[20]), 0);
	expect(memlane_frame_alloc(m, 16) == p[20]);
	for (i = 20; i < 50; i++)
		mark[i] = memlane_frame_begin(m);
	expect_eq(memlane_frame_end(m, old), -EINVAL);
	expect_eq(memlane_frame_end(m, mark[0]), 0);
	expect_eq(memlane_frame_end(m, mark[1]), -EINVAL);
	memlane_close(m);
}

TEST(scratch_outside_a_frame_is_refused)
{
	struct memlane *m = open_quiet();
	struct memlane_mark nowhere = { .at = NULL };
	struct memlane_mark wild = { .at = (unsigned char *)&wild, .chunk = 1 };

	expect(!memlane_frame_alloc(m, 16));
	expect_eq(memlane_frame_end(m, nowhere), -EINVAL);
	expect(memlane_frame_begin(m).at);
	wild.chunk = 2;
	expect_eq(memlane_frame_end(m, wild), -EINVAL);
	wild.chunk = 1;
	wild.at = NULL;
	expect_eq(memlane_frame_end(m, wild), -EINVAL);
	expect(!memlane_frame_alloc(m, SIZE_MAX));
	expect(!memlane_frame_alloc(m, SIZE_MAX - 15));
	memlane_close(m);
}

/* No bytes have an address, in checking mode too. */
TEST(scratch_of_no_bytes_is_no_failure)
{
	struct memlane_config c = quiet();
	struct memlane_mark mark;
	struct memlane *m;
	int guard;

	for (guard = 0; guard < 2; guard++) {
		c.guard = guard;
		m = open_with(&c);
		expect(!memlane_frame_alloc(m, 0));
		mark = memlane_frame_begin(m);
		expect(memlane_frame_alloc(m, 0));
		expect(memlane_frame_alloc(m, 1));
		expect_eq(memlane_frame_end(m, mark), 0);
		expect(!memlane_frame_alloc(m, 0));
		memlane_close(m);
	}
}

TEST(after_the_outermost_frame_there_is_no_scratch)
{
	struct memlane *m = open_quiet();
	struct memlane_mark outer, inner;
	unsigned char *p = NULL;
	int i;

	for (i = 0; i < 3; i++) {
		outer = memlane_frame_begin(m);
		inner = memlane_frame_begin(m);
		expect_eq(memlane_frame_end(m, inner), 0);
		expect_eq(memlane_frame_end(m, inner), -EINVAL);
		/* The outer one goes on, though it began at the same place. */
		p = memlane_frame_alloc(m, 100);
		expect(p != NULL);
		inner = memlane_frame_begin(m);
		expect_eq(memlane_frame_end(m, outer), 0);
		expect_eq(memlane_frame_end(m, outer), -EINVAL);
		expect_eq(memlane_frame_end(m, inner), -EINVAL);
		expect(!memlane_frame_alloc(m, 100));
		expect(!memlane_frame_alloc(m, 0));
	}
	outer = memlane_frame_begin(m);
	expect(memlane_frame_alloc(m, 100) == p);
	expect_eq(memlane_frame_end(m, outer), 0);
	memlane_close(m);
}

/* Chunks get larger, but a small one is better than none. */
TEST(scratch_takes_what_room_there_is)
{
	struct memlane_config c = quiet();
	struct memlane_mark mark;
	struct memlane *m;
	unsigned int n = 0;

	c.fast_lane_size = c.fast_lane_max = 1 * MIB;
	c.slow_lane_size = c.slow_lane_max = 1 * MIB;
	m = open_with(&c);
	mark = memlane_frame_begin(m);
	while (memlane_frame_alloc(m, 4096))
		n++;
	printf("# %u KiB of 2048 are scratch\n", n * 4);
	expect(n * 4096UL > 1400 * KIB);
	expect_eq(memlane_frame_end(m, mark), 0);
	memlane_close(m);
}

/* A mark that is like one of this thread's, and another's. */
static void *begin_two(void *arg)
{
	struct memlane_mark *mark = arg;

	expect(memlane_frame_begin(shared).at);
	expect(memlane_frame_alloc(shared, 1000));
	mark[0] = memlane_frame_begin(shared);
	expect(memlane_frame_alloc(shared, 100000));
	mark[1] = memlane_frame_begin(shared);
	pthread_barrier_wait(&both);
	pthread_barrier_wait(&both);
	return NULL;
}

TEST(marks_of_another_thread_are_refused)
{
	struct memlane_mark theirs[2], own;
	unsigned char *p;
	pthread_t t;
	int i, k;

	shared = open_quiet();
	pthread_barrier_init(&both, NULL, 2);
	start(&t, begin_two, theirs);
	pthread_barrier_wait(&both);
	own = memlane_frame_begin(shared);
	for (k = 0; k < 2; k++) {
		p = memlane_frame_alloc(shared, k ? 50000 : 5000);
		memset(p, k, 5000);
		for (i = 0; i < 2; i++)
			expect_eq(memlane_frame_end(shared, theirs[i]), -EINVAL);
		expect(memlane_frame_alloc(shared, 16) == p + (k ? 50000 : 5008));
		expect(p[0] == k && p[4999] == k);
	}
	expect_eq(memlane_frame_end(shared, own), 0);
	pthread_barrier_wait(&both);
	finish(t);
	memlane_close(shared);
}

/* The chunk that a mark was of is gone, and another one has its number. */
TEST(marks_of_chunks_that_are_gone_are_refused)
{
	struct memlane *m = open_quiet();
	struct memlane_mark outer = memlane_frame_begin(m), inner;

	expect(memlane_frame_alloc(m, 60000));
	expect(memlane_frame_alloc(m, 60000));
	inner = memlane_frame_begin(m);
	expect_eq(inner.chunk, 2);
	expect_eq(memlane_frame_end(m, outer), 0);
	outer = memlane_frame_begin(m);
	expect(memlane_frame_alloc(m, 8 * MIB));
	expect_eq(memlane_frame_begin(m).chunk, 2);
	expect_eq(memlane_frame_end(m, inner), -EINVAL);
	expect_eq(memlane_frame_end(m, outer), 0);
	memlane_close(m);
}

/* Small frames have given it back after a while; who is slow only waits for longer. */
TEST(what_a_large_frame_needed_once_goes_back)
{
	struct memlane_config c = quiet();
	struct memlane_mark mark;
	struct memlane *m;
	int tries, i;

	c.fast_lane_size = 512 * MIB;
	m = open_with(&c);
	mark = memlane_frame_begin(m);
	for (i = 0; i < 50; i++)
		memset(memlane_frame_alloc(m, 4 * MIB), 1, 4 * MIB);
	expect_eq(memlane_frame_end(m, mark), 0);
	expect(stats(m).counts.lane[MEMLANE_FAST].resident >= 200 * MIB);
	for (tries = 0; tries < 500 && stats(m).counts.lane[MEMLANE_FAST].used > 2 * MIB; tries++) {
		mark = memlane_frame_begin(m);
		expect(memlane_frame_alloc(m, 1000) != NULL);
		expect_eq(memlane_frame_end(m, mark), 0);
		usleep(10000);
	}
	expect(tries < 500);
	expect(stats(m).counts.lane[MEMLANE_FAST].resident <= 2 * MIB);
	memlane_close(m);
}

TEST(a_lane_that_is_full_gives_no_scratch)
{
	struct memlane_config c = quiet();
	struct memlane_mark mark;
	struct memlane *m;

	c.fast_lane_size = c.fast_lane_max = 1 * MIB;
	c.slow_lane_size = c.slow_lane_max = 1 * MIB;
	m = open_with(&c);
	mark = memlane_frame_begin(m);
	expect(mark.at);
	expect(!memlane_frame_alloc(m, 64 * MIB));
	expect(memlane_frame_alloc(m, 1000));
	expect_eq(memlane_frame_end(m, mark), 0);
	memlane_close(m);
}

TEST(arenas_have_scratch_of_their_own)
{
	struct memlane *m = open_quiet(), *n = open_quiet();
	struct memlane_mark a = memlane_frame_begin(m), b = memlane_frame_begin(n);
	char *p = memlane_frame_alloc(m, 10), *q = memlane_frame_alloc(n, 10);

	memset(p, 1, 10);
	memset(q, 2, 10);
	expect(memlane_frame_alloc(m, 10) == p + 16);
	expect(memlane_frame_alloc(n, 10) == q + 16);
	expect_eq(p[9], 1);
	expect_eq(memlane_frame_end(m, a), 0);
	expect_eq(memlane_frame_end(n, b), 0);
	memlane_close(m);
	memlane_close(n);
}

static void *one_frame(void *arg)
{
	struct memlane *m = arg;
	struct memlane_mark mark = memlane_frame_begin(m);
	char *p = memlane_frame_alloc(m, 100000);

	expect(p != NULL);
	memset(p, 5, 100000);
	expect_eq(memlane_frame_end(m, mark), 0);
	return NULL;
}

TEST(a_thread_that_ends_gives_its_scratch_back)
{
	struct memlane *m = open_quiet();
	pthread_t t[4];
	int i, round;

	for (round = 0; round < 5; round++) {
		for (i = 0; i < 4; i++)
			start(&t[i], one_frame, m);
		for (i = 0; i < 4; i++)
			finish(t[i]);
	}
	expect_eq(stats(m).live_objects, 0);
	one_frame(m);
	expect(stats(m).live_objects > 0);
	expect_eq(memlane_thread_leave(m), 0);
	expect_eq(stats(m).live_objects, 0);
	memlane_close(m);
}

/* For a reader: its own loop against one that only adds; instructions are counted below. */
static double ns_of(struct memlane *m, bool frames)
{
	static unsigned char *volatile sink;
	static unsigned char room[1 << 16];
	struct timespec a, b;
	struct memlane_mark mark;
	unsigned char *p = room;
	int i, j;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < 20000; i++) {
		mark = memlane_frame_begin(m);
		p = room;
		for (j = 0; j < 1000; j++) {
			if (frames) {
				sink = memlane_frame_alloc(m, 48);
			} else {
				sink = p;
				p += 48;
			}
		}
		expect_eq(memlane_frame_end(m, mark), 0);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	expect(sink != NULL);
	return ((b.tv_sec - a.tv_sec) * 1e9 + b.tv_nsec - a.tv_nsec) / 2e7;
}

TEST(scratch_costs_a_few_nanoseconds)
{
	struct memlane *m = open_quiet();
	double alloc = 1e9, add = 1e9, t;
	int i;

	for (i = 0; i < 5; i++) {
		t = ns_of(m, true);
		alloc = t < alloc ? t : alloc;
		t = ns_of(m, false);
		add = t < add ? t : add;
	}
	printf("# %.2f ns an allocation, %.2f ns an addition\n", alloc, add);
	memlane_close(m);
}

__attribute__((noinline, used))
void *inlined_scratch(struct memlane *m)
{
	return memlane_frame_alloc(m, 48);
}

__attribute__((noinline, used))
int inlined_frame(struct memlane *m)
{
	return memlane_frame_end(m, memlane_frame_begin(m));
}

/*
 * Instructions of a function up to its first return, which is where it comes to when all
 * went well: the compiler puts what is unlikely behind. -1: it goes elsewhere before.
 */
static int straight_path(const char *function)
{
	FILE *f = disassembly(function);
	bool ends = false, leaves = false;
	char line[300], call[100];
	int nr = 0;

	snprintf(call, sizeof(call), "<%s+", function);
	while (fgets(line, sizeof(line), f)) {
		if (ends || !strchr(line, '\t'))
			continue;
		nr++;
		ends = strstr(line, "\tret");
		leaves |= strstr(line, "\tcall") || (strstr(line, "\tjmp") && !strstr(line, call));
	}
	pclose(f);
	if (!nr)
		fail("objdump shows no function %s", function);
	return ends && !leaves ? nr : -1;
}

TEST(scratch_is_inline_and_takes_a_few_instructions)
{
	int alloc, frame;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip("a sanitizer puts calls everywhere");
#endif
	alloc = straight_path("inlined_scratch");
	frame = straight_path("inlined_frame");
	printf("# %d instructions an allocation, %d a frame\n", alloc, frame);
	expect(alloc > 0 && alloc <= 18);
	expect(frame > 0 && frame <= 64);
	expect(straight_path("straight_path") == -1);
}

TEST(frames_are_a_clock)
{
	struct memlane_config c;
	struct memlane *m;
	memlane_handle stale, used;
	int i;

	expect_eq(memlane_config_preset(&c, MEMLANE_PRESET_GAME_LOOP), 0);
	c.frames_per_cycle = 10;
	m = open_with(&c);
	stale = must_alloc(m, 100);
	used = must_alloc(m, 100);
	for (i = 1; i <= 100; i++) {
		expect_eq(memlane_enter(m), 0);
		expect(memlane_get(m, used));
		expect_eq(memlane_exit(m), 0);
		expect_eq(memlane_tick_frame(m), i);
		if (i == 40)
			expect_eq(memlane_lane(m, stale), MEMLANE_FAST);
	}
	expect_eq(stats(m).counts.cycles, 10);
	expect_eq(stats(m).counts.periods, 10);
	expect_eq(memlane_lane(m, stale), MEMLANE_SLOW);
	expect_eq(memlane_lane(m, used), MEMLANE_FAST);
	expect_eq(memlane_enter(m), 0);
	expect_eq(memlane_tick_frame(m), -EDEADLK);
	expect_eq(memlane_exit(m), 0);
	memlane_close(m);
}
