/* SPDX-License-Identifier: GPL-2.0-only */
/* queue.h - calls that are carried out in the background */
#ifndef MEMLANE_QUEUE_H
#define MEMLANE_QUEUE_H

#include <linux/list.h>
#include <linux/spinlock.h>

#include "core/job.h"

struct memlane_arena;

/**
 * struct memlane_job - one call
 * @list: in the queue, until its end; @call and what follows are the runner's there
 * @call: what is to be done
 * @room: for handles
 * @handles: of MIGRATE and WARM
 */
struct memlane_job {
	struct list_head list;
	struct ml_job call;
	u32 room;
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
