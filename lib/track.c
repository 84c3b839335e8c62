// SPDX-License-Identifier: MIT
/*
 * track.c - the history of objects, and what it speaks for
 *
 * A note of 16 bytes for each index: when its object was made, how often it had
 * been used when the library looked, and between which lanes it went. The thread
 * that frees an object adds its age to the tally of its slot. Notes are written by
 * the thread that makes an object and by the looks; a look in between may be lost.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "watch.h"
#include "worker.h"

#define POOL_FREES  256	 /* fewer say nothing */
#define POOL_SHARE  16	 /* at least this part of all frees */
#define POOL_AGE_MS 1000 /* mean age of what comes and goes quickly */
#define LOOKS_MIN   4	 /* fewer say nothing */
#define PIECE	    256U /* objects looked at between two looks at the clock */
#define LOOK_PART   4	 /* of a limited cycle's time, one in so many */

#define get(p)	  __atomic_load_n(p, __ATOMIC_RELAXED)
#define put(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

/* Never 0. */
uint32_t clock_ms(void)
{
	struct timespec t;
	uint32_t ms;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	ms = t.tv_sec * 1000U + t.tv_nsec / 1000000;
	return ms ? ms : 1;
}

static void bump(uint16_t *n)
{
	uint16_t was = get(n);

	if (was != UINT16_MAX)
		put(n, was + 1);
}

/* Only threads of the slot, one after the other, write its tally. NULL: no memory. */
struct tally *track_tally(struct memlane *m, struct thread *t)
{
	struct tally **p = &m->watch->tally[t->number];

	if (!*p)
		__atomic_store_n(p, memory_new(sizeof(**p)), __ATOMIC_RELEASE);
	t->tally = *p;
	return *p;
}

/* ---------------------------------------------------------------- looks ---- */

/* What counts is how many of the looks met use: both are halved when there is no room. */
static void make_room(struct note *n)
{
	if (get(&n->looks) != UINT16_MAX)
		return;
	put(&n->looks, UINT16_MAX / 2);
	put(&n->used, get(&n->used) / 2);
}

/* Two who see the same move count it once. */
static void see_lane(struct note *n, uint8_t lane)
{
	if (get(&n->lane) == lane)
		return;
	if (__atomic_exchange_n(&n->lane, lane, __ATOMIC_RELAXED) != lane)
		bump(lane == MEMLANE_FAST ? &n->promoted : &n->demoted);
}

static void look(struct memlane *m, uint32_t index, uint64_t e)
{
	struct note *n = &m->watch->note[index];

	make_room(n);
	bump(&n->looks);
	if (memlane_entry_is_used(e))
		bump(&n->used);
	see_lane(n, entry_lane(m, index, e));
}

/**
 * track_piece - what of some objects has been used, and what has moved?
 * @m: arena that keeps histories
 * @from: first index
 *
 * An index has its note before its object is told to anybody, so one whose note may
 * not be written yet is somebody's who is just being born. A page of indices that are
 * all used up is stepped over, as memlane_each() does.
 *
 * Return: the index to go on with; 0: no index from there on was ever used.
 */
uint64_t track_piece(struct memlane *m, uint64_t from)
{
	uint64_t notes = __atomic_load_n(&m->watch->notes, __ATOMIC_ACQUIRE);
	uint64_t last = notes < indices_end(m) ? notes : indices_end(m);
	uint64_t end = from + PIECE < last ? from + PIECE : last;
	uint64_t e;

	for (; from < end; from++) {
		e = entry_load(m, from);
		if (!e)
			from |= PAGE_INDICES - 1;
		else if (memlane_entry_is_live(e))
			look(m, from, e);
	}
	return from < last ? from : 0;
}

static void look_at_all(struct memlane *m)
{
	uint64_t at = m->first + 1;

	while (at)
		at = track_piece(m, at);
}

