/* SPDX-License-Identifier: GPL-2.0-only */
/* ahead.h - pages that come back along with one that was touched, where touches come in order */
#ifndef MEMLANE_AHEAD_H
#define MEMLANE_AHEAD_H

#include <linux/types.h>

struct memlane_cold;
struct memlane_leaf;
struct memlane_pages;
struct page;

unsigned int memlane_ahead_window(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr,
				  unsigned int most);
struct page *memlane_ahead_restore(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr);
void memlane_ahead_note(struct memlane_cold *c, struct page *last, unsigned int nr);
void memlane_ahead_used(struct memlane_cold *c, struct page *page);

#endif /* MEMLANE_AHEAD_H */
