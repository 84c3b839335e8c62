// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * run.c - runs of pages: chunks lent to areas, best fit, coalescing
 *
 * The runs of a lane tile its range. The page map names a run at its first and
 * its last page, which is all that coalescing needs (boundary tags: Knuth, The
 * Art of Computer Programming 1, 2.5); spans are named at every page, because
 * their places are looked up by page. Free runs are kept in a tree by size and
 * then by address, so that the first one large enough is the best and lowest.
 *
 *      pool      |  area: block            |  area: blob        | pool
 *    ...chunks...|span|span|free|span|free |blob......|free|blob|...chunks...
 *
 * Kept runs are free ones whose pages exist: they have trees of their own, and lists by
 * age, and join each other only. What decay.c does with them is its business.
 */
#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/rbtree.h>
#include <linux/sched.h>

#include "run.h"
#include "vec.h"

#define TRIES_BELOW	64	/* free runs that compaction looks at for one blob */

static struct ml_run *run_of(const struct rb_node *node)
{
	return rb_entry(node, struct ml_run, node);
}

static bool smaller(struct rb_node *x, const struct rb_node *y)
{
	const struct ml_run *p = run_of(x), *q = run_of(y);

	return p->nr != q->nr ? p->nr < q->nr : p->page < q->page;
}

static struct rb_root *tree_of(struct ml_arena *a, const struct ml_run *run)
{
	struct ml_lane *lane = &a->lane[run->lane];
	struct ml_area *area = &lane->area[run->use];

	if (run->kind == ML_POOL)
		return &lane->pool;
	return run->kind == ML_KEPT ? &area->kept_free : &area->free;
}

/*
 * The oldest first. What is left of an old run, or joined one, goes to the head, and
 * is as old as that: so it goes back early rather than late.
 */
static void kept_add(struct ml_area *area, struct ml_run *run)
{
	struct list_head *head = &area->oldest;

	WRITE_ONCE(area->kept, area->kept + run->nr);
	if (list_empty(head) || run->since >= list_last_entry(head, struct ml_run, kept)->since) {
		list_add_tail(&run->kept, head);
		return;
	}
	run->since = min(run->since, list_first_entry(head, struct ml_run, kept)->since);
	list_add(&run->kept, head);
}

static void kept_del(struct ml_area *area, struct ml_run *run)
{
	WRITE_ONCE(area->kept, area->kept - run->nr);
	list_del(&run->kept);
}

static void tree_add(struct ml_arena *a, struct ml_run *run)
{
	rb_add(&run->node, tree_of(a, run), smaller);
	if (run->kind == ML_KEPT)
		kept_add(&a->lane[run->lane].area[run->use], run);
}

static void tree_del(struct ml_arena *a, struct ml_run *run)
{
	rb_erase(&run->node, tree_of(a, run));
	if (run->kind == ML_KEPT)
		kept_del(&a->lane[run->lane].area[run->use], run);
}

static struct ml_run *new_run(struct ml_arena *a)
{
	return a->ops->zalloc(a, sizeof(struct ml_run));
}

static void free_run(struct ml_arena *a, struct ml_run *run)
{
	if (run)
		a->ops->zfree(a, run, sizeof(*run));
}

/* ---------------------------------------------------------- the page map */

/* Is there room in the map for a boundary at these pages? Pages outside are nobody's. */
static bool map_room(struct ml_arena *a, const struct ml_lane *lane, u64 page)
{
	return page < lane->first || page >= lane->end || ml_vec_make(a, &a->map, page);
}

static void map_set(struct ml_arena *a, u64 page, struct ml_run *run)
{
	struct ml_run **slot = ml_vec_at(&a->map, page);

	if (!WARN_ON(!slot))
		*slot = run;
}

static void map_run(struct ml_arena *a, struct ml_run *run)
{
	u64 page;

	map_set(a, run->page, run);
	map_set(a, ml_run_end(run) - 1, run);
	if (run->kind == ML_SPAN)
		for (page = run->page; page < ml_run_end(run); page++)
			map_set(a, page, run);
}

/**
 * ml_run_look - the run that the map names at a page, for who has no lock
 * @a: arena; the run stays there by other means: see ml_kin_at()
 * @page: first or last page of a run, or any page of a span
 */
struct ml_run *ml_run_look(const struct ml_arena *a, u64 page)
{
	struct ml_run **slot = ml_vec_at(&a->map, page);

