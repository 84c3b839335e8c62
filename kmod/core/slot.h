/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* slot.h - registered threads: sections, grace periods, slots of the dead */
#ifndef ML_SLOT_H
#define ML_SLOT_H

#include "core.h"

struct ml_step;

int ml_slots_init(struct ml_arena *a, u32 threads);
void ml_slots_exit(struct ml_arena *a);
bool ml_slot_busy(struct ml_arena *a, u32 slot);
struct memlane_slot *ml_slot_head(struct ml_arena *a, u32 slot);
int ml_revoke_maker(struct ml_arena *a, u32 index);
u64 ml_slots_waits(struct ml_arena *a);
int ml_grace(struct ml_arena *a, u64 epoch, u64 deadline);
void ml_slots_reap(struct ml_arena *a, u32 most);
void ml_slots_tend(struct ml_arena *a, struct ml_step *s);

#endif /* ML_SLOT_H */
