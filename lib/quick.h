/* SPDX-License-Identifier: MIT */
/*
 * quick.h - alloc and free straight through: a thread's own stock, nothing unusual
 *
 * The same steps as in alloc.c and free.c, for blocks without wishes, each with one way
 * through. What is not as it should be changes nothing here and is left to them, who say what
 * is wrong. What a step has to come before is told at the top of cache.c, and in
 * Documentation/protocol.md.
 *
 * @open: the thread is in a section of the program's.
 */
#ifndef LIB_QUICK_H
#define LIB_QUICK_H

#include "arena.h"

/* ------------------------------------------------------------- alloc ---- */

/* Pairs with memlane_enter()'s barrier. A section of the program's serves as well. */
static inline void take_begin(const struct memlane *m, struct memlane_slot *slot, bool open)
{
	if (!open)
		__atomic_store_n(&slot->section, __atomic_load_n(m->hot.epoch, __ATOMIC_ACQUIRE),
				 __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void take_end(struct memlane_slot *slot, bool open)
{
	if (!open)
		__atomic_store_n(&slot->section, 0, __ATOMIC_RELEASE);
}

/* What a block is to be that goes straight through; immutable. */
struct block {
	uint64_t size;
	uint64_t pin; /* its pin word */
	uint64_t cls;
	uint32_t slack;
	uint32_t made; /* of its note */
};

static __always_inline struct block block_for(const struct memlane *m, const struct thread *t,
					      uint64_t size)
{
	const uint64_t cls = class_of(m->classes, size);

	return (struct block){
		.size = size,
		.cls = cls,
		.slack = m->classes->size[cls] - (uint32_t)size,
		.made = t->made,
	};
}

/*
 * Stock that no move is planned for, and whose pin word is as it is to be already, becomes an
 * object; in a section. *e: its entry. False: nothing has changed.
 */
static __always_inline void block_describe(const struct memlane *m, uint32_t index,
					   const struct block *b)
{
	uint32_t slack = b->slack;

	if (unlikely(slack >= MEMLANE_SLACK_FAR)) {
		__atomic_store_n(&m->size[index], memlane_size_word(b->cls, b->size),
				 __ATOMIC_RELAXED);
		slack = MEMLANE_SLACK_FAR;
	}
	__atomic_store_n(&m->note[index], (uint16_t)(b->made + slack), __ATOMIC_RELAXED);
	__atomic_store_n(&m->cls[index], (uint8_t)b->cls, __ATOMIC_RELAXED);
}

static __always_inline bool make_live(struct memlane *m, uint32_t index, const struct block *b,
				      uint64_t *e)
{
	uint64_t *entry = &m->hot.table[index];

	*e = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	if (unlikely(*e >> MEMLANE_COOKIE_SHIFT |
		     (__atomic_load_n(&m->pin[index], __ATOMIC_RELAXED) ^ b->pin)))
		return false;
	*e |= m->quick_top;
	__atomic_store_n(entry, *e, __ATOMIC_RELEASE);
	return true;
}

/*
 * The last one of a magazine that has some; in a section. The order of stores is for who is
 * killed: see cache.c. False: nothing has changed.
 */
static __always_inline bool take_last(struct memlane *m, struct memlane_slot *slot,
				      struct memlane_mag *mag, uint32_t nr, const struct block *b,
				      memlane_handle *out)
{
	uint32_t index = mag->index[nr - 1];
	uint64_t e;

	block_describe(m, index, b);
	if (unlikely(!make_live(m, index, b, &e)))
		return false;
	__atomic_store_n(&mag->nr, nr - 1, __ATOMIC_RELEASE);
	count(&slot->allocs, 1);
	count(&slot->alloc_bytes, b->size);
	*out = (e & ~(MEMLANE_ENTRY_CLEAN | MEMLANE_LOC_MASK)) | index;
	return true;
}

/* A block like @b in @lane. False: there is no stock that goes straight through. */
static __always_inline bool take_from(struct memlane *m, struct thread *t, uint32_t lane,
				      const struct block *b, bool open, memlane_handle *out)
{
	struct memlane_mag *mag = mag_of(m, t, lane, b->cls);
	struct memlane_slot *slot = t->slot;
	uint32_t nr = mag->nr;
	bool done;

	if (unlikely(!nr))
		return false;
	take_begin(m, slot, open);
	done = take_last(m, slot, mag, nr, b, out);
	take_end(slot, open);
	return done;
}

/* The same for an object without wishes. */
static __always_inline bool take(struct memlane *m, struct thread *t, uint64_t size, bool open,
				 memlane_handle *out)
{
	const struct block b = block_for(m, t, size);

	return take_from(m, t, lane_for(m, size), &b, open, out);
}

/* -------------------------------------------------------------- free ---- */

/*
 * FREEING rides on the store that begins a section of one free, and comes and goes in a
 * section of the program's: a thread that revokes this one sees it behind a barrier, or the
 * load of @shared sees the revocation. Pairs with ml_revoke_maker(). *section: what is stored behind it.
 */
static __always_inline bool freeing_begin(const struct memlane *m, struct memlane_slot *slot,
					  bool open, uint64_t *section)
{
	uint64_t epoch = open ? slot->section : __atomic_load_n(m->hot.epoch, __ATOMIC_ACQUIRE);

	*section = open ? epoch : 0;
	__atomic_store_n(&slot->section, epoch | MEMLANE_SECTION_FREEING, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&slot->shared, __ATOMIC_ACQUIRE) == MEMLANE_SHARED_BIASED;
}

/* The entry is visible before FREEING is gone. */
static inline void freeing_end(struct memlane_slot *slot, uint64_t section)
{
	__atomic_store_n(&slot->section, section, __ATOMIC_RELEASE);
}

static inline bool is_pinned(const struct memlane *m, uint32_t index)
{
	return __atomic_load_n(&m->pin[index], __ATOMIC_SEQ_CST) & MEMLANE_PIN_COUNT_MASK;
}

/*
 * Bytes of a block of class @cls whose note has @slack. False: that is more than slack: the
 * note was another maker's.
 */
static __always_inline bool block_size(const struct memlane *m, uint32_t index, uint64_t cls,
				       uint32_t slack, uint64_t *size)
{
	*size = m->classes->size[cls] - slack;
	if (likely(slack < MEMLANE_SLACK_FAR))
		return true;
	*size = __atomic_load_n(&m->size[index], __ATOMIC_RELAXED) & MEMLANE_SIZE_MASK;
	return slack == MEMLANE_SLACK_FAR;
}

/* memlane_entry_ended(); false: that was its last generation. */
static __always_inline bool entry_end(uint64_t *e)
{
	const unsigned int unused = 64 - MEMLANE_COOKIE_SHIFT;
	uint64_t next;

	if (__builtin_add_overflow(*e << unused, 1ULL << (MEMLANE_GEN_SHIFT + unused), &next))
		return false;
	*e = next >> unused;
	return true;
}

/*
 * A block that this thread has made, clean and not pinned: nobody else ends or pins it,
 * and a move that is planned meanwhile waits for this section, and then finds its mark
 * gone. A plain store is enough. False: nothing has changed.
 */
static __always_inline bool end_plainly(struct memlane *m, struct thread *t,
					struct memlane_slot *slot, memlane_handle h, int64_t limit)
{
	const uint32_t index = memlane_handle_index(h);
	uint64_t *entry = &m->hot.table[index];
	uint64_t e = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	struct memlane_mag *mag;
	uint64_t cls, size, nr;

	if (unlikely((int64_t)(e ^ h) >= limit))
		return false;
	cls = __atomic_load_n(&m->cls[index], __ATOMIC_RELAXED);
	if (unlikely(cls >= m->nr_classes ||
		     !block_size(m, index, cls,
				 __atomic_load_n(&m->note[index], __ATOMIC_RELAXED) ^ t->own, &size) ||
		     is_pinned(m, index)))
		return false;
	mag = mag_of(m, t, (e ^ h) >= m->quick_slow, cls);
	nr = mag->nr;
	/* Others have to go first, or its generations are used up. */
	if (unlikely(nr >= t->last[cls]))
		return false;
	if (!entry_end(&e))
		return false;
	__atomic_store_n(&mag->index[nr], index, __ATOMIC_RELEASE);
	__atomic_store_n(entry, e, __ATOMIC_RELEASE);
	__atomic_store_n(&mag->nr, nr + 1, __ATOMIC_RELEASE);
	count(&slot->frees, 1);
	count(&slot->free_bytes, size);
	return true;
}

/*
 * While nobody else has ended or pinned what this thread made. @limit: of the arena, @hot's
 * or @quick_limit.
 */
static __always_inline bool free_quickly(struct memlane *m, struct thread *t, memlane_handle h,
					 int64_t limit, bool open)
{
	struct memlane_slot *slot = t->slot;
	uint64_t section;
	bool done;

	if (unlikely(h & MEMLANE_HANDLE_ZEROS ||
		     __atomic_load_n(&slot->shared, __ATOMIC_RELAXED) != MEMLANE_SHARED_BIASED))
		return false;
	done = freeing_begin(m, slot, open, &section) && end_plainly(m, t, slot, h, limit);
	freeing_end(slot, section);
	return done;
}

#endif /* LIB_QUICK_H */
