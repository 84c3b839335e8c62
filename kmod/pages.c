// SPDX-License-Identifier: GPL-2.0-only
/*
 * pages.c - the pages of an arena's data area
 *
 * Each page of the area has a word: NONE (nobody may touch it), EMPTY (it may be
 * touched and has no page yet) or the struct page. Words lie in leaves of a chunk
 * each, and leaves in an xarray. The chunks that lie in a run altogether are one
 * extent: each of their leaves is made when it is first touched, all EMPTY, so that
 * a large run costs what is touched of it.
 *
 *   NONE -> EMPTY            commit      core.lock
 *   EMPTY -> page            populate    core.lock; or a fault, invalidate_lock read
 *   any -> NONE              decommit    core.lock, invalidate_lock write
 *   page -> EMPTY            remap, clear  core.lock, invalidate_lock write
 *
 * So a thread that holds core.lock, or invalidate_lock for reading, may look at a leaf and
 * at a page. A fault maps a page while it holds invalidate_lock for reading; decommit and
 * remap unmap and change words while they hold it for writing. A page table entry
 * is therefore either made before the unmapping, and removed by it, or made from
 * the words as they are afterwards.
 *
 * Each word holds one reference to its page. Mappings and other parts of the
 * kernel (direct I/O, pipes) have their own: the page is freed with the last.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat.h"
#include "core/core.h"
#include "debugfs.h"
#include "pages.h"
#include "user.h"

#define NONE		0UL
#define EMPTY		1UL

#define TOLD		(1U << 31)	/* that the page is broken */

/* A program at its memory cgroup's limit gets -ENOMEM from a call, not killed. */
#define GFP_CALL	(__GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/* Most pages unmapped at once: faults wait that long. */
#define UNMAP_PAGES	(32 * ML_CHUNK_PAGES)

static_assert(ML_PAGE_SHIFT == PAGE_SHIFT, "memlane needs pages of 4 KiB");

/**
 * struct leaf - the words of one chunk
 * @word: one a page, see the top
 * @behind: of a committed page, how many pages of its run come before it, written
 *	before the word; and TOLD, changed under core.lock
 * @committed: words that are not NONE; core.lock
 * @present: words that hold a page
 */
struct leaf {
	unsigned long *word;
	u32 *behind;
	u32 committed;
	atomic_t present;
};

/**
 * struct extent - the whole chunks of a run
 * @node: in memlane_pages.extents, by @first; extents do not overlap
 * @first: chunk
 * @end: chunk behind the last
 * @run: the run's first page
 */
struct extent {
	struct rb_node node;
	u64 first;
	u64 end;
	u64 run;
};

/* With a node of the xarray, which leaves that lie far from each other do not share. */
#define LEAF_BYTES (sizeof(struct leaf) + sizeof(struct xa_node) + \
		    ML_CHUNK_PAGES * (sizeof(unsigned long) + sizeof(u32)))

static unsigned long in_leaf(u64 page)
{
	return page & (ML_CHUNK_PAGES - 1);
}

/* core.lock. */
static void pages_lock_map(struct memlane_pages *p)
{
	if (!p->reclaiming)
		filemap_invalidate_lock(p->mapping);
}

static void pages_unlock_map(struct memlane_pages *p)
{
	if (!p->reclaiming)
		filemap_invalidate_unlock(p->mapping);
}

/**
 * memlane_pages_try - from here on, do not wait for faults
 * @p: pages of an arena
 *
 * Context: core.lock, until memlane_pages_tried().
 * Return: false: a fault is under way, perhaps the caller's own.
 */
bool memlane_pages_try(struct memlane_pages *p)
{
	p->reclaiming = down_write_trylock(&p->mapping->invalidate_lock);
	return p->reclaiming;
}

void memlane_pages_tried(struct memlane_pages *p)
{
	p->reclaiming = false;
	filemap_invalidate_unlock(p->mapping);
}

/* Between two leaves of many: who is being killed need not hear the answer. */
static bool is_dying(void)
{
	cond_resched();
	return fatal_signal_pending(current);
}

