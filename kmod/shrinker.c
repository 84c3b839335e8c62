// SPDX-License-Identifier: GPL-2.0-only
/*
 * shrinker.c - what arenas give back when the system is short of memory
 *
 * Nothing is freed in here: reclaim may be under way in whoever holds an arena's
 * locks. Each arena is told how many pages are wanted of it, and its thread is
 * woken, which closes the gaps between objects and then drops what may be dropped.
 * An arena without a thread has asked for no work behind its back, and keeps what
 * it has. Memory that a cgroup is short of alone does not come by here.
 */
#include <linux/math64.h>

#include "compat.h"
#include "device.h"
#include "shrinker.h"

static struct shrinker *shrinker;

/* Pages that an arena may be able to do without; no lock. */
static u64 spare_pages(const struct memlane_arena *arena)
{
	const struct ml_arena *core = &arena->core;
	u64 present = 0, bound = 0;
	int lane;

	if (!READ_ONCE(arena->worker.interval))
		return 0;
	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		present += atomic64_read(&arena->pages.present[lane]);
		bound += READ_ONCE(core->lane[lane].bound) >> PAGE_SHIFT;
	}
	return READ_ONCE(core->policy.purgeable) ? present : present - min(present, bound);
}

static void count_arena(struct memlane_arena *arena, void *data)
{
	u64 *total = data;

	*total += spare_pages(arena);
}

static unsigned long count(struct shrinker *unused, struct shrink_control *sc)
{
	u64 total = 0;

	memlane_each_arena(count_arena, &total);
	return total ? min_t(u64, total, LONG_MAX) : SHRINK_EMPTY;
}

struct share {
	u64 wanted;
	u64 total;
};

/* Of what is wanted each arena gives its part of what all of them have. */
static void ask_arena(struct memlane_arena *arena, void *data)
{
	const struct share *share = data;
	u64 spare = spare_pages(arena);

	if (spare)
		memlane_worker_hurry(arena, div64_u64(spare * share->wanted, share->total) + 1);
}

static unsigned long scan(struct shrinker *unused, struct shrink_control *sc)
{
	struct share share = { };

	memlane_each_arena(count_arena, &share.total);
	share.wanted = min_t(u64, sc->nr_to_scan, share.total);
	if (share.total)
		memlane_each_arena(ask_arena, &share);
	return SHRINK_STOP;
}

/**
 * memlane_shrinker_init - listen for shortages of memory
 *
 * Return: 0 or -ENOMEM.
 */
int memlane_shrinker_init(void)
{
	int err;

	shrinker = memlane_shrinker_alloc();
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->seeks = DEFAULT_SEEKS;
	err = memlane_shrinker_register(shrinker);
	if (err)
		memlane_shrinker_free(shrinker);
	return err;
}

void memlane_shrinker_exit(void)
{
	memlane_shrinker_free(shrinker);
}
