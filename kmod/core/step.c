// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* step.c - a bounded piece of moving: limits, progress, results */
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "depot.h"
#include "move.h"
#include "stat.h"
#include "step.h"
#include "turn.h"

#define BATCH_BYTES	(1ULL << 20)
#define LOOKS		8	/* that a step has however late it is */

/**
 * ml_step_begin - take both locks and start counting
 * @a: arena; neither lock
 * @s: step
 * @req: limits; its results are cleared
 *
 * Stock that nobody has is freed: what moves is to find the places that are free.
 * Return: 0, or -EINTR on a fatal signal while waiting for another mover.
 */
int ml_step_begin(struct ml_arena *a, struct ml_step *s, struct memlane_step *req)
{
	struct memlane_step limits = { .max_bytes = req->max_bytes, .max_ns = req->max_ns };

	if (mutex_lock_killable(&a->mover))
		return -EINTR;
	if (mutex_lock_killable(&a->lock)) {
		mutex_unlock(&a->mover);
		return -EINTR;
	}
	ml_depot_free(a);
	*req = limits;
	s->req = req;
	s->err = 0;
	s->patient = false;
	s->taken = 0;
	s->waited = a->waited;
	ml_step_share(s, 4);
	s->was = a->count;
	s->start = a->ops->now();
	return 0;
}

static void results(struct ml_arena *a, struct ml_step *s)
{
	const struct memlane_counts *is = &a->count, *was = &s->was;
	struct memlane_step *r = s->req;

	r->out_moved = is->moved - was->moved;
	r->out_moved_bytes = is->moved_bytes - was->moved_bytes;
	r->out_remapped = is->remapped - was->remapped;
	r->out_remapped_pages = is->remapped_pages - was->remapped_pages;
	r->out_vetoed = is->vetoed - was->vetoed;
	r->out_pinned = is->pinned - was->pinned;
	r->out_held = is->held - was->held;
	r->out_given_up = is->given_up - was->given_up;
	r->out_ns = a->ops->now() - s->start;
}

/**
 * ml_step_end - write the results and drop both locks
 * @a: arena
 * @s: step
 *
 * Return: 0, or the error that ended the step early.
 */
int ml_step_end(struct ml_arena *a, struct ml_step *s)
{
	results(a, s);
	ml_publish(a);
	mutex_unlock(&a->lock);
	mutex_unlock(&a->mover);
	return s->err;
}

static u64 quarters_of(u64 limit, unsigned int quarters)
{
	if (quarters == 4 || !limit)
		return limit;
	return max(limit / 4 * quarters, 1ULL);
}

/**
 * ml_step_share - another part of a step begins
 * @s: step
 * @quarters: of its limits that are left to this part at most: 1 to 4
 *
 * However late it is, each part has one batch: whatever a step does comes to an end,
 * if it is done again and again, however short the steps are.
 */
void ml_step_share(struct ml_step *s, unsigned int quarters)
{
	s->max_bytes = quarters_of(s->req->max_bytes, quarters);
	s->max_ns = quarters_of(s->req->max_ns, quarters);
	s->begun = false;
	s->cut = false;
	s->looks = 0;
}

static u64 bytes_done(const struct ml_arena *a, const struct ml_step *s)
{
	return a->count.moved_bytes - s->was.moved_bytes;
}

/* When the step is to have ended, ns; 0: no limit. */
u64 ml_step_deadline(const struct ml_arena *a, const struct ml_step *s)
{
	u64 start = s->start + (s->patient ? a->waited - s->waited : 0);

	return s->max_ns && start + s->max_ns > start ? start + s->max_ns : 0;
}

/**
 * ml_step_late - is the time up?
 * @a: arena
 * @s: step; says that a fatal signal ended it
 *
 * Asked for by whatever looks at many things and moves none of them.
 */
bool ml_step_late(struct ml_arena *a, struct ml_step *s)
{
	u64 deadline = ml_step_deadline(a, s);

	cond_resched();
	if (!s->err && ml_hurry(a))
		s->err = -EINTR;
	if (s->err)
		return true;
	return deadline && a->ops->now() >= deadline;
}

/**
 * ml_step_look - may compaction look at one more span or blob?
 * @a: arena
 * @s: step; @s->cut: it may not
 *
 * The first few it always may, so that the shortest step gets somewhere.
 */
bool ml_step_look(struct ml_arena *a, struct ml_step *s)
{
	bool late = ml_step_late(a, s);

	s->cut |= s->err || (s->looks++ >= LOOKS && late);
	return !s->cut;
}

/**
 * ml_step_next - start an empty batch, if it is the part's first or time allows one more
 * @a: arena; both locks
 * @s: step
 *
 * Who is refused says in @s->req->out_more whether there is more to do.
 */
bool ml_step_next(struct ml_arena *a, struct ml_step *s)
{
	u64 left = BATCH_BYTES;
	bool late = ml_step_late(a, s);

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (s->err || (late && s->begun))
		return false;
	if (s->max_bytes)
		left = s->max_bytes - min(bytes_done(a, s), s->max_bytes);
	if (!left)
		return false;
	s->begun = true;
	a->batch->nr = 0;
	a->batch->most = s->max_ns ? a->batch->timely : ML_BATCH;
	a->batch->bytes = 0;
	a->batch->pages = 0;
	a->batch->nomem = false;
	a->batch->over = a->table.over;
	a->batch->there = (struct ml_asked){ };
	a->batch->limit = min_t(u64, left, BATCH_BYTES);
	return true;
}

/**
 * ml_step_run - carry the batch out and let others have the lock
 * @a: arena; both locks
 * @s: step
 *
 * Return: false if the batch was empty or a fatal signal waits.
 */
bool ml_step_run(struct ml_arena *a, struct ml_step *s)
{
	u64 given_up = a->count.given_up;

	lockdep_assert_held(&a->mover);
	lockdep_assert_held(&a->lock);
	if (!a->batch->nr)
		return false;
	s->err = ml_batch_run(a, s->req, ml_step_deadline(a, s), s->patient);
	if (a->count.given_up != given_up)
		s->patient = false;
	ml_turn_pass(a);
	return !s->err;
}
