/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * core.h - nouns and invariants of the engine
 *
 * arena    two lanes, a handle table, a set of slots
 * lane     a range of pages of the data area, a limit, a pool of free chunks
 * chunk    512 pages, lent by the lane's pool to its block or its blob area
 * area     what a manager has borrowed of its lane: free runs of pages, by size
 * run      pages in a row with one purpose: pool, free in an area, kept, span, blob
 * kept     in an area, nobody's, with pages that exist for a while yet: see decay.c
 * span     a run cut into slots ("places") of one size class
 * blob     a run that holds one object
 * index    position in the handle table; names an object or nothing
 * place    where an index is bound to: a slot of a span, or a blob; its address
 *          is a location, in granules of 8 bytes
 *
 * Index states: NONE -> BOUND (has a place) -> NONE ... -> RETIRED for ever; a BOUND one
 * may lose its place, and is PLACELESS until it is NONE. When all of a block of 4096 in a
 * row are RETIRED their words are given back: then an index is RETIRED that is below top
 * and has no byte in table.state.
 * Where a bound index lives its entry says, which the program can write; it is believed
 * where the reverse map says the same: see place.c.
 * Whether a bound index is live is known to the program alone, by its entry.
 *
 * Invariants (check.c evaluates every one; "last" is inclusive, "end" is not):
 *
 *  I1  the runs of a lane tile [first, end): no gap, no overlap, and the page
 *      map names each run at its first and last page (a span at every page)
 *  I2  no two free runs of one kind touch; a free run of an area holds no
 *      whole chunk, unless memory ran out once; pool runs are whole chunks
 *  I3  area.used = sum of pages of its spans or blobs; area.kept = of kept runs;
 *      area.chunks * 512 = area.used + area.kept + sum of pages of its free runs;
 *      a kept run of few pages is in the bin of their number, and others are not
 *  I4  lane.used = block.used + blob.used; lane.used + kept pages <= lane.limit
 *  I5  span: used + length of its free list = places; each free place is on
 *      that list once
 *  I6  each used slot that is not reserved, and each blob's index, names a BOUND index,
 *      and no two name the same
 *  I7  the places that have an owner are as many as the BOUND indices; other
 *      used places are destinations reserved by the batch under way; a PLACELESS
 *      index has none
 *  I8  each span of the run map is on one list, that of its lane, class, temperature
 *      and fullness, and nothing else is; class.used, class.spans are the sums over
 *      the lists, area.runs the sum of class.spans
 *  I9  NONE + BOUND + PLACELESS + RETIRED = top - first - 1; a block's vacancy counts its
 *      NONE indices, none is below its hint, and it is on the list of that number, if it has some
 *  I10 the published entry of the owner of a place says that place, except for
 *      as many as the program is known to have overwritten (count.spoiled)
 *  I11 a class's tally says how many pages the class has, or 0 if there was no memory
 *      for it; of each cause all of these have no more moves than the arena
 *  I12 the depot has as many stocks, and bytes of places, as it counts; none is empty
 *
 * Locks, outermost first:
 *   arena.mover   one batch of moves at a time; held while waiting for sections
 *   arena.lock    everything private below; never held while waiting, nor while
 *                 user memory is touched
 *   arena.grow    the growing of vectors; also taken by the fault handler
 * Nothing here runs in atomic context. The callbacks of struct ml_ops are called
 * with arena.lock held unless they say otherwise.
 */
#ifndef ML_CORE_H
#define ML_CORE_H

#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include <linux/memlane.h>

#include "class.h"

#define ML_PAGE_SHIFT		12
#define ML_PAGE_SIZE		(1UL << ML_PAGE_SHIFT)
#define ML_CHUNK_SHIFT		9			/* in pages */
#define ML_CHUNK_PAGES		(1UL << ML_CHUNK_SHIFT)
#define ML_PAGE_GRANULES	(ML_PAGE_SIZE >> MEMLANE_GRANULE_SHIFT)
#define ML_BINS			8			/* fullness steps of part-filled spans */
#define ML_KEPT_BINS		64			/* bits of a word */
#define ML_BIN_EMPTY		0
#define ML_BIN_FULL		(ML_BINS + 1)
#define ML_CLASS_SETS		(2 * ML_CLASSES)
#define ML_BATCH		256			/* most moves in one batch */
#define ML_BATCH_PAGES		8192			/* and pages handed over, except for one blob */
#define ML_MAGS_A_PAGE		(ML_PAGE_SIZE / ML_MAG_STRIDE)
#define ML_SLOT_PAGES		(1 + (ML_MAGS + ML_MAGS_A_PAGE - 1) / ML_MAGS_A_PAGE)
#define ML_SLOT_SIZE		(ML_SLOT_PAGES << ML_PAGE_SHIFT)

