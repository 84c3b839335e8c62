// SPDX-License-Identifier: MIT
/* cool.c - putting the bytes of objects away, to a file, too, and bringing them back */
#include <errno.h>

#include "backend.h"
#include "worker.h"

#define BATCH_MAX     (1U << 20)
#define QUEUE_HANDLES 4096

/**
 * struct way - what is done with objects
 * @call: of the backend
 * @flags: of its request
 * @cools: it waits for those who move
 */
struct way {
	int (*call)(struct memlane *m, struct memlane_cool *req);
	uint32_t flags;
	bool cools;
};

static const struct way cools = { backend_cool, 0, true };
static const struct way stores = { backend_cool, MEMLANE_COOL_STORE, true };
static const struct way warms = { backend_warm, 0, false };

/* ------------------------------------------------------------- calls ---- */

/* What was not tried stays as it is, too. */
static int run(struct memlane *m, const struct way *way, struct memlane_cool *req, struct memlane_step *step)
{
	uint64_t begun = clock_ns();
	int err;

	if (step && step->max_bytes)
		return -EINVAL;
	req->max_ns = step ? step->max_ns : 0;
	req->flags |= way->flags;
	err = way->call(m, req);
	if (step)
		*step = (struct memlane_step){
			.max_ns = step->max_ns,
			.out_ns = clock_ns() - begun,
			.out_more = req->out_more,
			.out_pages_returned = way->cools ? req->out_pages : 0,
			.out_remapped_pages = way->cools ? 0 : req->out_pages,
		};
	return err ? err : (int)(req->out_failed + (req->count - req->out_count));
}

/* The cooler may be behind a move that waits for the section of its own caller. */
static int may_run(struct memlane *m, const struct way *way)
{
	int err = arena_here(m);

	if (err)
		return err;
	return way->cools && in_section(m) ? -EDEADLK : 0;
}

static int one(struct memlane *m, const struct way *way, memlane_handle h)
{
	struct memlane_cool req = { .count = 1, .handles = (uintptr_t)&h };
	int err = may_run(m, way);

	if (!err)
		err = run(m, way, &req, NULL);
	return err > 0 ? req.out_error : err;
}

static int batch(struct memlane *m, const struct way *way, const memlane_handle *handles, uint32_t nr,
		 struct memlane_step *step)
{
	struct memlane_cool req = { .count = nr, .handles = (uintptr_t)handles };
	int err = may_run(m, way);

	if (err)
		return err;
	if (nr > BATCH_MAX)
		return -EINVAL;
	return nr ? run(m, way, &req, step) : 0;
}

static int group(struct memlane *m, const struct way *way, uint16_t number, struct memlane_step *step)
{
	struct memlane_cool req = { .flags = MEMLANE_COOL_GROUP, .group = number };
	int err = may_run(m, way);

	return err ? err : run(m, way, &req, step);
}

static int lane_of(struct memlane *m, const struct way *way, enum memlane_lane lane, struct memlane_step *step)
{
	struct memlane_cool req = { .flags = MEMLANE_COOL_LANE, .lane = lane };
	int err = may_run(m, way);

	return err ? err : run(m, way, &req, step);
}

/* -------------------------------------------------------------- cool ---- */

int memlane_cool(struct memlane *m, memlane_handle h)
{
	return one(m, &cools, h);
}

int memlane_cool_batch(struct memlane *m, const memlane_handle *handles, uint32_t nr,
		       struct memlane_step *step)
{
	return batch(m, &cools, handles, nr, step);
}

int memlane_group_cool(struct memlane *m, uint16_t number, struct memlane_step *step)
{
	return group(m, &cools, number, step);
}

int memlane_cool_lane(struct memlane *m, enum memlane_lane lane, struct memlane_step *step)
{
	return lane_of(m, &cools, lane, step);
}

/* ------------------------------------------------------------- store ---- */

int memlane_set_backing_max(struct memlane *m, int fd, uint64_t max)
{
	struct memlane_set_backing req = { .fd = fd, .max = max };
	int err = may_run(m, &stores);

	return err ? err : backend_set_backing(m, &req);
}

int memlane_set_backing(struct memlane *m, int fd)
{
	return memlane_set_backing_max(m, fd, 0);
}

int memlane_store(struct memlane *m, memlane_handle h)
{
	return one(m, &stores, h);
}

int memlane_store_batch(struct memlane *m, const memlane_handle *handles, uint32_t nr,
			struct memlane_step *step)
{
	return batch(m, &stores, handles, nr, step);
}

int memlane_group_store(struct memlane *m, uint16_t number, struct memlane_step *step)
{
	return group(m, &stores, number, step);
}

int memlane_store_lane(struct memlane *m, enum memlane_lane lane, struct memlane_step *step)
{
	return lane_of(m, &stores, lane, step);
}

/* -------------------------------------------------------------- warm ---- */

int memlane_warm(struct memlane *m, memlane_handle h)
{
	return one(m, &warms, h);
}

int memlane_warm_batch(struct memlane *m, const memlane_handle *handles, uint32_t nr,
		       struct memlane_step *step)
{
	return batch(m, &warms, handles, nr, step);
}

int memlane_group_warm(struct memlane *m, uint16_t number, struct memlane_step *step)
{
	return group(m, &warms, number, step);
}

int memlane_warm_lane(struct memlane *m, enum memlane_lane lane, struct memlane_step *step)
{
	return lane_of(m, &warms, lane, step);
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
