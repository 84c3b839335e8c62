/* SPDX-License-Identifier: MIT */
/* TRUE: a hint to the machine; any address */
#ifndef ML_SHIM_PREFETCH_H
#define ML_SHIM_PREFETCH_H

#define prefetch(p)	__builtin_prefetch(p)

#endif
