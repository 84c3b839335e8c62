// SPDX-License-Identifier: MIT
/*
 * test-small.c - every sequence of a few objects
 *
 * A sequence is an order in which objects are allocated and freed, the kind of
 * each, and one strike: at one point of it the engine moves what it can, or what
 * it is told to, and something may be in its way. All of them are played, on an
 * arena that is empty before and after each. Beside it stands a model that knows
 * the bytes, the place, the lane and the state of every object.
 *
 * Fillers leave one place in their span, so that two objects suffice for two
 * part-filled spans of one class.
 *
 * ML_OPS: so many sequences at least in each test, as far as it can: more kinds,
 * and of five objects every order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "ktap.h"
#include "lane.h"
#include "table.h"
#include "world.h"

#define MOST	5
#define STEPS	(2 * MOST)
#define FILLERS	7
#define ALLOC	MOST		/* a step; the others free the object of that number */
#define FILLER	MOST		/* the number of the first filler */
#define USUAL	400000		/* ML_OPS */
#define GOAL	750000		/* of all tests together */

static const struct kind {
	u64 length;
	unsigned int lane;
} kinds[] = {
	{ 8000, MEMLANE_SLOW },		/* beside the fillers */
	{ 40000, MEMLANE_SLOW },	/* a blob */
	{ 8192, MEMLANE_FAST },		/* the same class in the other lane */
	{ 7000, MEMLANE_SLOW },		/* another class */
	{ 60000, MEMLANE_FAST },	/* another blob */
};

#define KINDS	(sizeof(kinds) / sizeof(*kinds))

enum blow {
	NOTHING,
	COMPACT,	/* before a step */
	GRACE,		/* the step falls into the grace period of compaction */
	TO_FAST,	/* what is live goes there, by hand */
	TO_SLOW,
	PINNED,		/* compaction, and one object is pinned */
	PINNED_LATE,	/* it is pinned in the grace period */
	SHUT,		/* a section is open: nothing may move */
};

struct strike {
	enum blow blow;
	unsigned int point;	/* the step before which it falls */
	unsigned int who;	/* is pinned */
};

struct object {
	u64 handle;
	u64 loc;
	u64 length;
	u64 seed;
	unsigned int lane;
	bool live;
	bool pinned;
};

static struct {
	struct world *w;
	struct ml_arena *a;
	u32 slot;
	unsigned int nr;		/* objects */
	unsigned int kinds;		/* how many of these */
	bool first;			/* all are allocated before one is freed */
	unsigned int kind[MOST];
	unsigned int step[STEPS];
	unsigned int allocated;
	bool in_grace;			/* the step at hand fell there */
	struct object object[MOST + FILLERS];
	u64 seed;
	u64 sequences;
	u64 moves;			/* objects that moved */
	u64 graces;			/* something happened in a grace period */
} t;

static u64 in_all;

/* --------------------------------------------------------------- the model */

static u64 *first_word(const struct object *o)
{
	return world_at(t.w, o->loc, 8);
}

static u64 *last_word(const struct object *o)
{
	u64 at = o->length - 8;

	return (u64 *)((u8 *)world_at(t.w, o->loc + at / 8, 8 + at % 8) + at % 8);
}

static void write_bytes(const struct object *o)
{
	*first_word(o) = o->seed;
	*last_word(o) = ~o->seed;
}

static void verify(const struct object *o)
{
	u64 word = *world_entry(t.w, o->handle);

	expect_eq(world_in_state(word, MEMLANE_ENTRY_USED),
		  memlane_entry_at(MEMLANE_ENTRY_CLEAN | o->handle, (u32)o->handle, o->loc));
	expect_eq(world_place(t.w, (u32)o->handle), o->loc);
	expect_eq(*first_word(o), o->seed);
	expect_eq(*last_word(o), ~o->seed);
}

static void verify_all(void)
{
	unsigned int i;

	for (i = 0; i < MOST + FILLERS; i++)
		if (t.object[i].live)
			verify(&t.object[i]);
}

