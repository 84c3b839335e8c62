// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * idle.c - a walk over the SlowLane that puts away what is of no use
 *
 * One walk a period at most. It visits all objects by their indices, in pieces between
 * which others get the lock, and goes on where the step before ended. A page is looked
 * at when the first object that is on it has its turn, and goes if all on it were of no
 * use for as long as MEMLANE_OPT_COLD_AGE says.
 *
 * When much of what went is touched again, the next walks come later: see judge().
 *
 * What went in a walk and is of no use still in a later one goes on to the backing file, if
 * there is one: see put_away().
 */
#include <linux/minmax.h>

#include "block.h"
#include "cool.h"
#include "idle.h"
#include "lane.h"
#include "place.h"
#include "policy.h"
#include "run.h"
#include "stat.h"
#include "table.h"
#include "turn.h"

#define PIECE		1024U	/* indices that are looked at without a break */
#define TOO_MANY	8	/* one in so many came back: that is too many */
#define REST_MAX	64U	/* periods from one walk to the next, at most */
#define REST_SHIFT_MAX	6	/* log2 of the periods that a file is left alone, at most */

/* May an object be put away, and is it of no use? */
static bool may_go(const struct ml_arena *a, u32 index)
{
	return ml_may_cool(a, index) && ml_policy_quiet(a, index, a->policy.idle.urgent);
}

/* Is this the object by which a page is looked at, and have all on it nothing against it? */
static bool page_may_go(const struct ml_arena *a, const struct ml_span *span, u64 page, u32 index)
{
	bool is_first = true;
	u32 slot, last, owner;

	ml_slots_on(span, page, &slot, &last);
	for (; slot <= last; slot++) {
		owner = ml_slot_owner(span, slot);
		if (!owner)
			continue;
		if ((is_first && owner != index) || !may_go(a, owner))
			return false;
		is_first = false;
	}
	return true;
}

/* What may go is found out first: when a range is full the lock is dropped, and the span may end. */
static void visit_block(struct ml_arena *a, struct ml_range *r, const struct ml_span *span, u32 index,
			u64 loc)
{
	u64 end = ml_loc_page(loc + span->width - 1) + 1;
	u64 first = ml_loc_page(loc), page, go = 0;

	a->policy.idle.hot += span->cold && ml_policy_hot(a, index);
	for (page = first; page < end; page++)
		if (page_may_go(a, span, page, index))
			go |= 1ULL << (page - first);
	for (page = first; page < end; page++)
		if (go & 1ULL << (page - first))
			ml_range_add(a, r, page, 1);
}

/* A part of a large object. Return: whether that was the last. */
static bool visit_blob(struct ml_arena *a, struct ml_range *r, const struct ml_run *run, u32 index)
{
	struct ml_idle *idle = &a->policy.idle;
	u64 from = run->page + min(idle->done, run->nr);
	u64 nr = min_t(u64, ml_run_end(run) - from, ML_RANGE_PAGES);

	if (!nr || !may_go(a, index)) {
		idle->done = 0;
		return true;
	}
	idle->done += nr;
	ml_range_add(a, r, from, nr);
	return false;
}

/* Return: whether the walk is through with the object. */
static bool idle_visit(struct ml_arena *a, struct ml_range *r, u32 index)
{
	struct ml_run *run = NULL;
	u64 loc;

	if (ml_index_placed(a, index))
		run = ml_place_of(a, index, &loc);
	if (!run || run->lane != MEMLANE_SLOW)
		return true;
	if (run->kind != ML_SPAN)
		return visit_blob(a, r, run, index);
	visit_block(a, r, ml_span_of(run), index, loc);
	return true;
}

/* One piece: so many indices, or so many pages. */
static void walk_piece(struct ml_arena *a, struct ml_range *r)
{
	struct ml_idle *idle = &a->policy.idle;
	u64 gone = r->gone;
	u32 left = PIECE;

	while (left-- && idle->cursor < a->table.top && !r->err && r->gone - gone < ML_RANGE_PAGES)
		if (idle_visit(a, r, idle->cursor)) {
			idle->cursor += max(ml_index_gone(a, idle->cursor), 1U);
			idle->done = 0;
		}
	ml_range_run(a, r);
}

/* A file that is full, or broken, is left alone for a while, and for longer each time. */
static void file_refused(struct ml_idle *idle, int err)
{
	if (!idle->refused)
		idle->said = err;
	idle->refused = min_t(u64, idle->refused + 1, REST_SHIFT_MAX);
	idle->retry = idle->begun + (1ULL << idle->refused);
}

/*
 * Pages of which nothing could go have gone before, or do not become smaller: they go to the file.
 * Context: arena.mover, without arena.lock. Return: pages that went; or -errno.
 */
