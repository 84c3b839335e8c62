// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* lane.c - a lane's limit, and the places it gives to indices */
#include <linux/bug.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "blob.h"
#include "block.h"
#include "decay.h"
#include "lane.h"
#include "run.h"

/**
 * ml_lane_init - an empty lane
 * @a: arena
 * @lane: which
 * @first: first page, on a chunk
 * @end: end page, on a chunk
 * @limit: pages it may use now
 * @max: pages @limit grows to by itself
 * @reserve: pages @max may be raised to
 */
int ml_lane_init(struct ml_arena *a, unsigned int lane, u64 first, u64 end, u64 limit, u64 max,
		 u64 reserve)
{
	struct ml_lane *l = &a->lane[lane];
	unsigned int c, bin;

	l->first = first;
	l->end = end;
	l->limit = limit;
	l->max = max;
	l->reserve = reserve;
	l->initial = limit;
	l->round = 1;
	l->below = end;
	for (c = 0; c < ML_CLASS_SETS; c++)
		for (bin = 0; bin < ML_BINS + 2; bin++)
			INIT_LIST_HEAD(&l->cls[c].bin[bin]);
	return ml_run_init(a, l);
}

/* Frees what describes the lane; its pages are the owner's business. */
void ml_lane_exit(struct ml_arena *a, struct ml_lane *lane)
{
	struct ml_run *run = lane->end ? ml_run_last(a, lane) : NULL, *prev;

	for (; run; run = prev) {
		prev = ml_run_before(a, run);
		cond_resched();
		if (run->kind == ML_SPAN)
			ml_span_forget(a, ml_span_of(run));
		else if (run->kind == ML_BLOB)
			ml_blob_forget(a, run);
	}
	ml_run_exit(a, lane);
}

u64 ml_lane_used(const struct ml_lane *lane)
{
	return lane->area[ML_USE_BLOCK].used + lane->area[ML_USE_BLOB].used;
}

/**
 * ml_lane_room - may the lane use so many pages more?
 * @a: arena; arena.lock
 * @lane: which
 * @pages: how many
 * @scratch: for a move, which may use the safety margin
 */
bool ml_lane_room(const struct ml_arena *a, unsigned int lane, u64 pages, bool scratch)
{
	const struct ml_lane *l = &a->lane[lane];
	u64 used = ml_lane_used(l), may = l->limit;

	lockdep_assert_held(&a->lock);
	if (!scratch && lane == MEMLANE_SLOW)
		may -= div_u64(l->limit * a->policy.safety_margin, 1000);
	return used <= may && pages <= may - used;
}

/**
 * ml_lane_grow - raise the lane's limit
 * @a: arena; arena.lock
 * @lane: which
 * @pages: that are wanted
 *
 * Return: false: it is at its maximum.
 */
bool ml_lane_grow(struct ml_arena *a, unsigned int lane, u64 pages)
{
	struct ml_lane *l = &a->lane[lane];
	u64 more = max(pages * 2 + ML_CHUNK_PAGES, l->limit / 4);

	lockdep_assert_held(&a->lock);
	if (l->limit >= l->max)
		return false;
	WRITE_ONCE(l->limit, l->limit + min(more, l->max - l->limit));
	return true;
}

/* An event, if the limit is another than it @was. */
void ml_lane_tell_growth(struct ml_arena *a, unsigned int lane, u64 was)
{
	const struct ml_lane *l = &a->lane[lane];

	if (l->limit != was)
		ml_event(a, MEMLANE_EVENT_GROWTH, lane, l->limit << ML_PAGE_SHIFT);
}

/* Pages past the usage threshold of what the lane may grow to; 0: no pressure. */
u64 ml_lane_excess(const struct ml_arena *a, unsigned int lane)
{
	const struct ml_lane *l = &a->lane[lane];
	u64 most = div_u64(l->max * a->policy.slow_usage_threshold, 1000);

	return ml_lane_used(l) - min(most, ml_lane_used(l));
}

/* Is there an excess? Asked for each object of a walk: without a division. */
bool ml_lane_pressed(const struct ml_arena *a, unsigned int lane)
{
	const struct ml_lane *l = &a->lane[lane];

	return ml_lane_used(l) * 1000 > l->max * a->policy.slow_usage_threshold;
}

