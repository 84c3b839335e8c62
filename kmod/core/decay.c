// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * decay.c - pages that nobody uses stay for a while, and are used again
 *
 * A span or a blob that is freed leaves a kept run: its pages exist, nobody may use
 * them, and the next span or blob that fits is cut from it without a call to the
 * system. Kept runs join their neighbours, so that those which are not used again
 * within MEMLANE_OPT_DECAY go back in few calls:
 *
 *	span|span|blob    freed one after the other
 *	kept.....|blob    one kept run: a new span takes its first pages, or
 *	free.....|blob    it goes back at once
 *
 * They do not count as used, and give way to what is: used and kept pages together
 * keep to the lane's limit.
 */
#include <linux/minmax.h>
#include <linux/sched.h>

#include "decay.h"
#include "lane.h"
#include "run.h"
#include "stat.h"
#include "turn.h"

#define PIECE	256	/* pages that go back before others may have the lock */

/* The run that has been kept for longest in an area; NULL: there is none. */
static struct ml_run *decay_oldest(const struct ml_area *area)
{
	return list_empty(&area->oldest) ? NULL : list_first_entry(&area->oldest, struct ml_run, kept);
}

static u64 decay_give_back(struct ml_arena *a, struct ml_run *kept, u64 most)
{
	struct ml_run *run = ml_run_part(a, kept, most);
	u64 had = a->ops->decommit(a, run->page, run->nr), nr = run->nr;

	a->count.pages_returned += had;
	ml_run_release(a, run);
	return nr;
}

/**
 * ml_kept_take - take pages that exist already
 * @a: arena; arena.lock
 * @run: see ml_run_take()
 * @nr: pages
 *
 * Return: 0; -ENOSPC: nothing that is kept fits; -ENOMEM.
 */
int ml_kept_take(struct ml_arena *a, struct ml_run *run, u64 nr)
{
	int err;

	lockdep_assert_held(&a->lock);
	err = ml_run_take_kept(a, run, nr);
	if (!err && a->ops->reuse)
		a->ops->reuse(a, run->page, run->nr);
	return err;
}

/**
 * ml_kept_give - keep the pages of a run that ends
 * @a: arena; arena.lock
 * @run: as for ml_run_give()
 *
 * Return: false: they are not to be kept.
 */
bool ml_kept_give(struct ml_arena *a, struct ml_run *run)
{
	lockdep_assert_held(&a->lock);
	if (!a->policy.decay || a->reclaiming || (a->ops->keep && !a->ops->keep(a, run->page, run->nr)))
		return false;
	ml_run_keep(a, run, a->ops->now());
	if (!a->decaying) {
		a->decaying = true;
		a->ops->later(a, a->policy.decay);
	}
	return true;
}

/**
 * ml_kept_trim - give back what is kept past a number of pages
 * @a: arena; arena.lock
 * @lane: which
 * @most: pages that may stay
 *
 * Return: pages that nobody keeps any more.
 */
u64 ml_kept_trim(struct ml_arena *a, struct ml_lane *lane, u64 most)
{
	u64 kept, nr = 0;
	unsigned int use;

	lockdep_assert_held(&a->lock);
	for (use = 0; use < ML_USES; use++) {
		struct ml_area *area = &lane->area[use];

		while (area->kept && (kept = ml_lane_kept(lane)) > most)
			nr += decay_give_back(a, decay_oldest(area), kept - most);
	}
	return nr;
}

/* Pages that an arena keeps; no lock. */
u64 ml_kept(const struct ml_arena *a)
{
	return ml_lane_kept(&a->lane[MEMLANE_FAST]) + ml_lane_kept(&a->lane[MEMLANE_SLOW]);
}

/* A run that a lane keeps; NULL: it keeps none. */
static struct ml_run *decay_any(const struct ml_lane *lane)
{
	struct ml_run *run = decay_oldest(&lane->area[ML_USE_BLOCK]);

	return run ? run : decay_oldest(&lane->area[ML_USE_BLOB]);
}

/**
 * ml_kept_end - give back all that a lane keeps now
 * @a: arena; arena.lock, which others may have in between
 * @lane: which
 *
 * What others leave there meanwhile may stay. Return: pages that existed.
 */
u64 ml_kept_end(struct ml_arena *a, struct ml_lane *lane)
{
	u64 left = ml_lane_kept(lane), had = 0, was;
	struct ml_run *run;

	lockdep_assert_held(&a->lock);
	while (left && (run = decay_any(lane))) {
		was = a->count.pages_returned;
		left -= min(left, decay_give_back(a, run, PIECE));
		had += a->count.pages_returned - was;
		ml_turn_pass(a);
	}
	return had;
}

/**
 * ml_kept_yield - what is kept may be the memory that is missing
 * @a: arena; no lock
 *
 * Return: whether there was some, and it was given back.
 */
bool ml_kept_yield(struct ml_arena *a)
{
	unsigned int lane;

	if (!ml_kept(a))
		return false;
	mutex_lock(&a->lock);
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		ml_kept_end(a, &a->lane[lane]);
	mutex_unlock(&a->lock);
	return true;
}

/* When the oldest kept run of the arena is to go, ns; 0: there is none. */
static u64 decay_next(const struct ml_arena *a, struct ml_run **oldest)
{
	unsigned int lane, use;
	struct ml_run *run;

	*oldest = NULL;
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		for (use = 0; use < ML_USES; use++) {
			run = decay_oldest(&a->lane[lane].area[use]);
			if (run && (!*oldest || run->since < (*oldest)->since))
				*oldest = run;
		}
	return *oldest ? (*oldest)->since + a->policy.decay : 0;
}

/**
 * ml_decay - give pages back that were kept for long enough
 * @a: arena; no lock
 *
 * To be called when the time is over that struct ml_ops.later() was told of.
 * Return: ns until it is to be called again; 0: nothing is kept.
 */
u64 ml_decay(struct ml_arena *a)
{
	struct ml_run *run;
	u64 due, now = 0;

	mutex_lock(&a->lock);
	while ((due = decay_next(a, &run)) && due <= (now = a->ops->now())) {
		decay_give_back(a, run, PIECE);
		ml_turn_pass(a);
	}
	a->decaying = due;
	ml_publish(a);
	mutex_unlock(&a->lock);
	return due ? due - now : 0;
}