static s64 put_away(struct ml_arena *a, u64 page, u64 nr)
{
	struct ml_idle *idle = &a->policy.idle;
	s64 gone, stored;

	lockdep_assert_held(&a->mover);
	lockdep_assert_not_held(&a->lock);
	gone = a->ops->cool(a, page, nr);
	if (gone || !a->ops->store || idle->begun < idle->retry)
		return gone;
	stored = a->ops->store(a, page, nr);
	if (stored == -EINTR)
		return stored;
	if (stored < 0 && stored != -ENXIO)
		file_refused(idle, -stored);
	if (stored <= 0)
		return 0;
	idle->refused = 0;
	idle->stored += stored;
	return stored;
}

static void walk_end(struct ml_arena *a)
{
	struct ml_idle *idle = &a->policy.idle;

	idle->cursor = 0;
	idle->urgent = false;
	a->count.hot_on_cold = idle->hot;
}

/* Go on with a walk within the step's time. Return: pages that went. */
static u64 walk(struct ml_arena *a, struct ml_step *s)
{
	struct ml_idle *idle = &a->policy.idle;
	struct ml_range r = { .run = put_away };
	u64 stored = idle->stored;

	do {
		walk_piece(a, &r);
		ml_turn_pass(a);
	} while (idle->cursor < a->table.top && !r.err && !ml_step_late(a, s));
	if (idle->said)
		ml_event(a, MEMLANE_EVENT_BACKING, MEMLANE_SLOW, idle->said);
	idle->said = 0;
	idle->gone += r.gone - (idle->stored - stored);	/* those have gone before */
	if (r.err == -EINTR)
		s->err = r.err;
	if (r.err || idle->cursor >= a->table.top)
		walk_end(a);	/* without memory nothing can be put away either */
	else
		s->req->out_more = 1;
	ml_publish(a);
	return r.gone;
}

/*
 * Of what went of late, too much was touched again: the time to the next walk doubles.
 * If not, twice in a row, it halves: the first of two may be a walk that found what came
 * back in use, and put nothing away. So a program whose habits cold_age does not fit pays little for it.
 */
static void judge(struct ml_arena *a)
{
	struct ml_idle *idle = &a->policy.idle;
	u64 back = a->count.refaults + a->count.ahead_hits - idle->refaults;

	if (back * TOO_MANY > idle->gone) {
		idle->rest = min_t(u64, max_t(u64, idle->rest, 1) * 2, REST_MAX);
		idle->calm = 0;
		a->count.cool_rests++;
	} else if (++idle->calm > 1) {
		idle->rest /= 2;
	}
	idle->refaults += back;
	idle->gone /= 2;
}

/* The number of the period that has not ended yet. */
static u64 period(const struct ml_arena *a)
{
	return a->count.periods + 1;
}

static void idle_begin(struct ml_arena *a, bool urgent)
{
	struct ml_idle *idle = &a->policy.idle;

	ml_publish(a);	/* counts what was touched until now */
	judge(a);
	idle->cursor = a->table.first + 1;
	idle->done = 0;
	idle->begun = period(a);
	if (urgent)
		idle->hurried = idle->begun;
	idle->hot = 0;
	idle->urgent = urgent;
}

static bool is_on(const struct ml_arena *a)
{
	return a->policy.cold_age && a->ops->cool;
}

/**
 * ml_idle_tend - put away what is of no use, if it is time for it
 * @a: arena; both locks
 * @s: step whose time limit applies
 */
void ml_idle_tend(struct ml_arena *a, struct ml_step *s)
{
	const struct ml_idle *idle = &a->policy.idle;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (!is_on(a) || s->err)
		return;
	if (!idle->cursor) {
		if (period(a) - idle->begun < max_t(u64, idle->rest, 1))
			return;
		idle_begin(a, false);
	}
	walk(a, s);
}

/**
 * ml_idle_relieve - memory is short: put away whatever was not used in the last period
 * @a: arena; both locks
 * @s: step whose time limit applies
 *
 * Once a period: who comes again in the same one finds nothing more.
 *
 * Return: pages that went.
 */
u64 ml_idle_relieve(struct ml_arena *a, struct ml_step *s)
{
	const struct ml_idle *idle = &a->policy.idle;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (!is_on(a) || s->err)
		return 0;
	if (!idle->cursor || !idle->urgent) {
		if (idle->hurried == period(a))
			return 0;
		idle_begin(a, true);
	}
	return walk(a, s);
}

/**
 * ml_idle_saved - pages that need no memory, as their bytes were put away
 * @a: arena; arena.lock
 */
u64 ml_idle_saved(const struct ml_arena *a)
{
	u64 takes = a->count.compressed_bytes >> ML_PAGE_SHIFT;

	lockdep_assert_held(&a->lock);
	return a->count.away - min(a->count.away, takes);
}
