/* SPDX-License-Identifier: GPL-2.0-only */
/* slots.h - which parts of a backing file are in use */
#ifndef MEMLANE_SLOTS_H
#define MEMLANE_SLOTS_H

#include <linux/types.h>

#define MEMLANE_BLOCK_SHIFT	12	/* what is written and read is of whole blocks */
#define MEMLANE_BLOCK		(1U << MEMLANE_BLOCK_SHIFT)
#define MEMLANE_GROUP_BLOCKS	32U	/* what is written at once, and punched out */
#define MEMLANE_GROUP_BYTES	(MEMLANE_GROUP_BLOCKS << MEMLANE_BLOCK_SHIFT)
#define MEMLANE_LEAF_GROUPS	64U
/* Most bytes of a file that are used: what lists its groups is an array. */
#define MEMLANE_SLOTS_MOST	(1ULL << 40)

/**
 * struct memlane_group - so many blocks in a row
 * @used: those that somebody uses, by bit
 * @live: records that lie in each of them, wholly or partly, and 1 while it is written
 * @generation: the write that each was last part of
 */
struct memlane_group {
	u32 used;
	u8 live[MEMLANE_GROUP_BLOCKS];
	u32 generation[MEMLANE_GROUP_BLOCKS];
};

/**
 * struct memlane_slot_leaf - so many groups in a row
 * @free: groups without a block in use, by bit
 * @written: groups that the file may hold bytes of, by bit
 * @group: by number
 */
struct memlane_slot_leaf {
	u64 free;
	u64 written;
	struct memlane_group group[MEMLANE_LEAF_GROUPS];
};

/**
 * struct memlane_slots - a file's groups
 * @leaf: by number; those from @end on are NULL, except the next one, which may be there
 * @leaves: the array's length
 * @most: groups that there may be
 * @end: groups that there are: the first that was never used, or trimmed
 * @lowest: no leaf before this one has a free group
 * @open: the group that was last given out of
 * @generation: of the last write
 * @blocks: in use
 *
 * The caller holds a lock for every call except memlane_slots_prepare(). One thread at a time
 * writes: it prepares, takes, settles, and gives groups back to the file system.
 */
struct memlane_slots {
	struct memlane_slot_leaf **leaf;
	u64 leaves;
	u64 most;
	u64 end;
	u64 lowest;
	u64 open;
	u32 generation;
	u64 blocks;
};

/**
 * struct memlane_stretch - blocks in a row that are being written
 * @block: first
 * @nr: how many; within one group
 * @generation: of the write
 */
struct memlane_stretch {
	u64 block;
	u32 nr;
	u32 generation;
};

u64 memlane_slots_bytes(u64 bytes);
u64 memlane_slots_lacks(const struct memlane_slots *s);
int memlane_slots_init(struct memlane_slots *s, u64 bytes);
void memlane_slots_exit(struct memlane_slots *s);
int memlane_slots_prepare(struct memlane_slots *s);
bool memlane_slots_take(struct memlane_slots *s, u32 nr, struct memlane_stretch *out);
void memlane_slots_add(struct memlane_slots *s, u64 at, u32 len);
void memlane_slots_drop(struct memlane_slots *s, u64 at, u32 len);
void memlane_slots_settle(struct memlane_slots *s, const struct memlane_stretch *w);
u32 memlane_slots_generation(const struct memlane_slots *s, u64 at);
bool memlane_slots_hole(struct memlane_slots *s, struct memlane_stretch *out);
void memlane_slots_holed(struct memlane_slots *s, const struct memlane_stretch *w);
bool memlane_slots_trim(struct memlane_slots *s);

#endif /* MEMLANE_SLOTS_H */
