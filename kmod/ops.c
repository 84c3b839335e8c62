// SPDX-License-Identifier: GPL-2.0-only
/* ops.c - what the engine needs, as the kernel gives it */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "device.h"
#include "trace.h"

static void *ops_zalloc(struct ml_arena *core, size_t size)
{
	struct memlane_arena *arena = memlane_arena_of(core);
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	void *p;

	/* The descriptors of what is given back are not worth the last reserves. */
	if (current->flags & PF_MEMALLOC)
		gfp = GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOMEMALLOC | __GFP_NOWARN;
	if (memlane_arena_charge(arena, size))
		return NULL;
	p = kvzalloc(size, gfp);
	if (!p)
		memlane_arena_uncharge(arena, size);
	return p;
}

static void ops_zfree(struct ml_arena *core, void *p, size_t size)
{
	if (p)
		memlane_arena_uncharge(memlane_arena_of(core), size);
	kvfree(p);
}

/* Kernel memory that a shared page takes, with its part of what lists it. */
#define SHARE_BYTES (PAGE_SIZE + sizeof(struct xa_node) / XA_CHUNK_SIZE)

static void *ops_share(struct ml_arena *core, unsigned int region, u64 page)
{
	struct memlane_arena *arena = memlane_arena_of(core);
	void *p;

	/* Where regions lie is told when the arena is made. */
	lockdep_assert(lockdep_is_held(&core->grow) || !arena->region[region].length);
	if (memlane_arena_charge(arena, SHARE_BYTES))
		return NULL;
	p = memlane_shared_new(&arena->shared);
	if (!p)
		memlane_arena_uncharge(arena, SHARE_BYTES);
	return p;
}

static void ops_unshare(struct ml_arena *core, unsigned int region, u64 page, void *p)
{
	struct memlane_arena *arena = memlane_arena_of(core);

	memlane_unmap_shared(arena, region, page);
	memlane_shared_end(&arena->shared, p);
	memlane_arena_uncharge(arena, SHARE_BYTES);
}

/* For the holder of core.lock, as all are who may ask for these. */
static struct memlane_pages *pages_of(struct ml_arena *core)
{
	lockdep_assert_held(&core->lock);
	return &memlane_arena_of(core)->pages;
}

static int ops_commit(struct ml_arena *core, u64 page, u64 nr)
{
	return memlane_pages_commit(pages_of(core), page, nr);
}

static int ops_populate(struct ml_arena *core, u64 page, u64 nr)
{
	lockdep_assert_held(&core->mover);
	return memlane_pages_populate(pages_of(core), page, nr);
}

static bool ops_keep(struct ml_arena *core, u64 page, u64 nr)
{
	return memlane_pages_keep(pages_of(core), page, nr);
}

static void ops_reuse(struct ml_arena *core, u64 page, u64 nr)
{
	memlane_pages_reuse(pages_of(core), page, nr);
}

static void ops_later(struct ml_arena *core, u64 ns)
{
	memlane_worker_decay(memlane_arena_of(core), ns);
}

static u64 ops_decommit(struct ml_arena *core, u64 page, u64 nr)
{
	return memlane_pages_decommit(pages_of(core), page, nr);
}

static void ops_copy(struct ml_arena *core, u64 to, u64 from, size_t len)
{
	lockdep_assert_held(&core->mover);
	memlane_pages_copy(pages_of(core), to, from, len);
}

static void ops_remap(struct ml_arena *core, u64 to, u64 from, u64 nr)
{
	lockdep_assert_held(&core->mover);
	memlane_pages_remap(pages_of(core), to, from, nr);
}

static int ops_reserve(struct ml_arena *core, u64 to, u64 from, u64 nr)
{
	return memlane_pages_reserve(pages_of(core), to, from, nr);
}

static bool ops_held(struct ml_arena *core, u64 page, u64 nr)
{
	return memlane_pages_held(pages_of(core), page, nr);
}

static bool ops_lost(struct ml_arena *core, u64 page, u64 nr)
{
	return memlane_pages_lost(pages_of(core), page, nr);
}

