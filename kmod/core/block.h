/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* block.h - spans of uniform places */
#ifndef ML_BLOCK_H
#define ML_BLOCK_H

#include "core.h"
#include "run.h"

#define ML_SPAN_PAGES_MAX	64

u64 ml_span_pages(unsigned int cls);
unsigned int ml_span_bin(const struct ml_span *span);
struct ml_span *ml_span_new(struct ml_arena *a, unsigned int lane, unsigned int cls, bool cold,
			    u64 nr);
struct ml_span *ml_span_fullest(const struct ml_class *c);
u64 ml_slot_take(struct ml_arena *a, struct ml_span *span);
void ml_slot_give(struct ml_arena *a, struct ml_span *span, u64 loc);
void ml_span_count(struct ml_arena *a, struct ml_span *span, s32 nr);
void ml_span_emptied(struct ml_arena *a, struct ml_span *span, u32 nr);
void ml_span_done(struct ml_arena *a, struct ml_span *span, bool pinned);
void ml_span_again(struct ml_arena *a, struct ml_span *span, u64 loc);
void ml_span_forget(struct ml_arena *a, struct ml_span *span);
void ml_span_trim(struct ml_arena *a, struct ml_class *c, unsigned int keep);

static inline struct ml_span *ml_span_of(struct ml_run *run)
{
	return container_of(run, struct ml_span, run);
}

/* Bytes of a place in it. */
static inline u64 ml_run_room(struct ml_run *run)
{
	if (run->kind == ML_SPAN)
		return (u64)ml_span_of(run)->width << MEMLANE_GRANULE_SHIFT;
	return run->nr << ML_PAGE_SHIFT;
}

/* Drained, or found pinned, by the compaction that is under way. */
static inline bool ml_span_is_done(const struct ml_arena *a, const struct ml_span *span)
{
	return span->skip == a->lane[span->run.lane].round;
}

/* Is a word of the reverse map of a free place? */
static inline bool ml_slot_is_free(u32 word)
{
	return word >= ML_SLOT_FREE;
}

/* The index that has a place; 0: it is free, or reserved. */
static inline u32 ml_slot_owner(const struct ml_span *span, u32 slot)
{
	u32 owner = READ_ONCE(span->rmap[slot]);

	return ml_slot_is_free(owner) ? 0 : owner;
}

static inline u64 ml_slot_loc(const struct ml_span *span, u32 slot)
{
	return ml_page_loc(span->run.page) + (u64)slot * span->width;
}

/*
 * Which place a location is in; not below span.places: in the rest behind them. Exact, as
 * granules of a span times those of a place are less than 2^32.
 */
static inline u32 ml_slot_at(const struct ml_span *span, u64 loc)
{
	return ((loc - ml_page_loc(span->run.page)) * span->inverse) >> 32;
}

/* Enter the owner of a place in the reverse map. */
static inline void ml_slot_name(struct ml_span *span, u64 loc, u32 index)
{
	span->rmap[ml_slot_at(span, loc)] = index;
}

/* The first free place is an index's, and is counted later: ml_span_count(). */
static inline void ml_slot_fill(struct ml_span *span, u32 index)
{
	u32 slot = span->free;

	span->free = span->rmap[slot] & ~ML_SLOT_FREE;
	span->rmap[slot] = index;
}

/* A place is free again, and is counted later. */
static inline void ml_slot_empty(struct ml_span *span, u32 slot)
{
	span->rmap[slot] = ML_SLOT_FREE | span->free;
	span->free = slot;
}

#endif /* ML_BLOCK_H */
