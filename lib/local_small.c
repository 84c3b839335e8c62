// SPDX-License-Identifier: MIT
/*
 * local_small.c - an arena whose regions have no addresses of their own
 *
 * Its pages of tables, slots and counters lie in blocks of the process's pool. The engine
 * finds each of them by its own vectors (vec.h), and the library by the same, for each word.
 * That is slower than an array, and takes neither addresses nor mappings. Only the data area
 * is the arena's own.
 *
 * core.grow protects the blocks while pages are made; a page once made stays to the end.
 */
#include <stdlib.h>

#include "arena.h"
#include "local_pool.h"
#include "local_small.h"

#define BLOCK_PAGES (POOL_BLOCK >> ML_PAGE_SHIFT)

_Static_assert(ML_SLOT_PAGES <= BLOCK_PAGES, "a thread's slot is in one block");

/* So that the next pages come from a new block. */
static int next_block(struct small *s)
{
	void **blocks = realloc(s->blocks, (s->nr + 1) * sizeof(*blocks));
	void *block;

	if (!blocks)
		return -1;
	s->blocks = blocks;
	block = pool_take();
	if (!block)
		return -1;
	blocks[s->nr++] = block;
	s->used = 0;
	return 0;
}

/* @nr pages in a row; NULL: there is no memory. */
static void *small_pages(struct small *s, unsigned int nr)
{
	unsigned char *at;

	if ((!s->nr || s->used + nr > BLOCK_PAGES) && next_block(s))
		return NULL;
	at = (unsigned char *)s->blocks[s->nr - 1] + (s->used << ML_PAGE_SHIFT);
	s->used += nr;
	return at;
}

/* A slot is one struct: its pages are made with the first of them. */
static void *slot_page(struct local *l, u64 page)
{
	void **slot = &l->small.slot[page / ML_SLOT_PAGES], *at = *slot;

	if (!at)
		at = small_pages(&l->small, ML_SLOT_PAGES);
	if (!at)
		return NULL;
	__atomic_store_n(slot, at, __ATOMIC_RELEASE); /* pairs with slot_of() */
	return (unsigned char *)at + (page % ML_SLOT_PAGES << ML_PAGE_SHIFT);
}

/* What struct ml_ops has as @share. */
void *small_share(struct local *l, unsigned int region, u64 page)
{
	return region == MEMLANE_REGION_SLOTS ? slot_page(l, page) : small_pages(&l->small, 1);
}

/* Where the library finds it all: the table's region is nobody's. */
void small_tell(struct local *l, struct memlane *m)
{
	const struct ml_arena *a = &l->core;

	m->region[MEMLANE_REGION_TABLE] = l->small.zeros;
	m->region[MEMLANE_REGION_STAT] = a->stat_page;
	m->leaves[MEMLANE_REGION_TABLE] = (void *)a->table.entry.top->leaf;
	m->leaves[MEMLANE_REGION_CLASS] = (void *)a->table.cls.top->leaf;
	m->leaves[MEMLANE_REGION_NOTE] = (void *)a->table.note.top->leaf;
	m->leaves[MEMLANE_REGION_PIN] = (void *)a->table.pin.top->leaf;
	m->leaves[MEMLANE_REGION_SIZE] = (void *)a->table.size.top->leaf;
	m->leaves[MEMLANE_REGION_STAT] = (void *)a->stat.top->leaf;
	m->slot = l->small.slot;
}

/**
 * small_init - have the arena do without addresses of its own
 * @l: arena whose engine has not begun
 * @threads: slots
 *
 * Return: 0 or -ENOMEM; small_exit() also then.
 */
int small_init(struct local *l, u32 threads)
{
	pool_here();
	l->small.slot = calloc(threads, sizeof(*l->small.slot));
	if (!l->small.slot)
		return -ENOMEM;
	l->small.zeros = pool_zeros(region_reserve(&l->info, MEMLANE_REGION_TABLE));
	return l->small.zeros ? 0 : -ENOMEM;
}

/* The engine has ended. */
void small_exit(struct local *l)
{
	while (l->small.nr)
		pool_give(l->small.blocks[--l->small.nr]);
	free(l->small.blocks);
	free(l->small.slot);
	if (l->small.zeros)
		pool_zeros_end();
}