static void born(struct object *o, u64 handle, u64 length, unsigned int lane)
{
	*o = (struct object){
		.handle = handle, .length = length, .lane = lane, .live = true,
		.loc = world_place(t.w, (u32)handle), .seed = ++t.seed,
	};
	expect_eq(ml_lane_of(t.a, o->loc), lane);
	write_bytes(o);
}

/* ------------------------------------------------------------------- steps */

static void alloc(void)
{
	const struct kind *k = &kinds[t.kind[t.allocated]];
	u64 handle = world_alloc(t.w, k->lane, k->length);
	unsigned int i;

	for (i = 0; i < MOST + FILLERS; i++)
		expect(t.object[i].handle != handle);
	born(&t.object[t.allocated++], handle, k->length, k->lane);
}

static void give_back(struct object *o)
{
	unsigned int state;

	world_free(t.w, o->handle);
	o->live = false;
	state = world_query(t.w, o->handle).out_state;
	expect(state == MEMLANE_STATE_FREED || state == MEMLANE_STATE_RETIRED);
}

static void step(unsigned int i)
{
	if (t.step[i] == ALLOC)
		alloc();
	else
		give_back(&t.object[t.step[i]]);
}

static void pin(struct object *o, bool on)
{
	*world_pin(t.w, o->handle) += on ? MEMLANE_PIN_ONE : -MEMLANE_PIN_ONE;
	o->pinned = on;
}

/* ----------------------------------------------------------------- strikes */

/* Objects are where the strike left them: each moved once, in its lane or to @lane. */
static void arrived(const struct memlane_step *done, unsigned int lane)
{
	unsigned int i, moved = 0;

	for (i = 0; i < MOST + FILLERS; i++) {
		struct object *o = &t.object[i];
		u64 loc = o->live ? world_place(t.w, (u32)o->handle) : 0;

		if (!o->live)
			continue;
		if (lane < MEMLANE_LANES && i < MOST)
			o->lane = lane;
		expect_eq(ml_lane_of(t.a, loc), o->lane);
		expect(!o->pinned || loc == o->loc);
		moved += loc != o->loc;
		o->loc = loc;
	}
	expect_eq(done->out_moved + done->out_remapped, moved);
	expect_eq(done->out_more, 0);
	t.moves += moved;
	verify_all();
	world_check(t.w);
}

static void compact(unsigned int i)
{
	u64 used = t.w->committed;
	struct memlane_step done = world_compact(t.w);

	arrived(&done, MEMLANE_LANES);
	expect(t.w->committed <= used);
}

static void step_in_grace(struct world *w, void *arg)
{
	struct strike *s = arg;

	w->in_grace = NULL;
	t.in_grace = true;
	t.graces++;
	step(s->point);
}

static void pin_in_grace(struct world *w, void *arg)
{
	struct strike *s = arg;

	w->in_grace = NULL;
	t.graces++;
	pin(&t.object[s->who], true);
}

static void grace(struct strike *s)
{
	struct memlane_step done;

	t.w->in_grace = step_in_grace;
	t.w->grace_arg = s;
	done = world_compact(t.w);
	t.w->in_grace = NULL;
	if (!t.in_grace)
		step(s->point);
	t.in_grace = true;
	arrived(&done, MEMLANE_LANES);
}

static void migrate(unsigned int lane)
{
	struct memlane_migrate req = { .size = sizeof(req), .lane = lane };
	u64 handles[MOST];
	s32 results[MOST];
	unsigned int i;

	for (i = 0; i < MOST; i++)
		if (t.object[i].live)
			handles[req.count++] = t.object[i].handle;
	expect_eq(ml_migrate(t.a, &req, handles, results), 0);
	expect_eq(req.out_count, req.count);
	expect_eq(req.out_failed, 0);
	arrived(&req.step, lane);
}

static void pinned(struct strike *s)
{
	struct object *o = &t.object[s->who];
	struct memlane_step done;

	if (s->blow == PINNED_LATE) {
		t.w->in_grace = pin_in_grace;
		t.w->grace_arg = s;
	} else {
		pin(o, true);
	}
	done = world_compact(t.w);
	arrived(&done, MEMLANE_LANES);
	t.w->in_grace = NULL;
	if (o->pinned)
		pin(o, false);
}

