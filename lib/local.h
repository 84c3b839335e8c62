/* SPDX-License-Identifier: MIT */
/*
 * local.h - an arena whose engine is in the process
 *
 * Locks: the engine's own; worker.lock of local_worker.c, which is taken last and never
 * held while the engine is called.
 */
#ifndef LIB_LOCAL_H
#define LIB_LOCAL_H

#include "core.h"
#include "local_event.h"

struct job;

/**
 * struct small - of an arena whose regions have no addresses of their own: see local_small.c
 * @zeros: the process's, in place of a table; immutable
 * @slot: where each is; atomic
 * @blocks: of the process's pool, with pages of all kinds; core.grow
 * @nr: how many
 * @used: pages of the last one
 */
struct small {
	void *zeros;
	void **slot;
	void **blocks;
	u32 nr;
	u32 used;
};

struct slab;

/**
 * struct heap - an arena's descriptors: see local_heap.c
 * @lock: protects the rest, and what is in the slabs' headers; nothing is taken under it
 * @slabs: the oldest first
 * @idle: pages that are to go back
 * @used: grains that are somebody's, in all slabs
 */
struct heap {
	pthread_mutex_t lock;
	struct slab *slabs;
	u32 idle;
	u64 used;
};

/* Calls that wait to be carried out, the first one first; worker.lock. */
struct jobs {
	struct job *first;
	struct job **last;
};

/**
 * struct tended - an arena as those see it that look after it; worker.lock
 * @node: of the tree of those that wait for their time
 * @due: that time, ns; 0: it is in no tree
 * @cycle: when its next cycle is due, ns; 0: not at all
 * @decay: when ml_decay() is to be called, ns; 0: not at all
 * @interval: ns between cycles
 * @last: of the last cycle; belongs to the worker while @busy
 * @jobs: calls; the first one belongs to the worker while @busy
 * @known: it is looked after
 * @busy: a worker has it
 * @paced: @interval was set while a cycle ran
 * @stop: it is about to end; atomic
 */
struct tended {
	struct rb_node node;
	uint64_t due;
	uint64_t cycle;
	uint64_t decay;
	uint64_t interval;
	struct ml_tended last;
	struct jobs jobs;
	bool known;
	bool busy;
	bool paced;
	bool stop;
};

/**
 * struct local - an arena of this process
 * @core: the engine; it has its own locks
 * @info: layout, immutable
 * @region: where shared regions are, immutable once made
 * @is_small: they have no addresses of their own, but the data area; immutable
 * @small: then
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
 * @heap: the engine's descriptors; it has a lock of its own
 * @metadata: bytes that zalloc() and share() gave; atomic
 * @made: so many indices from the first have their words in the engine's sight; atomic,
 *	only grows
 * @there: first and end of pages that populate() made last, none of which were
 *	given back since; core.lock
 * @events: they have a lock of their own
 * @tended: what workers know of it
 * @view_number: by which this process shows it; view.lock
 * @view_next: another one that is shown; view.lock
 */
struct local {
	struct ml_arena core;
	struct memlane_info info;
	void *region[MEMLANE_REGIONS];
	bool is_small;
	struct small small;
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
	struct heap heap;
	uint64_t metadata;
	uint32_t made;
	u64 there[2];
	struct events events;
	struct tended tended;
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

/* local_heap.c */
void local_heap_init(struct heap *heap);
void local_heap_exit(struct heap *heap);
void *local_heap_take(struct local *l, size_t size);
void local_heap_give(struct local *l, void *p, size_t size);

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
int local_worker_start(struct local *l);
void local_worker_decay(struct local *l, uint64_t ns);
void local_worker_pace(struct local *l, uint64_t ns);
void local_worker_add(struct local *l, struct job *job);
void local_worker_stop(struct local *l);

/* local_job.c; what is said of the queue: with worker.lock */
void local_jobs_init(struct jobs *jobs);
void local_jobs_add(struct jobs *jobs, struct job *job);
void local_jobs_pop(struct jobs *jobs);
bool local_job_run(struct local *l, struct job *job);
int local_queue_migrate(struct local *l, const struct memlane_migrate *req);
int local_queue_compact(struct local *l, const struct memlane_compact *req);
int local_queue_warm(struct local *l, const struct memlane_cool *req);

#endif /* LIB_LOCAL_H */
