// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mag.c - magazines: stock of registered threads
 *
 * Everything read from a slot is the program's word for it: counts are clamped,
 * and every index is checked against the private table before it is believed.
 *
 * What a thread leaves behind when it dies at any instruction:
 *   index[0..nr)   its stock for certain, unless an alloc had just made one live
 *   index[nr]      perhaps an object that a free had ended, not counted yet; or
 *                  a leftover, which may be in another thread's stock by now
 *   in_hand        the same, for an object that has no magazine
 * Another thread frees inside a section: outside of one its index[nr] is a leftover.
 * The doubtful ones are freed if they are bound, not live, in no other slot, and
 * neither ended nor freed while the other slots were looked through, which may take
 * many steps: an index that wanders from one magazine to another is made live and
 * ended on its way, which raises its generation, or goes through the table, where it
 * loses ML_SUSPECT. One that is pinned is made live again: the free that ended it
 * would have taken itself back.
 */
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "depot.h"
#include "mag.h"
#include "object.h"
#include "slot.h"
#include "stat.h"
#include "stock.h"
#include "table.h"
#include "turn.h"
#include "vec.h"

static u64 mag_page(u32 slot, u32 mag)
{
	return (u64)slot * ML_SLOT_PAGES + 1 + mag / ML_MAGS_A_PAGE;
}

/* A magazine of a slot; NULL if its page was never touched. */
static struct memlane_mag *mag_of(struct ml_arena *a, u32 slot, u32 mag)
{
	void *page = ml_vec_at(&a->slots.page, mag_page(slot, mag));

	return page ? page + mag % ML_MAGS_A_PAGE * ML_MAG_STRIDE : NULL;
}

static u32 mag_nr(const struct memlane_mag *mag)
{
	return min_t(u32, READ_ONCE(mag->nr), ML_MAG_SIZE);
}

/**
 * ml_stock_next - what a thread has in stock, one index after the other
 * @a: arena; arena.lock, which may be dropped between two calls
 * @slot: whose; in use
 * @at: 0 at first; where to go on
 * @index: out: any value
 *
 * The thread may take and give meanwhile: some may be missed, or be somebody's. Return: false:
 * that was all.
 */
bool ml_stock_next(struct ml_arena *a, u32 slot, u32 *at, u32 *index)
{
	const struct memlane_mag *mag;
	u32 m, i;

	lockdep_assert_held(&a->lock);
	while ((m = *at / ML_MAG_SIZE) < ML_MAGS) {
		mag = mag_of(a, slot, m);
		i = *at % ML_MAG_SIZE;
		if (mag && i < mag_nr(mag)) {
			*index = READ_ONCE(mag->index[i]);
			++*at;
			return true;
		}
		*at = (m + 1) * ML_MAG_SIZE;
		cond_resched();
	}
	return false;
}

/* ---------------------------------------------------- stock of the dead */

static void suspect(struct ml_arena *a, u32 index)
{
	u64 word = ml_entry_read(a, index);
	struct ml_suspect s = { .index = index, .word = word };

	if (ml_index_bound(a, index) && ml_is_stock(word))
		a->slots.suspect[a->slots.suspects++] = s;
}

/**
 * ml_stock_drain - free the certain stock of a slot, and suspect what is in doubt
 * @a: arena; arena.lock
 * @slot: its thread is gone, or is giving it back; one of ML_DRAINS at most
 */
void ml_stock_drain(struct ml_arena *a, u32 slot)
{
	struct memlane_mag *mag;
	u32 m, last;

	lockdep_assert_held(&a->lock);
	for (m = 0; m < ML_MAGS; m++) {
		mag = mag_of(a, slot, m);
		if (!mag)
			continue;
		ml_stock_free_many(a, mag->index, mag_nr(mag));
		cond_resched();
		last = mag_nr(mag);
		if (last < ML_MAG_SIZE)
			suspect(a, READ_ONCE(mag->index[last]));
		WRITE_ONCE(mag->nr, 0);
		WRITE_ONCE(mag->quota, 0);
	}
	suspect(a, READ_ONCE(ml_slot_head(a, slot)->in_hand));
	WRITE_ONCE(ml_slot_head(a, slot)->in_hand, 0);
}

static int by_index(const void *x, const void *y)
{
	const struct ml_suspect *p = x, *q = y;

	return p->index < q->index ? -1 : p->index > q->index;
}

/* Binary search; equal indices stand together, and where the first one is cleared all are. */
static void clear_suspect(struct ml_arena *a, u32 index)
{
	struct ml_suspect *s = a->slots.suspect;
	u32 nr = a->slots.suspects, low = 0, high = nr, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (s[mid].index < index)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < nr && s[low].index == index && !s[low].cleared; low++)
		s[low].cleared = true;
}

