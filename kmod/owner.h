/* SPDX-License-Identifier: GPL-2.0-only */
/* owner.h - the thread behind each slot */
#ifndef MEMLANE_OWNER_H
#define MEMLANE_OWNER_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct memlane_arena;
struct memlane_owner;
struct memlane_register;

/**
 * struct memlane_owners - threads by slot
 * @lock: one registration or return of a slot at a time
 * @nr: slots, immutable
 * @names: protects @by_slot
 * @by_slot: NULL while the slot is free
 */
struct memlane_owners {
	struct mutex lock;
	u32 nr;
	spinlock_t names;
	struct memlane_owner **by_slot;
};

size_t memlane_owners_bytes(u32 nr);
int memlane_owners_init(struct memlane_owners *owners, u32 nr);
void memlane_owners_exit(struct memlane_owners *owners);
bool memlane_owner_gone(struct memlane_owners *owners, u32 slot);
bool memlane_owner_is_current(struct memlane_owners *owners, u32 slot);
void memlane_owner_forget(struct memlane_owners *owners, u32 slot);

int memlane_register(struct memlane_arena *arena, struct memlane_register *req);
int memlane_unregister(struct memlane_arena *arena, struct memlane_register *req);

#endif /* MEMLANE_OWNER_H */