/**
 * track_look - look at objects before a maintenance cycle
 * @m: arena with a watch
 * @max_ns: that the cycle may take; 0: no limit, and all objects are looked at
 *
 * A part of the time is enough for some thousand objects, beginning with the one at
 * which the last look ended. Return: ns taken.
 */
uint64_t track_look(struct memlane *m, uint64_t max_ns)
{
	struct watch *w = m->watch;
	uint64_t begun, at;

	if (!w->tracking)
		return 0;
	begun = clock_ns();
	if (!max_ns)
		look_at_all(m);
	else
		do {
			at = __atomic_fetch_add(&w->cursor, PIECE, __ATOMIC_RELAXED);
			at = track_piece(m, at);
			if (!at)
				put(&w->cursor, m->first + 1);
		} while (at && clock_ns() - begun < max_ns / LOOK_PART);
	return clock_ns() - begun;
}

static void see_handle(struct memlane *m, memlane_handle h)
{
	uint32_t index = memlane_handle_index(h);
	uint64_t e;

	if (handle_check(m, h) || index >= __atomic_load_n(&m->watch->notes, __ATOMIC_ACQUIRE))
		return;
	e = entry_load(m, index);
	if (!entry_check(e, h))
		see_lane(&m->watch->note[index], entry_lane(m, index, e));
}

/**
 * track_migrated - the program has moved objects: where are they now?
 * @m: arena with a watch
 * @handles: of the objects; any values
 * @nr: how many
 *
 * So that what goes there and back between two looks has moved.
 */
void track_migrated(struct memlane *m, const memlane_handle *handles, uint32_t nr)
{
	uint32_t i;

	for (i = 0; m->watch->tracking && i < nr; i++)
		see_handle(m, handles[i]);
}

/* How often a living object was seen to have moved. */
void track_moves(const struct memlane *m, uint32_t index, struct memlane_usage *usage)
{
	const struct note *n;

	if (!m->watch || !m->watch->tracking)
		return;
	n = note_look(m->watch, index);
	usage->promoted += get(&n->promoted);
	usage->demoted += get(&n->demoted);
}

int memlane_track_sized(struct memlane *m, memlane_handle h, struct memlane_track *track,
			size_t size)
{
	struct memlane_track own;
	const struct note *n;
	uint64_t e;
	int err = handle_look(m, h, &e);

	if (err)
		return err;
	if (!m->watch || !m->watch->tracking)
		return -EOPNOTSUPP;
	n = note_look(m->watch, memlane_handle_index(h));
	own = (struct memlane_track){
		.age_ms = clock_ms() - get(&n->born),
		.looks = get(&n->looks),
		.used = get(&n->used),
		.promoted = get(&n->promoted),
		.demoted = get(&n->demoted),
	};
	give_out(track, size, &own, sizeof(own));
	return 0;
}

/* ------------------------------------------------------ recommendations ---- */

/* The objects of one tag. */
struct habit {
	uint64_t objects;
	uint64_t slow;
	uint64_t looks;
	uint64_t used;
	uint64_t moves;
};

/* One call of memlane_recommend(). */
struct advisor {
	struct memlane *m;
	struct habit *habit;
	memlane_advice_fn fn;
	void *arg;
	int nr;
};

static void to_stderr(void *arg, const struct memlane_advice *a)
{
	(void)arg;
	fprintf(stderr, "memlane: %s\n", a->text);
}

static void advise(struct advisor *a, struct memlane_advice *advice)
{
	int saved = errno, was = cancel_hold();

	a->nr++;
	if (a->fn)
		a->fn(a->arg, advice);
	else
		to_stderr(NULL, advice);
	cancel_release(was);
	errno = saved;
}

static int learn(void *arg, const struct memlane_object *o)
{
	struct advisor *a = arg;
	const struct note *n = note_look(a->m->watch, memlane_handle_index(o->handle));
	struct habit *habit = &a->habit[o->tag];

	if (o->purged || o->tag == MEMLANE_TAG_FRAME)
		return 0;
	habit->objects++;
	habit->slow += o->lane == MEMLANE_SLOW;
	habit->looks += get(&n->looks);
	habit->used += get(&n->used);
	habit->moves += get(&n->promoted) + get(&n->demoted);
	return 0;
}

