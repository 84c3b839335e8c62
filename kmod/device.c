// SPDX-License-Identifier: GPL-2.0-only
/* device.c - /dev/memlane: open, creation and release of arenas */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "backing.h"
#include "debugfs.h"
#include "device.h"
#include "names.h"

/*
 * Numbers of open arenas. Cookies follow from them, so a number is taken again only
 * after all others: a handle of an arena closed a while ago meets no arena's cookie.
 */
static DEFINE_XARRAY_FLAGS(arenas, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
static u32 next_id;

/* Ids beyond IDS_KEPT go only to users without limits. */
#define IDS_KEPT	1024
#define IDS		(MEMLANE_COOKIE_MAX * 512)

static atomic_t ids_of_others;

/* The list has the arena when it is complete. */
static int id_take(struct memlane_arena *arena)
{
	bool other = !arena->user->unlimited;
	int err = -EBUSY;

	if (!other || atomic_inc_return(&ids_of_others) <= IDS - IDS_KEPT)
		err = xa_alloc_cyclic(&arenas, &arena->id, NULL, XA_LIMIT(1, IDS), &next_id,
				      GFP_KERNEL_ACCOUNT);
	if (err >= 0)
		return 0;
	if (other)
		atomic_dec(&ids_of_others);
	return err == -EBUSY ? -ENFILE : err;
}

static void id_give(struct memlane_arena *arena)
{
	xa_erase(&arenas, arena->id);
	if (!arena->user->unlimited)
		atomic_dec(&ids_of_others);
}

static struct ml_names names;

static u32 cookie_of(const struct memlane_arena *arena)
{
	return 1 + (arena->id - 1) % MEMLANE_COOKIE_MAX;
}

/**
 * memlane_next_arena - look at one arena after the other
 * @id: of the last one, or 0; of this one
 *
 * Return: the arena, to be given to memlane_reclaim_put(); NULL: there are no more.
 */
struct memlane_arena *memlane_next_arena(unsigned long *id)
{
	struct memlane_arena *arena;

	xa_lock(&arenas);
	arena = xa_find_after(&arenas, id, ULONG_MAX, XA_PRESENT);
	if (arena)
		memlane_reclaim_get(arena);
	xa_unlock(&arenas);
	return arena;
}

/**
 * memlane_arena_charge - kernel memory for an arena
 * @arena: being created, or created
 * @bytes: how many more
 *
 * Return: 0 or -ENOMEM.
 */
int memlane_arena_charge(struct memlane_arena *arena, u64 bytes)
{
	int err = memlane_user_charge(arena->user, bytes);

	if (!err)
		atomic64_add(bytes, &arena->metadata);
	return err;
}

void memlane_arena_uncharge(struct memlane_arena *arena, u64 bytes)
{
	memlane_user_uncharge(arena->user, bytes);
	atomic64_sub(bytes, &arena->metadata);
}

static struct memlane_arena *arena_new(struct memlane_user *user)
{
	struct memlane_arena *arena = kvzalloc(sizeof(*arena), GFP_KERNEL_ACCOUNT);
	int err;

	if (!arena)
		return ERR_PTR(-ENOMEM);
	arena->user = user;
	err = memlane_user_arena(user);
	if (err)
		goto free_arena;
	err = memlane_arena_charge(arena, sizeof(*arena));
	if (err)
		goto end_arena;
	arena->inode = memlane_inode_new();
	err = PTR_ERR_OR_ZERO(arena->inode);
	if (err)
		goto uncharge;
	err = memlane_barrier_init(&arena->barrier, user);
	if (err)
		goto put_inode;
	err = id_take(arena);
	if (err)
		goto exit_barrier;
	mutex_init(&arena->setup);
	atomic64_set(&arena->ioctls, 1);	/* by which it is created */
	memlane_pages_init(&arena->pages, arena->inode->i_mapping, user);
	memlane_shared_init(&arena->shared);
	memlane_queue_init(&arena->queue);
	memlane_events_init(&arena->events);
	memlane_worker_init(arena);
	return arena;

exit_barrier:
	memlane_barrier_exit(&arena->barrier);
put_inode:
	memlane_inode_put(arena->inode);
uncharge:
	memlane_arena_uncharge(arena, sizeof(*arena));
end_arena:
	memlane_user_arena_end(user);
free_arena:
	kvfree(arena);
	return ERR_PTR(err);
}

/* Handles of this arena are nobody's, but the indices it has not used are the next one's. */
static void engine_exit(struct memlane_arena *arena)
{
	const struct ml_table *t = &arena->core.table;

	ml_names_give(&names, arena->core.cookie, t->own_end, t->top);
	ml_arena_exit(&arena->core);
}

/* The engine's part is gone, or never was. */
static void arena_free(struct memlane_arena *arena)
{
	memlane_owners_exit(&arena->owners);
	memlane_pages_exit(&arena->pages);
	memlane_shared_exit(&arena->shared);
	memlane_barrier_exit(&arena->barrier);
	memlane_user_uncharge(arena->user, atomic64_read(&arena->metadata));
	memlane_inode_put(arena->inode);
	memlane_user_arena_end(arena->user);
	kvfree(arena);
}

static void arena_end(struct memlane_arena *arena)
{
	id_give(arena);
	memlane_shrinker_remove(arena);
	memlane_worker_stop(arena);
	memlane_queue_exit(arena);
	memlane_debugfs_remove(arena);
	engine_exit(arena);
	arena_free(arena);
}

static int engine_init(struct memlane_arena *arena, const struct memlane_create *req)
{
	struct ml_arena *core = &arena->core;
	u64 own = ml_arena_own(req);
	u32 first;
	int err;

	first = ml_names_take(&names, cookie_of(arena), own, ml_arena_reach(req));
	err = ml_arena_init(core, &memlane_ops, cookie_of(arena), first, memlane_capabilities(),
			    req);
	if (err) {
		ml_names_give(&names, cookie_of(arena), first + own, first);
		return err;
	}
	err = memlane_arena_charge(arena, memlane_owners_bytes(core->slots.nr));
	if (!err)
		err = memlane_owners_init(&arena->owners, core->slots.nr);
	if (err)
		engine_exit(arena);
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

static struct memlane_arena *arena_make(struct file *file, const struct memlane_create *req)
{
	struct memlane_file *f = file->private_data;
	struct memlane_arena *arena = arena_new(f->user);
	int err;

	if (IS_ERR(arena))
		return arena;
	arena->file = file;
	arena->pid = current->tgid;
	strscpy(arena->program, current->group_leader->comm, sizeof(arena->program));
	err = engine_init(arena, req);
	if (!err) {
		err = layout_init(arena);
		if (!err)
			err = memlane_shrinker_add(arena);
		if (!err)
			return arena;
		engine_exit(arena);
	}
	memlane_worker_stop(arena);
	id_give(arena);
	arena_free(arena);
	return ERR_PTR(err);
}

/**
 * memlane_arena_create - make the arena of a file
 * @file: of the device
 * @req: as the ABI says
 *
 * Return: 0; -EEXIST: made before; -EDQUOT, -ENFILE: the user, or all, have too many;
 * or the engine's error; and another try may be made.
 */
int memlane_arena_create(struct file *file, const struct memlane_create *req)
{
	struct memlane_file *f = file->private_data;
	struct memlane_arena *arena;
	int err = -EEXIST;

	if (mutex_lock_killable(&f->lock))
		return -EINTR;
	if (!f->arena) {
		arena = arena_make(file, req);
		err = PTR_ERR_OR_ZERO(arena);
	}
	if (!err) {
		file->f_mapping = arena->inode->i_mapping;
		memlane_debugfs_add(arena);
		/* Its number is taken already: no memory is needed. */
		xa_store(&arenas, arena->id, arena, GFP_KERNEL_ACCOUNT);
		/* Pairs with the acquire in memlane_arena_of_file(). */
		smp_store_release(&f->arena, arena);
	}
	mutex_unlock(&f->lock);
	return err;
}

/**
 * memlane_arena_set - change an option of an arena
 * @arena: created
 * @req: as the ABI says
 *
 * Return: 0 or -errno.
 */
int memlane_arena_set(struct memlane_arena *arena, struct memlane_set *req)
{
	bool pace = req->option == MEMLANE_OPT_POLICY_INTERVAL;
	int err;

	if (mutex_lock_killable(&arena->setup))
		return -EINTR;
	err = ml_set(&arena->core, req);
	if (!err && pace)
		memlane_worker_pace(arena, req->value);
	mutex_unlock(&arena->setup);
	return err;
}

/* A file that takes all of the SlowLane, as it is, with some holes between. */
static u64 backing_usual(const struct memlane_pages *p)
{
	u64 bytes = (p->lane[MEMLANE_LANES] - p->lane[MEMLANE_SLOW]) << PAGE_SHIFT;

	return max_t(u64, bytes + bytes / 8, MEMLANE_GROUP_BYTES);
}

/* Who stores holds the mover's lock. */
static int backing_replace(struct memlane_arena *arena, struct memlane_backing *b)
{
	int err;

	if (mutex_lock_killable(&arena->core.mover))
		return -EINTR;
	err = mutex_lock_killable(&arena->core.lock);
	if (!err) {
		err = memlane_pages_set_backing(&arena->pages, b);
		mutex_unlock(&arena->core.lock);
	}
	mutex_unlock(&arena->core.mover);
	return err;
}

/**
 * memlane_arena_set_backing - let a file take what was put away
 * @arena: created
 * @req: as the ABI says
 *
 * Return: 0 or -errno.
 */
int memlane_arena_set_backing(struct memlane_arena *arena, struct memlane_set_backing *req)
{
	struct memlane_backing *b = NULL;
	int err;

	req->out_max = 0;
	if (req->flags || req->__reserved)
		return -EOPNOTSUPP;
	if (req->fd < -1 || (req->fd == -1 && req->max))
		return -EINVAL;
	if (req->fd >= 0) {
		b = memlane_backing_open(req->fd, req->max, backing_usual(&arena->pages),
					 arena->user);
		if (IS_ERR(b))
			return PTR_ERR(b);
		req->out_max = b->slots.most * MEMLANE_GROUP_BYTES;
	}
	err = backing_replace(arena, b);
	if (err)
		memlane_backing_end(b);
	return err;
}

static struct memlane_file *file_new(void)
{
	struct memlane_file *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);

	if (!f)
		return NULL;
	f->user = memlane_user_get();
	if (!f->user) {
		kfree(f);
		return NULL;
	}
	mutex_init(&f->lock);
	return f;
}

static int device_open(struct inode *inode, struct file *file)
{
	struct memlane_file *f = file_new();

	if (!f)
		return -ENOMEM;
	file->private_data = f;
	file->f_mode |= FMODE_NOWAIT;	/* read() of events need not wait */
	atomic64_inc(&memlane_totals.arenas);
	return nonseekable_open(inode, file);
}

static int device_release(struct inode *inode, struct file *file)
{
	struct memlane_file *f = file->private_data;

	if (f->arena)
		arena_end(f->arena);
	memlane_user_put(f->user);
	kfree(f);
	atomic64_dec(&memlane_totals.arenas);
	return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.unlocked_ioctl = memlane_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
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
