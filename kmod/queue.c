// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.c - calls that are carried out in the background
 *
 * An asynchronous COMPACT, MIGRATE or WARM is copied into a job before its ioctl
 * returns. Its end is an event. Jobs that are left when the file is released
 * have nobody who waits for them, and are dropped.
 *
 * A job is carried out by slices, however large it is: between two of them the runner
 * rests as between two cycles of maintenance, and the user's other arenas have a turn.
 */
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "device.h"
#include "piece.h"
#include "queue.h"
#include "trace.h"

#define SLICE_BYTES	(16ULL << 20)
#define SLICE_NS	(10ULL * NSEC_PER_MSEC)
#define SLICE_HANDLES	256U

void memlane_queue_init(struct memlane_queue *queue)
{
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->jobs);
}

/**
 * memlane_job_new - an empty job
 * @arena: created
 * @handles: room for so many, at most 4096
 *
 * Return: the job, or NULL.
 */
struct memlane_job *memlane_job_new(struct memlane_arena *arena, u32 handles)
{
	struct memlane_job *job;
	size_t bytes = struct_size(job, handles, handles);

	if (memlane_arena_charge(arena, bytes))
		return NULL;
	job = kvzalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!job) {
		memlane_arena_uncharge(arena, bytes);
		return NULL;
	}
	INIT_LIST_HEAD(&job->list);
	job->room = handles;
	return job;
}

void memlane_job_free(struct memlane_arena *arena, struct memlane_job *job)
{
	memlane_arena_uncharge(arena, struct_size(job, handles, job->room));
	kvfree(job);
}

static struct memlane_job *queue_first(struct memlane_queue *queue)
{
	struct memlane_job *job;

	spin_lock(&queue->lock);
	job = list_first_entry_or_null(&queue->jobs, struct memlane_job, list);
	spin_unlock(&queue->lock);
	return job;
}

static void queue_remove(struct memlane_queue *queue, struct memlane_job *job)
{
	spin_lock(&queue->lock);
	list_del(&job->list);
	queue->nr--;
	spin_unlock(&queue->lock);
}

/**
 * memlane_queue_exit - drop what is left
 * @arena: one that is not tended any more
 */
void memlane_queue_exit(struct memlane_arena *arena)
{
	struct memlane_job *job;

	while ((job = queue_first(&arena->queue))) {
		queue_remove(&arena->queue, job);
		memlane_job_free(arena, job);
	}
}

static void queue_append(struct memlane_queue *queue, struct memlane_job *job)
{
	spin_lock(&queue->lock);
	list_add_tail(&job->list, &queue->jobs);
	queue->nr++;
	spin_unlock(&queue->lock);
}

/**
 * memlane_queue_add - have a job done in the background
 * @arena: created
 * @job: the queue's from now on, if this succeeds
 *
 * Return: 0; -EAGAIN: too many wait already, to be run or to be told of.
 */
int memlane_queue_add(struct memlane_arena *arena, struct memlane_job *job)
{
	int err = memlane_event_promise(&arena->events);

	if (err)
		return err;
	queue_append(&arena->queue, job);
	memlane_worker_wake(arena);
	return 0;
}

bool memlane_queue_pending(struct memlane_queue *queue)
{
	return READ_ONCE(queue->nr);
}

/* 0 is no limit. */
static u64 lower_limit(u64 limit, u64 most)
{
	return limit ? min(limit, most) : most;
}

/* The limits of the next slice; false: those of the call are used up. */
static bool slice_of(struct memlane_step *sum, struct memlane_step *slice)
{
	if (!memlane_piece_limits(sum, slice)) {
		sum->out_more = 1;
		return false;
	}
	slice->max_bytes = lower_limit(slice->max_bytes, SLICE_BYTES);
	return true;
}

/*
 * What has not begun when its time is up is not done at all, so a migration is cut by
 * handles. Return: whether there is more to do; @err: why not, or 0.
 */
