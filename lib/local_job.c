// SPDX-License-Identifier: MIT
/*
 * local_job.c - calls of an arena in the process that are carried out in the background
 *
 * Each is a job from the call to the event of its end, and is carried out by slices, see
 * core/job.c: between two of them the process's other arenas have a turn. Jobs
 * that are left when the arena is closed have nobody who waits for them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "local.h"

/**
 * struct job - a call
 * @next: the one after it
 * @call: what is to be done
 * @handles: of MIGRATE and WARM, copied
 */
struct job {
	struct job *next;
	struct ml_job call;
	u64 handles[];
};

/**
 * local_job_run - go on with a job, and tell of its end
 * @l: arena
 * @job: its first one
 *
 * Context: a worker that has the arena. Return: whether there is more to do.
 */
bool local_job_run(struct local *l, struct job *job)
{
	struct memlane_event ev;
	int err;

	if (ml_job_slice(&l->core, &job->call, job->handles, &err))
		return true;
	ml_job_tell(&job->call, err, &ev);
	events_put(&l->events, &ev);
	return false;
}

/* -------------------------------------------------------------- queue ---- */

/* The queue belongs to who has worker.lock. */
void local_jobs_init(struct jobs *jobs)
{
	jobs->first = NULL;
	jobs->last = &jobs->first;
}

void local_jobs_add(struct jobs *jobs, struct job *job)
{
	*jobs->last = job;
	jobs->last = &job->next;
}

/* The first one is done, or dropped. */
void local_jobs_pop(struct jobs *jobs)
{
	struct job *job = jobs->first;

	jobs->first = job->next;
	if (!jobs->first)
		jobs->last = &jobs->first;
	free(job);
}

static int job_queue(struct local *l, struct job *job)
{
	int err = local_worker_start(l);

	if (!err)
		err = events_promise(&l->events);
	if (err)
		free(job);
	else
		local_worker_add(l, job);
	return err;
}

static struct job *job_new(u64 handles, u32 nr)
{
	struct job *job = calloc(1, sizeof(*job) + nr * sizeof(*job->handles));

	if (job && nr)
		memcpy(job->handles, (void *)(uintptr_t)handles, nr * sizeof(*job->handles));
	return job;
}

int local_queue_migrate(struct local *l, const struct memlane_migrate *req)
{
	struct job *job;

	if (!req->count || req->count > ML_JOB_HANDLES || req->results)
		return -EINVAL;
	job = job_new(req->handles, req->count);
	if (!job)
		return -ENOMEM;
	ml_job_migrate(&job->call, req);
	return job_queue(l, job);
}

int local_queue_compact(struct local *l, const struct memlane_compact *req)
{
	struct job *job = job_new(0, 0);

	if (!job)
		return -ENOMEM;
	ml_job_compact(&job->call, req);
	return job_queue(l, job);
}

int local_queue_warm(struct local *l, const struct memlane_cool *req)
{
	struct job *job;
	int err = ml_job_check_warm(req);

	if (err)
		return err;
	job = job_new(req->handles, req->count);
	if (!job)
		return -ENOMEM;
	ml_job_warm(&job->call, req);
	return job_queue(l, job);
}
