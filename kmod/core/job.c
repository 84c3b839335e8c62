// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * job.c - calls that are carried out in the background
 *
 * Each is carried out by slices, however large it is: between two of them its thread
 * may rest, or let another arena have its turn. A backend keeps the jobs that wait, and the
 * handles of each.
 */
#include <linux/minmax.h>

#include "job.h"
#include "piece.h"

#define SLICE_BYTES	(16ULL << 20)
#define SLICE_NS	10000000ULL
#define SLICE_HANDLES	256U

/* ------------------------------------------------------------- begin */

static struct memlane_step nothing_done(const struct memlane_step *limits)
{
	return (struct memlane_step) {
		.max_bytes = limits->max_bytes, .max_ns = limits->max_ns,
	};
}

/* Calls without limits look at everything; others go on where the last one ended. */
static void begin_lane(struct ml_job *job)
{
	const struct memlane_step *step = &job->req.compact.step;

	job->sliced = (struct ml_sliced) { .anew = !step->max_bytes && !step->max_ns };
}

/**
 * ml_job_compact - make a job of a compaction
 * @job: to be filled in
 * @req: what was asked for
 */
void ml_job_compact(struct ml_job *job, const struct memlane_compact *req)
{
	job->kind = ML_JOB_COMPACT;
	job->req.compact = *req;
	job->req.compact.flags &= ~MEMLANE_ASYNC;
	job->req.compact.step = nothing_done(&req->step);
	job->lanes = req->lanes ? req->lanes : 3;
	begin_lane(job);
}

/**
 * ml_job_migrate - make a job of a migration
 * @job: to be filled in
 * @req: what was asked for
 */
void ml_job_migrate(struct ml_job *job, const struct memlane_migrate *req)
{
	job->kind = ML_JOB_MIGRATE;
	job->req.migrate = *req;
	job->req.migrate.flags &= ~MEMLANE_ASYNC;
	job->req.migrate.step = nothing_done(&req->step);
	job->req.migrate.out_count = 0;
	job->req.migrate.out_failed = 0;
}

/**
 * ml_job_warm - make a job of bringing objects back
 * @job: to be filled in
 * @req: what was asked for
 */
void ml_job_warm(struct ml_job *job, const struct memlane_cool *req)
{
	job->kind = ML_JOB_WARM;
	job->req.warm = *req;
	job->req.warm.flags = 0;
	ml_cool_begin(&job->req.warm);
}

/**
 * ml_job_check_warm - whether that can be a job
 * @req: what was asked for
 *
 * Return: 0, -EINVAL or -EOPNOTSUPP.
 */
int ml_job_check_warm(const struct memlane_cool *req)
{
	if (!req->count || req->count > ML_JOB_HANDLES || req->max_ns)
		return -EINVAL;
	return req->flags & ~MEMLANE_ASYNC || req->__reserved ? -EOPNOTSUPP : 0;
}

/* ------------------------------------------------------------- slices */

/* 0 is no limit. */
static u64 lower_limit(u64 limit, u64 most)
{
	return limit ? min(limit, most) : most;
}

/* The limits of the next slice; false: those of the call are used up. */
static bool slice_of(struct memlane_step *sum, struct memlane_step *slice)
{
	if (!ml_piece_limits(sum, slice)) {
		sum->out_more = 1;
		return false;
	}
	slice->max_bytes = lower_limit(slice->max_bytes, SLICE_BYTES);
	return true;
}

/*
 * What has not begun when its time is up is not done at all, so a migration is cut by
 * handles, and has no time but that of the call.
 */
static bool migrate_slice(struct ml_arena *a, struct ml_job *job, const u64 *handles, int *err)
{
	struct memlane_migrate *req = &job->req.migrate, slice = *req;

	if (!slice_of(&req->step, &slice.step))
		return false;
	slice.count = min(req->count - req->out_count, SLICE_HANDLES);
	*err = ml_migrate_slice(a, &slice, handles + req->out_count);
	ml_piece_add(&req->step, &slice.step);
	req->out_count += slice.out_count;
	req->out_failed += slice.out_failed;
	req->step.out_more = req->out_count < req->count;
	return !*err && req->step.out_more;
}

/* A lane that is done gives way to the next one, which is looked at as that was. */
static bool next_lane(struct ml_job *job)
{
	job->lanes &= job->lanes - 1;
	begin_lane(job);
	return job->lanes;
}

static bool compact_slice(struct ml_arena *a, struct ml_job *job, int *err)
{
	struct memlane_compact *req = &job->req.compact, slice = *req;

	if (!slice_of(&req->step, &slice.step))
		return false;
	slice.step.max_ns = lower_limit(slice.step.max_ns, SLICE_NS);
	if (req->lanes <= 3)	/* what is more is refused */
		slice.lanes = job->lanes & -job->lanes;
	*err = ml_compact_slice(a, &slice, &job->sliced);
	ml_piece_add(&req->step, &slice.step);
	if (*err)
		return false;
	return req->step.out_more || next_lane(job);
}

static bool warm_slice(struct ml_arena *a, struct ml_job *job, const u64 *handles, int *err)
{
	struct memlane_cool *req = &job->req.warm, slice = *req;

	slice.count = min(req->count - req->out_count, SLICE_HANDLES);
	slice.max_ns = SLICE_NS;
	*err = ml_warm(a, &slice, handles + req->out_count);
	ml_cool_add(req, &slice);
	return !*err && req->out_count < req->count;
}

/**
 * ml_job_slice - go on with a job
 * @a: arena
 * @job: which nobody else runs
 * @handles: of MIGRATE and WARM
 * @err: 0, or why it has ended early
 *
 * Return: whether there is more to do.
 */
bool ml_job_slice(struct ml_arena *a, struct ml_job *job, const u64 *handles, int *err)
{
	*err = 0;
	switch (job->kind) {
	case ML_JOB_COMPACT:
		return compact_slice(a, job, err);
	case ML_JOB_MIGRATE:
		return migrate_slice(a, job, handles, err);
	case ML_JOB_WARM:
		return warm_slice(a, job, handles, err);
	}
	return false;
}

/**
 * ml_job_tell - the end of a job
 * @job: that has ended
 * @err: what ml_job_slice() said
 * @event: becomes MEMLANE_EVENT_DONE
 */
void ml_job_tell(const struct ml_job *job, int err, struct memlane_event *event)
{
	const struct memlane_compact *compact = &job->req.compact;
	const struct memlane_migrate *migrate = &job->req.migrate;

	*event = (struct memlane_event) { .type = MEMLANE_EVENT_DONE, .result = err };
	switch (job->kind) {
	case ML_JOB_COMPACT:
		ml_tell_step(event, compact->token, &compact->step);
		break;
	case ML_JOB_MIGRATE:
		ml_tell_step(event, migrate->token, &migrate->step);
		event->failed = migrate->out_failed + (migrate->count - migrate->out_count);
		break;
	case ML_JOB_WARM:
		ml_cool_tell(event, &job->req.warm);
		break;
	}
}
