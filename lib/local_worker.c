// SPDX-License-Identifier: MIT
/* local_worker.c - the thread of an arena in the process: cycles, and queued calls */
#include <errno.h>
#include <linux/minmax.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "local.h"
#include "worker.h"

#define CYCLE_NS    2000000 /* of the background cycle: one step */
#define CYCLE_BYTES (4U << 20)
#define SHORTEST    1000000 /* an interval shorter than this is this */
#define LONGEST	    (1ULL << 62)
#define JOB_HANDLES 4096

/**
 * struct job - a call that the arena's thread carries out
 * @next: the one after it
 * @is_migrate: which of @req
 * @req: as the program gave it
 * @handles: of MIGRATE, copied
 */
struct job {
	struct job *next;
	bool is_migrate;
	union {
		struct memlane_migrate migrate;
		struct memlane_compact compact;
	} req;
	u64 handles[];
};

void local_worker_init(struct local *l)
{
	l->last_job = &l->jobs;
	pthread_mutex_init(&l->lock, NULL);
	worker_cond_init(&l->wake);
}

void local_worker_exit(struct local *l)
{
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
}

/* ------------------------------------------------------- queued calls ---- */

static int run_migrate(struct local *l, struct job *job, struct memlane_event *ev)
{
	struct memlane_migrate *req = &job->req.migrate;
	int err = ml_migrate(&l->core, req, job->handles, NULL);

	ml_tell_step(ev, req->token, &req->step);
	ev->failed = req->out_failed + (req->count - req->out_count);
	return err;
}

static int run_compact(struct local *l, struct job *job, struct memlane_event *ev)
{
	struct memlane_compact *req = &job->req.compact;
	int err = ml_compact(&l->core, req);

	ml_tell_step(ev, req->token, &req->step);
	return err;
}

static struct job *take_job(struct local *l)
{
	struct job *job = l->jobs;

	if (!job)
		return NULL;
	l->jobs = job->next;
	if (!l->jobs)
		l->last_job = &l->jobs;
	return job;
}

/* One job, and the event of its end; local.lock is dropped meanwhile. */
static void run_job(struct local *l)
{
	struct memlane_event ev = { .type = MEMLANE_EVENT_DONE };
	struct job *job = take_job(l);

	if (!job)
		return;
	pthread_mutex_unlock(&l->lock);
	ev.result = job->is_migrate ? run_migrate(l, job, &ev) : run_compact(l, job, &ev);
	events_put(&l->events, &ev);
	free(job);
	pthread_mutex_lock(&l->lock);
}

/* Nobody waits for these any more. */
static void drop_jobs(struct local *l)
{
	struct job *job;

	while ((job = take_job(l)))
		free(job);
}

/* ------------------------------------------------------------- thread ---- */

/* Wait until @due, or until something has changed; true: @due has come. 0: never. */
static bool wait_until(struct local *l, uint64_t due)
{
	struct timespec t = { .tv_sec = due / NSEC, .tv_nsec = due % NSEC };

	if (due)
		return pthread_cond_timedwait(&l->wake, &l->lock, &t) == ETIMEDOUT;
	pthread_cond_wait(&l->wake, &l->lock);
	return false;
}

/* The same, but with jobs waiting there is no time for that. */
static bool is_due(struct local *l, uint64_t due)
{
	if (!l->jobs)
		return wait_until(l, due);
	return due && clock_ns() >= due;
}

/* After a cycle that was cut short comes a rest, then another; else the interval. */
static uint64_t run(struct local *l, struct ml_tended *last)
{
	struct memlane_step step = { .max_bytes = CYCLE_BYTES, .max_ns = CYCLE_NS };
	uint64_t next = clock_ns();

	pthread_mutex_unlock(&l->lock);
	ml_tend(&l->core, &step, last);
	pthread_mutex_lock(&l->lock);
	if (!l->interval)
		return 0;
	next += l->interval;
	return last->more || last->rested > next ? last->rested : next;
}

static bool has_come(uint64_t due)
{
	return due && clock_ns() >= due;
}

static void decay(struct local *l)
{
	uint64_t ns;

	if (!has_come(l->decay_due))
		return;
	l->decay_due = 0;
	pthread_mutex_unlock(&l->lock);
	ns = ml_decay(&l->core);
	pthread_mutex_lock(&l->lock);
	if (ns)
		l->decay_due = clock_ns() + ns;
}

/* 0: never. */
static uint64_t earlier(uint64_t x, uint64_t y)
{
	return x && (!y || x < y) ? x : y;
}

static void *maintain(void *arg)
{
	struct local *l = arg;
	struct ml_tended last = { .more = false };
	uint64_t due = 0;

	pthread_mutex_lock(&l->lock);
	while (!l->stop) {
		if (l->paced) {
			l->paced = false;
			last.more = false;
			due = l->interval ? clock_ns() + l->interval : 0;
		} else if (is_due(l, earlier(due, l->decay_due)) && !l->stop && !l->paced) {
			decay(l);
			if (has_come(due))
				due = run(l, &last);
		}
		if (!l->stop)
			run_job(l);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

int local_worker_start(struct local *l)
{
	int err = 0;

	pthread_mutex_lock(&l->lock);
	if (!l->running)
		err = worker_start(&l->thread, NULL, "memlane", maintain, l);
	l->running = !err;
	pthread_mutex_unlock(&l->lock);
	return err;
}

/* The engine keeps pages, and is to look at them in @ns; core.lock. */
void local_worker_decay(struct local *l, uint64_t ns)
{
	pthread_mutex_lock(&l->lock);
	l->decay_due = clock_ns() + ns;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
}

void local_worker_pace(struct local *l, uint64_t ns)
{
	pthread_mutex_lock(&l->lock);
	l->interval = ns ? min_t(u64, max_t(u64, ns, SHORTEST), LONGEST) : 0;
	l->paced = true;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
}

void local_worker_stop(struct local *l)
{
	pthread_mutex_lock(&l->lock);
	__atomic_store_n(&l->stop, true, __ATOMIC_RELAXED);
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	if (l->running)
		pthread_join(l->thread, NULL);
	drop_jobs(l);
}

/* ------------------------------------------------------------ queueing ---- */

static int add_job(struct local *l, struct job *job)
{
	int err = local_worker_start(l);

	if (!err)
		err = events_promise(&l->events);
	if (err)
		return err;
	pthread_mutex_lock(&l->lock);
	*l->last_job = job;
	l->last_job = &job->next;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	return 0;
}

int local_queue_migrate(struct local *l, const struct memlane_migrate *req)
{
	struct job *job;
	int err;

	if (!req->count || req->count > JOB_HANDLES || req->results)
		return -EINVAL;
	job = calloc(1, sizeof(*job) + req->count * sizeof(*job->handles));
	if (!job)
		return -ENOMEM;
	job->is_migrate = true;
	job->req.migrate = *req;
	job->req.migrate.flags &= ~MEMLANE_ASYNC;
	memcpy(job->handles, (void *)(uintptr_t)req->handles, req->count * sizeof(*job->handles));
	err = add_job(l, job);
	if (err)
		free(job);
	return err;
}

int local_queue_compact(struct local *l, const struct memlane_compact *req)
{
	struct job *job = calloc(1, sizeof(*job));
	int err;

	if (!job)
		return -ENOMEM;
	job->req.compact = *req;
	job->req.compact.flags &= ~MEMLANE_ASYNC;
	err = add_job(l, job);
	if (err)
		free(job);
	return err;
}
