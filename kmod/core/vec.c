// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vec.c - sparse arrays: a top of leaves, leaves of pages, pages of elements */
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "table.h"
#include "vec.h"

#define TOP_WHOLE	4096	/* leaves: an array with no more has its whole top from the start */
#define TOP_FIRST	64	/* and a longer one at first so much of it */

static u64 vec_pages(const struct ml_vec *v)
{
	return (v->nr + (1UL << v->shift) - 1) >> v->shift;
}

static u64 vec_leaves(const struct ml_vec *v)
{
	return (vec_pages(v) + ML_LEAF_PAGES - 1) >> ML_LEAF_SHIFT;
}

static size_t top_size(u64 nr)
{
	return sizeof(struct ml_top) + nr * sizeof(void **);
}

static struct ml_top *top_new(struct ml_arena *a, u64 nr)
{
	struct ml_top *top = a->ops->zalloc(a, top_size(nr));

	if (top)
		top->nr = nr;
	return top;
}

/* Room for leaf @nr, and as much again. The one before stays for who is reading it. */
static struct ml_top *top_grow(struct ml_arena *a, struct ml_vec *v, u64 nr)
{
	struct ml_top *old = v->top, *top = top_new(a, min(2 * (nr + 1), vec_leaves(v)));

	if (!top)
		return NULL;
	memcpy(top->leaf, old->leaf, old->nr * sizeof(*old->leaf));
	top->old = old;
	smp_store_release(&v->top, top);	/* pairs with ml_vec_at() */
	return top;
}

/**
 * ml_vec_init - an empty array of @nr elements
 * @a: arena
 * @v: array
 * @nr: elements, at least 1
 * @shift: log2 of the elements a page holds, 0 to 12
 * @region: MEMLANE_REGION_* if users map it, else ML_PRIVATE
 *
 * Return: 0 or -ENOMEM.
 */
int ml_vec_init(struct ml_arena *a, struct ml_vec *v, u64 nr, unsigned int shift,
		unsigned int region)
{
	v->nr = nr;
	v->shift = shift;
	v->region = region;
	v->top = top_new(a, vec_leaves(v) > TOP_WHOLE ? TOP_FIRST : vec_leaves(v));
	return v->top ? 0 : -ENOMEM;
}

static void leaf_exit(struct ml_arena *a, struct ml_vec *v, void **leaf)
{
	unsigned long i;

	for (i = 0; v->region == ML_PRIVATE && i < ML_LEAF_PAGES; i++)
		if (leaf[i])
			a->ops->zfree(a, leaf[i], ML_PAGE_SIZE);
	a->ops->zfree(a, leaf, ML_LEAF_PAGES * sizeof(*leaf));
}

/**
 * ml_vec_exit - free an array
 * @a: arena
 * @v: array, also one whose init failed or never ran
 *
 * Shared pages stay with their owner.
 */
void ml_vec_exit(struct ml_arena *a, struct ml_vec *v)
{
	struct ml_top *old;
	u64 i;

	for (i = 0; v->top && i < v->top->nr; i++) {
		if (v->top->leaf[i])
			leaf_exit(a, v, v->top->leaf[i]);
		cond_resched();
	}
	for (; v->top; v->top = old) {
		old = v->top->old;
		a->ops->zfree(a, v->top, top_size(v->top->nr));
	}
}

static void *new_page(struct ml_arena *a, struct ml_vec *v, u64 page)
{
	if (v->region == ML_PRIVATE)
		return a->ops->zalloc(a, ML_PAGE_SIZE);
	return a->ops->share(a, v->region, page);
}

static void **leaf_locked(struct ml_arena *a, struct ml_vec *v, u64 nr)
{
	struct ml_top *top = nr < v->top->nr ? v->top : top_grow(a, v, nr);
	void **leaf = top ? top->leaf[nr] : NULL;

	if (leaf || !top)
		return leaf;
	leaf = a->ops->zalloc(a, ML_LEAF_PAGES * sizeof(*leaf));
	if (leaf)
		smp_store_release(&top->leaf[nr], leaf);	/* pairs with ml_vec_at() */
	return leaf;
}

static void *make_locked(struct ml_arena *a, struct ml_vec *v, u64 page)
{
	void **leaf = leaf_locked(a, v, page >> ML_LEAF_SHIFT);
	void *p;

	if (!leaf)
		return NULL;
	p = leaf[page & (ML_LEAF_PAGES - 1)];
	if (!p) {
		p = new_page(a, v, page);
		if (p) {
			/* Pairs with ml_vec_at(): the page is zeroed. */
			smp_store_release(&leaf[page & (ML_LEAF_PAGES - 1)], p);
		}
	}
	return p;
}