struct ml_arena;
struct ml_move;
struct ml_run;

/**
 * struct ml_ops - what the engine needs from where it runs
 *
 * Pages are numbered from the start of the data area. Nothing but @sync_cores,
 * @pause, @hurry, @slot_gone, @share, @zalloc, @zfree, @now, and what says so itself, may
 * be called without arena.lock; @share is called under arena.grow, or while the arena is made.
 */
struct ml_ops {
	/* Zeroed memory for descriptors, charged to the caller; NULL: none left. */
	void *(*zalloc)(struct ml_arena *a, size_t size);
	void (*zfree)(struct ml_arena *a, void *p, size_t size);
	/*
	 * The zeroed page @page of a shared region, at an address good until the
	 * arena ends or unshare(); NULL: none left. Called at most once a page succeeds.
	 * Freeing is the owner's business when the arena ends.
	 */
	void *(*share)(struct ml_arena *a, unsigned int region, u64 page);
	/*
	 * Free @p, a page that share() gave for this place, which reads as zeros from now
	 * on. Without arena.grow; waits for faults that have found it. Cannot fail.
	 */
	void (*unshare)(struct ml_arena *a, unsigned int region, u64 page, void *p);
	/* Users may touch these pages, one run's, from now on. May fail (-ENOMEM). */
	int (*commit)(struct ml_arena *a, u64 page, u64 nr);
	/*
	 * Make committed pages exist, so that copy() and remap() cannot fail. -ENOMEM;
	 * -EBUSY: one is broken, and nothing may be brought there.
	 */
	int (*populate)(struct ml_arena *a, u64 page, u64 nr);
	/*
	 * A run ends, and its pages stay as they are, nobody's: where a fault asks for
	 * the run of a page, it is to find none. False: a page is broken, so that they
	 * are not to be used again. NULL: nobody asks.
	 */
	bool (*keep)(struct ml_arena *a, u64 page, u64 nr);
	/* Pages that were kept are one run's from now on. Cannot fail. NULL as above. */
	void (*reuse)(struct ml_arena *a, u64 page, u64 nr);
	/* Call ml_decay() in @ns. NULL: no page is kept. */
	void (*later)(struct ml_arena *a, u64 ns);
	/*
	 * Nobody may touch these pages any more; they go back to the system.
	 * Returns how many had existed. Cannot fail.
	 */
	u64 (*decommit)(struct ml_arena *a, u64 page, u64 nr);
	/*
	 * Copy bytes inside the data area; the destination is populated. Their owner may be
	 * writing them: then what was copied is thrown away.
	 */
	void (*copy)(struct ml_arena *a, u64 to, u64 from, size_t len);
	/* copy() of these is one of the next: have the first bytes of both at hand. NULL: no. */
	void (*copy_soon)(struct ml_arena *a, u64 to, u64 from);
	/* copy() says more of the object than its bytes: its users wait for it, and it counts. */
	bool copy_waits;
	/* Have what remap() of these needs, so that it cannot fail. -ENOMEM. NULL: nothing. */
	int (*reserve)(struct ml_arena *a, u64 to, u64 from, u64 nr);
	/* Hand over @nr pages; both ranges are committed, @to holds none. */
	void (*remap)(struct ml_arena *a, u64 to, u64 from, u64 nr);
	/* remap() has to copy the pages that exist: its bytes count as copied. */
	bool remap_copies;
	/* Whether somebody else (DMA, a pipe) holds a page of this range. */
	bool (*held)(struct ml_arena *a, u64 page, u64 nr);
	/*
	 * Whether a page of this range, which is held, is broken, and was not told of
	 * yet. NULL: never.
	 */
	bool (*lost)(struct ml_arena *a, u64 page, u64 nr);
	/*
	 * From here to reclaim_end() nothing above may wait for anybody, nor does zalloc()
	 * for memory; false: that cannot be had now. NULL: it is always so.
	 */
	bool (*reclaim_begin)(struct ml_arena *a);
	void (*reclaim_end)(struct ml_arena *a);
	/*
	 * Put away the bytes of these pages, as nobody uses them: a touch brings each back.
	 * Called with arena.mover, without arena.lock. Returns how many have gone; -ENOMEM,
	 * -EINTR. NULL: nothing is ever put away.
	 */
	s64 (*cool)(struct ml_arena *a, u64 page, u64 nr);
	/* The same, and have them in the backing file. Returns how many went there; -errno. */
	s64 (*store)(struct ml_arena *a, u64 page, u64 nr);
	/*
	 * Bring them back. Without arena.lock. Returns how many came; -ENOMEM, -EIO: they
	 * are lost, -EINTR. There if cool() is, as are the next two.
	 */
	s64 (*warm)(struct ml_arena *a, u64 page, u64 nr);
	/*
	 * Whether copy() may read these. What is at hand stays so under arena.mover, but for
	 * what cool() is called for.
	 */
	bool (*at_hand)(struct ml_arena *a, u64 page, u64 nr);
	/*
	 * A page from @page on whose bytes are lost, and its run's first page; each once.
	 * False: no more. @page is 0 for the first one.
	 */
	bool (*untold)(struct ml_arena *a, u64 *page, u64 *first);
	/* Add to @to what is known of where the bytes of these are. */
	void (*residence)(struct ml_arena *a, u64 page, u64 nr, struct memlane_query *to);
	/* How many of these pages exist; a lane's whole range is asked for often. */
	u64 (*resident)(struct ml_arena *a, u64 page, u64 nr);
	/*
	 * Every CPU that runs a user of the arena passes a full barrier. Sleeps.
	 * An error gives the batch up. By many at a time: the mover, and who revokes.
	 */
	int (*sync_cores)(struct ml_arena *a);
	/* Sleep about @ns; -EINTR when a fatal signal waits. By many at a time. */
	int (*pause)(struct ml_arena *a, u64 ns);
	/* Whether long work is to end early: a fatal signal waits. NULL: never. */
	bool (*hurry)(struct ml_arena *a);
	/* Whether the thread that registered this slot is gone. */
	bool (*slot_gone)(struct ml_arena *a, unsigned int slot);
	/* The slot is free again: forget its thread. */
	void (*slot_done)(struct ml_arena *a, unsigned int slot);
	/* Something that the program may want to hear of; NULL: nobody listens. */
	void (*event)(struct ml_arena *a, unsigned int type, unsigned int lane, u64 value);
	/* A move has ended: carried out, or @mv->result says why not. NULL: nobody listens. */
	void (*moved)(struct ml_arena *a, const struct ml_move *mv);
	/*
	 * The policy has chosen: an object is to go to @lane, or be dropped; @index 0:
	 * the lane is to be compacted. NULL: nobody listens.
	 */
	void (*decided)(struct ml_arena *a, unsigned int cause, unsigned int lane, u32 index);
	/* Bytes that zalloc() and share() have out. */
	u64 (*metadata)(struct ml_arena *a);
	/* Monotonic nanoseconds. Any context. */
	u64 (*now)(void);
};

