// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * move.c - the move protocol
 *
 *   reserve   a destination for each object            arena.lock
 *   mark      the entry by compare-exchange            arena.lock
 *   grace     epoch + 1, barrier on every CPU, wait for older sections
 *   commit    pins again; copy, and marked -> at the new place by compare-exchange;
 *             or marked -> BUSY, hand the pages over, publish the new place
 *                                                       arena.lock
 *   free      the old places                            arena.lock
 *
 * Commit and free are one hold of the lock for each object; between two objects who waits for
 * it may have it.
 *
 * A user who meets a mark clears it by compare-exchange (a veto), so that the
 * commit's compare-exchange fails, and what was copied counts for nothing; one who
 * meets BUSY waits for that object: its pages change hands, or its size changes.
 * The barrier pairs with the plain store of memlane_enter(): afterwards either
 * the section is seen here, or the section sees the mark. An index that was freed,
 * and perhaps bound anew, while nobody held the lock lost ML_IN_BATCH.
 *
 * The words are hostile. What is compared is what this file wrote there, and
 * every location is one that the reverse map confirms (place.c); a program that forges words can
 * stop moves of its own objects, or have their bytes moved under its feet.
 */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/nospec.h>

#include "blob.h"
#include "block.h"
#include "blocker.h"
#include "lane.h"
#include "move.h"
#include "place.h"
#include "plan.h"
#include "policy.h"
#include "run.h"
#include "slot.h"
#include "stat.h"
#include "table.h"
#include "tally.h"
#include "turn.h"

#define COPY_POLL	10000	/* ns between looks at an object that is copied */
#define COPY_LOOKS	200
#define AHEAD		8	/* copies before one that it is announced: memory takes as long */
#define TURN		32	/* moves, or as much in bytes, and others may have the lock */
#define TURN_SHIFT	11	/* log2 of the bytes that take about as long as a move */
#define TIMED		16	/* of so many copies one is timed: a clock costs as much as a small one */

/* --------------------------------------------------------------- reserve */

static inline bool is_full(const struct ml_batch *b)
{
	return b->nr >= b->most || b->bytes >= b->limit || b->pages >= ML_BATCH_PAGES;
}

/**
 * ml_batch_full - whether the batch should run before more is added
 * @a: arena; arena.mover
 */
bool ml_batch_full(const struct ml_arena *a)
{
	lockdep_assert_held(&a->mover);
	return is_full(a->batch);
}

static u64 byte_of(u64 loc)
{
	return loc << MEMLANE_GRANULE_SHIFT;
}

static inline struct ml_asked asked_of(u64 loc, u64 len)
{
	return (struct ml_asked){
		.first = byte_of(loc) >> ML_PAGE_SHIFT,
		.end = ((byte_of(loc) + len - 1) >> ML_PAGE_SHIFT) + 1,
	};
}

static inline bool is_answered(const struct ml_asked *known, const struct ml_asked *pages)
{
	return pages->first >= known->first && pages->end <= known->end;
}

/*
 * Copying must not fail for want of memory: the destination exists from now on. Places of
 * a batch follow each other, and those it has reserved keep their pages.
 */
static inline int populate(struct ml_arena *a, u64 loc, u64 len)
{
	struct ml_asked pages = asked_of(loc, len);
	int err;

	if (is_answered(&a->batch->there, &pages))
		return 0;
	err = a->ops->populate(a, pages.first, pages.end - pages.first);
	if (!err)
		a->batch->there = pages;
	return err;
}

/* Where it is. NULL: its entry was overwritten. */
static struct ml_run *move_find(struct ml_arena *a, u32 index, u64 *loc)
{
	struct ml_run *run = ml_place_of(a, index, loc);

	a->count.spoiled += !run;
	return run;
}

/* A move from a place in one run to a place in another, or to none. */
static struct ml_move *batch_add(struct ml_arena *a, u32 index, struct ml_run *source, u64 from,
				 struct ml_run *target, u64 to)
{
	struct ml_move *mv = &a->batch->move[a->batch->nr++];

	mv->index = index;
	mv->words = ml_words_of(a, index);
	mv->from = from;
	mv->to = to;
	mv->source = source;
	mv->target = target;
	mv->result = 0;
	mv->remap = false;
	mv->empty = false;
	mv->cause = a->batch->cause;
	mv->room = ml_run_room(source);
	mv->len = mv->room;
	if (target)
		mv->len = min(mv->len, ml_run_room(target));
	mv->length = 0;
	/* Pairs with the release by which the word was last published. */
	ml_kin_in(source, smp_load_acquire(mv->words.entry), ml_index_notes(a, index), &mv->kin);
	ml_words_set_batch(&mv->words, true);
	return mv;
}

/**
 * ml_stays_pinned - an object stays where it is because it is pinned
 * @a: arena; both locks
 * @run: of its place
 * @index: which
 */