/* How many of the pages up to @end lie in the leaf of @page. */
static u64 leaf_span(u64 page, u64 end)
{
	return min_t(u64, end - page, ML_CHUNK_PAGES - in_leaf(page));
}

static struct page *page_of(unsigned long word)
{
	return word > EMPTY ? (struct page *)word : NULL;
}

static struct leaf *leaf_at(struct memlane_pages *p, u64 page)
{
	return xa_load(&p->leaves, page >> ML_CHUNK_SHIFT);
}

/* A leaf's chunk belongs to one lane. */
static void count_present(struct memlane_pages *p, struct leaf *leaf, u64 page, s64 nr)
{
	unsigned int lane = page >= p->lane[MEMLANE_SLOW] ? MEMLANE_SLOW : MEMLANE_FAST;

	atomic_add(nr, &leaf->present);
	atomic64_add(nr, &p->present[lane]);
	atomic64_add(nr, &p->user->pages);
}

/* The user's budget, and the arena's sum. Return: 0 or -ENOMEM. */
static int pages_charge(struct memlane_pages *p, u64 bytes)
{
	int err = memlane_user_charge(p->user, bytes);

	if (!err)
		atomic64_add(bytes, &p->metadata);
	return err;
}

static void pages_uncharge(struct memlane_pages *p, u64 bytes)
{
	atomic64_sub(bytes, &p->metadata);
	memlane_user_uncharge(p->user, bytes);
}

static void leaf_free(struct memlane_pages *p, struct leaf *leaf)
{
	if (!leaf)
		return;
	kfree(leaf->word);
	kfree(leaf->behind);
	kfree(leaf);
	pages_uncharge(p, LEAF_BYTES);
}

static struct leaf *leaf_new(struct memlane_pages *p)
{
	struct leaf *leaf;

	if (pages_charge(p, LEAF_BYTES))
		return NULL;
	leaf = kzalloc(sizeof(*leaf), GFP_KERNEL_ACCOUNT | GFP_CALL);
	if (!leaf) {
		pages_uncharge(p, LEAF_BYTES);
		return NULL;
	}
	leaf->word = kcalloc(ML_CHUNK_PAGES, sizeof(*leaf->word), GFP_KERNEL_ACCOUNT | GFP_CALL);
	leaf->behind = kcalloc(ML_CHUNK_PAGES, sizeof(*leaf->behind), GFP_KERNEL_ACCOUNT | GFP_CALL);
	if (leaf->word && leaf->behind)
		return leaf;
	leaf_free(p, leaf);
	return NULL;
}

static struct leaf *leaf_make(struct memlane_pages *p, u64 page)
{
	struct leaf *leaf = leaf_at(p, page);

	if (leaf)
		return leaf;
	leaf = leaf_new(p);
	if (!leaf)
		return NULL;
	if (xa_err(xa_store(&p->leaves, page >> ML_CHUNK_SHIFT, leaf,
			    GFP_KERNEL_ACCOUNT | GFP_CALL))) {
		leaf_free(p, leaf);
		return NULL;
	}
	return leaf;
}

/* The first page from @page on that has a leaf, or @end. */
static u64 next_leaf(struct memlane_pages *p, u64 page, u64 end)
{
	unsigned long chunk = page >> ML_CHUNK_SHIFT;

	if (page >= end || !xa_find(&p->leaves, &chunk, (end - 1) >> ML_CHUNK_SHIFT, XA_PRESENT))
		return end;
	return max_t(u64, page, (u64)chunk << ML_CHUNK_SHIFT);
}

/* --------------------------------------------------------------- extents */

static bool extent_lower(struct rb_node *x, const struct rb_node *y)
{
	return rb_entry(x, struct extent, node)->first < rb_entry(y, struct extent, node)->first;
}

/* The extent that a chunk is in; NULL: none. core.lock, or invalidate_lock. */
static struct extent *extent_at(const struct memlane_pages *p, u64 chunk)
{
	struct rb_node *n = p->extents.rb_node;

	while (n) {
		struct extent *e = rb_entry(n, struct extent, node);

		if (chunk >= e->first && chunk < e->end)
			return e;
		n = chunk < e->first ? n->rb_left : n->rb_right;
	}
	return NULL;
}