/**
 * struct ml_top - where the leaves of a vector are, as far as it has come
 * @old: the one before, which somebody may be reading; to the end
 * @nr: leaves that it has room for, immutable
 * @leaf: 512 pages each; they stay to the end
 */
struct ml_top {
	struct ml_top *old;
	u64 nr;
	void **leaf[];
};

/**
 * struct ml_vec - a sparse array whose pages never move
 * @top: the newest; replaced under arena.grow. A page is added once, and may be dropped
 * @nr: elements
 * @first: number of the first one; set behind ml_vec_init(), where it is not 0
 * @shift: log2 of elements a page
 * @region: MEMLANE_REGION_* when shared with users, else ML_PRIVATE
 *
 * Readers need no lock: a pointer is published whole or not at all.
 */
struct ml_vec {
	struct ml_top *top;
	u64 nr;
	u64 first;
	u8 shift;
	u8 region;
};

#define ML_PRIVATE 0xff

enum ml_kind { ML_POOL, ML_FREE, ML_KEPT, ML_SPAN, ML_BLOB };
enum ml_use { ML_USE_BLOCK, ML_USE_BLOB, ML_USES };

/**
 * struct ml_run - pages in a row with one purpose; arena.lock
 * @node: free runs: in the tree of their pool or area, by (nr, page); BLOB: in
 *	the tree of their lane, by page
 * @bin: KEPT runs of few pages, instead: on area.kept_bin; SPAN: on bin[ml_span.bin] of its class
 * @page: first page
 * @nr: pages
 * @kind: what they are
 * @use: which area a FREE or KEPT run belongs to
 * @lane: which lane
 * @align: SPAN, BLOB: log2 of the alignment in pages
 * @index: BLOB: the object, or 0 while reserved by a batch
 * @spare: SPAN, BLOB: node for the free run it will become
 * @kept: KEPT, instead: on area.oldest
 * @since: KEPT: when the first of it was freed, ns
 */
struct ml_run {
	union {
		struct rb_node node;
		struct list_head bin;
	};
	u64 page;
	u64 nr;
	u8 kind;
	u8 use;
	u8 lane;
	u8 align;
	u32 index;
	union {
		struct ml_run *spare;
		struct list_head kept;
	};
	u64 since;
};

