// SPDX-License-Identifier: MIT
/*
 * fake-device.c - an open file of /dev/memlane, without its pages and its thread
 *
 * Stands in for device.c, user.c, barrier.c, ops.c and worker.c. No byte of the data
 * area exists: the engine never looks at any. A worker's work is done when the driver
 * says so. The user's limits and numbers run out when memory does.
 */
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <stdlib.h>
#include <string.h>

#include "core/lane.h"
#include "core/slot.h"
#include "fake-device.h"

struct fake_share {
	struct fake_share *next;
	void *page;
};

static u64 time_ns;

static struct fake_device *device_of(struct ml_arena *core)
{
	return container_of(memlane_arena_of(core), struct fake_device, arena);
}

/* --------------------------------------------------------------- the engine's */

static void *op_zalloc(struct ml_arena *core, size_t size)
{
	return fake_alloc(1, size, true);
}

static void op_zfree(struct ml_arena *core, void *p, size_t size)
{
	fake_free(p);
}

static void *op_share(struct ml_arena *core, unsigned int region, u64 page)
{
	struct fake_device *d = device_of(core);
	struct fake_share *s;

	if (fake_fails(&fake.alloc))
		return NULL;
	s = malloc(sizeof(*s));
	s->page = calloc(1, PAGE_SIZE);
	s->next = d->shares;
	d->shares = s;
	return s->page;
}

/* The program may be looking at it: it stays, as the zeros that a fault would show. */
static void op_unshare(struct ml_arena *core, unsigned int region, u64 page, void *p)
{
	memset(p, 0, PAGE_SIZE);
}

static void shares_end(struct fake_device *d)
{
	struct fake_share *s, *next;

	for (s = d->shares; s; s = next) {
		next = s->next;
		free(s->page);
		free(s);
	}
	d->shares = NULL;
}

static int op_commit(struct ml_arena *core, u64 page, u64 nr)
{
	return fake_fails(&fake.alloc) ? -ENOMEM : 0;
}

static int op_populate(struct ml_arena *core, u64 page, u64 nr)
{
	return fake_fails(&fake.alloc) ? -ENOMEM : 0;
}

static u64 op_decommit(struct ml_arena *core, u64 page, u64 nr)
{
	return nr;
}

static void op_copy(struct ml_arena *core, u64 to, u64 from, size_t len)
{
}

static int op_reserve(struct ml_arena *core, u64 to, u64 from, u64 nr)
{
	return fake_fails(&fake.alloc) ? -ENOMEM : 0;
}

static void op_remap(struct ml_arena *core, u64 to, u64 from, u64 nr)
{
}

static bool op_held(struct ml_arena *core, u64 page, u64 nr)
{
	return false;
}

/* Somebody may have been quicker, and there are no bytes to look at. */
static s64 op_cool(struct ml_arena *core, u64 page, u64 nr)
{
	lockdep_assert_held(&core->mover);
	lockdep_assert_not_held(&core->lock);
	return fake_fails(&fake.alloc) ? -ENOMEM : nr / 2;
}

/* No file can be set. */
static s64 op_store(struct ml_arena *core, u64 page, u64 nr)
{
	lockdep_assert_held(&core->mover);
	lockdep_assert_not_held(&core->lock);
	return -ENXIO;
}

static s64 op_warm(struct ml_arena *core, u64 page, u64 nr)
{
	lockdep_assert_not_held(&core->lock);
	return fake_fails(&fake.alloc) ? -ENOMEM : nr / 2;
}

static bool op_at_hand(struct ml_arena *core, u64 page, u64 nr)
{
	return !fake_fails(&fake.alloc);
}

static void op_residence(struct ml_arena *core, u64 page, u64 nr, struct memlane_query *to)
{
	to->out_compressed += nr;
}

static u64 op_resident(struct ml_arena *core, u64 page, u64 nr)
{
	return 0;
}

static int op_sync_cores(struct ml_arena *core)
{
	return 0;
}

static int op_pause(struct ml_arena *core, u64 ns)
{
	time_ns += ns;
	return fake_fails(&fake.signal) ? -EINTR : 0;
}

static bool op_hurry(struct ml_arena *core)
{
	return fake_fails(&fake.signal);
}

static bool op_slot_gone(struct ml_arena *core, unsigned int slot)
{
	return memlane_owner_gone(&memlane_arena_of(core)->owners, slot);
}

static void op_slot_done(struct ml_arena *core, unsigned int slot)
{
	memlane_owner_forget(&memlane_arena_of(core)->owners, slot);
}

