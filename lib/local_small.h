/* SPDX-License-Identifier: MIT */
/* local_small.h - an arena whose regions have no addresses of their own */
#ifndef LIB_LOCAL_SMALL_H
#define LIB_LOCAL_SMALL_H

#include "local.h"

int small_init(struct local *l, u32 threads);
void small_exit(struct local *l);
void *small_share(struct local *l, unsigned int region, u64 page);
void small_tell(struct local *l, struct memlane *m);

#endif /* LIB_LOCAL_SMALL_H */