void ml_stays_pinned(struct ml_arena *a, struct ml_run *run, u32 index)
{
	struct ml_kin kin;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	ml_kin_of(a, index, run, &kin);
	ml_tally_stay(a, &kin, ML_PINNED);
	ml_blocked_by_pin(a, index);
}

static int movable(struct ml_arena *a, struct ml_run *run, u32 index)
{
	if (ml_index_in_batch(a, index))
		return -EAGAIN;
	if (!ml_index_pins(a, index))
		return 0;
	ml_stays_pinned(a, run, index);
	return -EBUSY;
}

static int add_block(struct ml_arena *a, u32 index, struct ml_run *source, u64 from,
		     struct ml_run *target, u64 to)
{
	struct ml_move *mv = batch_add(a, index, source, from, target, to);
	int err = populate(a, to, mv->len);

	if (!err) {
		a->batch->bytes += mv->len;
		return 0;
	}
	a->batch->nr--;
	a->batch->nomem |= err == -ENOMEM;
	ml_words_set_batch(&mv->words, false);
	ml_place_give_in(a, target, to);
	return err;
}

/**
 * ml_batch_block - plan the move of a block into a span
 * @a: arena; both locks; the batch is not full
 * @index: bound to a block
 * @source: its span
 * @from: its place
 * @target: span of the same class with a free place
 *
 * Return: 0; -EBUSY pinned, or the place is broken; -EAGAIN in the batch already;
 * -ENOMEM.
 */
int ml_batch_block(struct ml_arena *a, u32 index, struct ml_span *source, u64 from,
		   struct ml_span *target)
{
	int err;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	err = movable(a, &source->run, index);
	if (err)
		return err;
	ml_plan_feed(a, target);
	return add_block(a, index, &source->run, from, &target->run, ml_slot_take(a, target));
}

/* Are there objects enough for all the places of a span, with those that it has? */
static bool will_be_full(struct ml_arena *a, const struct ml_span *span)
{
	struct ml_lane *lane = &a->lane[span->run.lane];

	return ml_class_set(lane, span->cls, span->cold)->used >= span->places;
}

/* In one call, where no page is made for nothing. If it fails each place is asked for. */
static void populate_all(struct ml_arena *a, const struct ml_span *span)
{
	if (will_be_full(a, span))
		populate(a, ml_page_loc(span->run.page), span->run.nr << ML_PAGE_SHIFT);
}

/* What all moves from one span to another have in common. */
static struct ml_move move_between(struct ml_arena *a, struct ml_span *source,
				   struct ml_span *target)
{
	struct ml_move mv = {
		.source = &source->run, .target = &target->run, .cause = a->batch->cause,
		.room = ml_run_room(&source->run), .len = ml_run_room(&source->run),
	};

	ml_kin_in(&source->run, 0, 0, &mv.kin);
	return mv;
}

/* Plan one of them. The place is counted later. Return: 0, or of populate(). */
static inline int add_next(struct ml_arena *a, const struct ml_move *like, struct ml_span *source,
			   struct ml_span *target, u32 index)
{
	const struct ml_words words = ml_words_of(a, index);
	u64 notes = ml_notes_of(a, index);
	u64 to = ml_slot_loc(target, target->free);
	struct ml_move *mv = &a->batch->move[a->batch->nr];
	int err;

	if (*words.state & ML_IN_BATCH)
		return 0;
	if (notes & MEMLANE_PIN_COUNT_MASK) {
		ml_stays_pinned(a, &source->run, index);
		return 0;
	}
	err = populate(a, to, like->len);
	if (err)
		return err;
	ml_slot_fill(target, ML_SLOT_TAKEN);
	*mv = *like;
	mv->index = index;
	mv->words = words;
	mv->from = ml_slot_loc(source, source->cursor);
	mv->to = to;
	/* Pairs with the release by which the word was last published. */
	if (memlane_entry_is_live(smp_load_acquire(words.entry)))
		ml_kin_add(&mv->kin, notes);
	ml_words_set_batch(&words, true);
	a->batch->bytes += like->len;
	a->batch->nr++;
	return 0;
}

/**
 * ml_batch_span - plan moves of what is in a span, from its cursor on
 * @a: arena; both locks
 * @source: the span; its cursor says where to go on
 * @target: another one of its class
 *
 * Until the batch is full, or the target, or all were looked at. Return: 0; -ENOMEM.
 */
int ml_batch_span(struct ml_arena *a, struct ml_span *source, struct ml_span *target)
{
	const struct ml_move like = move_between(a, source, target);
	u32 nr = a->batch->nr, index;
	int err = 0;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	ml_plan_feed(a, target);
	populate_all(a, target);
	for (; source->cursor < source->places; source->cursor++) {
		index = ml_slot_owner(source, source->cursor);
		if (!index)
			continue;
		if (is_full(a->batch) || target->free == ML_SLOT_END)
			break;
		err = add_next(a, &like, source, target, index);
		if (err == -ENOMEM)
			break;
		err = 0;
	}
	ml_span_count(a, target, a->batch->nr - nr);
	a->batch->nomem |= err == -ENOMEM;
	return err;
}

