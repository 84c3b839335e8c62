// SPDX-License-Identifier: GPL-2.0-only
/*
 * leaf.c - the words of the data area's pages, a chunk in a leaf
 *
 * Leaves lie in an xarray. The chunks that lie in a run altogether are one extent: each
 * of their leaves is made when it is first touched, all EMPTY, so that a large run costs
 * what is touched of it.
 *
 * A leaf goes under core.lock and invalidate_lock for writing, so that who holds one of
 * them, the latter for reading, may look at it.
 */
#include <linux/minmax.h>
#include <linux/slab.h>

#include "leaf.h"
#include "user.h"

/* With a node of the xarray, which leaves that lie far from each other do not share. */
#define LEAF_BYTES (sizeof(struct memlane_leaf) + sizeof(struct xa_node) + \
		    ML_CHUNK_PAGES * (sizeof(unsigned long) + sizeof(u32)))

/**
 * memlane_leaf_sum - words of a leaf have changed
 * @p: pages of an arena
 * @leaf: of these
 * @page: any of its pages, as a leaf's chunk belongs to one lane
 * @sum: by how much more there is now
 *
 * Bytes that are away count in the user's budget like pages: they come back at a touch,
 * which cannot be refused.
 */
void memlane_leaf_sum(struct memlane_pages *p, struct memlane_leaf *leaf, u64 page,
		      const struct memlane_sum *sum)
{
	unsigned int lane = page >= p->lane[MEMLANE_SLOW] ? MEMLANE_SLOW : MEMLANE_FAST;

	if (sum->present) {
		atomic_add(sum->present, &leaf->present);
		atomic64_add(sum->present, &p->present[lane]);
	}
	if (sum->away) {
		atomic_add(sum->away, &leaf->away);
		atomic64_add(sum->away, &p->away[lane]);
	}
	if (sum->present + sum->away)
		atomic64_add(sum->present + sum->away, &p->user->pages);
}

/* One word of a leaf was @from and is @to. */
void memlane_leaf_count(struct memlane_pages *p, struct memlane_leaf *leaf, u64 page,
			unsigned long from, unsigned long to)
{
	struct memlane_sum sum = { };

	sum_word(&sum, from, -1);
	sum_word(&sum, to, 1);
	memlane_leaf_sum(p, leaf, page, &sum);
}

/* How many of these pages of a leaf exist. core.lock, or invalidate_lock. */
u64 memlane_leaf_resident(struct memlane_leaf *leaf, u64 page, u64 nr)
{
	u64 i, present = 0;

	if (nr == ML_CHUNK_PAGES || !atomic_read(&leaf->present))
		return atomic_read(&leaf->present);
	for (i = in_leaf(page); i < in_leaf(page) + nr; i++)
		present += !!word_page(READ_ONCE(leaf->word[i]));
	return present;
}

/* The user's budget, and the arena's sum. Return: 0 or -ENOMEM. */
int memlane_pages_charge(struct memlane_pages *p, u64 bytes)
{
	int err = memlane_user_charge(p->user, bytes);

	if (!err)
		atomic64_add(bytes, &p->metadata);
	return err;
}

void memlane_pages_uncharge(struct memlane_pages *p, u64 bytes)
{
	atomic64_sub(bytes, &p->metadata);
	memlane_user_uncharge(p->user, bytes);
}

void memlane_leaf_free(struct memlane_pages *p, struct memlane_leaf *leaf)
{
	if (!leaf)
		return;
	kfree(leaf->word);
	kfree(leaf->behind);
	kfree(leaf);
	memlane_pages_uncharge(p, LEAF_BYTES);
}

static struct memlane_leaf *leaf_new(struct memlane_pages *p)
{
	struct memlane_leaf *leaf;

	if (memlane_pages_charge(p, LEAF_BYTES))
		return NULL;
	leaf = kzalloc(sizeof(*leaf), GFP_KERNEL_ACCOUNT | GFP_CALL);
	if (!leaf) {
		memlane_pages_uncharge(p, LEAF_BYTES);
		return NULL;
	}
	leaf->word = kcalloc(ML_CHUNK_PAGES, sizeof(*leaf->word), GFP_KERNEL_ACCOUNT | GFP_CALL);
	leaf->behind = kcalloc(ML_CHUNK_PAGES, sizeof(*leaf->behind), GFP_KERNEL_ACCOUNT | GFP_CALL);
	if (leaf->word && leaf->behind)
		return leaf;
	memlane_leaf_free(p, leaf);
	return NULL;
}

/* The leaf of a page, made if there is none; NULL: no memory. core.lock. */
struct memlane_leaf *memlane_leaf_make(struct memlane_pages *p, u64 page)
{
	struct memlane_leaf *leaf = leaf_at(p, page);

	assert_core_lock(p);
	if (leaf)
		return leaf;
	leaf = leaf_new(p);
	if (!leaf)
		return NULL;
	if (xa_err(xa_store(&p->leaves, page >> ML_CHUNK_SHIFT, leaf,
			    GFP_KERNEL_ACCOUNT | GFP_CALL))) {
		memlane_leaf_free(p, leaf);
		return NULL;
	}
	return leaf;
}

/* The first page from @page on that has a leaf, or @end. */
u64 memlane_leaf_next(struct memlane_pages *p, u64 page, u64 end)
{
	unsigned long chunk = page >> ML_CHUNK_SHIFT;

	if (page >= end || !xa_find(&p->leaves, &chunk, (end - 1) >> ML_CHUNK_SHIFT, XA_PRESENT))
		return end;
	return max_t(u64, page, (u64)chunk << ML_CHUNK_SHIFT);
}

