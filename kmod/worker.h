/* SPDX-License-Identifier: GPL-2.0-only */
/* worker.h - background maintenance */
#ifndef MEMLANE_WORKER_H
#define MEMLANE_WORKER_H

#include <linux/list.h>
#include <linux/timer.h>
#include <linux/types.h>

#include "core/core.h"

struct mem_cgroup;
struct memlane_arena;
struct memlane_user;

/**
 * struct memlane_worker - an arena's place among those that are tended
 * @list: in user.ready, or empty; user.lock, as are the next three
 * @runs: a runner has the arena
 * @again: it is wanted again since
 * @stopping: it is not tended any more
 * @timer: makes it ready when @due
 * @memcg: pays for what is allocated in the background; immutable
 * @interval: ns between cycles; 0: none
 * @paced: @interval was changed since the last cycle
 * @asleep: the arena is empty; cleared by the thread that puts something in
 * @nap: how long it sleeps, ns; the runner's, as are the next two
 * @due: the next cycle, ns; 0: never
 * @last: how the last one ended
 * @decay: when the first of the pages that are kept are to go, ns; 0: none are. The
 *	runner's, and of who keeps the first ones
 */
struct memlane_worker {
	struct list_head list;
	bool runs;
	bool again;
	bool stopping;
	struct timer_list timer;
	struct mem_cgroup *memcg;
	u64 interval;
	bool paced;
	bool asleep;
	u64 nap;
	u64 due;
	struct ml_tended last;
	u64 decay;
};

int memlane_workers_init(void);
void memlane_workers_exit(void);
void memlane_runners_init(struct memlane_user *user);
void memlane_runners_exit(struct memlane_user *user);

void memlane_worker_init(struct memlane_arena *arena);
void memlane_worker_wake(struct memlane_arena *arena);
void memlane_worker_pace(struct memlane_arena *arena, u64 interval);
void memlane_worker_stir(struct memlane_arena *arena);
void memlane_worker_decay(struct memlane_arena *arena, u64 ns);
void memlane_worker_hurry(struct memlane_arena *arena, u64 pages);
bool memlane_worker_stopping(const struct memlane_arena *arena);
void memlane_worker_stop(struct memlane_arena *arena);

#endif /* MEMLANE_WORKER_H */
