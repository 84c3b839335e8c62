// SPDX-License-Identifier: MIT
/*
 * local_worker.c - the threads that look after this process's arenas: cycles, kept pages, queued calls
 *
 * All arenas share them. An arena that has something to do has a time, and stands in a tree by
 * that. A worker takes the first one whose time has come, does one bounded step of each
 * kind, and puts it back with its next time: so an arena that always has more to do stands behind
 * all that were due before. A step may have to wait, for sections or for a call of the
 * program; so while one worker has an arena, another one waits for the next arena's time,
 * up to WORKERS in all.
 *
 * The first arena that needs one begins the first, the close of the last arena ends all.
 * The child of a fork has none of them, and none of the arenas: it begins anew.
 *
 * worker.lock protects what is here, and local.tended. Nothing else is taken under it;
 * core.lock may be held when it is taken.
 */
#include <errno.h>
#include <linux/minmax.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "local.h"
#include "worker.h"

#define WORKERS	    4
#define CYCLE_NS    2000000 /* of the background cycle: one step */
#define CYCLE_BYTES (4U << 20)
#define SHORTEST    1000000 /* an interval shorter than this is this */
#define LONGEST	    (1ULL << 62)

/**
 * struct workers - of this process
 * @lock: protects the rest, but @owner
 * @wake: an arena came to the front of @due, or the workers are to end
 * @changed: a step has ended, or all workers have
 * @due: arenas that wait for their time, the first one first
 * @arenas: that are looked after
 * @nr: of @thread
 * @idle: of these, that wait
 * @ending: they are to end, and somebody waits for that
 * @thread: the workers
 * @owner: the process that has them; atomic
 */
static struct workers {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_cond_t changed;
	struct rb_root due;
	unsigned int arenas;
	unsigned int nr;
	unsigned int idle;
	bool ending;
	pthread_t thread[WORKERS];
	pid_t owner;
} worker;

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* In a process that has none, whatever its parent had. */
static void begin_anew(void)
{
	memset(&worker, 0, sizeof(worker));
	pthread_mutex_init(&worker.lock, NULL);
	worker_cond_init(&worker.wake);
	worker_cond_init(&worker.changed);
	worker.due = RB_ROOT;
	__atomic_store_n(&worker.owner, getpid(), __ATOMIC_RELAXED);
}

static void worker_once(void)
{
	begin_anew();
	pthread_atfork(NULL, NULL, begin_anew);
}

/* --------------------------------------------------------------- time ---- */

static bool has_come(uint64_t due)
{
	return due && clock_ns() >= due;
}

/* 0: never. */
static uint64_t earlier(uint64_t x, uint64_t y)
{
	return x && (!y || x < y) ? x : y;
}

static struct local *tended_of(const struct rb_node *node)
{
	return rb_entry(node, struct local, tended.node);
}

static bool is_earlier(struct rb_node *x, const struct rb_node *y)
{
	return tended_of(x)->tended.due < tended_of(y)->tended.due;
}

static struct local *first_due(void)
{
	struct rb_node *node = rb_first(&worker.due);

	return node ? tended_of(node) : NULL;
}

static void leave_tree(struct local *l)
{
	if (l->tended.due)
		rb_erase(&l->tended.node, &worker.due);
	l->tended.due = 0;
}

/* To where its next time puts it; not while a worker has it, which does this afterwards. */
static void enter_tree(struct local *l)
{
	struct tended *t = &l->tended;

	if (t->busy || !t->known)
		return;
	leave_tree(l);
	t->due = t->jobs.first ? clock_ns() : earlier(t->cycle, t->decay);
	if (!t->due)
		return;
	rb_add(&t->node, &worker.due, is_earlier);
}

/* -------------------------------------------------------------- steps ---- */

/* After a cycle that was cut short comes a rest, then another; else the interval. */
static void run_cycle(struct local *l)
{
	struct memlane_step step = { .max_bytes = CYCLE_BYTES, .max_ns = CYCLE_NS };
	struct tended *t = &l->tended;
	uint64_t next = clock_ns();

	if (!has_come(t->cycle) || t->stop)
		return;
	t->paced = false;
	pthread_mutex_unlock(&worker.lock);
	ml_tend(&l->core, &step, &t->last);
	pthread_mutex_lock(&worker.lock);
	if (t->paced)
		t->last.more = false;
	else if (t->last.more || t->last.rested > next + t->interval)
		t->cycle = t->last.rested;
	else
		t->cycle = next + t->interval;
}

static void run_decay(struct local *l)
{
	struct tended *t = &l->tended;
	uint64_t ns;

	if (!has_come(t->decay) || t->stop)
		return;
	t->decay = 0;
	pthread_mutex_unlock(&worker.lock);
	ns = ml_decay(&l->core);
	pthread_mutex_lock(&worker.lock);
	if (ns)
		t->decay = clock_ns() + ns;
}

/* A slice of the first job; who adds one behind it does not touch it. */
static void run_job(struct local *l)
{
	struct tended *t = &l->tended;
	struct job *job = t->jobs.first;
	bool more;

	if (!job || t->stop)
		return;
	pthread_mutex_unlock(&worker.lock);
	more = local_job_run(l, job);
	pthread_mutex_lock(&worker.lock);
	if (!more)
		local_jobs_pop(&t->jobs);
}

