/* SPDX-License-Identifier: MIT */
/* TRUE: value-returning operations are full barriers when they succeed, as documented */
#ifndef ML_SHIM_ATOMIC_H
#define ML_SHIM_ATOMIC_H

#include <linux/compiler.h>

#define smp_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_wmb()	__atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define xchg(p, v)	__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)

#define try_cmpxchg(p, oldp, new) \
	__atomic_compare_exchange_n(p, oldp, new, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)

typedef struct { int counter; } atomic_t;

#define atomic_read(v)		READ_ONCE((v)->counter)
#define atomic_inc(v)		((void)__atomic_fetch_add(&(v)->counter, 1, __ATOMIC_RELAXED))
#define atomic_dec(v)		((void)__atomic_fetch_sub(&(v)->counter, 1, __ATOMIC_RELAXED))

#define cmpxchg(p, old, new) ({						\
	__typeof__(*(p)) __was = (old);					\
									\
	try_cmpxchg(p, &__was, new);					\
	__was; })

#endif
