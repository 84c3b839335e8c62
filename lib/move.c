// SPDX-License-Identifier: MIT
/* move.c - compaction, migration and maintenance, on request */
#include <errno.h>

#include "backend.h"
#include "cache.h"
#include "watch.h"

#define BATCH_MAX (1U << 20)

/* A move would wait for the section of its own caller. */
static int may_wait(struct memlane *m)
{
	int err = arena_here(m);

	if (err)
		return err;
	return in_section(m) ? -EDEADLK : 0;
}

/* Without a limit or a goal: all that can come back is wanted, the caller's stock too. */
static bool is_full(const struct memlane_compact *req)
{
	return !req->hole && !req->usage && !req->step.max_bytes && !req->step.max_ns;
}

static int compact(struct memlane *m, uint32_t lanes, uint64_t hole, uint32_t usage,
		   struct memlane_step *step)
{
	struct memlane_compact req = { .lanes = lanes, .hole = hole, .usage = usage };
	int err = may_wait(m);

	if (err)
		return err;
	if (step)
		req.step = *step;
	if (is_full(&req))
		cache_flush_own(m);
	err = backend_compact(m, &req);
	if (step)
		*step = req.step;
	return err;
}

int memlane_compact(struct memlane *m, enum memlane_lane_set lanes, uint64_t hole, struct memlane_step *step)
{
	return compact(m, lanes, hole, 0, step);
}

int memlane_compact_until(struct memlane *m, enum memlane_lane_set lanes, uint64_t hole, double usage,
			  struct memlane_step *step)
{
	uint32_t permille;

	if (!(usage >= 0 && usage <= 1))
		return -EINVAL;
	/* 0 would be no goal. */
	permille = usage * 1000 + 0.5;
	return compact(m, lanes, hole, usage > 0 && !permille ? 1 : permille, step);
}

int memlane_maintain(struct memlane *m, struct memlane_step *step)
{
	struct memlane_maintain req = { .flags = 0 };
	int err = may_wait(m);
	uint64_t looked = 0;

	if (err)
		return err;
	if (step)
		req.step = *step;
	if (m->watch)
		looked = track_look(m, req.step.max_ns);
	if (req.step.max_ns)
		req.step.max_ns -= looked < req.step.max_ns ? looked : req.step.max_ns - 1;
	err = backend_maintain(m, &req);
	req.step.out_ns += looked;
	if (!step)
		return err;
	req.step.max_ns = step->max_ns;
	*step = req.step;
	return err;
}

static bool is_lane(enum memlane_lane lane)
{
	return lane == MEMLANE_FAST || lane == MEMLANE_SLOW;
}

/* What was not tried counts as not arrived. */
static void not_tried(const struct memlane_migrate *req, int32_t *results)
{
	uint32_t i;

	for (i = req->out_count; results && i < req->count; i++)
		results[i] = -EAGAIN;
}

int memlane_migrate_batch(struct memlane *m, enum memlane_lane lane, const memlane_handle *handles,
			  uint32_t nr, int32_t *results, struct memlane_step *step)
{
	struct memlane_migrate req = {
		.lane = lane,
		.count = nr,
		.handles = (uintptr_t)handles,
		.results = (uintptr_t)results,
	};
	int err = may_wait(m);

	if (err)
		return err;
	if (!is_lane(lane) || nr > BATCH_MAX)
		return -EINVAL;
	if (!nr)
		return 0;
	if (step)
		req.step = *step;
	err = backend_migrate(m, &req);
	if (step)
		*step = req.step;
	not_tried(&req, results);
	if (m->watch)
		track_migrated(m, handles, req.out_count);
	return err ? err : (int)(req.out_failed + (nr - req.out_count));
}

int memlane_migrate(struct memlane *m, memlane_handle h, enum memlane_lane lane)
{
	int32_t result = 0;
	int failed = memlane_migrate_batch(m, lane, &h, 1, &result, NULL);

	return failed < 0 ? failed : result;
}
