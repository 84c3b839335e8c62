/* SPDX-License-Identifier: MIT */
/* TRUE: operands of one type, each evaluated once */
#ifndef ML_SHIM_MINMAX_H
#define ML_SHIM_MINMAX_H

#include <linux/compiler.h>

#define __ml_pick(a, op, b) ({						\
	__typeof__(a) __a = (a);					\
	__typeof__(b) __b = (b);					\
									\
	(void)(&__a == &__b);	/* the compiler compares the types */	\
	__a op __b ? __a : __b; })

#define min(a, b)		__ml_pick(a, <, b)
#define max(a, b)		__ml_pick(a, >, b)
#define min_t(type, a, b)	({ type __x = (a), __y = (b); __x < __y ? __x : __y; })
#define max_t(type, a, b)	({ type __x = (a), __y = (b); __x > __y ? __x : __y; })
#define min3(a, b, c)		({ __typeof__(a) __m = min(a, b); min(__m, c); })
#define clamp_t(type, v, lo, hi) ({ type __l = max_t(type, v, lo); min_t(type, __l, hi); })
#define clamp(v, lo, hi)	clamp_t(__typeof__(v), v, lo, hi)
#define swap(a, b)		({ __typeof__(a) __t = (a); (a) = (b); (b) = __t; })

#endif
