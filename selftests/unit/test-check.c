// SPDX-License-Identifier: MIT
/* test-check.c - the checker names what is broken: each invariant is broken once */
#include "block.h"
#include "depot.h"
#include "ktap.h"
#include "run.h"
#include "table.h"
#include "tally.h"
#include "vacancy.h"
#include "vec.h"
#include "world.h"

static struct world *w;
static struct ml_arena *a;
static struct ml_span *span;
static struct ml_run *blob, *rest;	/* and the free run behind it */
static u64 object;

static void begin(void)
{
	u64 large;

	w = world_new(256 << 10, 1 << 20);
	a = &w->arena;
	object = world_alloc(w, MEMLANE_SLOW, 100);
	world_alloc(w, MEMLANE_SLOW, 100);
	large = world_alloc(w, MEMLANE_SLOW, 100000);
	mutex_lock(&a->lock);
	span = ml_span_of(ml_run_at(a, ml_loc_page(world_loc(w, object))));
	blob = ml_run_at(a, ml_loc_page(world_loc(w, large)));
	rest = ml_run_at(a, ml_run_end(blob));
	mutex_unlock(&a->lock);
	world_check(w);
}

static int broken(void)
{
	char why[200] = "";
	int nr = ml_check(a, why, sizeof(why));

	if (nr)
		expect(why[0] == 'I' && why[1] - '0' == (nr < 10 ? nr : 1));
	return nr;
}

/* Each change is undone, so that the arena can end. */
#define BREAKS(nr, field, value) do {					\
	__typeof__(field) was = (field);				\
									\
	(field) = (value);						\
	expect_eq(broken(), nr);					\
	(field) = was;							\
	expect_eq(broken(), 0);						\
} while (0)

static void runs(void)
{
	begin();
	BREAKS(1, blob->nr, blob->nr + 1);
	BREAKS(1, *(struct ml_run **)ml_vec_at(&a->map, span->run.page + 1), blob);
	BREAKS(1, *(struct ml_run **)ml_vec_at(&a->map, blob->page), rest);
	BREAKS(3, a->lane[1].area[ML_USE_BLOB].used, 5);
	BREAKS(3, a->lane[1].area[ML_USE_BLOB].chunks, 7);
	BREAKS(3, a->lane[1].area[ML_USE_BLOCK].runs, 7);
	BREAKS(4, a->lane[1].limit, 10);
	BREAKS(4, a->lane[0].max, 1);
	world_end(w);
}

static void touching_free_runs(void)
{
	struct ml_run *spare = a->ops->zalloc(a, sizeof(*spare));
	u64 half = rest->nr / 2;

	*spare = *rest;
	spare->page += half;
	spare->nr -= half;
	rest->nr = half;
	*(struct ml_run **)ml_vec_make(a, &a->map, spare->page - 1) = rest;
	*(struct ml_run **)ml_vec_make(a, &a->map, spare->page) = spare;
	*(struct ml_run **)ml_vec_at(&a->map, ml_run_end(spare) - 1) = spare;
	expect_eq(broken(), 2);
	rest->nr += spare->nr;
	*(struct ml_run **)ml_vec_at(&a->map, ml_run_end(rest) - 1) = rest;
	a->ops->zfree(a, spare, sizeof(*spare));
}

static void free_runs(void)
{
	begin();
	touching_free_runs();
	expect_eq(broken(), 0);
	BREAKS(2, world_locked(a, ml_run_last(a, &a->lane[1]))->kind, ML_FREE);	/* whole chunks */
	world_end(w);
}

static void kept_runs(void)
{
	struct memlane_set req = {
		.size = sizeof(req), .option = MEMLANE_OPT_DECAY, .value = 1000000000,
	};
	struct ml_area *area;

	begin();
	expect_eq(ml_set(a, &req), 0);
	world_free(w, world_alloc(w, MEMLANE_SLOW, 100000));
	area = &a->lane[1].area[ML_USE_BLOB];
	expect_eq(area->kept, 25);
	BREAKS(3, area->kept, 24);
	BREAKS(3, area->kept_bins, 0);
	BREAKS(3, area->kept_bins, 1 << 25 | 1);
	BREAKS(3, area->kept_bin[25].next, &area->kept_bin[25]);
	BREAKS(3, area->kept_bin[24].next, area->kept_bin[25].next);
	world_end(w);
}

static void spans(void)
{
	begin();
	BREAKS(5, span->used, 1);
	BREAKS(5, span->free, ML_SLOT_END);
	BREAKS(5, span->rmap[span->free], ML_SLOT_FREE | span->free);	/* a loop */
	BREAKS(5, span->rmap[5], ML_SLOT_FREE | 10000);
	BREAKS(8, span->bin, 3);
	BREAKS(8, ml_class_set(&a->lane[1], 6, false)->used, 7);
	BREAKS(8, ml_class_set(&a->lane[1], 6, false)->spans, 0);
	BREAKS(8, ml_class_set(&a->lane[1], 6, false)->pages, 0);
	world_end(w);
}

