/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* plan.h - which objects go where: pure functions */
#ifndef ML_PLAN_H
#define ML_PLAN_H

#include "core.h"

void ml_plan_feed(const struct ml_arena *a, struct ml_span *span);
bool ml_plan_is_fed(const struct ml_arena *a, const struct ml_span *span);
struct ml_span *ml_plan_source(const struct ml_arena *a, const struct ml_class *c);
struct ml_span *ml_plan_target(const struct ml_arena *a, const struct ml_class *c,
			       const struct ml_span *source);
u64 ml_plan_tight(const struct ml_span *source);
struct ml_span *ml_plan_island(struct ml_class *c, const struct ml_span *source);

#endif /* ML_PLAN_H */
