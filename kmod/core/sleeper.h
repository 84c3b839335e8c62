/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* sleeper.h - threads that do nothing, and their stock */
#ifndef ML_SLEEPER_H
#define ML_SLEEPER_H

#include "core.h"

struct ml_step;

void ml_sleepers_take(struct ml_arena *a, struct ml_step *s, bool awake);

#endif /* ML_SLEEPER_H */
