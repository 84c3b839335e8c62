// SPDX-License-Identifier: MIT
/* test-resize.c - another size under the same handle */
#include "api.h"

#define SOME 300

static unsigned long long seed;

/* Of each order of magnitude as often. */
static uint64_t any_size(void)
{
	return 1 + below(&seed, 16ULL << below(&seed, 15));
}

static uint64_t address(struct memlane *m, memlane_handle h)
{
	uint64_t at = (uintptr_t)memlane_pin(m, h);

	expect(at != 0);
	expect_eq(memlane_unpin(m, h), 0);
	return at;
}

static uint64_t expected_room(struct memlane *m, uint64_t size)
{
	uint32_t block = memlane_class_bytes(m, memlane_size_class(m, size));

	return block ? block : (size + 4095) / 4096 * 4096;
}

/* What a tool or MEMLANE_GUARD watches keeps its size. */
static struct memlane *open_resizable(void)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 64);

	if (memlane_resize(m, h, 64) == -EOPNOTSUPP)
		skip("the arena is watched");
	expect_eq(memlane_free(m, h), 0);
	return m;
}

/* The first bytes of what @id filled. */
static void verify_first(struct memlane *m, memlane_handle h, uint64_t id, uint64_t nr)
{
	const unsigned char *p;
	uint64_t i;

	expect_eq(memlane_enter(m), 0);
	p = memlane_get(m, h);
	expect(p != NULL);
	for (i = 0; i < nr; i++)
		expect_eq(p[i], pattern(id, i));
	expect_eq(memlane_exit(m), 0);
}

/* It has the pages all the time, and its size does not say so. */
TEST(a_large_object_that_shrank_where_it_is_grows_again)
{
	struct memlane *m = open_resizable();
	memlane_handle h = must_alloc(m, 47732);
	uint64_t at, size;

	fill(m, h, 1);
	for (size = 26000; size < 47732; size += 3000) {
		expect_eq(memlane_resize(m, h, 26000), 0);
		expect_eq(memlane_resize(m, h, size), 0);
		verify_first(m, h, 1, 26000);
		expect_eq(memlane_resize(m, h, 47732), 0);
		verify_first(m, h, 1, 26000);
		fill(m, h, 1);
	}
	expect_eq(memlane_enter(m), 0);
	at = (uintptr_t)memlane_get(m, h);
	expect_eq(memlane_resize(m, h, 100), 0);
	expect_eq(memlane_exit(m), 0);
	expect_eq(address(m, h), at);
	expect_eq(memlane_resize(m, h, 47732), 0);
	verify_first(m, h, 1, 100);
	memlane_close(m);
}

/* Whatever comes before and after, bytes are kept, and nobody else's are touched. */
TEST(sizes_at_random_among_others)
{
	struct memlane *m = open_resizable();
	memlane_handle h[SOME];
	uint64_t size, was, live = 0, i, k;

	seed = harness_seed();
	for (i = 0; i < SOME; i++) {
		h[i] = must_alloc(m, any_size());
		fill(m, h[i], i);
	}
	for (i = 0; i < 6000; i++) {
		k = below(&seed, SOME);
		was = memlane_size(m, h[k]);
		size = any_size();
		if (i % 5 == 0) {
			verify(m, h[k], k);
			expect_eq(memlane_free(m, h[k]), 0);
			h[k] = must_alloc(m, size);
		} else {
			expect_eq(memlane_resize(m, h[k], size), 0);
			expect_eq(memlane_size(m, h[k]), size);
			verify_first(m, h[k], k, size < was ? size : was);
		}
		fill(m, h[k], k);
		if (i % 500 == 0)
			expect_eq(memlane_compact(m, MEMLANE_BOTH_LANES, 0, NULL), 0);
	}
	for (i = 0; i < SOME; i++)
		live += memlane_size(m, h[i]);
	expect_eq(stats(m).live_bytes, live);
	expect_eq(stats(m).live_objects, SOME);
	for (i = 0; i < SOME; i++) {
		verify(m, h[i], i);
		expect_eq(memlane_free(m, h[i]), 0);
	}
	expect_eq(stats(m).live_bytes, 0);
	memlane_close(m);
}

TEST(where_there_is_room_it_stays)
{
	struct memlane *m = open_resizable();
	memlane_handle h = must_alloc(m, 1000), blob = must_alloc(m, 100000);
	uint64_t at = address(m, h), blob_at = address(m, blob);

	expect_eq(memlane_resize(m, h, 1024), 0);
	expect_eq(memlane_resize(m, h, 513), 0);
	expect_eq(address(m, h), at);
	expect_eq(memlane_size(m, h), 513);
	expect_eq(memlane_resize(m, h, 500), 0);
	expect(address(m, h) != at);
	expect_eq(memlane_resize(m, blob, 25 * 4096), 0);
	expect_eq(memlane_resize(m, blob, 60000), 0);
	expect_eq(address(m, blob), blob_at);
	expect_eq(memlane_size(m, blob), 60000);
	memlane_close(m);
}

