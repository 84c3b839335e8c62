/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* vec.h - sparse arrays whose pages never move */
#ifndef ML_VEC_H
#define ML_VEC_H

#include <linux/atomic.h>
#include <linux/nospec.h>

#include "core.h"

#define ML_LEAF_SHIFT	9
#define ML_LEAF_PAGES	(1UL << ML_LEAF_SHIFT)

int ml_vec_init(struct ml_arena *a, struct ml_vec *v, u64 nr, unsigned int shift,
		unsigned int region);
void ml_vec_exit(struct ml_arena *a, struct ml_vec *v);
void *ml_vec_make(struct ml_arena *a, struct ml_vec *v, u64 i);
void ml_vec_drop(struct ml_arena *a, struct ml_vec *v, u64 i, u64 nr);

static inline void *ml_vec_element(const struct ml_vec *v, void *page, u64 i)
{
	u64 in_page = i & ((1UL << v->shift) - 1);

	return (char *)page + (in_page << (ML_PAGE_SHIFT - v->shift));
}

/* The page of the @nr-th element, which was made some time; NULL: it was dropped since. */
static inline void *ml_vec_page(const struct ml_vec *v, u64 nr)
{
	u64 page = nr >> v->shift;

	return v->top->leaf[page >> ML_LEAF_SHIFT][page & (ML_LEAF_PAGES - 1)];
}

/*
 * The @nr-th element, which the caller knows was made, by its own ml_vec_make() or under a lock.
 * @shift is that of ml_vec_init(), which the compiler knows mostly.
 */
static __always_inline void *ml_vec_known(const struct ml_vec *v, u64 nr, const unsigned int shift)
{
	const u64 page = nr >> shift;
	char *p = v->top->leaf[page >> ML_LEAF_SHIFT][page & (ML_LEAF_PAGES - 1)];

	return p + ((nr & ((1UL << shift) - 1)) << (ML_PAGE_SHIFT - shift));
}

/* The same of any array. */
static inline void *ml_vec_nth(const struct ml_vec *v, u64 nr)
{
	return ml_vec_known(v, nr, v->shift);
}

/* The same by the number that ml_vec_at() takes. */
static inline void *ml_vec_made(const struct ml_vec *v, u64 i)
{
	return ml_vec_nth(v, i - v->first);
}

/* The same, if it was made; NULL: not. @nr: in range, and no program's; arena.lock. */
static inline void *ml_vec_find(const struct ml_vec *v, u64 nr, unsigned int shift)
{
	const u64 page = nr >> shift;
	/* Pairs with the release in top_grow(). */
	const struct ml_top *top = smp_load_acquire(&v->top);
	void **leaf;
	char *p;

	if (page >> ML_LEAF_SHIFT >= top->nr)
		return NULL;
	/* Both pair with the releases in leaf_locked() and make_locked(). */
	leaf = smp_load_acquire(&top->leaf[page >> ML_LEAF_SHIFT]);
	if (!leaf)
		return NULL;
	/* see above */
	p = smp_load_acquire(&leaf[page & (ML_LEAF_PAGES - 1)]);
	return p ? p + ((nr & ((1UL << shift) - 1)) << (ML_PAGE_SHIFT - shift)) : NULL;
}

/**
 * ml_vec_at - the address of an element
 * @v: array
 * @i: any value
 *
 * Context: any; no lock. Pairs with the releases in ml_vec_make().
 * Return: its address, or NULL if its page is out of range or was never made.
 */
static inline void *ml_vec_at(const struct ml_vec *v, u64 i)
{
	/* Pairs with the release in top_grow(). */
	const struct ml_top *top = smp_load_acquire(&v->top);
	void **leaf, *p;
	u64 page, nr;

	i -= v->first;
	page = i >> v->shift;
	nr = page >> ML_LEAF_SHIFT;
	if (nr >= top->nr)
		return NULL;
	nr = array_index_nospec(nr, top->nr);	/* most come from a program */
	/* Both pair with the releases in leaf_locked() and make_locked(). */
	leaf = smp_load_acquire(&top->leaf[nr]);
	if (!leaf)
		return NULL;
	/* see above */
	p = smp_load_acquire(&leaf[page & (ML_LEAF_PAGES - 1)]);
	return p ? ml_vec_element(v, p, i) : NULL;
}

#endif /* ML_VEC_H */