/* --------------------------------------------------------------- extents */

static bool extent_lower(struct rb_node *x, const struct rb_node *y)
{
	return rb_entry(x, struct memlane_extent, node)->first < rb_entry(y, struct memlane_extent, node)->first;
}

/* The extent that a chunk is in; NULL: none. core.lock, or invalidate_lock. */
struct memlane_extent *memlane_extent_at(const struct memlane_pages *p, u64 chunk)
{
	struct rb_node *n = p->extents.rb_node;

	assert_leaves_stay(p);
	while (n) {
		struct memlane_extent *e = rb_entry(n, struct memlane_extent, node);

		if (chunk >= e->first && chunk < e->end)
			return e;
		n = chunk < e->first ? n->rb_left : n->rb_right;
	}
	return NULL;
}

/* What is to be the extent of a run; NULL: no memory. */
struct memlane_extent *memlane_extent_new(struct memlane_pages *p, u64 page, u64 nr)
{
	struct memlane_extent *e;

	if (memlane_pages_charge(p, sizeof(*e)))
		return NULL;
	e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT | GFP_CALL);
	if (!e) {
		memlane_pages_uncharge(p, sizeof(*e));
		return NULL;
	}
	e->first = (page + ML_CHUNK_PAGES - 1) >> ML_CHUNK_SHIFT;
	e->end = max(e->first, (page + nr) >> ML_CHUNK_SHIFT);
	e->run = page;
	return e;
}

void memlane_extent_free(struct memlane_pages *p, struct memlane_extent *e)
{
	if (!e)
		return;
	kfree(e);
	memlane_pages_uncharge(p, sizeof(*e));
}

void memlane_extent_add(struct memlane_pages *p, struct memlane_extent *e)
{
	memlane_pages_lock(p);
	rb_add(&e->node, &p->extents, extent_lower);
	memlane_pages_unlock(p);
}

/* The run that begins at @page ends: no leaf is made of it any more. */
void memlane_extent_del(struct memlane_pages *p, u64 page)
{
	struct memlane_extent *e = memlane_extent_at(p, (page + ML_CHUNK_PAGES - 1) >> ML_CHUNK_SHIFT);

	if (!e || e->run != page)
		return;
	memlane_pages_lock(p);
	rb_erase(&e->node, &p->extents);
	memlane_pages_unlock(p);
	memlane_extent_free(p, e);
}

/* Does each chunk of the extent of the run that begins at @page have a leaf, if it has one? core.lock. */
bool memlane_extent_is_full(struct memlane_pages *p, u64 page)
{
	struct memlane_extent *e = memlane_extent_at(p, (page + ML_CHUNK_PAGES - 1) >> ML_CHUNK_SHIFT);
	u64 chunk;

	assert_core_lock(p);
	if (!e || e->run != page)
		return true;
	for (chunk = e->first; chunk < e->end; chunk++)
		if (!leaf_at(p, chunk << ML_CHUNK_SHIFT))
			return false;
	return true;
}

/* All of a leaf's chunk may be touched. */
static void leaf_fill(struct memlane_leaf *leaf, const struct memlane_extent *e, u64 chunk)
{
	u64 behind = (chunk << ML_CHUNK_SHIFT) - e->run;
	unsigned long i;

	for (i = 0; i < ML_CHUNK_PAGES; i++) {
		leaf->word[i] = WORD_EMPTY;
		leaf->behind[i] = behind + i;
	}
	leaf->committed = ML_CHUNK_PAGES;
}

/* With invalidate_lock, or core.lock. Return: whether the leaf is in use now. */
static bool leaf_install(struct memlane_pages *p, u64 chunk, struct memlane_leaf *leaf)
{
	const struct memlane_extent *e = memlane_extent_at(p, chunk);
	bool used = false;

	if (!e)
		return false;
	leaf_fill(leaf, e, chunk);
	xa_lock(&p->leaves);
	/* Published whole: pairs with leaf_at(). What was reserved needs no memory. */
	if (!xa_load(&p->leaves, chunk))
		used = !xa_err(__xa_store(&p->leaves, chunk, leaf, GFP_NOWAIT | __GFP_NOWARN));
	xa_unlock(&p->leaves);
	return used;
}

/**
 * memlane_pages_prepare - let a page that may be touched have a word
 * @p: pages of an arena
 * @nr: number of the page in the data area; any
 *
 * Context: may sleep, and reclaim: no lock of memlane's but core.lock.
 * Return: 0, and it has one, unless its run has ended meanwhile; -ENOMEM.
 */
int memlane_pages_prepare(struct memlane_pages *p, u64 nr)
{
	u64 chunk = nr >> ML_CHUNK_SHIFT;
	struct memlane_leaf *leaf;

	if (xa_load(&p->leaves, chunk))
		return 0;
	leaf = leaf_new(p);
	if (!leaf || xa_reserve(&p->leaves, chunk, GFP_KERNEL_ACCOUNT | GFP_CALL)) {
		memlane_leaf_free(p, leaf);
		return -ENOMEM;
	}
	filemap_invalidate_lock_shared(p->mapping);
	if (!leaf_install(p, chunk, leaf))
		memlane_leaf_free(p, leaf);
	filemap_invalidate_unlock_shared(p->mapping);
	xa_release(&p->leaves, chunk);	/* of a run that has ended */
	return 0;
}