/* What is to be the extent of a run; NULL: no memory. */
static struct extent *extent_new(struct memlane_pages *p, u64 page, u64 nr)
{
	struct extent *e;

	if (pages_charge(p, sizeof(*e)))
		return NULL;
	e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT | GFP_CALL);
	if (!e) {
		pages_uncharge(p, sizeof(*e));
		return NULL;
	}
	e->first = (page + ML_CHUNK_PAGES - 1) >> ML_CHUNK_SHIFT;
	e->end = max(e->first, (page + nr) >> ML_CHUNK_SHIFT);
	e->run = page;
	return e;
}

static void extent_free(struct memlane_pages *p, struct extent *e)
{
	if (!e)
		return;
	kfree(e);
	pages_uncharge(p, sizeof(*e));
}

static void extent_add(struct memlane_pages *p, struct extent *e)
{
	pages_lock_map(p);
	rb_add(&e->node, &p->extents, extent_lower);
	pages_unlock_map(p);
}

/* The run that begins at @page ends: no leaf is made of it any more. */
static void extent_del(struct memlane_pages *p, u64 page)
{
	struct extent *e = extent_at(p, (page + ML_CHUNK_PAGES - 1) >> ML_CHUNK_SHIFT);

	if (!e || e->run != page)
		return;
	pages_lock_map(p);
	rb_erase(&e->node, &p->extents);
	pages_unlock_map(p);
	extent_free(p, e);
}

/* All of a leaf's chunk may be touched. */
static void leaf_fill(struct leaf *leaf, const struct extent *e, u64 chunk)
{
	u64 behind = (chunk << ML_CHUNK_SHIFT) - e->run;
	unsigned long i;

	for (i = 0; i < ML_CHUNK_PAGES; i++) {
		leaf->word[i] = EMPTY;
		leaf->behind[i] = behind + i;
	}
	leaf->committed = ML_CHUNK_PAGES;
}

/* With invalidate_lock, or core.lock. Return: whether the leaf is in use now. */
static bool leaf_install(struct memlane_pages *p, u64 chunk, struct leaf *leaf)
{
	const struct extent *e = extent_at(p, chunk);
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
	struct leaf *leaf;

	if (leaf_at(p, nr))
		return 0;
	leaf = leaf_new(p);
	if (!leaf || xa_reserve(&p->leaves, chunk, GFP_KERNEL_ACCOUNT | GFP_CALL)) {
		leaf_free(p, leaf);
		return -ENOMEM;
	}
	filemap_invalidate_lock_shared(p->mapping);
	if (!leaf_install(p, chunk, leaf))
		leaf_free(p, leaf);
	filemap_invalidate_unlock_shared(p->mapping);
	xa_release(&p->leaves, chunk);	/* of a run that has ended */
	return 0;
}

/**
 * memlane_page_new - a zeroed page, charged to the caller's memory cgroup
 * @extra: more flags for the allocator
 *
 * Context: may sleep, and reclaim: no lock of memlane's but core.lock.
 * Return: the page, or NULL.
 */
struct page *memlane_page_new(gfp_t extra)
{
	struct page *page = alloc_page(GFP_USER | __GFP_ACCOUNT | __GFP_ZERO | extra);

	if (page)
		atomic64_inc(&memlane_totals.pages);
	return page;
}

/*
 * Where a page is: what a futex in it is known by, to all processes. It is in no page
 * cache and on no list, so nothing but that, and what marks it dirty, looks there.
 */
static void page_name(struct memlane_pages *p, struct page *page, u64 nr)
{
	struct folio *folio = page_folio(page);

	WRITE_ONCE(folio->index, (p->offset >> PAGE_SHIFT) + nr);
	WRITE_ONCE(folio->mapping, p->mapping);
}

/**
 * memlane_page_drop - let go of a page
 * @page: from memlane_page_new(), or NULL
 *
 * Nobody maps it; others may hold it still.
 */
