// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.c - calls that are carried out in the background
 *
 * An asynchronous COMPACT, MIGRATE or WARM is copied into a job before its ioctl returns.
 * An event tells that a job has ended. Jobs that are left when the file is released are
 * dropped: nobody waits for them.
 *
 * A job runs in slices, see core/job.c. Between two slices the runner rests as it does
 * between two cycles of maintenance, and the user's other arenas have a turn.
 */
#include <linux/slab.h>

#include "device.h"
#include "queue.h"
#include "trace.h"

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
 * @arena: whose maintenance has ended
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
 * @job: belongs to the queue if this succeeds
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

static void job_trace(const struct memlane_arena *arena, const struct ml_job *call, int err)
{
	if (call->kind == ML_JOB_COMPACT)
		trace_memlane_compact(arena->id, &call->req.compact.step, err);
	else if (call->kind == ML_JOB_MIGRATE)
		trace_memlane_migrate(arena->id, &call->req.migrate.step, err);
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
	struct memlane_event event;
	int err;

	if (!job || ml_job_slice(&arena->core, &job->call, job->handles, &err))
		return;
	job_trace(arena, &job->call, err);
	ml_job_tell(&job->call, err, &event);
	memlane_event_put(&arena->events, &event);
	queue_remove(&arena->queue, job);
	memlane_job_free(arena, job);
}
