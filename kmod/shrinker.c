// SPDX-License-Identifier: GPL-2.0-only
/*
 * shrinker.c - what arenas give back when the system, or a memory cgroup, is short
 *
 * Reclaim may run in a thread that holds an arena's locks, so what is given back in
 * here is what ml_reclaim() can have without waiting: pages of empty spans, and objects
 * of purgeable groups that no open section may be using. An arena with an interval is
 * woken, too: it may close gaps between objects, wait for sections, and put away what is
 * not used.
 *
 * Arenas are asked one after the other, and what one of them has given the next one
 * need not: what an arena seems to have makes nobody else give more or less.
 *
 * The kernel asks for each memory cgroup and node, and only where a list of ours has
 * something. So each arena has a token in that list, charged to the cgroup that made
 * the arena. Pages that other cgroups touched first are found where the token is.
 *
 * Before the OOM killer chooses, all arenas are asked once more. A fault that finds its
 * user's budget used up asks the arenas of that user.
 */
#include <linux/memcontrol.h>
#include <linux/oom.h>
#include <linux/sched/mm.h>
#include <linux/wait_bit.h>

#include "compat.h"
#include "device.h"
#include "shrinker.h"

#define PICKS		16	/* arenas that one request looks at; the next one, at others */
#define BATCH		512	/* pages in a request of the kernel's */
#define LAST_PAGES	4096	/* to come back before the OOM killer does not come */
#define LAST_ROUNDS	4	/* that somebody else may hold every lock */

/* In the list in place of an arena, as the list belongs to the allocator of what it has. */
struct memlane_token {
	struct list_head list;
	struct memlane_arena *arena;
};

static struct shrinker *shrinker;
static struct kmem_cache *tokens;
static struct list_lru lru;
static bool ready;	/* @lru is there */

/*
 * Pages that an arena may be able to do without; no lock. Where it puts away what is not used,
 * any page of the SlowLane may be one: nothing is freed here, but the arena is woken.
 */
static u64 spare_pages(const struct memlane_arena *arena)
{
	const struct ml_arena *core = &arena->core;
	u64 present = 0, bound = 0, cold = 0;
	int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		present += atomic64_read(&arena->pages.present[lane]);
		bound += READ_ONCE(core->lane[lane].bound) >> PAGE_SHIFT;
	}
	if (READ_ONCE(core->policy.purgeable))
		return present;
	if (READ_ONCE(core->policy.cold_age))
		cold = atomic64_read(&arena->pages.present[MEMLANE_SLOW]);
	return max(cold, present - min(present, bound));
}

/* Its end waits until it is put. */
void memlane_reclaim_get(struct memlane_arena *arena)
{
	atomic_inc(&arena->reclaimers);
}

void memlane_reclaim_put(struct memlane_arena *arena)
{
	atomic_t *reclaimers = &arena->reclaimers;

	if (atomic_dec_and_test(reclaimers))
		wake_up_var(reclaimers);	/* an address: the arena may be gone */
}

static u64 shrinker_reclaim(struct memlane_arena *arena, u64 pages)
{
	unsigned int flags = memalloc_noreclaim_save();
	u64 freed = ml_reclaim(&arena->core, pages);

	memalloc_noreclaim_restore(flags);
	if (freed < pages && READ_ONCE(arena->worker.interval))
		memlane_worker_hurry(arena, min(pages - freed, spare_pages(arena)));
	return freed;
}

MEMLANE_LRU_WALK(count_one, item, data)
{
	u64 *total = data;

	*total += spare_pages(list_entry(item, struct memlane_token, list)->arena);
	return LRU_SKIP;
}

/* Never SHRINK_EMPTY: nobody would ask again, although the token stays. */
static unsigned long shrinker_count(struct shrinker *unused, struct shrink_control *sc)
{
	unsigned long nr = ULONG_MAX;
	u64 total = 0;

	if (smp_load_acquire(&ready))	/* pairs with memlane_shrinker_init() */
		list_lru_walk_one(&lru, sc->nid, sc->memcg, count_one, &total, &nr);
	return min_t(u64, total, LONG_MAX);
}

struct picks {
	struct memlane_arena *arena[PICKS];
	unsigned int nr;
};

/* A spinlock is held here. Those that are looked at go behind the others. */
MEMLANE_LRU_WALK(pick, item, data)
{
	struct memlane_arena *arena = list_entry(item, struct memlane_token, list)->arena;
	struct picks *picks = data;

	if (spare_pages(arena)) {
		memlane_reclaim_get(arena);
		picks->arena[picks->nr++] = arena;
	}
	return LRU_ROTATE;
}

