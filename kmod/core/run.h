/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* run.h - runs of pages: chunks lent to areas, best fit, coalescing */
#ifndef ML_RUN_H
#define ML_RUN_H

#include "core.h"

struct ml_run *ml_run_new(struct ml_arena *a);
void ml_run_free(struct ml_arena *a, struct ml_run *run);
void ml_run_free_nodes(struct ml_arena *a);

int ml_run_init(struct ml_arena *a, struct ml_lane *lane);
void ml_run_exit(struct ml_arena *a, struct ml_lane *lane);

int ml_run_take(struct ml_arena *a, struct ml_run *out, u64 nr);
int ml_run_take_above(struct ml_arena *a, struct ml_run *out, u64 nr, u64 above);
int ml_run_take_below(struct ml_arena *a, struct ml_run *out, u64 nr, u64 below);
void ml_run_give(struct ml_arena *a, struct ml_run *run);
int ml_run_take_kept(struct ml_arena *a, struct ml_run *out, u64 nr);
void ml_run_keep(struct ml_arena *a, struct ml_run *run, u64 now);
struct ml_run *ml_run_part(struct ml_arena *a, struct ml_run *kept, u64 most);
void ml_run_release(struct ml_arena *a, struct ml_run *kept);
u64 ml_run_largest(const struct ml_area *area);

struct ml_run *ml_run_look(const struct ml_arena *a, u64 page);
struct ml_run *ml_run_at(const struct ml_arena *a, u64 page);
struct ml_run *ml_run_of(const struct ml_arena *a, u64 loc);
struct ml_run *ml_run_before(const struct ml_arena *a, const struct ml_run *run);
struct ml_run *ml_run_last(const struct ml_arena *a, const struct ml_lane *lane);

static inline u64 ml_run_end(const struct ml_run *run)
{
	return run->page + run->nr;
}

static inline bool ml_run_is_free(const struct ml_run *run)
{
	return run->kind == ML_POOL || run->kind == ML_FREE || run->kind == ML_KEPT;
}

#endif /* ML_RUN_H */
