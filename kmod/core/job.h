/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* job.h - a call that is carried out in the background, by slices */
#ifndef ML_JOB_H
#define ML_JOB_H

#include "core.h"

#define ML_JOB_HANDLES	4096U	/* most handles of one */

enum ml_job_kind {
	ML_JOB_COMPACT,
	ML_JOB_MIGRATE,
	ML_JOB_WARM,
};

/**
 * struct ml_job - one call
 * @kind: which of @req
 * @lanes: of COMPACT, bit set: still to be compacted
 * @sliced: of the one that is being compacted
 * @req: the request, with the results so far
 */
struct ml_job {
	enum ml_job_kind kind;
	u32 lanes;
	struct ml_sliced sliced;
	union {
		struct memlane_compact compact;
		struct memlane_migrate migrate;
		struct memlane_cool warm;
	} req;
};

void ml_job_compact(struct ml_job *job, const struct memlane_compact *req);
void ml_job_migrate(struct ml_job *job, const struct memlane_migrate *req);
void ml_job_warm(struct ml_job *job, const struct memlane_cool *req);
int ml_job_check_warm(const struct memlane_cool *req);
bool ml_job_slice(struct ml_arena *a, struct ml_job *job, const u64 *handles, int *err);
void ml_job_tell(const struct ml_job *job, int err, struct memlane_event *event);

#endif /* ML_JOB_H */
