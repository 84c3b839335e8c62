/* SPDX-License-Identifier: GPL-2.0-only */
/* queue.h - calls that are carried out in the background */
#ifndef MEMLANE_QUEUE_H
#define MEMLANE_QUEUE_H

#include <linux/list.h>
#include <linux/spinlock.h>

#include "core/core.h"

struct memlane_arena;

enum memlane_job_kind {
	MEMLANE_JOB_COMPACT,
	MEMLANE_JOB_MIGRATE,
	MEMLANE_JOB_WARM,
};

/**
 * struct memlane_job - one call
 * @list: in the queue, until its end; @req and what follows are the runner's there
 * @kind: which of @req
 * @lanes: bit set: still to be compacted
 * @sliced: of the one that is being compacted
 * @req: the request, with the results so far
 * @room: for handles
 * @handles: of MIGRATE and WARM
 */
struct memlane_job {
	struct list_head list;
	enum memlane_job_kind kind;
	u32 lanes;
	struct ml_sliced sliced;
	u32 room;
	union {
		struct memlane_compact compact;
		struct memlane_migrate migrate;
		struct memlane_cool warm;
	} req;
	u64 handles[];
};

/* Calls that wait; @lock protects all of it. */
struct memlane_queue {
	spinlock_t lock;
	struct list_head jobs;
	u32 nr;
};

void memlane_queue_init(struct memlane_queue *queue);
void memlane_queue_exit(struct memlane_arena *arena);
struct memlane_job *memlane_job_new(struct memlane_arena *arena, u32 handles);
void memlane_job_free(struct memlane_arena *arena, struct memlane_job *job);
int memlane_queue_add(struct memlane_arena *arena, struct memlane_job *job);
bool memlane_queue_pending(struct memlane_queue *queue);
void memlane_queue_run(struct memlane_arena *arena);

#endif /* MEMLANE_QUEUE_H */
