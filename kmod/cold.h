/* SPDX-License-Identifier: GPL-2.0-only */
/* cold.h - bytes of pages that are not used: put away compressed, and brought back */
#ifndef MEMLANE_COLD_H
#define MEMLANE_COLD_H

#include <linux/atomic.h>
#include <linux/mm_types.h>
#include <linux/types.h>

struct memlane_leaf;
struct memlane_pages;
struct cooler;
struct memlane_backing;
struct storer;
struct page;
struct zs_pool;

/* In page->private. */
#define MEMLANE_PAGE_STIFF	1UL	/* did not become smaller; not written since PG_dirty was cleared */
#define MEMLANE_PAGE_AHEAD	2UL	/* came before it was needed, and was not used since */
#define MEMLANE_PAGE_ANOTHER	4UL	/* the same, once for each that came with it and is mapped */

/**
 * struct memlane_cold - what an arena has put away
 * @pool: compressed bytes; NULL until something is cooled; then immutable, and published
 *	by the words that lead to it
 * @cooler: work space of the one who cools; core.mover
 * @compressed: pages that are in @pool
 * @cooled: pages that were put away so far
 * @same: of these, pages that one word describes
 * @refused: pages that were found not to become smaller
 * @warmed: pages that came back
 * @backing: a file for what is stored; NULL: there is none. Changed under core.mover,
 *	core.lock and invalidate_lock for writing, while nothing is stored
 * @storer: work space of who stores; core.mover
 * @stored: pages that are in the file alone
 * @written: pages that were stored so far
 * @loaded: of these, pages that came back
 * @ahead: pages that came back before they were needed, from @pool or from the file
 * @ahead_hits: of these, pages that were used
 * @failed: writes that failed
 * @lost: pages that could not be read
 * @untold: the program has not been told of all of them
 * @refaults: faults that had bytes brought back
 */
struct memlane_cold {
	struct zs_pool *pool;
	struct cooler *cooler;
	atomic64_t compressed;
	atomic64_t cooled;
	atomic64_t same;
	atomic64_t refused;
	atomic64_t warmed;
	struct memlane_backing *backing;
	struct storer *storer;
	atomic64_t stored;
	atomic64_t written;
	atomic64_t loaded;
	atomic64_t ahead;
	atomic64_t ahead_hits;
	atomic64_t failed;
	atomic64_t lost;
	bool untold;
	atomic64_t refaults;
};

/* Somebody may be touching it: that it came along, and was not touched until now. */
static inline bool memlane_page_is_ahead(const struct page *page)
{
	return READ_ONCE(page->private) & MEMLANE_PAGE_AHEAD;
}

s64 memlane_pages_cool(struct memlane_pages *p, u64 page, u64 nr, u32 id);
void memlane_cold_restore(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr,
			  unsigned long word, struct page **spare);
void memlane_cold_free(struct memlane_cold *c, unsigned long handle);
u64 memlane_cold_bytes(const struct memlane_pages *p);
void memlane_cold_exit(struct memlane_pages *p);

int memlane_cold_copy(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr,
		      unsigned long word, void *to, size_t room);
struct page *memlane_cold_take(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr);
void memlane_cold_give_back(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr,
			    struct page *page);

/* store.c */
s64 memlane_pages_store(struct memlane_pages *p, u64 page, u64 nr, u32 id);
int memlane_pages_set_backing(struct memlane_pages *p, struct memlane_backing *b);
void memlane_stored_free(struct memlane_cold *c, unsigned long word);
u64 memlane_stored_bytes(const struct memlane_pages *p);
void memlane_store_exit(struct memlane_pages *p);

int memlane_cold_init(void);
void memlane_cold_fini(void);

#endif /* MEMLANE_COLD_H */
