// SPDX-License-Identifier: MIT
/*
 * test-maker.c - objects that their maker frees, while others free and pin them
 *
 * A thread frees what it has made by plain stores until somebody else touches it, once in
 * its life; so each round has an arena of its own, and what is looked for is in the middle.
 */
#include "api.h"

enum { OBJECTS = 256, ROUNDS = 150 };

static struct memlane *m;
static memlane_handle object[OBJECTS];
static int freed[OBJECTS];	/* who was told that he has freed it, counted */
static unsigned long long seed;
static bool stop;
static int at_start;

static void make_all(void)
{
	int i;

	m = open_quiet();
	at_start = 0;
	for (i = 0; i < OBJECTS; i++) {
		freed[i] = 0;
		object[i] = must_alloc(m, 16 + rng_next(&seed) % 200);
		fill(m, object[i], object[i]);
	}
}

static void free_some(int i)
{
	int err = memlane_free(m, object[i]);

	expect(!err || err == -ESTALE || err == -EBUSY);
	if (!err)
		__atomic_add_fetch(&freed[i], 1, __ATOMIC_ACQ_REL);
}

static void free_all(void)
{
	int i;

	for (i = 0; i < OBJECTS; i++)
		free_some(i);
}

/* As above, in one section: nobody waits for its end. */
static void free_all_in_a_section(void)
{
	expect_eq(memlane_enter(m), 0);
	free_all();
	expect_eq(memlane_exit(m), 0);
}

/* The maker's way, or another one. */
static void *free_from(void *arg)
{
	int i, first = (uintptr_t)arg;

	meet(&at_start);
	for (i = 0; i < OBJECTS; i++)
		free_some((first + i) % OBJECTS);
	return NULL;
}

TEST(one_of_two_frees_succeeds)
{
	pthread_t other;
	uintptr_t first;
	int i, round;

	seed = harness_seed();
	for (round = 0; round < ROUNDS; round++) {
		make_all();
		first = round & 1 ? rng_next(&seed) % OBJECTS : 0;
		start(&other, free_from, (void *)first);
		meet(&at_start);
		if (round & 2)
			free_all_in_a_section();
		else
			free_all();
		finish(other);
		for (i = 0; i < OBJECTS; i++)
			expect_eq(freed[i], 1);
		expect_eq(stats(m).live_objects, 0);
		memlane_close(m);
	}
}

/* A thread that holds a pin is told that the object is there, even while a free is at work. */
static void use_pinned(memlane_handle h)
{
	uint32_t size = memlane_size(m, h);
	void *p;

	expect(size >= 16);
	expect_eq(memlane_try_pin(m, h, &p), 0);
	expect_eq(memlane_free(m, h), -EBUSY);
	expect_eq(memlane_unpin(m, h), 0);
	expect(memlane_is_valid(m, h));
	verify(m, h, h);
	expect_eq(memlane_set_hints(m, h, MEMLANE_HINT_COLD), 0);
}

/* A pin keeps its object: the maker is told so. */
static void *pin_from_the_middle(void *arg)
{
	int i, k, first = (uintptr_t)arg;
	void *p;

	meet(&at_start);
	for (i = 0; i < OBJECTS; i++) {
		k = (first + i) % OBJECTS;
		if (memlane_try_pin(m, object[k], &p))
			continue;
		sched_yield();
		expect_eq(__atomic_load_n(&freed[k], __ATOMIC_ACQUIRE), 0);
		use_pinned(object[k]);
		expect_eq(memlane_unpin(m, object[k]), 0);
	}
	return NULL;
}

static void *keep_moving(void *arg)
{
	int lane = MEMLANE_SLOW;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		lane = !lane;
		expect(memlane_migrate_batch(m, lane, object, 64, NULL, NULL) >= 0);
		sched_yield();
	}
	return arg;
}

static void pins_against_frees(bool moving, bool section)
{
	pthread_t other, mover;
	uintptr_t first;
	int i;

	make_all();
	first = rng_next(&seed) % OBJECTS;
	stop = false;
	if (moving)
		start(&mover, keep_moving, NULL);
	start(&other, pin_from_the_middle, (void *)first);
	meet(&at_start);
	if (section)
		free_all_in_a_section();
	else
		free_all();
	finish(other);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	if (moving)
		finish(mover);
	free_all();
	for (i = 0; i < OBJECTS; i++)
		expect_eq(freed[i], 1);
	expect_eq(stats(m).live_objects, 0);
	memlane_close(m);
}

TEST(a_pin_and_its_makers_free)
{
	int round;

	seed = harness_seed();
	for (round = 0; round < ROUNDS; round++)
		pins_against_frees(round & 1, round & 2);
}

static int answer[OBJECTS];	/* of the free; 1: not answered yet */
static int turn;		/* atomic: the object that both are at, counted twice */

/* Spin at first: what is looked for is a few instructions wide. */
static void both_at(int i)
{
	unsigned int look = 0;

	__atomic_add_fetch(&turn, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) < 2 * i + 2)
		if (++look > 2000)
			sched_yield();
}

static void *free_each_once(void *arg)
{
	int i;

	for (i = 0; i < OBJECTS; i++) {
		both_at(i);
		__atomic_store_n(&answer[i], memlane_free(m, object[i]), __ATOMIC_RELEASE);
	}
	return arg;
}

