// SPDX-License-Identifier: GPL-2.0-only
/*
 * pages.c - the pages of an arena's data area
 *
 * Each page of the area has a word, which says where its bytes are, if anybody may touch
 * it: see word.h, also for who changes it. Words lie in leaves: see leaf.h. What is away
 * comes back by memlane_page_fill(), and goes by memlane_pages_cool(): see cold.c. What is
 * in a file goes by memlane_pages_store(), and comes by memlane_load_get().
 *
 * So a thread that holds core.lock, or invalidate_lock for reading, may look at a leaf and
 * at a page. A fault maps a page while it holds invalidate_lock for reading; decommit and
 * remap unmap and change words while they hold it for writing. A page table entry
 * is therefore either made before the unmapping, and removed by it, or made from
 * the words as they are afterwards. What a run leaves for the next one stays mapped.
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

#include "backing.h"
#include "compat.h"
#include "core/core.h"
#include "debugfs.h"
#include "leaf.h"
#include "load.h"
#include "pages.h"
#include "user.h"
#include "word.h"

#define TOLD		(1U << 31)	/* that the page is broken */
#define NOBODY		(TOLD - 1)	/* in place of how far behind: the page is kept */

/* Most pages unmapped at once: faults wait that long. */
#define UNMAP_PAGES	(32 * ML_CHUNK_PAGES)

/* What a larger run has goes back at once: while a run is looked through faults wait, too. */
#define KEEP_PAGES	(16 * ML_CHUNK_PAGES)

static_assert(ML_PAGE_SHIFT == PAGE_SHIFT, "memlane needs pages of 4 KiB");

/**
 * memlane_pages_try - from here on, do not wait for faults
 * @p: pages of an arena
 *
 * Context: core.lock, until memlane_pages_tried().
 * Return: false: a fault is under way, perhaps the caller's own.
 */
bool memlane_pages_try(struct memlane_pages *p)
{
	assert_core_lock(p);
	p->reclaiming = down_write_trylock(&p->mapping->invalidate_lock);
	return p->reclaiming;
}

void memlane_pages_tried(struct memlane_pages *p)
{
	assert_core_lock(p);
	p->reclaiming = false;
	filemap_invalidate_unlock(p->mapping);
}

/* Between two leaves of many: who is being killed need not hear the answer. */
static bool is_dying(void)
{
	cond_resched();
	return fatal_signal_pending(current);
}

static struct page *page_counted(struct page *page)
{
	if (page)
		atomic64_inc(&memlane_totals.pages);
	return page;
}

/**
 * memlane_page_new - a page, charged to the caller's memory cgroup
 * @extra: more flags for the allocator
 *
 * Whatever was there before is there still: who puts it to use writes all its bytes.
 *
 * Context: may sleep, and reclaim: no lock of memlane's but core.lock.
 * Return: the page, or NULL.
 */
struct page *memlane_page_new(gfp_t extra)
{
	return page_counted(alloc_page(GFP_USER | __GFP_ACCOUNT | extra));
}

/* The same where a lock is held: nothing is reclaimed for it, so NULL is likely when memory is short. */
struct page *memlane_page_new_now(void)
{
	return page_counted(alloc_page(GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN));
}

/*
 * Where a page is: what a futex in it is known by, to all processes. It is in no page
 * cache and on no list, so nothing but that, and what marks it dirty, looks there.
 */
void memlane_page_name(struct memlane_pages *p, struct page *page, u64 nr)
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
 * Context: core.lock and core.mover, or invalidate_lock for reading, as long as the page
 * is used.
 * Return: the page, without a reference of its own; NULL: there is none, and it reads as
 * zeros; -EAGAIN: its bytes are elsewhere, and memlane_page_fill() brings them.
 */
struct page *memlane_page_at(struct memlane_pages *p, u64 nr)
{
	struct memlane_leaf *leaf = leaf_at(p, nr);
	unsigned long word = leaf ? READ_ONCE(leaf->word[in_leaf(nr)]) : WORD_EMPTY;

	lockdep_assert(lockdep_is_held(&core_of(p)->mover) ||
		       lockdep_is_held(&p->mapping->invalidate_lock));
	if (word_is_page(word))
		return word_page(word);
	return word == WORD_EMPTY || word == WORD_NONE ? NULL : ERR_PTR(-EAGAIN);
}

static void page_set(struct page *page, u32 pattern)
{
	if (pattern)
		memset32(page_address(page), pattern, PAGE_SIZE / sizeof(u32));
	else
		clear_page(page_address(page));
}