	return slot ? *slot : NULL;
}

/**
 * ml_run_at - the run that the map names at a page
 * @a: arena; arena.lock
 * @page: first or last page of a run, or any page of a span
 */
struct ml_run *ml_run_at(const struct ml_arena *a, u64 page)
{
	lockdep_assert_held(&a->lock);
	return ml_run_look(a, page);
}

/* The run of a place that is given out, so that the map has its page; arena.lock. */
struct ml_run *ml_run_of(const struct ml_arena *a, u64 loc)
{
	struct ml_run **slot = ml_vec_made(&a->map, ml_loc_page(loc));

	lockdep_assert_held(&a->lock);
	return *slot;
}

struct ml_run *ml_run_before(const struct ml_arena *a, const struct ml_run *run)
{
	return run->page > a->lane[run->lane].first ? ml_run_at(a, run->page - 1) : NULL;
}

struct ml_run *ml_run_last(const struct ml_arena *a, const struct ml_lane *lane)
{
	return ml_run_at(a, lane->end - 1);
}

static struct ml_run *run_after(const struct ml_arena *a, const struct ml_run *run)
{
	u64 end = ml_run_end(run);

	return end < a->lane[run->lane].end ? ml_run_at(a, end) : NULL;
}

/* ------------------------------------------------------------ coalescing */

static bool mergeable(const struct ml_run *x, const struct ml_run *y)
{
	return y && ml_run_is_free(y) && x->kind == y->kind && x->use == y->use;
}

/* Enter a free run: join it with free neighbours of its kind. */
static struct ml_run *settle(struct ml_arena *a, struct ml_run *run)
{
	struct ml_run *prev = ml_run_before(a, run), *next = run_after(a, run);

	if (mergeable(run, prev)) {
		tree_del(a, prev);
		run->since = min(run->since, prev->since);
		run->page = prev->page;
		run->nr += prev->nr;
		free_run(a, prev);
	}
	if (mergeable(run, next)) {
		tree_del(a, next);
		run->since = min(run->since, next->since);
		run->nr += next->nr;
		free_run(a, next);
	}
	map_run(a, run);
	tree_add(a, run);
	return run;
}

static void set_free(struct ml_run *run, u64 page, u64 nr, unsigned int kind,
		     unsigned int use, unsigned int lane)
{
	run->page = page;
	run->nr = nr;
	run->kind = kind;
	run->use = use;
	run->lane = lane;
	run->index = 0;
	run->spare = NULL;
}

/*
 * Cut [page, page + nr) out of the free run @f, whose head and tail stay free.
 * @spare and @second are nodes to use; what is not used is returned in them.
 */
static void cut(struct ml_arena *a, struct ml_run *f, u64 page, u64 nr,
		struct ml_run **spare, struct ml_run **second)
{
	u64 head = page - f->page, tail = ml_run_end(f) - (page + nr);
	struct ml_run *t = *second;

	tree_del(a, f);
	if (head && tail) {
		set_free(t, page + nr, tail, f->kind, f->use, f->lane);
		t->since = f->since;
		*second = NULL;
		map_run(a, t);
		tree_add(a, t);
	}
	if (!head && !tail) {
		free_run(a, *spare);
		*spare = f;
		return;
	}
	if (head)
		f->nr = head;
	else
		set_free(f, page + nr, tail, f->kind, f->use, f->lane);
	map_run(a, f);
	tree_add(a, f);
}

/* ------------------------------------------------------------------ take */

static u64 aligned_start(const struct ml_run *f, unsigned int align)
{
	u64 mask = (1ULL << align) - 1;

	return (f->page + mask) & ~mask;
}

/* Best fit. A run with nr + 2^align - 1 pages always fits. */
static struct ml_run *best_fit(const struct rb_root *root, u64 nr, unsigned int align)
{
	u64 want = nr + (1ULL << align) - 1;
	struct rb_node *n = root->rb_node;
	struct ml_run *best = NULL;

	while (n) {
		struct ml_run *f = run_of(n);

		if (f->nr >= want) {
			best = f;
			n = n->rb_left;
		} else {
			n = n->rb_right;
		}
	}
	return best;
}

static u64 whole_chunks(u64 nr)
{
	return (nr + ML_CHUNK_PAGES - 1) & ~(ML_CHUNK_PAGES - 1);
}

static bool pool_has(const struct ml_lane *lane, u64 nr)
{
	return best_fit(&lane->pool, whole_chunks(nr), 0);
}

