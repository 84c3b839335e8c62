// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * compact.c - compaction of a lane: filling batches by the plan
 *
 * A span whose bytes were put away sleeps: to move its objects, or others to it, would
 * bring bytes back that nobody uses, for pages that take no memory. So it is left alone,
 * unless most of it is holes. Where room is wanted, and there is none without them, those
 * are compacted as well: see ml_compact_lane(). Large objects move without their bytes.
 */
#include <linux/prefetch.h>

#include "blob.h"
#include "block.h"
#include "compact.h"
#include "decay.h"
#include "lane.h"
#include "move.h"
#include "plan.h"
#include "sweep.h"
#include "table.h"
#include "sleeper.h"

/* Are most of its bytes away? Where room is wanted, it does not matter. */
static bool is_away(struct ml_arena *a, const struct ml_lane *l, const struct ml_span *span)
{
	struct memlane_query pages = { };

	if (l->wakes || !a->ops->residence)
		return false;
	a->ops->residence(a, span->run.page, span->run.nr, &pages);
	return pages.out_compressed + pages.out_stored > pages.out_resident;
}

static bool is_asleep(struct ml_arena *a, const struct ml_lane *l, const struct ml_span *span)
{
	return span->used * 2 > span->places && is_away(a, l, span);
}

static void leave_alone(struct ml_arena *a, struct ml_lane *l, struct ml_span *span)
{
	ml_span_done(a, span, false);
	l->asleep++;
}

/* As ml_plan_target(), and awake: which is asked once a batch. */
static struct ml_span *target_of(struct ml_arena *a, struct ml_lane *l, struct ml_class *c,
				 const struct ml_span *source)
{
	struct ml_span *span;

	while ((span = ml_plan_target(a, c, source))) {
		if (ml_plan_is_fed(a, span) || !is_asleep(a, l, span))
			return span;
		leave_alone(a, l, span);
	}
	return NULL;
}

/* Its objects are planned next: what is looked at of each comes from memory meanwhile. */
static void plan_soon(const struct ml_arena *a, u32 index)
{
	const u32 nr = index - a->table.first;

	prefetch(ml_vec_known(&a->table.entry, nr, ML_ENTRY_SHIFT));
	prefetch(ml_vec_find(&a->table.pin, nr, ML_PIN_SHIFT));
}

static bool holds_pin(struct ml_arena *a, struct ml_span *span)
{
	u32 slot, index;

	for (slot = 0; slot < span->places; slot++) {
		index = ml_slot_owner(span, slot);
		if (!index)
			continue;
		if (ml_pins_of(a, index)) {
			ml_stays_pinned(a, &span->run, index);
			return true;
		}
		plan_soon(a, index);
	}
	return false;
}

/* Pages that what is left of a class in the lane needs, if that is fewer than it has. */
static u64 tight_pages(struct ml_arena *a, const struct ml_lane *l, const struct ml_span *span)
{
	u64 nr = ml_plan_tight(span);

	return nr && !is_away(a, l, span) ? nr : 0;
}

/* A span of so many. It is not drained in this round: two that are not full would be, in turns. */
static struct ml_span *tight_new(struct ml_arena *a, struct ml_step *s, struct ml_lane *l,
				 const struct ml_span *span)
{
	u64 nr = tight_pages(a, l, span);
	struct ml_span *tight;

	if (!nr)
		return NULL;
	if (!ml_lane_room(a, span->run.lane, nr, true)) {
		l->cramped = true;
		return NULL;
	}
	tight = ml_span_new(a, span->run.lane, span->cls, span->cold, nr);
	if (!tight)
		return NULL;
	ml_span_done(a, tight, true);
	s->taken += nr;
	return tight;
}

/* Plan every object of the span. False: the batch is full or memory is short. */
static bool drain_span(struct ml_arena *a, struct ml_step *s, struct ml_lane *l,
		       struct ml_class *c, struct ml_span *span)
{
	struct ml_span *target;

	/* The fullest with room stays the fullest while it is filled. */
	while (span->cursor < span->places) {
		if (ml_batch_full(a))
			return false;
		target = target_of(a, l, c, span);
		if (!target)
			target = tight_new(a, s, l, span);
		if (!target)
			break;
		if (ml_batch_span(a, span, target))
			return false;
	}
	ml_span_done(a, span, false);
	return true;
}

static void fill_class(struct ml_arena *a, struct ml_step *s, struct ml_lane *l,
		       struct ml_class *c)
{
	struct ml_span *span;