/* A word that says what all of its page is filled with. */
static void fill_same(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr,
		      unsigned long word, struct page **spare)
{
	struct page *page = *spare;

	memlane_page_name(p, page, nr);
	page_set(page, word_pattern(word));
	if (cmpxchg(&leaf->word[in_leaf(nr)], word, word_make(page, WORD_PAGE)) == word) {
		memlane_leaf_count(p, leaf, nr, word, word_make(page, WORD_PAGE));
		if (word_pattern(word))
			atomic64_inc(&p->cold.warmed);
		*spare = NULL;
	}
}

/* Bring the bytes of a word into a page, by one step. Return: 1: look again; 0; -errno. */
static int fill_word(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr,
		     unsigned long word, struct page **spare)
{
	unsigned long *at = &leaf->word[in_leaf(nr)];

	switch (word_tag(word)) {
	case WORD_SAME:
		if (!*spare)
			return 0;
		fill_same(p, leaf, nr, word, spare);
		return 1;
	case WORD_COOLING:
		cmpxchg(at, word, word_make(word_page(word), WORD_PAGE));
		return 1;
	case WORD_COMP:
		if (!*spare)
			return 0;
		memlane_cold_restore(p, leaf, nr, word, spare);
		return 1;
	case WORD_BUSY:
		/* Who made it so holds the lock as we do, and waits for nobody who may wait here. */
		wait_var_event(at, word_tag(READ_ONCE(*at)) != WORD_BUSY);
		return 1;
	case WORD_STORED:
	case WORD_LOADING:
		if (word_is_lost(word))
			return -EIO;
		return -EAGAIN;
	default:
		return word == WORD_NONE ? -EFAULT : -EIO;
	}
}

/* What a word that is no page stands for: enum memlane_fault_met. */
static unsigned int word_met(unsigned long word)
{
	switch (word_tag(word)) {
	case WORD_SAME:
		return word == WORD_EMPTY ? MEMLANE_FAULT_NEW : MEMLANE_FAULT_SAME;
	case WORD_COMP:
	case WORD_BUSY:
		return MEMLANE_FAULT_COMPRESSED;
	case WORD_STORED:
	case WORD_LOADING:
		return MEMLANE_FAULT_STORED;
	default:
		return MEMLANE_FAULT_PAGE;
	}
}

/**
 * memlane_page_fill - the page of a place, put there if there is none
 * @p: pages of an arena
 * @leaf: of the page, from leaf_at() under the same lock; NULL: it has none
 * @nr: number of the page in the data area
 * @spare: a page to put there; NULL once it was used
 * @met: what was there, unless it was a page: enum memlane_fault_met
 *
 * Context: invalidate_lock for reading, as long as the page is used.
 * Return: the page; NULL: there is none and no spare one either, or no word for it
 * yet; -EFAULT: the place may not be touched; -EIO: its bytes are lost; -EAGAIN: they are
 * in the backing file, and memlane_load_get() brings them.
 */
struct page *memlane_page_fill(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr,
			       struct page **spare, unsigned int *met)
{
	unsigned long word;
	int again = 1;

	lockdep_assert_held(&p->mapping->invalidate_lock);
	if (!leaf)
		return memlane_extent_at(p, nr >> ML_CHUNK_SHIFT) ? NULL : ERR_PTR(-EFAULT);
	while (again > 0) {
		word = smp_load_acquire(&leaf->word[in_leaf(nr)]);	/* see commit_word() */
		if (likely(word_is_page(word)))
			return word_page(word);
		*met = word_met(word);
		again = fill_word(p, leaf, nr, word, spare);
	}
	return ERR_PTR(again);
}

/**
 * memlane_page_first - the first page of the run that a page is in
 * @leaf: of the page
 * @nr: number of the page in the data area, one that memlane_page_fill() found
 *
 * Context: core.lock, or invalidate_lock for reading since then, as long as the run is used.
 * Return: its number; MEMLANE_NO_RUN: the page is kept.
 */
u64 memlane_page_first(const struct memlane_leaf *leaf, u64 nr)
{
	u32 behind = smp_load_acquire(&leaf->behind[in_leaf(nr)]) & ~TOLD;	/* see leaf_reuse() */

	return behind == NOBODY ? MEMLANE_NO_RUN : nr - behind;
}

/* Whether a page is nobody's at the moment. core.lock, or invalidate_lock. */
bool memlane_page_is_kept(const struct memlane_leaf *leaf, u64 nr)
{
	return (READ_ONCE(leaf->behind[in_leaf(nr)]) & ~TOLD) == NOBODY;
}

