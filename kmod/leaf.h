/* SPDX-License-Identifier: GPL-2.0-only */
/* leaf.h - the words of the data area's pages, a chunk in a leaf */
#ifndef MEMLANE_LEAF_H
#define MEMLANE_LEAF_H

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "core/core.h"
#include "device.h"
#include "pages.h"
#include "word.h"

/* A program at its memory cgroup's limit gets -ENOMEM from a call, not killed. */
#define GFP_CALL	(__GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/**
 * struct memlane_leaf - the words of one chunk
 * @word: one a page, see word.h
 * @behind: of a committed page, how many pages of its run come before it, written
 *	before the word; and a flag of pages.c
 * @committed: words that are not NONE; core.lock
 * @present: words that hold a page
 * @away: words whose bytes are neither zeros nor in a page
 * @touched: page of the last fault that had bytes brought back; this and the next two
 *	tell which pages to bring, no more: nobody protects them
 * @ahead: the first page behind those that it brought
 * @window: how many it was to bring
 */
struct memlane_leaf {
	unsigned long *word;
	u32 *behind;
	u32 committed;
	atomic_t present;
	atomic_t away;
	u64 touched;
	u64 ahead;
	unsigned int window;
};

/**
 * struct memlane_extent - the whole chunks of a run
 * @node: in memlane_pages.extents, by @first; extents do not overlap
 * @first: chunk
 * @end: chunk behind the last
 * @run: the run's first page
 */
struct memlane_extent {
	struct rb_node node;
	u64 first;
	u64 end;
	u64 run;
};

/* What words hold, or how that changes, for the sums over many of them. */
struct memlane_sum {
	s64 present;
	s64 away;
};

static inline void sum_word(struct memlane_sum *sum, unsigned long word, int sign)
{
	if (word_page(word))
		sum->present += sign;
	else if (word_is_away(word))
		sum->away += sign;
}

static inline unsigned long in_leaf(u64 page)
{
	return page & (ML_CHUNK_PAGES - 1);
}

/* How many of the pages up to @end lie in the leaf of @page. */
static inline u64 leaf_span(u64 page, u64 end)
{
	return min_t(u64, end - page, ML_CHUNK_PAGES - in_leaf(page));
}

/* What the comments say of locks, for lockdep: of the arena whose pages these are. */
static inline const struct ml_arena *core_of(const struct memlane_pages *p)
{
	return &container_of(p, struct memlane_arena, pages)->core;
}

static inline void assert_core_lock(const struct memlane_pages *p)
{
	lockdep_assert_held(&core_of(p)->lock);
}

static inline void assert_core_mover(const struct memlane_pages *p)
{
	lockdep_assert_held(&core_of(p)->mover);
}

/* core.lock, or invalidate_lock: no leaf goes. */
static inline void assert_leaves_stay(const struct memlane_pages *p)
{
	lockdep_assert(lockdep_is_held(&core_of(p)->lock) ||
		       lockdep_is_held(&p->mapping->invalidate_lock));
}

/* core.lock, or invalidate_lock, as long as the leaf is used. */
static inline struct memlane_leaf *leaf_at(struct memlane_pages *p, u64 page)
{
	assert_leaves_stay(p);
	return xa_load(&p->leaves, page >> ML_CHUNK_SHIFT);
}

/* core.lock. */
static inline void memlane_pages_lock(struct memlane_pages *p)
{
	assert_core_lock(p);
	if (!p->reclaiming)
		filemap_invalidate_lock(p->mapping);
}

static inline void memlane_pages_unlock(struct memlane_pages *p)
{
	if (!p->reclaiming)
		filemap_invalidate_unlock(p->mapping);
}

int memlane_pages_charge(struct memlane_pages *p, u64 bytes);
void memlane_pages_uncharge(struct memlane_pages *p, u64 bytes);

void memlane_leaf_sum(struct memlane_pages *p, struct memlane_leaf *leaf, u64 page,
		      const struct memlane_sum *sum);
void memlane_leaf_count(struct memlane_pages *p, struct memlane_leaf *leaf, u64 page,
			unsigned long from, unsigned long to);
u64 memlane_leaf_resident(struct memlane_leaf *leaf, u64 page, u64 nr);
void memlane_leaf_free(struct memlane_pages *p, struct memlane_leaf *leaf);
struct memlane_leaf *memlane_leaf_make(struct memlane_pages *p, u64 page);
u64 memlane_leaf_next(struct memlane_pages *p, u64 page, u64 end);

struct memlane_extent *memlane_extent_at(const struct memlane_pages *p, u64 chunk);
struct memlane_extent *memlane_extent_new(struct memlane_pages *p, u64 page, u64 nr);
void memlane_extent_free(struct memlane_pages *p, struct memlane_extent *e);
void memlane_extent_add(struct memlane_pages *p, struct memlane_extent *e);
void memlane_extent_del(struct memlane_pages *p, u64 page);
bool memlane_extent_is_full(struct memlane_pages *p, u64 page);

#endif /* MEMLANE_LEAF_H */
