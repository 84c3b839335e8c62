// SPDX-License-Identifier: MIT
/* test-tally.c - what moved and what did not, by lane, size class, tag and group */
#include "api.h"

#define N 300

static struct memlane_tally tally(struct memlane *m, enum memlane_tally_by by, uint32_t which)
{
	struct memlane_tally t;

	memset(&t, 0xa5, sizeof(t));
	expect_eq(memlane_tally(m, by, which, &t), 0);
	return t;
}

static uint32_t kinds(enum memlane_tally_by by)
{
	return by == MEMLANE_BY_LANE ? 2 : by == MEMLANE_BY_CLASS ? 256 : 65536;
}

static struct memlane_tally sum(struct memlane *m, enum memlane_tally_by by)
{
	struct memlane_tally all = { .bytes = 0 }, t;
	__u64 *to = (__u64 *)&all, *from = (__u64 *)&t;
	uint32_t which;
	size_t i;

	for (which = 0; which < kinds(by); which++) {
		if (memlane_tally(m, by, which, &t))
			continue;
		for (i = 0; i < sizeof(t) / sizeof(*from); i++)
			to[i] += from[i];
	}
	return all;
}

/* Whatever happened counts once for each way to tell objects apart. */
static void verify_sums(struct memlane *m)
{
	struct memlane_counts c = stats(m).counts;
	struct memlane_tally t;
	int by, cause;

	for (by = MEMLANE_BY_LANE; by <= MEMLANE_BY_GROUP; by++) {
		t = sum(m, by);
		for (cause = 0; cause < 8; cause++)
			expect_eq(t.by_cause[cause], c.by_cause[cause]);
		expect_eq(t.vetoed, c.vetoed);
		expect_eq(t.pinned, c.pinned);
		expect_eq(t.held, c.held);
		expect_eq(t.given_up, c.given_up);
		expect(t.faults <= c.faults);
		if (by == MEMLANE_BY_LANE || by == MEMLANE_BY_CLASS)
			expect_eq(t.pages * 4096, c.lane[0].used + c.lane[1].used);
	}
}

static memlane_handle make(struct memlane *m, uint64_t size, uint16_t tag, uint16_t group)
{
	struct memlane_alloc_opts opts = { .tag = tag, .group = group, .lane = MEMLANE_IN_FAST };
	memlane_handle h;

	expect_eq(memlane_alloc_with(m, size, &opts, &h), 0);
	return h;
}

TEST(an_arena_that_has_moved_nothing_says_so)
{
	struct memlane *m = open_quiet();
	struct memlane_tally t;

	verify_sums(m);
	must_alloc(m, 100);
	verify_sums(m);
	t = tally(m, MEMLANE_BY_TAG, 65535);
	expect_eq(t.bytes, 0);
	expect_eq(t.faults, 0);
	memlane_close(m);
}

TEST(moves_are_told_by_cause_for_each_kind)
{
	struct memlane *m = open_quiet();
	memlane_handle h[N];
	struct memlane_tally t;
	int i;

	for (i = 0; i < N; i++) {
		h[i] = make(m, i % 3 ? 500 : 40, 7 + i % 2, 1000);
		fill(m, h[i], i);
		expect_eq(memlane_migrate(m, h[i], MEMLANE_SLOW), 0);
	}
	t = tally(m, MEMLANE_BY_TAG, 7);
	expect_eq(t.by_cause[MEMLANE_CAUSE_HAND], N / 2);
	expect_eq(t.bytes, N / 2 / 3 * memlane_class_bytes(m, memlane_size_class(m, 40)) +
				   N / 2 * 2 / 3 * memlane_class_bytes(m, memlane_size_class(m, 500)));
	expect_eq(tally(m, MEMLANE_BY_TAG, 8).by_cause[MEMLANE_CAUSE_HAND], N / 2);
	expect_eq(tally(m, MEMLANE_BY_TAG, 9).by_cause[MEMLANE_CAUSE_HAND], 0);
	expect_eq(tally(m, MEMLANE_BY_GROUP, 1000).by_cause[MEMLANE_CAUSE_HAND], N);
	expect_eq(tally(m, MEMLANE_BY_GROUP, 0).by_cause[MEMLANE_CAUSE_HAND], 0);
	expect_eq(tally(m, MEMLANE_BY_CLASS, memlane_size_class(m, 40)).by_cause[MEMLANE_CAUSE_HAND],
		  N / 3);
	expect_eq(tally(m, MEMLANE_BY_LANE, MEMLANE_FAST).by_cause[MEMLANE_CAUSE_HAND], N);
	expect_eq(tally(m, MEMLANE_BY_LANE, MEMLANE_SLOW).by_cause[MEMLANE_CAUSE_HAND], 0);
	/* Half of the spans' objects go, the others are put together. */
	for (i = 0; i < N; i += 2)
		expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	expect(tally(m, MEMLANE_BY_TAG, 8).by_cause[MEMLANE_CAUSE_COMPACT] > 0);
	expect(tally(m, MEMLANE_BY_LANE, MEMLANE_SLOW).by_cause[MEMLANE_CAUSE_COMPACT] > 0);
	expect_eq(tally(m, MEMLANE_BY_TAG, 7).by_cause[MEMLANE_CAUSE_COMPACT], 0);
	verify_sums(m);
	memlane_close(m);
}