/* Pairs with the acquire in memlane_page_fill(): the run is described, and where it begins. */
static void commit_word(struct memlane_leaf *leaf, u64 page, u64 behind)
{
	unsigned long i = in_leaf(page);

	if (WARN_ON_ONCE(leaf->word[i] != WORD_NONE))
		return;
	WRITE_ONCE(leaf->behind[i], behind);
	smp_store_release(&leaf->word[i], WORD_EMPTY);	/* see above */
}

/* A part of a run that is in a chunk with others. */
static int commit_part(struct memlane_pages *p, u64 run, u64 page, u64 nr)
{
	struct memlane_leaf *leaf;
	u64 i;

	if (!nr)
		return 0;
	leaf = memlane_leaf_make(p, page);
	if (!leaf)
		return -ENOMEM;
	for (i = page; i < page + nr; i++)
		commit_word(leaf, i, i - run);
	leaf->committed += nr;
	return 0;
}

/* What lies before the whole chunks, and behind them. */
static int commit_ends(struct memlane_pages *p, const struct memlane_extent *e, u64 end)
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
	struct memlane_extent *e = memlane_extent_new(p, page, nr);
	int err = e ? commit_ends(p, e, page + nr) : -ENOMEM;

	if (err)
		memlane_extent_free(p, e);
	else
		memlane_extent_add(p, e);
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

	assert_core_lock(p);
	if ((page + nr) >> ML_CHUNK_SHIFT > first)
		return commit_large(p, page, nr);
	return commit_small(p, page, nr);
}

/* Return: 1: the page is there; 0: it needs a spare page; -errno. */
static int fill_one(struct memlane_pages *p, u64 nr, struct page **spare)
{
	unsigned int met;
	struct page *page;

	filemap_invalidate_lock_shared(p->mapping);
	page = memlane_page_fill(p, leaf_at(p, nr), nr, spare, &met);
	filemap_invalidate_unlock_shared(p->mapping);
	if (IS_ERR(page))
		return PTR_ERR(page);
	if (page && PageHWPoison(page))
		return -EBUSY;
	return !!page;
}

/* Bytes that exist take no more of the user's budget when they come back. */
static bool page_may_fill(struct memlane_pages *p, u64 nr)
{
	return memlane_page_is_away(p, nr) || memlane_user_may_have_page(p->user);
}

static int populate_one(struct memlane_pages *p, u64 nr, struct page **spare)
{
	struct page *page = memlane_page_at(p, nr);
	int err;

	if (!IS_ERR_OR_NULL(page))
		return PageHWPoison(page) ? -EBUSY : 0;
	if (!*spare && page_may_fill(p, nr))
		*spare = memlane_page_new(GFP_CALL);
	if (!*spare || memlane_pages_prepare(p, nr))
		return -ENOMEM;
	err = min(fill_one(p, nr, spare), 0);
	return err == -EAGAIN ? 0 : err;
}

/**
 * memlane_pages_populate - make committed pages exist
 * @p: pages of an arena
 * @page: first
 * @nr: how many
 *
 * Pages in the backing file stay there, as nobody waits for a file under a lock: they
 * come by memlane_pages_warm(), and memlane_pages_at_hand() tells whether they have.
 *
 * Context: core.mover, core.lock.
 * Return: 0 or -ENOMEM; what was made until then stays. -EBUSY: a page is broken.
 */
int memlane_pages_populate(struct memlane_pages *p, u64 page, u64 nr)
{
	struct page *spare = NULL;
	u64 end = page + nr;
	int err = 0;

	assert_core_mover(p);
	assert_core_lock(p);
	for (; page < end && !err; page++) {
		err = populate_one(p, page, &spare);
		cond_resched();
	}
	memlane_page_drop(spare);	/* a fault was quicker */
	return err == -EIO ? -EBUSY : err;
}

/* The word of a page, which may be another one by now; NONE if nothing is away. */
static unsigned long word_now(struct memlane_pages *p, u64 nr)
{
	struct memlane_leaf *leaf;
	unsigned long word;

	lockdep_assert_not_held(&p->mapping->invalidate_lock);
	if (!atomic64_read(&p->away[MEMLANE_FAST]) && !atomic64_read(&p->away[MEMLANE_SLOW]))
		return WORD_NONE;
	filemap_invalidate_lock_shared(p->mapping);
	leaf = leaf_at(p, nr);
	word = leaf ? READ_ONCE(leaf->word[in_leaf(nr)]) : WORD_NONE;
	filemap_invalidate_unlock_shared(p->mapping);
	return word;
}