static void add_blob(struct ml_arena *a, struct ml_run *from, struct ml_run *to)
{
	struct ml_move *mv = batch_add(a, from->index, from, ml_page_loc(from->page), to,
				       ml_page_loc(to->page));

	mv->remap = true;
	if (a->ops->remap_copies)
		a->batch->bytes += mv->len;
	else
		a->batch->pages += from->nr;
}

/**
 * ml_batch_blob - plan the move of a blob
 * @a: arena; both locks; the batch is not full
 * @from: a blob that has an owner
 * @lane: where to
 * @below: 0, or only below this page
 *
 * Return: 0; -EBUSY pinned; -EAGAIN in the batch already; -ENOSPC; -ENOMEM.
 */
int ml_batch_blob(struct ml_arena *a, struct ml_run *from, unsigned int lane, u64 below)
{
	struct ml_need need = { .pages = from->nr, .align = from->align };
	struct ml_run *to;
	int err;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	err = movable(a, from, from->index);
	if (!err && !ml_lane_room(a, lane, from->nr, from->lane == lane))
		err = -ENOSPC;
	if (!err)
		err = ml_blob_new(a, lane, &need, below, &to);
	if (!err)
		add_blob(a, from, to);
	a->batch->nomem |= err == -ENOMEM;
	return err;
}

/**
 * ml_batch_place - plan the move of an object to a lane
 * @a: arena; both locks; the batch is not full
 * @index: bound, not purged
 * @lane: where to
 * @temper: of the span it goes to, for a block
 *
 * Return: 0 (also if it is there); -EBUSY; -EAGAIN; -ENOSPC; -ENOMEM.
 */
int ml_batch_place(struct ml_arena *a, u32 index, unsigned int lane, enum ml_temper temper)
{
	struct ml_need need;
	u64 loc, to;
	struct ml_run *from = move_find(a, index, &loc);
	int err = from ? ml_need_of(a, loc, &need) : -EBADF;
	bool cold;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (err)
		return err;
	cold = temper == ML_KEEP ? need.cold : temper == ML_COLD;
	if (from->lane == lane && (need.cls == MEMLANE_CLASS_BLOB || cold == need.cold))
		return 0;
	if (need.cls == MEMLANE_CLASS_BLOB)
		return ml_batch_blob(a, from, lane, 0);
	err = movable(a, from, index);
	need.cold = cold;
	if (!err)
		err = ml_place_take(a, lane, &need, from->lane == lane, &to);
	return err ? err : add_block(a, index, from, loc, ml_run_of(a, to), to);
}

static bool same_place(const struct ml_need *x, const struct ml_need *y)
{
	return x->cls == y->cls && (x->cls != MEMLANE_CLASS_BLOB || x->pages == y->pages);
}

/*
 * A large object that shrank where it is has more pages than its size says, and its users
 * know of those alone.
 */
static bool is_told(const struct ml_arena *a, u32 index, const struct ml_need *has)
{
	return has->cls != MEMLANE_CLASS_BLOB || ml_pages(ml_index_size(a, index)) == has->pages;
}

/* Pages go over whole, bytes one by one: between a blob and a block as well. */
static int add_resized(struct ml_arena *a, u32 index, struct ml_run *from, u64 loc, u64 to,
		       u64 length)
{
	struct ml_run *run = ml_run_of(a, to);
	int err = 0;

	if (from->kind == ML_BLOB && run->kind == ML_BLOB)
		add_blob(a, from, run);
	else
		err = add_block(a, index, from, loc, run, to);
	if (!err)
		a->batch->move[a->batch->nr - 1].length = length;
	return err;
}

/**
 * ml_batch_resize - plan to move an object to a place of another size
 * @a: arena; both locks; the batch is not full
 * @index: bound, not purged
 * @lane: where to
 * @length: bytes that the place is to have room for
 *
 * Return: 0 (also if its place has that size, and its users know); -EINVAL; otherwise as
 * ml_batch_place().
 */
int ml_batch_resize(struct ml_arena *a, u32 index, unsigned int lane, u64 length)
{
	struct ml_need need, has;
	u64 loc, to;
	struct ml_run *from = move_find(a, index, &loc);
	int err = ml_need_for(&need, length, 0);

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (!err)
		err = from ? ml_need_of(a, loc, &has) : -EBADF;
	if (err || (same_place(&need, &has) && is_told(a, index, &has)))
		return err;
	err = movable(a, from, index);
	need.cold = has.cold;
	if (!err)
		err = ml_index_resize_prepare(a, index);
	if (!err)
		err = ml_place_take(a, lane, &need, false, &to);
	a->batch->nomem |= err == -ENOMEM;
	return err ? err : add_resized(a, index, from, loc, to, length);
}

