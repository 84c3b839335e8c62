/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* policy.h - options and the maintenance cycle */
#ifndef ML_POLICY_H
#define ML_POLICY_H

#include "core.h"

void ml_policy_init(struct ml_policy *p);
bool ml_policy_wants_compaction(const struct ml_arena *a, unsigned int lane);

#endif /* ML_POLICY_H */
