/* SPDX-License-Identifier: GPL-2.0-only */
/* shrinker.h - what arenas give back when the system is short of memory */
#ifndef MEMLANE_SHRINKER_H
#define MEMLANE_SHRINKER_H

int memlane_shrinker_init(void);
void memlane_shrinker_exit(void);

#endif /* MEMLANE_SHRINKER_H */