void memlane_page_drop(struct page *page)
{
	if (!page)
		return;
	WRITE_ONCE(page_folio(page)->mapping, NULL);
	put_page(page);
	atomic64_dec(&memlane_totals.pages);
}

/**
 * memlane_page_at - the page of a place in the data area
 * @p: pages of an arena
 * @nr: number of the page in the data area
 *
 * Context: core.lock, or invalidate_lock for reading, as long as the page is used.
 * Return: the page, without a reference of its own; NULL: there is none.
 */
struct page *memlane_page_at(struct memlane_pages *p, u64 nr)
{
	struct leaf *leaf = leaf_at(p, nr);

	return leaf ? page_of(READ_ONCE(leaf->word[in_leaf(nr)])) : NULL;
}

/**
 * memlane_page_fill - the page of a place, put there if there is none
 * @p: pages of an arena
 * @nr: number of the page in the data area
 * @spare: a page to put there; NULL once it was used
 *
 * Context: as memlane_page_at().
 * Return: the page; NULL: there is none and no spare one either, or no word for it
 * yet; -EFAULT: the place may not be touched.
 */
struct page *memlane_page_fill(struct memlane_pages *p, u64 nr, struct page **spare)
{
	struct leaf *leaf = leaf_at(p, nr);
	unsigned long word = NONE;

	if (!leaf && extent_at(p, nr >> ML_CHUNK_SHIFT))
		return NULL;
	if (leaf)
		word = smp_load_acquire(&leaf->word[in_leaf(nr)]);	/* see commit_word() */
	if (word == EMPTY && *spare) {
		page_name(p, *spare, nr);
		word = cmpxchg(&leaf->word[in_leaf(nr)], EMPTY, (unsigned long)*spare);
		if (word == EMPTY) {
			count_present(p, leaf, nr, 1);
			word = (unsigned long)*spare;
			*spare = NULL;
		}
	}
	return word == NONE ? ERR_PTR(-EFAULT) : page_of(word);
}

/**
 * memlane_page_first - the first page of the run that a page is in
 * @p: pages of an arena
 * @nr: number of the page in the data area, one that memlane_page_fill() found
 *
 * Context: core.lock, or invalidate_lock for reading since then.
 */
u64 memlane_page_first(struct memlane_pages *p, u64 nr)
{
	struct leaf *leaf = leaf_at(p, nr);

	return nr - (READ_ONCE(leaf->behind[in_leaf(nr)]) & ~TOLD);
}

/* Pairs with the acquire in memlane_page_fill(): the run is described, and where it begins. */
static void commit_word(struct leaf *leaf, u64 page, u64 behind)
{
	unsigned long i = in_leaf(page);

	if (WARN_ON_ONCE(leaf->word[i] != NONE))
		return;
	WRITE_ONCE(leaf->behind[i], behind);
	smp_store_release(&leaf->word[i], EMPTY);	/* see above */
}

/* A part of a run that is in a chunk with others. */
static int commit_part(struct memlane_pages *p, u64 run, u64 page, u64 nr)
{
	struct leaf *leaf;
	u64 i;

	if (!nr)
		return 0;
	leaf = leaf_make(p, page);
	if (!leaf)
		return -ENOMEM;
	for (i = page; i < page + nr; i++)
		commit_word(leaf, i, i - run);
	leaf->committed += nr;
	return 0;
}

/* What lies before the whole chunks, and behind them. */
static int commit_ends(struct memlane_pages *p, const struct extent *e, u64 end)
{
	u64 head = (e->first << ML_CHUNK_SHIFT) - e->run, tail = e->end << ML_CHUNK_SHIFT;
	int err = commit_part(p, e->run, e->run, head);

	if (err)
		return err;
	err = commit_part(p, e->run, tail, end - tail);
	if (err)
		memlane_pages_decommit(p, e->run, head);
	return err;
}

static int commit_large(struct memlane_pages *p, u64 page, u64 nr)
{
	struct extent *e = extent_new(p, page, nr);
	int err = e ? commit_ends(p, e, page + nr) : -ENOMEM;

	if (err)
		extent_free(p, e);
	else
		extent_add(p, e);
	return err;
}