/* However much of the place is left over, by which the words that tell it differ. */
TEST(each_size_that_a_place_has_room_for)
{
	static const uint64_t places[] = { 16, 256, 1024, 2048, 32768, 81920 };
	struct memlane *m = open_resizable();
	memlane_handle h;
	uint64_t size;
	unsigned int i;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		h = must_alloc(m, places[i]);
		expect_eq(memlane_enter(m), 0);
		for (size = places[i]; size + 300 > places[i] && size; size--) {
			expect_eq(memlane_resize(m, h, size), 0);
			expect_eq(memlane_size(m, h), size);
			expect_eq(stats(m).live_bytes, size);
			expect_eq(memlane_usable_size(m, h), places[i]);
		}
		expect_eq(memlane_resize(m, h, places[i] - 1), 0);
		expect_eq(memlane_exit(m), 0);
		expect_eq(memlane_free(m, h), 0);
		expect_eq(stats(m).live_bytes, 0);
	}
	memlane_close(m);
}

TEST(in_a_section_it_stays_or_is_refused)
{
	struct memlane *m = open_resizable();
	memlane_handle h = must_alloc(m, 1000);
	unsigned char *p;

	fill(m, h, 1);
	expect_eq(memlane_enter(m), 0);
	p = memlane_get(m, h);
	expect_eq(memlane_resize(m, h, 1025), -EDEADLK);
	expect_eq(memlane_size(m, h), 1000);
	expect_eq(memlane_resize(m, h, 10), 0);
	expect_eq(memlane_resize(m, h, 1024), 0);
	expect(memlane_get(m, h) == p);
	expect_eq(memlane_exit(m), 0);
	verify_first(m, h, 1, 1000);
	memlane_close(m);
}

TEST(pinned_it_stays_or_is_refused)
{
	struct memlane *m = open_resizable();
	memlane_handle h = must_alloc(m, 1000);
	void *p = memlane_pin(m, h);

	expect(p != NULL);
	expect_eq(memlane_resize(m, h, 1024), 0);
	expect_eq(memlane_resize(m, h, 3000), -EBUSY);
	expect_eq(memlane_size(m, h), 1024);
	expect_eq(memlane_unpin(m, h), 0);
	expect_eq(memlane_resize(m, h, 3000), 0);
	memlane_close(m);
}

/* And the place is of the new size's class, wherever it came from. */
TEST(what_is_known_of_it_stays)
{
	static const uint64_t sizes[] = { 48, 5000, 40000, 300000, 50000, 20000, 17 };
	struct memlane_alloc_opts opts = {
		.tag = 7, .group = 9, .priority = 2, .hints = MEMLANE_HINT_COLD,
	};
	struct memlane *m = open_resizable();
	struct memlane_cost c;
	memlane_handle h;
	size_t i;

	expect_eq(memlane_alloc_with(m, 100, &opts, &h), 0);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		expect_eq(memlane_resize(m, h, sizes[i]), 0);
		expect_eq(memlane_tag(m, h), 7);
		expect_eq(memlane_group(m, h), 9);
		expect_eq(memlane_priority(m, h), 2);
		expect_eq(memlane_hints(m, h), MEMLANE_HINT_COLD);
		expect_eq(memlane_migration_cost(m, h, !memlane_lane(m, h), &c), 0);
		expect_eq(c.out_bytes + c.out_pages * 4096, expected_room(m, sizes[i]));
	}
	expect_eq(memlane_free(m, h), 0);
	memlane_close(m);
}

TEST(what_cannot_be_done_is_told)
{
	struct memlane_config c = quiet();
	struct memlane *m = open_resizable(), *small, *guarded;
	memlane_handle h = must_alloc(m, 64), gone = must_alloc(m, 64);

	expect_eq(memlane_free(m, gone), 0);
	expect_eq(memlane_resize(m, gone, 100), -ESTALE);
	expect_eq(memlane_resize(m, h ^ 1ULL << 33, 100), -EBADF);
	expect_eq(memlane_resize(m, h ^ 1ULL << 58, 100), -EXDEV);
	expect_eq(memlane_resize(m, h, 0), -EINVAL);
	expect_eq(memlane_resize(m, h, MEMLANE_SIZE_MAX + 1), -EINVAL);
	expect_eq(memlane_resize(m, h, 1ULL << 39), -ENOSPC);
	expect_eq(memlane_size(m, h), 64);
	memlane_close(m);
	c.fast_lane_size = c.fast_lane_max = c.slow_lane_size = c.slow_lane_max = 1 << 20;
	small = open_with(&c);
	h = must_alloc(small, 500000);
	fill(small, h, 3);
	expect_eq(memlane_resize(small, h, 1100000), -ENOSPC);
	verify(small, h, 3);
	memlane_close(small);
	c = quiet();
	c.tracking = true;
	guarded = open_with(&c);
	h = must_alloc(guarded, 64);
	expect_eq(memlane_resize(guarded, h, 60), -EOPNOTSUPP);
	memlane_close(guarded);
}

