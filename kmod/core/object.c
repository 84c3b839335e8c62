// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* object.c - binding indices to places and freeing them */
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <linux/nospec.h>

#include "block.h"
#include "decay.h"
#include "depot.h"
#include "maintain.h"
#include "object.h"
#include "place.h"
#include "slot.h"
#include "stat.h"
#include "stock.h"
#include "table.h"
#include "turn.h"
#include "vec.h"

#define NOTE_TRIES	64
#define FREE_TRIES	64	/* a program that rewrites the entry all the time is told -EBUSY */

static int bind_one(struct ml_arena *a, unsigned int lane, const struct ml_need *need,
		    u32 *index)
{
	u64 loc;
	int err;

	err = ml_place_take(a, lane, need, false, &loc);
	if (err)
		return err;
	err = ml_index_bind(a, loc, index);
	if (err)
		ml_place_give(a, loc);
	else
		ml_place_name(a, loc, *index);
	return err;
}

/* What could not be served has not made a lane grow. */
static void ungrow(struct ml_arena *a, const struct ml_want *w)
{
	unsigned int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		struct ml_lane *l = &a->lane[lane];

		if (l->limit == w->limit[lane])
			continue;
		if (w->need.cls != MEMLANE_CLASS_BLOB)
			ml_span_trim(a, ml_class_set(l, w->need.cls, w->need.cold), 0);
		if (ml_lane_used(l) <= w->limit[lane])
			WRITE_ONCE(l->limit, w->limit[lane]);
		ml_lane_fit(a, lane);
	}
}

/* What nobody has goes first. */
static int bind_in(struct ml_arena *a, unsigned int lane, const struct ml_need *need, u32 *index)
{
	int err;

	do {
		err = bind_one(a, lane, need, index);
	} while (err == -ENOSPC && ml_depot_free_one(a));
	return err;
}

/* The ladder of a full lane: the other lane, then growth of either. */
static int bind_first(struct ml_arena *a, struct ml_want *w, u32 *index)
{
	bool spill = w->lane == MEMLANE_FAST && !w->no_spill;
	int err;

	w->limit[MEMLANE_FAST] = a->lane[MEMLANE_FAST].limit;
	w->limit[MEMLANE_SLOW] = a->lane[MEMLANE_SLOW].limit;
	do {
		w->got = w->lane;
		err = bind_in(a, w->lane, &w->need, index);
		if (err == -ENOSPC && spill) {
			w->got = MEMLANE_SLOW;
			err = bind_in(a, MEMLANE_SLOW, &w->need, index);
		}
	} while (err == -ENOSPC && (ml_lane_grow(a, w->lane, w->need.pages) ||
				    (spill && ml_lane_grow(a, MEMLANE_SLOW, w->need.pages))));
	if (err) {
		ungrow(a, w);
		return err;
	}
	a->count.spilled += w->got != w->lane;
	ml_lane_tell_pressure(a, w->got);
	ml_lane_tell_growth(a, MEMLANE_FAST, w->limit[MEMLANE_FAST]);
	ml_lane_tell_growth(a, MEMLANE_SLOW, w->limit[MEMLANE_SLOW]);
	return 0;
}

/**
 * ml_want_init - check what a caller wants
 * @w: out
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @flags: ML_WANT_FLAGS are looked at
 * @length: bytes
 * @align: power of two, or 0
 *
 * Return: 0 or -EINVAL.
 */
int ml_want_init(struct ml_want *w, u32 lane, u32 flags, u64 length, u64 align)
{
	int err;

	if (lane >= MEMLANE_LANES)
		return -EINVAL;
	w->lane = array_index_nospec(lane, MEMLANE_LANES);
	w->got = w->lane;
	w->no_spill = flags & MEMLANE_ALLOC_NO_SPILL;
	w->may_move = flags & MEMLANE_ALLOC_MAY_MOVE;
	w->looked = false;
	w->resorted = false;
	w->yielded = false;
	err = ml_need_for(&w->need, length, align);
	w->need.fresh = flags & MEMLANE_ALLOC_FRESH;
	return err;
}

