/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* table.h - handles: indices, entries, private locations */
#ifndef ML_TABLE_H
#define ML_TABLE_H

#include <linux/atomic.h>

#include "core.h"
#include "vec.h"

#define ML_INDEX_BLOCK	2048U	/* indices whose words fill pages of every vector, and go back together */

int ml_table_init(struct ml_arena *a, u64 handles, u64 nr, bool aged);
void ml_table_exit(struct ml_arena *a);
int ml_index_bind(struct ml_arena *a, u64 loc, u32 *index);
int ml_index_unbind(struct ml_arena *a, u32 index, u64 *loc);
void ml_index_purge(struct ml_arena *a, const struct ml_words *w);
void ml_index_empty(struct ml_arena *a, const struct ml_words *w);
void ml_index_move(struct ml_arena *a, const struct ml_words *w, u64 loc);

bool ml_index_bound(const struct ml_arena *a, u32 index);
unsigned int ml_index_state(const struct ml_arena *a, u32 index);
u32 ml_index_gone(const struct ml_arena *a, u32 index);
bool ml_index_in_batch(const struct ml_arena *a, u32 index);
bool ml_index_placed(const struct ml_arena *a, u32 index);
const u16 *ml_index_block(const struct ml_arena *a, u32 index, u32 *nr);
unsigned int ml_index_heat(const struct ml_arena *a, u32 index);
void ml_index_age(struct ml_arena *a, u32 index);
u32 ml_index_priority(const struct ml_arena *a, u32 index);
void ml_index_resize(struct ml_arena *a, u32 index, unsigned int cls, u64 bytes);
void ml_index_suspect(struct ml_arena *a, u32 index);
bool ml_index_suspected(const struct ml_arena *a, u32 index);

u64 *ml_entry(const struct ml_arena *a, u32 index);
u64 ml_entry_read(const struct ml_arena *a, u32 index);
u64 ml_entry_peek(struct ml_arena *a, u32 index);
u64 ml_side_peek(struct ml_arena *a, u32 index);
u64 ml_handle(const struct ml_arena *a, u32 index);
int ml_handle_check(const struct ml_arena *a, u64 handle);

/* Neither an object's, nor a dropped one's that has not been freed. */
static inline bool ml_is_stock(u64 word)
{
	const unsigned int states = 1U << MEMLANE_ENTRY_FREE | 1U << MEMLANE_ENTRY_FREE_MARKED |
				    1U << MEMLANE_ENTRY_EMPTY;

	return states >> (word >> MEMLANE_ENTRY_STATE_SHIFT) & 1;
}

#define ML_HI_STATE_SHIFT	8	/* of a word in arena.hi */
#define ML_HI_IN_BATCH		((u16)(ML_IN_BATCH << ML_HI_STATE_SHIFT))

/* As for ml_index_hi(). */
static inline struct ml_words ml_words_of(const struct ml_arena *a, u32 index)
{
	const u32 nr = index - a->table.first;

	return (struct ml_words){
		.entry = ml_vec_nth(&a->table.entry, nr),
		.lo = ml_vec_nth(&a->table.lo, nr),
		.hi = ml_vec_nth(&a->table.hi, nr),
	};
}

static inline u64 ml_words_loc(const struct ml_words *w)
{
	return *w->lo | (u64)(*w->hi & 0xff) << 32;
}

/* Does a batch hold a destination for an index that is bound to this place? */
static inline bool ml_words_wait(const struct ml_words *w, u64 loc)
{
	const u32 mask = ML_STATE_MASK << ML_HI_STATE_SHIFT | ML_HI_IN_BATCH | 0xff;

	return *w->lo == (u32)loc &&
	       (*w->hi & mask) == (ML_BOUND << ML_HI_STATE_SHIFT | ML_HI_IN_BATCH | loc >> 32);
}

/* The caller knows that the index is below top, and was not given back. */
static inline u16 *ml_index_hi(const struct ml_arena *a, u32 index)
{
	return ml_vec_made(&a->table.hi, index);
}

/* Private location of a bound index: the only one that is ever believed. */
static inline u64 ml_index_loc(const struct ml_arena *a, u32 index)
{
	const u32 *lo = ml_vec_made(&a->table.lo, index);

	return *lo | (u64)(*ml_index_hi(a, index) & 0xff) << 32;
}

/* Of a bound index. */
static inline void ml_index_set_batch(struct ml_arena *a, u32 index, bool in)
{
	u16 *hi = ml_index_hi(a, index);

	*hi = in ? *hi | ML_HI_IN_BATCH : *hi & ~ML_HI_IN_BATCH;
}

/* The program's pin word (tag, pins, hints): any value may be read here. */
static inline u32 ml_index_notes(const struct ml_arena *a, u32 index)
{
	const u32 *pin = ml_vec_at(&a->table.pin, index);

	/* Pairs with the release of an unpin: a copy has what was written before it. */
	return pin ? smp_load_acquire(pin) : 0;
}

static inline u32 ml_index_pins(const struct ml_arena *a, u32 index)
{
	return ml_index_notes(a, index) & MEMLANE_PIN_COUNT_MASK;
}

/* The program's side word (group, class, size): any value may be read here. */
static inline u64 ml_index_side(const struct ml_arena *a, u32 index)
{
	const u64 *side = ml_vec_at(&a->table.side, index);

	return side ? READ_ONCE(*side) : 0;
}

/* Indices that were ever given out. */
static inline u32 ml_indices(const struct ml_arena *a)
{
	return READ_ONCE(a->table.top) - a->table.first - 1;
}

#endif /* ML_TABLE_H */
