// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* check.c - evaluates the invariants of core.h; each failure is a sentence */
#include <linux/kernel.h>
#include <linux/sched.h>

#include "block.h"
#include "decay.h"
#include "depot.h"
#include "lane.h"
#include "plan.h"
#include "run.h"
#include "table.h"
#include "tally.h"
#include "vacancy.h"
#include "vec.h"

/* What a walk over one lane adds up. */
struct sums {
	u64 used[ML_USES];
	u64 runs[ML_USES];
	u64 free[ML_USES];
	u64 kept[ML_USES];
	u64 few[ML_USES];	/* of kept, in runs that belong into a bin */
	u64 objects;
	u64 bound;
	u64 reserved;
};

/* What stands on the lists of one class. */
struct listed {
	u64 used;
	u64 spans;
	u64 pages;
};

struct report {
	struct ml_arena *a;
	bool idle;	/* no batch is under way */
	u64 overwritten;	/* entries that say another place than is theirs */
	char *why;
	size_t len;
};

#define broken(r, nr, ...) (snprintf((r)->why, (r)->len, "I" #nr ": " __VA_ARGS__), (nr))

/*
 * I10: the entry says the place. Which entries the program has overwritten is not known, but
 * how many of these were met is.
 */
static int check_entry(struct report *r, u32 index, u64 loc)
{
	u64 says = memlane_entry_loc(ml_entry_read(r->a, index), index);

	if (says == loc || ++r->overwritten <= r->a->count.spoiled)
		return 0;
	return broken(r, 10, "index %u is at %llu, its entry says %llu; %llu known to be overwritten",
		      index, loc, says, r->a->count.spoiled);
}

/* I6 of one place. Were two places one index's, its entry could not say both. */
static int check_owner(struct report *r, struct sums *sums, u32 index, u64 loc, u64 room)
{
	struct ml_arena *a = r->a;

	if (index == ML_SLOT_TAKEN) {
		sums->reserved++;
		return 0;
	}
	if (!ml_index_placed(a, index))
		return broken(r, 6, "place %llu is index %u's, which is not bound", loc, index);
	sums->objects++;
	sums->bound += room;
	return check_entry(r, index, loc);
}

/* I5: the free list has every free slot once. */
static int check_free_list(struct report *r, const struct ml_span *span)
{
	u32 slot = span->free, nr = 0;

	while (slot != ML_SLOT_END) {
		if (slot >= span->places || !ml_slot_is_free(span->rmap[slot]))
			return broken(r, 5, "span at page %llu: slot %u on the free list",
				      span->run.page, slot);
		if (++nr > span->places)
			return broken(r, 5, "span at page %llu: free list loops", span->run.page);
		slot = span->rmap[slot] & ~ML_SLOT_FREE;
	}
	if (nr + span->used != span->places)
		return broken(r, 5, "span at page %llu: %u free and %u used of %u",
			      span->run.page, nr, span->used, span->places);
	return 0;
}

static int check_span(struct report *r, struct sums *sums, struct ml_span *span)
{
	unsigned int size = ml_class_size(span->cls);
	u32 slot, used = 0;
	u64 page;
	int err;

	for (page = span->run.page; page < ml_run_end(&span->run); page++)
		if (ml_run_at(r->a, page) != &span->run)
			return broken(r, 1, "page %llu does not name its span", page);
	for (slot = 0; slot < span->places; slot++) {
		if (ml_slot_is_free(span->rmap[slot]))
			continue;
		used++;
		err = check_owner(r, sums, span->rmap[slot], ml_slot_loc(span, slot), size);
		if (err)
			return err;
	}
	if (used != span->used)
		return broken(r, 5, "span at page %llu: %u used slots, counted %u",
			      span->run.page, used, span->used);
	return check_free_list(r, span);
}

static int check_pool_run(struct report *r, const struct ml_run *run)
{
	if ((run->page | run->nr) & (ML_CHUNK_PAGES - 1))
		return broken(r, 2, "pool run at page %llu is not whole chunks", run->page);
	return 0;
}

