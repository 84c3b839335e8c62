/* SPDX-License-Identifier: MIT */
/* TRUE: one more macro */
#ifndef FUZZ_MINMAX_H
#define FUZZ_MINMAX_H

#include_next <linux/minmax.h>

#define swap(a, b) do {							\
	__typeof__(a) __was = (a);					\
									\
	(a) = (b);							\
	(b) = __was;							\
} while (0)

#endif