/* What the depot has is nobody's to free: nothing comes in before the suspects are settled. */
static void compare_depot(struct ml_arena *a)
{
	const struct ml_depot_stock *s;
	u32 m, i;

	for (m = 0; m < ML_MAGS; m++)
		for (s = a->depot.stock[m]; s; s = s->next) {
			for (i = 0; i < s->nr; i++)
				clear_suspect(a, s->index[i]);
			cond_resched();
		}
}

/* The suspects are all known: find them by index from now on. */
void ml_stock_sort(struct ml_arena *a)
{
	u32 i;

	sort(a->slots.suspect, a->slots.suspects, sizeof(*a->slots.suspect), by_index, NULL);
	for (i = 0; i < a->slots.suspects; i++)
		ml_index_suspect(a, a->slots.suspect[i].index);
	compare_depot(a);
}

/* What a slot has that was not drained is its own. */
void ml_stock_compare(struct ml_arena *a, u32 slot)
{
	/* Pairs with memlane_exit(): whoever freed in a section has counted by its end. */
	bool freeing = smp_load_acquire(&ml_slot_head(a, slot)->section);
	struct memlane_mag *mag;
	u32 m, i, end;

	for (m = 0; m < ML_MAGS; m++) {
		mag = mag_of(a, slot, m);
		if (!mag)
			continue;
		end = min_t(u32, mag_nr(mag) + freeing, ML_MAG_SIZE);
		for (i = 0; i < end; i++)
			clear_suspect(a, READ_ONCE(mag->index[i]));
		cond_resched();
	}
	clear_suspect(a, READ_ONCE(ml_slot_head(a, slot)->in_hand));
}

/* The word of an object whose free is undone: of the generation before. */
static u64 revived(u32 index, u64 word)
{
	u32 gen = (memlane_entry_gen(word) - 1) & MEMLANE_GEN_MAX;
	u64 was = memlane_entry_free(gen, index, memlane_entry_loc(word, index));

	return memlane_entry_to(was, MEMLANE_ENTRY_IDLE, 0);
}

/*
 * A pin says that a free was undone, or would have been: undo it. Before the first
 * generation there was no object.
 */
static void settle_suspect(struct ml_arena *a, const struct ml_suspect *s)
{
	u64 *e = ml_entry(a, s->index), word = ml_entry_read(a, s->index);
	u32 gen = memlane_entry_gen(word);

	/* Compaction may have moved it meanwhile; what it was made, it is. */
	if (!ml_index_suspected(a, s->index) || gen != memlane_entry_gen(s->word) ||
	    !ml_is_stock(word))
		return;
	if (!ml_index_pins(a, s->index) || gen == a->table.first_gen ||
	    memlane_entry_state(word) == MEMLANE_ENTRY_EMPTY)
		ml_stock_free(a, s->index);
	else
		cmpxchg(e, word, revived(s->index, word));
}

/**
 * ml_stock_settle - free the suspects that no slot had
 * @a: arena; arena.lock
 */
void ml_stock_settle(struct ml_arena *a)
{
	u32 i;

	lockdep_assert_held(&a->lock);
	for (i = 0; i < a->slots.suspects; i++)
		if (!a->slots.suspect[i].cleared)
			settle_suspect(a, &a->slots.suspect[i]);
	a->slots.suspects = 0;
}

/* ------------------------------------------------------- refill, flush */

static int refill_blob(struct ml_arena *a, struct memlane_refill *req, struct ml_want *w)
{
	u32 index;
	int err = ml_bind(a, w, true, &index);

	if (err)
		return err;
	WRITE_ONCE(ml_slot_head(a, req->slot)->in_hand, index);
	req->out_handle = ml_handle(a, index);
	req->out_count = 1;
	return 0;
}

/* The lane is known only when the first index is bound. */
static struct memlane_mag *mag_for(struct ml_arena *a, u32 slot, const struct ml_want *w)
{
	u32 m = w->got * ML_CLASSES + w->need.cls;

	return ml_vec_make(a, &a->slots.page, mag_page(slot, m)) ? mag_of(a, slot, m) : NULL;
}

/* What another thread had too much of, as it is. False: there is none of these. */
static bool refill_given(struct ml_arena *a, struct memlane_refill *req, struct ml_want *w)
{
	const u32 m = w->lane * ML_CLASSES + w->need.cls;
	struct memlane_mag *mag = a->depot.stock[m] ? mag_for(a, req->slot, w) : NULL;
	u32 nr = mag ? mag_nr(mag) : ML_MAG_SIZE, got;

	got = mag ? ml_depot_take(a, m, &mag->index[nr], min(req->count, ML_MAG_SIZE - nr)) : 0;
	if (!got)
		return false;
	WRITE_ONCE(mag->nr, nr + got);
	req->out_handle = ml_handle(a, READ_ONCE(mag->index[nr + got - 1]));
	req->out_count = got;
	return true;
}

