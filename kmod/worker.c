// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker.c - background maintenance of all arenas by a few workers of each user
 *
 * A cycle is what MEMLANE_IOCTL_MAINTAIN runs. One is due every so often, and when
 * the system is short of memory. Then the arena is put on its user's list, from where
 * runners take one after the other; so do queued calls. Runners are works of an unbound
 * queue of the user's own: there are as many workers as have something to do, however many
 * arenas there are, and a user has MEMLANE_RUNNERS at most, since a cycle may wait
 * for sections; nobody else waits for them.
 *
 * Nobody is charged for the time of kernel workers, so it is limited. A cycle that
 * left something to do is followed by another after a rest, several times what it
 * took except for waiting; and all that is done for a user's arenas keeps to the user's
 * share of a CPU: see user.c. Memory is charged to the cgroup that made the arena.
 *
 * An arena that is empty sleeps until something is put into it: where it has threads it is
 * seen at intervals that grow whether these died, and otherwise it takes no time at all.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "device.h"
#include "trace.h"

/* One cycle's bounds: what is left over waits for the next. */
#define CYCLE_BYTES	(16ULL << 20)
#define CYCLE_NS	(10ULL * NSEC_PER_MSEC)

/* An interval shorter than this is this. */
#define SHORTEST	NSEC_PER_MSEC
#define LONGEST		(KTIME_MAX / 2)
#define ASLEEP		(10ULL * NSEC_PER_SEC)	/* doubled each time, up to */
#define DEEPLY_ASLEEP	(3600ULL * NSEC_PER_SEC)

/* Runners of users who have no queue: for want of memory, or as too many have one. */
#define MOST_RUNNERS	64

/* Theirs; and where a runner looks whether its user has a queue by now. */
static struct workqueue_struct *queue;

static struct memlane_arena *arena_of(struct memlane_worker *worker)
{
	return container_of(worker, struct memlane_arena, worker);
}

/* ---------------------------------------------------------- the list */

static bool crew_is_being_made(struct memlane_user *user)
{
	return !completion_done(&user->crew->made);
}

static struct workqueue_struct *queue_of(struct memlane_user *user)
{
	return crew_is_being_made(user) || !user->crew->queue ? queue : user->crew->queue;
}

static void queue_runner(struct memlane_runner *runner, unsigned long delay)
{
	runner->queue = queue_of(runner->user);
	queue_delayed_work(runner->queue, &runner->work, delay);
}

static void start_runner(struct memlane_user *user, struct memlane_runner *runner)
{
	runner->active = true;
	queue_runner(runner, nsecs_to_jiffies(memlane_user_rest(user)));
}

/* Have one runner more, if there is one; those at work look at the list when they end. */
static void call_runner(struct memlane_user *user)
{
	int i;

	lockdep_assert_held(&user->lock);
	for (i = 0; i < MEMLANE_RUNNERS; i++)
		if (!user->runner[i].active) {
			start_runner(user, &user->runner[i]);
			return;
		}
}

/**
 * memlane_worker_wake - there is something to do for an arena
 * @arena: created, or about to be
 *
 * Context: any, timers too.
 */
void memlane_worker_wake(struct memlane_arena *arena)
{
	struct memlane_worker *worker = &arena->worker;
	struct memlane_user *user = arena->user;
	unsigned long flags;

	spin_lock_irqsave(&user->lock, flags);
	if (worker->runs) {
		worker->again = true;
	} else if (!worker->stopping && list_empty(&worker->list)) {
		list_add_tail(&worker->list, &user->ready);
		call_runner(user);
	}
	spin_unlock_irqrestore(&user->lock, flags);
}

static struct memlane_arena *runner_begin(struct memlane_runner *runner)
{
	struct memlane_user *user = runner->user;
	struct memlane_worker *worker;

	spin_lock_irq(&user->lock);
	worker = list_first_entry_or_null(&user->ready, struct memlane_worker, list);
	if (worker) {
		list_del_init(&worker->list);
		worker->runs = true;
		worker->again = false;
	} else {
		runner->active = false;
	}
	spin_unlock_irq(&user->lock);
	return worker ? arena_of(worker) : NULL;
}

/* The thread that stops the arena may free it as soon as the lock is dropped. */
static void runner_end(struct memlane_runner *runner, struct memlane_arena *arena, u64 took)
{
	struct memlane_worker *worker = &arena->worker;
	struct memlane_user *user = runner->user;

	spin_lock_irq(&user->lock);
	memlane_user_worked(user, took);
	worker->runs = false;
	if (worker->again && !worker->stopping)
		list_add_tail(&worker->list, &user->ready);
	if (worker->stopping)
		wake_up_var(&worker->runs);
	if (list_empty(&user->ready))
		runner->active = false;
	else
		start_runner(user, runner);
	spin_unlock_irq(&user->lock);
}