/**
 * ml_vec_make - the address of an element, made if missing
 * @a: arena
 * @v: array
 * @i: element, by the same number as for ml_vec_at()
 *
 * Context: may sleep; takes arena.grow.
 * Return: its address, or NULL if out of range or memory, or on a fatal signal.
 */
void *ml_vec_make(struct ml_arena *a, struct ml_vec *v, u64 i)
{
	void *p = ml_vec_at(v, i);

	i -= v->first;
	if (p || i >= v->nr)
		return p;
	if (mutex_lock_killable(&a->grow))
		return NULL;
	p = make_locked(a, v, i >> v->shift);
	mutex_unlock(&a->grow);
	return p ? ml_vec_element(v, p, i) : NULL;
}

static void drop_page(struct ml_arena *a, struct ml_vec *v, u64 page)
{
	void **leaf, *p;

	mutex_lock(&a->grow);
	leaf = page >> ML_LEAF_SHIFT < v->top->nr ? v->top->leaf[page >> ML_LEAF_SHIFT] : NULL;
	p = leaf ? leaf[page & (ML_LEAF_PAGES - 1)] : NULL;
	if (p)
		WRITE_ONCE(leaf[page & (ML_LEAF_PAGES - 1)], NULL);
	mutex_unlock(&a->grow);
	if (!p)
		return;
	if (v->region == ML_PRIVATE)
		a->ops->zfree(a, p, ML_PAGE_SIZE);
	else
		a->ops->unshare(a, v->region, page, p);
}

/**
 * ml_vec_drop - free the pages of elements that nobody needs any more
 * @a: arena; arena.lock
 * @v: array
 * @i: first element, by the same number as for ml_vec_at(); on a page's edge
 * @nr: how many: whole pages, but at the end of the array
 *
 * Who reads them without arena.lock does so under arena.grow, or where unshare() waits.
 * Context: takes arena.grow.
 */
void ml_vec_drop(struct ml_arena *a, struct ml_vec *v, u64 i, u64 nr)
{
	u64 page = (i - v->first) >> v->shift;
	u64 end = min(page + (nr >> v->shift), vec_pages(v));

	lockdep_assert_held(&a->lock);
	for (; page < end; page++)
		drop_page(a, v, page);
}

static struct ml_vec *shared_vec(struct ml_arena *a, unsigned int region)
{
	switch (region) {
	case MEMLANE_REGION_TABLE:
		return &a->table.entry;
	case MEMLANE_REGION_CLASS:
		return &a->table.cls;
	case MEMLANE_REGION_NOTE:
		return &a->table.note;
	case MEMLANE_REGION_PIN:
		return &a->table.pin;
	case MEMLANE_REGION_SIZE:
		return &a->table.size;
	case MEMLANE_REGION_SLOTS:
		return &a->slots.page;
	case MEMLANE_REGION_STAT:
		return &a->stat;
	default:
		return NULL;
	}
}

/**
 * ml_shared_page - a page of a shared region, for the fault handler
 * @a: arena
 * @region: MEMLANE_REGION_*
 * @page: of the region
 *
 * Context: may sleep; takes arena.grow only.
 * Return: its address in the engine, or NULL if out of range or memory.
 */
void *ml_shared_page(struct ml_arena *a, unsigned int region, u64 page)
{
	struct ml_vec *v = shared_vec(a, region);

	return v && page < vec_pages(v) ? ml_vec_make(a, v, v->first + (page << v->shift)) : NULL;
}

/**
 * ml_shared_look - a page of a shared region, for who may not make one
 * @a: arena
 * @region: MEMLANE_REGION_*
 * @page: of the region
 *
 * Context: any; no lock.
 * Return: its address in the engine, or NULL if out of range or never made.
 */
void *ml_shared_look(struct ml_arena *a, unsigned int region, u64 page)
{
	struct ml_vec *v = shared_vec(a, region);

	return v && page < vec_pages(v) ? ml_vec_at(v, v->first + (page << v->shift)) : NULL;
}

/**
 * ml_shared_is_over - whether all words of a page are of indices that are used up
 * @a: arena
 * @region: MEMLANE_REGION_*
 * @page: of the region
 *
 * There is no page any more, and none is to be made in its place: it reads as zeros.
 * Context: any; no lock.
 */
bool ml_shared_is_over(const struct ml_arena *a, unsigned int region, u64 page)
{
	const struct ml_vec *v = shared_vec((struct ml_arena *)a, region);

	if (region > MEMLANE_REGION_SIZE || page >= vec_pages(v))
		return false;
	return ml_index_gone(a, v->first + (page << v->shift) + 1);	/* the first of all is never used */
}
