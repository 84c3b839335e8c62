// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * tally.c - what moved and what did not, by class, tag and group
 *
 * Tallies are written where users read them, each word by itself: those of moves
 * under arena.lock, faults by the thread that has one. A tally is made when it is first
 * needed; without memory for it, what happens is not noted there.
 */
#include <linux/atomic.h>

#include "block.h"
#include "lane.h"
#include "table.h"
#include "tally.h"
#include "vec.h"

static unsigned int class_in(struct ml_run *run)
{
	return run->kind == ML_SPAN ? ml_span_of(run)->cls : MEMLANE_CLASS_BLOB;
}

/**
 * ml_kin_in - in which tallies counts what lies in a run
 * @run: of its place
 * @word: its entry, or 0: nobody's
 * @notes: its pin word
 * @kin: out
 */
void ml_kin_in(struct ml_run *run, u64 word, u64 notes, struct ml_kin *kin)
{
	bool live = memlane_entry_is_live(word);

	kin->cls = ml_tally_of_class(run->lane, class_in(run));
	kin->tag = MEMLANE_TALLY_TAG + (live ? memlane_pin_tag(notes) : 0);
	kin->group = MEMLANE_TALLY_GROUP + (live ? memlane_pin_group(notes) : 0);
}

/* Of an index that has its place there; 0: of nobody. */
static void set_kin(const struct ml_arena *a, u32 index, struct ml_run *run, struct ml_kin *kin)
{
	u64 word = index ? ml_entry_read(a, index) : 0;

	ml_kin_in(run, word, ml_index_notes(a, index), kin);
}

/**
 * ml_kin_of - in which tallies an index counts
 * @a: arena; arena.lock
 * @index: bound, not purged
 * @run: of its place
 * @kin: out
 *
 * Tag and group are the program's words: any value of 16 bits.
 */
void ml_kin_of(const struct ml_arena *a, u32 index, struct ml_run *run, struct ml_kin *kin)
{
	lockdep_assert_held(&a->lock);
	set_kin(a, index, run, kin);
}

static u32 owner_at(struct ml_run *run, u64 loc)
{
	struct ml_span *span = ml_span_of(run);
	u32 slot;

	if (run->kind == ML_BLOB)
		return READ_ONCE(run->index);
	slot = ml_slot_at(span, loc);
	return slot < span->places ? ml_slot_owner(span, slot) : 0;
}

/**
 * ml_kin_at - in which tallies counts what lies at a location
 * @a: arena; no lock, but decommit() and keep() of this page wait
 * @first: first page of its run, committed
 * @loc: any location in that run
 * @kin: out
 *
 * A run is named in the map, and described, before it is committed or reused and until
 * it is decommitted or kept. Who owns the place may change meanwhile: then it is the old or the new
 * owner's, or nobody's. Return: false: there is no such run.
 */
bool ml_kin_at(const struct ml_arena *a, u64 first, u64 loc, struct ml_kin *kin)
{
	struct ml_run *run = ml_run_look(a, first);

	if (!run || ml_run_is_free(run))
		return false;
	set_kin(a, owner_at(run, loc), run, kin);
	return true;
}

/* ------------------------------------------------------------------- add */

static struct memlane_tally *tally(struct ml_arena *a, u32 nr)
{
	if (a->reclaiming)
		return ml_vec_at(&a->stat, ML_TALLY_FIRST + nr);
	return ml_vec_make(a, &a->stat, ML_TALLY_FIRST + nr);
}

static void add(__u64 *word, u64 value)
{
	WRITE_ONCE(*word, *word + value);
}

static void add_sum(struct ml_arena *a, u32 nr, const struct ml_sum *sum)
{
	struct memlane_tally *t = tally(a, nr);

	if (!t)
		return;
	add(&t->by_cause[sum->cause], sum->nr);
	add(&t->bytes, sum->bytes);
}

/**
 * ml_tally_moves - count what ml_tally_move() has gathered
 * @a: arena; arena.lock
 *
 * Called before the lock is dropped: nobody sees a move that is in no tally.
 */
void ml_tally_moves(struct ml_arena *a)
{
	struct ml_sum *sum = &a->batch->sum;

	lockdep_assert_held(&a->lock);
	if (!sum->nr)
		return;
	a->count.by_cause[sum->cause] += sum->nr;
	add_sum(a, sum->kin.cls, sum);
	add_sum(a, sum->kin.tag, sum);
	add_sum(a, sum->kin.group, sum);
	sum->nr = sum->bytes = 0;
}