static s64 ops_cool(struct ml_arena *core, u64 page, u64 nr)
{
	struct memlane_arena *arena = memlane_arena_of(core);
	s64 gone;

	lockdep_assert_held(&core->mover);
	lockdep_assert_not_held(&core->lock);
	gone = memlane_pages_cool(&arena->pages, page, nr, arena->id);
	if (gone)
		trace_memlane_cool(arena->id, page, nr, gone);
	return gone;
}

static s64 ops_store(struct ml_arena *core, u64 page, u64 nr)
{
	struct memlane_arena *arena = memlane_arena_of(core);
	s64 stored;

	lockdep_assert_held(&core->mover);
	lockdep_assert_not_held(&core->lock);
	stored = memlane_pages_store(&arena->pages, page, nr, arena->id);
	if (stored)
		trace_memlane_store(arena->id, page, nr, stored);
	return stored;
}

static s64 ops_warm(struct ml_arena *core, u64 page, u64 nr)
{
	struct memlane_arena *arena = memlane_arena_of(core);
	s64 came;

	lockdep_assert_not_held(&core->lock);
	came = memlane_pages_warm(&arena->pages, page, nr);
	if (came)
		trace_memlane_warm(arena->id, page, nr, came);
	return came;
}

static bool ops_at_hand(struct ml_arena *core, u64 page, u64 nr)
{
	return memlane_pages_at_hand(pages_of(core), page, nr);
}

static bool ops_untold(struct ml_arena *core, u64 *page, u64 *first)
{
	return memlane_pages_untold(pages_of(core), page, first);
}

static void ops_residence(struct ml_arena *core, u64 page, u64 nr, struct memlane_query *to)
{
	memlane_pages_residence(pages_of(core), page, nr, to);
}

static bool ops_reclaim_begin(struct ml_arena *core)
{
	return memlane_pages_try(pages_of(core));
}

static void ops_reclaim_end(struct ml_arena *core)
{
	memlane_pages_tried(pages_of(core));
}

static u64 ops_resident(struct ml_arena *core, u64 page, u64 nr)
{
	return memlane_pages_resident(pages_of(core), page, nr);
}

/* A worker's work for an arena ends when the arena does. */
static int ops_hurry(struct ml_arena *core)
{
	if (fatal_signal_pending(current) || memlane_worker_stopping(memlane_arena_of(core)))
		return -EINTR;
	return 0;
}

static int ops_pause(struct ml_arena *core, u64 ns)
{
	ktime_t expires = ns_to_ktime(ns);

	set_current_state(TASK_KILLABLE);
	if (!ops_hurry(core))
		schedule_hrtimeout_range(&expires, ns / 4, HRTIMER_MODE_REL);
	__set_current_state(TASK_RUNNING);
	return ops_hurry(core);
}

/*
 * Nobody but this arena waits when it has had its share of interrupts; reclaim does not.
 * By the mover, and by who revokes a maker.
 */
static int ops_sync_cores(struct ml_arena *core)
{
	struct memlane_barrier *barrier = &memlane_arena_of(core)->barrier;
	u64 delay;
	bool may_wait = !READ_ONCE(core->reclaiming);
	int err = 0;

	while (!err && (delay = memlane_barrier_delay(barrier)))
		err = may_wait ? ops_pause(core, delay) : -EAGAIN;
	return err ? err : memlane_barrier_run(barrier, may_wait);
}

static bool ops_in_a_hurry(struct ml_arena *core)
{
	return ops_hurry(core);
}

static bool ops_slot_gone(struct ml_arena *core, unsigned int slot)
{
	return memlane_owner_gone(&memlane_arena_of(core)->owners, slot);
}

static void ops_slot_done(struct ml_arena *core, unsigned int slot)
{
	memlane_owner_forget(&memlane_arena_of(core)->owners, slot);
}

static void ops_event(struct ml_arena *core, unsigned int type, unsigned int lane, u64 value)
{
	struct memlane_event ev = { .type = type, .lane = lane, .value = value };

	memlane_event_put(&memlane_arena_of(core)->events, &ev);
}

