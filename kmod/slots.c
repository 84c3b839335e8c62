// SPDX-License-Identifier: GPL-2.0-only
/*
 * slots.c - which parts of a backing file are in use
 *
 *	file	|  group 0  |  group 1  |  ...	    128 KiB each
 *	group	| 0| 1| 2|  ...		     |31|   blocks of 4 KiB
 *	block	  rec|record|record|rec		    each is counted in every block it touches
 *
 * A writer takes free blocks in a row, at best a whole group; it counts as one record of
 * each while it writes. Records are added before their words can be seen, then the
 * writer settles: a block that no record came to lie in is free again. A block is taken
 * only when nothing lies in it, so all records that begin in it are of one write: the
 * block's generation is theirs.
 *
 * Free groups are punched out of the file, those at its end cut off. Meanwhile they are
 * taken, so that no write can come between.
 *
 * This file needs nothing of the kernel but memory, and is tested in a program.
 */
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "slots.h"

#define SEARCHED	512U	/* groups that are in use partly: at most so many are looked at */

static struct memlane_slot_leaf *leaf_of(const struct memlane_slots *s, u64 group)
{
	return s->leaf[group / MEMLANE_LEAF_GROUPS];
}

static u64 bit_of(u64 group)
{
	return 1ULL << (group % MEMLANE_LEAF_GROUPS);
}

static struct memlane_group *group_of(const struct memlane_slots *s, u64 group)
{
	return &leaf_of(s, group)->group[group % MEMLANE_LEAF_GROUPS];
}

static u64 leaves_for(u64 groups)
{
	return (groups + MEMLANE_LEAF_GROUPS - 1) / MEMLANE_LEAF_GROUPS;
}

/* Memory that memlane_slots_init() takes for a file of so many bytes. */
u64 memlane_slots_bytes(u64 bytes)
{
	return leaves_for(bytes / MEMLANE_GROUP_BYTES) * sizeof(struct memlane_slot_leaf *);
}

/* And memlane_slots_prepare(). */
u64 memlane_slots_lacks(const struct memlane_slots *s)
{
	return s->end == s->most || leaf_of(s, s->end) ? 0 : sizeof(struct memlane_slot_leaf);
}

/**
 * memlane_slots_init - a file that nothing is in
 * @s: to set up
 * @bytes: that may be used, at least MEMLANE_GROUP_BYTES; up to MEMLANE_SLOTS_MOST
 *
 * Return: 0 or -ENOMEM.
 */
int memlane_slots_init(struct memlane_slots *s, u64 bytes)
{
	*s = (struct memlane_slots) { .most = bytes / MEMLANE_GROUP_BYTES };
	s->leaves = leaves_for(s->most);
	s->leaf = kvcalloc(s->leaves, sizeof(*s->leaf), GFP_KERNEL_ACCOUNT);
	return s->leaf ? 0 : -ENOMEM;
}

void memlane_slots_exit(struct memlane_slots *s)
{
	u64 i;

	for (i = 0; i < s->leaves; i++)
		kvfree(s->leaf[i]);
	kvfree(s->leaf);
}

/**
 * memlane_slots_prepare - have what the next memlane_slots_take() may need
 * @s: slots
 *
 * Context: the writer; no lock, may sleep.
 * Return: 0 or -ENOMEM.
 */
int memlane_slots_prepare(struct memlane_slots *s)
{
	u64 i = s->end / MEMLANE_LEAF_GROUPS;

	if (!memlane_slots_lacks(s))
		return 0;
	s->leaf[i] = kvzalloc(sizeof(**s->leaf), GFP_KERNEL_ACCOUNT);
	return s->leaf[i] ? 0 : -ENOMEM;
}

/* ----------------------------------------------------------------- blocks */

static void block_hold(struct memlane_slots *s, u64 group, u32 i)
{
	struct memlane_group *g = group_of(s, group);

	if (g->live[i]++)
		return;
	s->blocks++;
	g->used |= 1U << i;
	leaf_of(s, group)->free &= ~bit_of(group);
}

