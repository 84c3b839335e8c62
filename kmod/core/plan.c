// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * plan.c - which objects go where: pure functions
 *
 * Blocks go from the emptiest span of a class to the fullest one with room:
 *
 *     before    [x...][xx..][xxx.][xxxx]      bin 1  2  3  full
 *     source     ^                ^ target: the third
 *     after     [....][xx..][xxxx][xxxx]      the first goes back to the system
 *
 * When one that is not full is all that is left of a class, its objects go to a new one of no
 * more pages than they need:
 *
 *     before    [x.x..x..]     four pages
 *     after     [xxx]          one
 *
 * A span that was drained or found pinned in this round carries the round's
 * number and stands behind the others of its bin, so that the head of a list
 * answers for the whole list. A span that the batch at hand fills is not drained by
 * it: what is reserved there has no owner yet, and would stay behind. There is one
 * of these a class at most that is not full, the latest target.
 */
#include "block.h"
#include "plan.h"

#define TRIES	16	/* spans of a bin that are looked at, in no order of their own */

/* Does the batch at hand fill this span? */
bool ml_plan_is_fed(const struct ml_arena *a, const struct ml_span *span)
{
	return span->fed == (u32)a->count.batches + 1;
}

/* The batch at hand reserves a place in this span: perhaps before its cursor. */
void ml_plan_feed(const struct ml_arena *a, struct ml_span *span)
{
	span->fed = a->count.batches + 1;
	span->cursor = 0;
}

/* A span of this bin that may be drained, or NULL. */
static struct ml_span *source_in(const struct ml_arena *a, const struct list_head *bin)
{
	struct ml_span *span = list_first_entry(bin, struct ml_span, run.bin);

	if (ml_plan_is_fed(a, span) && span != list_last_entry(bin, struct ml_span, run.bin))
		span = list_next_entry(span, run.bin);
	return ml_span_is_done(a, span) || ml_plan_is_fed(a, span) ? NULL : span;
}

/**
 * ml_plan_source - the span to drain next
 * @a: arena; arena.lock
 * @c: class
 *
 * Return: the emptiest part-filled span not done in this round, or NULL.
 */
struct ml_span *ml_plan_source(const struct ml_arena *a, const struct ml_class *c)
{
	struct ml_span *span;
	int bin;

	lockdep_assert_held(&a->lock);
	for (bin = 1; bin <= ML_BINS; bin++) {
		if (list_empty(&c->bin[bin]))
			continue;
		span = source_in(a, &c->bin[bin]);
		if (span)
			return span;
	}
	return NULL;
}

/*
 * A span of this bin, other than @source, that may take objects. Where many are alike the first
 * ones are drained, so the last one is filled: what goes, and what stays, lies together. Those
 * done stand at the end, and one of them that is pinned takes objects if no other does.
 */
static struct ml_span *target_in(const struct ml_arena *a, const struct list_head *bin,
				 const struct ml_span *source)
{
	struct ml_span *first = list_first_entry(bin, struct ml_span, run.bin), *pinned = NULL;
	const struct list_head *p;
	unsigned int tries;

	for (p = bin->prev, tries = 0; p != bin && tries < TRIES; p = p->prev, tries++) {
		struct ml_span *span = list_entry(p, struct ml_span, run.bin);

		if (!ml_span_is_done(a, span)) {
			if (span != source)
				return span;
			break;
		}
		if (!pinned && span->pinned && span != source)
			pinned = span;
	}
	if (first == source && !list_is_singular(bin))
		first = list_next_entry(first, run.bin);
	return first != source && !ml_span_is_done(a, first) ? first : pinned;
}

/**
 * ml_plan_target - where the source's objects go
 * @a: arena; arena.lock
 * @c: class
 * @source: span being drained
 *
 * Spans that hold a pinned object cannot be drained, so they are filled.
 * Return: the fullest span with room, or NULL.
 */
struct ml_span *ml_plan_target(const struct ml_arena *a, const struct ml_class *c,
			       const struct ml_span *source)
{
	struct ml_span *span;
	int bin;

	lockdep_assert_held(&a->lock);
	for (bin = ML_BINS; bin >= 1; bin--) {
		if (list_empty(&c->bin[bin]))
			continue;
		span = target_in(a, &c->bin[bin], source);
		if (span)
			return span;
	}
	return NULL;
}

/* Objects from the cursor on. */
static u32 left_of(const struct ml_span *span)
{
	u32 slot, nr = 0;

	for (slot = span->cursor; slot < span->places; slot++)
		nr += ml_slot_owner(span, slot) != 0;
	return nr;
}

/**
 * ml_plan_tight - pages that a span of its own for what is left of a source needs
 * @source: span being drained
 *
 * Return: how many; 0: not fewer than it has.
 */
u64 ml_plan_tight(const struct ml_span *source)
{
	u64 nr = ml_pages((u64)left_of(source) * source->width << MEMLANE_GRANULE_SHIFT);

	return nr < source->run.nr ? nr : 0;
}

static struct ml_span *fullest_in(struct list_head *bin, const struct ml_span *source)
{
	struct ml_span *span, *best = NULL;
	unsigned int tries = 0;

	list_for_each_entry(span, bin, run.bin) {
		if (tries++ == TRIES)
			break;
		if (span != source && (!best || span->used > best->used))
			best = span;
	}
	return best;
}

/**
 * ml_plan_island - where an object goes that is to stay for long
 * @c: class; arena.lock
 * @source: its span
 *
 * Return: about the fullest span with room, so that a few have all of these; or NULL.
 */
struct ml_span *ml_plan_island(struct ml_class *c, const struct ml_span *source)
{
	struct ml_span *span = NULL;
	int bin;

	for (bin = ML_BINS; bin >= 1 && !span; bin--)
		span = fullest_in(&c->bin[bin], source);
	return span;
}
