// SPDX-License-Identifier: MIT
/*
 * local_job.c - calls of an arena in the process that are carried out in the background
 *
 * Each is a job from the call to the event of its end, and is carried out by slices,
 * however large it is: between two of them the process's other arenas have a turn. Jobs
 * that are left when the arena is closed have nobody who waits for them.
 */
#include <errno.h>
#include <linux/minmax.h>
#include <stdlib.h>
#include <string.h>

#include "local.h"

#define SLICE_BYTES   (16ULL << 20)
#define SLICE_NS      10000000ULL
#define SLICE_HANDLES 256U
#define JOB_HANDLES   4096

/**
 * struct job - a call
 * @next: the one after it
 * @cmd: MEMLANE_CMD_MIGRATE, _COMPACT or _WARM: which of @req
 * @lanes: of COMPACT, those that are not done
 * @sliced: of COMPACT, of the first of these
 * @req: as the program gave it, with what was done so far
 * @handles: of MIGRATE and WARM, copied
 */
struct job {
	struct job *next;
	unsigned int cmd;
	u32 lanes;
	struct ml_sliced sliced;
	union {
		struct memlane_migrate migrate;
		struct memlane_compact compact;
		struct memlane_cool warm;
	} req;
	u64 handles[];
};

/* ------------------------------------------------------------- slices ---- */

static void job_sum(struct memlane_step *sum, const struct memlane_step *slice)
{
	sum->out_moved += slice->out_moved;
	sum->out_moved_bytes += slice->out_moved_bytes;
	sum->out_remapped += slice->out_remapped;
	sum->out_remapped_pages += slice->out_remapped_pages;
	sum->out_vetoed += slice->out_vetoed;
	sum->out_pinned += slice->out_pinned;
	sum->out_held += slice->out_held;
	sum->out_given_up += slice->out_given_up;
	sum->out_pages_returned += slice->out_pages_returned;
	sum->out_ns += slice->out_ns;
	sum->out_more = slice->out_more;
}

/* What is left of a limit, @most in one slice; 0 is no limit. */
static u64 job_limit(u64 limit, u64 used, u64 most)
{
	return limit ? min_t(u64, limit - used, most) : most;
}

/* The limits of the next slice; false: those of the call are used up. */
static bool job_limits(struct memlane_step *sum, struct memlane_step *slice, u64 most_ns)
{
	if ((sum->max_bytes && sum->out_moved_bytes >= sum->max_bytes) ||
	    (sum->max_ns && sum->out_ns >= sum->max_ns)) {
		sum->out_more = 1;
		return false;
	}
	slice->max_bytes = job_limit(sum->max_bytes, sum->out_moved_bytes, SLICE_BYTES);
	slice->max_ns = job_limit(sum->max_ns, sum->out_ns, most_ns);
	return true;
}

/*
 * What has not begun when its time is up is not done at all, so a migration is cut by
 * handles, and has no time but that of the call. Return: whether there is more to do.
 */
static bool job_migrate(struct local *l, struct job *job, int *err)
{
	struct memlane_migrate *req = &job->req.migrate, slice = *req;

	if (!job_limits(&req->step, &slice.step, req->step.max_ns))
		return false;
	slice.count = min_t(u32, req->count - req->out_count, SLICE_HANDLES);
	*err = ml_migrate_slice(&l->core, &slice, job->handles + req->out_count);
	job_sum(&req->step, &slice.step);
	req->out_count += slice.out_count;
	req->out_failed += slice.out_failed;
	req->step.out_more = req->out_count < req->count;
	return !*err && req->step.out_more;
}

/* Calls without limits look at everything; others go on where the last one ended. */
static void job_begin_lane(struct job *job)
{
	const struct memlane_step *step = &job->req.compact.step;

	job->sliced = (struct ml_sliced){ .anew = !step->max_bytes && !step->max_ns };
}

static bool job_next_lane(struct job *job)
{
	job->lanes &= job->lanes - 1;
	job_begin_lane(job);
	return job->lanes;
}

static bool job_compact(struct local *l, struct job *job, int *err)
{
	struct memlane_compact *req = &job->req.compact, slice = *req;

	if (!job_limits(&req->step, &slice.step, SLICE_NS))
		return false;
	if (req->lanes <= 3) /* what is more is refused */
		slice.lanes = job->lanes & -job->lanes;
	*err = ml_compact_slice(&l->core, &slice, &job->sliced);
	job_sum(&req->step, &slice.step);
	if (*err)
		return false;
	return req->step.out_more || job_next_lane(job);
}

