/* SPDX-License-Identifier: MIT */
/* TRUE: of positive numbers */
#ifndef ML_SHIM_LOG2_H
#define ML_SHIM_LOG2_H

#include <linux/bitops.h>

#define ilog2(n)		(fls64(n) - 1)
#define is_power_of_2(n)	((n) != 0 && ((n) & ((n) - 1)) == 0)
#define order_base_2(n)		((n) > 1 ? fls64((u64)(n) - 1) : 0)
#define roundup_pow_of_two(n)	(1UL << order_base_2(n))
#define rounddown_pow_of_two(n)	(1UL << ilog2(n))

#endif
