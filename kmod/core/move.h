/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* move.h - the move protocol */
#ifndef ML_MOVE_H
#define ML_MOVE_H

#include "core.h"

/* Temperature of a destination. */
enum ml_temper { ML_KEEP, ML_WARM, ML_COLD };

int ml_batch_block(struct ml_arena *a, u32 index, struct ml_span *source, u64 from,
		   struct ml_span *target);
int ml_batch_span(struct ml_arena *a, struct ml_span *source, struct ml_span *target);
int ml_batch_blob(struct ml_arena *a, struct ml_run *from, unsigned int lane, u64 below);
int ml_batch_place(struct ml_arena *a, u32 index, unsigned int lane, enum ml_temper temper);
int ml_batch_away(struct ml_arena *a, u32 index);
int ml_batch_resize(struct ml_arena *a, u32 index, unsigned int lane, u64 length);
int ml_batch_settle(struct ml_arena *a, u32 index);
int ml_batch_purge(struct ml_arena *a, u32 index);
int ml_batch_take(struct ml_arena *a, u32 index);
void ml_stays_pinned(struct ml_arena *a, struct ml_run *run, u32 index);
bool ml_batch_full(const struct ml_arena *a);
bool ml_batch_now(struct ml_arena *a);
int ml_batch_run(struct ml_arena *a, struct memlane_step *step, u64 deadline,
		 bool patient);

#endif /* ML_MOVE_H */
