// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker.c - background maintenance of one arena
 *
 * A named thread, "memlane/ID", runs what MEMLANE_IOCTL_MAINTAIN runs, every so
 * often. Its allocations are charged to the memory cgroup of whoever set the
 * interval first. It lives until the file is released.
 */
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>

#include "device.h"
#include "trace.h"

/* One cycle's bounds: what is left over waits for the next. */
#define CYCLE_BYTES	(16ULL << 20)
#define CYCLE_NS	(10ULL * NSEC_PER_MSEC)

/* An interval shorter than this is this: the thread is not the program's to burn. */
#define SHORTEST	NSEC_PER_MSEC
#define LONGEST		(KTIME_MAX / 2)

static void run_cycle(struct memlane_arena *arena)
{
	struct memlane_maintain req = {
		.size = sizeof(req),
		.step = { .max_bytes = CYCLE_BYTES, .max_ns = CYCLE_NS },
	};
	int err = ml_maintain(&arena->core, &req);

	trace_memlane_maintain(arena->id, &req.step, err);
}

/* Sleep for one interval. True: it is over; false: woken before. */
static bool nap(struct memlane_arena *arena)
{
	struct memlane_worker *worker = &arena->worker;
	ktime_t expires;
	u64 interval;
	int early = -EINTR;

	/* Whoever changes the interval, adds a job, or stops us, wakes us after that. */
	set_current_state(TASK_IDLE);
	interval = READ_ONCE(worker->interval);
	expires = ns_to_ktime(clamp_t(u64, interval, SHORTEST, LONGEST));
	if (!kthread_should_stop() && !memlane_queue_pending(&arena->queue))
		early = schedule_hrtimeout_range(interval ? &expires : NULL, SHORTEST / 8,
						 HRTIMER_MODE_REL);
	__set_current_state(TASK_RUNNING);
	return !early;
}

static int work(void *data)
{
	struct memlane_arena *arena = data;

	set_active_memcg(arena->worker.memcg);
	while (!kthread_should_stop()) {
		memlane_queue_run(arena);
		if (nap(arena))
			run_cycle(arena);
	}
	return 0;
}

/**
 * memlane_worker_start - have a thread, if there is none yet
 * @arena: created
 *
 * Context: arena.setup.
 * Return: 0 or -errno.
 */
int memlane_worker_start(struct memlane_arena *arena)
{
	struct memlane_worker *worker = &arena->worker;
	struct task_struct *task;

	if (worker->task)
		return 0;
	worker->memcg = get_mem_cgroup_from_mm(current->mm);
	task = kthread_run(work, arena, "memlane/%u", arena->id);
	if (IS_ERR(task)) {
		mem_cgroup_put(worker->memcg);
		return PTR_ERR(task);
	}
	worker->task = task;
	return 0;
}

/**
 * memlane_worker_pace - change how often the thread works
 * @arena: created
 * @interval: ns between cycles; 0: none
 *
 * Context: arena.setup.
 */
void memlane_worker_pace(struct memlane_arena *arena, u64 interval)
{
	WRITE_ONCE(arena->worker.interval, interval);
	if (arena->worker.task)
		wake_up_process(arena->worker.task);
}

/**
 * memlane_worker_stop - end the thread and wait for it
 * @arena: nobody else uses it any more
 *
 * A cycle under way ends early: its sleeps see that the thread should stop.
 */
void memlane_worker_stop(struct memlane_arena *arena)
{
	struct memlane_worker *worker = &arena->worker;

	if (!worker->task)
		return;
	kthread_stop(worker->task);
	mem_cgroup_put(worker->memcg);
	worker->task = NULL;
}