/* -------------------------------------------------------------- cycles */

static bool is_short(struct memlane_arena *arena)
{
	return READ_ONCE(arena->core.policy.wanted);
}

/* The system's shortage does not wait for an interval. */
static void worker_hurry(struct memlane_arena *arena)
{
	struct memlane_worker *worker = &arena->worker;

	if (is_short(arena))
		worker->due = max_t(u64, worker->last.rested, 1);
}

static u64 interval_of(struct memlane_arena *arena)
{
	struct memlane_worker *worker = &arena->worker;
	u64 interval = clamp_t(u64, READ_ONCE(worker->interval), SHORTEST, LONGEST);

	/* Pairs with memlane_worker_stir(): a thread that binds an object sees that we sleep. */
	smp_store_mb(worker->asleep, true);
	if (READ_ONCE(arena->core.table.bound)) {
		WRITE_ONCE(worker->asleep, false);
		worker->nap = 0;
		return interval;
	}
	/* Who registers from now on may die unseen, until somebody wants the slot. */
	if (!READ_ONCE(arena->core.slots.used))
		return LONGEST;
	worker->nap = clamp_t(u64, 2 * worker->nap, ASLEEP, DEEPLY_ASLEEP);
	return max(interval, worker->nap);
}

/* A cycle begins to count at @now. */
static void worker_set_due(struct memlane_arena *arena, u64 now)
{
	struct memlane_worker *worker = &arena->worker;

	if (worker->last.more)
		worker->due = worker->last.rested;
	else if (READ_ONCE(worker->interval))
		worker->due = max(worker->last.rested, now + interval_of(arena));
	else
		worker->due = 0;
}

static void worker_run_when_due(struct memlane_arena *arena)
{
	struct memlane_step step = { .max_bytes = CYCLE_BYTES, .max_ns = CYCLE_NS };
	struct memlane_worker *worker = &arena->worker;
	u64 begun = ktime_get_ns();
	int err;

	if (!worker->due || begun < worker->due)
		return;
	err = ml_tend(&arena->core, &step, &worker->last);
	trace_memlane_maintain(arena->id, &step, err);
	worker_set_due(arena, begun);
}

/* While pages are kept the engine does not call ml_ops.later(): nobody else writes @decay. */
static void worker_decay(struct memlane_arena *arena)
{
	struct memlane_worker *worker = &arena->worker;
	u64 due = READ_ONCE(worker->decay), ns;

	if (!due || ktime_get_ns() < due)
		return;
	WRITE_ONCE(worker->decay, 0);
	ns = ml_decay(&arena->core);
	if (ns)
		WRITE_ONCE(worker->decay, ktime_get_ns() + ns);
}

/* What comes next comes by itself. */
static void worker_set_timer(struct memlane_arena *arena)
{
	struct memlane_worker *worker = &arena->worker;
	u64 now = ktime_get_ns(), decay = READ_ONCE(worker->decay);
	u64 due = min_not_zero(worker->due, decay), left;

	if (memlane_queue_pending(&arena->queue))
		memlane_worker_wake(arena);
	if (!due)
		return;
	left = due - min(due, now);
	mod_timer(&worker->timer, jiffies + min_t(u64, nsecs_to_jiffies64(left) + 1, MAX_JIFFY_OFFSET));
}

static void worker_tend(struct memlane_arena *arena)
{
	struct memlane_worker *worker = &arena->worker;
	struct mem_cgroup *memcg = set_active_memcg(worker->memcg);

	if (READ_ONCE(arena->pages.cold.untold))
		ml_tell_lost(&arena->core);
	memlane_queue_run(arena);
	if (READ_ONCE(worker->paced)) {
		WRITE_ONCE(worker->paced, false);
		worker->last.more = false;
		worker_set_due(arena, ktime_get_ns());
	}
	worker_hurry(arena);
	worker_run_when_due(arena);
	worker_decay(arena);
	worker_hurry(arena);
	worker_set_timer(arena);
	set_active_memcg(memcg);
}

/* Work is done by the user's own workers. A queue is made in a moment. */
static bool is_astray(struct memlane_runner *runner)
{
	if (runner->queue == queue_of(runner->user) && !crew_is_being_made(runner->user))
		return false;
	queue_runner(runner, 1);
	return true;
}