/* An event, once each time that the lane comes under pressure. */
void ml_lane_tell_pressure(struct ml_arena *a, unsigned int lane)
{
	bool pressed = ml_lane_pressed(a, lane);

	if (pressed && !a->policy.pressed[lane])
		ml_event(a, MEMLANE_EVENT_PRESSURE, lane,
			 ml_lane_used(&a->lane[lane]) << ML_PAGE_SHIFT);
	a->policy.pressed[lane] = pressed;
}

unsigned int ml_lane_of(const struct ml_arena *a, u64 loc)
{
	return ml_loc_page(loc) >= a->lane[MEMLANE_SLOW].first ? MEMLANE_SLOW : MEMLANE_FAST;
}

static u64 lane_resident(struct ml_arena *a, const struct ml_lane *l)
{
	return a->ops->resident(a, l->first, l->end - l->first);
}

/*
 * Say what of one lane changes with every place that comes or goes; arena.lock. Somebody may
 * be reading: each word by itself.
 */
void ml_lane_stat_places(const struct ml_arena *a, unsigned int lane, struct memlane_lane_stat *st)
{
	const struct ml_lane *l = &a->lane[lane];
	const struct ml_area *block = &l->area[ML_USE_BLOCK], *blob = &l->area[ML_USE_BLOB];

	lockdep_assert_held(&a->lock);
	WRITE_ONCE(st->limit, l->limit << ML_PAGE_SHIFT);
	WRITE_ONCE(st->used, ml_lane_used(l) << ML_PAGE_SHIFT);
	WRITE_ONCE(st->bound, l->bound);
	WRITE_ONCE(st->block_used, block->used << ML_PAGE_SHIFT);
	WRITE_ONCE(st->blob_used, blob->used << ML_PAGE_SHIFT);
	WRITE_ONCE(st->objects, l->objects);
	WRITE_ONCE(st->spans, block->runs);
	WRITE_ONCE(st->blobs, blob->runs);
}

/* Say what one lane holds; arena.lock. */
void ml_lane_stat(struct ml_arena *a, unsigned int lane, struct memlane_lane_stat *st)
{
	const struct ml_lane *l = &a->lane[lane];
	const struct ml_area *block = &l->area[ML_USE_BLOCK], *blob = &l->area[ML_USE_BLOB];

	ml_lane_stat_places(a, lane, st);
	st->max = l->max << ML_PAGE_SHIFT;
	st->block_chunks = block->chunks;
	st->blob_chunks = blob->chunks;
	st->largest_hole = max(ml_run_largest(block), ml_run_largest(blob)) << ML_PAGE_SHIFT;
	st->migrated_in = l->migrated_in;
	st->resident = lane_resident(a, l) << ML_PAGE_SHIFT;
}

/* ----------------------------------------------------------------- needs */

/* The smallest class that holds @length and whose every place is aligned. */
static unsigned int aligned_class(unsigned int length, unsigned int align)
{
	unsigned int cls = ml_class_of(length);

	while (cls < ML_CLASSES && ml_class_size(cls) & (align - 1))
		cls++;
	return cls < ML_CLASSES ? cls : MEMLANE_CLASS_BLOB;
}

/**
 * ml_need_for - what an object of this size and alignment needs
 * @need: out
 * @length: bytes
 * @align: power of two up to 2 MiB, or 0
 *
 * Return: 0 or -EINVAL.
 */
int ml_need_for(struct ml_need *need, u64 length, u64 align)
{
	if (!length || length > MEMLANE_SIZE_MAX || align > ML_CHUNK_PAGES << ML_PAGE_SHIFT ||
	    (align && !is_power_of_2(align)))
		return -EINVAL;
	align = max_t(u64, align, 1ULL << MEMLANE_GRANULE_SHIFT);
	need->pages = ml_pages(length);
	need->cls = MEMLANE_CLASS_BLOB;
	need->align = 0;
	need->cold = false;
	need->fresh = false;
	if (length <= MEMLANE_BLOCK_MAX && align <= ML_PAGE_SIZE)
		need->cls = aligned_class(length, align);
	if (need->cls == MEMLANE_CLASS_BLOB && align > ML_PAGE_SIZE)
		need->align = ilog2(align) - ML_PAGE_SHIFT;
	return 0;
}

