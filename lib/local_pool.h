/* SPDX-License-Identifier: MIT */
/*
 * local_pool.h - what this process's small arenas share: a table's addresses, and pages
 *
 * An arena of its own addresses has 32 GiB for its table, so that any index may be looked
 * up, and mappings for each of its regions. A process has room for some thousands of those.
 */
#ifndef LIB_LOCAL_POOL_H
#define LIB_LOCAL_POOL_H

#include <stddef.h>

#define POOL_BLOCK (128UL << 10)

void pool_here(void);
void *pool_zeros(size_t length);
void pool_zeros_end(void);
void *pool_take(void);
void pool_give(void *block);

#endif /* LIB_LOCAL_POOL_H */