static int commit_small(struct memlane_pages *p, u64 page, u64 nr)
{
	u64 first = leaf_span(page, page + nr);
	int err = commit_part(p, page, page, first);

	if (err)
		return err;
	err = commit_part(p, page, page + first, nr - first);
	if (err)
		memlane_pages_decommit(p, page, first);
	return err;
}

/**
 * memlane_pages_commit - users may touch these pages
 * @p: pages of an arena
 * @page: first, of a run
 * @nr: how many the run has; up to 2^31
 *
 * Takes two leaves at most, however many pages there are.
 *
 * Context: core.lock.
 * Return: 0, or -ENOMEM and nothing has changed.
 */
int memlane_pages_commit(struct memlane_pages *p, u64 page, u64 nr)
{
	u64 first = (page + ML_CHUNK_PAGES - 1) >> ML_CHUNK_SHIFT;

	if ((page + nr) >> ML_CHUNK_SHIFT > first)
		return commit_large(p, page, nr);
	return commit_small(p, page, nr);
}

/**
 * memlane_pages_populate - make committed pages exist
 * @p: pages of an arena
 * @page: first
 * @nr: how many
 *
 * Context: core.lock.
 * Return: 0 or -ENOMEM; what was made until then stays. -EBUSY: a page is broken.
 */
int memlane_pages_populate(struct memlane_pages *p, u64 page, u64 nr)
{
	struct page *spare = NULL, *it;
	u64 end = page + nr;
	int err = 0;

	for (; page < end && !err; page++) {
		it = memlane_page_at(p, page);
		if (it) {
			err = PageHWPoison(it) ? -EBUSY : 0;
			continue;
		}
		if (!spare && memlane_user_may_have_page(p->user))
			spare = memlane_page_new(GFP_CALL);
		if (!spare || memlane_pages_prepare(p, page))
			err = -ENOMEM;
		else
			WARN_ON_ONCE(IS_ERR(memlane_page_fill(p, page, &spare)));
		cond_resched();
	}
	memlane_page_drop(spare);	/* a fault was quicker */
	return err;
}

/* The counter of the lane whose pages these are; NULL: of no whole lane. */
static atomic64_t *lane_present(struct memlane_pages *p, u64 page, u64 end)
{
	unsigned int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		if (page == p->lane[lane] && end == p->lane[lane + 1])
			return &p->present[lane];
	return NULL;
}

static u64 leaf_resident(struct leaf *leaf, u64 page, u64 nr)
{
	u64 i, present = 0;

	if (nr == ML_CHUNK_PAGES || !atomic_read(&leaf->present))
		return atomic_read(&leaf->present);
	for (i = in_leaf(page); i < in_leaf(page) + nr; i++)
		present += READ_ONCE(leaf->word[i]) > EMPTY;
	return present;
}

/**
 * memlane_pages_resident - how many of these pages exist
 * @p: pages of an arena
 * @page: first
 * @nr: how many
 *
 * Context: core.lock.
 */
u64 memlane_pages_resident(struct memlane_pages *p, u64 page, u64 nr)
{
	u64 end = page + nr, first, present = 0;
	atomic64_t *whole = lane_present(p, page, end);
	unsigned long chunk;
	struct leaf *leaf;

	if (whole || !nr)
		return nr ? atomic64_read(whole) : 0;
	xa_for_each_range(&p->leaves, chunk, leaf, page >> ML_CHUNK_SHIFT,
			  (end - 1) >> ML_CHUNK_SHIFT) {
		first = max_t(u64, page, (u64)chunk << ML_CHUNK_SHIFT);
		present += leaf_resident(leaf, first, leaf_span(first, end));
	}
	return present;
}

/**
 * memlane_pages_metadata - bytes of the leaves and extents
 * @p: pages of an arena
 */
u64 memlane_pages_metadata(const struct memlane_pages *p)
{
	return atomic64_read(&p->metadata);
}