TEST(blobs_have_a_class_of_their_own)
{
	struct memlane *m = open_quiet();
	memlane_handle h = make(m, 100 * KIB, 3, 4);
	struct memlane_tally t;

	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), 0);
	t = tally(m, MEMLANE_BY_CLASS, MEMLANE_CLASS_BLOB);
	expect_eq(t.by_cause[MEMLANE_CAUSE_HAND], 1);
	expect_eq(t.bytes, 100 * KIB);
	expect_eq(t.pages, 25);
	expect_eq(tally(m, MEMLANE_BY_LANE, MEMLANE_FAST).pages, 0);
	expect_eq(tally(m, MEMLANE_BY_LANE, MEMLANE_SLOW).pages, 25);
	verify_sums(m);
	expect_eq(memlane_free(m, h), 0);
	expect_eq(tally(m, MEMLANE_BY_CLASS, MEMLANE_CLASS_BLOB).pages, 0);
	verify_sums(m);
	memlane_close(m);
}

TEST(what_stays_is_told_with_the_reason)
{
	struct memlane *m = open_quiet();
	memlane_handle h = make(m, 200, 11, 12);

	expect(memlane_pin(m, h) != NULL);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), -EBUSY);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), -EBUSY);
	expect_eq(memlane_unpin(m, h), 0);
	expect_eq(tally(m, MEMLANE_BY_TAG, 11).pinned, 2);
	expect_eq(tally(m, MEMLANE_BY_GROUP, 12).pinned, 2);
	expect_eq(tally(m, MEMLANE_BY_CLASS, memlane_size_class(m, 200)).pinned, 2);
	expect_eq(tally(m, MEMLANE_BY_LANE, MEMLANE_FAST).pinned, 2);
	expect_eq(tally(m, MEMLANE_BY_LANE, MEMLANE_FAST).by_cause[MEMLANE_CAUSE_HAND], 0);
	verify_sums(m);
	memlane_close(m);
}

struct sitter {
	struct memlane *m;
	int go;
};

/* Stays in a section past the grace period, and uses nothing in it. */
static void *sit(void *arg)
{
	struct sitter *s = arg;

	expect_eq(memlane_enter(s->m), 0);
	__atomic_store_n(&s->go, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&s->go, __ATOMIC_ACQUIRE) == 1)
		usleep(1000);
	expect_eq(memlane_exit(s->m), 0);
	return NULL;
}

TEST(moves_that_a_section_outlasted_are_given_up)
{
	struct memlane_config c = quiet();
	struct sitter s = { .go = 0 };
	memlane_handle h;
	pthread_t t;

	c.section_grace = 0.01;
	s.m = open_with(&c);
	h = make(s.m, 200, 21, 22);
	start(&t, sit, &s);
	while (!__atomic_load_n(&s.go, __ATOMIC_ACQUIRE))
		usleep(1000);
	expect_eq(memlane_migrate(s.m, h, MEMLANE_SLOW), -EAGAIN);
	__atomic_store_n(&s.go, 2, __ATOMIC_RELEASE);
	finish(t);
	expect_eq(tally(s.m, MEMLANE_BY_TAG, 21).given_up, 1);
	expect_eq(tally(s.m, MEMLANE_BY_GROUP, 22).given_up, 1);
	verify_sums(s.m);
	memlane_close(s.m);
}

TEST(what_is_dropped_is_told_of_its_group)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	uint64_t before;
	int i;

	c.slow_lane_size = 2 * MIB;
	c.slow_lane_max = 2 * MIB;
	m = open_with(&c);
	expect_eq(memlane_group_purgeable(m, 5, true), 0);
	for (i = 0; i < 120; i++) {
		struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_SLOW, .group = 5, .tag = 6 };
		memlane_handle h;

		if (memlane_alloc_with(m, 15 * KIB, &opts, &h))
			break;
	}
	for (i = 0; i < 4; i++)
		expect_eq(memlane_run_maintenance_cycle(m), 0);
	before = stats(m).counts.by_cause[MEMLANE_CAUSE_PURGE];
	expect(before > 0);
	expect_eq(tally(m, MEMLANE_BY_GROUP, 5).by_cause[MEMLANE_CAUSE_PURGE], before);
	expect_eq(tally(m, MEMLANE_BY_TAG, 6).by_cause[MEMLANE_CAUSE_PURGE], before);
	expect_eq(tally(m, MEMLANE_BY_LANE, MEMLANE_SLOW).by_cause[MEMLANE_CAUSE_PURGE], before);
	verify_sums(m);
	memlane_close(m);
}