/* Move the span to another list, with all the counts as if it belonged there. */
static int broken_on(struct ml_class *to)
{
	struct ml_class *c = ml_class_set(&a->lane[1], span->cls, false);
	int nr;

	list_del(&span->run.bin);
	c->used -= span->used;
	c->spans--;
	if (to) {
		list_add(&span->run.bin, &to->bin[span->bin]);
		to->used += span->used;
		to->spans++;
	}
	nr = broken();
	if (to) {
		list_del(&span->run.bin);
		to->used -= span->used;
		to->spans--;
	}
	c->used += span->used;
	c->spans++;
	list_add(&span->run.bin, &c->bin[span->bin]);
	expect_eq(broken(), 0);
	return nr;
}

static void lists(void)
{
	struct list_head *bin;
	struct ml_span *twin;

	begin();
	bin = &ml_class_set(&a->lane[1], span->cls, false)->bin[span->bin];
	BREAKS(8, span->cold, true);
	BREAKS(8, bin->prev, bin);		/* torn */
	expect_eq(broken_on(NULL), 8);
	expect_eq(broken_on(ml_class_set(&a->lane[1], span->cls + 1, false)), 8);
	expect_eq(broken_on(ml_class_set(&a->lane[1], span->cls, true)), 8);
	expect_eq(broken_on(ml_class_set(&a->lane[0], span->cls, false)), 8);
	BREAKS(8, a->lane[0].cls[3].bin[2].next, &span->run.bin);	/* two heads */
	twin = a->ops->zalloc(a, sizeof(*twin));
	*twin = *span;
	list_add_tail(&twin->run.bin, bin);
	expect_eq(broken(), 8);
	list_del(&twin->run.bin);
	a->ops->zfree(a, twin, sizeof(*twin));
	expect_eq(broken(), 0);
	world_end(w);
}

static void owners(void)
{
	struct ml_words words;

	begin();
	BREAKS(10, span->rmap[0], 2);			/* a stale reverse map entry */
	BREAKS(6, span->rmap[0], 77);
	BREAKS(10, blob->index, (u32)object);		/* two places of one index */
	BREAKS(6, blob->index, 77);
	BREAKS(7, blob->index, 0);
	BREAKS(7, a->lane[1].objects, 2);
	BREAKS(7, a->lane[1].bound, 0);
	BREAKS(7, a->table.purged, 1);
	words = ml_words_of(a, (u32)object);
	ml_words_set_batch(&words, true);
	expect_eq(broken(), 7);
	ml_words_set_batch(&words, false);
	world_end(w);
}

static void indices(void)
{
	begin();
	BREAKS(9, a->table.free, 1);
	BREAKS(9, a->table.bound, 2);
	BREAKS(9, a->table.retired, 1);
	BREAKS(10, *world_entry(w, object), *world_entry(w, object) + 1);
	a->count.spoiled = 1;			/* one was found; another is one too many */
	++*world_entry(w, object);
	expect_eq(broken(), 0);
	BREAKS(10, *world_entry(w, object + 1), *world_entry(w, object + 1) + 1);
	--*world_entry(w, object);
	BREAKS(0, *world_entry(w, object + 1), *world_entry(w, object + 1) + 1);
	world_free(w, object);
	expect_eq(broken(), 0);
	world_end(w);
}

static void free_indices(void)
{
	struct ml_vacancy *v;

	begin();
	world_free(w, object);
	expect_eq(broken(), 0);
	v = ml_vacancy_of(a, 0);
	BREAKS(9, a->table.free, 0);
	BREAKS(9, v->nr, 2);
	BREAKS(9, v->hint, 2);			/* it was index 1 */
	BREAKS(9, v->next, 1);			/* a loop */
	BREAKS(9, v->prev, 1);
	BREAKS(9, a->table.dense[ml_vacancy_list(1)], 0);
	world_end(w);
}

static void tallies(void)
{
	struct memlane_tally *t;

	begin();
	t = ml_vec_at(&a->stat, ML_TALLY_FIRST + ml_tally_of_class(MEMLANE_SLOW, span->cls));
	BREAKS(11, t->pages, t->pages + 1);
	BREAKS(11, t->by_cause[MEMLANE_CAUSE_STALE], 1);
	BREAKS(0, t->pages, 0);			/* it was made late */
	world_end(w);
}

static void depot(void)
{
	const u32 any[3] = { };
	struct ml_depot *d;

	begin();
	d = &a->depot;
	expect(world_locked(a, ml_depot_give(a, 5, any, 3)));
	BREAKS(12, d->stocks, 2);
	BREAKS(12, d->bytes, d->bytes + 1);
	BREAKS(12, d->stock[5]->nr, 0);
	BREAKS(12, d->stock[5]->nr, ML_DEPOT_MOST + 1);
	BREAKS(12, d->stock[5]->next, d->stock[5]);	/* a loop */
	world_end(w);
}

static const struct test tests[] = {
	{ "check_runs", runs },
	{ "check_free_runs", free_runs },
	{ "check_kept_runs", kept_runs },
	{ "check_spans", spans },
	{ "check_lists", lists },
	{ "check_owners", owners },
	{ "check_indices", indices },
	{ "check_free_indices", free_indices },
	{ "check_tallies", tallies },
	{ "check_depot", depot },
};

KTAP_MAIN(tests);