/* What the object at a place needs of another; -EINVAL: nobody's place. */
int ml_need_of(const struct ml_arena *a, u64 loc, struct ml_need *need)
{
	struct ml_run *run = ml_run_at(a, ml_loc_page(loc));

	if (WARN_ON(!run || ml_run_is_free(run)))
		return -EINVAL;
	need->pages = run->nr;
	need->align = run->align;
	need->fresh = false;
	need->cold = run->kind == ML_SPAN && ml_span_of(run)->cold;
	need->cls = run->kind == ML_SPAN ? ml_span_of(run)->cls : MEMLANE_CLASS_BLOB;
	return 0;
}

/* Pages that a lane must find for it, if no span has a free place. */
u64 ml_need_pages(const struct ml_need *need)
{
	return need->cls == MEMLANE_CLASS_BLOB ? need->pages : ml_span_pages(need->cls);
}

/* ----------------------------------------------------------------- pages */

static int take_new(struct ml_arena *a, struct ml_run *run, u64 nr)
{
	int err = ml_run_take(a, run, nr);

	if (err)
		return err;
	err = a->ops->commit(a, run->page, run->nr);
	if (err)
		ml_run_give(a, run);
	return err;
}

/* What is kept may be what is missing. False: there was none. */
static bool trim_all(struct ml_arena *a)
{
	unsigned int lane;
	u64 nr = 0;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		nr += ml_kept_trim(a, &a->lane[lane], 0);
	return nr;
}

/**
 * ml_lane_fit - what a lane keeps gives way to its limit
 * @a: arena; arena.lock
 * @lane: which; its limit is new, or more of it is used
 */
void ml_lane_fit(struct ml_arena *a, unsigned int lane)
{
	struct ml_lane *l = &a->lane[lane];

	lockdep_assert_held(&a->lock);
	if (ml_lane_used(l) + ml_lane_kept(l) > l->limit)
		ml_kept_trim(a, l, l->limit - min(l->limit, ml_lane_used(l)));
}

/**
 * ml_pages_take - a run whose pages may be touched
 * @a: arena; arena.lock
 * @run: see ml_run_take()
 * @nr: pages
 * @fresh: none that was used before
 *
 * Return: 0, -ENOSPC, -ENOMEM.
 */
int ml_pages_take(struct ml_arena *a, struct ml_run *run, u64 nr, bool fresh)
{
	int err;

	lockdep_assert_held(&a->lock);
	err = fresh ? -ENOSPC : ml_kept_take(a, run, nr);
	if (!err)
		return 0;
	err = take_new(a, run, nr);
	if (err && trim_all(a))
		err = take_new(a, run, nr);
	if (!err)
		ml_lane_fit(a, run->lane);
	return err;
}

/* The run's pages go back to the system, now or a while later. Cannot fail. */
void ml_pages_give(struct ml_arena *a, struct ml_run *run)
{
	if (ml_kept_give(a, run))
		return;
	a->count.pages_returned += a->ops->decommit(a, run->page, run->nr);
	ml_run_give(a, run);
}

/* ---------------------------------------------------------------- places */

/**
 * ml_lane_span - a span with room: of the wanted temperature, a new one, or any
 * @a: arena; arena.lock
 * @lane: where
 * @need: of a block
 * @scratch: for a move, which may use the safety margin
 * @err: out, if there is none: -ENOSPC (limit) or -ENOMEM
 */
struct ml_span *ml_lane_span(struct ml_arena *a, unsigned int lane, const struct ml_need *need,
			     bool scratch, int *err)
{
	struct ml_lane *l = &a->lane[lane];
	struct ml_span *span = ml_span_fullest(ml_class_set(l, need->cls, need->cold));

	lockdep_assert_held(&a->lock);
	if (!span && ml_lane_room(a, lane, ml_span_pages(need->cls), scratch)) {
		span = ml_span_new(a, lane, need->cls, need->cold, ml_span_pages(need->cls));
		*err = -ENOMEM;
	} else if (!span) {
		span = ml_span_fullest(ml_class_set(l, need->cls, !need->cold));
		*err = -ENOSPC;
	}
	return span;
}

