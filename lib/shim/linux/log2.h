/* SPDX-License-Identifier: MIT */
/* TRUE: of positive numbers */
#ifndef ML_SHIM_LOG2_H
#define ML_SHIM_LOG2_H

#define ilog2(n)		(63 - __builtin_clzll(n))
#define is_power_of_2(n)	((n) != 0 && ((n) & ((n) - 1)) == 0)

#endif
