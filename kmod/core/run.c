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
 * Kept runs are free ones whose pages exist: they have lists and trees by size, and lists by
 * age, of their own, and join each other only. What decay.c does with them is its business.
 */
#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/rbtree.h>
#include <linux/sched.h>

#include "run.h"
#include "vec.h"

#define TRIES_BELOW	64	/* free runs that compaction looks at for one blob */
#define NODES		32	/* that an arena keeps, at most */
#define MAP_PAGES	512	/* whose runs a page of the map names */

static struct ml_run *run_of(const struct rb_node *node)
{
	return rb_entry(node, struct ml_run, node);
}

static bool smaller(struct rb_node *x, const struct rb_node *y)
{
	const struct ml_run *p = run_of(x), *q = run_of(y);

	return p->nr != q->nr ? p->nr < q->nr : p->page < q->page;
}

/* Kept runs come and go with each large object, and are of few pages mostly. */
static bool has_bin(const struct ml_run *kept)
{
	return kept->nr < ML_KEPT_BINS;
}

static void bin_add(struct ml_area *area, struct ml_run *run)
{
	list_add(&run->bin, &area->kept_bin[run->nr]);
	area->kept_bins |= 1ULL << run->nr;
}

static void bin_del(struct ml_area *area, struct ml_run *run)
{
	list_del(&run->bin);
	if (list_empty(&area->kept_bin[run->nr]))
		area->kept_bins &= ~(1ULL << run->nr);
}

/*
 * The oldest first. What is left of an old run, or joined one, goes to the head, and
 * is as old as that: so it goes back early rather than late.
 */
static void kept_add(struct ml_area *area, struct ml_run *run)
{
	struct list_head *head = &area->oldest;

	if (has_bin(run))
		bin_add(area, run);
	else
		rb_add(&run->node, &area->kept_free, smaller);
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
	if (has_bin(run))
		bin_del(area, run);
	else
		rb_erase(&run->node, &area->kept_free);
	WRITE_ONCE(area->kept, area->kept - run->nr);
	list_del(&run->kept);
}

static struct rb_root *tree_of(struct ml_arena *a, const struct ml_run *run)
{
	struct ml_lane *lane = &a->lane[run->lane];

	return run->kind == ML_POOL ? &lane->pool : &lane->area[run->use].free;
}

static void free_add(struct ml_arena *a, struct ml_run *run)
{
	if (run->kind == ML_KEPT)
		kept_add(&a->lane[run->lane].area[run->use], run);
	else
		rb_add(&run->node, tree_of(a, run), smaller);
}

static void free_del(struct ml_arena *a, struct ml_run *run)
{
	if (run->kind == ML_KEPT)
		kept_del(&a->lane[run->lane].area[run->use], run);
	else
		rb_erase(&run->node, tree_of(a, run));
}

/* ----------------------------------------------------------------- nodes */

/**
 * ml_run_new - a node
 * @a: arena; arena.lock
 *
 * Runs come and go with each large object: a few nodes that nobody needs stay in the arena,
 * charged to who made them. Return: a zeroed one, or NULL.
 */
struct ml_run *ml_run_new(struct ml_arena *a)
{
	struct ml_run *run = a->nodes;

	lockdep_assert_held(&a->lock);
	if (!run)
		return a->ops->zalloc(a, sizeof(*run));
	a->nodes = run->spare;
	a->nr_nodes--;
	*run = (struct ml_run){ };
	return run;
}

/* The node of a run that is in no tree; or NULL. arena.lock. */
void ml_run_free(struct ml_arena *a, struct ml_run *run)
{
	lockdep_assert_held(&a->lock);
	if (!run)
		return;
	if (a->nr_nodes == NODES) {
		a->ops->zfree(a, run, sizeof(*run));
		return;
	}
	run->spare = a->nodes;
	a->nodes = run;
	a->nr_nodes++;
}

/* No node stays that nobody needs. arena.lock. */
void ml_run_free_nodes(struct ml_arena *a)
{
	struct ml_run *run;

	lockdep_assert_held(&a->lock);
	while ((run = a->nodes)) {
		a->nodes = run->spare;
		a->ops->zfree(a, run, sizeof(*run));
	}
	a->nr_nodes = 0;
}

/* A node, where one is needed. False: there is no memory for it. */
static bool new_if(struct ml_arena *a, bool needed, struct ml_run **run)
{
	*run = needed ? ml_run_new(a) : NULL;
	return *run || !needed;
}

/* ---------------------------------------------------------- the page map */

