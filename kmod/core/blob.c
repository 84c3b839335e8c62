// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* blob.c - objects of whole pages: one run each, best fit */
#include <linux/rbtree.h>

#include "blob.h"
#include "lane.h"
#include "run.h"
#include "tally.h"

#define TRIES_BEFORE	4	/* runs that are looked at for the blob before a new one */

static bool lower(struct rb_node *x, const struct rb_node *y)
{
	return rb_entry(x, struct ml_run, node)->page < rb_entry(y, struct ml_run, node)->page;
}

/* The blob before a run, if it is close by. */
static struct ml_run *blob_before(struct ml_arena *a, const struct ml_run *run)
{
	struct ml_run *prev = ml_run_before(a, run);
	unsigned int tries;

	for (tries = 0; prev && prev->kind != ML_BLOB && tries < TRIES_BEFORE; tries++)
		prev = ml_run_before(a, prev);
	return prev && prev->kind == ML_BLOB ? prev : NULL;
}

/* Where the next one behind it is to hang. */
static struct rb_node **link_behind(struct ml_run *prev, struct rb_node **parent)
{
	struct rb_node **link = &prev->node.rb_right;

	for (*parent = &prev->node; *link; link = &(*link)->rb_left)
		*parent = *link;
	return link;
}

/* The tree need not be walked down where the one before it is known. */
static void blob_add(struct ml_arena *a, struct ml_run *run)
{
	struct rb_root *blobs = &a->lane[run->lane].blobs;
	struct ml_run *prev = blob_before(a, run);
	struct rb_node *parent, **link;

	if (!prev) {
		rb_add(&run->node, blobs, lower);
		return;
	}
	link = link_behind(prev, &parent);
	rb_link_node(&run->node, parent, link);
	rb_insert_color(&run->node, blobs);
}

static int blob_take(struct ml_arena *a, struct ml_run *run, const struct ml_need *need, u64 below,
		     u64 above)
{
	u64 nr = need->pages;
	int err;

	if (!below && !above)
		return ml_pages_take(a, run, nr, need->fresh);
	err = below ? ml_run_take_below(a, run, nr, below) : ml_run_take_above(a, run, nr, above);
	if (err)
		return err;
	err = a->ops->commit(a, run->page, run->nr);
	if (err)
		ml_run_give(a, run);
	else
		ml_lane_fit(a, run->lane);
	return err;
}

static int blob_new(struct ml_arena *a, unsigned int lane, const struct ml_need *need, u64 below,
		    u64 above, struct ml_run **out)
{
	struct ml_run *run = ml_run_new(a);
	int err;

	if (!run)
		return -ENOMEM;
	run->kind = ML_BLOB;
	run->use = ML_USE_BLOB;
	run->lane = lane;
	run->align = need->align;
	err = blob_take(a, run, need, below, above);
	if (err) {
		ml_run_free(a, run);
		return err;
	}
	blob_add(a, run);
	ml_tally_pages(a, lane, MEMLANE_CLASS_BLOB);
	*out = run;
	return 0;
}

/**
 * ml_blob_new - reserve pages for one object
 * @a: arena; arena.lock
 * @lane: where
 * @need: pages and alignment
 * @below: 0, or only below this page (compaction)
 * @out: the run, nobody's yet
 *
 * The lane's limit is the caller's business. Return: 0, -ENOSPC (no address space)
 * or -ENOMEM.
 */
int ml_blob_new(struct ml_arena *a, unsigned int lane, const struct ml_need *need, u64 below,
		struct ml_run **out)
{
	lockdep_assert_held(&a->lock);
	return blob_new(a, lane, need, below, 0, out);
}

/**
 * ml_blob_away - reserve other pages for an object, rather above those it has
 * @a: arena; arena.lock
 * @from: those it has
 * @out: the run, nobody's yet
 *
 * Return: as ml_blob_new().
 */
int ml_blob_away(struct ml_arena *a, const struct ml_run *from, struct ml_run **out)
{
	struct ml_need need = { .pages = from->nr, .align = from->align };

	lockdep_assert_held(&a->lock);
	return blob_new(a, from->lane, &need, 0, ml_run_end(from), out);
}

/**
 * ml_blob_below - the highest blob that begins below an address
 * @lane: which; arena.lock
 * @below: page
 *
 * Return: its run, which may be reserved by a batch, or NULL.
 */
struct ml_run *ml_blob_below(const struct ml_lane *lane, u64 below)
{
	struct rb_node *n = lane->blobs.rb_node;
	struct ml_run *found = NULL;

	while (n) {
		struct ml_run *run = rb_entry(n, struct ml_run, node);

		if (run->page < below) {
			found = run;
			n = n->rb_right;
		} else {
			n = n->rb_left;
		}
	}
	return found;
}

/* The object's pages go back to the system. Cannot fail. */
void ml_blob_free(struct ml_arena *a, struct ml_run *run)
{
	rb_erase(&run->node, &a->lane[run->lane].blobs);
	ml_pages_give(a, run);
	ml_tally_pages(a, run->lane, MEMLANE_CLASS_BLOB);
	ml_run_free(a, run);
}

/* Free the description only: the arena ends. */
void ml_blob_forget(struct ml_arena *a, struct ml_run *run)
{
	a->ops->zfree(a, run->spare, sizeof(*run));
	a->ops->zfree(a, run, sizeof(*run));
}