static int check_free_run(struct report *r, struct sums *sums, const struct ml_run *run)
{
	u64 first = (run->page + ML_CHUNK_PAGES - 1) & ~(ML_CHUNK_PAGES - 1);

	sums->free[run->use] += run->nr;
	if (first + ML_CHUNK_PAGES <= ml_run_end(run) && !r->a->kept_chunks)
		return broken(r, 2, "free run at page %llu holds a whole chunk", run->page);
	return 0;
}

static int check_run(struct report *r, struct sums *sums, struct ml_run *run)
{
	switch (run->kind) {
	case ML_POOL:
		return check_pool_run(r, run);
	case ML_FREE:
		return check_free_run(r, sums, run);
	case ML_KEPT:
		sums->kept[run->use] += run->nr;
		sums->few[run->use] += run->nr < ML_KEPT_BINS ? run->nr : 0;
		return 0;
	case ML_SPAN:
		sums->used[ML_USE_BLOCK] += run->nr;
		sums->runs[ML_USE_BLOCK]++;
		return check_span(r, sums, ml_span_of(run));
	default:
		sums->used[ML_USE_BLOB] += run->nr;
		sums->runs[ML_USE_BLOB]++;
		return check_owner(r, sums, run->index, ml_page_loc(run->page),
				   run->nr << ML_PAGE_SHIFT);
	}
}

static bool same_free(const struct ml_run *x, const struct ml_run *y)
{
	return y && ml_run_is_free(x) && x->kind == y->kind && x->use == y->use;
}

/* I1, I2, I5, I6: walk the runs from the lane's end down. */
static int check_runs(struct report *r, struct sums *sums, struct ml_lane *lane)
{
	struct ml_run *run = ml_run_last(r->a, lane), *next = NULL;
	u64 end = lane->end;
	int err;

	for (; run; next = run, run = ml_run_before(r->a, run)) {
		if (!run->nr || ml_run_end(run) != end || run->page < lane->first)
			return broken(r, 1, "run at page %llu ends at %llu, not %llu",
				      run->page, ml_run_end(run), end);
		if (ml_run_at(r->a, run->page) != run)
			return broken(r, 1, "run at page %llu is not named there", run->page);
		if (same_free(run, next))
			return broken(r, 2, "free runs touch at page %llu", end);
		err = check_run(r, sums, run);
		if (err)
			return err;
		end = run->page;
		cond_resched();
	}
	if (end != lane->first)
		return broken(r, 1, "pages from %llu to %llu are in no run", lane->first, end);
	return 0;
}

/* I3 of the kept runs of @nr pages. */
static int check_kept_bin(struct report *r, const struct ml_area *area, unsigned int nr, u64 *pages)
{
	const struct list_head *bin = &area->kept_bin[nr];
	const struct ml_run *run;
	bool empty = list_empty(bin);

	if (empty != !(area->kept_bins >> nr & 1))
		return broken(r, 3, "the bin of %u kept pages is %s", nr, empty ? "empty" : "full");
	list_for_each_entry(run, bin, bin) {
		if (*pages > area->kept)
			break;
		if (run->kind != ML_KEPT || run->nr != nr || ml_run_at(r->a, run->page) != run)
			return broken(r, 3, "run at page %llu in the bin of %u kept pages",
				      run->page, nr);
		*pages += nr;
	}
	return 0;
}

/* As many are in bins as there are runs that belong there, and each of those belongs there. */
static int check_kept_bins(struct report *r, const struct ml_area *area, u64 few)
{
	u64 pages = 0;
	unsigned int nr;
	int err = 0;

	for (nr = 0; nr < ML_KEPT_BINS && !err; nr++)
		err = check_kept_bin(r, area, nr, &pages);
	if (!err && pages != few)
		err = broken(r, 3, "%llu kept pages in bins, not %llu", pages, few);
	return err;
}