/* Is there room in the map for a boundary behind this page? Pages outside are nobody's. */
static bool map_room(struct ml_arena *a, const struct ml_lane *lane, u64 end)
{
	if (end > lane->first && !ml_vec_make(a, &a->map, end - 1))
		return false;
	return end & (MAP_PAGES - 1) || end >= lane->end || ml_vec_make(a, &a->map, end);
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

/*
 * Of chunks in the middle of a run of the pool nothing is named: the map's page of each goes back.
 * A new run of @nr pages at @page has joined the pool; only it, and the chunks that touch it, can
 * have come into the middle.
 */
static void forget_chunks(struct ml_arena *a, const struct ml_run *pool, u64 page, u64 nr)
{
	u64 first = max(pool->page + ML_CHUNK_PAGES, page - ML_CHUNK_PAGES);
	u64 end = min(ml_run_end(pool) - ML_CHUNK_PAGES, page + nr + ML_CHUNK_PAGES);

	if (first < end)
		ml_vec_drop(a, &a->map, first, end - first);
}

/* Enter a free run: join it with free neighbours of its kind. */
static struct ml_run *settle(struct ml_arena *a, struct ml_run *run)
{
	struct ml_run *prev = ml_run_before(a, run), *next = run_after(a, run);

	if (mergeable(run, prev)) {
		free_del(a, prev);
		run->since = min(run->since, prev->since);
		run->page = prev->page;
		run->nr += prev->nr;
		ml_run_free(a, prev);
	}
	if (mergeable(run, next)) {
		free_del(a, next);
		run->since = min(run->since, next->since);
		run->nr += next->nr;
		ml_run_free(a, next);
	}
	map_run(a, run);
	free_add(a, run);
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

/* Is something left of the free run @f on both sides of [page, page + nr)? */
static bool parts(const struct ml_run *f, u64 page, u64 nr)
{
	return page > f->page && page + nr < ml_run_end(f);
}

/* Is there room in the map for the ends of [page, page + nr)? Those of @f are named already. */
static bool cut_room(struct ml_arena *a, const struct ml_run *f, u64 page, u64 nr)
{
	const struct ml_lane *lane = &a->lane[f->lane];

	return (page == f->page || map_room(a, lane, page)) &&
	       (page + nr == ml_run_end(f) || map_room(a, lane, page + nr));
}

/*
 * Cut [page, page + nr) out of the free run @f, whose head and tail stay free. @second is the
 * node of the tail, where there is a head, too.
 */
static void cut(struct ml_arena *a, struct ml_run *f, u64 page, u64 nr, struct ml_run *second)
{
	u64 head = page - f->page, tail = ml_run_end(f) - (page + nr);

	free_del(a, f);
	if (head && tail) {
		set_free(second, page + nr, tail, f->kind, f->use, f->lane);
		second->since = f->since;
		map_run(a, second);
		free_add(a, second);
	}
	if (!head && !tail) {
		ml_run_free(a, f);
		return;
	}
	if (head)
		f->nr = head;
	else
		set_free(f, page + nr, tail, f->kind, f->use, f->lane);
	map_set(a, head ? page - 1 : page + nr, f);
	free_add(a, f);
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
	struct ml_run *node;
	u64 page;

	if (!f)
		return NULL;
	page = f->page;
	node = ml_run_new(a);
	if (!node || !cut_room(a, f, page, want)) {
		ml_run_free(a, node);
		return NULL;
	}
	cut(a, f, page, want, NULL);
	set_free(node, page, want, ML_FREE, use, l);
	lane->area[use].chunks += want >> ML_CHUNK_SHIFT;
	*at = page;
	return settle(a, node);
}

/* A span is named at every page. */
static bool names_room(struct ml_arena *a, const struct ml_run *out)
{
	u64 page;

	for (page = out->page; out->kind == ML_SPAN && page < ml_run_end(out); page += MAP_PAGES)
		if (!ml_vec_make(a, &a->map, page))
			return false;
	return true;
}

/* Take @nr pages at @page out of the free run @f. */
static int take_from(struct ml_arena *a, struct ml_run *f, struct ml_run *out, u64 page, u64 nr)
{
	struct ml_area *area = &a->lane[out->lane].area[out->use];
	struct ml_run *spare = ml_run_new(a), *second = NULL;

	out->page = page;
	out->nr = nr;
	if (spare && new_if(a, parts(f, page, nr), &second) && cut_room(a, f, page, nr) &&
	    names_room(a, out)) {
		cut(a, f, page, nr, second);
		out->spare = spare;
		map_run(a, out);
		area->used += nr;
		area->runs++;
		return 0;
	}
	ml_run_free(a, spare);
	ml_run_free(a, second);
	return -ENOMEM;
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
	struct ml_run *node, *second = NULL;
	unsigned int l = f->lane;

	if (end <= first)
		return;
	if (a->reclaiming) {
		a->kept_chunks = true;
		return;
	}
	node = ml_run_new(a);
	if (node && new_if(a, parts(f, first, end - first), &second) &&
	    cut_room(a, f, first, end - first)) {
		lane->area[f->use].chunks -= (end - first) >> ML_CHUNK_SHIFT;
		cut(a, f, first, end - first, second);
		set_free(node, first, end - first, ML_POOL, 0, l);
		forget_chunks(a, settle(a, node), first, end - first);
		return;
	}
	a->kept_chunks = true;
	ml_run_free(a, node);
	ml_run_free(a, second);
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

/* Of the runs of few pages any will do: they are used again soon, or go. */
static struct ml_run *kept_fit(const struct ml_area *area, u64 nr, unsigned int align)
{
	u64 want = nr + (1ULL << align) - 1;
	u64 bins = want < ML_KEPT_BINS ? area->kept_bins >> want << want : 0;

	if (!bins)
		return best_fit(&area->kept_free, nr, align);
	return list_first_entry(&area->kept_bin[__builtin_ctzll(bins)], struct ml_run, bin);
}

/* Cut a whole chunk out of a kept run: it is the other area's from now on. @node: for it. */
static struct ml_run *cede_chunk(struct ml_arena *a, struct ml_run *f, u64 page,
				 struct ml_run *node, struct ml_run *second)
{
	struct ml_area *area = a->lane[f->lane].area;

	area[f->use].chunks--;
	area[!f->use].chunks++;
	set_free(node, page, ML_CHUNK_PAGES, ML_KEPT, !f->use, f->lane);
	node->since = f->since;
	cut(a, f, page, ML_CHUNK_PAGES, second);
	return settle(a, node);
}

/*
 * A chunk whose pages the other area keeps, so that they are used again rather than new ones.
 * NULL: it keeps none, or there is no memory.
 */
static struct ml_run *borrow_kept(struct ml_arena *a, unsigned int lane, unsigned int use)
{
	struct rb_node *n = rb_last(&a->lane[lane].area[!use].kept_free);
	struct ml_run *f = n ? run_of(n) : NULL, *node, *second = NULL;
	u64 page = f ? whole_chunks(f->page) : 0;

	if (!f || page + ML_CHUNK_PAGES > ml_run_end(f))
		return NULL;
	node = ml_run_new(a);
	if (node && new_if(a, parts(f, page, ML_CHUNK_PAGES), &second) &&
	    cut_room(a, f, page, ML_CHUNK_PAGES))
		return cede_chunk(a, f, page, node, second);
	ml_run_free(a, node);
	ml_run_free(a, second);
	return NULL;
}

/**
 * ml_run_take_kept - as ml_run_take(), but only pages that exist
 * @a: arena; arena.lock
 * @out: see ml_run_take()
 * @nr: pages
 *
 * Best fit among the kept runs of the area, else a chunk that the other one keeps.
 * Return: 0, -ENOSPC, -ENOMEM.
 */
int ml_run_take_kept(struct ml_arena *a, struct ml_run *out, u64 nr)
{
	struct ml_run *f = kept_fit(&a->lane[out->lane].area[out->use], nr, out->align);

	lockdep_assert_held(&a->lock);
	if (!f && nr + (1ULL << out->align) <= ML_CHUNK_PAGES)
		f = borrow_kept(a, out->lane, out->use);
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
	struct ml_run *part;

	lockdep_assert_held(&a->lock);
	if (kept->nr <= most || a->reclaiming)
		return kept;
	part = ml_run_new(a);
	if (!part || !map_room(a, lane, page)) {
		ml_run_free(a, part);
		return kept;
	}
	cut(a, kept, page, most, NULL);
	set_free(part, page, most, ML_KEPT, kept->use, kept->lane);
	part->since = kept->since;
	map_run(a, part);
	free_add(a, part);
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
	free_del(a, kept);
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

static void area_init(struct ml_area *area)
{
	unsigned int nr;

	INIT_LIST_HEAD(&area->oldest);
	for (nr = 0; nr < ML_KEPT_BINS; nr++)
		INIT_LIST_HEAD(&area->kept_bin[nr]);
}

/**
 * ml_run_init - the whole lane is in its pool
 * @a: arena
 * @lane: first and end are set, in whole chunks
 */
int ml_run_init(struct ml_arena *a, struct ml_lane *lane)
{
	struct ml_run *run;

	area_init(&lane->area[ML_USE_BLOCK]);
	area_init(&lane->area[ML_USE_BLOB]);
	if (!map_room(a, lane, lane->first) || !map_room(a, lane, lane->end))
		return -ENOMEM;
	run = ml_run_new(a);
	if (!run)
		return -ENOMEM;
	set_free(run, lane->first, lane->end - lane->first, ML_POOL, 0, lane - a->lane);
	settle(a, run);
	return 0;
}

static void drain_kept(struct ml_arena *a, struct ml_area *area)
{
	struct ml_run *run;

	while (area->kept) {
		run = list_first_entry(&area->oldest, struct ml_run, kept);
		kept_del(area, run);
		ml_run_free(a, run);
		cond_resched();
	}
}

static void drain(struct ml_arena *a, struct rb_root *root)
{
	struct rb_node *n;

	while ((n = rb_first(root))) {
		rb_erase(n, root);
		ml_run_free(a, run_of(n));
		cond_resched();
	}
}

/* Frees the free runs, and the nodes; spans and blobs are gone already. */
void ml_run_exit(struct ml_arena *a, struct ml_lane *lane)
{
	drain(a, &lane->pool);
	drain(a, &lane->area[ML_USE_BLOCK].free);
	drain(a, &lane->area[ML_USE_BLOB].free);
	drain_kept(a, &lane->area[ML_USE_BLOCK]);
	drain_kept(a, &lane->area[ML_USE_BLOB]);
	ml_run_free_nodes(a);
}