static void shut(void)
{
	struct memlane_slot *slot = world_slot(t.w, t.slot);
	struct memlane_step done;

	slot->section = t.a->epoch;
	done = world_compact(t.w);
	slot->section = 0;
	expect_eq(done.out_moved + done.out_remapped, 0);
	arrived(&done, MEMLANE_LANES);
}

static void strike(struct strike *s)
{
	switch (s->blow) {
	case COMPACT:
		compact(s->point);
		break;
	case GRACE:
		grace(s);
		break;
	case TO_FAST:
	case TO_SLOW:
		migrate(s->blow == TO_FAST ? MEMLANE_FAST : MEMLANE_SLOW);
		break;
	case PINNED:
	case PINNED_LATE:
		pinned(s);
		break;
	default:
		shut();
		break;
	}
}

/* ---------------------------------------------------------------- sequences */

static void fill(void)
{
	struct memlane_alloc req = {
		.size = sizeof(req), .flags = MEMLANE_ALLOC_LIVE, .lane = MEMLANE_SLOW,
		.length = kinds[0].length, .count = FILLERS,
	};
	u64 handles[FILLERS];
	unsigned int i;

	memset(t.object, 0, sizeof(t.object));
	expect_eq(ml_alloc(t.a, &req, handles), 0);
	expect_eq(req.out_count, FILLERS);
	for (i = 0; i < FILLERS; i++)
		born(&t.object[FILLER + i], handles[i], req.length, MEMLANE_SLOW);
	t.allocated = 0;
	t.in_grace = false;
}

/* Nothing is left: no page, no chunk, no index. */
static void empty(void)
{
	struct memlane_free req = {
		.size = sizeof(req), .flags = MEMLANE_FREE_LIVE, .count = FILLERS,
	};
	u64 handles[FILLERS];
	unsigned int i, lane;

	for (i = 0; i < FILLERS; i++)
		handles[i] = t.object[FILLER + i].handle;
	expect_eq(ml_free(t.a, &req, handles), 0);
	mutex_lock(&t.a->lock);
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		for (i = 0; i < KINDS; i++)
			if (kinds[i].length <= MEMLANE_BLOCK_MAX)
				ml_span_trim(t.a, &t.a->lane[lane].cls[ml_class_of(kinds[i].length)], 0);
	mutex_unlock(&t.a->lock);
	expect_eq(t.w->committed, 0);
	expect_eq(t.a->table.bound, 0);
	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		expect_eq(t.a->lane[lane].objects, 0);
		expect_eq(t.a->lane[lane].area[0].chunks + t.a->lane[lane].area[1].chunks, 0);
	}
}

static void play(enum blow blow, unsigned int point, unsigned int who)
{
	struct strike s = { .blow = blow, .point = point, .who = who };
	unsigned int i;

	fill();
	for (i = 0; i < 2 * t.nr; i++) {
		if (blow && i == point)
			strike(&s);
		if (!t.in_grace || i != point)
			step(i);
		verify_all();
		if (!blow)
			world_check(t.w);
	}
	world_check(t.w);
	empty();
	t.sequences++;
}

/* Every strike at every point; @nr live objects there. */
static void strikes_at(unsigned int point)
{
	bool alive[MOST + 1] = { [FILLER] = true };
	unsigned int i, blow, allocated = 0, nr = 0;

	for (i = 0; i < point; i++) {
		if (t.step[i] == ALLOC)
			alive[allocated++] = true;
		else
			alive[t.step[i]] = false;
		nr += t.step[i] == ALLOC ? 1 : -1;
	}
	play(GRACE, point, 0);
	if (!point)
		return;
	play(COMPACT, point, 0);
	play(SHUT, point, 0);
	if (nr) {
		play(TO_FAST, point, 0);
		play(TO_SLOW, point, 0);
	}
	for (i = 0; i < MOST + 1; i++)
		for (blow = PINNED; alive[i] && blow <= PINNED_LATE; blow++)
			play(blow, point, i);
}

static void every_kind(unsigned int n)
{
	unsigned int i;

	if (n < t.nr) {
		for (t.kind[n] = 0; t.kind[n] < t.kinds; t.kind[n]++)
			every_kind(n + 1);
		return;
	}
	play(NOTHING, 0, 0);
	for (i = 0; i < 2 * t.nr; i++)
		strikes_at(i);
}