static int away_blob(struct ml_arena *a, struct ml_run *from)
{
	struct ml_run *to;
	int err = ml_lane_room(a, from->lane, from->nr, true) ? ml_blob_away(a, from, &to) : -ENOSPC;

	if (!err)
		add_blob(a, from, to);
	a->batch->nomem |= err == -ENOMEM;
	return err;
}

/**
 * ml_batch_away - plan to move an object to another place of its lane
 * @a: arena; both locks; the batch is not full
 * @index: bound, not purged
 *
 * It is in its place until it has moved, so the other one is another. Return: as
 * ml_batch_place().
 */
int ml_batch_away(struct ml_arena *a, u32 index)
{
	struct ml_need need;
	u64 loc, to;
	struct ml_run *from = move_find(a, index, &loc);
	int err = from ? ml_need_of(a, loc, &need) : -EBADF;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (!err)
		err = movable(a, from, index);
	if (err)
		return err;
	if (need.cls == MEMLANE_CLASS_BLOB)
		return away_blob(a, from);
	err = ml_place_take(a, from->lane, &need, true, &to);
	return err ? err : add_block(a, index, from, loc, ml_run_of(a, to), to);
}

/**
 * ml_batch_settle - plan to move an object out of compaction's way
 * @a: arena; both locks; the batch is not full
 * @index: bound, not purged; a long pin is to follow
 *
 * A pinned object makes its span an island, so it should be a full one, or one
 * that is an island already. Return: as ml_batch_place().
 */
int ml_batch_settle(struct ml_arena *a, u32 index)
{
	u64 loc;
	struct ml_run *run = move_find(a, index, &loc);
	struct ml_span *span, *target;
	struct ml_class *c;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (!run)
		return -EBADF;
	if (run->kind != ML_SPAN)
		return 0;
	span = ml_span_of(run);
	c = ml_class_set(&a->lane[run->lane], span->cls, span->cold);
	target = ml_plan_island(c, span);
	if (!target || span->pinned || (target->used <= span->used && !target->pinned))
		return 0;
	return ml_batch_block(a, index, span, loc, target);
}

/**
 * ml_batch_purge - plan to drop an object
 * @a: arena; both locks; the batch is not full
 * @index: bound, not purged
 *
 * Return: 0; -EBUSY pinned; -EAGAIN in the batch already.
 */
int ml_batch_purge(struct ml_arena *a, u32 index)
{
	u64 loc;
	struct ml_run *from = move_find(a, index, &loc);
	int err = from ? movable(a, from, index) : -EBADF;
	struct ml_move *mv;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (err)
		return err;
	mv = batch_add(a, index, from, loc, NULL, 0);
	mv->cause = MEMLANE_CAUSE_PURGE;
	a->batch->bytes += mv->len;
	return 0;
}

/**
 * ml_batch_take - plan to take back the place of an index that is in a thread's stock
 * @a: arena; both locks; the batch is not full
 * @index: any value
 *
 * Its thread finds the entry EMPTY and gives the index back. Return: 0; -EBADF: it is no
 * stock, or has no place; -EBUSY pinned; -EAGAIN in the batch already.
 */
int ml_batch_take(struct ml_arena *a, u32 index)
{
	struct ml_move *mv;
	struct ml_run *from;
	u64 loc;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (index >= a->table.top)
		return -EBADF;
	index = array_index_nospec(index, a->table.top);
	if (!ml_index_placed(a, index) ||
	    memlane_entry_state(ml_entry_read(a, index)) != MEMLANE_ENTRY_FREE)
		return -EBADF;
	if (ml_index_in_batch(a, index))
		return -EAGAIN;
	if (ml_index_pins(a, index))
		return -EBUSY;
	from = move_find(a, index, &loc);
	if (!from)
		return -EBADF;
	mv = batch_add(a, index, from, loc, NULL, 0);
	mv->cause = MEMLANE_CAUSE_PURGE;
	mv->empty = true;
	return 0;
}

/* ------------------------------------------------------------------ mark */

/* The state that the entry had when the move was planned. */
static unsigned int state_before(const struct ml_move *mv)
{
	return memlane_entry_unmarked(memlane_entry_state(mv->expect));
}

static u64 unmarked(const struct ml_arena *a, const struct ml_move *mv)
{
	return memlane_entry_to(mv->expect, state_before(mv), a->cookie);
}

static void unmark(struct ml_arena *a, const struct ml_move *mv)
{
	cmpxchg(mv->words.entry, mv->expect, unmarked(a, mv));
}

