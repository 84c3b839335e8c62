/* SPDX-License-Identifier: GPL-2.0-only */
/* shared.h - pages of the regions that tell of objects, threads and counters */
#ifndef MEMLANE_SHARED_H
#define MEMLANE_SHARED_H

#include <linux/xarray.h>

/**
 * struct memlane_shared - pages that users map, but those of the data area
 * @page: by number of allocation, so that they can be freed; it has its own lock
 * @next: number of the next one; core.grow
 * @nothing: zeros, made when they are needed first; atomic
 * @unpinned: likewise; nobody can write there
 */
struct memlane_shared {
	struct xarray page;
	unsigned long next;
	struct page *nothing;
	struct page *unpinned;
};

void memlane_shared_init(struct memlane_shared *shared);
void memlane_shared_exit(struct memlane_shared *shared);
void *memlane_shared_new(struct memlane_shared *shared);
void memlane_shared_end(struct memlane_shared *shared, void *p);
struct page *memlane_shared_nothing(struct memlane_shared *shared);
struct page *memlane_shared_unpinned(struct memlane_shared *shared);
bool memlane_shared_is_unpinned(const struct memlane_shared *shared, const struct page *page);

#endif /* MEMLANE_SHARED_H */