/**
 * ml_bind - bind an index to a new place
 * @a: arena; arena.lock
 * @w: what is wanted; where it was found is set
 * @first: the first of a call may go to another lane or make one grow, the
 *         others follow it
 * @index: out
 *
 * Return: 0; -ENOSPC, -ENOMEM.
 */
int ml_bind(struct ml_arena *a, struct ml_want *w, bool first, u32 *index)
{
	lockdep_assert_held(&a->lock);
	return first ? bind_first(a, w, index) : bind_one(a, w->got, &w->need, index);
}

/* Places of one span, for the last @nr of @indices, from the end on. Return: how many. */
static u32 bind_run(struct ml_arena *a, struct ml_span *span, u32 *indices, u32 nr)
{
	u32 most = min(nr, span->places - span->used), index, i;

	for (i = 0; i < most; i++) {
		if (ml_index_bind(a, ml_slot_loc(span, span->free), &index))
			break;
		ml_slot_fill(span, index);
		WRITE_ONCE(indices[nr - 1 - i], index);
	}
	ml_places_named(a, span, i);
	return i;
}

/**
 * ml_bind_more - bind indices to places beside one that ml_bind() has bound
 * @a: arena; arena.lock
 * @w: as it was given to ml_bind(); a block
 * @indices: out, may be shared; the last of them are written, from the end on
 * @nr: how many are wanted
 *
 * A thread takes the last one of a magazine first: so what it makes lies in the order in which it
 * is made, mostly. Return: how many there are.
 */
u32 ml_bind_more(struct ml_arena *a, const struct ml_want *w, u32 *indices, u32 nr)
{
	struct ml_span *span;
	u32 left = nr, got;
	int err;

	lockdep_assert_held(&a->lock);
	while (left) {
		span = ml_lane_span(a, w->got, &w->need, false, &err);
		got = span ? bind_run(a, span, indices, left) : 0;
		if (!got)
			break;
		left -= got;
	}
	return nr - left;
}

/**
 * ml_bind_undo - the index cannot be handed out
 * @a: arena; arena.lock, held since ml_bind()
 * @w: as for ml_bind()
 * @first: as for ml_bind()
 * @index: from ml_bind()
 */
void ml_bind_undo(struct ml_arena *a, const struct ml_want *w, bool first, u32 index)
{
	lockdep_assert_held(&a->lock);
	ml_stock_free(a, index);
	if (first)
		ungrow(a, w);
}

static bool has_span(const struct ml_lane *l, const struct ml_need *need)
{
	return need->cls != MEMLANE_CLASS_BLOB &&
	       (ml_span_fullest(ml_class_set((struct ml_lane *)l, need->cls, false)) ||
		ml_span_fullest(ml_class_set((struct ml_lane *)l, need->cls, true)));
}

static bool has_room(struct ml_arena *a, const struct ml_want *w)
{
	return has_span(&a->lane[w->lane], &w->need) ||
	       ml_lane_room(a, w->lane, ml_need_pages(&w->need), false);
}

/**
 * ml_want_lock - take arena.lock for a try
 * @a: arena; no lock
 * @w: what is wanted
 *
 * If the lane is full and the caller allows it, room is made first, once a call.
 * Return: 0, or -EINTR without the lock.
 */
int ml_want_lock(struct ml_arena *a, struct ml_want *w)
{
	bool looks = w->may_move && !w->looked;

	w->looked = true;
	if (ml_turn_lock(a))
		return -EINTR;
	if (!looks || has_room(a, w))
		return 0;
	mutex_unlock(&a->lock);
	ml_make_room(a, w->lane, ml_need_pages(&w->need));
	return ml_turn_lock(a) ? -EINTR : 0;
}

/**
 * ml_want_again - after a refusal: is another try worth it?
 * @a: arena; no lock
 * @w: what is wanted
 * @err: of the try
 *
 * Once a call, after all was done that may help; for want of memory, after what is kept has
 * gone, too. An event tells of the refusal.
 */