static void block_release(struct memlane_slots *s, u64 group, u32 i)
{
	struct memlane_group *g = group_of(s, group);

	if (WARN_ON_ONCE(!g->live[i]) || --g->live[i])
		return;
	s->blocks--;
	g->used &= ~(1U << i);
	if (g->used)
		return;
	leaf_of(s, group)->free |= bit_of(group);
	s->lowest = min(s->lowest, group / MEMLANE_LEAF_GROUPS);
}

static void for_blocks(struct memlane_slots *s, u64 block, u64 end,
		       void (*fn)(struct memlane_slots *s, u64 group, u32 i))
{
	for (; block < end; block++)
		fn(s, block / MEMLANE_GROUP_BLOCKS, block % MEMLANE_GROUP_BLOCKS);
}

static u64 block_of(u64 at)
{
	return at >> MEMLANE_BLOCK_SHIFT;
}

/**
 * memlane_slots_add - a record is going to lie there
 * @s: slots
 * @at: byte in the file, in a stretch that was taken
 * @len: bytes, all in that stretch
 */
void memlane_slots_add(struct memlane_slots *s, u64 at, u32 len)
{
	for_blocks(s, block_of(at), block_of(at + len - 1) + 1, block_hold);
}

/**
 * memlane_slots_drop - nobody wants a record any more
 * @s: slots
 * @at: as it was added
 * @len: likewise
 */
void memlane_slots_drop(struct memlane_slots *s, u64 at, u32 len)
{
	for_blocks(s, block_of(at), block_of(at + len - 1) + 1, block_release);
}

/**
 * memlane_slots_generation - the write that a record is of
 * @s: slots
 * @at: of a record that was added
 */
u32 memlane_slots_generation(const struct memlane_slots *s, u64 at)
{
	u64 block = block_of(at);

	return group_of(s, block / MEMLANE_GROUP_BLOCKS)->generation[block % MEMLANE_GROUP_BLOCKS];
}

/* ----------------------------------------------------------------- groups */

/* The lowest group that is free altogether; s->end: none. */
static u64 free_group(struct memlane_slots *s)
{
	u64 leaves = leaves_for(s->end);

	for (; s->lowest < leaves; s->lowest++)
		if (s->leaf[s->lowest]->free)
			return s->lowest * MEMLANE_LEAF_GROUPS +
			       __builtin_ctzll(s->leaf[s->lowest]->free);
	return s->end;
}

/* One more group than there were; false: no more may be, or nothing is prepared. */
static bool grow(struct memlane_slots *s)
{
	if (s->end == s->most || !leaf_of(s, s->end))
		return false;
	leaf_of(s, s->end)->free |= bit_of(s->end);
	s->lowest = min(s->lowest, s->end / MEMLANE_LEAF_GROUPS);
	s->end++;
	return true;
}

/* The longest stretch of free blocks of a group, but of no more than @nr. */
static u32 longest(u32 used, u32 nr, u32 *first)
{
	u32 i, len = 0, best = 0;

	for (i = 0; i < MEMLANE_GROUP_BLOCKS && best < nr; i++) {
		len = used >> i & 1 ? 0 : len + 1;
		if (len > best) {
			best = len;
			*first = i + 1 - len;
		}
	}
	return best;
}

static u32 stretch_in(struct memlane_slots *s, u64 group, u32 nr, struct memlane_stretch *out)
{
	u32 first = 0, best = longest(group_of(s, group)->used, nr, &first);

	*out = (struct memlane_stretch) {
		.block = group * MEMLANE_GROUP_BLOCKS + first, .nr = best,
	};
	return best;
}

/* More than half of what the file has is not in use: it need not grow. */
static bool is_sparse(const struct memlane_slots *s)
{
	return s->blocks < s->end * MEMLANE_GROUP_BLOCKS / 2;
}