static int check_area(struct report *r, const struct sums *sums, const struct ml_area *area,
		      unsigned int use)
{
	if (area->used != sums->used[use] || area->runs != sums->runs[use])
		return broken(r, 3, "area %u: %llu pages in %llu runs, counted %llu in %llu", use,
			      sums->used[use], sums->runs[use], area->used, area->runs);
	if (area->kept != sums->kept[use])
		return broken(r, 3, "area %u: %llu pages kept, counted %llu", use, sums->kept[use],
			      area->kept);
	if (area->chunks << ML_CHUNK_SHIFT != area->used + area->kept + sums->free[use])
		return broken(r, 3, "area %u: %llu chunks for %llu used and %llu free pages", use,
			      area->chunks, area->used, sums->free[use]);
	return check_kept_bins(r, area, sums->few[use]);
}

/* I8 of one span on a list. */
static int check_listed(struct report *r, const struct ml_lane *lane, unsigned int set,
			unsigned int bin, const struct ml_span *span)
{
	if (ml_run_at(r->a, span->run.page) != &span->run)
		return broken(r, 8, "span at page %llu is listed, the map does not name it",
			      span->run.page);
	if (span->run.lane != lane - r->a->lane ||
	    span->cls + (span->cold ? ML_CLASSES : 0) != set)
		return broken(r, 8, "span at page %llu, class %u, is on the list of another",
			      span->run.page, span->cls);
	if (span->bin != bin || ml_span_bin(span) != bin)
		return broken(r, 8, "span at page %llu, %u of %u used, in bin %u", span->run.page,
			      span->used, span->places, bin);
	return 0;
}

/* Where lists are mixed up, some span's neighbour is another than it says. */
static int check_bin(struct report *r, const struct ml_lane *lane, unsigned int set,
		     unsigned int bin, struct listed *seen)
{
	const struct list_head *head = &lane->cls[set].bin[bin], *prev = head, *p;
	int err;

	for (p = head->next; p->prev == prev && p != head; prev = p, p = p->next) {
		const struct ml_span *span = list_entry(p, struct ml_span, run.bin);

		err = check_listed(r, lane, set, bin, span);
		if (err)
			return err;
		seen->used += span->used;
		seen->spans++;
		seen->pages += span->run.nr;
		cond_resched();
	}
	return p->prev == prev ? 0 : broken(r, 8, "class %u: the list of bin %u is torn", set, bin);
}

static int check_class(struct report *r, const struct ml_lane *lane, unsigned int set, u64 *spans)
{
	const struct ml_class *c = &lane->cls[set];
	struct listed seen = { };
	unsigned int bin;
	int err = 0;

	for (bin = 0; bin < ML_BINS + 2 && !err; bin++)
		if (!list_empty(&c->bin[bin]))
			err = check_bin(r, lane, set, bin, &seen);
	if (err)
		return err;
	if (seen.used != c->used || seen.spans != c->spans || seen.pages != c->pages)
		return broken(r, 8, "%llu used in %llu spans of %llu pages, counted %llu in %llu of %llu",
			      seen.used, seen.spans, seen.pages, c->used, c->spans, c->pages);
	*spans += seen.spans;
	return 0;
}

/* I8: spans are listed by fullness; as many are listed as there are, and none twice. */
static int check_classes(struct report *r, const struct ml_lane *lane)
{
	u64 runs = lane->area[ML_USE_BLOCK].runs, spans = 0;
	unsigned int set;
	int err = 0;

	for (set = 0; set < ML_CLASS_SETS && !err; set++)
		err = check_class(r, lane, set, &spans);
	if (!err && spans != runs)
		err = broken(r, 8, "%llu spans, %llu of them on a list", runs, spans);
	return err;
}