static void op_event(struct ml_arena *core, unsigned int type, unsigned int lane, u64 value)
{
	struct memlane_event event = { .type = type, .lane = lane, .value = value };

	memlane_event_put(&memlane_arena_of(core)->events, &event);
}

static u64 op_metadata(struct ml_arena *core)
{
	core->count.ioctls = atomic64_read(&memlane_arena_of(core)->ioctls);
	return 0;
}

static u64 op_now(void)
{
	return time_ns += 10;
}

static const struct ml_ops ops = {
	.zalloc = op_zalloc, .zfree = op_zfree, .share = op_share, .unshare = op_unshare,
	.commit = op_commit,
	.populate = op_populate, .decommit = op_decommit, .copy = op_copy,
	.reserve = op_reserve, .remap = op_remap, .held = op_held, .resident = op_resident,
	.cool = op_cool, .store = op_store, .warm = op_warm, .at_hand = op_at_hand, .residence = op_residence,
	.sync_cores = op_sync_cores, .pause = op_pause, .hurry = op_hurry,
	.slot_gone = op_slot_gone, .slot_done = op_slot_done, .event = op_event,
	.metadata = op_metadata, .now = op_now,
};

/* --------------------------------------------- device.c, user.c and worker.c */

static int engine_init(struct memlane_arena *arena, const struct memlane_create *req)
{
	struct ml_arena *core = &arena->core;
	u64 caps = MEMLANE_CAP_MODULE | MEMLANE_CAP_EVENTS;
	int err = ml_arena_init(core, &ops, COOKIE, FIRST, caps, req);

	if (err)
		return err;
	err = memlane_owners_init(&arena->owners, core->slots.nr);
	if (err)
		ml_arena_exit(core);
	return err;
}

static int may_have_arena(void)
{
	if (fake_fails(&fake.alloc))
		return -ENOMEM;
	if (fake_fails(&fake.alloc))
		return -EDQUOT;
	return fake_fails(&fake.alloc) ? -ENFILE : 0;
}

static int arena_make(struct fake_device *d, const struct memlane_create *req)
{
	struct memlane_arena *arena = &d->arena;
	int err = may_have_arena();

	if (err)
		return err;
	memset(arena, 0, sizeof(*arena));
	arena->id = 0x1234;
	arena->file = &d->file;
	mutex_init(&arena->setup);
	atomic64_set(&arena->ioctls, 1);
	memlane_queue_init(&arena->queue);
	memlane_events_init(&arena->events);
	err = engine_init(arena, req);
	if (err)
		shares_end(d);
	return err;
}

int memlane_arena_create(struct file *file, const struct memlane_create *req)
{
	struct fake_device *d = container_of(file, struct fake_device, file);
	int err = -EEXIST;

	if (mutex_lock_killable(&d->opened.lock))
		return -EINTR;
	if (!d->opened.arena)
		err = arena_make(d, req);
	if (!err)
		smp_store_release(&d->opened.arena, &d->arena);
	mutex_unlock(&d->opened.lock);
	return err;
}

int memlane_arena_set(struct memlane_arena *arena, struct memlane_set *req)
{
	int err;

	if (mutex_lock_killable(&arena->setup))
		return -EINTR;
	err = ml_set(&arena->core, req);
	mutex_unlock(&arena->setup);
	return err;
}

/* No descriptor is a file. */
int memlane_arena_set_backing(struct memlane_arena *arena, struct memlane_set_backing *req)
{
	if (req->flags || req->__reserved)
		return -EOPNOTSUPP;
	return req->fd == -1 ? 0 : -EBADF;
}

/* Descriptors are all in use. */
int memlane_view(struct memlane_arena *arena, unsigned long arg)
{
	return arg ? -EOPNOTSUPP : -EMFILE;
}

/* The user may have as much as there is. */
int memlane_arena_charge(struct memlane_arena *arena, u64 bytes)
{
	return 0;
}

void memlane_arena_uncharge(struct memlane_arena *arena, u64 bytes)
{
}

void memlane_worker_wake(struct memlane_arena *arena)
{
}

void memlane_worker_stir(struct memlane_arena *arena)
{
}

void fake_device_open(struct fake_device *d)
{
	memset(d, 0, sizeof(*d));
	time_ns = 1000;
	mutex_init(&d->opened.lock);
	d->file.private_data = &d->opened;
	d->file.f_mode = FMODE_WRITE;
}

void fake_device_close(struct fake_device *d)
{
	if (!d->opened.arena)
		return;
	memlane_queue_exit(&d->arena);
	ml_arena_exit(&d->arena.core);
	memlane_owners_exit(&d->arena.owners);
	shares_end(d);
}
