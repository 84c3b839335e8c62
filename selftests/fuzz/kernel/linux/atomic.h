/* SPDX-License-Identifier: MIT */
/* TRUE: counters */
#ifndef FUZZ_ATOMIC_H
#define FUZZ_ATOMIC_H

#include_next <linux/atomic.h>

typedef struct {
	s64 counter;
} atomic64_t;

static inline void atomic64_set(atomic64_t *v, s64 n)
{
	__atomic_store_n(&v->counter, n, __ATOMIC_RELAXED);
}

static inline void atomic64_inc(atomic64_t *v)
{
	__atomic_add_fetch(&v->counter, 1, __ATOMIC_RELAXED);
}

static inline s64 atomic64_read(const atomic64_t *v)
{
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);
}

#endif
