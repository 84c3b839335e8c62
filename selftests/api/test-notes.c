// SPDX-License-Identifier: MIT
/* test-notes.c - hints, priorities, tags and their names; identities */
#include "api.h"

TEST(hints_and_priority_are_kept)
{
	struct memlane *m = open_quiet();
	struct memlane_alloc_opts opts = {
		.tag = 9, .priority = 2, .hints = MEMLANE_HINT_OLD | MEMLANE_HINT_EVICTABLE,
	};
	memlane_handle h;

	expect_eq(memlane_alloc_with(m, 10, &opts, &h), 0);
	expect_eq(memlane_hints(m, h), MEMLANE_HINT_OLD | MEMLANE_HINT_EVICTABLE);
	expect_eq(memlane_priority(m, h), 2);
	expect_eq(memlane_set_hints(m, h, MEMLANE_HINT_COLD), 0);
	expect_eq(memlane_set_priority(m, h, 3), 0);
	expect_eq(memlane_hints(m, h), MEMLANE_HINT_COLD);
	expect_eq(memlane_priority(m, h), 3);
	expect_eq(memlane_tag(m, h), 9);
	expect_eq(memlane_state(m, h), MEMLANE_STATE_LIVE);
	memlane_close(m);
}

TEST(nonsense_is_refused)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 10);

	expect_eq(memlane_set_hints(m, h, 16), -EOPNOTSUPP);
	expect_eq(memlane_set_priority(m, h, 4), -EINVAL);
	expect_eq(memlane_free(m, h), 0);
	expect_eq(memlane_set_hints(m, h, 0), -ESTALE);
	expect_eq(memlane_set_priority(m, h, 0), -ESTALE);
	expect_eq(memlane_hints(m, h), -ESTALE);
	expect_eq(memlane_priority(m, h), -ESTALE);
	memlane_close(m);
}

static int find(void *arg, const struct memlane_object *o)
{
	struct memlane_object *want = arg;

	if ((uint32_t)o->handle == (uint32_t)want->handle)
		*want = *o;
	return 0;
}

static bool accessed(struct memlane *m, memlane_handle h)
{
	struct memlane_object o = { .handle = h };

	expect_eq(memlane_each(m, find, &o), 0);
	expect_eq(o.bytes, 300);
	return o.accessed;
}

/* To say that an object is cold must not make it warm. */
TEST(what_is_said_of_an_object_is_no_use_of_it)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 300);

	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect(!accessed(m, h));
	expect_eq(memlane_set_hints(m, h, MEMLANE_HINT_OLD), 0);
	expect_eq(memlane_set_priority(m, h, 2), 0);
	expect(!accessed(m, h));
	expect_eq(memlane_hints(m, h), MEMLANE_HINT_OLD);
	expect_eq(memlane_priority(m, h), 2);
	expect(memlane_pin(m, h) != NULL);
	expect_eq(memlane_unpin(m, h), 0);
	expect(accessed(m, h));
	memlane_close(m);
}

struct noter {
	struct memlane *m;
	memlane_handle h;
	bool hints;
};

static void *note_often(void *arg)
{
	struct noter *n = arg;
	int i;

	for (i = 0; i < 20000; i++) {
		if (n->hints)
			expect_eq(memlane_set_hints(n->m, n->h, i & 15), 0);
		else
			expect_eq(memlane_set_priority(n->m, n->h, i & 3), 0);
	}
	return NULL;
}

TEST(threads_that_note_at_once_lose_nothing)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 10);
	struct noter a = { m, h, true }, b = { m, h, false };
	pthread_t t[2];

	start(&t[0], note_often, &a);
	start(&t[1], note_often, &b);
	finish(t[0]);
	finish(t[1]);
	expect_eq(memlane_hints(m, h), 19999 & 15);
	expect_eq(memlane_priority(m, h), 19999 & 3);
	expect_eq(memlane_unpin(m, h), -EINVAL);
	memlane_close(m);
}