#define ML_SLOT_FREE	0xffff8000U	/* rmap: | next free slot; no index comes so far: ML_INDEX_END */
#define ML_SLOT_END	0x7fffU		/* end of the free list */
#define ML_SLOT_TAKEN	0U		/* reserved by a batch */

/**
 * struct ml_span - a run cut into places of one class; arena.lock
 * @run: where it is
 * @cls: size class
 * @cold: holds objects that are not used of late
 * @bin: fullness step
 * @pinned: holds a pinned object, or was made for what is left of its class: so it is filled
 *	rather than drained
 * @skip: compaction round in which it was drained or found pinned
 * @cursor: slot at which to go on draining
 * @fed: number of the batch that last reserved places here
 * @places: slots
 * @width: granules of a slot
 * @inverse: of @width, so that no slot is found by a division: see ml_slot_at()
 * @used: bound or reserved slots
 * @free: first free slot, or ML_SLOT_END
 * @rmap: index of each used slot, or the free list
 */
struct ml_span {
	struct ml_run run;
	u8 cls;
	bool cold;
	u8 bin;
	bool pinned;
	u32 skip;
	u32 cursor;
	u32 fed;
	u32 places;
	u32 width;
	u32 inverse;
	u32 used;
	u32 free;
	u32 rmap[];
};

/* Spans of one class and temperature in one lane, and their pages; arena.lock */
struct ml_class {
	struct list_head bin[ML_BINS + 2];
	u64 used;
	u64 spans;
	u64 pages;
};

/* What a manager has borrowed; arena.lock. Pages. */
struct ml_area {
	struct rb_root free;
	struct list_head kept_bin[ML_KEPT_BINS];	/* kept runs of so many pages */
	u64 kept_bins;			/* a bit for each that has some */
	struct rb_root kept_free;	/* the longer ones, by size */
	struct list_head oldest;	/* the same, by ml_run.since */
	u64 kept;			/* pages of these; written under arena.lock */
	u64 used;
	u64 chunks;
	u64 runs;	/* spans or blobs */
};

/**
 * struct ml_lane - a range of the data area; arena.lock, except for the immutable
 * @first: first page, immutable
 * @end: end page, immutable
 * @limit: pages that may be used now
 * @max: pages that @limit grows to by itself
 * @reserve: pages that @max may be raised to, immutable
 * @pool: free chunks
 * @blobs: by address
 * @area: by enum ml_use
 * @initial: what @limit was at first, and is again when the lane is empty
 * @cls: spans by size class, the warm ones first: see ml_class_set()
 * @objects: indices bound here
 * @bound: bytes of their places
 * @migrated_in: objects that came from the other lane
 * @made_room: when it was last compacted because it was full, ns
 * @round: number of the compaction that is under way, for span.skip
 * @below: where that one goes on with blobs, page
 * @asleep: spans that it left alone, as what is in them was put away
 * @wakes: it leaves none alone
 * @cramped: it had no room for what is left of a class
 * @was_used: pages in use when its look at everything began; 0: it has not
 */
struct ml_lane {
	u64 first;
	u64 end;
	u64 limit;
	u64 max;
	u64 reserve;
	u64 initial;
	struct rb_root pool;
	struct rb_root blobs;
	struct ml_area area[ML_USES];
	struct ml_class cls[ML_CLASS_SETS];
	u64 objects;
	u64 bound;
	u64 migrated_in;
	u64 made_room;
	u32 round;
	u64 below;
	u32 asleep;
	bool wakes;
	bool cramped;
	u64 was_used;
};

/* Private state of an index: a byte of table.state. Of a bound one, with a place or without, bit 0 is set. */
#define ML_NONE		0	/* the whole byte is */
#define ML_BOUND	1
#define ML_RETIRED	2
#define ML_PLACELESS	3
#define ML_STATE_MASK	3
#define ML_IN_BATCH	4	/* a batch holds a destination for it */
#define ML_SUSPECT	8	/* a dead thread may have had it in hand; unbinding clears it */
#define ML_HEAT_SHIFT	4	/* four ageing periods, newest lowest */

#define ML_INDEX_BLOCK	4096U	/* indices whose words fill pages of every vector, and go back together */
#define ML_DENSITIES	17	/* lists of blocks, by how many of their indices are free */

/**
 * struct ml_vacancy - which indices of a block are free; arena.lock
 * @next: of its list: number of a block, plus 1; 0: it is the last
 * @prev: the same of the one before
 * @nr: NONE indices below top
 * @hint: no NONE index of the block is below this one of it, where it has some
 */
