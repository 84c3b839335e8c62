// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * place.c - where an index lives
 *
 * There is no private word that says so: the entry does, which the program can write.
 * It is believed where the reverse map, which is private, names the index at that
 * very place. No place is named twice and no index at two places, so a forged entry
 * names no place at all, whatever it says.
 */
#include <linux/nospec.h>

#include "block.h"
#include "place.h"
#include "run.h"
#include "table.h"

/**
 * ml_place_slot - which place of a span is a location, if it is an index's
 * @span: has the page of @loc
 * @loc: any value there
 * @index: not 0
 *
 * Return: its number; ml_span.places: it is not, or is no place's first granule.
 */
u32 ml_place_slot(const struct ml_span *span, u64 loc, u32 index)
{
	u32 slot = ml_slot_at(span, loc);

	if (slot >= span->places)
		return span->places;
	slot = array_index_nospec(slot, span->places);
	return span->rmap[slot] == index && ml_slot_loc(span, slot) == loc ? slot : span->places;
}

/**
 * ml_place_is - is a location the place of an index?
 * @run: what the map names at its page; or NULL
 * @loc: any value
 * @index: not 0
 */
bool ml_place_is(struct ml_run *run, u64 loc, u32 index)
{
	if (!run)
		return false;
	if (run->kind == ML_SPAN)
		return ml_place_slot(ml_span_of(run), loc, index) < ml_span_of(run)->places;
	return run->kind == ML_BLOB && run->index == index && ml_page_loc(run->page) == loc;
}

/**
 * ml_place_of - where an index lives
 * @a: arena; arena.lock
 * @index: bound
 * @loc: out: its place
 *
 * The answer may be another the next time, as the program may write to the entry: who
 * needs it more than once keeps it.
 * Return: the run of the place; NULL: it has none, or the entry was overwritten.
 */
struct ml_run *ml_place_of(const struct ml_arena *a, u32 index, u64 *loc)
{
	u64 at = memlane_entry_loc(ml_entry_read(a, index), index);
	struct ml_run *run = ml_run_at(a, ml_loc_page(at));

	lockdep_assert_held(&a->lock);
	if (!ml_place_is(run, at, index))
		return NULL;
	*loc = at;
	return run;
}
