/* SPDX-License-Identifier: GPL-2.0-only */
/* worker.h - background maintenance of one arena */
#ifndef MEMLANE_WORKER_H
#define MEMLANE_WORKER_H

#include <linux/types.h>

struct mem_cgroup;
struct memlane_arena;
struct task_struct;

/**
 * struct memlane_worker - the arena's own thread
 * @task: NULL until an interval was set; arena.setup
 * @memcg: pays for what the thread allocates; immutable once @task runs
 * @interval: ns between cycles; 0: none; written before @task is woken
 * @paced: @interval was changed, which @task has not seen yet
 */
struct memlane_worker {
	struct task_struct *task;
	struct mem_cgroup *memcg;
	u64 interval;
	bool paced;
};

int memlane_worker_start(struct memlane_arena *arena);
void memlane_worker_pace(struct memlane_arena *arena, u64 interval);
bool memlane_worker_runs(const struct memlane_arena *arena);
void memlane_worker_hurry(struct memlane_arena *arena, u64 pages);
void memlane_worker_stop(struct memlane_arena *arena);

#endif /* MEMLANE_WORKER_H */