/* Where no group is free: the first that has room enough, else the most there is. */
static u32 search(struct memlane_slots *s, u32 nr, struct memlane_stretch *out)
{
	u64 left = min_t(u64, s->end, SEARCHED);
	struct memlane_stretch at;

	for (out->nr = 0; left && out->nr < nr; left--) {
		s->open = s->open + 1 < s->end ? s->open + 1 : 0;
		if (stretch_in(s, s->open, nr, &at) > out->nr)
			*out = at;
	}
	return out->nr;
}

static bool slots_find(struct memlane_slots *s, u32 nr, struct memlane_stretch *out)
{
	u64 group;

	if (s->open < s->end && stretch_in(s, s->open, nr, out) == nr)
		return true;
	group = free_group(s);
	if (group == s->end && is_sparse(s) && search(s, nr, out) == nr)
		return true;
	if (group == s->end && !grow(s))
		return search(s, nr, out);
	s->open = group;
	return stretch_in(s, group, nr, out);
}

/**
 * memlane_slots_take - take blocks to write to
 * @s: slots
 * @nr: how many, up to MEMLANE_GROUP_BLOCKS
 * @out: blocks that nothing lies in: @nr of them, or fewer where the file is full of small
 *	holes; to be settled
 *
 * Return: whether there is one at least.
 */
bool memlane_slots_take(struct memlane_slots *s, u32 nr, struct memlane_stretch *out)
{
	struct memlane_group *g;
	u64 group;
	u32 i;

	if (!slots_find(s, nr, out))
		return false;
	out->generation = ++s->generation;
	group = out->block / MEMLANE_GROUP_BLOCKS;
	g = group_of(s, group);
	for (i = 0; i < out->nr; i++)
		g->generation[out->block % MEMLANE_GROUP_BLOCKS + i] = out->generation;
	for_blocks(s, out->block, out->block + out->nr, block_hold);
	leaf_of(s, group)->written |= bit_of(group);
	return true;
}

/**
 * memlane_slots_settle - the writing is over
 * @s: slots
 * @w: what was taken: what no record was added to is free again
 */
void memlane_slots_settle(struct memlane_slots *s, const struct memlane_stretch *w)
{
	for_blocks(s, w->block, w->block + w->nr, block_release);
}

/* ------------------------------------------- back to the file system */

/**
 * memlane_slots_hole - take a group that has bytes in the file and nothing in use
 * @s: slots
 * @out: all of the group, to be given to memlane_slots_holed()
 *
 * Return: false: there is none.
 */
bool memlane_slots_hole(struct memlane_slots *s, struct memlane_stretch *out)
{
	u64 i, leaves = leaves_for(s->end), empty;

	for (i = s->lowest; i < leaves; i++) {
		empty = s->leaf[i]->free & s->leaf[i]->written;
		if (!empty)
			continue;
		s->leaf[i]->written &= ~(empty & -empty);
		*out = (struct memlane_stretch) {
			.block = (i * MEMLANE_LEAF_GROUPS + __builtin_ctzll(empty)) *
				 MEMLANE_GROUP_BLOCKS,
			.nr = MEMLANE_GROUP_BLOCKS,
		};
		for_blocks(s, out->block, out->block + out->nr, block_hold);
		return true;
	}
	return false;
}

/**
 * memlane_slots_holed - a group was punched out, or cannot be
 * @s: slots
 * @w: from memlane_slots_hole()
 */
void memlane_slots_holed(struct memlane_slots *s, const struct memlane_stretch *w)
{
	memlane_slots_settle(s, w);
}

/**
 * memlane_slots_trim - forget the free groups at the end
 * @s: slots
 *
 * Context: the writer, which cuts the file to @s->end groups before it takes again.
 * Return: whether there were any.
 */
bool memlane_slots_trim(struct memlane_slots *s)
{
	u64 was = s->end;

	while (s->end && leaf_of(s, s->end - 1)->free & bit_of(s->end - 1)) {
		s->end--;
		leaf_of(s, s->end)->free &= ~bit_of(s->end);
		leaf_of(s, s->end)->written &= ~bit_of(s->end);
	}
	if (s->open >= s->end)
		s->open = 0;
	return s->end < was;
}
