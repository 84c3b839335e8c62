// SPDX-License-Identifier: MIT
/* worker.c - what the threads of the library's own have in common */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "refusal.h"
#include "worker.h"

uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC + t.tv_nsec;
}

/* Timed waits are by the clock of clock_ns(). */
void worker_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

/**
 * worker_start - start a thread
 * @thread: out
 * @attr: or NULL
 * @name: up to 15 bytes; NULL: none of its own
 * @run: what it does
 * @arg: for @run
 *
 * The program's signals are for its own threads. Return: 0, or -EAGAIN: no thread can
 * be had.
 */
int worker_start(pthread_t *thread, const pthread_attr_t *attr, const char *name,
		 void *(*run)(void *), void *arg)
{
	sigset_t all, was;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	err = pthread_create(thread, attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (err)
		return refused("pthread_create", 0, "policy_check_interval to 0, and set no tracking", err,
			       EAGAIN);
	if (name)
		pthread_setname_np(*thread, name);
	return 0;
}
