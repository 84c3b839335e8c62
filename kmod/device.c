// SPDX-License-Identifier: GPL-2.0-only
/* device.c - /dev/memlane: open, creation and release of arenas */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "debugfs.h"
#include "device.h"

/*
 * Numbers of open arenas. They are cookies too, so a number is taken again only
 * after all others: a handle of an arena closed long ago meets no arena's cookie.
 */
static DEFINE_XARRAY_FLAGS(arenas, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
static u32 next_id;

static int id_take(struct memlane_arena *arena)
{
	int err = xa_alloc_cyclic(&arenas, &arena->id, arena,
				  XA_LIMIT(1, MEMLANE_HANDLE_COOKIE_MASK), &next_id, GFP_KERNEL_ACCOUNT);

	if (err < 0)
		return err == -EBUSY ? -ENFILE : err;
	return 0;
}

/**
 * memlane_each_arena - look at every open file's arena
 * @fn: what to do with it; it may not be created yet
 * @data: for @fn
 *
 * Nobody is released meanwhile. Does nothing if somebody else holds the list.
 * Context: any that reclaim may come from; @fn runs under a spinlock.
 */
void memlane_each_arena(void (*fn)(struct memlane_arena *arena, void *data), void *data)
{
	struct memlane_arena *arena;
	unsigned long id;

	if (!xa_trylock(&arenas))
		return;
	xa_for_each(&arenas, id, arena)
		fn(arena, data);
	xa_unlock(&arenas);
}

static struct memlane_arena *arena_new(void)
{
	struct memlane_arena *arena = kvzalloc(sizeof(*arena), GFP_KERNEL_ACCOUNT);
	int err;

	if (!arena)
		return ERR_PTR(-ENOMEM);
	arena->inode = memlane_inode_new();
	err = PTR_ERR_OR_ZERO(arena->inode);
	if (err)
		goto free_arena;
	err = memlane_barrier_init(&arena->barrier);
	if (err)
		goto put_inode;
	err = id_take(arena);
	if (err)
		goto exit_barrier;
	mutex_init(&arena->setup);
	memlane_pages_init(&arena->pages, arena->inode->i_mapping);
	memlane_shared_init(&arena->shared);
	memlane_queue_init(&arena->queue);
	memlane_events_init(&arena->events);
	atomic64_inc(&memlane_totals.arenas);
	return arena;

exit_barrier:
	memlane_barrier_exit(&arena->barrier);
put_inode:
	memlane_inode_put(arena->inode);
free_arena:
	kvfree(arena);
	return ERR_PTR(err);
}

static void arena_free(struct memlane_arena *arena)
{
	xa_erase(&arenas, arena->id);
	memlane_worker_stop(arena);
	memlane_queue_exit(&arena->queue);
	memlane_debugfs_remove(arena);
	if (arena->created)
		ml_arena_exit(&arena->core);
	memlane_owners_exit(&arena->owners);
	memlane_pages_exit(&arena->pages);
	memlane_shared_exit(&arena->shared);
	memlane_barrier_exit(&arena->barrier);
	memlane_inode_put(arena->inode);
	kvfree(arena);
	atomic64_dec(&memlane_totals.arenas);
}

static int engine_init(struct memlane_arena *arena, const struct memlane_create *req)
{
	struct ml_arena *core = &arena->core;
	int err;

	memset(core, 0, sizeof(*core));
	err = ml_arena_init(core, &memlane_ops, arena->id, memlane_capabilities(), req);
	if (!err) {
		err = memlane_owners_init(&arena->owners, core->slots.nr);
		if (err)
			ml_arena_exit(core);
	}
	if (err) {
		memlane_shared_exit(&arena->shared);
		atomic64_set(&arena->metadata, 0);
	}
	return err;
}

/* What is immutable from now on, and read without a lock. */
static int layout_init(struct memlane_arena *arena)
{
	const struct ml_lane *lane = arena->core.lane;
	struct memlane_info info = { .size = sizeof(info) };
	int err = ml_info(&arena->core, &info);

	if (err)
		return err;
	memcpy(arena->region, info.out_region, sizeof(arena->region));
	arena->pages.offset = info.out_region[MEMLANE_REGION_DATA].offset;
	arena->pages.lane[MEMLANE_FAST] = lane[MEMLANE_FAST].first;
	arena->pages.lane[MEMLANE_SLOW] = lane[MEMLANE_SLOW].first;
	arena->pages.lane[MEMLANE_LANES] = lane[MEMLANE_SLOW].end;
	return 0;
}

/**
 * memlane_arena_create - make the arena of a file
 * @arena: of the file
 * @req: as the ABI says
 *
 * Return: 0; -EEXIST: made before; or the engine's error, and another try may
 * be made.
 */
int memlane_arena_create(struct memlane_arena *arena, const struct memlane_create *req)
{
	int err = -EEXIST;

	if (mutex_lock_killable(&arena->setup))
		return -EINTR;
	if (!arena->created)
		err = engine_init(arena, req);
	if (!err)
		err = layout_init(arena);
	if (!err) {
		memlane_debugfs_add(arena);
		/* Pairs with the acquire in memlane_created(). */
		smp_store_release(&arena->created, true);
	}
	mutex_unlock(&arena->setup);
	return err;
}

/**
 * memlane_arena_set - change an option of an arena
 * @arena: created
 * @req: as the ABI says
 *
 * The first interval starts the arena's thread, before the option is changed:
 * when that fails nothing has changed.
 *
 * Return: 0 or -errno.
 */
int memlane_arena_set(struct memlane_arena *arena, struct memlane_set *req)
{
	bool pace = req->option == MEMLANE_OPT_POLICY_INTERVAL;
	int err = 0;

	if (mutex_lock_killable(&arena->setup))
		return -EINTR;
	if (pace && req->value)
		err = memlane_worker_start(arena);
	if (!err)
		err = ml_set(&arena->core, req);
	if (!err && pace)
		memlane_worker_pace(arena, req->value);
	mutex_unlock(&arena->setup);
	return err;
}

static int device_open(struct inode *inode, struct file *file)
{
	struct memlane_arena *arena = arena_new();

	if (IS_ERR(arena))
		return PTR_ERR(arena);
	file->private_data = arena;
	arena->file = file;
	file->f_mapping = arena->inode->i_mapping;
	file->f_mode |= FMODE_NOWAIT;	/* read() of events need not wait */
	return nonseekable_open(inode, file);
}

static int device_release(struct inode *inode, struct file *file)
{
	arena_free(file->private_data);
	return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.unlocked_ioctl = memlane_ioctl,
	.mmap = memlane_mmap,
	.read_iter = memlane_read_iter,
	.poll = memlane_poll,
};

struct miscdevice memlane_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "memlane",
	.fops = &device_fops,
	.mode = 0660,
};
