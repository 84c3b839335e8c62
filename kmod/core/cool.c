// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cool.c - putting away the bytes of objects that are not used, and bringing them back
 *
 * A page is put away whole, and every object that is on it has a say. Pages in a row are
 * gathered, so that they are unmapped together; arena.lock is dropped while they go. What
 * changes meanwhile does no harm: whatever is put away comes back when it is touched.
 */
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/sched.h>

#include "block.h"
#include "cool.h"
#include "lane.h"
#include "place.h"
#include "run.h"
#include "stat.h"
#include "table.h"

#define PIECE		4096U	/* indices that are looked at without a break */

/* ---------------------------------------------------------- who may go */

/**
 * ml_may_cool - whether an object may be put away
 * @a: arena; arena.lock
 * @index: bound, not purged
 */
bool ml_may_cool(const struct ml_arena *a, u32 index)
{
	lockdep_assert_held(&a->lock);
	return !ml_index_pins(a, index) &&
	       ml_index_priority(a, index) < MEMLANE_PRIORITIES - 1 &&
	       !(ml_index_notes(a, index) & MEMLANE_HINT_FRAME_CRITICAL);
}

/* The places of a span that a page has a part of: @first to @last, inclusive. */
void ml_slots_on(const struct ml_span *span, u64 page, u32 *first, u32 *last)
{
	u64 size = ml_class_size(span->cls), byte = (page - span->run.page) << ML_PAGE_SHIFT;

	*first = byte / size;
	*last = min_t(u64, (byte + ML_PAGE_SIZE - 1) / size, span->places - 1);
}

/* Have all the objects on a page of a span nothing against it? */
static bool may_cool_page(const struct ml_arena *a, const struct ml_span *span, u64 page)
{
	u32 slot, last, owner;

	ml_slots_on(span, page, &slot, &last);
	for (; slot <= last; slot++) {
		owner = ml_slot_owner(span, slot);
		if (owner && !ml_may_cool(a, owner))
			return false;
	}
	return true;
}

/* ---------------------------------------------------------- ranges */

/**
 * ml_range_run - deal with the pages that were gathered
 * @a: arena; arena.lock, which is dropped meanwhile, with arena.mover where they go
 * @r: them; empty afterwards
 */
void ml_range_run(struct ml_arena *a, struct ml_range *r)
{
	s64 gone = 0;

	lockdep_assert_held(&a->lock);
	if (!r->nr || r->err)
		return;
	mutex_unlock(&a->lock);
	if (r->run)
		gone = r->run(a, r->first, r->nr);
	cond_resched();
	mutex_lock(&a->lock);
	r->nr = 0;
	if (gone < 0)
		r->err = gone;
	else
		r->gone += gone;
}

/**
 * ml_range_add - gather pages, and deal with those before if these do not follow them
 * @a: arena; arena.lock, which may be dropped meanwhile
 * @r: what was gathered
 * @page: first
 * @nr: how many
 */
void ml_range_add(struct ml_arena *a, struct ml_range *r, u64 page, u64 nr)
{
	lockdep_assert_held(&a->lock);
	if (r->nr && (page < r->first || page > r->first + r->nr || r->nr >= ML_RANGE_PAGES))
		ml_range_run(a, r);
	if (!r->nr)
		r->first = page;
	r->nr = max(r->nr, page + nr - r->first);
}

/* A call of ml_cool() or ml_warm(). */
struct work {
	struct memlane_cool *req;
	bool cools;
	u64 deadline;		/* ns; 0: none */
	struct ml_range range;
};

/* ---------------------------------------------------------- objects */

/*
 * The pages that a block is on. Adding a range may drop arena.lock, and then the span may
 * be gone: so what may go is found out first. A block is on nine pages at most.
 */
static int cool_block(struct ml_arena *a, struct work *w, const struct ml_span *span, u64 loc)
{
	u64 first = ml_loc_page(loc), end, page;
	int err = 0;

	end = ml_loc_page(loc + (ml_class_size(span->cls) >> MEMLANE_GRANULE_SHIFT) - 1) + 1;
	for (page = first; page < end && !err; page++)
		if (!may_cool_page(a, span, page))
			err = -EBUSY;
	if (!err)
		ml_range_add(a, &w->range, first, end - first);
	return err;
}