/* The page that an object has its first byte on is that object's fault, of a blob each. */
TEST(faults_are_told_of_the_object_that_was_met)
{
	struct memlane *m = open_quiet();
	memlane_handle block, blob;
	struct memlane_tally t;
	char *p;

	if (!(memlane_capabilities(m) & MEMLANE_CAP_MODULE))
		skip("the local backend does not see page faults");
	block = make(m, 3000, 31, 32);
	p = memlane_pin(m, block);
	*p = 1;
	expect_eq(tally(m, MEMLANE_BY_TAG, 31).faults, 1);
	expect_eq(tally(m, MEMLANE_BY_GROUP, 32).faults, 1);
	expect_eq(tally(m, MEMLANE_BY_CLASS, memlane_size_class(m, 3000)).faults, 1);
	expect_eq(tally(m, MEMLANE_BY_LANE, MEMLANE_FAST).faults, 1);
	blob = must_alloc(m, 3 * MIB);
	p = memlane_pin(m, blob);
	memset(p, 1, 3 * MIB);
	t = tally(m, MEMLANE_BY_CLASS, MEMLANE_CLASS_BLOB);
	expect_eq(t.faults, 768);
	expect_eq(tally(m, MEMLANE_BY_LANE, MEMLANE_SLOW).faults, 768);
	expect_eq(tally(m, MEMLANE_BY_TAG, 0).faults, 768);
	expect_eq(tally(m, MEMLANE_BY_TAG, 31).faults, 1);
	verify_sums(m);
	memlane_close(m);
}

TEST(every_tag_and_group_has_a_tally)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	uint32_t i;

	c.slow_lane_size = 64 * MIB;
	c.fast_lane_size = 64 * MIB;
	m = open_with(&c);
	for (i = 0; i < 65536; i += 97)
		expect_eq(memlane_migrate(m, make(m, 64, i == 65535 ? 0 : i, 65535 - i),
					  MEMLANE_SLOW), 0);
	for (i = 0; i < 65536; i++) {
		expect_eq(tally(m, MEMLANE_BY_TAG, i).by_cause[MEMLANE_CAUSE_HAND], i % 97 == 0);
		expect_eq(tally(m, MEMLANE_BY_GROUP, 65535 - i).by_cause[MEMLANE_CAUSE_HAND],
			  i % 97 == 0);
	}
	verify_sums(m);
	memlane_close(m);
}

static void churn(struct memlane *m, unsigned long long *seed, memlane_handle *h)
{
	uint64_t what = rng_next(seed);

	if (!*h) {
		*h = make(m, 1 + what % 20000, what >> 20 & 15, what >> 24 & 15);
		return;
	}
	switch (what % 6) {
	case 0:
		memlane_migrate(m, *h, what >> 8 & 1);
		break;
	case 1:
		memlane_migrate(m, *h, what >> 8 & 1);
		memlane_free(m, *h);
		*h = 0;
		break;
	case 2:
		memlane_compact(m, 0, 0, NULL);
		break;
	case 3:
		memlane_maintain(m, NULL);
		break;
	case 4:
		memlane_pin(m, *h);
		memlane_migrate(m, *h, what >> 8 & 1);
		memlane_unpin(m, *h);
		break;
	default:
		memlane_group_migrate(m, what >> 24 & 15, what >> 8 & 1);
	}
}

TEST(sums_agree_whatever_is_done)
{
	struct memlane *m = open_quiet();
	unsigned long long seed = harness_seed();
	memlane_handle h[64] = { 0 };
	int i;

	for (i = 0; i < 3000; i++) {
		churn(m, &seed, &h[rng_next(&seed) % 64]);
		if (i % 1000 == 0)
			verify_sums(m);
	}
	verify_sums(m);
	memlane_close(m);
}

TEST(nonsense_is_refused_and_old_structs_get_their_part)
{
	struct memlane *m = open_quiet();
	struct {
		uint64_t first;
		uint64_t next;
	} old = { 1, 2 };
	struct memlane_tally t;

	expect_eq(memlane_tally(m, MEMLANE_BY_LANE, 2, &t), -EINVAL);
	expect_eq(memlane_tally(m, MEMLANE_BY_CLASS, memlane_size_class(m, MEMLANE_BLOCK_MAX) + 1, &t), -EINVAL);
	expect_eq(memlane_tally(m, MEMLANE_BY_CLASS, 256, &t), -EINVAL);
	expect_eq(memlane_tally(m, MEMLANE_BY_TAG, 65536, &t), -EINVAL);
	expect_eq(memlane_tally(m, MEMLANE_BY_GROUP, 65536, &t), -EINVAL);
	expect_eq(memlane_tally(m, (enum memlane_tally_by)4, 0, &t), -EINVAL);
	expect_eq(memlane_tally_sized(m, MEMLANE_BY_TAG, 0, (void *)&old, 8), 0);
	expect_eq(old.first, 0);
	expect_eq(old.next, 2);
	memlane_close(m);
}