static int stay(struct ml_arena *a, const struct ml_move *mv, enum ml_stay why)
{
	ml_tally_stay(a, &mv->kin, why);
	return why == ML_PINNED || why == ML_HELD ? -EBUSY : -EAGAIN;
}

/*
 * Freed since it was planned, the index is stock: of its lane, where only compaction
 * may move it, of its class, and not to be dropped. What was to be taken may be an object.
 */
static bool freed_since(struct ml_arena *a, const struct ml_move *mv, u64 word)
{
	if (mv->empty)
		return memlane_entry_state(word) != MEMLANE_ENTRY_FREE;
	if (mv->cause == MEMLANE_CAUSE_PURGE)
		return !ml_policy_purgeable(a, mv->index, word);
	if (mv->length && !memlane_entry_is_live(word))
		return true;
	return !memlane_entry_is_live(word) && ml_lane_of(a, mv->from) != mv->target->lane;
}

static void mark(struct ml_arena *a, struct ml_move *mv)
{
	u64 *e = mv->words.entry, word = READ_ONCE(*e);
	unsigned int state = memlane_entry_state(word);

	mv->expect = memlane_entry_to(word, memlane_entry_marked(state), 0);
	if (freed_since(a, mv, word)) {
		mv->result = -EAGAIN;
		return;
	}
	if (memlane_entry_loc(word, mv->index) != mv->from ||
	    memlane_entry_marked(state) == state) {
		a->count.spoiled++;
		mv->result = -EAGAIN;
	} else if (cmpxchg(e, word, mv->expect) != word) {
		mv->result = stay(a, mv, ML_VETOED);
	}
}

/* ---------------------------------------------------------------- commit */

static int give_way(struct ml_arena *a, const struct ml_move *mv, enum ml_stay why)
{
	ml_blocked_by_pin(a, mv->index);
	unmark(a, mv);
	return stay(a, mv, why);
}

/* The index may have been freed, and bound anew, since the batch was filled. */
static bool still_ours(struct ml_arena *a, const struct ml_move *mv)
{
	if (a->table.over != a->batch->over && ml_index_gone(a, mv->index))
		return false;
	return ml_words_wait(&mv->words);
}

static bool of_pages(struct ml_arena *a, u64 loc, u64 len,
		     bool (*ask)(struct ml_arena *a, u64 page, u64 nr))
{
	struct ml_asked pages = asked_of(loc, len);

	return ask(a, pages.first, pages.end - pages.first);
}

/* Ask of the pages that the object is on. */
static bool of_its_pages(struct ml_arena *a, const struct ml_move *mv,
			 bool (*ask)(struct ml_arena *a, u64 page, u64 nr))
{
	return of_pages(a, mv->from, mv->room, ask);
}

/*
 * Who holds a page took it in a section that is over, or in one that has met the mark
 * of what lies there: so objects of one page need one answer.
 */
static bool is_held(struct ml_arena *a, const struct ml_move *mv)
{
	struct ml_asked pages = asked_of(mv->from, mv->room);

	if (is_answered(&a->batch->loose, &pages))
		return false;
	if (of_its_pages(a, mv, a->ops->held))
		return true;
	a->batch->loose = pages;
	return false;
}

/* A page may be held because it is broken. */
static void tell_lost(struct ml_arena *a, const struct ml_move *mv)
{
	unsigned int lane = ml_lane_of(a, mv->from);

	if (!a->ops->lost || !of_its_pages(a, mv, a->ops->lost))
		return;
	a->count.lost++;
	ml_event(a, MEMLANE_EVENT_LOST, lane, ml_handle(a, mv->index));
}

static void count_copy(struct ml_arena *a, const struct ml_move *mv)
{
	a->count.moved++;
	a->count.moved_bytes += mv->len;
}

static void time_copy(struct ml_arena *a, const struct ml_move *mv, u64 start)
{
	a->rate.copy_bytes += mv->len;
	a->rate.copy_ns += a->ops->now() - start;
}

static void hand_over(struct ml_arena *a, const struct ml_move *mv)
{
	u64 pages = mv->len >> ML_PAGE_SHIFT, start = a->ops->now();

	a->ops->remap(a, ml_loc_page(mv->to), ml_loc_page(mv->from), pages);
	if (a->ops->remap_copies) {
		time_copy(a, mv, start);
		count_copy(a, mv);
		return;
	}
	a->count.remapped++;
	a->count.remapped_pages += pages;
	a->rate.remap_pages += pages;
	a->rate.remap_ns += a->ops->now() - start;
}

static void copy_bytes(struct ml_arena *a, const struct ml_move *mv)
{
	bool timed = !(a->count.moved % TIMED);
	u64 start = timed ? a->ops->now() : 0;

	a->ops->copy(a, byte_of(mv->to), byte_of(mv->from), mv->len);
	if (timed)
		time_copy(a, mv, start);
}

