/* SPDX-License-Identifier: MIT */
/* CUSTOM: libc's; the order of equal elements may differ from the kernel's */
#ifndef ML_SHIM_SORT_H
#define ML_SHIM_SORT_H

#include <linux/types.h>
#include <stdlib.h>

static inline void sort(void *base, size_t nr, size_t size,
			int (*cmp)(const void *, const void *),
			void (*swap_func)(void *, void *, int))
{
	(void)swap_func;
	qsort(base, nr, size, cmp);
}

#endif