static void ops_moved(struct ml_arena *core, const struct ml_move *mv)
{
	trace_memlane_move(memlane_arena_of(core)->id, mv);
}

static void ops_decided(struct ml_arena *core, unsigned int cause, unsigned int lane, u32 index)
{
	trace_memlane_decide(memlane_arena_of(core)->id, cause, lane, index);
}

static void count_cold(struct memlane_counts *c, const struct memlane_pages *p)
{
	c->away = atomic64_read(&p->away[MEMLANE_FAST]) + atomic64_read(&p->away[MEMLANE_SLOW]);
	c->compressed = atomic64_read(&p->cold.compressed);
	c->compressed_bytes = memlane_cold_bytes(p);
	c->cooled = atomic64_read(&p->cold.cooled);
	c->cooled_same = atomic64_read(&p->cold.same);
	c->incompressible = atomic64_read(&p->cold.refused);
	c->warmed = atomic64_read(&p->cold.warmed);
	c->stored = atomic64_read(&p->cold.stored);
	c->stored_bytes = memlane_stored_bytes(p);
	c->written = atomic64_read(&p->cold.written);
	c->loaded = atomic64_read(&p->cold.loaded);
	c->ahead = atomic64_read(&p->cold.ahead);
	c->ahead_hits = atomic64_read(&p->cold.ahead_hits);
	c->write_errors = atomic64_read(&p->cold.failed);
	c->lost_pages = atomic64_read(&p->cold.lost);
	c->refaults = atomic64_read(&p->cold.refaults);
}

/*
 * The engine asks whenever it is about to publish its counters, with core.lock
 * held: the moment to add those that are counted without it.
 */
static u64 ops_metadata(struct ml_arena *core)
{
	struct memlane_arena *arena = memlane_arena_of(core);

	lockdep_assert_held(&core->lock);
	core->count.ioctls = atomic64_read(&arena->ioctls);
	core->count.faults = atomic64_read(&arena->faults);
	count_cold(&core->count, &arena->pages);
	return atomic64_read(&arena->metadata) + memlane_pages_metadata(&arena->pages);
}

const struct ml_ops memlane_ops = {
	.zalloc = ops_zalloc,
	.zfree = ops_zfree,
	.share = ops_share,
	.unshare = ops_unshare,
	.commit = ops_commit,
	.populate = ops_populate,
	.keep = ops_keep,
	.reuse = ops_reuse,
	.later = ops_later,
	.decommit = ops_decommit,
	.copy = ops_copy,
	.reserve = ops_reserve,
	.remap = ops_remap,
	.held = ops_held,
	.lost = ops_lost,
	.reclaim_begin = ops_reclaim_begin,
	.reclaim_end = ops_reclaim_end,
	.cool = ops_cool,
	.store = ops_store,
	.warm = ops_warm,
	.at_hand = ops_at_hand,
	.untold = ops_untold,
	.residence = ops_residence,
	.resident = ops_resident,
	.sync_cores = ops_sync_cores,
	.pause = ops_pause,
	.hurry = ops_in_a_hurry,
	.slot_gone = ops_slot_gone,
	.slot_done = ops_slot_done,
	.event = ops_event,
	.moved = ops_moved,
	.decided = ops_decided,
	.metadata = ops_metadata,
	.now = ktime_get_ns,
};

/**
 * memlane_capabilities - what an arena of this module can do
 *
 * Return: MEMLANE_CAP_*.
 */
u64 memlane_capabilities(void)
{
	u64 caps = MEMLANE_CAP_MODULE | MEMLANE_CAP_REMAP | MEMLANE_CAP_SHARE | MEMLANE_CAP_REAP |
		   MEMLANE_CAP_EVENTS | MEMLANE_CAP_SHRINKER | MEMLANE_CAP_COLD;

	return IS_ENABLED(CONFIG_MEMCG) ? caps | MEMLANE_CAP_MEMCG : caps;
}
