/* SPDX-License-Identifier: GPL-2.0-only */
/* backing.h - a file of the program's that cold pages go to */
#ifndef MEMLANE_BACKING_H
#define MEMLANE_BACKING_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "record.h"
#include "slots.h"

struct bio_vec;
struct memlane_crew;
struct memlane_unpacker;
struct memlane_user;

/**
 * struct memlane_backing - a file, and what is where in it
 * @list: of all backings; under a lock of backing.c, as is @ended
 * @ended: no arena has it any more
 * @refs: the arena's, and one of each write or read that is under way. The last may go
 *	long after the arena, if the file answers late
 * @file: the program's; a reference
 * @user: who pays for @slots, as long as the arena is there
 * @uid: whose it is; immutable
 * @crew: works for it; immutable
 * @key: of the records; immutable, never told
 * @direct: the file takes direct I/O; immutable
 * @lock: protects @slots and @writing; nothing is taken inside
 * @slots: see slots.h
 * @unpacker: work space of those who read; immutable
 * @charged: bytes of @slots and @unpacker; the writer
 * @writing: somebody is the writer
 * @idle: woken when nobody is
 * @shrink: gives back to the file system what is not used
 * @loading: protects what follows, and the words that are LOADING; @lock is taken inside
 * @loads: reads that have begun and not ended
 * @waiting: reads that have not begun
 */
struct memlane_backing {
	struct list_head list;
	refcount_t refs;
	struct file *file;
	struct memlane_user *user;
	kuid_t uid;
	struct memlane_crew *crew;
	struct memlane_record_key key;
	bool direct;
	spinlock_t lock;
	struct memlane_slots slots;
	struct memlane_unpacker *unpacker;
	u64 charged;
	bool writing;
	bool ended;
	wait_queue_head_t idle;
	struct delayed_work shrink;
	spinlock_t loading;
	unsigned int loads;
	struct list_head waiting;
};

struct memlane_backing *memlane_backing_open(int fd, u64 max, u64 usual,
					     struct memlane_user *user);
void memlane_backing_sync(struct memlane_backing *b);
void memlane_backing_end(struct memlane_backing *b);
void memlane_backing_get(struct memlane_backing *b);
void memlane_backing_put(struct memlane_backing *b);
u64 memlane_backing_bytes(struct memlane_backing *b);

int memlane_backing_take(struct memlane_backing *b, u32 nr, struct memlane_stretch *out);
void memlane_backing_add(struct memlane_backing *b, const struct memlane_ticket *ticket);
void memlane_backing_drop(struct memlane_backing *b, u64 place, u32 length);
void memlane_backing_settle(struct memlane_backing *b, const struct memlane_stretch *w);
u32 memlane_backing_generation(struct memlane_backing *b, u64 place);
int memlane_backing_begin(struct memlane_backing *b);
void memlane_backing_finish(struct memlane_backing *b);
void memlane_backing_queue(struct memlane_backing *b, struct work_struct *work);

int memlane_backing_write(struct memlane_backing *b, u64 at, struct bio_vec *bv,
			  unsigned int nr, size_t len);
int memlane_backing_read(struct memlane_backing *b, u64 at, struct bio_vec *bv, unsigned int nr,
			 size_t len);

#endif /* MEMLANE_BACKING_H */
