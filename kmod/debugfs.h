/* SPDX-License-Identifier: GPL-2.0-only */
/* debugfs.h - what tests and the curious may look at */
#ifndef MEMLANE_DEBUGFS_H
#define MEMLANE_DEBUGFS_H

#include <linux/atomic.h>

struct memlane_arena;

/**
 * struct memlane_totals - of all arenas; each returns to zero with the last
 * @arenas: open files
 * @pages: of data areas
 * @shared_pages: of the other regions
 */
struct memlane_totals {
	atomic64_t arenas;
	atomic64_t pages;
	atomic64_t shared_pages;
};

extern struct memlane_totals memlane_totals;

void memlane_debugfs_init(void);
void memlane_debugfs_exit(void);
void memlane_debugfs_add(struct memlane_arena *arena);
void memlane_debugfs_remove(struct memlane_arena *arena);

#endif /* MEMLANE_DEBUGFS_H */