static int cool_object(struct ml_arena *a, struct work *w, u32 index)
{
	u64 loc;
	struct ml_run *run = ml_place_of(a, index, &loc);

	if (!run)
		return -EBADF;
	if (run->lane != MEMLANE_SLOW)
		return -EBUSY;
	if (run->kind == ML_SPAN)
		return cool_block(a, w, ml_span_of(run), loc);
	if (!ml_may_cool(a, index))
		return -EBUSY;
	ml_range_add(a, &w->range, run->page, run->nr);
	return 0;
}

static int warm_object(struct ml_arena *a, struct work *w, u32 index)
{
	u64 loc, byte, first;
	struct ml_run *run = ml_place_of(a, index, &loc);

	if (!run)
		return -EBADF;
	byte = loc << MEMLANE_GRANULE_SHIFT;
	first = byte >> ML_PAGE_SHIFT;
	ml_range_add(a, &w->range, first, ((byte + ml_run_room(run) - 1) >> ML_PAGE_SHIFT) + 1 - first);
	return 0;
}

static int do_object(struct ml_arena *a, struct work *w, u32 index)
{
	return w->cools ? cool_object(a, w, index) : warm_object(a, w, index);
}

static void cool_note(struct work *w, int err)
{
	if (err && !w->req->out_failed++)
		w->req->out_error = err;
}

/* Is it to go on? */
static bool go_on(struct ml_arena *a, struct work *w)
{
	if (!w->range.err && ml_hurry(a))
		w->range.err = -EINTR;
	if (w->deadline && a->ops->now() >= w->deadline)
		w->req->out_more = 1;
	return !w->range.err && !w->req->out_more;
}

static void do_array(struct ml_arena *a, struct work *w, const u64 *handles)
{
	struct memlane_cool *req = w->req;
	u64 handle;
	int err;

	do {
		handle = handles[req->out_count++];
		err = ml_handle_check(a, handle);
		cool_note(w, err ? err : do_object(a, w, memlane_handle_index(handle)));
	} while (req->out_count < req->count && go_on(a, w));
}

/* ---------------------------------------------------------- all of a kind */

static bool is_meant(const struct ml_arena *a, const struct work *w, u32 index)
{
	struct ml_run *run;
	u64 loc;

	if (!ml_index_placed(a, index))
		return false;
	run = ml_place_of(a, index, &loc);
	if (!run)
		return false;
	if (w->req->flags & MEMLANE_COOL_LANE)
		return run->lane == w->req->lane;
	return ml_index_group(a, index) == w->req->group;
}

static void do_all(struct ml_arena *a, struct work *w)
{
	u32 index = a->table.first + 1, left = PIECE;

	for (; index < a->table.top; index += max(ml_index_gone(a, index), 1U)) {
		if (is_meant(a, w, index) && memlane_entry_is_live(ml_entry_read(a, index)))
			cool_note(w, do_object(a, w, index));
		if (--left)
			continue;
		ml_range_run(a, &w->range);
		if (!go_on(a, w))
			return;
		mutex_unlock(&a->lock);
		cond_resched();
		mutex_lock(&a->lock);
		left = PIECE;
	}
}

/* ---------------------------------------------------------- calls */

static int cool_check(const struct memlane_cool *req)
{
	u32 kinds = MEMLANE_COOL_GROUP | MEMLANE_COOL_LANE, kind = req->flags & kinds;

	if (req->flags & ~(kinds | MEMLANE_COOL_STORE) || req->__reserved)
		return -EOPNOTSUPP;
	if (kind == kinds || (kind && (req->count || req->handles)))
		return -EINVAL;
	if (kind == MEMLANE_COOL_LANE && req->lane >= MEMLANE_LANES)
		return -EINVAL;
	if (kind == MEMLANE_COOL_GROUP && req->group > 0xffff)
		return -EINVAL;
	return kind || (req->count && req->count <= 1U << 20) ? 0 : -EINVAL;
}

/* Both locks, or arena.lock alone, are held by the caller. */
static int run(struct ml_arena *a, struct work *w, const u64 *handles)
{
	struct memlane_cool *req = w->req;

	lockdep_assert_held(&a->lock);
	w->deadline = req->max_ns ? a->ops->now() + req->max_ns : 0;
	if (req->flags & (MEMLANE_COOL_GROUP | MEMLANE_COOL_LANE))
		do_all(a, w);
	else
		do_array(a, w, handles);
	ml_range_run(a, &w->range);
	req->out_pages = w->range.gone;
	ml_publish(a);
	if (w->cools)
		a->policy.idle.gone += w->range.gone;
	return w->range.err;
}

