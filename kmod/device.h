/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * device.h - an open file of /dev/memlane
 *
 * struct memlane_file hangs off struct file, and struct memlane_arena off that once
 * it is created. Both live until release(), which runs when no descriptor, no
 * mapping and no system call refers to the file any more: so none of them takes a
 * reference of its own. Only the shrinker, the workers and the debugfs files look at
 * an arena from outside of that; they are stopped first in release(), in this order.
 *
 * Locks, outermost first; those of the engine stand in core/core.h:
 *   file.lock        creation
 *   arena.setup      the interval of the background's cycles
 *   owners.lock      one registration at a time
 *   core.mover, core.lock
 *   barrier.run      one barrier of an arena at a time; under core.mover, or alone
 *   owners.names     which thread a slot belongs to; a spinlock
 *   mmap_lock        the kernel's; the fault handler runs under it
 *   core.grow
 *   invalidate_lock  of arena.inode's mapping: what is mapped where
 *   i_mmap_rwsem, page table locks, allocators
 *   backing.loading, backing.lock   spinlocks; the latter inside the former
 *   the list of arenas, user.lock, barrier.lock, queue.lock, events.lock   spinlocks; nothing is taken inside
 *                    but what wakes a thread
 * Nothing touches user memory while it holds one of these, except for the kernel in
 * mmap_lock.
 */
#ifndef MEMLANE_DEVICE_H
#define MEMLANE_DEVICE_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/sched.h>

#include "barrier.h"
#include "core/core.h"
#include "event.h"
#include "owner.h"
#include "pages.h"
#include "queue.h"
#include "shared.h"
#include "shrinker.h"
#include "user.h"
#include "worker.h"

/**
 * struct memlane_file - one open file
 * @lock: one creation at a time
 * @user: who opened it; immutable
 * @arena: NULL until it is created; set once, with release semantics
 */
struct memlane_file {
	struct mutex lock;
	struct memlane_user *user;
	struct memlane_arena *arena;
};

/**
 * struct memlane_arena - what a file has once it was created
 * @core: the engine's part
 * @user: who opened the file; immutable
 * @id: names the arena in debugfs and traces; immutable
 * @pid: the process that made it; immutable, and no reference
 * @program: its name then; immutable
 * @file: what open() made; no reference, except for those of the views
 * @inode: a nameless file whose i_mapping lists this arena's mappings alone
 * @setup: see the top
 * @region: where mmap finds the regions; immutable
 * @pages: what is in the data area
 * @shared: pages of the other regions
 * @barrier: address spaces whose threads may be in sections
 * @owners: threads by slot
 * @worker: background maintenance
 * @queue: calls that are carried out in the background
 * @events: for poll() and read()
 * @orphaned: it was private, and nobody uses it any more; see orphan.c
 * @debugfs: the arena's folder
 * @metadata: bytes that the engine has of memory
 * @token: by which the shrinker finds the arena
 * @reclaimers: who reclaims from it at the moment; its end waits for them
 * @ioctls: calls so far
 * @faults: pages mapped by the fault handler so far
 */
struct memlane_arena {
	struct ml_arena core;
	struct memlane_user *user;
	u32 id;
	pid_t pid;
	char program[TASK_COMM_LEN];
	struct file *file;
	struct inode *inode;
	struct mutex setup;
	struct memlane_region region[MEMLANE_REGIONS];
	struct memlane_pages pages;
	struct memlane_shared shared;
	struct memlane_barrier barrier;
	struct memlane_owners owners;
	struct memlane_worker worker;
	struct memlane_queue queue;
	struct memlane_events events;
	bool orphaned;
	struct dentry *debugfs;
	atomic64_t metadata;
	struct memlane_token *token;
	atomic_t reclaimers;
	atomic64_t ioctls;
	atomic64_t faults;
};

/* The arena of a file, or of a view; NULL: not created. */
static inline struct memlane_arena *memlane_arena_of_file(const struct file *file)
{
	const struct memlane_file *f = file->private_data;

	/* Pairs with the release in memlane_arena_create(). */
	return smp_load_acquire(&f->arena);
}

static inline struct memlane_arena *memlane_arena_of(struct ml_arena *core)
{
	return container_of(core, struct memlane_arena, core);
}

extern struct miscdevice memlane_device;

struct memlane_arena *memlane_next_arena(unsigned long *id);
int memlane_arena_create(struct file *file, const struct memlane_create *req);
int memlane_arena_charge(struct memlane_arena *arena, u64 bytes);
void memlane_arena_uncharge(struct memlane_arena *arena, u64 bytes);
int memlane_arena_set(struct memlane_arena *arena, struct memlane_set *req);
int memlane_arena_set_backing(struct memlane_arena *arena, struct memlane_set_backing *req);

/* orphan.c */
void memlane_orphan_unused(struct memlane_arena *arena);
void memlane_orphan_tend(struct memlane_arena *arena);

/* ioctl.c */
long memlane_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
ssize_t memlane_read_iter(struct kiocb *iocb, struct iov_iter *to);

/* mmap.c */
int memlane_mmap(struct file *file, struct vm_area_struct *vma);
void memlane_unmap_shared(struct memlane_arena *arena, unsigned int region, u64 page);

/* ops.c */
extern const struct ml_ops memlane_ops;
u64 memlane_capabilities(void);

/* view.c */
int memlane_view(struct memlane_arena *arena, unsigned long arg);

/* inode.c */
struct inode *memlane_inode_new(void);
void memlane_inode_put(struct inode *inode);

#endif /* MEMLANE_DEVICE_H */
