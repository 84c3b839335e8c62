/* SPDX-License-Identifier: GPL-2.0-only */
/* pages.h - the pages of an arena's data area */
#ifndef MEMLANE_PAGES_H
#define MEMLANE_PAGES_H

#include <linux/fs.h>
#include <linux/mm_types.h>
#include <linux/rbtree.h>
#include <linux/xarray.h>

#include <linux/memlane.h>

#include "cold.h"

/* Of a page that is in no run: no page has this number. */
#define MEMLANE_NO_RUN U64_MAX

struct memlane_leaf;
struct memlane_user;

/**
 * struct memlane_pages - what is in the data area
 * @leaves: by chunk: a leaf of words, one a page; changed under core.lock, or made
 *	under invalidate_lock for reading where an extent says so
 * @extents: what large runs have of whole chunks; changed under core.lock and
 *	invalidate_lock for writing
 * @reclaiming: the holder of core.lock has invalidate_lock for writing
 * @mapping: lists the mappings of the arena's file, immutable. Its invalidate_lock is
 *	held for reading while a page is mapped, for writing while pages are unmapped and
 *	their words change
 * @user: whose pages they are, immutable
 * @offset: of the data area in the file, in bytes, immutable
 * @lane: first page of each lane, and the end, immutable
 * @present: pages that exist, by lane
 * @away: pages whose bytes are elsewhere, by lane
 * @metadata: bytes of leaves and extents
 * @cold: where bytes are that are not in pages
 */
struct memlane_pages {
	struct xarray leaves;
	struct rb_root extents;
	bool reclaiming;
	struct address_space *mapping;
	struct memlane_user *user;
	u64 offset;
	u64 lane[MEMLANE_LANES + 1];
	atomic64_t present[MEMLANE_LANES];
	atomic64_t away[MEMLANE_LANES];
	atomic64_t metadata;
	struct memlane_cold cold;
};

void memlane_pages_init(struct memlane_pages *p, struct address_space *mapping,
			struct memlane_user *user);
void memlane_pages_exit(struct memlane_pages *p);

struct page *memlane_page_new(gfp_t extra);
struct page *memlane_page_new_now(void);
void memlane_page_drop(struct page *page);
struct page *memlane_page_at(struct memlane_pages *p, u64 nr);
void memlane_page_name(struct memlane_pages *p, struct page *page, u64 nr);
bool memlane_page_is_away(struct memlane_pages *p, u64 nr);
void memlane_page_refault(struct memlane_pages *p, u64 nr);
struct page *memlane_page_fill(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr,
			       struct page **spare, unsigned int *met);
u64 memlane_page_first(const struct memlane_leaf *leaf, u64 nr);
bool memlane_page_is_kept(const struct memlane_leaf *leaf, u64 nr);

bool memlane_pages_try(struct memlane_pages *p);
void memlane_pages_tried(struct memlane_pages *p);
int memlane_pages_prepare(struct memlane_pages *p, u64 nr);
int memlane_pages_reserve(struct memlane_pages *p, u64 to, u64 from, u64 nr);
int memlane_pages_commit(struct memlane_pages *p, u64 page, u64 nr);
int memlane_pages_populate(struct memlane_pages *p, u64 page, u64 nr);
void memlane_pages_unmap(struct memlane_pages *p, u64 page, u64 nr);
void memlane_pages_clear(struct memlane_pages *p);
bool memlane_pages_keep(struct memlane_pages *p, u64 page, u64 nr);
void memlane_pages_reuse(struct memlane_pages *p, u64 page, u64 nr);
u64 memlane_pages_decommit(struct memlane_pages *p, u64 page, u64 nr);
void memlane_pages_remap(struct memlane_pages *p, u64 to, u64 from, u64 nr);
void memlane_pages_copy(struct memlane_pages *p, u64 to, u64 from, size_t len);
s64 memlane_pages_warm(struct memlane_pages *p, u64 page, u64 nr);
bool memlane_pages_at_hand(struct memlane_pages *p, u64 page, u64 nr);
void memlane_pages_residence(struct memlane_pages *p, u64 page, u64 nr, struct memlane_query *to);
bool memlane_pages_held(struct memlane_pages *p, u64 page, u64 nr);
bool memlane_pages_untold(struct memlane_pages *p, u64 *page, u64 *first);
bool memlane_pages_lost(struct memlane_pages *p, u64 page, u64 nr);
u64 memlane_pages_resident(struct memlane_pages *p, u64 page, u64 nr);
u64 memlane_pages_metadata(const struct memlane_pages *p);

#endif /* MEMLANE_PAGES_H */
