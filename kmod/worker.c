// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker.c - background maintenance of one arena
 *
 * A named thread, "memlane/ID", runs what MEMLANE_IOCTL_MAINTAIN runs, every so
 * often, and when the system is short of memory. A cycle is short; one that left
 * something to do is followed by another after a rest: several times what it took,
 * but for waiting. So a program cannot have the thread, whose time nobody is charged
 * for, burn more than a tenth of a CPU with cycles. Its allocations are charged to the
 * memory cgroup of whoever set the interval first. It lives until the file is released.
 */
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>

#include "device.h"
#include "trace.h"

/* One cycle's bounds: what is left over waits for the next. */
#define CYCLE_BYTES	(16ULL << 20)
#define CYCLE_NS	(10ULL * NSEC_PER_MSEC)

/* An interval shorter than this is this. */
#define SHORTEST	NSEC_PER_MSEC
#define LONGEST		(KTIME_MAX / 2)

static bool is_short(struct memlane_arena *arena)
{
	return READ_ONCE(arena->core.policy.wanted);
}

/* Sleep until @due, which is 0 for ever; less if something is new. */
static void nap(struct memlane_arena *arena, u64 due, bool was_short)
{
	ktime_t expires = ns_to_ktime(due);

	/* Whoever has something new for us, or stops us, wakes us after that. */
	set_current_state(TASK_IDLE);
	if (!kthread_should_stop() && !memlane_queue_pending(&arena->queue) &&
	    !READ_ONCE(arena->worker.paced) && is_short(arena) == was_short)
		schedule_hrtimeout_range(due ? &expires : NULL, SHORTEST / 8, HRTIMER_MODE_ABS);
	__set_current_state(TASK_RUNNING);
}

/**
 * struct plan - when to run cycles next
 * @due: the next cycle, ns; 0: never
 * @last: how the last one ended
 */
struct plan {
	u64 due;
	struct ml_tended last;
};

/* A cycle begins to count at @now. */
static void set_due(struct memlane_arena *arena, struct plan *plan, u64 now)
{
	u64 interval = READ_ONCE(arena->worker.interval);

	if (plan->last.more)
		plan->due = plan->last.rested;
	else if (interval)
		plan->due = max(plan->last.rested, now + clamp_t(u64, interval, SHORTEST, LONGEST));
	else
		plan->due = 0;
}

static void run_when_due(struct memlane_arena *arena, struct plan *plan)
{
	struct memlane_step step = { .max_bytes = CYCLE_BYTES, .max_ns = CYCLE_NS };
	u64 begun = ktime_get_ns();
	int err;

	if (!plan->due || begun < plan->due)
		return;
	err = ml_tend(&arena->core, &step, &plan->last);
	trace_memlane_maintain(arena->id, &step, err);
	set_due(arena, plan, begun);
}

/* Return: whether the system is short of memory; there is no wait for an interval then. */
static bool hurry(struct memlane_arena *arena, struct plan *plan)
{
	bool is = is_short(arena);

	if (is)
		plan->due = max_t(u64, plan->last.rested, 1);
	return is;
}

static int work(void *data)
{
	struct memlane_arena *arena = data;
	struct plan plan = { };
	bool was_short;

	set_active_memcg(arena->worker.memcg);
	while (!kthread_should_stop()) {
		memlane_queue_run(arena);
		if (READ_ONCE(arena->worker.paced)) {
			WRITE_ONCE(arena->worker.paced, false);
			plan.last.more = false;
			set_due(arena, &plan, ktime_get_ns());
		}
		hurry(arena, &plan);
		run_when_due(arena, &plan);
		/* Who asks from here on, the nap sees. */
		was_short = hurry(arena, &plan);
		nap(arena, plan.due, was_short);
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
	/* Pairs with memlane_worker_runs(). */
	smp_store_release(&worker->task, task);
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
	WRITE_ONCE(arena->worker.paced, true);
	if (arena->worker.task)
		wake_up_process(arena->worker.task);
}

/**
 * memlane_worker_runs - is there a thread?
 * @arena: created
 */
bool memlane_worker_runs(const struct memlane_arena *arena)
{
	/* Pairs with the release in memlane_worker_start(). */
	return smp_load_acquire(&arena->worker.task);
}

/**
 * memlane_worker_hurry - have the thread give memory back
 * @arena: whose thread runs, and is not being stopped
 * @pages: that are wanted
 *
 * Context: any.
 */
void memlane_worker_hurry(struct memlane_arena *arena, u64 pages)
{
	ml_short_of_memory(&arena->core, pages);
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
