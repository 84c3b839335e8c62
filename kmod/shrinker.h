/* SPDX-License-Identifier: GPL-2.0-only */
/* shrinker.h - what arenas give back when memory is short */
#ifndef MEMLANE_SHRINKER_H
#define MEMLANE_SHRINKER_H

struct memlane_arena;
struct memlane_user;

int memlane_shrinker_init(void);
void memlane_shrinker_exit(void);
int memlane_shrinker_add(struct memlane_arena *arena);
void memlane_shrinker_remove(struct memlane_arena *arena);
void memlane_reclaim_get(struct memlane_arena *arena);
void memlane_reclaim_put(struct memlane_arena *arena);
bool memlane_reclaim_kept(const struct memlane_user *user);

#endif /* MEMLANE_SHRINKER_H */