/**
 * memlane_page_is_away - whether a page has bytes that no page holds
 * @p: pages of an arena
 * @nr: number of the page in the data area; any
 *
 * Context: no lock of invalidate_lock's; it may be otherwise by then.
 */
bool memlane_page_is_away(struct memlane_pages *p, u64 nr)
{
	return word_is_away(word_now(p, nr));
}

/**
 * memlane_page_refault - count a fault that will have bytes back
 * @p: pages of an arena
 * @nr: number of the page in the data area; any
 *
 * Unless somebody else has them read already. Context: as for memlane_page_is_away().
 */
void memlane_page_refault(struct memlane_pages *p, u64 nr)
{
	unsigned long word = word_now(p, nr);

	if (word_is_away(word) && word_tag(word) != WORD_LOADING)
		atomic64_inc(&p->cold.refaults);
}

static void word_residence(unsigned long word, struct memlane_query *to)
{
	if (word_page(word))
		to->out_resident++;
	else if (word_is_lost(word))
		to->out_lost++;
	else if (word_tag(word) == WORD_STORED || word_tag(word) == WORD_LOADING)
		to->out_stored++;
	else if (word_is_away(word))
		to->out_compressed++;
}

/**
 * memlane_pages_residence - count where the bytes of pages are
 * @p: pages of an arena
 * @page: first
 * @nr: how many
 * @to: is added to
 *
 * Context: core.lock.
 */
void memlane_pages_residence(struct memlane_pages *p, u64 page, u64 nr, struct memlane_query *to)
{
	u64 end = page + nr, n, i;
	struct memlane_leaf *leaf;

	assert_core_lock(p);
	for (page = memlane_leaf_next(p, page, end); page < end;
	     page = memlane_leaf_next(p, page + n, end)) {
		n = leaf_span(page, end);
		leaf = leaf_at(p, page);
		for (i = in_leaf(page); i < in_leaf(page) + n; i++)
			word_residence(READ_ONCE(leaf->word[i]), to);
		if (is_dying())
			break;
	}
}

/*
 * As fill_one(), and what is in the backing file is waited for. No lock is held: -EFAULT if
 * the place is nobody's any more.
 */
static int warm_one(struct memlane_pages *p, u64 nr, struct page **spare)
{
	struct memlane_load *load;
	int ret;

	do {
		if (!*spare)
			*spare = memlane_page_new(GFP_CALL);
		ret = *spare ? fill_one(p, nr, spare) : -ENOMEM;
		if (ret != -EAGAIN)
			return ret;
		load = memlane_load_get(p, nr, spare, 0);
		ret = PTR_ERR_OR_ZERO(load);
		if (!IS_ERR_OR_NULL(load))
			ret = memlane_load_wait(load);
	} while (!ret);
	return ret;
}

/* How many of these pages of a leaf are away. */
static int leaf_away(struct memlane_pages *p, u64 page, u64 nr)
{
	struct memlane_leaf *leaf;
	int away = 0;
	u64 i;

	filemap_invalidate_lock_shared(p->mapping);
	leaf = leaf_at(p, page);
	if (leaf && atomic_read(&leaf->away))
		for (i = in_leaf(page); i < in_leaf(page) + nr; i++)
			away += word_is_away(READ_ONCE(leaf->word[i]));
	filemap_invalidate_unlock_shared(p->mapping);
	return away;
}

/*
 * Pages of a leaf. Those in the file come by few reads, and are waited for one by one.
 * Return: how many were away, and have come back by this or by a fault; or -errno.
 */
static int piece_warm(struct memlane_pages *p, u64 page, u64 end, struct page **spare)
{
	int away = leaf_away(p, page, end - page), err = 0;

	if (away > 1)
		memlane_load_begin(p, page, end);
	for (; away && page < end && err >= 0; page++) {
		if (memlane_page_is_away(p, page))
			err = warm_one(p, page, spare);
		if (err == -EFAULT)
			err = 0;	/* freed since the look: it wants nothing */
		cond_resched();
	}
	return err < 0 ? err : away;
}

/**
 * memlane_pages_warm - bring bytes that are elsewhere back into pages
 * @p: pages of an arena
 * @page: first
 * @nr: how many
 *
 * Context: neither core.lock nor a lock that faults take.
 * Return: how many came back; -ENOMEM; -EIO: bytes are lost; -EINTR: a fatal signal;
 * -EAGAIN: a kernel thread waits no longer. What came back until then stays.
 */
