/* SPDX-License-Identifier: GPL-2.0-only */
/* shared.h - pages of the table, side, pin, slot and stat regions */
#ifndef MEMLANE_SHARED_H
#define MEMLANE_SHARED_H

#include <linux/xarray.h>

/**
 * struct memlane_shared - pages that stay until the arena ends
 * @page: by number of allocation, so that they can be freed; core.grow
 * @nr: so many; core.grow
 */
struct memlane_shared {
	struct xarray page;
	unsigned long nr;
};

void memlane_shared_init(struct memlane_shared *shared);
void memlane_shared_exit(struct memlane_shared *shared);
void *memlane_shared_new(struct memlane_shared *shared);

#endif /* MEMLANE_SHARED_H */