static bool job_warm(struct local *l, struct job *job, int *err)
{
	struct memlane_cool *req = &job->req.warm, slice = *req;

	slice.count = min_t(u32, req->count - req->out_count, SLICE_HANDLES);
	slice.max_ns = SLICE_NS;
	*err = ml_warm(&l->core, &slice, job->handles + req->out_count);
	ml_cool_add(req, &slice);
	return !*err && req->out_count < req->count;
}

static bool job_slice(struct local *l, struct job *job, int *err)
{
	switch (job->cmd) {
	case MEMLANE_CMD_MIGRATE:
		return job_migrate(l, job, err);
	case MEMLANE_CMD_WARM:
		return job_warm(l, job, err);
	default:
		return job_compact(l, job, err);
	}
}

static void job_tell(struct local *l, const struct job *job, int err)
{
	struct memlane_event ev = { .type = MEMLANE_EVENT_DONE, .result = err };
	const struct memlane_migrate *migrate = &job->req.migrate;
	const struct memlane_compact *compact = &job->req.compact;

	switch (job->cmd) {
	case MEMLANE_CMD_MIGRATE:
		ml_tell_step(&ev, migrate->token, &migrate->step);
		ev.failed = migrate->out_failed + (migrate->count - migrate->out_count);
		break;
	case MEMLANE_CMD_WARM:
		ml_cool_tell(&ev, &job->req.warm);
		break;
	default:
		ml_tell_step(&ev, compact->token, &compact->step);
	}
	events_put(&l->events, &ev);
}

/**
 * local_job_run - go on with a job, and tell of its end
 * @l: arena
 * @job: its first one
 *
 * Context: a worker that has the arena. Return: whether there is more to do.
 */
bool local_job_run(struct local *l, struct job *job)
{
	int err = 0;

	if (job_slice(l, job, &err))
		return true;
	job_tell(l, job, err);
	return false;
}

/* -------------------------------------------------------------- queue ---- */

static struct memlane_step job_nothing_done(const struct memlane_step *limits)
{
	return (struct memlane_step){ .max_bytes = limits->max_bytes, .max_ns = limits->max_ns };
}

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

static struct job *job_new(unsigned int cmd, u64 handles, u32 nr)
{
	struct job *job = calloc(1, sizeof(*job) + nr * sizeof(*job->handles));

	if (!job)
		return NULL;
	job->cmd = cmd;
	if (nr)
		memcpy(job->handles, (void *)(uintptr_t)handles, nr * sizeof(*job->handles));
	return job;
}

int local_queue_migrate(struct local *l, const struct memlane_migrate *req)
{
	struct job *job;

	if (!req->count || req->count > JOB_HANDLES || req->results)
		return -EINVAL;
	job = job_new(MEMLANE_CMD_MIGRATE, req->handles, req->count);
	if (!job)
		return -ENOMEM;
	job->req.migrate = *req;
	job->req.migrate.flags &= ~MEMLANE_ASYNC;
	job->req.migrate.step = job_nothing_done(&req->step);
	job->req.migrate.out_count = job->req.migrate.out_failed = 0;
	return job_queue(l, job);
}

int local_queue_compact(struct local *l, const struct memlane_compact *req)
{
	struct job *job = job_new(MEMLANE_CMD_COMPACT, 0, 0);

	if (!job)
		return -ENOMEM;
	job->req.compact = *req;
	job->req.compact.flags &= ~MEMLANE_ASYNC;
	job->req.compact.step = job_nothing_done(&req->step);
	job->lanes = req->lanes ? req->lanes & 3 : 3;
	job_begin_lane(job);
	return job_queue(l, job);
}

int local_queue_warm(struct local *l, const struct memlane_cool *req)
{
	struct job *job;

	if (!req->count || req->count > JOB_HANDLES || req->max_ns)
		return -EINVAL;
	if (req->flags & ~MEMLANE_ASYNC || req->__reserved)
		return -EOPNOTSUPP;
	job = job_new(MEMLANE_CMD_WARM, req->handles, req->count);
	if (!job)
		return -ENOMEM;
	job->req.warm = *req;
	job->req.warm.flags = 0;
	ml_cool_begin(&job->req.warm);
	return job_queue(l, job);
}