static int check_lane(struct report *r, struct sums *total, unsigned int nr)
{
	struct ml_lane *lane = &r->a->lane[nr];
	struct sums sums = { };
	unsigned int i;
	int err;

	err = check_runs(r, &sums, lane);
	for (i = 0; i < ML_USES && !err; i++)
		err = check_area(r, &sums, &lane->area[i], i);
	if (!err)
		err = check_classes(r, lane);
	if (err)
		return err;
	if (ml_lane_used(lane) + ml_lane_kept(lane) > lane->limit || lane->limit > lane->max)
		return broken(r, 4, "lane %u: %llu pages used, limit %llu, max %llu", nr,
			      ml_lane_used(lane), lane->limit, lane->max);
	if (sums.objects != lane->objects || sums.bound != lane->bound)
		return broken(r, 7, "lane %u: %llu objects of %llu bytes, counted %llu of %llu", nr,
			      sums.objects, sums.bound, lane->objects, lane->bound);
	total->objects += sums.objects;
	total->reserved += sums.reserved;
	return 0;
}

/* I9 of one block, of whose indices so many are NONE, the first one of them is @first. */
static int check_vacancy(struct report *r, u32 block, u32 nr, u32 first)
{
	const struct ml_vacancy *v = ml_vacancy_of(r->a, block);

	if (v->nr != nr)
		return broken(r, 9, "block %u: %u indices are free, counted %u", block, nr, v->nr);
	if (nr && v->hint > first)
		return broken(r, 9, "block %u: index %u of it is free, below %u", block, first, v->hint);
	return 0;
}

/* I9 of one list; it is too long if it loops. */
static int check_list(struct report *r, u32 list, u32 none, u32 *nr)
{
	u32 block = r->a->table.dense[list], prev = 0;
	const struct ml_vacancy *v;

	for (; block && *nr <= none; prev = block, block = v->next) {
		v = ml_vacancy_of(r->a, block - 1);
		if (!v->nr || v->prev != prev || ml_vacancy_list(v->nr) != list)
			return broken(r, 9, "block %u, %u free, is on list %u behind block %d",
				      block - 1, v->nr, list, (int)prev - 1);
		*nr += v->nr;
		cond_resched();
	}
	return 0;
}

/* I9: blocks are listed by how many of their indices are free. */
static int check_vacancies(struct report *r, u32 none)
{
	const struct ml_table *t = &r->a->table;
	u32 list, nr = 0;
	int err;

	for (list = 0; list < ML_DENSITIES; list++) {
		err = check_list(r, list, none, &nr);
		if (err)
			return err;
	}
	if (nr != none || t->free != none)
		return broken(r, 9, "%u indices are free, %u in lists, counted %u", none, nr, t->free);
	return 0;
}

/* What a walk over the indices adds up. */
struct states {
	u32 nr[ML_STATE_MASK + 1];
	u32 none;	/* of this block */
	u32 first;	/* of them: the first one, in the block */
};

static int check_block(struct report *r, struct states *s, u32 block)
{
	const struct ml_table *t = &r->a->table;
	u32 from = t->first + block * ML_INDEX_BLOCK, i;

	s->none = 0;
	for (i = block ? 0 : 1; i < ML_INDEX_BLOCK && from + i < t->top; i++) {
		unsigned int state = ml_index_state(r->a, from + i);

		s->nr[state & ML_STATE_MASK]++;
		if ((state & ML_STATE_MASK) == ML_NONE && !s->none++)
			s->first = i;
		if (r->idle && state & ML_BOUND && state & ML_IN_BATCH)
			return broken(r, 7, "index %u is in a batch, but none is under way", from + i);
	}
	cond_resched();
	return check_vacancy(r, block, s->none, s->first);
}

static int check_states(struct report *r, const struct sums *total, const u32 *nr)
{
	const struct ml_table *t = &r->a->table;
	u32 bound = nr[ML_BOUND] + nr[ML_PLACELESS];

	if (bound != t->bound || nr[ML_RETIRED] != t->retired)
		return broken(r, 9, "%u bound and %u retired, counted %u and %u", bound,
			      nr[ML_RETIRED], t->bound, t->retired);
	if (nr[ML_PLACELESS] != t->purged + t->emptied || total->objects != nr[ML_BOUND])
		return broken(r, 7, "%u indices bound, %u of them without a place, counted %u; %llu places owned, %llu reserved",
			      bound, nr[ML_PLACELESS], t->purged + t->emptied, total->objects,
			      total->reserved);
	return check_vacancies(r, nr[ML_NONE]);
}