/*
 * Borrow chunks for @nr pages from the lane's pool. They begin at @at, which
 * has any alignment. What is taken must begin there too: in the free run that
 * they joined it could leave a whole chunk behind.
 */
static struct ml_run *borrow(struct ml_arena *a, unsigned int l, unsigned int use, u64 nr,
			     u64 *at)
{
	struct ml_lane *lane = &a->lane[l];
	u64 want = whole_chunks(nr);
	struct ml_run *f = best_fit(&lane->pool, want, 0);
	struct ml_run *node, *none = NULL;
	u64 page;

	if (!f)
		return NULL;
	page = f->page;
	node = new_run(a);
	if (!node || !map_room(a, lane, page) || !map_room(a, lane, page + want - 1) ||
	    !map_room(a, lane, page + want)) {
		free_run(a, node);
		return NULL;
	}
	cut(a, f, page, want, &node, &none);
	set_free(node, page, want, ML_FREE, use, l);
	lane->area[use].chunks += want >> ML_CHUNK_SHIFT;
	*at = page;
	return settle(a, node);
}

static bool boundary_room(struct ml_arena *a, const struct ml_run *out)
{
	const struct ml_lane *lane = &a->lane[out->lane];
	u64 end = ml_run_end(out), page;

	for (page = out->page; out->kind == ML_SPAN && page < end; page++)
		if (!map_room(a, lane, page))
			return false;
	return map_room(a, lane, out->page - 1) && map_room(a, lane, out->page) &&
	       map_room(a, lane, end - 1) && map_room(a, lane, end);
}

/* Take @nr pages at @page out of the free run @f. */
static int take_from(struct ml_arena *a, struct ml_run *f, struct ml_run *out, u64 page, u64 nr)
{
	struct ml_area *area = &a->lane[out->lane].area[out->use];
	struct ml_run *spare, *second;
	int err = -ENOMEM;

	out->page = page;
	out->nr = nr;
	spare = new_run(a);
	second = new_run(a);
	if (spare && second && boundary_room(a, out)) {
		cut(a, f, out->page, nr, &spare, &second);
		out->spare = spare;
		spare = NULL;
		map_run(a, out);
		area->used += nr;
		area->runs++;
		err = 0;
	}
	free_run(a, spare);
	free_run(a, second);
	return err;
}

/*
 * Whole chunks inside a free run of an area go back to the pool. Without memory
 * for the nodes they stay where they are until a neighbour is freed.
 */
static void return_chunks(struct ml_arena *a, struct ml_run *f)
{
	struct ml_lane *lane = &a->lane[f->lane];
	u64 first = whole_chunks(f->page);
	u64 end = ml_run_end(f) & ~(ML_CHUNK_PAGES - 1);
	struct ml_run *node, *second;
	unsigned int l = f->lane;

	if (end <= first)
		return;
	if (a->reclaiming) {
		a->kept_chunks = true;
		return;
	}
	node = new_run(a);
	second = new_run(a);
	if (node && second && map_room(a, lane, first - 1) && map_room(a, lane, first) &&
	    map_room(a, lane, end - 1) && map_room(a, lane, end)) {
		lane->area[f->use].chunks -= (end - first) >> ML_CHUNK_SHIFT;
		cut(a, f, first, end - first, &node, &second);
		set_free(node, first, end - first, ML_POOL, 0, l);
		settle(a, node);
		node = NULL;
	} else {
		a->kept_chunks = true;
	}
	free_run(a, node);
	free_run(a, second);
}

/**
 * ml_run_take - find pages for a span or a blob
 * @a: arena; arena.lock
 * @out: kind, use, lane and align are given; page, nr and spare are set
 * @nr: pages
 *
 * Best fit in the area, else chunks are borrowed from the lane's pool. The
 * lane's limit is the caller's business.
 *
 * Return: 0, -ENOSPC (no address space left in the lane) or -ENOMEM.
 */
int ml_run_take(struct ml_arena *a, struct ml_run *out, u64 nr)
{
	struct ml_lane *lane = &a->lane[out->lane];
	struct ml_run *f;
	u64 page;
	int err;

	lockdep_assert_held(&a->lock);
	f = best_fit(&lane->area[out->use].free, nr, out->align);
	if (f)
		return take_from(a, f, out, aligned_start(f, out->align), nr);
	f = borrow(a, out->lane, out->use, nr, &page);
	if (!f)
		return pool_has(lane, nr) ? -ENOMEM : -ENOSPC;
	err = take_from(a, f, out, page, nr);
	if (err)
		return_chunks(a, f);
	return err;
}

