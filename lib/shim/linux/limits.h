/* SPDX-License-Identifier: MIT */
/* TRUE: the limits that the kernel adds to those of the ABI */
#ifndef ML_SHIM_LIMITS_H
#define ML_SHIM_LIMITS_H

#include_next <linux/limits.h>
#include <linux/types.h>

#define U8_MAX		((u8)~0U)
#define U16_MAX		((u16)~0U)
#define U32_MAX		((u32)~0U)
#define U64_MAX		((u64)~0ULL)
#define S32_MAX		((s32)(U32_MAX >> 1))
#define S64_MAX		((s64)(U64_MAX >> 1))
#ifndef INT_MAX
#define INT_MAX		__INT_MAX__
#endif
#ifndef UINT_MAX
#define UINT_MAX	(~0U)
#endif
#ifndef SIZE_MAX
#define SIZE_MAX	(~(size_t)0)
#endif

#endif