/* ------------------------------------------------------------- at the same time */

static struct memlane *shared;
static memlane_handle object[SOME];
static int at_start;

/* From the end, so that both meet in the middle. */
static void *free_all(void *arg)
{
	int i, err;

	meet(&at_start);
	for (i = SOME - 1; i >= 0; i--) {
		do
			err = memlane_free(shared, object[i]);
		while (err == -EBUSY);
		expect_eq(err, 0);
	}
	return arg;
}

/* Afterwards each index is in the stock of its own class. */
static void expect_classes(void)
{
	static memlane_handle h[SOME];
	uint64_t size;
	int i;

	for (i = 0; i < SOME; i++) {
		size = any_size() % 3000 + 1;
		h[i] = must_alloc(shared, size);
		fill(shared, h[i], i);
	}
	for (i = 0; i < SOME; i++) {
		verify(shared, h[i], i);
		expect_eq(memlane_free(shared, h[i]), 0);
	}
}

TEST(one_resizes_what_another_frees)
{
	pthread_t other;
	int i, err, round;

	seed = harness_seed();
	for (round = 0; round < 40; round++) {
		shared = open_resizable();
		at_start = 0;
		for (i = 0; i < SOME; i++)
			object[i] = must_alloc(shared, 1 + below(&seed, 3000));
		start(&other, free_all, NULL);
		meet(&at_start);
		for (i = 0; i < SOME; i++) {
			err = memlane_resize(shared, object[i], 1 + below(&seed, 3000));
			expect(!err || err == -ESTALE || err == -EAGAIN);
		}
		finish(other);
		expect_eq(stats(shared).live_objects, 0);
		expect_classes();
		memlane_close(shared);
	}
}

/* ------------------------------------------------------- more than one resizes */

#define TURNS	20000
#define PLACE	2048U

/* Where it is, as a section is open. */
static void *resize_in_place(void *arg)
{
	unsigned long long own = (unsigned long)arg;
	int i;

	meet(&at_start);
	expect_eq(memlane_enter(shared), 0);
	for (i = 0; i < TURNS; i++)
		expect_eq(memlane_resize(shared, object[0], PLACE - below(&own, 200)), 0);
	expect_eq(memlane_exit(shared), 0);
	return NULL;
}

/* None of the changes is lost, nor counted twice. */
TEST(all_resize_one_object)
{
	pthread_t other;
	int i;

	seed = harness_seed();
	shared = open_resizable();
	object[0] = must_alloc(shared, PLACE);
	at_start = 0;
	start(&other, resize_in_place, (void *)(unsigned long)(seed + 1));
	meet(&at_start);
	for (i = 0; i < TURNS; i++) {
		expect(memlane_size(shared, object[0]) + 200 > PLACE);
		expect_eq(memlane_usable_size(shared, object[0]), PLACE);
		expect_eq(memlane_enter(shared), 0);
		expect_eq(memlane_resize(shared, object[0], PLACE - below(&seed, 200)), 0);
		expect_eq(memlane_exit(shared), 0);
	}
	finish(other);
	expect_eq(stats(shared).live_bytes, memlane_size(shared, object[0]));
	expect_eq(memlane_free(shared, object[0]), 0);
	expect_eq(stats(shared).live_bytes, 0);
	memlane_close(shared);
}

static int over;

/* The size and what is left of its place go together: 100 + 12 bytes, or whole pages. */
static void *look_at_it(void *arg)
{
	uint64_t size, room;

	meet(&at_start);
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		size = memlane_size(shared, object[0]);
		expect(size == 100 || size == 40000);
		room = memlane_usable_size(shared, object[0]);
		expect(room == 112 || room == 40960);
	}
	return arg;
}

TEST(who_looks_finds_one_size_or_the_other)
{
	pthread_t other;
	int i, err;

	shared = open_resizable();
	object[0] = must_alloc(shared, 100);
	at_start = over = 0;
	start(&other, look_at_it, NULL);
	meet(&at_start);
	for (i = 0; i < 1000; i++) {
		err = memlane_resize(shared, object[0], i % 2 ? 100 : 40000);
		expect(!err || err == -EAGAIN);
	}
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	finish(other);
	memlane_close(shared);
}