	while ((span = ml_plan_source(a, c)) &&
	       (target_of(a, l, c, span) || tight_pages(a, l, span)) && ml_step_look(a, s)) {
		if (!span->cursor && holds_pin(a, span))
			ml_span_done(a, span, true);
		else if (!span->cursor && is_asleep(a, l, span))
			leave_alone(a, l, span);
		else if (!drain_span(a, s, l, c, span))
			return;
	}
}

/* Slide blobs down into holes, from the top. */
static void fill_blobs(struct ml_arena *a, struct ml_step *s, unsigned int lane)
{
	struct ml_lane *l = &a->lane[lane];
	struct ml_run *run;

	while (!ml_batch_full(a) && (run = ml_blob_below(l, l->below)) && ml_step_look(a, s)) {
		l->below = run->page;
		if (run->index && ml_batch_blob(a, run, lane, run->page) == -ENOMEM)
			return;
	}
}

static void fill(struct ml_arena *a, struct ml_step *s, unsigned int lane)
{
	unsigned int cls;

	a->batch->cause = MEMLANE_CAUSE_COMPACT;
	for (cls = 0; cls < ML_CLASS_SETS && !ml_batch_full(a); cls++)
		fill_class(a, s, &a->lane[lane], &a->lane[lane].cls[cls]);
	fill_blobs(a, s, lane);
}

/**
 * ml_compact_spare - a lane's empty spans need not stay
 * @a: arena; both locks
 * @s: step whose results apply
 * @lane: which
 */
void ml_compact_spare(struct ml_arena *a, struct ml_step *s, struct ml_lane *lane)
{
	u64 was = a->count.pages_returned;
	unsigned int cls;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	for (cls = 0; cls < ML_CLASS_SETS; cls++)
		ml_span_trim(a, &lane->cls[cls], 0);
	s->req->out_pages_returned += a->count.pages_returned - was;
}

/**
 * ml_compact_trim - give the pages of a lane's empty spans back, and what it keeps
 * @a: arena; both locks; others may have arena.lock in between
 * @s: step whose results apply
 * @lane: which
 */
void ml_compact_trim(struct ml_arena *a, struct ml_step *s, struct ml_lane *lane)
{
	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	ml_compact_spare(a, s, lane);
	s->req->out_pages_returned += ml_kept_end(a, lane);
}

static bool good_enough(struct ml_arena *a, unsigned int lane, const struct ml_goal *goal)
{
	const struct ml_lane *l = &a->lane[lane];

	if (goal->hole && ml_lane_room(a, lane, ml_pages(goal->hole), false))
		return true;
	if (goal->used && ml_lane_used(l) <= goal->used)
		return true;
	return goal->usage && ml_lane_used(l) * 1000 <= l->limit * goal->usage;
}

/* What comes next looks at everything. */
static void look_anew(struct ml_lane *l)
{
	l->round++;
	l->below = l->end;
	l->asleep = 0;
	l->cramped = false;
	l->was_used = 0;
}

static void begin_anew(struct ml_lane *l)
{
	look_anew(l);
	l->wakes = false;
}

/* Room is wanted, and some is left between objects whose bytes were put away. */
static bool must_wake(struct ml_arena *a, unsigned int lane, const struct ml_goal *goal)
{
	const struct ml_lane *l = &a->lane[lane];

	return l->asleep && !l->wakes && (goal->hole || goal->usage) && !good_enough(a, lane, goal);
}

/* Return: true: all was looked at, or the goal is reached; false: the step has ended. */
static bool run_batches(struct ml_arena *a, struct ml_step *s, unsigned int lane,
			const struct ml_goal *goal)
{
	while (!good_enough(a, lane, goal)) {
		if (!ml_step_next(a, s))
			return false;
		fill(a, s, lane);
		if (ml_step_run(a, s))
			continue;
		if (a->batch->nomem && !s->err)
			s->err = -ENOMEM;
		return !s->err && !s->cut;
	}
	return true;
}

/*
 * As run_batches(). A full lane may have no page for what is left of a class until other
 * classes gave some back: then that is looked at once more. Each time a class has fewer pages.
 */
static bool run_rounds(struct ml_arena *a, struct ml_step *s, unsigned int lane,
		       const struct ml_goal *goal)
{
	struct ml_lane *l = &a->lane[lane];

	for (;;) {
		if (!l->was_used)
			l->was_used = ml_lane_used(l);
		if (!run_batches(a, s, lane, goal))
			return false;
		ml_compact_spare(a, s, l);
		if (!l->cramped || ml_lane_used(l) >= l->was_used)
			return true;
		look_anew(l);
	}
}

