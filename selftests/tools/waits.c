// SPDX-License-Identifier: MIT
/*
 * waits.c - a thread that looks at large objects while they are handed over, for tracers
 *
 * Goes on until standard input ends. It is to be found by the name of look_at_them().
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <memlane.h>

#define NR	8
#define SIZE	(4U << 20)

static memlane_handle h[NR];
static bool over;	/* atomic */

static bool is_over(void)
{
	return __atomic_load_n(&over, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) bool look_at_them(struct memlane *m)
{
	bool all = true;
	unsigned int i;

	for (i = 0; i < NR; i++) {
		memlane_enter(m);
		all &= memlane_get(m, h[i]) != NULL;
		memlane_exit(m);
	}
	return all;
}

static void *looker(void *arg)
{
	struct memlane *m = arg;

	while (!is_over())
		if (!look_at_them(m))
			return "an object is not there";
	return memlane_thread_leave(m) ? "the thread cannot leave" : NULL;
}

static void *mover(void *arg)
{
	enum memlane_lane lane = MEMLANE_FAST;
	struct memlane *m = arg;
	unsigned int i;

	for (; !is_over(); lane = !lane)
		for (i = 0; i < NR; i++)
			memlane_migrate(m, h[i], lane);
	memlane_thread_leave(m);
	return NULL;
}

static int run(struct memlane *m)
{
	pthread_t looks, moves;
	void *wrong;
	char c;

	if (pthread_create(&looks, NULL, looker, m) || pthread_create(&moves, NULL, mover, m))
		return 1;
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	pthread_join(moves, NULL);
	pthread_join(looks, &wrong);
	if (wrong)
		fprintf(stderr, "waits: %s\n", (char *)wrong);
	return wrong != NULL;
}

int main(void)
{
	struct memlane_config c;
	struct memlane *m;
	unsigned int i;

	memlane_config_init(&c);
	c.fast_lane_max = c.slow_lane_max = 2ULL * NR * SIZE;
	if (memlane_open(&m, &c))
		return 1;
	for (i = 0; i < NR; i++)
		h[i] = memlane_alloc(m, SIZE);
	return run(m);
}
