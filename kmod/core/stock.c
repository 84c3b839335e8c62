// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * stock.c - stock is freed: indices that are bound and not live lose their places and names
 *
 * What many are freed of together is looked up once: the span that places are in, the block of
 * indices. Objects that are freed in the order they were made, or in the other, are a row: each has
 * the next index, and the next place. For those a few instructions each are enough.
 */
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "block.h"
#include "lane.h"
#include "place.h"
#include "run.h"
#include "stock.h"
#include "table.h"

#define ENTRIES		(1U << ML_ENTRY_SHIFT)	/* in a page */

/* Places that stock leaves: one after the other of a span, which is told once. */
struct leaving {
	struct ml_span *span;
	u32 nr;
	u32 index;	/* that left it last */
	u32 slot;	/* and from where */
};

static void leave_end(struct ml_arena *a, struct leaving *l)
{
	if (l->nr)
		ml_places_given(a, l->span, l->nr);
	*l = (struct leaving){ };
}

static void leave_slot(struct leaving *l, u32 slot, u32 index)
{
	ml_slot_empty(l->span, slot);
	l->nr++;
	l->index = index;
	l->slot = slot;
}

/* Of a run that is not the span at hand. */
static bool leave_other(struct ml_arena *a, struct leaving *l, u64 loc, u32 index)
{
	struct ml_run *run = ml_run_at(a, ml_loc_page(loc));

	leave_end(a, l);
	if (!ml_place_is(run, loc, index))
		return false;
	if (run->kind != ML_SPAN) {
		ml_place_leave(a, run, loc);
		return true;
	}
	l->span = ml_span_of(run);
	leave_slot(l, ml_slot_at(l->span, loc), index);
	return true;
}

/* An index leaves the place that its entry says. False: it has another. */
static bool stock_leave(struct ml_arena *a, struct leaving *l, u64 loc, u32 index)
{
	u32 slot;

	if (!l->span || ml_loc_page(loc) - l->span->run.page >= l->span->run.nr)
		return leave_other(a, l, loc, index);
	slot = ml_place_slot(l->span, loc, index);
	if (slot == l->span->places)
		return false;
	leave_slot(l, slot, index);
	return true;
}

/* Free one. Its place and its name stay taken if the program has overwritten the entry. */
static int free_stock(struct ml_arena *a, struct leaving *l, u32 index)
{
	struct ml_words w;
	u64 word;
	int err = ml_index_stock(a, index, &w, &word);

	if (err)
		return err;
	if (likely(ml_words_placed(&w)) && !stock_leave(a, l, memlane_entry_loc(word, index), index)) {
		a->count.spoiled++;
		return -EBADF;
	}
	ml_index_unbind(a, index, &w, word);
	return 0;
}

/**
 * struct row - stock each of which has the index and the place beside those of the one before
 * @w: words of the one that was freed last
 * @owner: its word of the reverse map
 * @index: its index
 * @slot: its place
 * @loc: where that is
 * @width: granules of a place
 * @by: what is added to an index for the next: 1 or -1
 * @slots: the same of places
 */
struct row {
	struct ml_words w;
	u32 *owner;
	u32 index;
	u32 slot;
	u64 loc;
	u64 width;
	s32 by;
	s32 slots;
};

/* So many are on that side of the last one, of @nr. */
static u32 on_side(s32 by, u32 last, u32 nr)
{
	return by > 0 ? nr - 1 - last : last;
}

/* The words of what was freed last. Return: how many are beside it on the row's side. */
static u32 row_words(const struct ml_arena *a, struct row *r)
{
	const u32 nr = r->index - a->table.first;
	u8 *states = ml_vec_page(&a->table.state, nr);

	if (!states)
		return 0;	/* it was the last one of its block */
	r->w.state = states + (nr & (ML_INDEX_BLOCK - 1));
	r->w.entry = ml_vec_known(&a->table.entry, nr, ML_ENTRY_SHIFT);
	return on_side(r->by, nr & (ENTRIES - 1), ENTRIES);
}

/* At which place beside the last one is the next? False: at none. */
static bool row_aims(const struct leaving *l, struct row *r)
{
	const u64 next = memlane_entry_loc(READ_ONCE(r->w.entry[r->by]), r->index + r->by);

	r->owner = &l->span->rmap[l->slot];
	r->width = l->span->width;
	r->loc = ml_slot_loc(l->span, l->slot);
	r->slots = next > r->loc ? 1 : -1;
	return next == r->loc + r->slots * (s64)r->width;
}

/*
 * A row that begins behind what was freed last, with an index that is read from shared memory. Return:
 * how long it may be at most; 0: that one has to be looked up.
 */
