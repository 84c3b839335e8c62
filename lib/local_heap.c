// SPDX-License-Identifier: MIT
/*
 * local_heap.c - an arena's descriptors, in a process: pages of their own, which go back
 *
 * Among what malloc() has for the program each of them could hold a page. Here a slab of 2 MiB of
 * addresses is cut into grains of 64 bytes, and each request gets the lowest that are free
 * in a row, those of a whole page a page. A page that has none any more is idle; idle ones go back
 * to the system some at a time, and a slab that is empty does.
 *
 *	slab: |header|used|used|....|used|........|........|(not open yet)
 *	page:  0           1         2  idle 3     4
 *
 * What is larger than HEAP_MOST is malloc()'s, and so is all that small arenas have: those
 * are many, and have next to nothing. heap.lock is taken last.
 */
#include <errno.h>
#include <linux/minmax.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arena.h"
#include "local.h"
#include "refusal.h"

#define GRAIN	   64UL
#define GRAINS	   64U /* of a page: a word has a bit for each */
#define SLAB_BYTES (2UL << 20)
#define SLAB_PAGES 512U
#define HEAP_MOST  8192UL
#define OPEN_PAGES 64U /* that become writable at a time, and are promised by the system */
#define IDLE_PAGES 16U /* that may wait to go back, */
#define IDLE_SHARE 8U  /* and one for so many that are somebody's */
#define ROWS	   7   /* lengths of which it is known where to look: 1, 2, 4 ... 64 */
#define NOWHERE	   (~0U)

/**
 * struct slab - at its own beginning; heap.lock
 * @next: one that was made later
 * @open: pages from the start that may be written
 * @used: grains that are somebody's
 * @low: no 2^i grains in a row are free that begin before this one
 * @none: so many grains in a row are not free
 * @idle: pages that nobody has a grain of, and that exist: a bit each
 * @word: grains of each page that are somebody's: a bit each
 */
struct slab {
	struct slab *next;
	u32 open;
	u32 used;
	u32 low[ROWS];
	u32 none;
	u64 idle[SLAB_PAGES / 64];
	u64 word[SLAB_PAGES];
};

#define HEADER_GRAINS ((u32)((sizeof(struct slab) + GRAIN - 1) / GRAIN))

static u32 grains_of(size_t size)
{
	return (size + GRAIN - 1) / GRAIN;
}

static struct slab *slab_of(void *p)
{
	return (struct slab *)((uintptr_t)p & ~(SLAB_BYTES - 1));
}

static char *page_of(struct slab *s, u32 page)
{
	return (char *)s + ((size_t)page << ML_PAGE_SHIFT);
}

/* ------------------------------------------------------------- pages ---- */

static void set_idle(struct heap *heap, struct slab *s, u32 page)
{
	s->idle[page / 64] |= 1ULL << page % 64;
	heap->idle++;
}

static void end_idle(struct heap *heap, struct slab *s, u32 page)
{
	u64 bit = 1ULL << page % 64;

	if (s->idle[page / 64] & bit) {
		s->idle[page / 64] &= ~bit;
		heap->idle--;
	}
}

static bool is_idle(const struct slab *s, u32 page)
{
	return s->idle[page / 64] >> page % 64 & 1;
}

/* What is locked in memory stays: who gets it next clears it anyway. */
static void drop_idle(struct slab *s)
{
	u32 page, end;

	for (page = 0; page < s->open; page = end) {
		for (end = page; end < s->open && is_idle(s, end); end++)
			;
		if (end > page)
			madvise(page_of(s, page), (size_t)(end - page) << ML_PAGE_SHIFT, MADV_DONTNEED);
		else
			end++;
	}
	memset(s->idle, 0, sizeof(s->idle));
}

/* All idle pages go back, and slabs with nothing but their header. */
static void sweep(struct heap *heap)
{
	struct slab **p = &heap->slabs, *s;

	while ((s = *p)) {
		if (s->used > HEADER_GRAINS) {
			drop_idle(s);
			p = &s->next;
			continue;
		}
		*p = s->next;
		heap->used -= s->used;
		munmap(s, SLAB_BYTES);
	}
	heap->idle = 0;
}

/* ------------------------------------------------------------ grains ---- */

/* Those of one word from @at on, @nr at most. */
static u64 mask_of(u32 at, u32 nr)
{
	u64 mask = nr < GRAINS ? (1ULL << nr) - 1 : ~0ULL;

	return mask << at % GRAINS;
}

static void fill(struct heap *heap, struct slab *s, u32 at, u32 nr)
{
	u32 end = at + nr, next;

	s->used += nr;
	for (heap->used += nr; at < end; at = next) {
		next = min(end, (at | (GRAINS - 1)) + 1);
		s->word[at / GRAINS] |= mask_of(at, next - at);
		end_idle(heap, s, at / GRAINS);
	}
}

static void clear(struct heap *heap, struct slab *s, u32 at, u32 nr)
{
	u32 end = at + nr, next;
	unsigned int row;

	s->none = NOWHERE;
	for (row = 0; row < ROWS; row++)
		s->low[row] = min(s->low[row], at - min(at, (1U << row) - 1));
	s->used -= nr;
	for (heap->used -= nr; at < end; at = next) {
		next = min(end, (at | (GRAINS - 1)) + 1);
		s->word[at / GRAINS] &= ~mask_of(at, next - at);
		if (!s->word[at / GRAINS])
			set_idle(heap, s, at / GRAINS);
	}
}

/* How many grains from @at on, of its page, are as it is: free or not. */
static u32 alike(const struct slab *s, u32 at)
{
	u64 word = s->word[at / GRAINS];

	word = (word >> at % GRAINS & 1 ? ~word : word) >> at % GRAINS;
	return word ? __builtin_ctzll(word) : GRAINS - at % GRAINS;
}