static void every_order(unsigned int at, unsigned int allocated, unsigned int alive)
{
	unsigned int i;

	if (at == 2 * t.nr) {
		every_kind(0);
		return;
	}
	if (allocated < t.nr) {
		t.step[at] = ALLOC;
		every_order(at + 1, allocated + 1, alive | 1U << allocated);
		if (t.first)
			return;
	}
	for (i = 0; i < t.nr; i++)
		if (alive & 1U << i) {
			t.step[at] = i;
			every_order(at + 1, allocated, alive & ~(1U << i));
		}
}

/* ------------------------------------------------------------ begin, run, end */

/* Strikes at a point with @live objects, as strikes_at() has them. */
static u64 strikes(unsigned int allocated, unsigned int live)
{
	if (!allocated)
		return 1;
	return 3 + (live ? 2 : 0) + 2 * (live + 1);
}

/* How many sequences there are, counted another way: from the end of the orders on. */
static u64 number_of(unsigned int nr, unsigned int kinds_used, bool first)
{
	u64 orders[MOST + 2][MOST + 2] = { }, struck[MOST + 2][MOST + 2] = { }, all;
	unsigned int a, l, ways;

	orders[nr][0] = 1;
	for (a = nr + 1; a--; )
		for (l = 0; l <= a; l++) {
			if (a == nr && !l)
				continue;
			ways = l && (!first || a == nr) ? l : 0;
			orders[a][l] = orders[a + 1][l + 1] + (ways ? ways * orders[a][l - 1] : 0);
			struck[a][l] = struck[a + 1][l + 1] + (ways ? ways * struck[a][l - 1] : 0) +
				       strikes(a, l) * orders[a][l];
		}
	for (all = orders[0][0] + struck[0][0]; nr; nr--)
		all *= kinds_used;
	return all;
}

static void begin(bool remap)
{
	struct memlane_create req = world_request(1 << 20, 4 << 20);
	struct memlane_register reg = { .size = sizeof(reg) };

	memset(&t, 0, sizeof(t));
	t.w = calloc(1, sizeof(*t.w));
	t.w->soft = true;
	expect_eq(world_try(t.w, &req, remap), 0);
	t.a = &t.w->arena;
	expect_eq(ml_register(t.a, &reg), 0);
	t.slot = reg.slot;
}

static void run(unsigned int nr, unsigned int kinds_used, bool first, bool remap)
{
	begin(remap);
	t.nr = nr;
	t.kinds = kinds_used;
	t.first = first;
	every_order(0, 0, 0);
	printf("# %llu sequences of %u objects of %u kinds: %llu moves, %llu meddled with\n",
	       t.sequences, nr, kinds_used, t.moves, t.graces);
	expect_eq(t.sequences, number_of(nr, kinds_used, first));
	if (nr > 2 && kinds_used > 1) {
		expect(t.moves > t.sequences / 16);
		expect(t.graces > t.sequences / 128);
	}
	in_all += t.sequences;
	world_end(t.w);
}

/* So many kinds as it takes. */
static unsigned int kinds_for(unsigned int nr, bool first)
{
	unsigned int n = 1;

	while (n < KINDS && number_of(nr, n, first) < ktap_ops(USUAL))
		n++;
	return n;
}

static void up_to_three(void)
{
	unsigned int nr;

	for (nr = 1; nr <= 3; nr++)
		run(nr, kinds_for(nr, false), false, true);
}

static void four(void)
{
	run(4, kinds_for(4, false), false, false);
}

/* First those orders that free nothing before all is there, as there are fewer. */
static void five(void)
{
	bool first = number_of(5, 3, true) >= ktap_ops(USUAL);

	run(5, kinds_for(5, first), first, true);
}

static void enough(void)
{
	printf("# %llu sequences in all\n", in_all);
	if (ktap_ops(USUAL) >= USUAL)
		expect(in_all >= GOAL);
}

static const struct test tests[] = {
	{ "small_up_to_three", up_to_three },
	{ "small_four", four },
	{ "small_five", five },
	{ "small_enough", enough },
};

KTAP_MAIN(tests);