/* One call for all of them, as each flushes every CPU's TLB. invalidate_lock, write. */
static void pages_unmap(struct memlane_pages *p, u64 page, u64 nr)
{
	lockdep_assert_held_write(&p->mapping->invalidate_lock);
	if (memlane_pages_resident(p, page, nr))
		unmap_mapping_range(p->mapping, p->offset + (page << PAGE_SHIFT),
				    nr << PAGE_SHIFT, 1);
}

/* Empty a part of a leaf, and free the leaf if nothing is left. Unmapped. */
static u64 leaf_decommit(struct memlane_pages *p, u64 page, u64 nr)
{
	struct leaf *leaf = leaf_at(p, page);
	u64 i, had = 0;

	if (!leaf)
		return 0;
	for (i = in_leaf(page); i < in_leaf(page) + nr; i++) {
		had += leaf->word[i] > EMPTY;
		memlane_page_drop(page_of(leaf->word[i]));
		leaf->word[i] = NONE;
	}
	count_present(p, leaf, page, -(s64)had);
	leaf->committed -= nr;
	if (!leaf->committed)
		leaf_free(p, xa_erase(&p->leaves, page >> ML_CHUNK_SHIFT));
	return had;
}

/**
 * memlane_pages_decommit - nobody may touch these pages any more
 * @p: pages of an arena
 * @page: first
 * @nr: how many, all of a run
 *
 * Takes as long as there are pages, as freeing them does.
 *
 * Context: core.lock.
 * Return: how many existed; they have gone back to the system.
 */
u64 memlane_pages_decommit(struct memlane_pages *p, u64 page, u64 nr)
{
	u64 end = page + nr, piece, at, n, had = 0;

	extent_del(p, page);
	for (page = next_leaf(p, page, end); page < end; page = next_leaf(p, piece, end)) {
		piece = min_t(u64, end, page + UNMAP_PAGES);
		pages_lock_map(p);
		pages_unmap(p, page, piece - page);
		for (at = page; at < piece; at += n) {
			n = leaf_span(at, piece);
			had += leaf_decommit(p, at, n);
		}
		pages_unlock_map(p);
		cond_resched();
	}
	return had;
}

/* Empty a word that is committed; the page comes without a count. */
static unsigned long take_word(struct memlane_pages *p, struct leaf *leaf, u64 page)
{
	unsigned long word = leaf ? leaf->word[in_leaf(page)] : EMPTY;

	if (word > EMPTY)
		count_present(p, leaf, page, -1);
	if (leaf)
		leaf->word[in_leaf(page)] = EMPTY;
	return word;
}

static void leaf_clear(struct memlane_pages *p, struct leaf *leaf, u64 page)
{
	u64 end = page + ML_CHUNK_PAGES;

	for (; page < end; page++)
		if (leaf->word[in_leaf(page)] > EMPTY)
			memlane_page_drop(page_of(take_word(p, leaf, page)));
}

/**
 * memlane_pages_clear - let go of all pages, and keep what may be touched
 * @p: pages of an arena that nobody uses any more
 *
 * Context: core.lock.
 */
void memlane_pages_clear(struct memlane_pages *p)
{
	unsigned long chunk;
	struct leaf *leaf;

	xa_for_each(&p->leaves, chunk, leaf) {
		u64 page = (u64)chunk << ML_CHUNK_SHIFT;

		pages_lock_map(p);
		pages_unmap(p, page, ML_CHUNK_PAGES);
		leaf_clear(p, leaf, page);
		pages_unlock_map(p);
		cond_resched();
	}
}

/*
 * Hand over one page. A program may have touched the new place before it was
 * told of it: that page is dropped. So is one that it brought to the old place, in
 * no section, after memlane_pages_reserve() looked there. Both are unmapped.
 */
static void move_word(struct memlane_pages *p, struct leaf *dst, u64 to, struct leaf *src,
		      u64 from)
{
	unsigned long word;

	memlane_page_drop(page_of(take_word(p, dst, to)));
	word = take_word(p, src, from);
	if (!dst) {
		memlane_page_drop(page_of(word));
		return;
	}
	if (word > EMPTY) {
		count_present(p, dst, to, 1);
		page_name(p, page_of(word), to);
	}
	dst->word[in_leaf(to)] = word;
}

