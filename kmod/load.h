/* SPDX-License-Identifier: GPL-2.0-only */
/* load.h - pages that are being read from a backing file */
#ifndef MEMLANE_LOAD_H
#define MEMLANE_LOAD_H

#include <linux/types.h>

struct memlane_load;
struct memlane_pages;
struct page;

/* Most pages that memlane_load_begin() has on their way. */
#define MEMLANE_LOAD_PAGES	128U

struct memlane_load *memlane_load_get(struct memlane_pages *p, u64 nr, struct page **spare,
				      u64 since);
void memlane_load_begin(struct memlane_pages *p, u64 nr, u64 end);
int memlane_load_wait(struct memlane_load *load);
void memlane_load_put(struct memlane_load *load);
unsigned long memlane_load_cancel(struct memlane_pages *p, unsigned long *at);

#endif /* MEMLANE_LOAD_H */
