/* SPDX-License-Identifier: MIT */
/*
 * local.h - an arena whose engine is in the process
 *
 * Locks: local.lock for the thread alone, never held while the engine is called;
 * the engine's own.
 */
#ifndef LIB_LOCAL_H
#define LIB_LOCAL_H

#include <pthread.h>

#include "core.h"
#include "local_event.h"

struct job;

/**
 * struct local - an arena of this process
 * @core: the engine; it has its own locks
 * @info: layout, immutable
 * @region: where shared regions are, immutable once made
 * @open: pages of each from the start that may be written; core.grow
 * @data: the data area, immutable
 * @chunk: of the data area: see local_pages.c; core.lock
 * @resident: pages of each lane, when they were counted last, less what was given back
 *	since; core.lock
 * @hides: pages that are committed no more are not accessible, immutable
 * @dumped: core dumps have what objects hold, immutable
 * @ops: where objects are told to @tool; immutable
 * @tool: objects are told to it: see memtool.c; or NULL, immutable
 * @tid: thread of each slot, or 0; atomic
 * @calls: made by the program; atomic
 * @movers: calls that have arena.mover, or wait for it; atomic
 * @metadata: bytes that zalloc() and share() gave; atomic
 * @made: so many indices from the first have their words in the engine's sight; atomic,
 *	only grows
 * @there: first and end of pages that populate() made last, none of which were
 *	given back since; core.lock
 * @events: they have a lock of their own
 * @lock: protects the rest
 * @wake: a change of the rest
 * @interval: ns between cycles
 * @decay_due: when ml_decay() is to be called, ns; 0: not at all
 * @paced: it was changed, which the thread has not seen yet
 * @stop: the thread is to end
 * @running: there is a thread
 * @jobs: the first that waits
 * @last_job: where the next goes
 * @thread: runs the maintenance cycle
 * @view_number: by which this process shows it; view.lock
 * @view_next: another one that is shown; view.lock
 */
struct local {
	struct ml_arena core;
	struct memlane_info info;
	void *region[MEMLANE_REGIONS];
	u64 open[MEMLANE_REGIONS];
	unsigned char *data;
	struct ml_vec chunk;
	u64 resident[MEMLANE_LANES];
	bool hides;
	bool dumped;
	struct ml_ops ops;
	struct memtool *tool;
	pid_t *tid;
	uint64_t calls;
	uint32_t movers;
	uint64_t metadata;
	uint32_t made;
	u64 there[2];
	struct events events;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t interval;
	uint64_t decay_due;
	bool paced;
	bool stop;
	bool running;
	struct job *jobs;
	struct job **last_job;
	pthread_t thread;
	unsigned int view_number;
	struct local *view_next;
};

static inline struct local *local_of(struct ml_arena *a)
{
	return container_of(a, struct local, core);
}

/* local_ops.c */
extern const struct ml_ops local_ops;
const struct ml_ops *local_ops_tell(struct ml_ops *own);
int local_membarrier(int cmd);

/* local_pages.c; with core.lock unless they say otherwise, as struct ml_ops has them */
int local_pages_init(struct local *l);
void local_pages_exit(struct local *l);
int local_pages_commit(struct local *l, u64 page, u64 nr);
int local_pages_populate(struct local *l, u64 page, u64 nr);
u64 local_pages_decommit(struct local *l, u64 page, u64 nr);
void local_pages_remap(struct local *l, u64 to, u64 from, u64 nr);
u64 local_pages_exist(struct local *l, u64 page, u64 nr);
u64 local_pages_resident(struct local *l, u64 page, u64 nr);
void local_pages_count(struct local *l);

/* local_worker.c */
void local_worker_init(struct local *l);
void local_worker_exit(struct local *l);
int local_worker_start(struct local *l);
void local_worker_decay(struct local *l, uint64_t ns);
void local_worker_pace(struct local *l, uint64_t ns);
void local_worker_stop(struct local *l);
int local_queue_migrate(struct local *l, const struct memlane_migrate *req);
int local_queue_compact(struct local *l, const struct memlane_compact *req);

#endif /* LIB_LOCAL_H */