static void move_words(struct memlane_pages *p, u64 to, u64 from, u64 nr)
{
	struct leaf *dst, *src;
	u64 i, n;

	for (; nr; nr -= n, to += n, from += n) {
		n = min(leaf_span(to, to + nr), leaf_span(from, from + nr));
		dst = leaf_at(p, to);
		src = leaf_at(p, from);
		for (i = 0; (dst || src) && i < n; i++)
			move_word(p, dst, to + i, src, from + i);
	}
}

/* Where both have no leaf, nothing is to be moved: pages up to there. */
static u64 pages_to_skip(struct memlane_pages *p, u64 to, u64 from, u64 nr)
{
	return min(next_leaf(p, to, to + nr) - to, next_leaf(p, from, from + nr) - from);
}

/**
 * memlane_pages_reserve - have what handing pages over needs
 * @p: pages of an arena
 * @to: first page of the new place, committed
 * @from: first page of the old place, committed
 * @nr: how many; the places do not overlap
 *
 * Context: core.lock.
 * Return: 0, -ENOMEM, or -EINTR: a fatal signal.
 */
int memlane_pages_reserve(struct memlane_pages *p, u64 to, u64 from, u64 nr)
{
	u64 at, n, end = from + nr;
	int err = 0;

	for (at = next_leaf(p, from, end); at < end && !err; at = next_leaf(p, at + n, end)) {
		n = leaf_span(at, end);
		err = memlane_pages_prepare(p, to + (at - from));
		if (!err)
			err = memlane_pages_prepare(p, to + (at - from) + n - 1);
		if (!err && is_dying())
			err = -EINTR;
	}
	return err;
}

/**
 * memlane_pages_remap - hand pages over to another place
 * @p: pages of an arena
 * @to: first page of the new place, committed
 * @from: first page of the old place, committed; it has no pages afterwards
 * @nr: how many; the places do not overlap
 *
 * Context: core.lock.
 */
void memlane_pages_remap(struct memlane_pages *p, u64 to, u64 from, u64 nr)
{
	u64 done = 0, n;

	for (;; done += n) {
		done += pages_to_skip(p, to + done, from + done, nr - done);
		if (done == nr)
			break;
		n = min_t(u64, nr - done, UNMAP_PAGES);
		pages_lock_map(p);
		pages_unmap(p, to + done, n);
		pages_unmap(p, from + done, n);
		move_words(p, to + done, from + done, n);
		pages_unlock_map(p);
		cond_resched();
	}
}

/* Bytes that lie in one page on both sides. A page that never was reads as zeros. */
static void copy_piece(struct memlane_pages *p, u64 to, u64 from, size_t len)
{
	struct page *dst = memlane_page_at(p, to >> PAGE_SHIFT);
	struct page *src = memlane_page_at(p, from >> PAGE_SHIFT);

	if (WARN_ON_ONCE(!dst))
		return;
	if (src)
		memcpy_page(dst, offset_in_page(to), src, offset_in_page(from), len);
	else
		memzero_page(dst, offset_in_page(to), len);
}

/**
 * memlane_pages_copy - copy inside the data area
 * @p: pages of an arena
 * @to: byte in the data area; populated
 * @from: byte in the data area
 * @len: bytes
 *
 * Context: core.lock.
 */
void memlane_pages_copy(struct memlane_pages *p, u64 to, u64 from, size_t len)
{
	size_t n;

	for (; len; len -= n, to += n, from += n) {
		n = min3(len, PAGE_SIZE - offset_in_page(to), PAGE_SIZE - offset_in_page(from));
		copy_piece(p, to, from, n);
	}
}

/*
 * A page that the machine has found broken must not be read. Otherwise:
 * References: one of the word, one of each mapping, and those of others. A fault
 * raises both counts and a munmap lowers both, one after the other, so they are
 * looked at while no fault can be: invalidate_lock is held for writing. What is unmapped
 * meanwhile errs to yes; what a fork maps (after MADV_DOFORK) is in both looks or in
 * the second.
 */