/* The size goes with the place: who sees the new location finds the new class and note. */
static void resize(struct ml_arena *a, const struct ml_move *mv)
{
	struct ml_need need;

	if (mv->length && !ml_need_of(a, mv->to, &need))
		ml_index_resize(a, mv->index, need.cls, mv->length);
}

/*
 * Nobody waits. The object's user may clear the mark and write while the bytes are
 * copied: then the word is another, and stays so, as only a mover marks. False: so it was,
 * or an alloc or a free came.
 */
static bool copy_over(struct ml_arena *a, const struct ml_move *mv, u64 to)
{
	copy_bytes(a, mv);
	/* Pairs with a veto or a free, and with the acquire of a user who comes later. */
	if (cmpxchg(mv->words.entry, mv->expect, to) != mv->expect)
		return false;
	count_copy(a, mv);
	return true;
}

/* Users wait until the bytes are there. False: a veto, an alloc or a free came first. */
static bool transfer(struct ml_arena *a, const struct ml_move *mv, u64 to)
{
	u64 *e = mv->words.entry;
	u64 busy = memlane_entry_to(mv->expect, MEMLANE_ENTRY_BUSY, 0);

	/* Pairs with the compare-exchange of a veto or a free. */
	if (cmpxchg(e, mv->expect, busy) != mv->expect)
		return false;
	if (mv->remap) {
		hand_over(a, mv);
	} else {
		copy_bytes(a, mv);
		count_copy(a, mv);
	}
	resize(a, mv);
	/* Pairs with the acquire of a user who waited or came later. */
	smp_store_release(e, to);
	return true;
}

/*
 * Stock has no bytes, and what is dropped leaves none: the word alone changes. That
 * says nothing of what copying costs.
 */
static bool swing(struct ml_arena *a, const struct ml_move *mv, u64 to)
{
	/* Pairs with the compare-exchange of a veto, an alloc or a free. */
	if (cmpxchg(mv->words.entry, mv->expect, to) != mv->expect)
		return false;
	a->count.moved += !!mv->to;
	return true;
}

/* Then the lane has as many objects as before, in as many bytes. */
static bool is_within(const struct ml_move *mv)
{
	return mv->source->kind == ML_SPAN && mv->source->lane == mv->target->lane &&
	       !mv->length;
}

/* The old place is left next. */
static void rename_place(struct ml_arena *a, const struct ml_move *mv)
{
	if (is_within(mv))
		ml_slot_name(ml_span_of(mv->target), mv->to, mv->index);
	else
		ml_place_move(a, mv);
	ml_words_set_batch(&mv->words, false);
}

/* An index without a place stays bound, to nothing, until it is freed. */
static void forget_place(struct ml_arena *a, const struct ml_move *mv)
{
	ml_place_unname(a, mv->from);
	if (mv->empty)
		ml_index_empty(a, &mv->words);
	else
		ml_index_purge(a, &mv->words);
}

/* Is there memory for what handing the pages over needs? */
static bool reserved(struct ml_arena *a, const struct ml_move *mv)
{
	if (!mv->remap || !a->ops->reserve)
		return true;
	return !a->ops->reserve(a, ml_loc_page(mv->to), ml_loc_page(mv->from),
				mv->len >> ML_PAGE_SHIFT);
}

/* Bytes that are to be copied, of an object that has some. */
static bool has_bytes(const struct ml_move *mv)
{
	return !mv->remap && mv->to && memlane_entry_is_live(mv->expect);
}

/* Is what is to be copied where it can be read, and the new place where it can be written? */
static bool at_hand(struct ml_arena *a, const struct ml_move *mv)
{
	if (!a->ops->at_hand || !has_bytes(mv))
		return true;
	return of_its_pages(a, mv, a->ops->at_hand) &&
	       of_pages(a, mv->to, mv->len, a->ops->at_hand);
}

/* The entry of the object at its new place, or of one that has none. */
static u64 moved_entry(const struct ml_arena *a, const struct ml_move *mv)
{
	u64 word = memlane_entry_at(mv->expect, mv->index, mv->to);

	if (!mv->to)
		return memlane_entry_to(word, mv->empty ? MEMLANE_ENTRY_EMPTY : MEMLANE_ENTRY_PURGED, 0);
	return memlane_entry_to(word, state_before(mv), a->cookie);
}

static bool carry_out(struct ml_arena *a, const struct ml_move *mv)
{
	u64 to = moved_entry(a, mv);

	if (!mv->to || !memlane_entry_is_live(mv->expect))
		return swing(a, mv, to);
	if (mv->remap || mv->length || a->ops->copy_waits)
		return transfer(a, mv, to);
	return copy_over(a, mv, to);
}

/*
 * Objects leave a span one after the other: their places are free at once, and counted
 * before another span's are, or others have the lock. The span may go then.
 */
