// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* migrate.c - moving objects to a lane by hand */
#include <linux/minmax.h>
#include <linux/nospec.h>

#include "block.h"
#include "lane.h"
#include "move.h"
#include "place.h"
#include "step.h"
#include "table.h"
#include "turn.h"

#define PIECE	1024U	/* handles between two looks at the clock */

/* One call to ml_migrate(). */
struct migration {
	struct memlane_migrate *req;
	const u64 *handles;
	s32 *results;
};

static void report(struct migration *m, u32 i, int result)
{
	if (m->results)
		m->results[i] = result;
	if (result)
		m->req->out_failed++;
}

static int try_place(struct ml_arena *a, const struct memlane_migrate *req, u32 index,
		     unsigned int lane)
{
	if (req->flags & MEMLANE_MIGRATE_RESIZE)
		return ml_batch_resize(a, index, lane, req->length);
	if (req->flags & MEMLANE_MIGRATE_AWAY)
		return ml_batch_away(a, index);
	return ml_batch_place(a, index, lane, ML_KEEP);
}

/* Of the place that it is to get. */
static u64 migrate_pages(struct ml_arena *a, const struct memlane_migrate *req, u32 index)
{
	struct ml_run *run;
	u64 loc;

	if (req->flags & MEMLANE_MIGRATE_RESIZE)
		return req->length >> ML_PAGE_SHIFT;
	run = ml_place_of(a, index, &loc);
	return run ? ml_run_room(run) >> ML_PAGE_SHIFT : 0;
}

/* What is asked for by hand may make the lane grow; what the policy wants may not. */
static int migrate_place(struct ml_arena *a, const struct memlane_migrate *req, u32 index,
			 unsigned int lane)
{
	u64 limit = a->lane[lane].limit;
	int err;

	do {
		err = try_place(a, req, index, lane);
	} while (err == -ENOSPC && ml_lane_grow(a, lane, migrate_pages(a, req, index)));
	if (err && ml_lane_used(&a->lane[lane]) <= limit)
		WRITE_ONCE(a->lane[lane].limit, limit);
	else
		ml_lane_tell_growth(a, lane, limit);
	return err;
}

static int place_where_it_is(struct ml_arena *a, const struct memlane_migrate *req, u32 index)
{
	u64 loc;
	struct ml_run *run = ml_place_of(a, index, &loc);
	unsigned int lane = run ? run->lane : MEMLANE_FAST;
	int err = run ? migrate_place(a, req, index, lane) : -EBADF;

	if (err == -ENOSPC && lane == MEMLANE_FAST && req->flags & MEMLANE_MIGRATE_RESIZE)
		err = migrate_place(a, req, index, MEMLANE_SLOW);
	return err;
}

/* Plan handle @i, or report why not. */
static void plan_one(struct ml_arena *a, struct migration *m, u32 i)
{
	struct ml_batch *b = a->batch;
	u32 nr = b->nr;
	u32 index = memlane_handle_index(m->handles[i]);
	int err = ml_handle_check(a, m->handles[i]);

	if (!err && m->req->flags & MEMLANE_MIGRATE_SETTLE)
		err = ml_batch_settle(a, index);
	else if (!err && m->req->flags & (MEMLANE_MIGRATE_AWAY | MEMLANE_MIGRATE_RESIZE))
		err = place_where_it_is(a, m->req, index);
	else if (!err)
		err = migrate_place(a, m->req, index, m->req->lane);
	if (b->nr > nr)
		b->move[nr].caller = i;
	else
		report(m, i, err);
}

/* Return: the first handle that was not looked at; the batch is full, or that is enough. */
static u32 fill_from(struct ml_arena *a, struct migration *m, u32 i)
{
	u32 end = min(m->req->count, i + PIECE);

	for (; i < end && !ml_batch_full(a); i++)
		plan_one(a, m, i);
	return i;
}

static void report_batch(struct ml_arena *a, struct migration *m)
{
	u32 i;

	for (i = 0; i < a->batch->nr; i++)
		report(m, a->batch->move[i].caller, a->batch->move[i].result);
}

static void migrate_all(struct ml_arena *a, struct ml_step *s, struct migration *m)
{
	struct memlane_migrate *req = m->req;

	a->batch->cause = MEMLANE_CAUSE_HAND;
	while (req->out_count < req->count && ml_step_next(a, s)) {
		req->out_count = fill_from(a, m, req->out_count);
		if (a->batch->nr)
			ml_step_run(a, s);
		else
			ml_turn_pass(a);
		report_batch(a, m);
	}
	req->step.out_more = req->out_count < req->count;
}

static int migrate(struct ml_arena *a, struct migration *m, bool patient)
{
	struct memlane_migrate *req = m->req;
	struct ml_step s;
	int err;

	req->out_count = 0;
	req->out_failed = 0;
	if (req->flags & ~(MEMLANE_MIGRATE_SETTLE | MEMLANE_MIGRATE_AWAY | MEMLANE_MIGRATE_RESIZE))
		return -EOPNOTSUPP;
	if (req->flags & MEMLANE_MIGRATE_RESIZE && (!req->length || req->length > MEMLANE_SIZE_MAX))
		return -EINVAL;
	if (req->lane >= MEMLANE_LANES || !req->count || req->count > 1U << 20)
		return -EINVAL;
	req->lane = array_index_nospec(req->lane, MEMLANE_LANES);
	err = ml_step_begin(a, &s, &req->step);
	if (err)
		return err;
	s.patient = patient;
	migrate_all(a, &s, m);
	return ml_step_end(a, &s);
}

/**
 * ml_migrate - move objects to a lane
 * @a: arena
 * @req: see struct memlane_migrate
 * @handles: the caller's, req->count of them
 * @results: one for each handle, or NULL
 */
int ml_migrate(struct ml_arena *a, struct memlane_migrate *req, const u64 *handles,
	       s32 *results)
{
	struct migration m = { .req = req, .handles = handles, .results = results };

	return migrate(a, &m, false);
}

/**
 * ml_migrate_slice - move some objects to a lane, in the background
 * @a: arena
 * @req: see struct memlane_migrate; with the limits of this slice
 * @handles: req->count of them, of which it has moved req->out_count
 *
 * What it waits for sections comes on top of its limits, as in ml_tend().
 */
int ml_migrate_slice(struct ml_arena *a, struct memlane_migrate *req, const u64 *handles)
{
	struct migration m = { .req = req, .handles = handles };

	return migrate(a, &m, true);
}