bool ml_want_again(struct ml_arena *a, struct ml_want *w, int err)
{
	unsigned int lanes = 1U << w->lane;

	if (err != -ENOSPC && err != -ENOMEM)
		return false;
	if (err == -ENOMEM && !w->yielded) {
		w->yielded = true;
		if (ml_kept_yield(a))
			return true;
	}
	if (w->lane == MEMLANE_FAST && !w->no_spill)
		lanes |= 1U << MEMLANE_SLOW;
	if (w->may_move && !w->resorted) {
		w->resorted = true;
		if (ml_last_resort(a, lanes, ml_need_pages(&w->need)))
			return true;
	}
	if (ml_turn_lock(a))
		return false;
	if (err == -ENOSPC)
		ml_event(a, MEMLANE_EVENT_FULL, w->lane, w->need.pages << ML_PAGE_SHIFT);
	mutex_unlock(&a->lock);
	return false;
}

/*
 * The count is kept: somebody with a stale handle may be about to take his pin back. A
 * program that never leaves the word alone has an object with the last one's notes.
 */
static void write_notes(u64 *pin)
{
	u64 was = READ_ONCE(*pin), now;
	u32 tries;

	for (tries = 0; tries < NOTE_TRIES; tries++) {
		now = cmpxchg(pin, was, was & MEMLANE_PIN_COUNT_MASK);
		if (now == was)
			break;
		was = now;
	}
}

static int publish_live(struct ml_arena *a, u32 index, u64 length, unsigned int cls)
{
	u64 *pin = ml_vec_at(&a->table.pin, index);
	u64 *e = ml_entry(a, index);
	int err = ml_index_describe(a, index, cls, length);

	if (err)
		return err;
	/* Nobody has written a note there: all are none. */
	if (pin)
		write_notes(pin);
	/* Pairs with the acquire of memlane_get(): class and note come first. */
	smp_store_release(e, memlane_entry_to(READ_ONCE(*e), MEMLANE_ENTRY_USED, a->cookie));
	return 0;
}

static int alloc_all(struct ml_arena *a, struct memlane_alloc *req, struct ml_want *w,
		     u64 *handles)
{
	u32 index, i;
	int err = 0;

	for (i = 0; i < req->count; i++) {
		err = ml_bind(a, w, !i, &index);
		if (err)
			break;
		if (req->flags & MEMLANE_ALLOC_LIVE)
			err = publish_live(a, index, req->length, w->need.cls);
		if (err) {
			ml_bind_undo(a, w, !i, index);
			break;
		}
		handles[i] = ml_handle(a, index);
	}
	req->out_count = i;
	req->out_lane = w->got;
	req->out_class = w->need.cls;
	return i ? 0 : err;
}

static int check_alloc(const struct memlane_alloc *req, struct ml_want *w)
{
	int err;

	if (req->flags & ~(MEMLANE_ALLOC_LIVE | ML_WANT_FLAGS))
		return -EOPNOTSUPP;
	if (!req->count || req->count > 4096)
		return -EINVAL;
	err = ml_want_init(w, req->lane, req->flags, req->length, req->align);
	if (!err && w->need.cls == MEMLANE_CLASS_BLOB && req->count != 1)
		err = -EINVAL;
	return err;
}

/**
 * ml_alloc - bind handles to free places
 * @a: arena
 * @req: see struct memlane_alloc
 * @handles: room for req->count
 */
int ml_alloc(struct ml_arena *a, struct memlane_alloc *req, u64 *handles)
{
	struct ml_want w;
	int err = check_alloc(req, &w);

	req->out_count = 0;
	if (err)
		return err;
	do {
		if (ml_want_lock(a, &w))
			return -EINTR;
		err = alloc_all(a, req, &w, handles);
		a->count.refills++;
		ml_publish(a);
		mutex_unlock(&a->lock);
	} while (ml_want_again(a, &w, err));
	return err;
}

