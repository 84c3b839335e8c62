// SPDX-License-Identifier: MIT
/* cool.c - putting the bytes of objects away, and bringing them back */
#include <errno.h>

#include "backend.h"
#include "worker.h"

#define BATCH_MAX     (1U << 20)
#define QUEUE_HANDLES 4096

typedef int (*cool_fn)(struct memlane *m, struct memlane_cool *req);

/* ------------------------------------------------------------- calls ---- */

/* What was not tried stays as it is, too. */
static int run(struct memlane *m, cool_fn fn, struct memlane_cool *req, struct memlane_step *step)
{
	uint64_t begun = clock_ns();
	int err;

	if (step && step->max_bytes)
		return -EINVAL;
	req->max_ns = step ? step->max_ns : 0;
	err = fn(m, req);
	if (step)
		*step = (struct memlane_step){
			.max_ns = step->max_ns,
			.out_ns = clock_ns() - begun,
			.out_more = req->out_more,
			.out_pages_returned = fn == backend_cool ? req->out_pages : 0,
			.out_remapped_pages = fn == backend_warm ? req->out_pages : 0,
		};
	return err ? err : (int)(req->out_failed + (req->count - req->out_count));
}

/* The cooler may be behind a move that waits for the section of its own caller. */
static int may_run(struct memlane *m, cool_fn fn)
{
	int err = arena_here(m);

	if (err)
		return err;
	return fn == backend_cool && in_section(m) ? -EDEADLK : 0;
}

static int one(struct memlane *m, cool_fn fn, memlane_handle h)
{
	struct memlane_cool req = { .count = 1, .handles = (uintptr_t)&h };
	int err = may_run(m, fn);

	if (!err)
		err = run(m, fn, &req, NULL);
	return err > 0 ? req.out_error : err;
}

static int batch(struct memlane *m, cool_fn fn, const memlane_handle *handles, uint32_t nr,
		 struct memlane_step *step)
{
	struct memlane_cool req = { .count = nr, .handles = (uintptr_t)handles };
	int err = may_run(m, fn);

	if (err)
		return err;
	if (nr > BATCH_MAX)
		return -EINVAL;
	return nr ? run(m, fn, &req, step) : 0;
}

static int group(struct memlane *m, cool_fn fn, uint16_t number, struct memlane_step *step)
{
	struct memlane_cool req = { .flags = MEMLANE_COOL_GROUP, .group = number };
	int err = may_run(m, fn);

	return err ? err : run(m, fn, &req, step);
}

static int lane_of(struct memlane *m, cool_fn fn, enum memlane_lane lane, struct memlane_step *step)
{
	struct memlane_cool req = { .flags = MEMLANE_COOL_LANE, .lane = lane };
	int err = may_run(m, fn);

	return err ? err : run(m, fn, &req, step);
}

/* -------------------------------------------------------------- cool ---- */

int memlane_cool(struct memlane *m, memlane_handle h)
{
	return one(m, backend_cool, h);
}

int memlane_cool_batch(struct memlane *m, const memlane_handle *handles, uint32_t nr,
		       struct memlane_step *step)
{
	return batch(m, backend_cool, handles, nr, step);
}

int memlane_group_cool(struct memlane *m, uint16_t number, struct memlane_step *step)
{
	return group(m, backend_cool, number, step);
}

int memlane_cool_lane(struct memlane *m, enum memlane_lane lane, struct memlane_step *step)
{
	return lane_of(m, backend_cool, lane, step);
}

/* -------------------------------------------------------------- warm ---- */

int memlane_warm(struct memlane *m, memlane_handle h)
{
	return one(m, backend_warm, h);
}

int memlane_warm_batch(struct memlane *m, const memlane_handle *handles, uint32_t nr,
		       struct memlane_step *step)
{
	return batch(m, backend_warm, handles, nr, step);
}

int memlane_group_warm(struct memlane *m, uint16_t number, struct memlane_step *step)
{
	return group(m, backend_warm, number, step);
}

int memlane_warm_lane(struct memlane *m, enum memlane_lane lane, struct memlane_step *step)
{
	return lane_of(m, backend_warm, lane, step);
}

int memlane_queue_warm(struct memlane *m, const memlane_handle *handles, uint32_t nr, uint64_t token)
{
	struct memlane_cool req = {
		.flags = MEMLANE_ASYNC,
		.count = nr,
		.handles = (uintptr_t)handles,
		.token = token,
	};
	int err = arena_here(m);

	if (err)
		return err;
	if (!nr || nr > QUEUE_HANDLES)
		return -EINVAL;
	return backend_warm(m, &req);
}

/* ------------------------------------------------------------- where ---- */

int memlane_residence_sized(struct memlane *m, memlane_handle h, struct memlane_residence *where,
			    size_t size)
{
	struct memlane_query req = { .handle = h };
	struct memlane_residence own;
	uint64_t e;
	int err;

	if (size < sizeof(own))
		return -EINVAL;
	err = handle_look(m, h, &e);
	if (!err)
		err = backend_query(m, &req);
	if (err)
		return err;
	own = (struct memlane_residence){
		.size = sizeof(own),
		.resident = req.out_resident,
		.compressed = req.out_compressed,
		.stored = req.out_stored,
		.lost = req.out_lost,
	};
	give_out(where, size, &own, sizeof(own));
	return 0;
}