/* What the habit of a tag speaks for: enum memlane_advice_kind, or -1. */
static int judge(const struct habit *h)
{
	if (!h->objects || h->looks < LOOKS_MIN * h->objects)
		return -1;
	if (h->moves >= 4 * h->objects)
		return MEMLANE_ADVISE_STAY;
	if (h->used * 4 >= h->looks * 3 && h->slow * 2 > h->objects)
		return MEMLANE_ADVISE_FAST;
	if (h->used * 4 <= h->looks && h->slow * 2 < h->objects)
		return MEMLANE_ADVISE_SLOW;
	return -1;
}

static void advise_tag(struct advisor *a, uint32_t tag)
{
	static const char *const what[] = {
		[MEMLANE_ADVISE_FAST] = "used all the time in the SlowLane: make them in the FastLane",
		[MEMLANE_ADVISE_SLOW] = "hardly used in the FastLane: make them in the SlowLane",
		[MEMLANE_ADVISE_STAY] = "moved to and fro: hint that they are frame critical",
	};
	const struct habit *h = &a->habit[tag];
	struct memlane_advice advice = { .tag = tag, .objects = h->objects };
	int kind = judge(h);
	char text[256];

	if (kind < 0)
		return;
	snprintf(text, sizeof(text), "%llu objects of tag %u (%.64s) are %s",
		 (unsigned long long)h->objects, tag, memlane_name_of_tag(a->m, tag), what[kind]);
	advice.kind = kind;
	advice.text = text;
	advise(a, &advice);
}

static void add_tallies(struct memlane *m, struct tally *sum)
{
	const struct tally *t;
	unsigned int slot, i;

	for (slot = 0; slot < m->info.out_threads; slot++) {
		t = __atomic_load_n(&m->watch->tally[slot], __ATOMIC_ACQUIRE);
		for (i = 0; t && i < TALLIES; i++) {
			sum->of[i].frees += get(&t->of[i].frees);
			sum->of[i].age_ms += get(&t->of[i].age_ms);
		}
	}
}

static void advise_pools(struct advisor *a)
{
	struct memlane_advice advice = { .kind = MEMLANE_ADVISE_POOL };
	struct tally sum = { .of = { { 0 } } };
	uint64_t all = 0, nr;
	unsigned int i;
	char text[256];

	add_tallies(a->m, &sum);
	for (i = 0; i < TALLIES; i++)
		all += sum.of[i].frees;
	for (i = 0; i < a->m->nr_classes; i++) {
		nr = sum.of[i].frees;
		if (nr < POOL_FREES || nr * POOL_SHARE < all || sum.of[i].age_ms > nr * POOL_AGE_MS)
			continue;
		advice.bytes = a->m->classes->size[i];
		advice.objects = nr;
		advice.text = text;
		snprintf(text, sizeof(text),
			 "%llu objects of up to %llu bytes lived %llu ms on average: pool them",
			 (unsigned long long)nr, (unsigned long long)advice.bytes,
			 (unsigned long long)(sum.of[i].age_ms / nr));
		advise(a, &advice);
	}
}

int memlane_recommend(struct memlane *m, memlane_advice_fn fn, void *arg)
{
	struct advisor a = { .m = m, .fn = fn, .arg = arg };
	uint32_t tag;
	int err = arena_here(m);

	if (err)
		return err;
	if (!m->watch || !m->watch->tracking)
		return -EOPNOTSUPP;
	a.habit = memory_new(65536 * sizeof(*a.habit));
	if (!a.habit)
		return -ENOMEM;
	memlane_each(m, learn, &a);
	advise_pools(&a);
	for (tag = 0; tag < 65536; tag++)
		advise_tag(&a, tag);
	free(a.habit);
	return a.nr;
}