static int check_table(struct report *r, const struct sums *total)
{
	const struct ml_table *t = &r->a->table;
	struct states s = { };
	u32 block;
	int err = 0;

	for (block = 0; !err && block * ML_INDEX_BLOCK + !block < t->top - t->first; block++)
		err = check_block(r, &s, block);
	if (!err && r->idle && total->reserved)
		err = broken(r, 7, "%llu places are reserved, but no batch is under way",
			     total->reserved);
	return err ? err : check_states(r, total, s.nr);
}

static int check_tally(struct report *r, unsigned int lane, unsigned int cls, u64 *moves)
{
	u32 nr = ml_tally_of_class(lane, cls);
	const struct memlane_tally *t = ml_vec_at(&r->a->stat, ML_TALLY_FIRST + nr);
	unsigned int cause;

	if (!t)
		return 0;
	for (cause = 0; cause < MEMLANE_CAUSES; cause++)
		moves[cause] += t->by_cause[cause];
	if (t->pages && t->pages != ml_class_pages(r->a, lane, cls))
		return broken(r, 11, "lane %u, class %u: the tally says %llu pages, not %llu", lane,
			      cls, t->pages, ml_class_pages(r->a, lane, cls));
	return 0;
}

/* I11; one that was made late, with another on its page, says 0 until the next change. */
static int check_tallies(struct report *r)
{
	u64 moves[MEMLANE_CAUSES] = { };
	unsigned int lane, cls, cause;
	int err = 0;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		for (cls = 0; cls <= ML_CLASSES && !err; cls++)
			err = check_tally(r, lane, cls, moves);
	for (cause = 0; cause < MEMLANE_CAUSES && !err; cause++)
		if (moves[cause] > r->a->count.by_cause[cause])
			err = broken(r, 11, "%llu moves of cause %u in tallies, counted %llu",
				     moves[cause], cause, r->a->count.by_cause[cause]);
	return err;
}

/* I12; what indices they are is the program's word. */
static int check_depot(struct report *r)
{
	const struct ml_depot *d = &r->a->depot;
	const struct ml_depot_stock *s;
	u64 stocks = 0, bytes = 0;
	u32 mag;

	for (mag = 0; mag < ML_MAGS; mag++)
		for (s = d->stock[mag]; s && stocks <= d->stocks; s = s->next, stocks++) {
			if (!s->nr || s->nr > ML_DEPOT_MOST)
				return broken(r, 12, "magazine %u: %u indices in the depot", mag, s->nr);
			bytes += (u64)s->nr * ml_class_size(mag % ML_CLASSES);
		}
	if (stocks != d->stocks || bytes != d->bytes)
		return broken(r, 12, "%llu stocks of %llu bytes in the depot, counted %u of %llu",
			      stocks, bytes, d->stocks, d->bytes);
	return 0;
}

/**
 * ml_check - evaluate every invariant of core.h
 * @a: arena; the caller holds no lock
 * @why: gets a sentence about the first that is broken
 * @len: bytes at @why
 *
 * Context: sleeps; linear in the number of indices; holds arena.lock throughout.
 * Return: 0, or the number of the invariant; -EINTR on a fatal signal.
 */
int ml_check(struct ml_arena *a, char *why, size_t len)
{
	struct report r = { .a = a, .why = why, .len = len };
	struct sums total = { };
	unsigned int lane;
	int err = 0;

	if (mutex_lock_killable(&a->lock))
		return -EINTR;
	/* A thread that holds it with arena.lock dropped has a batch under way. */
	r.idle = mutex_trylock(&a->mover);
	for (lane = 0; lane < MEMLANE_LANES && !err; lane++)
		err = check_lane(&r, &total, lane);
	if (!err)
		err = check_table(&r, &total);
	if (!err)
		err = check_tallies(&r);
	if (!err)
		err = check_depot(&r);
	mutex_unlock(&a->lock);
	if (r.idle)
		mutex_unlock(&a->mover);
	return err;
}
