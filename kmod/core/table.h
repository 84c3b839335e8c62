/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* table.h - handles: indices, entries */
#ifndef ML_TABLE_H
#define ML_TABLE_H

#include <linux/atomic.h>

#include "core.h"
#include "vec.h"

int ml_table_init(struct ml_arena *a, u64 handles, u64 nr, bool aged);
void ml_table_exit(struct ml_arena *a);
int ml_index_bind(struct ml_arena *a, u64 loc, u32 *index);
int ml_index_stock(const struct ml_arena *a, u32 index, struct ml_words *w, u64 *word);
void ml_index_unbind(struct ml_arena *a, u32 index, const struct ml_words *w, u64 word);
void ml_indices_unbound(struct ml_arena *a, u32 first, u32 nr);
void ml_index_purge(struct ml_arena *a, const struct ml_words *w);
void ml_index_empty(struct ml_arena *a, const struct ml_words *w);

bool ml_index_bound(const struct ml_arena *a, u32 index);
unsigned int ml_index_state(const struct ml_arena *a, u32 index);
u32 ml_index_gone(const struct ml_arena *a, u32 index);
bool ml_index_in_batch(const struct ml_arena *a, u32 index);
bool ml_index_placed(const struct ml_arena *a, u32 index);
const u8 *ml_index_block(const struct ml_arena *a, u32 index, u32 *nr);
unsigned int ml_index_heat(const struct ml_arena *a, u32 index);
void ml_index_age(struct ml_arena *a, u32 index);
u32 ml_index_priority(const struct ml_arena *a, u32 index);
u64 ml_index_size(const struct ml_arena *a, u32 index);
bool ml_index_larger(const struct ml_arena *a, u32 index, u64 bytes);
int ml_index_describe(struct ml_arena *a, u32 index, unsigned int cls, u64 bytes);
int ml_index_resize_prepare(struct ml_arena *a, u32 index);
void ml_index_resize(struct ml_arena *a, u32 index, unsigned int cls, u64 bytes);
void ml_index_suspect(struct ml_arena *a, u32 index);
bool ml_index_suspected(const struct ml_arena *a, u32 index);

u64 *ml_entry(const struct ml_arena *a, u32 index);
u64 ml_entry_read(const struct ml_arena *a, u32 index);
u64 ml_entry_peek(struct ml_arena *a, u32 index);
u16 ml_note_peek(struct ml_arena *a, u32 index);
u64 ml_handle(const struct ml_arena *a, u32 index);
int ml_handle_check(const struct ml_arena *a, u64 handle);

/* Neither an object's, nor a dropped one's that has not been freed. */
static inline bool ml_is_stock(u64 word)
{
	const unsigned int states = 1U << MEMLANE_ENTRY_FREE | 1U << MEMLANE_ENTRY_FREE_MARKED |
				    1U << MEMLANE_ENTRY_EMPTY;

	return states >> (word >> MEMLANE_ENTRY_STATE_SHIFT) & 1;
}

/* log2 of the words in a page */
#define ML_ENTRY_SHIFT	9
#define ML_PIN_SHIFT	9
#define ML_STATE_SHIFT	12

/* The caller knows that the index is below top, and was not given back. */
static inline struct ml_words ml_words_of(const struct ml_arena *a, u32 index)
{
	const u32 nr = index - a->table.first;

	return (struct ml_words){
		.entry = ml_vec_known(&a->table.entry, nr, ML_ENTRY_SHIFT),
		.state = ml_vec_known(&a->table.state, nr, ML_STATE_SHIFT),
	};
}

/* Is it bound to a place? */
static inline bool ml_words_placed(const struct ml_words *w)
{
	return (*w->state & ML_STATE_MASK) == ML_BOUND;
}

/* Does a batch hold a destination for it still? It does not once it was unbound. */
static inline bool ml_words_wait(const struct ml_words *w)
{
	return (*w->state & (ML_STATE_MASK | ML_IN_BATCH)) == (ML_BOUND | ML_IN_BATCH);
}

/* Of a bound index: a batch has a destination for it, or has none any more. */
static inline void ml_words_set_batch(const struct ml_words *w, bool in)
{
	*w->state = in ? *w->state | ML_IN_BATCH : *w->state & ~ML_IN_BATCH;
}

/* The program's pin word (group, tag, pins, hints): any value may be read here. */
static inline u64 ml_index_notes(const struct ml_arena *a, u32 index)
{
	const u64 *pin = ml_vec_at(&a->table.pin, index);

	/* Pairs with the release of an unpin: a copy has what was written before it. */
	return pin ? smp_load_acquire(pin) : 0;
}

/* These are for an index that comes from the engine's own records; arena.lock. */
static inline u64 ml_notes_of(const struct ml_arena *a, u32 index)
{
	const u64 *pin = ml_vec_find(&a->table.pin, index - a->table.first, ML_PIN_SHIFT);

	/* As above. */
	return pin ? smp_load_acquire(pin) : 0;
}

static inline u32 ml_pins_of(const struct ml_arena *a, u32 index)
{
	return ml_notes_of(a, index) & MEMLANE_PIN_COUNT_MASK;
}

static inline u32 ml_index_pins(const struct ml_arena *a, u32 index)
{
	return ml_index_notes(a, index) & MEMLANE_PIN_COUNT_MASK;
}

static inline u32 ml_index_group(const struct ml_arena *a, u32 index)
{
	return memlane_pin_group(ml_index_notes(a, index));
}

/* Indices that were ever given out. */
static inline u32 ml_indices(const struct ml_arena *a)
{
	return READ_ONCE(a->table.top) - a->table.first - 1;
}

#endif /* ML_TABLE_H */
