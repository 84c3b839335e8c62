// SPDX-License-Identifier: MIT
/* batch.c - many objects in a row: of one thread, and from one thread to another */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "bench.h"

#define SIZE	64
#define NR	1000
#define ROUNDS	2000
#define HANDED	100	/* batches in a round of those that change hands */
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

static void make_and_end(void *arg)
{
	static uint64_t object[NR];

	make(arg, object);
	end(arg, object);
}

double batch_by_one(struct memlane *m)
{
	return quickest(make_and_end, m, ROUNDS) / NR;
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

	for (i = 0; i < HANDED; i++) {
		sem_wait(&h->full);
		end(h->m, h->object[i % RING]);
		sem_post(&h->empty);
	}
	return NULL;
}

static void hand_over(void *arg)
{
	struct hand *h = arg;
	pthread_t other;
	unsigned int i;

	sem_init(&h->empty, 0, RING);
	sem_init(&h->full, 0, 0);
	if (pthread_create(&other, NULL, end_all, h))
		die("no thread");
	for (i = 0; i < HANDED; i++) {
		sem_wait(&h->empty);
		make(h->m, h->object[i % RING]);
		sem_post(&h->full);
	}
	pthread_join(other, NULL);
}

double batch_handed_over(struct memlane *m)
{
	static struct hand h;

	h.m = m;
	return quickest(hand_over, &h, ROUNDS / HANDED) / HANDED / NR;
}