struct ml_vacancy {
	u32 next;
	u32 prev;
	u16 nr;
	u16 hint;
};

/**
 * struct ml_table - the handles; arena.lock, except for what users see
 * @entry: u64 a handle, shared: published words, hostile when read back
 * @cls: u8 a handle, shared: the size class, as the program has it
 * @note: u16 a handle, shared: maker and slack
 * @pin: u64 a handle, shared: pin counts and the program's notes
 * @size: u64 a handle, shared: sizes that a note has no room for
 * @state: u8 a handle, private
 * @vacancy: struct ml_vacancy a block of handles, private
 * @first: where its indices begin; this one is never used; immutable
 * @top: first index never used
 * @end: where they end, immutable
 * @own_end: where those end that no other arena has, immutable
 * @most: that may be bound at a time, immutable
 * @first_gen: of an index, immutable
 * @free: NONE indices below @top
 * @dense: first block of each list of vacancies, by ml_vacancy.nr; plus 1; 0: none
 * @taking: block of which free indices are taken at the moment, plus 1; 0: none
 * @bound: BOUND and PLACELESS indices; those that are @emptied are not in use
 * @purged: PLACELESS indices whose object was dropped
 * @emptied: the same of stock; which of the two it is is the program's word
 * @retired: RETIRED indices, those included whose pages were given back
 * @over: blocks that were given back, up to an overflow
 */
struct ml_table {
	struct ml_vec entry;
	struct ml_vec cls;
	struct ml_vec note;
	struct ml_vec pin;
	struct ml_vec size;
	struct ml_vec state;
	struct ml_vec vacancy;
	u32 first;
	u32 top;
	u32 end;
	u32 own_end;
	u32 most;
	u32 first_gen;
	u32 free;
	u32 dense[ML_DENSITIES];
	u32 taking;
	u32 bound;
	u32 purged;
	u32 emptied;
	u32 retired;
	u32 over;
};

/* What a slot is: a byte of ml_slots.state */
#define ML_SLOT_UNUSED	0
#define ML_SLOT_IN_USE	1
#define ML_SLOT_LEAVING	2	/* its thread is gone, or gave it back */
#define ML_SLOT_DRAINED	3	/* the same, and its stock was freed except for what is in doubt */

/* Registered threads; arena.lock. */
struct ml_slots {
	struct ml_vec page;	/* shared */
	u8 *state;
	u32 *seen;		/* what its thread had done when it was looked at: see sleeper.c */
	struct ml_suspect *suspect;	/* of the drained slots: see mag.c */
	u32 suspects;
	u32 leaving;		/* slots that are, or are drained */
	u32 drained;		/* slots that are */
	u32 compared;		/* slots below this were compared with the suspects */
	bool comparing;		/* the suspects are complete */
	u32 nr;
	u32 used;
	u32 top;		/* no slot from here on was ever used */
	u32 stuck;		/* whose section outlasted a grace period last; arena.mover */
	u64 stuck_section;	/* what it said then; 0: none did */
};

/* Stock that no thread has: see depot.c; arena.lock */
struct ml_depot {
	struct ml_depot_stock *stock[ML_MAGS];	/* the newest first */
	u32 next;	/* magazine whose stock is freed next */
	u32 stocks;
	u64 bytes;	/* of places */
};

/* What is known of an index, found once. Its block may be given back later. */
struct ml_words {
	u64 *entry;
	u8 *state;
};

/* Where the tallies of an object are: see struct memlane_tally. */
struct ml_kin {
	u32 cls;
	u32 tag;
	u32 group;
};

/**
 * struct ml_move - one object of a batch
 * @index: which
 * @kin: which tallies it counts in
 * @caller: position in the caller's array
 * @from: granule
 * @to: granule, reserved
 * @source: run of @from; it may be gone once the object is not there any more
 * @target: run of @to, which stays while the place is reserved; NULL: there is no @to
 * @room: bytes of the place it leaves
 * @len: bytes that both places have room for
 * @length: of an object that gets another size, else 0
 * @words: its words, which are there while the object is at @from
 * @expect: that word as the mover left it, marked
 * @remap: pages are handed over, no byte is copied
 * @empty: it is stock, and loses its place
 * @cause: enum memlane_cause; PURGE: @to is 0, the object is dropped, or @empty
 * @result: 0 moved, or -errno as struct memlane_migrate says
 */
struct ml_move {
	u32 index;
	u32 caller;
	struct ml_kin kin;
	u64 from;
	u64 to;
	struct ml_run *source;
	struct ml_run *target;
	u64 room;
	u64 len;
	u64 length;
	struct ml_words words;
	u64 expect;
	bool remap;
	bool empty;
	u8 cause;
	int result;
};