/* True: a pin was told that the object is gone, and it was there after that. */
static bool comes_back(int i)
{
	unsigned int look = 0;
	bool told = false;
	void *p;
	int err;

	do {
		err = memlane_try_pin(m, object[i], &p);
		if (!err)
			expect_eq(memlane_unpin(m, object[i]), 0);
		if (!err && told)
			return true;
		told = told || err == -ESTALE;
		if (++look > 2000)
			sched_yield();
	} while (__atomic_load_n(&answer[i], __ATOMIC_ACQUIRE) > 0);
	return told && memlane_is_valid(m, object[i]);
}

/* What another thread has made: a free that takes it away and brings it back says so. */
TEST(nothing_comes_back_from_a_free_that_succeeds)
{
	int i, round, back = 0;
	pthread_t other;

	for (round = 0; round < ROUNDS / 10; round++) {
		make_all();
		turn = 0;
		for (i = 0; i < OBJECTS; i++)
			answer[i] = 1;
		start(&other, free_each_once, NULL);
		for (i = 0; i < OBJECTS; i++) {
			both_at(i);
			if (!comes_back(i))
				continue;
			back++;
			while (__atomic_load_n(&answer[i], __ATOMIC_ACQUIRE) > 0)
				sched_yield();
			expect_eq(answer[i], -EBUSY);
		}
		finish(other);
		memlane_close(m);
	}
	printf("# %d objects came back from a free that was refused\n", back);
}

/* In a section of the program's, and of objects that are pinned or freed already. */
TEST(a_makers_own_errors)
{
	memlane_handle h, gone;

	m = open_quiet();
	h = must_alloc(m, 64);
	expect(memlane_pin(m, h) != NULL);
	expect_eq(memlane_free(m, h), -EBUSY);
	expect_eq(memlane_unpin(m, h), 0);
	expect_eq(memlane_enter(m), 0);
	expect_eq(memlane_free(m, h), 0);
	expect_eq(memlane_free(m, h), -ESTALE);
	memlane_exit(m);
	expect_eq(memlane_free(m, h), -ESTALE);
	gone = h;
	h = must_alloc(m, 64);
	expect_eq(memlane_free(m, gone), -ESTALE);
	expect_eq(memlane_free(m, h ^ 1ULL << 63), -EBADF);
	expect_eq(memlane_free(m, h ^ 1ULL << 33), -EBADF);
	expect_eq(memlane_free(m, h ^ 1ULL << 58), -EXDEV);
	expect_eq(memlane_free(m, h), 0);
	memlane_close(m);
}

static void *free_one(void *arg)
{
	expect_eq(memlane_free(m, *(memlane_handle *)arg), 0);
	return NULL;
}

/* What a thread leaves is its slot's next thread's; the maker of the rest is gone. */
TEST(objects_of_threads_that_have_ended)
{
	memlane_handle h[2];
	pthread_t t;
	int i;

	m = open_quiet();
	for (i = 0; i < 50; i++) {
		h[0] = must_alloc(m, 64);
		h[1] = must_alloc(m, 64);
		expect_eq(memlane_thread_leave(m), 0);
		start(&t, free_one, &h[0]);
		finish(t);
		expect_eq(memlane_free(m, h[0]), -ESTALE);
		expect_eq(memlane_free(m, h[1]), 0);
	}
	expect_eq(stats(m).live_objects, 0);
	memlane_close(m);
}

/* ------------------------------------------------- more threads than notes can name */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int joined;

static void *take_a_slot(void *arg)
{
	expect_eq(memlane_thread_join(m), 0);
	__atomic_add_fetch(&joined, 1, __ATOMIC_ACQ_REL);
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return arg;
}

/* Its objects are nobody's: it frees them as others do, of all kinds of sizes. */
static void *make_and_free_half(void *arg)
{
	int i;

	for (i = 0; i < OBJECTS; i++)
		object[i] = must_alloc(m, 1 + i * 97);
	for (i = 0; i < OBJECTS; i += 2) {
		expect_eq(memlane_size(m, object[i]), 1 + i * 97);
		expect_eq(memlane_free(m, object[i]), 0);
		expect_eq(memlane_free(m, object[i]), -ESTALE);
	}
	return arg;
}

TEST(threads_past_those_that_a_note_can_name)
{
	static pthread_t thread[MEMLANE_MAKER_MAX];
	struct memlane_config c = quiet();
	pthread_t late;
	unsigned int i;

	c.max_threads = MEMLANE_MAKER_MAX + 8;
	m = open_with(&c);
	joined = 0;
	pthread_mutex_lock(&gate);
	for (i = 0; i < MEMLANE_MAKER_MAX; i++)
		start(&thread[i], take_a_slot, NULL);
	while (__atomic_load_n(&joined, __ATOMIC_ACQUIRE) < (int)MEMLANE_MAKER_MAX)
		sched_yield();
	start(&late, make_and_free_half, NULL);
	finish(late);
	for (i = 1; i < OBJECTS; i += 2)
		expect_eq(memlane_free(m, object[i]), 0);
	expect_eq(stats(m).live_bytes, 0);
	pthread_mutex_unlock(&gate);
	for (i = 0; i < MEMLANE_MAKER_MAX; i++)
		finish(thread[i]);
	memlane_close(m);
}
