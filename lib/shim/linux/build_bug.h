/* SPDX-License-Identifier: MIT */
/* TRUE: decided by the compiler */
#ifndef ML_SHIM_BUILD_BUG_H
#define ML_SHIM_BUILD_BUG_H

#include <assert.h>

#define BUILD_BUG_ON(cond)		_Static_assert(!(cond), "BUILD_BUG_ON: " #cond)
#define BUILD_BUG_ON_MSG(cond, msg)	_Static_assert(!(cond), msg)

#endif