static void count_left(struct ml_arena *a)
{
	struct ml_batch *b = a->batch;

	if (b->left)
		ml_span_emptied(a, b->source, b->left);
	b->left = 0;
}

static void leave_place(struct ml_arena *a, const struct ml_move *mv)
{
	struct ml_batch *b = a->batch;
	struct ml_span *span = ml_span_of(mv->source);

	if (mv->source->kind != ML_SPAN) {
		ml_place_give_in(a, mv->source, mv->from);
		return;
	}
	if (b->source != span)
		count_left(a);
	b->source = span;
	b->left++;
	ml_slot_empty(span, ml_slot_at(span, mv->from));
}

static int commit(struct ml_arena *a, const struct ml_move *mv)
{
	if (!still_ours(a, mv))
		return stay(a, mv, ML_VETOED);
	if (ml_pins_of(a, mv->index))
		return give_way(a, mv, ML_PINNED);
	if (is_held(a, mv)) {
		tell_lost(a, mv);
		return give_way(a, mv, ML_HELD);
	}
	if (!reserved(a, mv) || !at_hand(a, mv)) {
		unmark(a, mv);
		return -ENOMEM;
	}
	if (!carry_out(a, mv))
		return stay(a, mv, ML_VETOED);
	if (mv->to)
		rename_place(a, mv);
	else
		forget_place(a, mv);
	if (!mv->empty)
		ml_tally_move(a, mv);
	leave_place(a, mv);
	return 0;
}

/* Time was up before its turn came. */
static void put_off(struct ml_arena *a, const struct ml_move *mv)
{
	if (mv->cause == MEMLANE_CAUSE_COMPACT && mv->source->kind == ML_SPAN)
		ml_span_again(a, ml_span_of(mv->source), mv->from);
}

static void drop(struct ml_arena *a, const struct ml_move *mv, bool late)
{
	count_left(a);
	if (mv->to)
		ml_place_give_in(a, mv->target, mv->to);
	if (!still_ours(a, mv))
		return;
	ml_words_set_batch(&mv->words, false);
	if (late)
		put_off(a, mv);
}

static void finish(struct ml_arena *a, struct ml_move *mv, int grace)
{
	if (!mv->result && grace) {
		if (still_ours(a, mv))
			unmark(a, mv);
		mv->result = grace == -ETIME ? -EAGAIN : stay(a, mv, ML_GIVEN_UP);
	}
	if (!mv->result)
		mv->result = commit(a, mv);
	if (mv->result)
		drop(a, mv, grace == -ETIME);
	if (a->ops->moved && !mv->empty)
		a->ops->moved(a, mv);
}

/* Everything that is marked is public before the epoch, the epoch before the barrier. */
static int wait_sections(struct ml_arena *a, u64 deadline)
{
	u64 epoch = ++a->epoch, start = a->ops->now();
	int err;

	/* Pairs with the acquire in memlane_enter(): who reads it sees the marks. */
	smp_store_release(&a->stat_page->epoch, epoch);
	err = a->ops->sync_cores(a) ? -EAGAIN : ml_grace(a, epoch, deadline);
	WRITE_ONCE(a->waited, a->waited + (a->ops->now() - start));
	return err;
}

static void warm_place(struct ml_arena *a, u64 loc, u64 len)
{
	u64 first = byte_of(loc) >> ML_PAGE_SHIFT;
	u64 last = (byte_of(loc) + len - 1) >> ML_PAGE_SHIFT;

	a->ops->warm(a, first, last - first + 1);
}

/*
 * What was put away comes back before it is copied, or goes to the FastLane. Somebody may
 * free an object meanwhile: then whatever is there now comes back, and no harm is done.
 */
static void bring_back(struct ml_arena *a, const struct ml_move *mv)
{
	if (has_bytes(mv) || (mv->remap && ml_lane_of(a, mv->to) == MEMLANE_FAST))
		warm_place(a, mv->from, mv->room);
	/* Neighbours of the new place may be in a file, and with them its page. */
	if (has_bytes(mv))
		warm_place(a, mv->to, mv->len);
}

static void bring_all_back(struct ml_arena *a)
{
	unsigned int i;

	for (i = 0; a->ops->warm && i < a->batch->nr && !ml_hurry(a); i++)
		if (!a->batch->move[i].result)
			bring_back(a, &a->batch->move[i]);
}

static unsigned int mark_all(struct ml_arena *a)
{
	struct ml_batch *b = a->batch;
	unsigned int i, marked = 0;

	for (i = 0; i < b->nr; i++) {
		mark(a, &b->move[i]);
		marked += !b->move[i].result;
	}
	return marked;
}

