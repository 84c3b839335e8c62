// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * block.c - spans of uniform places
 *
 * The reverse map of a span is also its free list: a used slot holds its index,
 * a free one the next free slot. New objects go to the fullest span that has
 * room, so that the emptiest spans drain by themselves.
 */
#include <linux/bug.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "block.h"
#include "lane.h"
#include "tally.h"

static u32 places_in(u64 pages, unsigned int cls)
{
	return div_u64(pages << ML_PAGE_SHIFT, ml_class_size(cls));
}

/**
 * ml_span_pages - pages of a span of a class
 * @cls: size class
 *
 * The smallest span, from 4 pages on, with 128 places or 16 pages, 8 places at
 * the least, and a tail under 1/32.
 */
u64 ml_span_pages(unsigned int cls)
{
	u64 nr, bytes, tail;
	u32 places;

	for (nr = 4; nr < ML_SPAN_PAGES_MAX; nr++) {
		places = places_in(nr, cls);
		bytes = nr << ML_PAGE_SHIFT;
		tail = bytes - (u64)places * ml_class_size(cls);
		if (places >= 8 && (places >= 128 || nr >= 16) && tail * 32 <= bytes)
			break;
	}
	return nr;
}

/* The fullness step of a span: 0 empty, 1 to ML_BINS part-filled, then full. */
unsigned int ml_span_bin(const struct ml_span *span)
{
	if (!span->used)
		return ML_BIN_EMPTY;
	if (span->used == span->places)
		return ML_BIN_FULL;
	return 1 + (span->used * ML_BINS) / span->places;
}

static struct ml_class *class_of(struct ml_arena *a, const struct ml_span *span)
{
	return ml_class_set(&a->lane[span->run.lane], span->cls, span->cold);
}

/* Spans done in this round stand behind the others: see plan.c. */
static void place_in_bin(struct ml_arena *a, struct ml_span *span)
{
	struct list_head *bin = &class_of(a, span)->bin[span->bin];

	if (ml_span_is_done(a, span))
		list_move_tail(&span->run.bin, bin);
	else
		list_move(&span->run.bin, bin);
}

static void rebin(struct ml_arena *a, struct ml_span *span)
{
	unsigned int bin = ml_span_bin(span);

	if (bin == span->bin)
		return;
	span->bin = bin;
	place_in_bin(a, span);
}

/**
 * ml_span_done - a span is not to be drained again in this round
 * @a: arena; arena.lock
 * @span: which
 * @pinned: because it holds a pinned object
 */
void ml_span_done(struct ml_arena *a, struct ml_span *span, bool pinned)
{
	lockdep_assert_held(&a->lock);
	span->skip = a->lane[span->run.lane].round;
	span->cursor = 0;
	span->pinned = pinned;
	place_in_bin(a, span);
}

static size_t span_size(u32 places)
{
	return sizeof(struct ml_span) + (size_t)places * sizeof(u32);
}

static void span_free_list(struct ml_span *span)
{
	u32 i;

	for (i = 0; i < span->places; i++)
		span->rmap[i] = ML_SLOT_FREE | (i + 1 < span->places ? i + 1 : ML_SLOT_END);
	span->free = 0;
}

/**
 * ml_span_new - an empty span
 * @a: arena; arena.lock
 * @lane: where
 * @cls: size class
 * @cold: temperature
 * @nr: pages: ml_span_pages(), or fewer that hold one object at the least
 *
 * The lane's limit is the caller's business. Return: the span, on the list of
 * empty ones, or NULL without memory or address space.
 */
struct ml_span *ml_span_new(struct ml_arena *a, unsigned int lane, unsigned int cls, bool cold,
			    u64 nr)
{
	u32 places = places_in(nr, cls);
	struct ml_class *c = ml_class_set(&a->lane[lane], cls, cold);
	struct ml_span *span = a->ops->zalloc(a, span_size(places));

	lockdep_assert_held(&a->lock);
	if (!span)
		return NULL;
	span->run.kind = ML_SPAN;
	span->run.use = ML_USE_BLOCK;
	span->run.lane = lane;
	span->cls = cls;
	span->cold = cold;
	span->places = places;
	span->width = ml_class_size(cls) >> MEMLANE_GRANULE_SHIFT;
	span->inverse = div_u64(1ULL << 32, span->width) + 1;
	if (ml_pages_take(a, &span->run, nr, false)) {
		a->ops->zfree(a, span, span_size(places));
		return NULL;
	}
	span_free_list(span);
	span->bin = ML_BIN_EMPTY;
	list_add(&span->run.bin, &c->bin[ML_BIN_EMPTY]);
	c->spans++;
	c->pages += nr;
	ml_tally_pages(a, lane, cls);
	return span;
}