s64 memlane_pages_warm(struct memlane_pages *p, u64 page, u64 nr)
{
	struct page *spare = NULL;
	u64 end = page + nr, n;
	s64 warmed = 0;
	int ret = 0;

	lockdep_assert_not_held(&core_of(p)->lock);
	lockdep_assert_not_held(&p->mapping->invalidate_lock);
	for (page = memlane_leaf_next(p, page, end); page < end && ret >= 0;
	     page = memlane_leaf_next(p, page + n, end)) {
		n = min_t(u64, leaf_span(page, end), MEMLANE_LOAD_PAGES);
		ret = piece_warm(p, page, page + n, &spare);
		if (ret >= 0 && is_dying())
			ret = -EINTR;
		warmed += max(ret, 0);
		ret = min(ret, 0);
	}
	memlane_page_drop(spare);
	return ret ? ret : warmed;
}

/**
 * memlane_pages_at_hand - whether these pages can be copied from
 * @p: pages of an arena
 * @page: first
 * @nr: how many
 *
 * Context: core.mover, so that none goes, and core.lock.
 */
bool memlane_pages_at_hand(struct memlane_pages *p, u64 page, u64 nr)
{
	u64 end = page + nr;

	assert_core_mover(p);
	assert_core_lock(p);
	while (page < end && !IS_ERR(memlane_page_at(p, page)))
		page++;
	return page == end;
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

/**
 * memlane_pages_resident - how many of these pages exist
 * @p: pages of an arena
 * @page: first
 * @nr: how many
 *
 * Context: core.lock, or invalidate_lock for writing.
 */
u64 memlane_pages_resident(struct memlane_pages *p, u64 page, u64 nr)
{
	u64 end = page + nr, first, present = 0;
	atomic64_t *whole = lane_present(p, page, end);
	unsigned long chunk;
	struct memlane_leaf *leaf;

	assert_leaves_stay(p);
	if (whole || !nr)
		return nr ? atomic64_read(whole) : 0;
	xa_for_each_range(&p->leaves, chunk, leaf, page >> ML_CHUNK_SHIFT,
			  (end - 1) >> ML_CHUNK_SHIFT) {
		first = max_t(u64, page, (u64)chunk << ML_CHUNK_SHIFT);
		present += memlane_leaf_resident(leaf, first, leaf_span(first, end));
		cond_resched();
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

/**
 * memlane_pages_unmap - no page table has these pages any more
 * @p: pages of an arena
 * @page: first
 * @nr: how many: one call for all of them, as each flushes every CPU's TLB
 *
 * Context: invalidate_lock for writing.
 */
void memlane_pages_unmap(struct memlane_pages *p, u64 page, u64 nr)
{
	lockdep_assert_held_write(&p->mapping->invalidate_lock);
	if (memlane_pages_resident(p, page, nr))
		unmap_mapping_range(p->mapping, p->offset + (page << PAGE_SHIFT),
				    nr << PAGE_SHIFT, 1);
}

/* Whatever a word has goes. It is not mapped, nor LOADING; nobody else looks at it. */
static void word_drop(struct memlane_pages *p, unsigned long word)
{
	if (word_tag(word) == WORD_COMP)
		memlane_cold_free(&p->cold, word_handle(word));
	else if (word_is_stored(word))
		memlane_stored_free(&p->cold, word);
	else
		memlane_page_drop(word_page(word));
}

/* Empty a part of a leaf, and free the leaf if nothing is left. Unmapped. */
static u64 leaf_decommit(struct memlane_pages *p, u64 page, u64 nr)
{
	struct memlane_leaf *leaf = leaf_at(p, page);
	struct memlane_sum sum = { };
	unsigned long word;
	u64 i;

	if (!leaf)
		return 0;
	for (i = in_leaf(page); i < in_leaf(page) + nr; i++) {
		word = memlane_load_cancel(p, &leaf->word[i]);
		sum_word(&sum, word, -1);
		word_drop(p, word);
		leaf->word[i] = WORD_NONE;
	}
	memlane_leaf_sum(p, leaf, page, &sum);
	leaf->committed -= nr;
	if (!leaf->committed)
		memlane_leaf_free(p, xa_erase(&p->leaves, page >> ML_CHUNK_SHIFT));
	return -sum.present;
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

	assert_core_lock(p);
	memlane_extent_del(p, page);
	for (page = memlane_leaf_next(p, page, end); page < end; page = memlane_leaf_next(p, piece, end)) {
		piece = min_t(u64, end, page + UNMAP_PAGES);
		memlane_pages_lock(p);
		memlane_pages_unmap(p, page, piece - page);
		for (at = page; at < piece; at += n) {
			n = leaf_span(at, piece);
			had += leaf_decommit(p, at, n);
			cond_resched();
		}
		memlane_pages_unlock(p);
	}
	return had;
}

/* Empty a word that is committed; what it has comes without a count. */
static unsigned long take_word(struct memlane_pages *p, struct memlane_leaf *leaf, u64 page)
{
	unsigned long word = leaf ? memlane_load_cancel(p, &leaf->word[in_leaf(page)]) : WORD_EMPTY;

	if (word == WORD_EMPTY)
		return word;
	memlane_leaf_count(p, leaf, page, word, WORD_EMPTY);
	leaf->word[in_leaf(page)] = WORD_EMPTY;
	return word;
}

static void leaf_clear(struct memlane_pages *p, struct memlane_leaf *leaf, u64 page)
{
	u64 end = page + ML_CHUNK_PAGES;

	for (; page < end; page++)
		if (leaf->word[in_leaf(page)])
			word_drop(p, take_word(p, leaf, page));
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
	struct memlane_leaf *leaf;

	assert_core_lock(p);
	xa_for_each(&p->leaves, chunk, leaf) {
		u64 page = (u64)chunk << ML_CHUNK_SHIFT;

		memlane_pages_lock(p);
		memlane_pages_unmap(p, page, ML_CHUNK_PAGES);
		leaf_clear(p, leaf, page);
		memlane_pages_unlock(p);
		cond_resched();
	}
}

/*
 * Hand over one page, or what is known of where its bytes are. A program may have touched
 * the new place before it was told of it: that page is dropped. So is one that it brought
 * to the old place, in no section, after memlane_pages_reserve() looked there. Both are
 * unmapped, and nobody brings bytes back, as the lock is held for writing.
 */
static void move_word(struct memlane_pages *p, struct memlane_leaf *dst, u64 to,
		      struct memlane_leaf *src, u64 from)
{
	unsigned long word;

	word_drop(p, take_word(p, dst, to));
	word = take_word(p, src, from);
	if (!dst) {
		word_drop(p, word);
		return;
	}
	if (word_page(word))
		memlane_page_name(p, word_page(word), to);
	memlane_leaf_count(p, dst, to, WORD_EMPTY, word);
	dst->word[in_leaf(to)] = word;
}

/* How many words, all of a leaf, are EMPTY up to one that is not; by eights, as most are. */
static u64 words_empty(const struct memlane_leaf *leaf, u64 page, u64 nr)
{
	const unsigned long *word = &leaf->word[in_leaf(page)];
	unsigned long other = 0;
	u64 n = 0, i;

	while (n + 8 <= nr && !other)
		for (i = 0; i < 8; i++)
			other |= READ_ONCE(word[n++]) ^ WORD_EMPTY;
	if (other)
		n -= 8;
	while (n < nr && READ_ONCE(word[n]) == WORD_EMPTY)
		n++;
	return n;
}

/* The first word from @i on that is not EMPTY, of @nr from @page on. */
static u64 next_used(const struct memlane_leaf *leaf, u64 page, u64 i, u64 nr)
{
	return leaf ? i + words_empty(leaf, page + i, nr - i) : nr;
}

/* The pages of either side are of one leaf, if there is one. No word is looked at twice. */
static void move_leaf(struct memlane_pages *p, u64 to, u64 from, u64 nr)
{
	struct memlane_leaf *dst = leaf_at(p, to), *src = leaf_at(p, from);
	u64 there = next_used(dst, to, 0, nr), here = next_used(src, from, 0, nr);
	u64 i;

	while ((i = min(there, here)) < nr) {
		move_word(p, dst, to + i, src, from + i);
		if (there == i)
			there = next_used(dst, to, i + 1, nr);
		if (here == i)
			here = next_used(src, from, i + 1, nr);
	}
}

static void move_words(struct memlane_pages *p, u64 to, u64 from, u64 nr)
{
	u64 n;

	for (; nr; nr -= n, to += n, from += n) {
		n = min(leaf_span(to, to + nr), leaf_span(from, from + nr));
		move_leaf(p, to, from, n);
		cond_resched();
	}
}

/* Where both have no leaf, nothing is to be moved: pages up to there. */
static u64 pages_to_skip(struct memlane_pages *p, u64 to, u64 from, u64 nr)
{
	return min(memlane_leaf_next(p, to, to + nr) - to, memlane_leaf_next(p, from, from + nr) - from);
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

	assert_core_lock(p);
	for (at = memlane_leaf_next(p, from, end); at < end && !err; at = memlane_leaf_next(p, at + n, end)) {
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
 * Context: core.mover, core.lock.
 */
void memlane_pages_remap(struct memlane_pages *p, u64 to, u64 from, u64 nr)
{
	u64 done = 0, n;

	assert_core_mover(p);
	assert_core_lock(p);
	for (;; done += n) {
		done += pages_to_skip(p, to + done, from + done, nr - done);
		if (done == nr)
			break;
		n = min_t(u64, nr - done, UNMAP_PAGES);
		memlane_pages_lock(p);
		memlane_pages_unmap(p, to + done, n);
		memlane_pages_unmap(p, from + done, n);
		move_words(p, to + done, from + done, n);
		memlane_pages_unlock(p);
	}
}

/*
 * Bytes that lie in one page on both sides. A page that never was reads as zeros. What the
 * kernel writes no page table entry tells of, so the page is marked here.
 */
static void copy_piece(struct memlane_pages *p, u64 to, u64 from, size_t len)
{
	struct page *dst = memlane_page_at(p, to >> PAGE_SHIFT);
	struct page *src = memlane_page_at(p, from >> PAGE_SHIFT);

	if (WARN_ON_ONCE(IS_ERR_OR_NULL(dst) || IS_ERR(src)))
		return;
	SetPageDirty(dst);
	if (src)
		memcpy_page(dst, offset_in_page(to), src, offset_in_page(from), len);
	else
		memzero_page(dst, offset_in_page(to), len);
}

/**
 * memlane_pages_copy - copy inside the data area
 * @p: pages of an arena
 * @to: byte in the data area; populated
 * @from: byte in the data area; at hand
 * @len: bytes
 *
 * Context: core.mover, core.lock.
 */
void memlane_pages_copy(struct memlane_pages *p, u64 to, u64 from, size_t len)
{
	size_t n;

	assert_core_mover(p);
	assert_core_lock(p);
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

static bool leaf_held(struct memlane_leaf *leaf, u64 page, u64 nr)
{
	struct page *it;
	u64 i;

	for (i = in_leaf(page); i < in_leaf(page) + nr; i++) {
		it = word_page(leaf->word[i]);
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
	struct memlane_leaf *leaf;
	bool held = false;

	assert_core_lock(p);
	for (page = memlane_leaf_next(p, page, end); page < end && !held;
	     page = memlane_leaf_next(p, page + n, end)) {
		n = leaf_span(page, end);
		leaf = leaf_at(p, page);
		if (!atomic_read(&leaf->present))
			continue;
		memlane_pages_lock(p);
		held = leaf_held(leaf, page, n);
		memlane_pages_unlock(p);
		held |= is_dying();
	}
	return held;
}

/* ------------------------------------------------------------ keep, reuse */

/* What is no page that may be mapped is of no use to the next object. */
static void leaf_keep(struct memlane_pages *p, struct memlane_leaf *leaf, u64 page, u64 nr)
{
	u64 end = page + nr;

	for (; page < end; page++) {
		WRITE_ONCE(leaf->behind[in_leaf(page)], NOBODY);
		if (!word_is_page(leaf->word[in_leaf(page)]))
			word_drop(p, take_word(p, leaf, page));
	}
}

/* invalidate_lock for writing: no fault that has found the run is under way. */
static bool run_keep(struct memlane_pages *p, u64 page, u64 end)
{
	u64 at, n;

	for (at = page; at < end; at += n) {
		n = leaf_span(at, end);
		if (leaf_held(leaf_at(p, at), at, n))
			return false;
	}
	for (at = page; at < end; at += n) {
		n = leaf_span(at, end);
		leaf_keep(p, leaf_at(p, at), at, n);
	}
	return true;
}

/**
 * memlane_pages_keep - a run ends, and its pages stay as they are
 * @p: pages of an arena
 * @page: first of the run
 * @nr: how many the run has
 *
 * They are mapped where they were. Of what is elsewhere, compressed or in the file, nothing
 * stays. What others in the kernel hold is theirs: such pages are not used again, nor are
 * broken ones.
 *
 * Context: core.lock.
 * Return: false: they have to go. So have those of a large run that was not touched everywhere.
 */
bool memlane_pages_keep(struct memlane_pages *p, u64 page, u64 nr)
{
	bool kept;

	assert_core_lock(p);
	if (nr > KEEP_PAGES || !memlane_extent_is_full(p, page))
		return false;
	memlane_pages_lock(p);
	kept = run_keep(p, page, page + nr);
	memlane_pages_unlock(p);
	if (kept)
		memlane_extent_del(p, page);
	return kept;
}

/* A page that was found broken while it was kept: zeros take its place. */
static void page_renew(struct memlane_pages *p, struct memlane_leaf *leaf, u64 page)
{
	memlane_pages_lock(p);
	memlane_pages_unmap(p, page, 1);
	word_drop(p, take_word(p, leaf, page));
	memlane_pages_unlock(p);
}

static void leaf_reuse(struct memlane_pages *p, struct memlane_leaf *leaf, u64 run, u64 page, u64 nr)
{
	u64 end = page + nr;
	struct page *it;

	for (; page < end; page++) {
		it = word_page(READ_ONCE(leaf->word[in_leaf(page)]));
		if (unlikely(it && PageHWPoison(it)))
			page_renew(p, leaf, page);
		/* The run is described first: pairs with the acquire in memlane_page_first(). */
		smp_store_release(&leaf->behind[in_leaf(page)], page - run);
	}
}

/**
 * memlane_pages_reuse - kept pages are one run's
 * @p: pages of an arena
 * @page: first, of the run
 * @nr: how many
 *
 * Context: core.lock.
 */
void memlane_pages_reuse(struct memlane_pages *p, u64 page, u64 nr)
{
	u64 at, n;

	assert_core_lock(p);
	for (at = page; at < page + nr; at += n) {
		n = leaf_span(at, page + nr);
		leaf_reuse(p, leaf_at(p, at), page, at, n);
	}
}

static bool leaf_lost(struct memlane_leaf *leaf, u64 page, u64 nr)
{
	struct page *it;
	bool lost = false;
	u64 i;

	for (i = in_leaf(page); i < in_leaf(page) + nr; i++) {
		it = word_page(READ_ONCE(leaf->word[i]));
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

	assert_core_lock(p);
	for (page = memlane_leaf_next(p, page, end); page < end; page = memlane_leaf_next(p, page + n, end)) {
		n = leaf_span(page, end);
		lost |= leaf_lost(leaf_at(p, page), page, n);
		if (is_dying())
			break;
	}
	return lost;
}

/* From @page on, which becomes that of the word, or the first behind the leaf. */
static bool leaf_untold(struct memlane_leaf *leaf, u64 *page)
{
	u64 end = *page + leaf_span(*page, U64_MAX);
	unsigned long i;

	if (!atomic_read(&leaf->away))
		*page = end;
	for (; *page < end; ++*page) {
		i = in_leaf(*page);
		if (READ_ONCE(leaf->word[i]) == (WORD_LOST & ~WORD_TOLD)) {
			WRITE_ONCE(leaf->word[i], WORD_LOST);
			return true;
		}
	}
	return false;
}

/**
 * memlane_pages_untold - a page whose bytes could not be read, and nobody was told of it
 * @p: pages of an arena
 * @page: where to look from, 0 for the first one; out: its number
 * @first: out: that of the first page of its run
 *
 * Context: core.lock, which may be dropped between two of them. Return: false: there is
 * none behind that.
 */
bool memlane_pages_untold(struct memlane_pages *p, u64 *page, u64 *first)
{
	u64 end = p->lane[MEMLANE_LANES];
	struct memlane_leaf *leaf;

	assert_core_lock(p);
	if (!*page && !READ_ONCE(p->cold.untold))
		return false;
	if (!*page)
		WRITE_ONCE(p->cold.untold, false);
	smp_mb();	/* pairs with the lock of who writes the word first, then the flag */
	for (*page = memlane_leaf_next(p, *page, end); *page < end;
	     *page = memlane_leaf_next(p, *page, end)) {
		leaf = leaf_at(p, *page);
		if (leaf_untold(leaf, page)) {
			*first = memlane_page_first(leaf, *page);
			return true;
		}
		cond_resched();
	}
	return false;
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
	struct memlane_extent *e, *next;
	struct memlane_leaf *leaf;
	unsigned int lane;

	rbtree_postorder_for_each_entry_safe(e, next, &p->extents, node)
		memlane_extent_free(p, e);
	xa_for_each(&p->leaves, chunk, leaf) {
		for (i = 0; i < ML_CHUNK_PAGES; i++)
			word_drop(p, memlane_load_cancel(p, &leaf->word[i]));
		memlane_leaf_free(p, leaf);
		cond_resched();
	}
	xa_destroy(&p->leaves);
	memlane_cold_exit(p);
	memlane_store_exit(p);
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		atomic64_sub(atomic64_read(&p->present[lane]) + atomic64_read(&p->away[lane]),
			     &p->user->pages);
}