/**
 * ml_cool_begin - nothing was done yet
 * @req: a call
 */
void ml_cool_begin(struct memlane_cool *req)
{
	req->out_count = 0;
	req->out_pages = 0;
	req->out_failed = 0;
	req->out_error = 0;
	req->out_more = 0;
}

/**
 * ml_cool_add - what a part of a call did, even one that failed
 * @sum: the call
 * @piece: of it
 */
void ml_cool_add(struct memlane_cool *sum, const struct memlane_cool *piece)
{
	sum->out_count += piece->out_count;
	sum->out_pages += piece->out_pages;
	if (!sum->out_failed)
		sum->out_error = piece->out_error;
	sum->out_failed += piece->out_failed;
	sum->out_more = piece->out_more;
}

/**
 * ml_cool_tell - the end of a call that was queued
 * @event: to be filled in
 * @req: the call
 */
void ml_cool_tell(struct memlane_event *event, const struct memlane_cool *req)
{
	event->token = req->token;
	event->value = req->out_pages;
	event->failed = req->out_failed + (req->count - req->out_count);
}

static int cool_begin(struct memlane_cool *req)
{
	ml_cool_begin(req);
	return cool_check(req);
}

/**
 * ml_cool - put away the bytes of objects
 * @a: arena
 * @req: see struct memlane_cool
 * @handles: req->count of them
 */
int ml_cool(struct ml_arena *a, struct memlane_cool *req, const u64 *handles)
{
	struct work w = { .req = req, .range.run = a->ops->cool, .cools = true };
	int err = cool_begin(req);

	if (err)
		return err;
	if (req->flags & MEMLANE_COOL_STORE)
		w.range.run = a->ops->store;
	if (mutex_lock_killable(&a->mover))
		return -EINTR;
	if (mutex_lock_killable(&a->lock)) {
		mutex_unlock(&a->mover);
		return -EINTR;
	}
	err = run(a, &w, handles);
	mutex_unlock(&a->lock);
	mutex_unlock(&a->mover);
	return err;
}

/**
 * ml_warm - bring the bytes of objects back
 * @a: arena
 * @req: see struct memlane_cool
 * @handles: req->count of them
 *
 * Moves go on meanwhile: what moves takes with it what is not back yet.
 */
int ml_warm(struct ml_arena *a, struct memlane_cool *req, const u64 *handles)
{
	struct work w = { .req = req, .range.run = a->ops->warm };
	int err = cool_begin(req);

	if (!err && req->flags & MEMLANE_COOL_STORE)
		err = -EOPNOTSUPP;
	if (err)
		return err;
	if (mutex_lock_killable(&a->lock))
		return -EINTR;
	err = run(a, &w, handles);
	mutex_unlock(&a->lock);
	return err;
}

/* ---------------------------------------------------------- lost */

static void cool_tell_lost(struct ml_arena *a, const struct ml_run *run, u32 index)
{
	a->count.lost++;
	ml_event(a, MEMLANE_EVENT_LOST, run->lane, ml_handle(a, index));
}

static void tell_page(struct ml_arena *a, struct ml_run *run, u64 page)
{
	struct ml_span *span;
	u32 slot, last, owner;

	if (run->kind == ML_BLOB && run->index)
		cool_tell_lost(a, run, run->index);
	if (run->kind != ML_SPAN)
		return;
	span = ml_span_of(run);
	ml_slots_on(span, page, &slot, &last);
	for (; slot <= last; slot++) {
		owner = ml_slot_owner(span, slot);
		if (owner && memlane_entry_is_live(ml_entry_read(a, owner)))
			cool_tell_lost(a, run, owner);
	}
}

static void tell_of(struct ml_arena *a, u64 page, u64 first)
{
	struct ml_run *run = ml_run_at(a, first);

	if (run)
		tell_page(a, run, page);
}

/**
 * ml_tell_lost - tell of objects whose bytes could not be brought back
 * @a: arena; no lock
 *
 * A file may be bad from end to end: one look at each page, and others go on meanwhile.
 */
void ml_tell_lost(struct ml_arena *a)
{
	u64 page = 0, first;

	mutex_lock(&a->lock);
	for (; !ml_hurry(a) && a->ops->untold(a, &page, &first); page++) {
		tell_of(a, page, first);
		mutex_unlock(&a->lock);
		cond_resched();
		mutex_lock(&a->lock);
	}
	mutex_unlock(&a->lock);
}