static u32 row_begin(const struct ml_arena *a, const struct leaving *l, u32 next, struct row *r)
{
	u32 most;

	r->by = next - l->index;
	if (!l->span || (r->by != 1 && r->by != -1))
		return 0;
	r->index = l->index;
	r->slot = l->slot;
	most = row_words(a, r);
	if (!most || !row_aims(l, r))
		return 0;
	return min(most, on_side(r->slots, l->slot, l->span->places));
}

/*
 * Is a word that of stock, with this location and index, and not marked? *gen: what it is without those.
 * 0 is none of a generation that is left.
 */
static __always_inline bool is_there(u64 word, u64 loc, u32 index, u64 *gen)
{
	*gen = word ^ memlane_entry_free(0, index, loc);
	return (*gen >> MEMLANE_GEN_SHIFT | *gen << (64 - MEMLANE_GEN_SHIFT)) - 1 < MEMLANE_GEN_MAX;
}

/*
 * Free the row. What is at its place is bound, and is freed as by ml_slot_empty() and ml_index_unbind(),
 * which also clears the state: row_end() does that here. Return: how many.
 */
static __always_inline u32 row_free(const struct row *r, struct ml_span *span, const u32 *indices,
				    u32 most, const s32 by, const s32 slots)
{
	u32 free = span->free, index, n;
	u64 loc = r->loc, gen;
	s64 i, j;

	for (n = 0, i = by, j = slots; n < most; n++, i += by, j += slots) {
		loc += slots * (s64)r->width;
		index = r->index + i;
		if (READ_ONCE(indices[n]) != index || r->owner[j] != index)
			break;
		/* Pairs with the release by which it became stock. */
		if (!is_there(smp_load_acquire(&r->w.entry[i]), loc, index, &gen))
			break;
		r->owner[j] = ML_SLOT_FREE | free;
		free = r->slot + j;
		/* Pairs with ml_entry_read(), which is also called without the lock. */
		smp_store_release(&r->w.entry[i], gen | index);
	}
	span->free = free;
	return n;
}

/* Each way by itself: then an object takes half the instructions. */
static u32 row_free_each(const struct row *r, struct ml_span *span, const u32 *indices, u32 most)
{
	if (r->by > 0)
		return r->slots > 0 ? row_free(r, span, indices, most, 1, 1) :
				      row_free(r, span, indices, most, 1, -1);
	return r->slots > 0 ? row_free(r, span, indices, most, -1, 1) :
			      row_free(r, span, indices, most, -1, -1);
}

/* So many were freed: what is told of all together. */
static void row_end(struct ml_arena *a, struct leaving *l, const struct row *r, u32 nr)
{
	const s32 lowest = r->by > 0 ? 1 : -(s32)nr;

	memset(r->w.state + lowest, ML_NONE, nr);
	ml_indices_unbound(a, l->index + lowest, nr);
	l->nr += nr;
	l->index += nr * r->by;
	l->slot += nr * r->slots;
}

/* What is like the one that was freed last. Return: how many of @nr were freed. */
static u32 free_row(struct ml_arena *a, struct leaving *l, const u32 *indices, u32 nr)
{
	struct row r;
	u32 most = row_begin(a, l, READ_ONCE(*indices), &r), n;

	n = most ? row_free_each(&r, l->span, indices, min(nr, most)) : 0;
	if (n)
		row_end(a, l, &r, n);
	return n;
}

/**
 * ml_stock_free_many - free indices that are bound but not live
 * @a: arena; arena.lock
 * @indices: any values, may be shared
 * @nr: how many
 *
 * Those that are not bound, live, or dropped are left alone. Return: how many were freed.
 */
u32 ml_stock_free_many(struct ml_arena *a, const u32 *indices, u32 nr)
{
	struct leaving l = { };
	u32 freed = 0, row, i;

	lockdep_assert_held(&a->lock);
	for (i = 0; i < nr; i++) {
		row = free_row(a, &l, indices + i, nr - i);
		i += row;
		freed += row;
		if (i < nr)
			freed += !free_stock(a, &l, READ_ONCE(indices[i]));
	}
	leave_end(a, &l);
	WRITE_ONCE(a->changes, a->changes + freed);
	return freed;
}

/**
 * ml_stock_free - free an index that is bound but not live
 * @a: arena; arena.lock
 * @index: any value
 *
 * Return: 0; -EBADF not bound, or its entry was overwritten; -EBUSY live, or dropped.
 */
int ml_stock_free(struct ml_arena *a, u32 index)
{
	struct leaving l = { };
	int err;

	lockdep_assert_held(&a->lock);
	err = free_stock(a, &l, index);
	leave_end(a, &l);
	if (!err)
		WRITE_ONCE(a->changes, a->changes + 1);
	return err;
}