static void serve(struct local *l)
{
	l->tended.busy = true;
	run_decay(l);
	run_cycle(l);
	run_job(l);
	l->tended.busy = false;
	if (l->tended.stop)
		pthread_cond_broadcast(&worker.changed);
	else
		enter_tree(l);
}

/* ------------------------------------------------------------ threads ---- */

static int begin_worker(void);

/* Somebody else is to wait for the first one's time, if somebody can be had. */
static void call_worker(void)
{
	if (worker.idle)
		pthread_cond_signal(&worker.wake);
	else if (worker.nr < WORKERS)
		begin_worker();
}

static void wait_for_work(const struct local *next)
{
	uint64_t due = next ? next->tended.due : 0;
	struct timespec t = { .tv_sec = due / NSEC, .tv_nsec = due % NSEC };

	worker.idle++;
	if (due)
		pthread_cond_timedwait(&worker.wake, &worker.lock, &t);
	else
		pthread_cond_wait(&worker.wake, &worker.lock);
	worker.idle--;
}

static void *work(void *arg)
{
	struct local *l;

	(void)arg;
	pthread_mutex_lock(&worker.lock);
	while (!worker.ending) {
		l = first_due();
		if (!l || !has_come(l->tended.due)) {
			wait_for_work(l);
			continue;
		}
		leave_tree(l);
		if (first_due())
			call_worker();
		serve(l);
	}
	pthread_mutex_unlock(&worker.lock);
	return NULL;
}

static int begin_worker(void)
{
	int err = worker_start(&worker.thread[worker.nr], NULL, "memlane", work, NULL);

	worker.nr += !err;
	return err;
}

/* Nobody looks after anything any more: wait until they have gone. */
static void end_workers(void)
{
	unsigned int i, nr = worker.nr;

	worker.ending = true;
	pthread_cond_broadcast(&worker.wake);
	pthread_mutex_unlock(&worker.lock);
	for (i = 0; i < nr; i++)
		pthread_join(worker.thread[i], NULL);
	pthread_mutex_lock(&worker.lock);
	worker.nr = 0;
	worker.ending = false;
	pthread_cond_broadcast(&worker.changed);
}

/* ------------------------------------------------------------- arenas ---- */

/* An arena is opened in this process, which a bare system call may have forked. */
void local_worker_init(struct local *l)
{
	pthread_once(&once, worker_once);
	if (__atomic_load_n(&worker.owner, __ATOMIC_RELAXED) != getpid())
		begin_anew();
	local_jobs_init(&l->tended.jobs);
}

/**
 * local_worker_start - have an arena looked after
 * @l: arena
 *
 * Return: 0, or -EAGAIN: no thread can be had.
 */
int local_worker_start(struct local *l)
{
	int err = 0;

	pthread_mutex_lock(&worker.lock);
	while (worker.ending)
		pthread_cond_wait(&worker.changed, &worker.lock);
	if (!l->tended.known && !worker.nr)
		err = begin_worker();
	if (!err && !l->tended.known) {
		l->tended.known = true;
		worker.arenas++;
	}
	pthread_mutex_unlock(&worker.lock);
	return err;
}

/* Its time has changed. Workers that wait, if any do, wait for the first one's. */
static void tell_workers(struct local *l)
{
	enter_tree(l);
	if (l->tended.due && first_due() == l)
		call_worker();
}

/* The engine keeps pages, and is to look at them in @ns; core.lock. */
void local_worker_decay(struct local *l, uint64_t ns)
{
	pthread_mutex_lock(&worker.lock);
	l->tended.decay = clock_ns() + ns;
	tell_workers(l);
	pthread_mutex_unlock(&worker.lock);
}

void local_worker_pace(struct local *l, uint64_t ns)
{
	struct tended *t = &l->tended;

	pthread_mutex_lock(&worker.lock);
	t->interval = ns ? min_t(u64, max_t(u64, ns, SHORTEST), LONGEST) : 0;
	t->cycle = ns ? clock_ns() + t->interval : 0;
	t->paced = true;
	if (!t->busy)
		t->last.more = false;
	tell_workers(l);
	pthread_mutex_unlock(&worker.lock);
}

/* A call to be carried out; the arena is looked after. */
void local_worker_add(struct local *l, struct job *job)
{
	pthread_mutex_lock(&worker.lock);
	local_jobs_add(&l->tended.jobs, job);
	tell_workers(l);
	pthread_mutex_unlock(&worker.lock);
}

/* The arena is about to end. Waits for a step of this one, which ends early, and for no other. */
void local_worker_stop(struct local *l)
{
	struct tended *t = &l->tended;

	if (!t->known)
		return;
	pthread_mutex_lock(&worker.lock);
	__atomic_store_n(&t->stop, true, __ATOMIC_RELAXED);
	leave_tree(l);
	while (t->busy)
		pthread_cond_wait(&worker.changed, &worker.lock);
	t->known = false;
	if (!--worker.arenas)
		end_workers();
	pthread_mutex_unlock(&worker.lock);
	while (t->jobs.first)
		local_jobs_pop(&t->jobs);
}
