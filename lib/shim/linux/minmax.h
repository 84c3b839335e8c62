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
#define max3(a, b, c)		max(max(a, b), c)
#define min_t(type, a, b)	({ type __x = (a), __y = (b); __x < __y ? __x : __y; })
#define max_t(type, a, b)	({ type __x = (a), __y = (b); __x > __y ? __x : __y; })

#endif
