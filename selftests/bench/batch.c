// SPDX-License-Identifier: MIT
/* batch.c - many objects in a row: of one thread, and from one thread to another */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "bench.h"

#define SIZE	64
#define NR	1000
#define ROUNDS	2000
#define RING	16	/* batches under way from one thread to the other */

/* Without an arena by malloc(). */
static void make(struct memlane *m, uint64_t *object)
{
	unsigned int i;

	if (m && memlane_alloc_many(m, SIZE, NULL, object, NR) != NR)
		die("no objects");
	for (i = 0; !m && i < NR; i++)
		object[i] = (uintptr_t)malloc(SIZE);
}

static void end(struct memlane *m, const uint64_t *object)
{
	unsigned int i;

	if (m && memlane_free_many(m, object, NR, NULL))
		die("objects that cannot be freed");
	for (i = 0; !m && i < NR; i++)
		free((void *)(uintptr_t)object[i]);
}

double batch_by_one(struct memlane *m)
{
	static uint64_t object[NR];
	uint64_t start = now_ns();
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		make(m, object);
		end(m, object);
	}
	return (double)(now_ns() - start) / ROUNDS / NR;
}

/* @empty, @full: how many of the ring's are. */
struct hand {
	struct memlane *m;
	sem_t empty;
	sem_t full;
	uint64_t object[RING][NR];
};

static void *end_all(void *arg)
{
	struct hand *h = arg;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		sem_wait(&h->full);
		end(h->m, h->object[i % RING]);
		sem_post(&h->empty);
	}
	return NULL;
}

double batch_handed_over(struct memlane *m)
{
	static struct hand h;
	uint64_t start = now_ns();
	pthread_t other;
	unsigned int i;

	h.m = m;
	sem_init(&h.empty, 0, RING);
	sem_init(&h.full, 0, 0);
	if (pthread_create(&other, NULL, end_all, &h))
		die("no thread");
	for (i = 0; i < ROUNDS; i++) {
		sem_wait(&h.empty);
		make(m, h.object[i % RING]);
		sem_post(&h.full);
	}
	pthread_join(other, NULL);
	return (double)(now_ns() - start) / ROUNDS / NR;
}