static void span_release(struct ml_arena *a, struct ml_span *span)
{
	list_del(&span->run.bin);
	class_of(a, span)->spans--;
	class_of(a, span)->pages -= span->run.nr;
	ml_tally_pages(a, span->run.lane, span->cls);
	ml_pages_give(a, &span->run);
	a->ops->zfree(a, span, span_size(span->places));
}

/* Free the description only: the arena ends. */
void ml_span_forget(struct ml_arena *a, struct ml_span *span)
{
	a->ops->zfree(a, span->run.spare, sizeof(struct ml_run));
	a->ops->zfree(a, span, span_size(span->places));
}

/**
 * ml_span_fullest - the fullest span that has a free place
 * @c: class; arena.lock
 *
 * Return: the span; NULL when all are full or there is none.
 */
struct ml_span *ml_span_fullest(const struct ml_class *c)
{
	int bin;

	for (bin = ML_BINS; bin >= ML_BIN_EMPTY; bin--)
		if (!list_empty(&c->bin[bin]))
			return list_first_entry(&c->bin[bin], struct ml_span, run.bin);
	return NULL;
}

/**
 * ml_span_count - places were filled, or emptied
 * @a: arena; arena.lock
 * @span: of them
 * @nr: how many; less than 0: emptied
 */
void ml_span_count(struct ml_arena *a, struct ml_span *span, s32 nr)
{
	lockdep_assert_held(&a->lock);
	span->used += nr;
	class_of(a, span)->used += nr;
	rebin(a, span);
}

/**
 * ml_slot_take - take a free place
 * @a: arena; arena.lock
 * @span: has a free place
 *
 * The place is reserved until ml_slot_name() gives it to an index.
 * Return: its location.
 */
u64 ml_slot_take(struct ml_arena *a, struct ml_span *span)
{
	u64 loc = ml_slot_loc(span, span->free);

	lockdep_assert_held(&a->lock);
	ml_slot_fill(span, ML_SLOT_TAKEN);
	ml_span_count(a, span, 1);
	return loc;
}

/**
 * ml_span_again - an object of a span that was to be drained was put off
 * @a: arena; arena.lock
 * @span: which
 * @loc: of the object; the first of those put off together is told of first
 *
 * The span stands before the others of its bin, and is drained on from there. Were
 * another the next to be drained, each short step could take an object from one span
 * to the next, for ever.
 */
void ml_span_again(struct ml_arena *a, struct ml_span *span, u64 loc)
{
	u32 slot = ml_slot_at(span, loc);

	lockdep_assert_held(&a->lock);
	span->cursor = ml_span_is_done(a, span) ? slot : min(span->cursor, slot);
	span->skip = a->lane[span->run.lane].round - 1;
	place_in_bin(a, span);
}

/**
 * ml_span_emptied - places were emptied
 * @a: arena; arena.lock
 * @span: of them; may be gone afterwards
 * @nr: how many
 *
 * One empty span a class is kept, others give their pages back.
 */
void ml_span_emptied(struct ml_arena *a, struct ml_span *span, u32 nr)
{
	lockdep_assert_held(&a->lock);
	ml_span_count(a, span, -(s32)nr);
	if (!span->used)
		ml_span_trim(a, class_of(a, span), 1);
}

/**
 * ml_slot_give - a place is free again
 * @a: arena; arena.lock
 * @span: of the place; may be gone afterwards
 * @loc: location of a used or reserved place
 */
void ml_slot_give(struct ml_arena *a, struct ml_span *span, u64 loc)
{
	u32 slot = ml_slot_at(span, loc);

	lockdep_assert_held(&a->lock);
	if (WARN_ON(ml_slot_is_free(span->rmap[slot])))
		return;
	ml_slot_empty(span, slot);
	ml_span_emptied(a, span, 1);
}

/**
 * ml_span_trim - give the pages of empty spans back
 * @a: arena; arena.lock
 * @c: class
 * @keep: how many empty spans may stay: 0 or 1
 */
void ml_span_trim(struct ml_arena *a, struct ml_class *c, unsigned int keep)
{
	struct list_head *empty = &c->bin[ML_BIN_EMPTY];

	lockdep_assert_held(&a->lock);
	while (!list_empty(empty) && !(keep && list_is_singular(empty)))
		span_release(a, list_last_entry(empty, struct ml_span, run.bin));
}
