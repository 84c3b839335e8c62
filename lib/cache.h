/* SPDX-License-Identifier: MIT */
/* cache.h - what alloc.c and free.c ask of a thread's magazines */
#ifndef LIB_CACHE_H
#define LIB_CACHE_H

#include "arena.h"

/* What one object is to be; immutable. */
struct order {
	uint64_t size;
	uint32_t pad; /* bytes that the place has more: guards */
	uint32_t align;
	uint32_t lane;
	uint32_t flags;
	uint32_t cls;
	uint64_t notes; /* the pin word without its count */
};

int cache_ask(struct memlane *m, const struct order *o, uint32_t nr, struct memlane_refill *req);
int cache_stock(struct memlane *m, const struct order *o, struct memlane_mag **mag);
void cache_flush(struct memlane *m, uint32_t lane, uint32_t cls, uint32_t keep);
void cache_flush_own(struct memlane *m);
void cache_trim(struct memlane *m, uint32_t lane, uint32_t cls);

static inline uint32_t mag_lane(const struct memlane_mag *mag)
{
	return (unsigned char *)mag >= this_thread()->mag[MEMLANE_SLOW] ? MEMLANE_SLOW : MEMLANE_FAST;
}

/* These pair with nothing but a kill: see cache.c. */
static inline void mag_set_nr(struct memlane_mag *mag, uint32_t nr)
{
	__atomic_store_n(&mag->nr, nr, __ATOMIC_RELEASE);
}

static inline void mag_set_next(struct memlane_mag *mag, uint32_t index)
{
	__atomic_store_n(&mag->index[mag->nr], index, __ATOMIC_RELEASE);
}

static inline void set_in_hand(struct thread *t, uint32_t index)
{
	__atomic_store_n(&t->slot->in_hand, index, __ATOMIC_RELEASE);
}

#endif /* LIB_CACHE_H */