static bool counts_alike(const struct ml_sum *sum, const struct ml_move *mv)
{
	return sum->kin.cls == mv->kin.cls && sum->kin.tag == mv->kin.tag &&
	       sum->kin.group == mv->kin.group && sum->cause == mv->cause;
}

/**
 * ml_tally_move - an object has moved, or was dropped
 * @a: arena; arena.lock
 * @mv: its move
 *
 * Objects of one kind come one after the other, and are counted together.
 */
void ml_tally_move(struct ml_arena *a, const struct ml_move *mv)
{
	struct ml_sum *sum = &a->batch->sum;

	lockdep_assert_held(&a->lock);
	if (!counts_alike(sum, mv)) {
		ml_tally_moves(a);
		sum->kin = mv->kin;
		sum->cause = mv->cause;
	}
	sum->nr++;
	sum->bytes += mv->len;
}

#define STAY(why, name)								\
	[why] = { offsetof(struct memlane_counts, name), offsetof(struct memlane_tally, name) }

/* Where it is counted that an object stayed. */
static const struct {
	u16 count;
	u16 tally;
} stay[] = {
	STAY(ML_VETOED, vetoed), STAY(ML_PINNED, pinned), STAY(ML_HELD, held),
	STAY(ML_GIVEN_UP, given_up),
};

static void add_stay(struct ml_arena *a, u32 nr, enum ml_stay why)
{
	struct memlane_tally *t = tally(a, nr);

	if (t)
		add((void *)t + stay[why].tally, 1);
}

/**
 * ml_tally_stay - an object was to move, and did not
 * @a: arena; arena.lock
 * @kin: the tallies that it counts in
 * @why: what kept it
 */
void ml_tally_stay(struct ml_arena *a, const struct ml_kin *kin, enum ml_stay why)
{
	lockdep_assert_held(&a->lock);
	add((void *)&a->count + stay[why].count, 1);
	add_stay(a, kin->cls, why);
	add_stay(a, kin->tag, why);
	add_stay(a, kin->group, why);
}

/* Pages of a lane that are in spans of a class, or in blobs; arena.lock. */
u64 ml_class_pages(struct ml_arena *a, unsigned int lane, unsigned int cls)
{
	struct ml_lane *l = &a->lane[lane];

	lockdep_assert_held(&a->lock);
	if (cls >= ML_CLASSES)
		return l->area[ML_USE_BLOB].used;
	return ml_class_set(l, cls, false)->pages + ml_class_set(l, cls, true)->pages;
}

/**
 * ml_tally_pages - the pages of a class have become more or less
 * @a: arena; arena.lock
 * @lane: whose
 * @cls: size class, or MEMLANE_CLASS_BLOB
 */
void ml_tally_pages(struct ml_arena *a, unsigned int lane, unsigned int cls)
{
	struct memlane_tally *t = tally(a, ml_tally_of_class(lane, cls));

	lockdep_assert_held(&a->lock);
	if (t)
		WRITE_ONCE(t->pages, ml_class_pages(a, lane, cls));
}

static void add_fault(struct ml_arena *a, u32 nr)
{
	struct memlane_tally *t = tally(a, nr);

	if (t)
		ml_count_up(&t->faults, 1);
}

/**
 * ml_tally_fault - a page of an object was brought in
 * @a: arena
 * @kin: from ml_kin_at()
 *
 * Context: a fault handler; may sleep; takes arena.grow only.
 */
void ml_tally_fault(struct ml_arena *a, const struct ml_kin *kin)
{
	add_fault(a, kin->cls);
	add_fault(a, kin->tag);
	add_fault(a, kin->group);
}

static bool is_empty(const struct memlane_tally *t)
{
	const __u64 *word = (const __u64 *)t;
	size_t i;

	for (i = 0; i < sizeof(*t) / sizeof(*word); i++)
		if (READ_ONCE(word[i]))
			return false;
	return true;
}

/**
 * ml_tally_from - the next tally that says something
 * @a: arena
 * @nr: where to begin; gets where it is
 *
 * Context: any; no lock: tallies stay until the arena ends. Return: it, or NULL.
 */
const struct memlane_tally *ml_tally_from(const struct ml_arena *a, u64 *nr)
{
	const struct memlane_tally *t;

	for (; *nr < MEMLANE_TALLIES; ++*nr) {
		t = ml_vec_at(&a->stat, ML_TALLY_FIRST + *nr);
		if (!t)
			*nr |= ML_TALLY_FIRST - 1;	/* nor are the others on its page */
		else if (!is_empty(t))
			return t;
	}
	return NULL;
}
