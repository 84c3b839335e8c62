/* SPDX-License-Identifier: MIT */
/* CUSTOM: a test ends at the first warning, so the engine's one is enough */
#ifndef ML_STORE_BUG_H
#define ML_STORE_BUG_H

#include_next <linux/bug.h>

#define WARN_ON_ONCE(cond)	WARN_ON(cond)

#endif