/* The one that decides on the lane, and so on the magazine, is the last one there. */
static int refill_mag(struct ml_arena *a, struct memlane_refill *req, struct ml_want *w)
{
	struct memlane_mag *mag;
	u32 index, nr, most, more;
	int err = ml_bind(a, w, true, &index);

	if (err)
		return err;
	mag = mag_for(a, req->slot, w);
	nr = mag ? mag_nr(mag) : ML_MAG_SIZE;
	if (nr == ML_MAG_SIZE) {
		ml_bind_undo(a, w, true, index);
		return mag ? -ENOSPC : -ENOMEM;
	}
	most = min(req->count, ML_MAG_SIZE - nr) - 1;
	more = ml_bind_more(a, w, &mag->index[nr], most);
	if (more < most)
		memmove(&mag->index[nr], &mag->index[nr + most - more], more * sizeof(*mag->index));
	WRITE_ONCE(mag->index[nr + more], index);
	WRITE_ONCE(mag->nr, nr + more + 1);
	req->out_handle = ml_handle(a, index);
	req->out_count = more + 1;
	return 0;
}

static int refill(struct ml_arena *a, struct memlane_refill *req, struct ml_want *w)
{
	int err;

	if (!ml_slot_busy(a, req->slot))
		err = -EINVAL;
	else if (w->need.cls == MEMLANE_CLASS_BLOB)
		err = refill_blob(a, req, w);
	else if (refill_given(a, req, w))
		err = 0;
	else
		err = refill_mag(a, req, w);
	req->out_lane = w->got;
	req->out_class = w->need.cls;
	a->count.refills++;
	ml_publish_places(a);
	return err;
}

/**
 * ml_refill - fill a magazine
 * @a: arena
 * @req: see struct memlane_refill; the slot is the caller's
 */
int ml_refill(struct ml_arena *a, struct memlane_refill *req)
{
	struct ml_want w;
	int err;

	req->out_count = 0;
	if (req->flags & ~(ML_WANT_FLAGS) || req->__reserved)
		return -EOPNOTSUPP;
	err = ml_want_init(&w, req->lane, req->flags, req->length, req->align);
	if (err || !req->count)
		return -EINVAL;
	do {
		if (ml_want_lock(a, &w))
			return -EINTR;
		err = refill(a, req, &w);
		mutex_unlock(&a->lock);
	} while (ml_want_again(a, &w, err));
	return err;
}

static void flush_in_hand(struct ml_arena *a, struct memlane_flush *req)
{
	struct memlane_slot *head = ml_slot_head(a, req->slot);

	req->out_count += !ml_stock_free(a, READ_ONCE(head->in_hand));
	WRITE_ONCE(head->in_hand, 0);
}

/*
 * The oldest go; the newest, whose lines are warm, move to the front. A thread that keeps some
 * has too much of them at the moment, and others may want them as they are.
 */
static void flush_mag(struct ml_arena *a, struct memlane_flush *req)
{
	const u32 m = req->lane * ML_CLASSES + req->cls;
	struct memlane_mag *mag = mag_of(a, req->slot, m);
	u32 nr = mag ? mag_nr(mag) : 0, keep = min(req->keep, nr);

	if (keep && ml_depot_give(a, m, mag->index, nr - keep))
		req->out_count = nr - keep;
	else if (mag)
		req->out_count = ml_stock_free_many(a, mag->index, nr - keep);
	if (keep)
		memmove(mag->index, &mag->index[nr - keep], keep * sizeof(*mag->index));
	if (mag)
		WRITE_ONCE(mag->nr, keep);
}

/**
 * ml_flush - give stock back
 * @a: arena
 * @req: see struct memlane_flush; the slot is the caller's
 */
int ml_flush(struct ml_arena *a, struct memlane_flush *req)
{
	bool blob = req->cls == MEMLANE_CLASS_BLOB;
	int err = 0;

	req->out_count = 0;
	if (req->flags || req->__reserved)
		return -EOPNOTSUPP;
	if (req->lane >= MEMLANE_LANES || (!blob && req->cls >= ML_CLASSES))
		return -EINVAL;
	req->lane = array_index_nospec(req->lane, MEMLANE_LANES);
	if (!blob)
		req->cls = array_index_nospec(req->cls, ML_CLASSES);
	if (ml_turn_lock(a))
		return -EINTR;
	if (!ml_slot_busy(a, req->slot))
		err = -EINVAL;
	else if (blob)
		flush_in_hand(a, req);
	else
		flush_mag(a, req);
	if (!err && !blob && !req->keep)
		ml_depot_free(a);
	a->count.flushes++;
	ml_publish_places(a);
	mutex_unlock(&a->lock);
	return err;
}
