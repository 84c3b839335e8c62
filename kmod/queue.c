// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.c - calls that are carried out in the background
 *
 * An asynchronous COMPACT or MIGRATE is copied into a job before its ioctl
 * returns. Its end is an event. Jobs that are left when the file is released
 * have nobody who waits for them, and are dropped.
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
 * @handles: room for so many, at most 4096
 *
 * Return: the job, or NULL.
 */
struct memlane_job *memlane_job_new(u32 handles)
{
	struct memlane_job *job;

	job = kvzalloc(struct_size(job, handles, handles), GFP_KERNEL_ACCOUNT);
	if (job)
		INIT_LIST_HEAD(&job->list);
	return job;
}

void memlane_job_free(struct memlane_job *job)
{
	kvfree(job);
}

static struct memlane_job *take(struct memlane_queue *queue)
{
	struct memlane_job *job;

	spin_lock(&queue->lock);
	job = list_first_entry_or_null(&queue->jobs, struct memlane_job, list);
	if (job) {
		list_del_init(&job->list);
		queue->nr--;
	}
	spin_unlock(&queue->lock);
	return job;
}

/**
 * memlane_queue_exit - drop what is left
 * @queue: of an arena that is not tended any more
 */
void memlane_queue_exit(struct memlane_queue *queue)
{
	struct memlane_job *job;

	while ((job = take(queue)))
		memlane_job_free(job);
}

static void enqueue(struct memlane_queue *queue, struct memlane_job *job)
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
	enqueue(&arena->queue, job);
	memlane_worker_wake(arena);
	return 0;
}

bool memlane_queue_pending(struct memlane_queue *queue)
{
	return READ_ONCE(queue->nr);
}

static int run_migrate(struct memlane_arena *arena, struct memlane_job *job,
		       struct memlane_event *event)
{
	struct memlane_migrate *req = &job->req.migrate;
	int err = ml_migrate(&arena->core, req, job->handles, NULL);

	trace_memlane_migrate(arena->id, &req->step, err);
	ml_tell_step(event, req->token, &req->step);
	event->failed = req->out_failed + (req->count - req->out_count);
	return err;
}

static int run_compact(struct memlane_arena *arena, struct memlane_job *job,
		       struct memlane_event *event)
{
	struct memlane_compact *req = &job->req.compact;
	int err = ml_compact(&arena->core, req);

	trace_memlane_compact(arena->id, &req->step, err);
	ml_tell_step(event, req->token, &req->step);
	return err;
}

/**
 * memlane_queue_run - carry out one job, and tell of its end
 * @arena: created
 *
 * Context: a runner of the arena's user.
 */
void memlane_queue_run(struct memlane_arena *arena)
{
	struct memlane_event event = { .type = MEMLANE_EVENT_DONE };
	struct memlane_job *job = take(&arena->queue);

	if (!job)
		return;
	event.result = job->is_migrate ? run_migrate(arena, job, &event) :
					 run_compact(arena, job, &event);
	memlane_event_put(&arena->events, &event);
	memlane_job_free(job);
}
