/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* step.h - a bounded piece of moving: limits, progress, results */
#ifndef ML_STEP_H
#define ML_STEP_H

#include "core.h"

/* Of one call that moves objects; the holder of arena.mover owns it. */
struct ml_step {
	struct memlane_step *req;
	struct memlane_counts was;
	u64 start;
	u64 max_bytes;	/* limits in force: those of @req, or a share of them */
	u64 max_ns;
	u64 waited;	/* arena.waited when it began */
	u64 taken;	/* pages of spans that were made for what is left of a class */
	bool patient;	/* the time that it waits for sections does not count */
	/* Of the part that is under way: */
	bool begun;	/* it has had its first batch, which it gets in any case */
	bool cut;	/* it was to look no further */
	unsigned int looks;	/* of compaction, at spans and blobs */
	int err;
};

int ml_step_begin(struct ml_arena *a, struct ml_step *s, struct memlane_step *req);
int ml_step_end(struct ml_arena *a, struct ml_step *s);
void ml_step_share(struct ml_step *s, unsigned int quarters);
u64 ml_step_deadline(const struct ml_arena *a, const struct ml_step *s);
bool ml_step_late(struct ml_arena *a, struct ml_step *s);
bool ml_step_look(struct ml_arena *a, struct ml_step *s);
bool ml_step_next(struct ml_arena *a, struct ml_step *s);
bool ml_step_run(struct ml_arena *a, struct ml_step *s);

#endif /* ML_STEP_H */