static int block_take(struct ml_arena *a, unsigned int lane, const struct ml_need *need,
		      bool scratch, u64 *loc)
{
	int err = 0;
	struct ml_span *span = ml_lane_span(a, lane, need, scratch, &err);

	if (!span)
		return err;
	*loc = ml_slot_take(a, span);
	return 0;
}

/**
 * ml_place_take - reserve a place
 * @a: arena; arena.lock
 * @lane: where
 * @need: what for
 * @scratch: for a move, which may use the safety margin
 * @loc: out
 *
 * Return: 0, -ENOSPC (limit, or address space) or -ENOMEM.
 */
int ml_place_take(struct ml_arena *a, unsigned int lane, const struct ml_need *need,
		  bool scratch, u64 *loc)
{
	struct ml_run *run;
	int err;

	lockdep_assert_held(&a->lock);
	if (need->cls != MEMLANE_CLASS_BLOB)
		return block_take(a, lane, need, scratch, loc);
	if (!ml_lane_room(a, lane, need->pages, scratch))
		return -ENOSPC;
	err = ml_blob_new(a, lane, need, 0, &run);
	if (!err)
		*loc = ml_page_loc(run->page);
	return err;
}

/* So many places more, of so many bytes each, have owners. */
static void account(struct ml_lane *l, s64 nr, u64 room)
{
	l->objects += nr;
	l->bound += nr * room;
}

static void set_owner(struct ml_run *run, u64 loc, u32 index)
{
	if (run->kind == ML_SPAN)
		ml_slot_name(ml_span_of(run), loc, index);
	else
		run->index = index;
}

static void name(struct ml_arena *a, struct ml_run *run, u64 loc, u32 index)
{
	set_owner(run, loc, index);
	account(&a->lane[run->lane], 1, ml_run_room(run));
}

static void unname(struct ml_arena *a, struct ml_run *run, u64 loc)
{
	account(&a->lane[run->lane], -1, ml_run_room(run));
	set_owner(run, loc, ML_SLOT_TAKEN);
}

/* A reserved place gets its owner. */
void ml_place_name(struct ml_arena *a, u64 loc, u32 index)
{
	name(a, ml_run_of(a, loc), loc, index);
}

/* The owner leaves; the place is reserved still. */
void ml_place_unname(struct ml_arena *a, u64 loc)
{
	unname(a, ml_run_of(a, loc), loc);
}

/* The owner of a place leaves it for another, which is reserved, as the place is still. */
void ml_place_move(struct ml_arena *a, const struct ml_move *mv)
{
	if (mv->source->lane != mv->target->lane)
		a->lane[mv->target->lane].migrated_in++;
	unname(a, mv->source, mv->from);
	name(a, mv->target, mv->to, mv->index);
}

/* A reserved place is free again. Cannot fail. */
void ml_place_give(struct ml_arena *a, u64 loc)
{
	ml_place_give_in(a, ml_run_of(a, loc), loc);
}

/* The same of a run that is known. */
void ml_place_give_in(struct ml_arena *a, struct ml_run *run, u64 loc)
{
	if (run->kind == ML_SPAN)
		ml_slot_give(a, ml_span_of(run), loc);
	else
		ml_blob_free(a, run);
}

/* Both: the owner leaves, and the place is free again. @run: of the place. */
void ml_place_leave(struct ml_arena *a, struct ml_run *run, u64 loc)
{
	unname(a, run, loc);
	ml_place_give_in(a, run, loc);
}

/* Places of a span, by ml_slot_fill(), have owners. */
void ml_places_named(struct ml_arena *a, struct ml_span *span, u32 nr)
{
	account(&a->lane[span->run.lane], nr, ml_class_size(span->cls));
	ml_span_count(a, span, nr);
}

/* Places of a span that had owners are free, by ml_slot_empty(). It may be gone afterwards. */
void ml_places_given(struct ml_arena *a, struct ml_span *span, u32 nr)
{
	account(&a->lane[span->run.lane], -(s64)nr, ml_class_size(span->cls));
	ml_span_emptied(a, span, nr);
}

/* Bytes of a place. */
u64 ml_place_room(const struct ml_arena *a, u64 loc)
{
	return ml_run_room(ml_run_of(a, loc));
}