static void announce(struct ml_arena *a, u32 nr)
{
	const struct ml_batch *b = a->batch;

	if (a->ops->copy_soon && nr < b->nr && b->move[nr].to)
		a->ops->copy_soon(a, byte_of(b->move[nr].to), byte_of(b->move[nr].from));
}

/*
 * How much of a batch was carried out since somebody else could have the lock. What is left
 * of it is between its marks and its commit, as it was during the grace period: what others
 * do there now they could do then.
 */
struct turn {
	u64 work;
	u64 returned;	/* pages of the arena, when it began */
};

static void turn_begin(struct ml_arena *a, struct turn *t)
{
	t->work = 0;
	t->returned = a->count.pages_returned;
}

static void turn_end(struct ml_arena *a, struct turn *t, struct memlane_step *step)
{
	count_left(a);
	ml_tally_moves(a);
	step->out_pages_returned += a->count.pages_returned - t->returned;
}

static void take_turns(struct ml_arena *a, struct turn *t, const struct ml_move *mv,
		       struct memlane_step *step)
{
	t->work += 1 + (mv->len >> TURN_SHIFT);
	if (t->work < TURN || !ml_turn_wanted(a))
		return;
	turn_end(a, t, step);
	ml_turn_pass(a);
	turn_begin(a, t);
}

/* Unused planning is wasted: cap the next batch at what completed this time. */
static void learn(struct ml_batch *b)
{
	if (b->begun < b->nr)
		b->timely = max(b->begun, 1U);
	else
		b->timely = max(b->timely, min_t(u32, 2 * b->nr, ML_BATCH));
}

/**
 * ml_batch_run - carry the batch out
 * @a: arena; both locks; arena.lock is dropped while waiting for sections, and where
 *     somebody waits for it
 * @step: pages returned are added
 * @deadline: ns after which what has not begun is given up; 0: none
 * @patient: the time that is spent on waiting for sections puts it off
 *
 * Each move keeps its result; the caller empties the batch.
 *
 * Return: 0, or -EINTR on a fatal signal (the batch, or the rest of it, was given up).
 */
int ml_batch_run(struct ml_arena *a, struct memlane_step *step, u64 deadline,
		 bool patient)
{
	struct ml_batch *b = a->batch;
	u64 waited = a->waited;
	struct turn turn;
	unsigned int i;
	int grace = 0;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	a->count.batches++;
	if (mark_all(a)) {
		ml_publish(a);
		mutex_unlock(&a->lock);
		bring_all_back(a);
		grace = wait_sections(a, patient ? 0 : deadline);
		mutex_lock(&a->lock);
		if (deadline && patient)
			deadline += a->waited - waited;
	}
	b->loose = (struct ml_asked){ };
	turn_begin(a, &turn);
	for (i = 0, b->begun = 0; i < b->nr; i++) {
		if (i && deadline && !grace && a->ops->now() >= deadline)
			grace = -ETIME;
		/* Pages may be many, bytes are few in a batch. */
		if (i && !grace && b->move[i].remap && ml_hurry(a))
			grace = -EINTR;
		b->begun += grace != -ETIME;
		announce(a, i + AHEAD);
		finish(a, &b->move[i], grace);
		take_turns(a, &turn, &b->move[i], step);
	}
	turn_end(a, &turn, step);
	if (deadline)
		learn(b);
	return grace == -EINTR ? -EINTR : 0;
}

/**
 * ml_batch_now - carry the batch out if nobody has to be waited for
 * @a: arena; both locks, which are kept
 *
 * Return: false: a section is open, or there was no batch.
 */
bool ml_batch_now(struct ml_arena *a)
{
	struct ml_batch *b = a->batch;
	unsigned int i;
	int grace = 0;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (!b->nr)
		return false;
	a->count.batches++;
	if (mark_all(a))
		grace = wait_sections(a, 1);
	b->loose = (struct ml_asked){ };
	for (i = 0; i < b->nr; i++)
		finish(a, &b->move[i], grace);
	count_left(a);
	ml_tally_moves(a);
	return !grace;
}

/**
 * ml_wait - wait until an object's copy has ended, or its maker is revoked
 * @a: arena
 * @req: see struct memlane_wait
 *
 * Not by arena.lock, which is held over many copies of a batch. The word may
 * be forged: the looks are counted, and the caller looks again anyhow.
 */
int ml_wait(struct ml_arena *a, struct memlane_wait *req)
{
	u32 index = memlane_handle_index(req->handle), look;
	int err = 0;

	if (req->flags & ~MEMLANE_WAIT_MAKER)
		return -EOPNOTSUPP;
	if (req->flags & MEMLANE_WAIT_MAKER)
		return ml_revoke_maker(a, index);
	for (look = 0; look < COPY_LOOKS && !err; look++) {
		if (!memlane_entry_is_busy(ml_entry_peek(a, index)))
			return 0;
		err = a->ops->pause(a, COPY_POLL);
	}
	return err;
}