/* The generation was seen: it is not given out again. */
static void undo_one(struct ml_arena *a, u64 handle)
{
	u32 index = memlane_handle_index(handle);
	u64 *e = ml_entry(a, index);

	if (!ml_index_bound(a, index) || ml_handle(a, index) != handle)
		return;
	xchg(e, memlane_entry_ended(READ_ONCE(*e)));
	ml_stock_free(a, index);
}

/**
 * ml_alloc_undo - the caller could not be told of these handles
 * @a: arena
 * @handles: from ml_alloc()
 * @nr: how many
 *
 * The program may have seen some of them, and freed them: those are left alone.
 */
void ml_alloc_undo(struct ml_arena *a, const u64 *handles, u32 nr)
{
	u32 i;

	mutex_lock(&a->lock);
	for (i = 0; i < nr; i++)
		undo_one(a, handles[i]);
	ml_publish(a);
	mutex_unlock(&a->lock);
}

/* ------------------------------------------------------------------ free */

static u64 unmarked(const struct ml_arena *a, u64 word)
{
	return memlane_entry_to(word, memlane_entry_unmarked(memlane_entry_state(word)), a->cookie);
}

/*
 * End a live object: raise the generation, as memlane_free() does. A pin that
 * came in between undoes it. Nobody else changes a word that is not live, in no
 * magazine and in no batch; arena.lock keeps it out of one.
 */
static int end_live(struct ml_arena *a, u64 handle)
{
	u32 index = memlane_handle_index(handle);
	u64 *e, word, ended;
	int err = ml_handle_check(a, handle);

	if (err && err != -ENODATA)
		return err;
	if (ml_index_pins(a, index))
		return -EBUSY;
	e = ml_entry(a, index);
	word = READ_ONCE(*e);
	ended = memlane_entry_ended(word);
	if (cmpxchg(e, word, ended) != word)
		return -EAGAIN;
	if (!ml_index_pins(a, index))
		return 0;
	cmpxchg(e, ended, unmarked(a, word));
	return -EBUSY;
}

static int free_one(struct ml_arena *a, u32 flags, u64 handle)
{
	u32 cookie = memlane_handle_cookie(handle);
	unsigned int tries = 0;
	int err;

	if (!cookie || handle & MEMLANE_HANDLE_ZEROS)
		return -EBADF;
	if (cookie != a->cookie)
		return -EXDEV;
	if (flags & MEMLANE_FREE_LIVE) {
		do {
			err = end_live(a, handle);
		} while (err == -EAGAIN && ++tries < FREE_TRIES);
		if (err)
			return err == -EAGAIN ? -EBUSY : err;
	}
	return ml_stock_free(a, memlane_handle_index(handle));
}

/* Before arena.lock: see ml_revoke_maker(). A stale handle's object has another maker. */
static int revoke_makers(struct ml_arena *a, const struct memlane_free *req, const u64 *handles)
{
	u32 i, index;
	int err = 0;

	for (i = 0; i < req->count && !err; i++) {
		index = memlane_handle_index(handles[i]);
		if (memlane_entry_gen(ml_entry_peek(a, index)) == memlane_handle_gen(handles[i]))
			err = ml_revoke_maker(a, index);
	}
	return err == -EAGAIN ? -EBUSY : err;
}

/**
 * ml_free - give handles back
 * @a: arena
 * @req: see struct memlane_free
 * @handles: req->count of them
 */
int ml_free(struct ml_arena *a, struct memlane_free *req, const u64 *handles)
{
	int err = 0;
	u32 i;

	req->out_count = 0;
	if (req->flags & ~MEMLANE_FREE_LIVE)
		return -EOPNOTSUPP;
	if (!req->count || req->count > 1U << 20)
		return -EINVAL;
	if (req->flags & MEMLANE_FREE_LIVE)
		err = revoke_makers(a, req, handles);
	if (ml_turn_lock(a))
		return -EINTR;
	for (i = 0; i < req->count && !err; i++) {
		err = free_one(a, req->flags, handles[i]);
		req->out_count += !err;
		if (!err && ml_hurry(a))
			err = -EINTR;
	}
	a->count.flushes++;
	ml_publish(a);
	mutex_unlock(&a->lock);
	return err;
}