static void runner_run(struct work_struct *work)
{
	struct memlane_runner *runner = container_of(work, struct memlane_runner, work.work);
	u64 begun = ktime_get_ns(), waited, took;
	struct memlane_arena *arena;

	if (is_astray(runner))
		return;
	arena = runner_begin(runner);
	if (!arena)
		return;
	waited = READ_ONCE(arena->core.waited);
	if (READ_ONCE(arena->orphaned))
		memlane_orphan_tend(arena);
	else
		worker_tend(arena);
	took = ktime_get_ns() - begun;
	runner_end(runner, arena, took - min(took, READ_ONCE(arena->core.waited) - waited));
}

static void time_is_up(struct timer_list *timer)
{
	memlane_worker_wake(arena_of(container_of(timer, struct memlane_worker, timer)));
}

/* ------------------------------------------------------------ from outside */

/**
 * memlane_worker_pace - change how often an arena is tended
 * @arena: created
 * @interval: ns between cycles; 0: none
 *
 * Context: arena.setup.
 */
void memlane_worker_pace(struct memlane_arena *arena, u64 interval)
{
	WRITE_ONCE(arena->worker.interval, interval);
	WRITE_ONCE(arena->worker.paced, true);
	memlane_worker_wake(arena);
}

/**
 * memlane_worker_stir - something may have been put into an arena
 * @arena: created
 */
void memlane_worker_stir(struct memlane_arena *arena)
{
	struct memlane_worker *worker = &arena->worker;

	/* What was bound comes before the look at who sleeps: pairs with interval_of(). */
	smp_mb();
	if (!READ_ONCE(worker->asleep) || !READ_ONCE(arena->core.table.bound))
		return;
	WRITE_ONCE(worker->asleep, false);
	memlane_worker_pace(arena, READ_ONCE(worker->interval));
}

/**
 * memlane_worker_decay - pages are kept from now on
 * @arena: that is not being stopped
 * @ns: when the first are to go
 *
 * Context: core.lock. Called again when all have gone.
 */
void memlane_worker_decay(struct memlane_arena *arena, u64 ns)
{
	lockdep_assert_held(&arena->core.lock);
	WRITE_ONCE(arena->worker.decay, ktime_get_ns() + ns);
	memlane_worker_wake(arena);
}

/**
 * memlane_worker_hurry - have an arena give memory back
 * @arena: that is not being stopped
 * @pages: that are wanted
 *
 * Context: any.
 */
void memlane_worker_hurry(struct memlane_arena *arena, u64 pages)
{
	ml_short_of_memory(&arena->core, pages);
	memlane_worker_wake(arena);
}

bool memlane_worker_stopping(const struct memlane_arena *arena)
{
	return READ_ONCE(arena->worker.stopping);
}

/**
 * memlane_worker_init - an arena that is not tended yet
 * @arena: to be created, by the caller, whose memory cgroup pays
 */
void memlane_worker_init(struct memlane_arena *arena)
{
	struct memlane_worker *worker = &arena->worker;

	INIT_LIST_HEAD(&worker->list);
	timer_setup(&worker->timer, time_is_up, 0);
	worker->memcg = get_mem_cgroup_from_mm(current->mm);
}

/**
 * memlane_worker_stop - an arena is not tended any more
 * @arena: nobody else uses it any more
 *
 * A cycle under way ends early: its sleeps, and what is long, see @stopping.
 */
void memlane_worker_stop(struct memlane_arena *arena)
{
	struct memlane_worker *worker = &arena->worker;
	struct memlane_user *user = arena->user;

	spin_lock_irq(&user->lock);
	WRITE_ONCE(worker->stopping, true);
	list_del_init(&worker->list);
	spin_unlock_irq(&user->lock);
	wait_var_event(&worker->runs, !READ_ONCE(worker->runs));
	/* Who woke us has the lock still. */
	spin_lock_irq(&user->lock);
	spin_unlock_irq(&user->lock);
	memlane_timer_stop(&worker->timer);
	mem_cgroup_put(worker->memcg);
}

void memlane_runners_init(struct memlane_user *user)
{
	int i;

	for (i = 0; i < MEMLANE_RUNNERS; i++) {
		user->runner[i].user = user;
		INIT_DELAYED_WORK(&user->runner[i].work, runner_run);
	}
}

/* No arena is left, so the runners that are queued or at work have nothing to do. */
void memlane_runners_exit(struct memlane_user *user)
{
	int i;

	for (i = 0; i < MEMLANE_RUNNERS; i++)
		cancel_delayed_work_sync(&user->runner[i].work);
}

int memlane_workers_init(void)
{
	queue = alloc_workqueue("memlane", WQ_UNBOUND | WQ_MEM_RECLAIM, MOST_RUNNERS);
	return queue ? 0 : -ENOMEM;
}

void memlane_workers_exit(void)
{
	destroy_workqueue(queue);
}
