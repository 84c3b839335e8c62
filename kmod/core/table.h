/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* table.h - handles: indices, entries, private locations */
#ifndef ML_TABLE_H
#define ML_TABLE_H

#include "core.h"

#define ML_INDEX_BLOCK	2048U	/* indices whose words fill pages of every vector, and go back together */

int ml_table_init(struct ml_arena *a, u64 handles, u64 nr, bool aged);
void ml_table_exit(struct ml_arena *a);
int ml_index_bind(struct ml_arena *a, u64 loc, u32 *index);
int ml_index_unbind(struct ml_arena *a, u32 index, u64 *loc);
void ml_index_purge(struct ml_arena *a, u32 index);
void ml_index_empty(struct ml_arena *a, u32 index);
void ml_index_move(struct ml_arena *a, u32 index, u64 loc);

bool ml_index_bound(const struct ml_arena *a, u32 index);
unsigned int ml_index_state(const struct ml_arena *a, u32 index);
u32 ml_index_gone(const struct ml_arena *a, u32 index);
u64 ml_index_loc(const struct ml_arena *a, u32 index);
u32 ml_index_pins(const struct ml_arena *a, u32 index);
bool ml_index_in_batch(const struct ml_arena *a, u32 index);
bool ml_index_waits(const struct ml_arena *a, u32 index, u64 loc);
bool ml_index_placed(const struct ml_arena *a, u32 index);
u32 ml_index_placeless(const struct ml_arena *a, u32 index);
unsigned int ml_index_heat(const struct ml_arena *a, u32 index);
void ml_index_age(struct ml_arena *a, u32 index);
u32 ml_index_notes(const struct ml_arena *a, u32 index);
u32 ml_index_priority(const struct ml_arena *a, u32 index);
u64 ml_index_side(const struct ml_arena *a, u32 index);
void ml_index_resize(struct ml_arena *a, u32 index, unsigned int cls, u64 bytes);
void ml_index_set_batch(struct ml_arena *a, u32 index, bool in);
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

/* Indices that were ever given out. */
static inline u32 ml_indices(const struct ml_arena *a)
{
	return READ_ONCE(a->table.top) - a->table.first - 1;
}

#endif /* ML_TABLE_H */