/* The best fit that ends at or before @below; some larger ones are tried. */
static struct ml_run *best_below(const struct rb_root *root, u64 nr, unsigned int align, u64 below)
{
	struct ml_run *f = best_fit(root, nr, align);
	struct rb_node *n = f ? &f->node : NULL;
	unsigned int tries;

	for (tries = 0; n && tries < TRIES_BELOW; tries++, n = rb_next(n))
		if (aligned_start(run_of(n), align) + nr <= below)
			return run_of(n);
	return NULL;
}

/**
 * ml_run_take_below - as ml_run_take(), but only below an address
 * @a: arena; arena.lock
 * @out: see ml_run_take()
 * @nr: pages
 * @below: the run must end at or before this page
 *
 * Chunks are not borrowed: this is for compaction. Return: 0, -ENOSPC, -ENOMEM.
 */
int ml_run_take_below(struct ml_arena *a, struct ml_run *out, u64 nr, u64 below)
{
	const struct rb_root *free = &a->lane[out->lane].area[out->use].free;
	struct ml_run *f = best_below(free, nr, out->align, below);

	lockdep_assert_held(&a->lock);
	return f ? take_from(a, f, out, aligned_start(f, out->align), nr) : -ENOSPC;
}

/* The best fit that begins at or behind @above; some larger ones are tried, and the largest. */
static struct ml_run *best_above(const struct rb_root *root, u64 nr, unsigned int align, u64 above)
{
	struct ml_run *f = best_fit(root, nr, align);
	struct rb_node *n = f ? &f->node : NULL;
	unsigned int tries;

	for (tries = 0; n && tries < TRIES_BELOW; tries++, n = rb_next(n))
		if (run_of(n)->page >= above)
			return run_of(n);
	n = rb_last(root);
	f = n ? run_of(n) : NULL;
	return f && f->page >= above && aligned_start(f, align) + nr <= ml_run_end(f) ? f : NULL;
}

/**
 * ml_run_take_above - as ml_run_take(), but rather above an address
 * @a: arena; arena.lock
 * @out: see ml_run_take()
 * @nr: pages
 * @above: the run is to begin at or behind this page, if there is one
 *
 * What is asked for again and again wanders through the lane, and is late to come back.
 */
int ml_run_take_above(struct ml_arena *a, struct ml_run *out, u64 nr, u64 above)
{
	const struct rb_root *free = &a->lane[out->lane].area[out->use].free;
	struct ml_run *f = best_above(free, nr, out->align, above), *old;
	u64 page;
	int err;

	lockdep_assert_held(&a->lock);
	if (f)
		return take_from(a, f, out, aligned_start(f, out->align), nr);
	old = best_fit(free, nr, out->align);
	if (!old)
		return ml_run_take(a, out, nr);
	f = borrow(a, out->lane, out->use, nr, &page);
	if (!f)
		return take_from(a, old, out, aligned_start(old, out->align), nr);
	err = take_from(a, f, out, page, nr);
	if (err)
		return_chunks(a, f);
	return err;
}

/* ------------------------------------------------------------------ give */

static void unmap_span(struct ml_arena *a, const struct ml_run *run)
{
	u64 page;

	for (page = run->page; run->kind == ML_SPAN && page < ml_run_end(run); page++)
		map_set(a, page, NULL);
}

/**
 * ml_run_give - a span's or a blob's pages are free again
 * @a: arena; arena.lock
 * @run: what ml_run_take() filled; the caller's memory, not used afterwards
 *
 * Cannot fail: the node of the free run was reserved when it was taken.
 */
void ml_run_give(struct ml_arena *a, struct ml_run *run)
{
	struct ml_area *area = &a->lane[run->lane].area[run->use];
	struct ml_run *f = run->spare;

	lockdep_assert_held(&a->lock);
	unmap_span(a, run);
	area->used -= run->nr;
	area->runs--;
	set_free(f, run->page, run->nr, ML_FREE, run->use, run->lane);
	return_chunks(a, settle(a, f));
}

/**
 * ml_run_take_kept - as ml_run_take(), but only pages that exist
 * @a: arena; arena.lock
 * @out: see ml_run_take()
 * @nr: pages
 *
 * Best fit among the kept runs of the area. Return: 0, -ENOSPC, -ENOMEM.
 */
