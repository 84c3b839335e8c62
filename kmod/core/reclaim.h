/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* reclaim.h - giving pages back at once, while nobody is waited for */
#ifndef ML_RECLAIM_H
#define ML_RECLAIM_H

#include "core.h"


#endif /* ML_RECLAIM_H */
