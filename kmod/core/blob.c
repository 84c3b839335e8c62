// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* blob.c - objects of whole pages: one run each, best fit */
#include "blob.h"
#include "lane.h"
#include "run.h"

static int blob_take(struct ml_arena *a, struct ml_run *run, u64 nr, u64 below)
{
	int err;

	if (!below)
		return ml_pages_take(a, run, nr);
	err = ml_run_take_below(a, run, nr, below);
	if (err)
		return err;
	err = a->ops->commit(a, run->page, nr);
	if (err)
		ml_run_give(a, run);
	return err;
}

/**
 * ml_blob_new - reserve pages for one object
 * @a: arena; arena.lock
 * @lane: where
 * @nr: pages
 * @align: log2 of the alignment in pages
 * @below: 0, or only below this page (compaction)
 *
 * Return: the run, nobody's yet; NULL without memory or address space.
 */
struct ml_run *ml_blob_new(struct ml_arena *a, unsigned int lane, u64 nr, unsigned int align,
			   u64 below)
{
	struct ml_run *run = a->ops->zalloc(a, sizeof(*run));

	if (!run)
		return NULL;
	run->kind = ML_BLOB;
	run->use = ML_USE_BLOB;
	run->lane = lane;
	run->align = align;
	if (blob_take(a, run, nr, below)) {
		a->ops->zfree(a, run, sizeof(*run));
		return NULL;
	}
	return run;
}

/* The object's pages go back to the system. Cannot fail. */
void ml_blob_free(struct ml_arena *a, struct ml_run *run)
{
	ml_pages_give(a, run);
	a->ops->zfree(a, run, sizeof(*run));
}

/* Free the description only: the arena ends. */
void ml_blob_forget(struct ml_arena *a, struct ml_run *run)
{
	a->ops->zfree(a, run->spare, sizeof(*run));
	a->ops->zfree(a, run, sizeof(*run));
}