/* Pages of which an answer is known. */
struct ml_asked {
	u64 first;
	u64 end;
};

/* Moves that were carried out and are to be added to their tallies: see tally.c. */
struct ml_sum {
	struct ml_kin kin;
	u8 cause;
	u64 nr;
	u64 bytes;
};

struct ml_batch {
	struct ml_move move[ML_BATCH];
	u32 nr;
	u8 cause;	/* of the moves that are added */
	u64 bytes;	/* to copy, or to give back */
	u64 limit;	/* of bytes */
	u64 pages;	/* to hand over */
	bool nomem;	/* a destination could not be had for want of memory */
	u32 begun;	/* moves whose turn has come; time was up before that of the others */
	u32 most;	/* moves that it may have */
	u32 timely;	/* moves that there was time for lately, where time is limited */
	u32 over;	/* ml_table.over when it was begun: no word that it found is gone */
	struct ml_span *source;	/* that objects leave, so many of them not counted yet: */
	u32 left;
	struct ml_asked there;	/* exist, and have a place that the batch reserved */
	struct ml_asked loose;	/* nobody held them once older sections were over */
	struct ml_sum sum;
};

/* A walk over all objects, which may take many steps: see sweep.c. */
struct ml_walk {
	u32 cursor;	/* index to visit next; 0: the first */
	u32 left;	/* indices to visit; 0: it has ended, or not begun */
	u32 priority;	/* of the objects it is for, where that matters */
	u32 aged;	/* indices below this have aged, where that matters */
};

/**
 * struct ml_idle - a walk over the SlowLane that puts away what is of no use; arena.lock
 * @cursor: index to visit next; 0: no walk is under way
 * @done: pages of the large object there that were dealt with
 * @begun: number of the period, from 1 on, in which the last walk began; 0: there was none
 * @hurried: the same of the last urgent one
 * @rest: periods from one walk to the next, at least
 * @calm: walks in a row before which little came back
 * @gone: pages that went of late: half of them are forgotten with each walk
 * @refaults: of the arena when the last walk began, and what came along with them and was used
 * @hot: objects often used that this walk met in spans of cold ones
 * @urgent: memory is short: whatever was not used in the last period goes
 * @stored: pages that went on to the file so far; arena.mover, as are the next two
 * @refused: tries in a row of which the file took nothing
 * @retry: number of the period from which on it is tried again
 * @said: errno of the last of them that is to be told; 0: none
 */
struct ml_idle {
	u32 cursor;
	u64 done;
	u64 begun;
	u64 hurried;
	u64 rest;
	u64 calm;
	u64 gone;
	u64 refaults;
	u64 hot;
	bool urgent;
	u64 stored;
	u64 refused;
	u64 retry;
	int said;
};

/* Options, in the order of enum memlane_option; arena.lock */
struct ml_policy {
	bool auto_compaction;
	u32 compaction_threshold;	/* permille */
	u32 slow_usage_threshold;	/* permille */
	u32 safety_margin;		/* permille */
	u64 interval;			/* ns */
	u64 grace;			/* ns */
	u64 age_interval;		/* ns */
	u64 decay;			/* ns that pages are kept; 0: they go back at once */
	bool private;			/* it ends with its last user, whoever has its file */
	u64 threshold;			/* bytes; 0: none */
	u32 cold_age;			/* periods; 0: nothing is put away */
	struct ml_idle idle;		/* puts it away */
	u8 *purgeable;			/* bit set of groups, or NULL: none */
	u64 aged;			/* when the last period ended, ns */
	struct ml_walk age;		/* ends a period */
	struct ml_walk stale;		/* lets stale objects leave the FastLane */
	bool stale_left;		/* they have left, and the compaction after it has not ended */
	struct ml_walk purge[MEMLANE_LANES];
	struct ml_walk reclaim;		/* drops objects at once: see reclaim.c */
	u64 reclaim_dropped;		/* count of purges when that walk began */
	u64 reclaim_took;		/* ns since then */
	u64 reclaim_rested;		/* no walk before this, ns */
	bool pressed[MEMLANE_LANES];	/* past the usage threshold, and told so */
	u64 wanted;			/* pages that the system wants back; set without a lock */
	u64 resorted;			/* when all was last done for one request, ns */
	u64 resort_changes;		/* and a->changes then */
};

/* Time that moving took; arena.lock */
struct ml_rate {
	u64 copy_ns;
	u64 copy_bytes;
	u64 remap_ns;
	u64 remap_pages;
};

/**
 * struct ml_tended - state kept between background cycles
 * @more: its limits ended it, and nobody was in the way: go on with it after the rest
 * @rested: no cycle before this, ns
 */
