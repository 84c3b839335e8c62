/* SPDX-License-Identifier: MIT */
/* TRUE: plain 64-bit division, and one product of 128 bits */
#ifndef ML_SHIM_MATH64_H
#define ML_SHIM_MATH64_H

#include <linux/types.h>

static inline u64 div_u64(u64 n, u32 d)
{
	return n / d;
}

static inline u64 div64_u64(u64 n, u64 d)
{
	return n / d;
}

static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 d)
{
	return (u64)((unsigned __int128)a * b / d);
}

#endif
