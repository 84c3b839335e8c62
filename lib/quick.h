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

/*
 * Stock that no move is planned for, and that has no notes of an object before, becomes an
 * object; in a section. *e: its entry. False: nothing has changed.
 */
static __always_inline bool make_live(struct memlane *m, uint32_t index, uint64_t side, uint64_t *e)
{
	uint64_t *entry = &m->hot.table[index];

	*e = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	if (unlikely(*e >> MEMLANE_COOKIE_SHIFT || __atomic_load_n(&m->pin[index], __ATOMIC_RELAXED)))
		return false;
	*e |= m->quick_top;
	__atomic_store_n(&m->side[index], side, __ATOMIC_RELAXED);
	__atomic_store_n(entry, *e, __ATOMIC_RELEASE);
	return true;
}

static inline uint64_t quick_side(const struct thread *t, uint64_t size, uint32_t cls)
{
	return size | (uint64_t)cls << MEMLANE_SIDE_CLASS_SHIFT | t->made;
}

/*
 * The last one of a magazine that has some; in a section. The order of stores is for who is
 * killed: see cache.c. False: nothing has changed.
 */
static __always_inline bool take_last(struct memlane *m, struct memlane_slot *slot,
				      struct memlane_mag *mag, uint32_t nr, uint64_t side,
				      memlane_handle *out)
{
	uint32_t index = mag->index[nr - 1];
	uint64_t e;

	if (unlikely(!make_live(m, index, side, &e)))
		return false;
	__atomic_store_n(&mag->nr, nr - 1, __ATOMIC_RELEASE);
	count(&slot->allocs, 1);
	count(&slot->alloc_bytes, side & MEMLANE_SIDE_BLOCK_MASK);
	*out = (e & ~(MEMLANE_ENTRY_CLEAN | MEMLANE_LOC_MASK)) | index;
	return true;
}

/* A block for @side in @lane. False: there is no stock that goes straight through. */
static __always_inline bool take_from(struct memlane *m, struct thread *t, uint32_t lane, uint32_t cls,
				      uint64_t side, bool open, memlane_handle *out)
{
	struct memlane_mag *mag = mag_of(m, t, lane, cls);
	struct memlane_slot *slot = t->slot;
	uint32_t nr = mag->nr;
	bool done;

	if (unlikely(!nr))
		return false;
	take_begin(m, slot, open);
	done = take_last(m, slot, mag, nr, side, out);
	take_end(slot, open);
	return done;
}

/* The same for an object without wishes. */
static __always_inline bool take(struct memlane *m, struct thread *t, uint64_t size, bool open,
				 memlane_handle *out)
{
	const uint32_t cls = class_of(m->classes, size);

	return take_from(m, t, lane_for(m, size), cls, quick_side(t, size, cls), open, out);
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
 * memlane_side_class(), by a byte of its own (MEMLANE_SIDE_CLASS_SHIFT; machines are little
 * endian): the magazine waits for it, and so does the next alloc.
 */
static inline uint32_t class_load(const struct memlane *m, uint32_t index)
{
	const uint8_t *byte = (const uint8_t *)&m->side[index];

	return __atomic_load_n(&byte[MEMLANE_SIDE_CLASS_SHIFT / 8], __ATOMIC_RELAXED);
}

/* What is not 0 in a side word above its size, up to the class, is another one's. */
static inline bool is_own(const struct thread *t, uint64_t side)
{
	return !(((uint32_t)(side >> MEMLANE_SIDE_MAKER_SHIFT) ^ t->maker) << 8);
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
	uint64_t e = __atomic_load_n(entry, __ATOMIC_ACQUIRE), side;
	struct memlane_mag *mag;
	uint32_t cls, nr;

	if (unlikely((int64_t)(e ^ h) >= limit))
		return false;
	side = __atomic_load_n(&m->side[index], __ATOMIC_RELAXED);
	cls = class_load(m, index);
	if (unlikely(!is_own(t, side) || cls >= m->nr_classes || is_pinned(m, index)))
		return false;
	mag = mag_of(m, t, (e ^ h) >= m->quick_slow, cls);
	e = memlane_entry_ended(e);
	nr = mag->nr;
	/* Its generations are used up, or others have to go first. */
	if (unlikely(nr + 1 >= t->full[cls] || e < 1ULL << MEMLANE_GEN_SHIFT))
		return false;
	__atomic_store_n(&mag->index[nr], index, __ATOMIC_RELEASE);
	__atomic_store_n(entry, e, __ATOMIC_RELEASE);
	__atomic_store_n(&mag->nr, nr + 1, __ATOMIC_RELEASE);
	count(&slot->frees, 1);
	count(&slot->free_bytes, side & MEMLANE_SIDE_BLOCK_MASK);
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
