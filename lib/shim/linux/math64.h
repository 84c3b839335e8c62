/* SPDX-License-Identifier: MIT */
/* TRUE: plain 64-bit division, and one product of 128 bits */
#ifndef ML_SHIM_MATH64_H
#define ML_SHIM_MATH64_H

#include <linux/types.h>

#define div_u64(n, d)			((u64)(n) / (u32)(d))
#define div64_u64(n, d)			((u64)(n) / (u64)(d))
#define mul_u64_u64_div_u64(a, b, d)	((u64)((unsigned __int128)(a) * (b) / (u64)(d)))

#endif
