/* SPDX-License-Identifier: MIT */
/* TRUE: fls counts from 1 and gives 0 for 0; __ffs and __fls count from 0 */
#ifndef ML_SHIM_BITOPS_H
#define ML_SHIM_BITOPS_H

#include <linux/bits.h>
#include <linux/types.h>

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static inline int fls(unsigned int x)
{
	return fls64(x);
}

static inline unsigned long __ffs64(u64 x)
{
	return __builtin_ctzll(x);
}

#define __ffs(x)	__ffs64(x)
#define __fls(x)	((unsigned long)fls64(x) - 1)
#define ffz(x)		__ffs64(~(u64)(x))
#define hweight8(x)	((unsigned int)__builtin_popcount((u8)(x)))
#define hweight16(x)	((unsigned int)__builtin_popcount((u16)(x)))
#define hweight32(x)	((unsigned int)__builtin_popcount((u32)(x)))
#define hweight64(x)	((unsigned long)__builtin_popcountll(x))

#endif