static bool migrate_slice(struct memlane_arena *arena, struct memlane_job *job, int *err)
{
	struct memlane_migrate *req = &job->req.migrate, slice = *req;

	if (!slice_of(&req->step, &slice.step))
		return false;
	slice.count = min(req->count - req->out_count, SLICE_HANDLES);
	*err = ml_migrate_slice(&arena->core, &slice, job->handles + req->out_count);
	memlane_piece_add(&req->step, &slice.step);
	req->out_count += slice.out_count;
	req->out_failed += slice.out_failed;
	req->step.out_more = req->out_count < req->count;
	return !*err && req->step.out_more;
}

/* A lane that is done gives way to the next one, which is looked at as that was. */
static bool next_lane(struct memlane_job *job)
{
	const struct memlane_step *step = &job->req.compact.step;

	job->lanes &= job->lanes - 1;
	job->sliced = (struct ml_sliced) { .anew = !step->max_bytes && !step->max_ns };
	return job->lanes;
}

static bool compact_slice(struct memlane_arena *arena, struct memlane_job *job, int *err)
{
	struct memlane_compact *req = &job->req.compact, slice = *req;

	if (!slice_of(&req->step, &slice.step))
		return false;
	slice.step.max_ns = lower_limit(slice.step.max_ns, SLICE_NS);
	if (req->lanes <= 3)	/* what is more is refused */
		slice.lanes = job->lanes & -job->lanes;
	*err = ml_compact_slice(&arena->core, &slice, &job->sliced);
	memlane_piece_add(&req->step, &slice.step);
	if (*err)
		return false;
	return req->step.out_more || next_lane(job);
}

static bool warm_slice(struct memlane_arena *arena, struct memlane_job *job, int *err)
{
	struct memlane_cool *req = &job->req.warm, slice = *req;

	slice.count = min(req->count - req->out_count, SLICE_HANDLES);
	slice.max_ns = SLICE_NS;
	*err = ml_warm(&arena->core, &slice, job->handles + req->out_count);
	ml_cool_add(req, &slice);
	return !*err && req->out_count < req->count;
}

static bool job_slice(struct memlane_arena *arena, struct memlane_job *job, int *err)
{
	switch (job->kind) {
	case MEMLANE_JOB_COMPACT:
		return compact_slice(arena, job, err);
	case MEMLANE_JOB_MIGRATE:
		return migrate_slice(arena, job, err);
	case MEMLANE_JOB_WARM:
		return warm_slice(arena, job, err);
	}
	return false;
}

static void migrate_tell(struct memlane_arena *arena, const struct memlane_migrate *req,
			 struct memlane_event *event)
{
	trace_memlane_migrate(arena->id, &req->step, event->result);
	ml_tell_step(event, req->token, &req->step);
	event->failed = req->out_failed + (req->count - req->out_count);
}

static void compact_tell(struct memlane_arena *arena, const struct memlane_compact *req,
			 struct memlane_event *event)
{
	trace_memlane_compact(arena->id, &req->step, event->result);
	ml_tell_step(event, req->token, &req->step);
}

static void job_tell(struct memlane_arena *arena, struct memlane_job *job, int err)
{
	struct memlane_event event = { .type = MEMLANE_EVENT_DONE, .result = err };

	switch (job->kind) {
	case MEMLANE_JOB_COMPACT:
		compact_tell(arena, &job->req.compact, &event);
		break;
	case MEMLANE_JOB_MIGRATE:
		migrate_tell(arena, &job->req.migrate, &event);
		break;
	case MEMLANE_JOB_WARM:
		ml_cool_tell(&event, &job->req.warm);
		break;
	}
	memlane_event_put(&arena->events, &event);
}

/**
 * memlane_queue_run - go on with the first job, and tell of its end
 * @arena: created
 *
 * Context: a runner of the arena's user.
 */
void memlane_queue_run(struct memlane_arena *arena)
{
	struct memlane_job *job = queue_first(&arena->queue);
	int err = 0;

	if (!job)
		return;
	if (job_slice(arena, job, &err))
		return;
	job_tell(arena, job, err);
	queue_remove(&arena->queue, job);
	memlane_job_free(arena, job);
}