/**
 * ml_compact_lane - drain emptiest spans into fullest ones, slide blobs down
 * @a: arena; both locks
 * @s: step whose limits and results apply
 * @lane: which
 * @goal: what is good enough
 *
 * Goes on where the last step ended, if limits ended it and this one has some, too. A
 * batch cut short for want of memory is run, which may free some; the step ends with
 * -ENOMEM where not even one move could be planned.
 */
void ml_compact_lane(struct ml_arena *a, struct ml_step *s, unsigned int lane,
		     const struct ml_goal *goal)
{
	struct ml_lane *l = &a->lane[lane];
	bool done;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (!s->max_ns && !s->max_bytes)
		begin_anew(l);
	ml_compact_trim(a, s, l);
	done = run_rounds(a, s, lane, goal);
	if (done && must_wake(a, lane, goal)) {
		look_anew(l);
		l->wakes = true;
		done = run_rounds(a, s, lane, goal);
	}
	if (done)
		begin_anew(l);
	else
		s->req->out_more = 1;
	ml_compact_trim(a, s, l);
}

/*
 * What need not be in the FastLane leaves it: before a full compaction, so that its
 * places are filled, or where compaction alone was not good enough.
 */
static void compact_fast(struct ml_arena *a, struct ml_step *s, const struct ml_goal *goal)
{
	bool full = !goal->hole && !goal->usage;

	if (full && !a->policy.stale_left) {
		ml_step_share(s, 2);
		a->policy.stale_left = ml_sweep_stale(a, s);
	}
	ml_step_share(s, 4);
	ml_compact_lane(a, s, MEMLANE_FAST, goal);
	if (full)
		a->policy.stale_left &= s->req->out_more;
	if (full || good_enough(a, MEMLANE_FAST, goal))
		return;
	ml_step_share(s, 4);
	ml_sweep_stale(a, s);
	ml_step_share(s, 4);
	ml_compact_lane(a, s, MEMLANE_FAST, goal);
}

static int check(const struct memlane_compact *req)
{
	if (req->flags)
		return -EOPNOTSUPP;
	if (req->lanes > 3 || req->hole > MEMLANE_SIZE_MAX || req->usage > 1000)
		return -EINVAL;
	return 0;
}

static void compact_lanes(struct ml_arena *a, struct ml_step *s, const struct memlane_compact *req)
{
	struct ml_goal goal = { .hole = req->hole, .usage = req->usage };
	unsigned int lanes = req->lanes ? req->lanes : 3;

	if (lanes & 1U << MEMLANE_FAST)
		compact_fast(a, s, &goal);
	ml_step_share(s, 4);
	if (lanes & 1U << MEMLANE_SLOW)
		ml_compact_lane(a, s, MEMLANE_SLOW, &goal);
}

/**
 * ml_compact - move objects together and return empty pages
 * @a: arena
 * @req: see struct memlane_compact
 */
int ml_compact(struct ml_arena *a, struct memlane_compact *req)
{
	struct ml_step s;
	int err = check(req);

	if (!err)
		err = ml_step_begin(a, &s, &req->step);
	if (err)
		return err;
	if (!req->step.max_ns) {
		ml_sweep_anew(a);
		ml_sleepers_take(a, &s, false);
	}
	compact_lanes(a, &s, req);
	return ml_step_end(a, &s);
}

/* Everything is looked at twice at most: where it was to be looked at anew, and behind. */
static void slice(struct ml_arena *a, struct ml_step *s, struct memlane_compact *req,
		  struct ml_sliced *t)
{
	struct ml_lane *l = &a->lane[req->lanes >> 1];

	if (t->anew) {
		ml_sweep_anew(a);
		begin_anew(l);
	}
	if (!t->begun || t->anew)
		t->last = l->round + 2;
	t->begun = true;
	t->anew = false;
	compact_lanes(a, s, req);
	if ((s32)(l->round - t->last) >= 0)
		req->step.out_more = 0;
}

/**
 * ml_compact_slice - begin to compact a lane in the background, or go on with it
 * @a: arena
 * @req: of one lane, with the limits and results of this slice
 * @t: of the slices before; zeroed except for @t->anew before the first
 *
 * What it waits for sections comes on top of its limits, as in ml_tend().
 *
 * Return: 0, and req->step.out_more says whether to go on; or an error.
 */
int ml_compact_slice(struct ml_arena *a, struct memlane_compact *req, struct ml_sliced *t)
{
	struct ml_step s;
	int err = check(req);

	if (!err && (!req->lanes || req->lanes == 3))
		err = -EINVAL;
	if (!err)
		err = ml_step_begin(a, &s, &req->step);
	if (err)
		return err;
	s.patient = true;
	slice(a, &s, req, t);
	return ml_step_end(a, &s);
}
