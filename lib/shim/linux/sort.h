/* SPDX-License-Identifier: MIT */
/* CUSTOM: libc's; the order of equal elements may differ from the kernel's */
#ifndef ML_SHIM_SORT_H
#define ML_SHIM_SORT_H

#include <stdlib.h>

#define sort(base, nr, size, cmp, swap)	((void)(swap), qsort(base, nr, size, cmp))

#endif