int ml_run_take_kept(struct ml_arena *a, struct ml_run *out, u64 nr)
{
	const struct rb_root *kept = &a->lane[out->lane].area[out->use].kept_free;
	struct ml_run *f = best_fit(kept, nr, out->align);

	lockdep_assert_held(&a->lock);
	return f ? take_from(a, f, out, aligned_start(f, out->align), nr) : -ENOSPC;
}

/**
 * ml_run_keep - as ml_run_give(), but the pages exist for a while yet
 * @a: arena; arena.lock
 * @run: see ml_run_give()
 * @now: ns
 */
void ml_run_keep(struct ml_arena *a, struct ml_run *run, u64 now)
{
	struct ml_area *area = &a->lane[run->lane].area[run->use];
	struct ml_run *f = run->spare;

	lockdep_assert_held(&a->lock);
	unmap_span(a, run);
	area->used -= run->nr;
	area->runs--;
	set_free(f, run->page, run->nr, ML_KEPT, run->use, run->lane);
	f->since = now;
	settle(a, f);
}

/**
 * ml_run_part - a part of a kept run, which becomes one of its own
 * @a: arena; arena.lock
 * @kept: a kept run
 * @most: pages of the part; the last ones
 *
 * Return: the part, which ml_run_release() must have next; all of @kept if it has no
 * more pages, or there is no memory for two, or nobody may ask for some now.
 */
struct ml_run *ml_run_part(struct ml_arena *a, struct ml_run *kept, u64 most)
{
	const struct ml_lane *lane = &a->lane[kept->lane];
	u64 page = ml_run_end(kept) - most;
	struct ml_run *part, *none = NULL;

	lockdep_assert_held(&a->lock);
	if (kept->nr <= most || a->reclaiming)
		return kept;
	part = new_run(a);
	if (!part || !map_room(a, lane, page - 1) || !map_room(a, lane, page)) {
		free_run(a, part);
		return kept;
	}
	cut(a, kept, page, most, &part, &none);
	set_free(part, page, most, ML_KEPT, kept->use, kept->lane);
	part->since = kept->since;
	map_run(a, part);
	tree_add(a, part);
	return part;
}

/**
 * ml_run_release - a kept run's pages went back to the system
 * @a: arena; arena.lock
 * @kept: from ml_run_part()
 */
void ml_run_release(struct ml_arena *a, struct ml_run *kept)
{
	lockdep_assert_held(&a->lock);
	tree_del(a, kept);
	kept->kind = ML_FREE;
	return_chunks(a, settle(a, kept));
}

/* Pages of the largest free run of an area. */
u64 ml_run_largest(const struct ml_area *area)
{
	struct rb_node *n = rb_last(&area->free);

	return n ? run_of(n)->nr : 0;
}

/* ------------------------------------------------------------ init, exit */

/**
 * ml_run_init - the whole lane is in its pool
 * @a: arena
 * @lane: first and end are set, in whole chunks
 */
int ml_run_init(struct ml_arena *a, struct ml_lane *lane)
{
	struct ml_run *run;

	INIT_LIST_HEAD(&lane->area[ML_USE_BLOCK].oldest);
	INIT_LIST_HEAD(&lane->area[ML_USE_BLOB].oldest);
	if (!map_room(a, lane, lane->first) || !map_room(a, lane, lane->end - 1))
		return -ENOMEM;
	run = new_run(a);
	if (!run)
		return -ENOMEM;
	set_free(run, lane->first, lane->end - lane->first, ML_POOL, 0, lane - a->lane);
	settle(a, run);
	return 0;
}

static void drain(struct ml_arena *a, struct rb_root *root)
{
	struct rb_node *n;

	while ((n = rb_first(root))) {
		rb_erase(n, root);
		free_run(a, run_of(n));
		cond_resched();
	}
}

/* Frees the free runs; spans and blobs are gone already. */
void ml_run_exit(struct ml_arena *a, struct ml_lane *lane)
{
	drain(a, &lane->pool);
	drain(a, &lane->area[ML_USE_BLOCK].free);
	drain(a, &lane->area[ML_USE_BLOB].free);
	drain(a, &lane->area[ML_USE_BLOCK].kept_free);
	drain(a, &lane->area[ML_USE_BLOB].kept_free);
}