static bool page_held(struct page *page)
{
	int before = memlane_mapcount(page), refs, after;

	if (PageHWPoison(page))
		return true;
	smp_rmb();	/* pairs with the atomics of who maps, unmaps or holds the page */
	refs = page_ref_count(page);
	smp_rmb();	/* as above */
	after = memlane_mapcount(page);
	return refs > 1 + min(before, after);
}

static bool leaf_held(struct leaf *leaf, u64 page, u64 nr)
{
	struct page *it;
	u64 i;

	for (i = in_leaf(page); i < in_leaf(page) + nr; i++) {
		it = page_of(leaf->word[i]);
		if (it && page_held(it))
			return true;
	}
	return false;
}

/**
 * memlane_pages_held - whether some other part of the kernel uses a page
 * @p: pages of an arena
 * @page: first
 * @nr: how many
 *
 * Such a page must not be copied away from: what is written to it would be lost.
 * The answer may be a passing yes while a page is being unmapped, or the caller is being
 * killed. A no stays true
 * as long as no program is in a section or holds a pin on what lies there.
 *
 * Context: core.lock.
 */
bool memlane_pages_held(struct memlane_pages *p, u64 page, u64 nr)
{
	u64 end = page + nr, n;
	struct leaf *leaf;
	bool held = false;

	for (page = next_leaf(p, page, end); page < end && !held;
	     page = next_leaf(p, page + n, end)) {
		n = leaf_span(page, end);
		leaf = leaf_at(p, page);
		if (!atomic_read(&leaf->present))
			continue;
		pages_lock_map(p);
		held = leaf_held(leaf, page, n);
		pages_unlock_map(p);
		held |= is_dying();
	}
	return held;
}

static bool leaf_lost(struct leaf *leaf, u64 page, u64 nr)
{
	struct page *it;
	bool lost = false;
	u64 i;

	for (i = in_leaf(page); i < in_leaf(page) + nr; i++) {
		it = page_of(READ_ONCE(leaf->word[i]));
		if (!it || !PageHWPoison(it))
			continue;
		lost |= !(leaf->behind[i] & TOLD);
		WRITE_ONCE(leaf->behind[i], leaf->behind[i] | TOLD);
	}
	return lost;
}

/**
 * memlane_pages_lost - whether a page is broken that was not told of yet
 * @p: pages of an arena
 * @page: first
 * @nr: how many
 *
 * Context: core.lock.
 */
bool memlane_pages_lost(struct memlane_pages *p, u64 page, u64 nr)
{
	u64 end = page + nr, n;
	bool lost = false;

	for (page = next_leaf(p, page, end); page < end; page = next_leaf(p, page + n, end)) {
		n = leaf_span(page, end);
		lost |= leaf_lost(leaf_at(p, page), page, n);
		if (is_dying())
			break;
	}
	return lost;
}

/**
 * memlane_pages_init - nothing may be touched
 * @p: to set up
 * @mapping: lists the mappings of the arena's file
 * @user: whose they are
 */
void memlane_pages_init(struct memlane_pages *p, struct address_space *mapping,
			struct memlane_user *user)
{
	p->user = user;
	xa_init_flags(&p->leaves, XA_FLAGS_ACCOUNT);
	p->extents = RB_ROOT;
	p->mapping = mapping;
}

/**
 * memlane_pages_exit - let go of all pages
 * @p: pages of an arena that nobody maps
 */
void memlane_pages_exit(struct memlane_pages *p)
{
	unsigned long chunk, i;
	struct extent *e, *next;
	struct leaf *leaf;

	rbtree_postorder_for_each_entry_safe(e, next, &p->extents, node)
		extent_free(p, e);
	xa_for_each(&p->leaves, chunk, leaf) {
		for (i = 0; i < ML_CHUNK_PAGES; i++)
			memlane_page_drop(page_of(leaf->word[i]));
		leaf_free(p, leaf);
		cond_resched();
	}
	xa_destroy(&p->leaves);
	atomic64_sub(atomic64_read(&p->present[MEMLANE_FAST]) +
		     atomic64_read(&p->present[MEMLANE_SLOW]), &p->user->pages);
}
