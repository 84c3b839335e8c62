// SPDX-License-Identifier: MIT
/*
 * fake-device.c - an open file of /dev/memlane, without its pages and its thread
 *
 * Stands in for device.c, ops.c and worker.c. No byte of the data area exists: the
 * engine never looks at any. The thread's work is done when the driver says so.
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

static void op_remap(struct ml_arena *core, u64 to, u64 from, u64 nr)
{
}

static bool op_held(struct ml_arena *core, u64 page, u64 nr)
{
	return false;
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
	.zalloc = op_zalloc, .zfree = op_zfree, .share = op_share, .commit = op_commit,
	.populate = op_populate, .decommit = op_decommit, .copy = op_copy,
	.remap = op_remap, .held = op_held, .resident = op_resident,
	.sync_cores = op_sync_cores, .pause = op_pause, .slot_gone = op_slot_gone,
	.slot_done = op_slot_done, .event = op_event, .metadata = op_metadata, .now = op_now,
};

/* ----------------------------------------------------- device.c and worker.c */

static int engine_init(struct memlane_arena *arena, const struct memlane_create *req)
{
	struct ml_arena *core = &arena->core;
	int err;

	memset(core, 0, sizeof(*core));
	err = ml_arena_init(core, &ops, COOKIE, 0, MEMLANE_CAP_MODULE | MEMLANE_CAP_EVENTS, req);
	if (!err) {
		err = memlane_owners_init(&arena->owners, core->slots.nr);
		if (err)
			ml_arena_exit(core);
	}
	if (err)
		shares_end(device_of(core));
	return err;
}

int memlane_arena_create(struct memlane_arena *arena, const struct memlane_create *req)
{
	int err = -EEXIST;

	mutex_lock(&arena->setup);
	if (!arena->created)
		err = engine_init(arena, req);
	if (!err)
		arena->created = true;
	mutex_unlock(&arena->setup);
	return err;
}

int memlane_arena_set(struct memlane_arena *arena, struct memlane_set *req)
{
	bool pace = req->option == MEMLANE_OPT_POLICY_INTERVAL;
	int err = 0;

	mutex_lock(&arena->setup);
	if (pace && req->value)
		err = memlane_worker_start(arena);
	if (!err)
		err = ml_set(&arena->core, req);
	mutex_unlock(&arena->setup);
	return err;
}

/* Descriptors are all in use. */
int memlane_view(struct memlane_arena *arena, unsigned long arg)
{
	return arg ? -EOPNOTSUPP : -EMFILE;
}

int memlane_worker_start(struct memlane_arena *arena)
{
	if (!arena->worker.task && fake_fails(&fake.alloc))
		return -ENOMEM;
	arena->worker.task = fake_current();	/* only asked whether it is there */
	return 0;
}

void fake_device_open(struct fake_device *d)
{
	memset(d, 0, sizeof(*d));
	time_ns = 1000;
	d->arena.id = 0x1234;
	mutex_init(&d->arena.setup);
	memlane_queue_init(&d->arena.queue);
	memlane_events_init(&d->arena.events);
	d->file.private_data = &d->arena;
	d->file.f_mode = FMODE_WRITE;
}

void fake_device_close(struct fake_device *d)
{
	memlane_queue_exit(&d->arena.queue);
	if (d->arena.created)
		ml_arena_exit(&d->arena.core);
	memlane_owners_exit(&d->arena.owners);
	shares_end(d);
}
