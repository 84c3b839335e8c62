// SPDX-License-Identifier: MIT
/*
 * async.c - migrations in the background
 *
 * Each call has a thread of its own, which the arena counts and memlane_close()
 * waits for. tasks.lock protects the count alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "worker.h"

#define BATCH_MAX (1U << 20)

/* One call; the thread's own. */
struct task {
	struct memlane *m;
	enum memlane_lane lane;
	uint32_t nr;
	memlane_migrated_fn done;
	void *arg;
	memlane_handle handles[];
};

void tasks_init(struct tasks *t)
{
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->none, NULL);
}

static void tasks_add(struct tasks *t, int n)
{
	pthread_mutex_lock(&t->lock);
	t->nr += n;
	if (!t->nr)
		pthread_cond_broadcast(&t->none);
	pthread_mutex_unlock(&t->lock);
}

/* The arena is about to end; nobody starts anything any more. */
void tasks_wait(struct tasks *t)
{
	pthread_mutex_lock(&t->lock);
	while (t->nr)
		pthread_cond_wait(&t->none, &t->lock);
	pthread_mutex_unlock(&t->lock);
	pthread_cond_destroy(&t->none);
	pthread_mutex_destroy(&t->lock);
}

static void *run(void *arg)
{
	struct task *task = arg;
	struct memlane *m = task->m;
	int failed = memlane_migrate_batch(m, task->lane, task->handles, task->nr, NULL, NULL);

	if (task->done)
		task->done(task->arg, failed);
	free(task);
	tasks_add(&m->tasks, -1);
	return NULL;
}

static int start(struct task *task)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = worker_start(&thread, &attr, NULL, run, task);
	pthread_attr_destroy(&attr);
	return err;
}

int memlane_migrate_async(struct memlane *m, enum memlane_lane lane, const memlane_handle *handles, uint32_t nr,
			  memlane_migrated_fn done, void *arg)
{
	struct task *task;
	int err = arena_here(m);

	if (err)
		return err;
	if ((lane != MEMLANE_FAST && lane != MEMLANE_SLOW) || !nr || nr > BATCH_MAX)
		return -EINVAL;
	task = memory_new(sizeof(*task) + nr * sizeof(*handles));
	if (!task)
		return -ENOMEM;
	*task = (struct task){ .m = m, .lane = lane, .nr = nr, .done = done, .arg = arg };
	memcpy(task->handles, handles, nr * sizeof(*handles));
	tasks_add(&m->tasks, 1);
	err = start(task);
	if (err) {
		tasks_add(&m->tasks, -1);
		free(task);
	}
	return err;
}
