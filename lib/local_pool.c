// SPDX-License-Identifier: MIT
/*
 * local_pool.c - what this process's small arenas share: a table's addresses, and pages
 *
 * The addresses are zeros that nobody writes: memlane_get() finds no object there, and asks
 * the library. Pages come in blocks, and blocks in slabs, so that those of many arenas are
 * one mapping. All goes when the last one that has it gives it back. The child of a fork has
 * none of the slabs. It keeps the zeros, where it may look up what is its parent's.
 */
#include <linux/types.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "local_pool.h"

#define SLAB_BLOCKS 64
#define SLAB_BYTES  (SLAB_BLOCKS * POOL_BLOCK)

/* Blocks in a row; @free: a bit for each that nobody has. */
struct slab {
	struct slab *next;
	unsigned char *at;
	u64 free;
};

/**
 * struct pool - of this process
 * @lock: protects the rest but @owner; nothing is taken under it
 * @slabs: those that there are
 * @zeros: the addresses, while somebody has them
 * @length: of these
 * @users: arenas that have them; those of a parent count for ever
 * @owner: the process that has the slabs; atomic
 */
static struct pool {
	pthread_mutex_t lock;
	struct slab *slabs;
	void *zeros;
	size_t length;
	unsigned int users;
	pid_t owner;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* In a process that has no slab. */
static void pool_begin(void)
{
	pthread_mutex_init(&pool.lock, NULL);
	pool.slabs = NULL;
	__atomic_store_n(&pool.owner, getpid(), __ATOMIC_RELAXED);
}

static void pool_once(void)
{
	pool_begin();
	pthread_atfork(NULL, NULL, pool_begin);
}

/* Before an arena of this process has any of it. A bare system call may have forked it. */
void pool_here(void)
{
	pthread_once(&once, pool_once);
	if (__atomic_load_n(&pool.owner, __ATOMIC_RELAXED) != getpid())
		pool_begin();
}

/* -------------------------------------------------------------- zeros ---- */

static void *map_zeros(size_t length)
{
	void *at;

	if (!region_reserve_at(length, PROT_READ, &at) && !table_advise(at, length))
		return at;
	if (at)
		munmap(at, length);
	return NULL;
}

/* The same @length each time. Return: the addresses, until pool_zeros_end(); NULL: none left. */
void *pool_zeros(size_t length)
{
	void *at;

	pthread_mutex_lock(&pool.lock);
	if (!pool.zeros)
		pool.zeros = map_zeros(length);
	pool.length = length;
	at = pool.zeros;
	pool.users += at != NULL;
	pthread_mutex_unlock(&pool.lock);
	return at;
}

void pool_zeros_end(void)
{
	pthread_mutex_lock(&pool.lock);
	if (!--pool.users) {
		munmap(pool.zeros, pool.length);
		pool.zeros = NULL;
	}
	pthread_mutex_unlock(&pool.lock);
}

/* -------------------------------------------------------------- pages ---- */

static struct slab *slab_new(void)
{
	struct slab *s = malloc(sizeof(*s));
	void *at = NULL;

	if (!s)
		return NULL;
	if (region_reserve_at(SLAB_BYTES, PROT_READ | PROT_WRITE, &at)) {
		if (at)
			munmap(at, SLAB_BYTES);
		free(s);
		return NULL;
	}
	*s = (struct slab){ .next = pool.slabs, .at = at, .free = ~0ULL };
	pool.slabs = s;
	return s;
}

/* Return: POOL_BLOCK bytes, whole pages of zeros; NULL: there is no memory. */
void *pool_take(void)
{
	void *block = NULL;
	struct slab *s;
	int nr;

	pthread_mutex_lock(&pool.lock);
	for (s = pool.slabs; s && !s->free; s = s->next)
		;
	if (!s)
		s = slab_new();
	if (s) {
		nr = __builtin_ctzll(s->free);
		s->free &= s->free - 1;
		block = s->at + nr * POOL_BLOCK;
	}
	pthread_mutex_unlock(&pool.lock);
	return block;
}

static bool has_block(const struct slab *s, const unsigned char *block)
{
	return block >= s->at && block < s->at + SLAB_BYTES;
}

/* What is locked in memory can be cleared by hand alone. */
static void clear_block(void *block)
{
	if (madvise(block, POOL_BLOCK, MADV_DONTNEED))
		__builtin_memset(block, 0, POOL_BLOCK);
}

static void slab_end(struct slab **p)
{
	struct slab *s = *p;

	*p = s->next;
	munmap(s->at, SLAB_BYTES);
	free(s);
}

void pool_give(void *block)
{
	struct slab **p = &pool.slabs, *s;

	clear_block(block);
	pthread_mutex_lock(&pool.lock);
	while (!has_block(*p, block))
		p = &(*p)->next;
	s = *p;
	s->free |= 1ULL << ((unsigned char *)block - s->at) / POOL_BLOCK;
	if (s->free == ~0ULL)
		slab_end(p);
	pthread_mutex_unlock(&pool.lock);
}
