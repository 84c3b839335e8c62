// SPDX-License-Identifier: MIT
/*
 * keeper.c - the thread of a tracked arena: its maintenance, and its clock
 *
 * What the engine does by itself the library does not see. So where histories are kept
 * the engine has no cycles of its own: this thread looks at all objects, and then runs
 * one. What the engine does when the system is short of memory is seen afterwards.
 *
 * It also says what time it is, every TICK_MS: to read a clock would cost as much as
 * half of making an object. While nobody asks, it looks IDLE_MS apart whether anybody
 * does, and who asks meanwhile reads the system's clock.
 */
#include <errno.h>
#include <time.h>

#include "backend.h"
#include "watch.h"
#include "worker.h"

#define TICK_MS	    10
#define IDLE_MS	    1000
#define IDLE_TICKS  100 /* without a question */
#define CYCLE_NS    2000000
#define CYCLE_BYTES (4U << 20)
#define REST	    9 /* after a piece of a cycle, so many times what it took */
#define FOR_EVER    (1ULL << 62)

static bool stopping(const struct keeper *k)
{
	return __atomic_load_n(&k->stop, __ATOMIC_RELAXED);
}

/* Return: ms until it is to be told again. */
static unsigned int tell_time(struct watch *w)
{
	bool asked = __atomic_exchange_n(&w->asked, false, __ATOMIC_RELAXED);

	w->keeper.idle = asked ? 0 : w->keeper.idle + 1;
	if (w->keeper.idle < IDLE_TICKS) {
		__atomic_store_n(&w->clock, clock_ms(), __ATOMIC_RELAXED);
		return TICK_MS;
	}
	w->keeper.idle = IDLE_TICKS;
	__atomic_store_n(&w->clock, 0, __ATOMIC_RELAXED);
	return IDLE_MS;
}

/* Return: whether it was cut short by its limits, and not by somebody in the way. */
static bool cycle(struct memlane *m)
{
	struct watch *w = m->watch;
	struct memlane_maintain req = {
		.step = { .max_bytes = CYCLE_BYTES, .max_ns = CYCLE_NS },
	};
	uint64_t at = m->first + 1;

	while (at && !w->keeper.more && !stopping(&w->keeper)) {
		at = track_piece(m, at);
		tell_time(w);
	}
	return !backend_maintain(m, &req) && req.step.out_more && !req.step.out_given_up;
}

/* The next one: after the interval, or after a rest where this one was cut short. */
static void run(struct memlane *m)
{
	struct keeper *k = &m->watch->keeper;
	uint64_t begun = clock_ns(), next;

	pthread_mutex_unlock(&k->lock);
	k->more = cycle(m);
	pthread_mutex_lock(&k->lock);
	next = clock_ns() + REST * (clock_ns() - begun);
	if (!k->interval)
		next = FOR_EVER;
	else if (!k->more && next < begun + k->interval)
		next = begun + k->interval;
	k->next = next;
}

/* Until the next tick or cycle, or until something has changed. */
static void wait_for_work(struct keeper *k, unsigned int tick_ms)
{
	uint64_t at = clock_ns() + tick_ms * 1000000ULL;
	struct timespec t;

	if (k->next < at)
		at = k->next;
	t.tv_sec = at / NSEC;
	t.tv_nsec = at % NSEC;
	pthread_cond_timedwait(&k->wake, &k->lock, &t);
}

static void *keep(void *arg)
{
	struct memlane *m = arg;
	struct keeper *k = &m->watch->keeper;

	pthread_mutex_lock(&k->lock);
	while (!k->stop) {
		wait_for_work(k, tell_time(m->watch));
		if (!k->stop && clock_ns() >= k->next)
			run(m);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

static void init(struct keeper *k)
{
	pthread_mutex_init(&k->lock, NULL);
	worker_cond_init(&k->wake);
	k->next = FOR_EVER;
}

static void fini(struct keeper *k)
{
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->lock);
}

/**
 * keeper_open - start the thread of an arena
 * @m: arena, which keeps histories; it can be used
 *
 * Return: 0, or -EAGAIN: no thread can be had.
 */
int keeper_open(struct memlane *m)
{
	struct keeper *k = &m->watch->keeper;
	int err;

	init(k);
	err = worker_start(&k->thread, NULL, "memlane-track", keep, m);
	if (err) {
		fini(k);
		return err;
	}
	k->running = true;
	return 0;
}

/* The arena is about to end. Not in the child of a fork, which has no such thread. */
void keeper_close(struct memlane *m)
{
	struct keeper *k;

	if (!keeper_runs(m))
		return;
	k = &m->watch->keeper;
	pthread_mutex_lock(&k->lock);
	__atomic_store_n(&k->stop, true, __ATOMIC_RELAXED);
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	fini(k);
	k->running = false;
}

/* Does the arena have such a thread? */
bool keeper_runs(const struct memlane *m)
{
	return m->watch && m->watch->keeper.running;
}

/* What MEMLANE_OPT_POLICY_INTERVAL is to the engine; the thread runs. */
void keeper_pace(struct memlane *m, uint64_t ns)
{
	struct keeper *k = &m->watch->keeper;

	pthread_mutex_lock(&k->lock);
	k->interval = ns < FOR_EVER / 2 ? ns : FOR_EVER / 2;
	k->next = ns ? clock_ns() + k->interval : FOR_EVER;
	k->more = false;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
}

bool keeper_interval(struct memlane *m, uint64_t *ns)
{
	struct keeper *k;

	if (!keeper_runs(m))
		return false;
	k = &m->watch->keeper;
	pthread_mutex_lock(&k->lock);
	*ns = k->interval;
	pthread_mutex_unlock(&k->lock);
	return true;
}