TEST(tags_have_names)
{
	struct memlane *m = open_quiet();
	const char *was;

	expect(!strcmp(memlane_name_of_tag(m, 5), ""));
	expect_eq(memlane_tag_name(m, 5, "texture"), 0);
	expect_eq(memlane_tag_name(m, 65534, "last"), 0);
	was = memlane_name_of_tag(m, 5);
	expect(!strcmp(was, "texture"));
	expect(!strcmp(memlane_name_of_tag(m, 65534), "last"));
	expect(!strcmp(memlane_name_of_tag(m, MEMLANE_TAG_FRAME), "frame scratch"));
	expect_eq(memlane_tag_name(m, 5, "mesh"), 0);
	expect(!strcmp(memlane_name_of_tag(m, 5), "mesh"));
	expect(!strcmp(was, "texture"));
	expect_eq(memlane_tag_name(m, 5, NULL), 0);
	expect(!strcmp(memlane_name_of_tag(m, 5), ""));
	memlane_close(m);
}

TEST(the_tag_of_scratch_is_for_scratch)
{
	struct memlane *m = open_quiet();
	struct memlane_alloc_opts opts = { .tag = MEMLANE_TAG_FRAME };
	memlane_handle h = 1;

	expect_eq(memlane_alloc_with(m, 10, &opts, &h), -EINVAL);
	expect_eq(h, 0);
	opts.tag--;
	expect_eq(memlane_alloc_with(m, 10, &opts, &h), 0);
	memlane_close(m);
}

TEST(the_id_tells_the_lane_and_the_handle_stays)
{
	struct memlane *m = open_quiet();
	memlane_handle h = must_alloc(m, 100);
	int64_t id = memlane_id(m, h);

	expect(id > 0);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), 0);
	expect_eq(memlane_id(m, h), -id);
	expect_eq(memlane_migrate(m, h, MEMLANE_FAST), 0);
	expect_eq(memlane_id(m, h), id);
	expect(memlane_is_valid(m, h));
	expect_eq(memlane_free(m, h), 0);
	expect_eq(memlane_id(m, h), 0);
	memlane_close(m);
}

/* Until more than a part of the FastLane is in use; what fills it stays there. */
static void fill_up_to(struct memlane *m, unsigned int percent)
{
	struct memlane_alloc_opts opts = {
		.lane = MEMLANE_IN_FAST, .flags = MEMLANE_NO_SPILL,
		.hints = MEMLANE_HINT_FRAME_CRITICAL,
	};
	struct memlane_lane_stat st;
	memlane_handle h;

	do {
		expect_eq(memlane_alloc_with(m, 500, &opts, &h), 0);
		st = stats(m).counts.lane[MEMLANE_FAST];
	} while (st.used * 100 < st.limit * percent);
}

/* Several ageing periods, in which nothing is used. */
static void let_age(struct memlane *m)
{
	int i;

	for (i = 0; i < 10; i++)
		expect_eq(memlane_run_maintenance_cycle(m), 0);
}

TEST(a_priority_delays_leaving_the_fast_lane)
{
	struct memlane_config c = quiet();
	memlane_handle h[MEMLANE_PRIORITIES];
	struct memlane *m;
	unsigned int left, i;

	c.age_interval = 0;
	c.fast_lane_size = c.fast_lane_max = MIB;
	m = open_with(&c);
	for (i = 0; i < MEMLANE_PRIORITIES; i++) {
		h[i] = must_alloc(m, 100);
		expect_eq(memlane_set_priority(m, h[i], i), 0);
	}
	/* At once, from one half on, from the compaction threshold on, never. */
	for (left = 1; left <= MEMLANE_PRIORITIES; left++) {
		let_age(m);
		for (i = 0; i < MEMLANE_PRIORITIES; i++)
			expect_eq(memlane_lane(m, h[i]),
				  i < left && i < 3 ? MEMLANE_SLOW : MEMLANE_FAST);
		if (left < 3)
			fill_up_to(m, left == 1 ? 51 : 91);
	}
	memlane_close(m);
}
