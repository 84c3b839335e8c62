/* SPDX-License-Identifier: MIT */
/* TRUE: READ_ONCE and WRITE_ONCE are relaxed C11 accesses, which sanitizers understand */
#ifndef ML_SHIM_COMPILER_H
#define ML_SHIM_COMPILER_H

#include <linux/types.h>

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define READ_ONCE(x)	__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)

#ifndef __always_inline
#define __always_inline	inline __attribute__((always_inline))
#endif
#define __must_check	__attribute__((warn_unused_result))

#endif