struct ml_tended {
	bool more;
	u64 rested;
};

/**
 * struct ml_sliced - what a compaction that is done by slices keeps from one to the next
 * @anew: the next slice begins with looking at everything
 * @begun: there was a slice
 * @last: round of the lane by which it ends, if nothing ends it before
 */
struct ml_sliced {
	bool anew;
	bool begun;
	u32 last;
};

/* Somebody who kept objects from moving; arena.lock. Times in ns. */
struct ml_blocker {
	u64 handle;
	u64 first;
	u64 last;
	u64 times;
	u32 slot;
	u32 thread;
	u64 section;
};

/**
 * struct ml_arena - one open file
 * @ops: immutable
 * @cookie: 1 to MEMLANE_COOKIE_MAX, immutable
 * @capabilities: MEMLANE_CAP_*, immutable
 * @name: for people; immutable
 * @mover: see the top
 * @lock: see the top
 * @grow: see the top
 * @asked: calls that have asked for @lock by ml_turn_lock(); atomic
 * @served: of these, those that have had it; written under @lock
 * @absent: what @served was when a mover waited in vain for who comes next; @lock
 * @lane: by lane
 * @table: handles
 * @slots: threads
 * @depot: what they gave back
 * @map: page -> run; private, arena.lock
 * @nodes: of runs, which nobody needs, linked by ml_run.spare: see ml_run_new(); @lock
 * @nr_nodes: how many
 * @stat: tallies, behind a page of statistics; shared read-only
 * @stat_page: that page; written under @lock, the epoch under @mover
 * @epoch: of sections; @mover
 * @batch: being moved; filled under both locks, read under @mover
 * @policy: options
 * @rate: what moves cost
 * @blocker: the latest MEMLANE_BLOCKERS who were in the way
 * @reclaiming: reclaim.c has the locks: nothing is waited for or made; @lock
 * @decaying: ml_ops.later() was called, and ml_decay() has not been since
 * @kept_chunks: memory ran out while a chunk was to go back to its pool
 * @changes: counts what may have made room: frees, options
 * @waited: ns that movers waited for sections; @mover
 * @count: counters; @lock
 */
struct ml_arena {
	const struct ml_ops *ops;
	u32 cookie;
	u64 capabilities;
	char name[MEMLANE_NAME_SIZE];
	struct mutex mover;
	struct mutex lock;
	struct mutex grow;
	atomic_t asked;
	u32 served;
	u32 absent;
	struct ml_lane lane[MEMLANE_LANES];
	struct ml_table table;
	struct ml_slots slots;
	struct ml_depot depot;
	struct ml_vec map;
	struct ml_run *nodes;
	u32 nr_nodes;
	struct ml_vec stat;
	struct memlane_stat_page *stat_page;
	u64 epoch;
	struct ml_batch *batch;
	struct ml_policy policy;
	struct ml_rate rate;
	struct ml_blocker *blocker;
	bool reclaiming;
	bool decaying;
	bool kept_chunks;
	u64 changes;
	u64 waited;
	struct memlane_counts count;
};

static inline u64 ml_page_loc(u64 page)
{
	return page << (ML_PAGE_SHIFT - MEMLANE_GRANULE_SHIFT);
}

static inline u64 ml_loc_page(u64 loc)
{
	return loc >> (ML_PAGE_SHIFT - MEMLANE_GRANULE_SHIFT);
}

static inline void ml_event(struct ml_arena *a, unsigned int type, unsigned int lane, u64 value)
{
	if (a->ops->event)
		a->ops->event(a, type, lane, value);
}

/* Is long work to end early? A fatal signal waits for the caller. */
static inline bool ml_hurry(struct ml_arena *a)
{
	return a->ops->hurry && a->ops->hurry(a);
}

static inline void ml_decided(struct ml_arena *a, unsigned int cause, unsigned int lane, u32 index)
{
	if (a->ops->decided)
		a->ops->decided(a, cause, lane, index);
}

/* Spans of a class: warm or cold. */
static inline struct ml_class *ml_class_set(struct ml_lane *lane, unsigned int cls, bool cold)
{
	return &lane->cls[cls + (cold ? ML_CLASSES : 0)];
}

/* Bytes to pages, rounded up; no overflow up to 2^64 - 4096. */
static inline u64 ml_pages(u64 bytes)
{
	return (bytes + ML_PAGE_SIZE - 1) >> ML_PAGE_SHIFT;
}

/* ------------------------------------------------ the engine's front door */
/*
 * Each takes the request as the ABI defines it, checks flags, reserved members
 * and ranges, takes the locks it needs, and may sleep. Arrays are the caller's,
 * in the engine's own address space. The errors are those of memlane.h.
 */