static bool is_free(const struct slab *s, u32 at)
{
	return !(s->word[at / GRAINS] >> at % GRAINS & 1);
}

/* log2 of the longest row that is looked for and is no longer than @nr. */
static unsigned int row_of(u32 nr)
{
	return min(31 - __builtin_clz(nr), ROWS - 1);
}

/* The first @nr free grains in a row. */
static u32 find_row(struct slab *s, u32 nr)
{
	const unsigned int row = row_of(nr);
	u32 end = s->open * GRAINS, at = s->low[row], from = at, low = NOWHERE;

	while (at < end) {
		bool free = is_free(s, at);

		at += alike(s, at);
		if (!free)
			from = at;
		else if (low == NOWHERE && at - from >= 1U << row)
			low = from;
		if (at - from >= nr)
			break;
	}
	s->low[row] = min(low, from);
	return at - from >= nr ? from : NOWHERE;
}

/* The first page that is free. */
static u32 find_page(struct slab *s)
{
	u32 page;

	for (page = s->low[ROWS - 1] / GRAINS; page < s->open; page++)
		if (!s->word[page])
			return page * GRAINS;
	return NOWHERE;
}

/* ------------------------------------------------------------- slabs ---- */

/* More of a slab may be written from now on. False: no more of it can. */
static bool open_more(struct slab *s)
{
	const size_t length = OPEN_PAGES << ML_PAGE_SHIFT;

	if (s->open == SLAB_PAGES)
		return false;
	if (mprotect(page_of(s, s->open), length, PROT_READ | PROT_WRITE)) {
		refused("mprotect", length, NULL, errno, ENOMEM);
		return false;
	}
	s->open += OPEN_PAGES;
	s->none = NOWHERE;
	return true;
}

static struct slab *slab_new(struct heap *heap)
{
	const size_t length = OPEN_PAGES << ML_PAGE_SHIFT;
	void *at = NULL;
	struct slab *s, **p;

	if (region_reserve_at(SLAB_BYTES, PROT_NONE, &at) || mprotect(at, length, PROT_READ | PROT_WRITE)) {
		refused("mmap", SLAB_BYTES, NULL, errno, ENOMEM);
		if (at)
			munmap(at, SLAB_BYTES);
		return NULL;
	}
	s = at;
	s->open = OPEN_PAGES;
	s->none = NOWHERE;
	fill(heap, s, 0, HEADER_GRAINS);
	for (p = &heap->slabs; *p; p = &(*p)->next)
		;
	*p = s;
	return s;
}

static void *take_from(struct heap *heap, struct slab *s, u32 nr)
{
	u32 at;

	if (nr >= s->none)
		return NULL;
	do
		at = nr == GRAINS ? find_page(s) : find_row(s, nr);
	while (at == NOWHERE && open_more(s));
	if (at == NOWHERE) {
		s->none = nr;
		return NULL;
	}
	fill(heap, s, at, nr);
	return (char *)s + at * GRAIN;
}

static void *take(struct heap *heap, u32 nr)
{
	void *p = NULL;
	struct slab *s;

	for (s = heap->slabs; s && !p; s = s->next)
		p = take_from(heap, s, nr);
	if (p)
		return p;
	s = slab_new(heap);
	return s ? take_from(heap, s, nr) : NULL;
}

/* -------------------------------------------------------------- heap ---- */

static bool is_ours(const struct local *l, size_t size)
{
	return size <= HEAP_MOST && !l->is_small;
}

static void *take_zeroed(struct heap *heap, size_t size)
{
	void *p;

	pthread_mutex_lock(&heap->lock);
	p = take(heap, grains_of(size));
	pthread_mutex_unlock(&heap->lock);
	return p ? memset(p, 0, size) : NULL;
}

static void *calloc_told(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		refused("malloc", size, NULL, ENOMEM, ENOMEM);
	return p;
}

/**
 * local_heap_take - memory for a descriptor
 * @l: arena
 * @size: bytes
 *
 * Context: any lock of the engine. Return: zeroed, for local_heap_give(); NULL: there is none.
 */
void *local_heap_take(struct local *l, size_t size)
{
	return is_ours(l, size) ? take_zeroed(&l->heap, size) : calloc_told(size);
}

/* Many pages wait to go back; or some, and a slab, whose last descriptor has gone; or all there are. */
static bool is_to_sweep(const struct heap *heap, const struct slab *s)
{
	if (s->used > HEADER_GRAINS)
		return heap->idle > IDLE_PAGES + heap->used / GRAINS / IDLE_SHARE;
	return heap->idle > IDLE_PAGES || heap->used == HEADER_GRAINS;
}

/**
 * local_heap_give - a descriptor is nobody's any more
 * @l: arena
 * @p: from local_heap_take(), or NULL
 * @size: as there
 */
void local_heap_give(struct local *l, void *p, size_t size)
{
	struct heap *heap = &l->heap;
	struct slab *s = slab_of(p);

	if (!p || !is_ours(l, size)) {
		free(p);
		return;
	}
	pthread_mutex_lock(&heap->lock);
	clear(heap, s, ((char *)p - (char *)s) / GRAIN, grains_of(size));
	if (is_to_sweep(heap, s))
		sweep(heap);
	pthread_mutex_unlock(&heap->lock);
}

void local_heap_init(struct heap *heap)
{
	pthread_mutex_init(&heap->lock, NULL);
}

/* Whatever it still has goes. */
void local_heap_exit(struct heap *heap)
{
	struct slab *s, *next;

	for (s = heap->slabs; s; s = next) {
		next = s->next;
		munmap(s, SLAB_BYTES);
	}
	pthread_mutex_destroy(&heap->lock);
}
