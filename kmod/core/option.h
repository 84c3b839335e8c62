/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* option.h - what options hold */
#ifndef ML_OPTION_H
#define ML_OPTION_H

#include "core.h"

void ml_options_exit(struct ml_arena *a);

#endif /* ML_OPTION_H */
