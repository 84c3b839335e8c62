/* SPDX-License-Identifier: MIT */
/* TRUE: the compiler's own checks; sizes saturate */
#ifndef ML_SHIM_OVERFLOW_H
#define ML_SHIM_OVERFLOW_H

#include <linux/compiler.h>
#include <linux/limits.h>

static inline bool __must_check ml_shim_must(bool overflow)
{
	return unlikely(overflow);
}

#define check_add_overflow(a, b, d)	ml_shim_must(__builtin_add_overflow(a, b, d))
#define check_sub_overflow(a, b, d)	ml_shim_must(__builtin_sub_overflow(a, b, d))
#define check_mul_overflow(a, b, d)	ml_shim_must(__builtin_mul_overflow(a, b, d))

static inline size_t size_add(size_t a, size_t b)
{
	return __builtin_add_overflow(a, b, &a) ? SIZE_MAX : a;
}

static inline size_t size_mul(size_t a, size_t b)
{
	return __builtin_mul_overflow(a, b, &a) ? SIZE_MAX : a;
}

#define array_size(n, size)		size_mul(n, size)
#define flex_array_size(p, member, n)	size_mul(n, sizeof((p)->member[0]))
#define struct_size(p, member, n)	size_add(sizeof(*(p)), flex_array_size(p, member, n))

#endif
