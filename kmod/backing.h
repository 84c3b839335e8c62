/* SPDX-License-Identifier: GPL-2.0-only */
/* backing.h - a file of the program's that cold pages go to */
#ifndef MEMLANE_BACKING_H
#define MEMLANE_BACKING_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>

#include "record.h"
#include "slots.h"

struct bio_vec;
struct memlane_user;

/**
 * struct memlane_backing - a file, and what is where in it
 * @list: of all backings; under a mutex of backing.c
 * @refs: the arena's, and one of each write or read that is under way
 * @file: the program's; a reference
 * @user: who pays for @slots, immutable; there as long as the arena is
 * @key: of the records; immutable, never told
 * @direct: the file takes direct I/O; immutable
 * @lock: protects @slots; nothing is taken inside
 * @slots: see slots.h
 * @charged: bytes of @slots; the writer
 */
struct memlane_backing {
	struct list_head list;
	refcount_t refs;
	struct file *file;
	struct memlane_user *user;
	siphash_key_t key;
	bool direct;
	spinlock_t lock;
	struct memlane_slots slots;
	u64 charged;
};

struct memlane_backing *memlane_backing_open(int fd, u64 max, u64 usual,
					     struct memlane_user *user);
void memlane_backing_get(struct memlane_backing *b);
void memlane_backing_put(struct memlane_backing *b);
u64 memlane_backing_bytes(struct memlane_backing *b);

bool memlane_backing_take(struct memlane_backing *b, u32 nr, struct memlane_stretch *out);
void memlane_backing_add(struct memlane_backing *b, const struct memlane_ticket *ticket);
void memlane_backing_drop(struct memlane_backing *b, u64 place, u32 length);
void memlane_backing_settle(struct memlane_backing *b, const struct memlane_stretch *w);
u32 memlane_backing_generation(struct memlane_backing *b, u64 place);
void memlane_backing_shrink(struct memlane_backing *b);

int memlane_backing_write(struct memlane_backing *b, u64 at, struct bio_vec *bv,
			  unsigned int nr, size_t len);
int memlane_backing_read(struct memlane_backing *b, u64 at, struct page *to, size_t len);

#endif /* MEMLANE_BACKING_H */