/* arena.c */
u64 ml_arena_own(const struct memlane_create *req);
u64 ml_arena_reach(const struct memlane_create *req);
u64 ml_arena_indices(const struct memlane_create *req, u32 first);
int ml_arena_init(struct ml_arena *a, const struct ml_ops *ops, u32 cookie, u32 first,
		  u64 capabilities, const struct memlane_create *req);
void ml_arena_exit(struct ml_arena *a);
int ml_info(struct ml_arena *a, struct memlane_info *req);

/* object.c */
int ml_alloc(struct ml_arena *a, struct memlane_alloc *req, u64 *handles);
void ml_alloc_undo(struct ml_arena *a, const u64 *handles, u32 nr);
int ml_free(struct ml_arena *a, struct memlane_free *req, const u64 *handles);

/* mag.c; that the slot is the caller's has been checked */
int ml_refill(struct ml_arena *a, struct memlane_refill *req);
int ml_flush(struct ml_arena *a, struct memlane_flush *req);

/* stat.c */
int ml_query(struct ml_arena *a, struct memlane_query *req);
int ml_stat(struct ml_arena *a, struct memlane_stat *req);

/* option.c */
int ml_set(struct ml_arena *a, struct memlane_set *req);
int ml_get(struct ml_arena *a, struct memlane_set *req);

/* cool.c */
int ml_cool(struct ml_arena *a, struct memlane_cool *req, const u64 *handles);
int ml_warm(struct ml_arena *a, struct memlane_cool *req, const u64 *handles);
void ml_tell_lost(struct ml_arena *a);
void ml_cool_begin(struct memlane_cool *req);
void ml_cool_add(struct memlane_cool *sum, const struct memlane_cool *piece);
void ml_cool_tell(struct memlane_event *event, const struct memlane_cool *req);

/* cost.c */
int ml_cost(struct ml_arena *a, struct memlane_cost *req);

/* blocker.c */
int ml_blockers(struct ml_arena *a, struct memlane_blockers *req,
		struct memlane_blocker *records);

/* compact.c, migrate.c, maintain.c, move.c */
int ml_compact(struct ml_arena *a, struct memlane_compact *req);
int ml_compact_slice(struct ml_arena *a, struct memlane_compact *req, struct ml_sliced *t);
int ml_migrate(struct ml_arena *a, struct memlane_migrate *req, const u64 *handles,
	       s32 *results);
int ml_migrate_slice(struct ml_arena *a, struct memlane_migrate *req, const u64 *handles);
int ml_maintain(struct ml_arena *a, struct memlane_maintain *req);
int ml_tend(struct ml_arena *a, struct memlane_step *step, struct ml_tended *t);
void ml_short_of_memory(struct ml_arena *a, u64 pages);
int ml_wait(struct ml_arena *a, struct memlane_wait *req);

/* reclaim.c */
u64 ml_reclaim(struct ml_arena *a, u64 pages);

/* What the end of a queued call says of its step. */
static inline void ml_tell_step(struct memlane_event *event, u64 token,
				const struct memlane_step *step)
{
	event->token = token;
	event->value = step->out_moved + step->out_remapped;
	event->step = *step;
}

/* decay.c */
u64 ml_decay(struct ml_arena *a);
u64 ml_kept(const struct ml_arena *a);

/* slot.c */
int ml_register(struct ml_arena *a, struct memlane_register *req);
int ml_unregister(struct ml_arena *a, struct memlane_register *req);

/* tally.c: for a fault handler, and for who looks in from outside; see there */
bool ml_kin_at(const struct ml_arena *a, u64 first, u64 loc, struct ml_kin *kin);
void ml_tally_fault(struct ml_arena *a, const struct ml_kin *kin);
const struct memlane_tally *ml_tally_from(const struct ml_arena *a, u64 *nr);

/* fault.c: likewise */
void ml_fault_add(struct ml_arena *a, unsigned int met, u64 ns, u64 nr);
const struct memlane_fault_times *ml_fault_read(const struct ml_arena *a, unsigned int met);

/* vec.c: a page of a shared region for the fault handler; NULL: out of range or memory */
void *ml_shared_page(struct ml_arena *a, unsigned int region, u64 page);
void *ml_shared_look(struct ml_arena *a, unsigned int region, u64 page);
bool ml_shared_is_over(const struct ml_arena *a, unsigned int region, u64 page);

/* check.c: 0, or the number of the first broken invariant; @why says which and where */
int ml_check(struct ml_arena *a, char *why, size_t len);

#endif /* ML_CORE_H */