static unsigned long shrinker_scan(struct shrinker *unused, struct shrink_control *sc)
{
	struct picks picks = { };
	unsigned long nr = PICKS;
	u64 freed = 0;
	unsigned int i;

	list_lru_walk_one(&lru, sc->nid, sc->memcg, pick, &picks, &nr);
	for (i = 0; i < picks.nr; i++) {
		if (freed < sc->nr_to_scan)
			freed += shrinker_reclaim(picks.arena[i], sc->nr_to_scan - freed);
		memlane_reclaim_put(picks.arena[i]);
	}
	return freed ? freed : SHRINK_STOP;
}

/* ------------------------------------------------- at the end of a budget */

/**
 * memlane_reclaim_kept - have the arenas of a user give back pages that nobody uses
 * @user: whose budget of pages is used up
 *
 * Context: may sleep; locks are only tried, so a fault handler may call this.
 * Return: whether some have gone, or would have if nobody held a lock.
 */
bool memlane_reclaim_kept(const struct memlane_user *user)
{
	struct memlane_arena *arena;
	unsigned long id = 0;
	bool any = false;

	while (!any && (arena = memlane_next_arena(&id))) {
		any = arena->user == user && ml_kept(&arena->core);
		if (any)
			shrinker_reclaim(arena, BATCH);
		memlane_reclaim_put(arena);
		cond_resched();
	}
	return any;
}

/* -------------------------------------------------- before the OOM killer */

static u64 shrinker_reclaim_all(u64 pages)
{
	struct memlane_arena *arena;
	unsigned long id = 0;
	u64 freed = 0;

	while ((arena = memlane_next_arena(&id))) {
		if (freed < pages && spare_pages(arena))
			freed += shrinker_reclaim(arena, pages - freed);
		memlane_reclaim_put(arena);
		cond_resched();
	}
	return freed;
}

/* May sleep; nobody else gets here meanwhile. */
static int before_oom(struct notifier_block *unused, unsigned long nr, void *data)
{
	unsigned long *freed = data;
	u64 now = 0;
	int round;

	for (round = 0; !now && round < LAST_ROUNDS; round++) {
		if (round)
			schedule_timeout_uninterruptible(1);
		now = shrinker_reclaim_all(LAST_PAGES);
	}
	*freed += now;
	return NOTIFY_OK;
}

static struct notifier_block oom_notifier = { .notifier_call = before_oom };

/* ------------------------------------------------------------- init, exit */

/**
 * memlane_shrinker_add - let an arena be asked
 * @arena: about to be created, by whose memory cgroup it is found
 *
 * Return: 0 or -ENOMEM.
 */
int memlane_shrinker_add(struct memlane_arena *arena)
{
	struct memlane_token *token = kmem_cache_alloc_lru(tokens, &lru, GFP_KERNEL_ACCOUNT);

	if (!token)
		return -ENOMEM;
	INIT_LIST_HEAD(&token->list);
	token->arena = arena;
	arena->token = token;
	list_lru_add_obj(&lru, &token->list);
	return 0;
}

/**
 * memlane_shrinker_remove - an arena is not asked any more
 * @arena: not on the list of arenas any more
 */
void memlane_shrinker_remove(struct memlane_arena *arena)
{
	list_lru_del_obj(&lru, &arena->token->list);
	wait_var_event(&arena->reclaimers, !atomic_read(&arena->reclaimers));
	kmem_cache_free(tokens, arena->token);
}

static int shrinker_init(void)
{
	int err;

	shrinker = memlane_shrinker_alloc();
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = shrinker_count;
	shrinker->scan_objects = shrinker_scan;
	shrinker->seeks = DEFAULT_SEEKS;
	shrinker->batch = BATCH;
	err = memlane_shrinker_register(shrinker, &lru);
	if (err)
		memlane_shrinker_free(shrinker);
	return err;
}

/**
 * memlane_shrinker_init - listen for shortages of memory
 *
 * Return: 0 or -errno.
 */
int memlane_shrinker_init(void)
{
	int err;

	tokens = kmem_cache_create("memlane_token", sizeof(struct memlane_token), 0, SLAB_ACCOUNT, NULL);
	if (!tokens)
		return -ENOMEM;
	err = shrinker_init();
	if (err)
		goto destroy_tokens;
	smp_store_release(&ready, true);	/* pairs with shrinker_count() */
	err = register_oom_notifier(&oom_notifier);
	if (err)
		goto free_shrinker;
	return 0;

free_shrinker:
	memlane_shrinker_free(shrinker);
	list_lru_destroy(&lru);
destroy_tokens:
	kmem_cache_destroy(tokens);
	return err;
}

void memlane_shrinker_exit(void)
{
	unregister_oom_notifier(&oom_notifier);
	memlane_shrinker_free(shrinker);
	list_lru_destroy(&lru);
	kmem_cache_destroy(tokens);
}
