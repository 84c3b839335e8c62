/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * memlane.h - the ABI of /dev/memlane, and its manual
 *
 * One open file is one arena: two lanes of movable memory, one table of
 * handles, one policy. A program maps the arena's regions (MEMLANE_IOCTL_INFO
 * tells where they are) and finds its objects through the handle table.
 *
 * Every ioctl takes a pointer to a struct whose first member is its size.
 *   - A size below the first published one:                 -EINVAL
 *   - A longer struct whose unknown tail is zero is taken, otherwise -E2BIG
 *   - Unknown flags and reserved members that are not zero: -EOPNOTSUPP
 *   - A value out of its documented range:                  -EINVAL
 *   - A pointer that cannot be read or written:             -EFAULT
 *   - An unknown ioctl number:                              -ENOTTY
 *   - An arena that has not been created:                   -ENODEV
 *   - A private arena that nobody uses any more:            -EOWNERDEAD
 *   - No memory, or the memory cgroup's limit:              -ENOMEM
 *   - The lane is full and may not grow:                    -ENOSPC
 *   - A fatal signal ended a long call early:               -EINTR
 *   - A file opened read-only asked to change the arena:    -EACCES
 * Members named out_* are written by the kernel, also when a batched call
 * stops early: they tell how far it got. Structs only grow and numbers are
 * only added; nothing is ever changed.
 *
 * The handle table, classes, notes, pin and size words and the slots are shared
 * memory. The kernel publishes there and never takes a location, a size or an
 * address back: a program that scribbles on them spoils its own arena alone.
 */
#ifndef _UAPI_LINUX_MEMLANE_H
#define _UAPI_LINUX_MEMLANE_H

/*
 * Words that programs and the kernel write without locks: on another machine each
 * ordering has to be looked at first.
 */
#if !(defined(__x86_64__) || (defined(__aarch64__) && !defined(__AARCH64EB__))) || defined(__ILP32__)
#error "MemoryLane is for x86-64 and little-endian arm64 with 64-bit pointers; Documentation/protocol.md, Machines, says what another one needs"
#endif

#include <linux/ioctl.h>
#include <linux/types.h>

#define MEMLANE_VERSION		4
#define MEMLANE_TYPE		0xB5

/* Bytes of an arena's name, with a 0 at its end. */
#define MEMLANE_NAME_SIZE	32

/* ------------------------------------------------------------- words ---- */

/*
 *           63  62..57   56..37       36..32   31..0
 * Handle     0  cookie   generation   0        index
 * Entry      1  cookie   generation   location ^ index      live, used in this ageing period
 *           63  62..60   59..57   56..37       36..0
 * Entry      0  state    0        generation   location ^ index      otherwise
 *
 * A handle is positive as a signed number, never 0, and never given out twice. The
 * first kind of entry XOR its handle is bit 63 and the location, in granules from the
 * start of the data area. One comparison of that with the area's end checks cookie,
 * generation and state too. Entries of the second kind hold a state where the first
 * kind has the cookie; bits 59..57 are reserved for a count of pins. An entry of 0 was
 * never used.
 */
#define MEMLANE_HANDLE_ZEROS		(1ULL << 63 | 0x1fULL << 32)	/* never set */
#define MEMLANE_COOKIE_SHIFT		57
#define MEMLANE_COOKIE_MAX		63U
#define MEMLANE_GEN_SHIFT		37
#define MEMLANE_GEN_MAX			0xfffffU	/* freed once more it is 0: retired */
#define MEMLANE_GEN_MASK		((__u64)MEMLANE_GEN_MAX << MEMLANE_GEN_SHIFT)
#define MEMLANE_LOC_MASK		((1ULL << 37) - 1)
#define MEMLANE_GRANULE_SHIFT		3	/* 8 bytes: 1 TiB of data */
#define MEMLANE_LANES_MAX		(640ULL << 30)	/* of bytes: both reserves together */

#define MEMLANE_ENTRY_CLEAN		(1ULL << 63)
#define MEMLANE_ENTRY_STATE_SHIFT	60

/* States of an entry; from IDLE on it is live. */
enum memlane_entry_state {
	MEMLANE_ENTRY_FREE,		/* or stock; its generation is the next to be given out */
	MEMLANE_ENTRY_PURGED,		/* dropped with its group, and has no place: free it */
	MEMLANE_ENTRY_FREE_MARKED,	/* stock; a move is planned: veto it */
	MEMLANE_ENTRY_EMPTY,		/* stock whose place was taken back: the index goes back, too */
	MEMLANE_ENTRY_IDLE,		/* not used since it aged */
	MEMLANE_ENTRY_BUSY,		/* bytes in flight: wait */
	MEMLANE_ENTRY_IDLE_MARKED,	/* not used since it aged; a move is planned: veto it */
	MEMLANE_ENTRY_USED_MARKED,	/* used; a move is planned: veto it */
	MEMLANE_ENTRY_USED		/* the one that has bit 63 */
};

static inline __u32 memlane_handle_index(__u64 handle)
{
	return (__u32)handle;
}

static inline __u32 memlane_handle_gen(__u64 handle)
{
	return (handle & MEMLANE_GEN_MASK) >> MEMLANE_GEN_SHIFT;
}

static inline __u32 memlane_handle_cookie(__u64 handle)
{
	return handle >> MEMLANE_COOKIE_SHIFT & MEMLANE_COOKIE_MAX;
}

static inline __u64 memlane_handle_make(__u32 cookie, __u32 gen, __u32 index)
{
	return (__u64)cookie << MEMLANE_COOKIE_SHIFT | (__u64)gen << MEMLANE_GEN_SHIFT | index;
}

static inline __u32 memlane_entry_gen(__u64 entry)
{
	return (entry & MEMLANE_GEN_MASK) >> MEMLANE_GEN_SHIFT;
}

/* Location of an index's entry, in granules. */
static inline __u64 memlane_entry_loc(__u64 entry, __u32 index)
{
	return (entry & MEMLANE_LOC_MASK) ^ index;
}

static inline unsigned int memlane_entry_state(__u64 entry)
{
	if (entry & MEMLANE_ENTRY_CLEAN)
		return MEMLANE_ENTRY_USED;
	return (unsigned int)(entry >> MEMLANE_ENTRY_STATE_SHIFT);
}

static inline int memlane_entry_is_live(__u64 entry)
{
	return memlane_entry_state(entry) >= MEMLANE_ENTRY_IDLE;
}

/* A move is planned. */
static inline int memlane_entry_is_marked(__u64 entry)
{
	unsigned int state = memlane_entry_state(entry);

	return state == MEMLANE_ENTRY_FREE_MARKED || state == MEMLANE_ENTRY_IDLE_MARKED ||
	       state == MEMLANE_ENTRY_USED_MARKED;
}

static inline int memlane_entry_is_busy(__u64 entry)
{
	return memlane_entry_state(entry) == MEMLANE_ENTRY_BUSY;
}

/* Live, and used in this ageing period. */
static inline int memlane_entry_is_used(__u64 entry)
{
	unsigned int state = memlane_entry_state(entry);

	return state == MEMLANE_ENTRY_USED || state == MEMLANE_ENTRY_USED_MARKED;
}

/* The same entry in another state; @cookie: of the arena, for USED. */
static inline __u64 memlane_entry_to(__u64 entry, unsigned int state, __u32 cookie)
{
	__u64 top = state == MEMLANE_ENTRY_USED ?
		    MEMLANE_ENTRY_CLEAN | (__u64)cookie << MEMLANE_COOKIE_SHIFT :
		    (__u64)state << MEMLANE_ENTRY_STATE_SHIFT;

	return top | (entry & (MEMLANE_GEN_MASK | MEMLANE_LOC_MASK));
}

/* The state without, and with, the mark of a planned move. */
static inline unsigned int memlane_entry_unmarked(unsigned int state)
{
	switch (state) {
	case MEMLANE_ENTRY_FREE_MARKED:
		return MEMLANE_ENTRY_FREE;
	case MEMLANE_ENTRY_IDLE_MARKED:
		return MEMLANE_ENTRY_IDLE;
	case MEMLANE_ENTRY_USED_MARKED:
		return MEMLANE_ENTRY_USED;
	default:
		return state;
	}
}

static inline unsigned int memlane_entry_marked(unsigned int state)
{
	switch (state) {
	case MEMLANE_ENTRY_FREE:
		return MEMLANE_ENTRY_FREE_MARKED;
	case MEMLANE_ENTRY_IDLE:
		return MEMLANE_ENTRY_IDLE_MARKED;
	case MEMLANE_ENTRY_USED:
		return MEMLANE_ENTRY_USED_MARKED;
	default:
		return state;
	}
}

/* The same entry at another location. */
static inline __u64 memlane_entry_at(__u64 entry, __u32 index, __u64 loc)
{
	return (entry & ~MEMLANE_LOC_MASK) | (loc ^ index);
}

/* The entry of an index that is free, and stays where it was. */
static inline __u64 memlane_entry_free(__u32 gen, __u32 index, __u64 loc)
{
	return (__u64)gen << MEMLANE_GEN_SHIFT | (loc ^ index);
}

/* What becomes of an entry when its object is freed: free, of the next generation. */
static inline __u64 memlane_entry_ended(__u64 entry)
{
	return (entry + (1ULL << MEMLANE_GEN_SHIFT)) & (MEMLANE_GEN_MASK | MEMLANE_LOC_MASK);
}

/*
 * Class (8 bits): the size class of the object's place, or MEMLANE_CLASS_BLOB.
 * Note (16 bits): 15..6 maker | 5..0 slack
 * Size word (64 bits): 47..40 class | 39..0 requested size in bytes
 *
 * The maker is the slot of the thread that made the object, plus 1; 0: nobody, as of all
 * blobs, and of threads whose slot is past MEMLANE_MAKER_MAX. Only the maker may end its
 * object by a plain store: see struct memlane_slot.
 *
 * Slack is what the place has more than was asked for, in bytes. MEMLANE_SLACK_FAR: the size
 * word tells, class and size together; so of all blobs. Otherwise nobody looks at the size word,
 * and its page exists only where somebody wrote one.
 *
 * Who makes an object writes all that are looked at. Who reads them loads the class before
 * the note: a change of size writes the size word, then the note, then the class.
 */
#define MEMLANE_NOTE_MAKER_SHIFT	6
#define MEMLANE_MAKER_MAX		0x3ffU
#define MEMLANE_SLACK_MASK		0x3fU
#define MEMLANE_SLACK_FAR		0x3fU
#define MEMLANE_SIZE_MASK		((1ULL << 40) - 1)
#define MEMLANE_SIZE_CLASS_SHIFT	40
#define MEMLANE_SIZE_MAX		(MEMLANE_SIZE_MASK & ~4095ULL)

/*
 * Pin word (64 bits): 63..48 0 | 47..32 group | 31..16 tag | 15..6 pin count | 5..4 priority
 *		       | 3..0 hints
 */
#define MEMLANE_PIN_GROUP_SHIFT		32
#define MEMLANE_PIN_TAG_SHIFT		16
#define MEMLANE_PIN_ONE			(1ULL << 6)
#define MEMLANE_PIN_COUNT_MASK		(0x3ffULL << 6)
#define MEMLANE_PIN_MAX			0x3ffU
#define MEMLANE_PIN_PRIORITY_SHIFT	4
#define MEMLANE_PIN_PRIORITY_MASK	(3ULL << 4)
#define MEMLANE_PRIORITIES	4
#define MEMLANE_HINT_FRAME_CRITICAL	(1U << 0)
#define MEMLANE_HINT_COLD		(1U << 1)
#define MEMLANE_HINT_OLD		(1U << 2)
#define MEMLANE_HINT_EVICTABLE		(1U << 3)
#define MEMLANE_HINT_MASK		0xfU

/*
 * Size classes. Their places are multiples of 16 bytes, each class larger than the one before,
 * and the last one's have MEMLANE_BLOCK_MAX. An arena has the classes that it was created with:
 * MEMLANE_IOCTL_INFO tells them. Larger objects are blobs of whole pages.
 */
#define MEMLANE_CLASSES_MAX		127
#define MEMLANE_CLASS_BLOB		0xffU
#define MEMLANE_BLOCK_MAX		32768U

/*
 * What the module of this header tells: for programs that are built for it alone, as tests are.
 * All others go by MEMLANE_IOCTL_INFO, as the library does.
 */
#define MEMLANE_CLASSES			72
#define MEMLANE_MAG_SIZE		126

/* The maker's slot plus 1, or 0. */
static inline __u32 memlane_note_maker(__u16 note)
{
	return note >> MEMLANE_NOTE_MAKER_SHIFT;
}

/* Does the size word tell class and size? */
static inline int memlane_note_is_far(__u16 note)
{
	return (note & MEMLANE_SLACK_MASK) == MEMLANE_SLACK_FAR;
}

/* The same note of an object whose place has @slack bytes more than it; of any number. */
static inline __u16 memlane_note_with(__u16 note, __u64 slack)
{
	return (__u16)((note & ~MEMLANE_SLACK_MASK) |
		       (slack < MEMLANE_SLACK_FAR ? slack : MEMLANE_SLACK_FAR));
}

static inline __u64 memlane_size_word(__u32 cls, __u64 bytes)
{
	return (__u64)cls << MEMLANE_SIZE_CLASS_SHIFT | bytes;
}

static inline __u32 memlane_pin_tag(__u64 pin)
{
	return pin >> MEMLANE_PIN_TAG_SHIFT & 0xffff;
}

static inline __u32 memlane_pin_group(__u64 pin)
{
	return pin >> MEMLANE_PIN_GROUP_SHIFT & 0xffff;
}

/* Lanes, which are also indices. A member that is to be one is called lane. */
enum memlane_lane {
	MEMLANE_FAST,
	MEMLANE_SLOW,
};

#define MEMLANE_LANES			2

/* ----------------------------------------------------------- regions ---- */

/*
 * A slot is what one thread shares with the kernel: its section word, its counters
 * (struct memlane_slot) and its magazines. A magazine is a stock of indices that are bound
 * to free places of one class in one lane. MEMLANE_IOCTL_INFO tells where they are: that of
 * class c in lane l begins @out_mag_offset + (l * @out_classes + c) * @out_mag_stride bytes
 * behind the slot, and has room for @out_mag_size indices.
 *
 * MEMLANE_IOCTL_REFILL and FLUSH change a magazine for the thread, so that a
 * thread which is killed at any moment loses nothing: the kernel takes back
 * index[0..@nr), and index[@nr] and @in_hand if they are bound, not live and in
 * no other thread's magazine. So a thread makes an object live before it lowers @nr,
 * and, in a section, writes index[@nr] (or @in_hand) before it frees an object.
 *
 * Of a thread that sleeps the kernel takes the places back, and leaves the indices. A thread
 * that finds an entry EMPTY makes no object of it: MEMLANE_IOCTL_FLUSH.
 */
/*
 * While its @shared is BIASED, a thread may free a block that it made itself by a plain
 * store of the entry. It does so in a section: it sets FREEING in the section's word,
 * then loads @shared, the entry (which must be USED) and the pins (which must be none),
 * stores the entry, and clears FREEING. Any other thread that frees or pins such a block
 * must first revoke the maker's bias: MEMLANE_WAIT_MAKER. The next thread in the same
 * slot inherits @shared.
 */
#define MEMLANE_SECTION_FREEING		(1ULL << 63)
#define MEMLANE_SHARED_BIASED		0U
#define MEMLANE_SHARED_REVOKING		1U
#define MEMLANE_SHARED_REVOKED		2U

struct memlane_mag {
	__u32 nr;
	__u32 quota;	/* how many the next refill asks for */
	__u32 index[MEMLANE_MAG_SIZE];	/* @out_mag_size of them */
};

struct memlane_slot {
	__u64 section;		/* 0: outside; else the epoch at enter, and FREEING */
	__u64 allocs;		/* counters of this thread, for statistics */
	__u64 frees;
	__u64 alloc_bytes;
	__u64 free_bytes;
	__u64 vetoes;
	__u64 waits;
	__u32 in_hand;		/* index that is in no magazine and not live, or 0 */
	__u32 thread;		/* its id, for reports */
	__u32 shared;		/* MEMLANE_SHARED_*: who may end what this thread made */
	__u32 __reserved0;
	__u64 __reserved[503];	/* the rest of the first page */
	struct memlane_mag mag[MEMLANE_LANES][MEMLANE_CLASSES];	/* where @out_mag_* tell */
};

/* Why an object moved. */
enum memlane_cause {
	MEMLANE_CAUSE_COMPACT,	/* to fill a span, or to close a hole */
	MEMLANE_CAUSE_HAND,	/* MEMLANE_IOCTL_MIGRATE */
	MEMLANE_CAUSE_STALE,	/* to the SlowLane: not used of late, or hinted */
	MEMLANE_CAUSE_OVERSIZED,	/* to the SlowLane: larger than the threshold */
	MEMLANE_CAUSE_HOT,	/* to the FastLane: used in every period of late */
	MEMLANE_CAUSE_SORT,	/* to a span of its own temperature */
	MEMLANE_CAUSE_PURGE,	/* dropped */
	MEMLANE_CAUSE_ROOM,	/* to the SlowLane: the FastLane was full */
	MEMLANE_CAUSES
};

/* What one lane holds. All sizes in bytes. */
struct memlane_lane_stat {
	__aligned_u64 limit;		/* may be used now */
	__aligned_u64 max;		/* may be grown to */
	__aligned_u64 used;		/* in spans and blobs */
	__aligned_u64 bound;		/* places given out, at class size */
	__aligned_u64 block_used;	/* of used: spans */
	__aligned_u64 blob_used;	/* of used: blobs */
	__aligned_u64 block_chunks;	/* chunks lent to the block manager */
	__aligned_u64 blob_chunks;	/* chunks lent to the blob manager */
	__aligned_u64 objects;		/* indices bound here */
	__aligned_u64 spans;
	__aligned_u64 blobs;
	__aligned_u64 largest_hole;	/* largest free run inside lent chunks */
	__aligned_u64 migrated_in;	/* objects that came from the other lane */
	__aligned_u64 resident;		/* pages that exist */
};

/*
 * Statistics: the same words by MEMLANE_IOCTL_STAT and in the mapped page.
 * In the page, @seq is odd while the kernel writes: read it before and after. Each call
 * brings it up to date; a refill or a flush, what it changes itself, and each 64th of these all.
 */
struct memlane_counts {
	struct memlane_lane_stat lane[MEMLANE_LANES];
	__aligned_u64 ioctls;		/* calls into the module for this arena */
	__aligned_u64 refills;		/* alloc calls that filled a magazine */
	__aligned_u64 flushes;		/* free calls */
	__aligned_u64 handles;		/* indices in use: objects, and stock that has a place */
	__aligned_u64 retired;		/* indices whose generations are used up */
	__aligned_u64 batches;		/* of moves */
	__aligned_u64 moved;		/* objects copied */
	__aligned_u64 moved_bytes;
	__aligned_u64 remapped;		/* blobs handed over */
	__aligned_u64 remapped_pages;
	__aligned_u64 vetoed;		/* moves that a user stopped */
	__aligned_u64 pinned;		/* moves not tried: pinned */
	__aligned_u64 held;		/* moves not tried: page held by the kernel */
	__aligned_u64 given_up;		/* moves dropped: a section stayed open */
	__aligned_u64 spoiled;		/* entries found overwritten by the program */
	__aligned_u64 pages_returned;	/* given back to the system */
	__aligned_u64 faults;
	__aligned_u64 metadata;		/* bytes of tables and descriptors */
	__aligned_u64 slots;		/* threads registered */
	__aligned_u64 slots_reaped;	/* threads that died without unregistering */
	__aligned_u64 spilled;		/* fast requests served by the SlowLane */
	__aligned_u64 cycles;		/* maintenance cycles run */
	__aligned_u64 periods;		/* ageing periods ended */
	__aligned_u64 purged;		/* objects dropped that are not freed yet */
	__aligned_u64 shortages;	/* cycles run because the system was short of memory */
	__aligned_u64 by_cause[8];	/* moves by enum memlane_cause */
	/* what threads that have left counted in their slots */
	__aligned_u64 gone_allocs;
	__aligned_u64 gone_frees;
	__aligned_u64 gone_alloc_bytes;
	__aligned_u64 gone_free_bytes;
	__aligned_u64 gone_vetoes;
	__aligned_u64 gone_waits;
	__aligned_u64 lost;		/* objects on pages that the hardware, or the backing file, lost */
	__aligned_u64 away;		/* pages whose bytes were put away */
	__aligned_u64 compressed;	/* of these, compressed; one word describes the others */
	__aligned_u64 compressed_bytes;	/* memory that these take, with what they leave unused */
	__aligned_u64 cooled;		/* pages put away so far */
	__aligned_u64 cooled_same;	/* of these, filled with one word */
	__aligned_u64 incompressible;	/* pages that stayed, as they did not become smaller */
	__aligned_u64 warmed;		/* pages that came back */
	__aligned_u64 stored;		/* of those away, in the backing file */
	__aligned_u64 stored_bytes;	/* of the file, that these take, with what they leave unused */
	__aligned_u64 written;		/* pages stored so far */
	__aligned_u64 loaded;		/* of these, pages that were read and are right */
	__aligned_u64 write_errors;	/* writes that failed; nothing is lost by them */
	__aligned_u64 lost_pages;	/* pages that could not be read, or not as they were written */
	__aligned_u64 refaults;		/* faults that had bytes brought back: of these, what a touch brought */
	__aligned_u64 cool_rests;	/* times that so much came back that the policy went slower */
	__aligned_u64 hot_on_cold;	/* objects often used that the policy last met in spans of cold ones */
	__aligned_u64 indices;		/* ever given out, those that are used up included */
	__aligned_u64 ahead;		/* of @loaded, pages that were read before they were needed */
	__aligned_u64 ahead_hits;	/* of these, pages that were used */
};

struct memlane_stat_page {
	__aligned_u64 epoch;		/* sections copy this; alone on its line */
	__aligned_u64 __reserved[7];
	__aligned_u64 seq;
	struct memlane_counts counts;
};

/*
 * A tally counts the moves of one kind of object, and the moves that failed. The region
 * of statistics has MEMLANE_TALLIES of them, from MEMLANE_TALLY_OFFSET on: MEMLANE_TALLY_LANE
 * of each lane, by size class, with that of blobs behind the last class; then by tag, then by group. Every event is counted three times: by class,
 * by tag and by group. Objects in magazines, and memory outside of objects, count as tag
 * 0 and group 0. Every word is current, and all but @pages only grow. Where the kernel had
 * no memory for a tally its events are missing, so the sums may be below the arena's own
 * counters.
 */
struct memlane_tally {
	__aligned_u64 by_cause[8];	/* moves by enum memlane_cause */
	__aligned_u64 bytes;		/* of the places that these left */
	__aligned_u64 vetoed;		/* as in struct memlane_counts */
	__aligned_u64 pinned;
	__aligned_u64 held;
	__aligned_u64 given_up;
	__aligned_u64 faults;		/* that first met an object of this kind */
	__aligned_u64 pages;		/* by class: in its spans, or in blobs, now */
	__aligned_u64 __reserved;
};

/*
 * What page faults in the data area met, and how long they took: an array of struct
 * memlane_fault_times by enum memlane_fault_met, from MEMLANE_FAULTS_OFFSET on in the
 * region of statistics. Every word is current, and only grows. A fault is in the bucket
 * of floor(log2(ns)); the last one has all that took longer, too.
 *
 * Of a page in the backing file it is the time from the first fault that waited for it
 * until it was there. What ended without a page is not counted: SIGBUS, or a signal.
 */
enum memlane_fault_met {
	MEMLANE_FAULT_PAGE,	/* a page that was only not mapped */
	MEMLANE_FAULT_NEW,	/* no bytes yet: zeros */
	MEMLANE_FAULT_SAME,	/* one word that describes the page */
	MEMLANE_FAULT_COMPRESSED,	/* compressed bytes */
	MEMLANE_FAULT_STORED,	/* bytes in the backing file */
	MEMLANE_FAULTS
};

#define MEMLANE_FAULT_BUCKETS	32
#define MEMLANE_FAULTS_OFFSET	2048

struct memlane_fault_times {
	__aligned_u64 ns;		/* the sum of all */
	__aligned_u64 __reserved[7];
	__aligned_u64 bucket[MEMLANE_FAULT_BUCKETS];	/* faults */
};

#define MEMLANE_TALLY_OFFSET	4096
#define MEMLANE_TALLY_LANE	(MEMLANE_CLASSES_MAX + 1)
#define MEMLANE_TALLY_TAG	(MEMLANE_LANES * MEMLANE_TALLY_LANE)	/* that of tag 0 */
#define MEMLANE_TALLY_GROUP	(MEMLANE_TALLY_TAG + 65536)
#define MEMLANE_TALLIES		(MEMLANE_TALLY_GROUP + 65536)

/* -------------------------------------------------------------- step ---- */

/**
 * struct memlane_step - what a bounded step of moving may do, and did
 * @max_bytes: most bytes to copy; 0: no limit
 * @max_ns: time limit; each part of the work may run one batch past it; 0: no limit
 * @out_moved: objects copied
 * @out_moved_bytes: bytes of these
 * @out_remapped: blobs handed over
 * @out_remapped_pages: pages of these
 * @out_vetoed: objects that a user kept in place
 * @out_pinned: objects left because pinned
 * @out_held: objects left because the kernel holds a page of theirs
 * @out_given_up: moves dropped because a section stayed open too long
 * @out_pages_returned: pages given back to the system
 * @out_ns: time taken
 * @out_more: 1: a limit stopped the step early; more work may remain
 *
 * The next step with limits resumes where this one was stopped.
 * -ENOMEM: there was no memory for destinations; what could be done was done, and
 * is told. -EINTR the same for a fatal signal.
 */
struct memlane_step {
	__aligned_u64 max_bytes;
	__aligned_u64 max_ns;
	__aligned_u64 out_moved;
	__aligned_u64 out_moved_bytes;
	__aligned_u64 out_remapped;
	__aligned_u64 out_remapped_pages;
	__aligned_u64 out_vetoed;
	__aligned_u64 out_pinned;
	__aligned_u64 out_held;
	__aligned_u64 out_given_up;
	__aligned_u64 out_pages_returned;
	__aligned_u64 out_ns;
	__aligned_u64 out_more;
};

/* ------------------------------------------------------------ events ---- */

enum memlane_event_type {
	MEMLANE_EVENT_DONE = 1,	/* an asynchronous call ended: token, result, counts */
	MEMLANE_EVENT_GROWTH,	/* a lane's limit was raised: value is the new one, bytes */
	MEMLANE_EVENT_FULL,	/* a lane could not serve: value is the size wanted, bytes */
	MEMLANE_EVENT_PRESSURE,	/* a lane passed the usage threshold of its max: value is its */
				/* usage, bytes; lane MEMLANE_LANES: the system is short of */
				/* memory: value is how much it wants back, bytes */
	MEMLANE_EVENT_PURGED,	/* objects were dropped: value is how many */
	MEMLANE_EVENT_LOST,	/* memory, or the backing file, failed under an object: */
				/* value is its handle */
	MEMLANE_EVENT_BACKING,	/* the backing file takes nothing in the background: value is */
				/* the errno; told once, until it takes something again */
};

/**
 * struct memlane_event - what read() on the arena's file gives, in whole records
 * @size: sizeof(struct memlane_event)
 * @type: enum memlane_event_type
 * @lane: where, or 0
 * @result: DONE: 0 or -errno
 * @token: DONE: of the call
 * @value: by type; DONE: objects moved and handed over
 * @failed: DONE: handles that did not arrive
 * @lost: events dropped before this one because nobody read
 * @step: DONE: what the call did, as in its own request
 *
 * poll() says readable while there are any. A read that finds none waits, or
 * gives -EAGAIN on a non-blocking file; a buffer under one record: -EINVAL. Of 64
 * records the oldest is dropped when one more comes; DONE never is.
 *
 * LOST: a page that the kernel knows to be broken was met when the object was to move.
 * It stays there, as no byte of it may be read, and so do the others on that page, which
 * have no event of their own.
 */
struct memlane_event {
	__u32 size;
	__u32 type;
	__u32 lane;
	__s32 result;
	__aligned_u64 token;
	__aligned_u64 value;
	__aligned_u64 failed;
	__aligned_u64 lost;
	struct memlane_step step;
};

/* ------------------------------------------------------------- calls ---- */

/* For tests: names are nearly used up, as after years of use: 12287 indices have 8 generations each. */
#define MEMLANE_CREATE_AGED	(1U << 0)
/* Indices for 3 x 10^15 objects: its regions have up to 2^32 words each, and take addresses for them. */
#define MEMLANE_CREATE_LONG	(1U << 1)

/**
 * struct memlane_create - make the arena of this file
 * @size: sizeof(struct memlane_create)
 * @flags: MEMLANE_CREATE_AGED, MEMLANE_CREATE_LONG
 * @fast_size: bytes the FastLane may use at first, 64 KiB at least
 * @slow_size: bytes the SlowLane may use at first, 64 KiB at least
 * @fast_max: the FastLane grows to this by itself; 0: @fast_size
 * @slow_max: the SlowLane grows to this by itself; 0: @slow_size
 * @fast_reserve: MEMLANE_OPT_FAST_MAX may raise that to this; 0: @fast_max
 * @slow_reserve: MEMLANE_OPT_SLOW_MAX may raise that to this; 0: @slow_max
 * @handles: most handles at a time, up to 2^30; 0: 16 Mi
 * @threads: most registered threads at a time, up to 4096; 0: 1024
 * @__reserved: must be 0
 * @name: for people who look at the arenas, or empty: printable ASCII without quotation
 *	marks and backslashes, up to a 0
 *
 * Sizes are rounded up to pages. An arena is made once: a second call gives
 * -EEXIST. MEMLANE_IOCTL_INFO tells from then on what it has become. The sum of both reserves may not pass MEMLANE_LANES_MAX (-EINVAL).
 * -EDQUOT: the user who opened the file has too many arenas; -ENFILE: all users have.
 */
struct memlane_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 fast_size;
	__aligned_u64 slow_size;
	__aligned_u64 fast_max;
	__aligned_u64 slow_max;
	__aligned_u64 fast_reserve;
	__aligned_u64 slow_reserve;
	__aligned_u64 handles;
	__u32 threads;
	__u32 __reserved;
	char name[MEMLANE_NAME_SIZE];
};

/* Regions of the file, for mmap: MAP_SHARED only. */
enum memlane_region_id {
	MEMLANE_REGION_TABLE,	/* __u64 entry[out_handles], read-write */
	MEMLANE_REGION_CLASS,	/* __u8 class[out_handles], read-write */
	MEMLANE_REGION_NOTE,	/* __u16 note[out_handles], read-write */
	MEMLANE_REGION_PIN,	/* __u64 pin word[out_handles], read-write */
	MEMLANE_REGION_SIZE,	/* __u64 size word[out_handles], read-write */
	MEMLANE_REGION_SLOTS,	/* struct memlane_slot[threads], read-write */
	MEMLANE_REGION_STAT,	/* struct memlane_stat_page, tallies, read-only */
	MEMLANE_REGION_DATA,	/* FastLane, then SlowLane */
	MEMLANE_REGIONS
};

struct memlane_region {
	__aligned_u64 offset;	/* for mmap */
	__aligned_u64 length;	/* in bytes */
};

#define MEMLANE_CAP_MODULE	(1ULL << 0)	/* the kernel module, not the engine in the process */
#define MEMLANE_CAP_REMAP	(1ULL << 1)	/* blobs move without copying */
#define MEMLANE_CAP_SHARE	(1ULL << 2)	/* other processes can map the arena */
#define MEMLANE_CAP_MEMCG	(1ULL << 3)	/* pages are charged to the memory cgroup */
#define MEMLANE_CAP_EVENTS	(1ULL << 4)	/* events, and calls that end with one */
#define MEMLANE_CAP_REAP	(1ULL << 5)	/* dead threads' slots are taken back */
#define MEMLANE_CAP_SHRINKER	(1ULL << 6)	/* gives memory back when the system is short of it */
#define MEMLANE_CAP_COLD	(1ULL << 7)	/* puts away what is not used, until it is touched */

/**
 * struct memlane_info - layout and capabilities
 * @size: sizeof(struct memlane_info)
 * @flags: must be 0
 * @out_version: MEMLANE_VERSION of the module
 * @out_page_size: bytes
 * @out_capabilities: MEMLANE_CAP_*
 * @out_cookie: of this arena, as it stands in handles (1 to MEMLANE_COOKIE_MAX)
 * @out_slot_size: bytes from one slot to the next
 * @out_handles: indices run from @out_first + 1 to @out_first + this - 1
 * @out_fast_end: first granule that is not the FastLane's
 * @out_threads: number of slots
 * @__reserved: 0
 * @out_region: by enum memlane_region_id
 * @out_id: names the arena in debugfs and in traces; 0: it is in none
 * @out_first: the first words of the regions up to SIZE are this index's, which is never
 *	used
 * @out_name: that the arena was made with
 * @out_classes: size classes, up to MEMLANE_CLASSES_MAX
 * @out_mag_size: indices that a magazine has room for, at least 2
 * @out_mag_offset: bytes from a slot to the first of its magazines
 * @out_mag_stride: bytes from one magazine to the next, a multiple of 8
 * @out_class_size: bytes of a place, by class; 0 behind the last one
 *
 * All of this stays as it is while the arena lives.
 */
struct memlane_info {
	__u32 size;
	__u32 flags;
	__u32 out_version;
	__u32 out_page_size;
	__aligned_u64 out_capabilities;
	__u32 out_cookie;
	__u32 out_slot_size;
	__aligned_u64 out_handles;
	__aligned_u64 out_fast_end;
	__u32 out_threads;
	__u32 __reserved;
	struct memlane_region out_region[MEMLANE_REGIONS];
	__aligned_u64 out_id;
	__aligned_u64 out_first;
	char out_name[MEMLANE_NAME_SIZE];
	__u32 out_classes;
	__u32 out_mag_size;
	__u32 out_mag_offset;
	__u32 out_mag_stride;
	__u16 out_class_size[MEMLANE_CLASSES_MAX + 1];
};

/**
 * struct memlane_register - get or give back a thread's slot
 * @size: sizeof(struct memlane_register)
 * @flags: must be 0
 * @slot: out for REGISTER; for UNREGISTER the slot to give back
 * @__reserved: must be 0
 *
 * A slot belongs to the thread that registered it and is taken back when that
 * thread dies. -ENOSPC: all slots are in use. Any thread of the same process may
 * UNREGISTER it, when its owner is in no call and section; a slot that is not in
 * use, or a living thread's of another process: -EINVAL. The stock of the slot's
 * magazines goes back to the arena.
 */
struct memlane_register {
	__u32 size;
	__u32 flags;
	__u32 slot;
	__u32 __reserved;
};

#define MEMLANE_ALLOC_NO_SPILL	(1U << 0)	/* this lane or -ENOSPC */
#define MEMLANE_ALLOC_LIVE	(1U << 1)	/* publish as live objects, not as stock */
#define MEMLANE_ALLOC_MAY_MOVE	(1U << 2)	/* outside a section: compact if full */
#define MEMLANE_ALLOC_FRESH	(1U << 3)	/* blobs: of pages that read as zeros */

/**
 * struct memlane_alloc - bind handles to free places
 * @size: sizeof(struct memlane_alloc)
 * @flags: MEMLANE_ALLOC_*
 * @length: bytes of each object, 1 to MEMLANE_SIZE_MAX
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @align: power of two up to 2 MiB; 0: 16
 * @count: handles wanted, 1 to 4096; 1 for blobs
 * @out_count: handles given
 * @handles: address of __u64[@count]
 * @out_lane: where they are
 * @out_class: size class, or MEMLANE_CLASS_BLOB
 *
 * Fewer than @count may be given; at least one, or an error. The entries are
 * FREE unless MEMLANE_ALLOC_LIVE: the program makes them USED itself. A place's
 * bytes are not cleared when it is used again in one arena.
 *
 * A full FastLane is compacted and its stale objects migrated (both only with
 * MEMLANE_ALLOC_MAY_MOVE, and ten times a second at most), then the SlowLane serves,
 * then the lane grows, then the SlowLane grows. A full SlowLane is compacted, then it
 * grows. Before a request is refused that may move others, all lanes that could serve
 * it are compacted, and purgeable objects dropped.
 */
struct memlane_alloc {
	__u32 size;
	__u32 flags;
	__aligned_u64 length;
	__u32 lane;
	__u32 align;
	__u32 count;
	__u32 out_count;
	__aligned_u64 handles;
	__u32 out_lane;
	__u32 out_class;
};

/**
 * struct memlane_refill - fill a magazine of the caller's slot
 * @size: sizeof(struct memlane_refill)
 * @flags: MEMLANE_ALLOC_NO_SPILL, MEMLANE_ALLOC_MAY_MOVE, MEMLANE_ALLOC_FRESH
 * @length: as for struct memlane_alloc
 * @lane: as for struct memlane_alloc
 * @align: as for struct memlane_alloc
 * @slot: registered by the calling thread, else -EINVAL
 * @count: indices wanted; fewer may be added
 * @out_count: indices added
 * @out_lane: which magazine was filled
 * @out_class: which; MEMLANE_CLASS_BLOB: none, the index is @in_hand of the slot
 * @__reserved: must be 0
 * @out_handle: the last one added
 */
struct memlane_refill {
	__u32 size;
	__u32 flags;
	__aligned_u64 length;
	__u32 lane;
	__u32 align;
	__u32 slot;
	__u32 count;
	__u32 out_count;
	__u32 out_lane;
	__u32 out_class;
	__u32 __reserved;
	__aligned_u64 out_handle;
};

/**
 * struct memlane_flush - give stock of the caller's slot back
 * @size: sizeof(struct memlane_flush)
 * @flags: must be 0
 * @slot: registered by the calling thread, else -EINVAL
 * @lane: which magazine
 * @cls: which magazine; MEMLANE_CLASS_BLOB: @in_hand, with @keep 0
 * @keep: how many of the newest stay; others may wait for the next refill of any thread. 0:
 *	no place waits, of whatever class
 * @out_count: indices given back
 * @__reserved: must be 0
 */
struct memlane_flush {
	__u32 size;
	__u32 flags;
	__u32 slot;
	__u32 lane;
	__u32 cls;
	__u32 keep;
	__u32 out_count;
	__u32 __reserved;
};

#define MEMLANE_FREE_LIVE	(1U << 0)	/* end live objects, as memlane_free() does */

/**
 * struct memlane_free - give handles back
 * @size: sizeof(struct memlane_free)
 * @flags: MEMLANE_FREE_*
 * @count: 1 to 2^20
 * @out_count: how many were freed; the one at this place gave the error
 * @handles: address of __u64[@count]
 *
 * Without MEMLANE_FREE_LIVE the entries must not be live: their generation was
 * raised by the program, and the handles may carry any generation (-EBUSY:
 * live). With it, the handle must be good: -ESTALE freed before, -EXDEV
 * foreign, -EBADF wild, -EBUSY pinned.
 */
struct memlane_free {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 out_count;
	__aligned_u64 handles;
};

/*
 * Of COMPACT and MIGRATE: queue the call for the background and return; its
 * end is told by MEMLANE_EVENT_DONE. -EAGAIN: 64 calls are queued already, or have
 * ended and were not read. At most
 * 4096 handles (-EINVAL), and no results array (-EINVAL). Needs MEMLANE_CAP_EVENTS.
 */
#define MEMLANE_ASYNC			(1U << 31)

/**
 * struct memlane_compact - move objects together and return empty pages
 * @size: sizeof(struct memlane_compact)
 * @flags: MEMLANE_ASYNC
 * @lanes: bit 0 the FastLane, bit 1 the SlowLane; 0: both. What is not used of late
 *         leaves a FastLane for the SlowLane
 * @usage: good enough when the lane has at most so many permille of its limit in
 *         use, up to 1000; 0: not looked at
 * @hole: good enough when the lane can hold a blob of this many bytes; 0: not looked
 *        at. Both 0: compact fully. A span that was put away stays as it is, unless half
 *        of it is empty, or @usage or @hole is not reached without it
 * @step: limits and results
 * @token: for MEMLANE_EVENT_DONE
 */
struct memlane_compact {
	__u32 size;
	__u32 flags;
	__u32 lanes;
	__u32 usage;
	__aligned_u64 hole;
	struct memlane_step step;
	__aligned_u64 token;
};

#define MEMLANE_MIGRATE_SETTLE	(1U << 0)	/* before a long pin: out of compaction's way */
#define MEMLANE_MIGRATE_AWAY	(1U << 1)	/* to another place of the lane it is in */
#define MEMLANE_MIGRATE_RESIZE	(1U << 2)	/* to a place for @length bytes */

/**
 * struct memlane_migrate - move objects to a lane
 * @size: sizeof(struct memlane_migrate)
 * @flags: MEMLANE_ASYNC (not with RESIZE), one of MEMLANE_MIGRATE_* or none; with SETTLE @lane is not looked at: a block goes to
 *         a span that holds pinned objects, otherwise to the fullest of its class,
 *         if its own is emptier; nor with AWAY: an object that moves is not where it was; nor with RESIZE:
 *         the lane it is in, otherwise the SlowLane
 * @lane: where to
 * @count: 1 to 2^20
 * @handles: address of __u64[@count]
 * @results: 0, or address of __s32[@count] that gets 0 or -errno for each:
 *           -ESTALE, -EXDEV, -EBADF as for free; -EBUSY pinned or held; -EAGAIN
 *           vetoed or given up, try again; -ENOSPC the lane is full
 * @length: with RESIZE, 1 to MEMLANE_SIZE_MAX; otherwise not looked at
 * @out_count: handles dealt with; later ones were not tried
 * @out_failed: of these, how many did not arrive
 * @step: limits and results
 * @token: for MEMLANE_EVENT_DONE
 *
 * An object that is in the lane already, or whose place has that size, counts as dealt
 * with. Where the size changes, what both places have room for comes along, and the kernel
 * writes size word, note and class before it publishes the place. Returns 0 when
 * every handle was dealt with, also if some failed.
 */
struct memlane_migrate {
	__u32 size;
	__u32 flags;
	__u32 lane;
	__u32 count;
	__aligned_u64 handles;
	__aligned_u64 results;
	__u32 out_count;
	__u32 out_failed;
	struct memlane_step step;
	__aligned_u64 token;
	__aligned_u64 length;
};

enum memlane_state {
	MEMLANE_STATE_NONE,	/* never given out, or given back to the arena */
	MEMLANE_STATE_LIVE,
	MEMLANE_STATE_MOVING,	/* live, and a move is planned or under way */
	MEMLANE_STATE_PINNED,	/* live and pinned */
	MEMLANE_STATE_CACHED,	/* in a magazine, not live */
	MEMLANE_STATE_FREED,	/* was freed; the index has not been used since */
	MEMLANE_STATE_STALE,	/* was freed; the index names another object now */
	MEMLANE_STATE_FOREIGN,	/* of another arena */
	MEMLANE_STATE_WILD,	/* never was a handle */
	MEMLANE_STATE_RETIRED,	/* generations used up */
	MEMLANE_STATE_PURGED,	/* dropped with its group under pressure */
	MEMLANE_STATE_COMPRESSED, /* live; bytes of it were put away in memory */
	MEMLANE_STATE_STORED,	/* live; bytes of it are in the backing file */
	MEMLANE_STATE_LOST,	/* live; bytes of it are lost: a touch raises SIGBUS */
	MEMLANE_STATES
};

/**
 * struct memlane_query - what is known of a handle
 * @size: sizeof(struct memlane_query)
 * @flags: must be 0
 * @handle: any value
 * @out_state: enum memlane_state
 * @out_lane: where the object is
 * @out_class: size class, or MEMLANE_CLASS_BLOB
 * @out_heat: ageing periods of late in which it was used, as a bit set
 * @out_location: in granules
 * @out_room: bytes of its place
 * @out_pages: pages of its place that exist (blobs), or 0 (blocks)
 * @out_resident: pages under the object that exist
 * @out_compressed: the same whose bytes are put away in memory
 * @out_stored: the same whose bytes are in the backing file
 * @out_lost: the same whose bytes nobody has any more; a touch raises SIGBUS
 *
 * Never fails for a bad handle: the state tells. out_* of place are 0 then. Pages that
 * read as zeros and do not exist are in none of the last four.
 */
struct memlane_query {
	__u32 size;
	__u32 flags;
	__aligned_u64 handle;
	__u32 out_state;
	__u32 out_lane;
	__u32 out_class;
	__u32 out_heat;
	__aligned_u64 out_location;
	__aligned_u64 out_room;
	__aligned_u64 out_pages;
	__aligned_u64 out_resident;
	__aligned_u64 out_compressed;
	__aligned_u64 out_stored;
	__aligned_u64 out_lost;
};

/**
 * struct memlane_stat - counters of the arena
 * @size: sizeof(struct memlane_stat)
 * @flags: must be 0
 * @out: see struct memlane_counts
 */
struct memlane_stat {
	__u32 size;
	__u32 flags;
	struct memlane_counts out;
};

/**
 * struct memlane_maintain - run one maintenance cycle
 * @size: sizeof(struct memlane_maintain)
 * @flags: must be 0
 * @step: limits and results
 *
 * Ages, migrates, compacts lanes past their threshold, takes back dead threads'
 * slots, and trims: what the background cycle does, in the caller's context.
 */
struct memlane_maintain {
	__u32 size;
	__u32 flags;
	struct memlane_step step;
};

/* Wait for the maker instead: see struct memlane_slot. */
#define MEMLANE_WAIT_MAKER	(1U << 0)

/**
 * struct memlane_wait - wait until an object's copy has ended
 * @size: sizeof(struct memlane_wait)
 * @flags: MEMLANE_WAIT_MAKER
 * @handle: any generation
 *
 * Returns at once when the entry is not BUSY, and otherwise when the object's
 * copy has ended, or after a few milliseconds: look at the entry again. -EINTR on a
 * fatal signal.
 *
 * With MEMLANE_WAIT_MAKER: the thread that made the object ends nothing by plain
 * stores any more, and those that it has made are visible. -EAGAIN: it is in the middle
 * of one, and does not get on; ask again. That changes what others may do, so who may only
 * look (a view) may not wait: -EACCES.
 */
struct memlane_wait {
	__u32 size;
	__u32 flags;
	__aligned_u64 handle;
};

/*
 * For and against a migration: see struct memlane_cost. What the program says, HINTED
 * and OVERSIZED, goes before use and priority: IN_USE and PRIORITY do not stop it.
 */
#define MEMLANE_REASON_STALE		(1U << 0)	/* for: not used of late */
#define MEMLANE_REASON_HINTED		(1U << 1)	/* cold, old or evictable: for the SlowLane */
#define MEMLANE_REASON_OVERSIZED	(1U << 2)	/* above the threshold: for the SlowLane */
#define MEMLANE_REASON_HOT		(1U << 3)	/* for: used in every period of late */
#define MEMLANE_REASON_PINNED		(1U << 8)	/* against: cannot move now */
#define MEMLANE_REASON_FRAME_CRITICAL	(1U << 9)	/* against: hinted to stay */
#define MEMLANE_REASON_NO_ROOM		(1U << 10)	/* against: the lane is full, or pressed, or */
							/* a FastLane half full, which the policy leaves */
#define MEMLANE_REASON_IN_USE		(1U << 11)	/* against: used of late, would slow down */
#define MEMLANE_REASON_THERE		(1U << 12)	/* against: it is there already */
#define MEMLANE_REASON_PRIORITY		(1U << 13)	/* against: stays in a FastLane so full */

/**
 * struct memlane_cost - what a migration would cost, before the fact
 * @size: sizeof(struct memlane_cost)
 * @flags: must be 0
 * @handle: a live object's, else -ESTALE, -EXDEV, -EBADF, -ENODATA
 * @lane: where to
 * @out_heat: as in struct memlane_query
 * @out_bytes: to copy, or 0
 * @out_pages: to hand over, or 0
 * @out_ns: estimate from the rates measured in this arena, without the wait for
 *          sections; 0: nothing was measured yet
 * @out_reasons: MEMLANE_REASON_*
 * @out_advised: 1: the policy would do it by itself
 */
struct memlane_cost {
	__u32 size;
	__u32 flags;
	__aligned_u64 handle;
	__u32 lane;
	__u32 out_heat;
	__aligned_u64 out_bytes;
	__aligned_u64 out_pages;
	__aligned_u64 out_ns;
	__u32 out_reasons;
	__u32 out_advised;
};

/**
 * struct memlane_blocker - who kept objects from moving
 * @handle: an object that is pinned or has a page that the kernel holds; 0: a section
 * @first: ns ago that it was first in the way
 * @last: ns ago that it was last in the way
 * @times: how often
 * @tag: of the object
 * @thread: in the section, as it wrote in its slot
 * @slot: of that thread
 * @__reserved: 0
 */
struct memlane_blocker {
	__aligned_u64 handle;
	__aligned_u64 first;
	__aligned_u64 last;
	__aligned_u64 times;
	__u32 tag;
	__u32 thread;
	__u32 slot;
	__u32 __reserved;
};

#define MEMLANE_BLOCKERS	64

/**
 * struct memlane_blockers - read the list of who kept objects from moving
 * @size: sizeof(struct memlane_blockers)
 * @flags: must be 0
 * @count: room at @records
 * @out_count: records written, the latest first; MEMLANE_BLOCKERS are kept
 * @records: address of struct memlane_blocker[@count]
 */
struct memlane_blockers {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 out_count;
	__aligned_u64 records;
};

/* All objects of @group, or of @lane, instead of an array. */
#define MEMLANE_COOL_GROUP	(1U << 0)
#define MEMLANE_COOL_LANE	(1U << 1)
#define MEMLANE_COOL_STORE	(1U << 2)	/* COOL: on to the backing file */

/**
 * struct memlane_cool - put away the bytes of objects, or bring them back
 * @size: sizeof(struct memlane_cool)
 * @flags: MEMLANE_COOL_GROUP, MEMLANE_COOL_LANE, or neither; COOL: MEMLANE_COOL_STORE, too; WARM of
 *	@handles: or MEMLANE_ASYNC alone
 * @lane: with MEMLANE_COOL_LANE
 * @group: with MEMLANE_COOL_GROUP
 * @count: handles, 1 to 2^20; with one of these flags 0
 * @out_count: handles dealt with; later ones were not tried
 * @handles: address of __u64[@count]; with one of these flags 0
 * @max_ns: time limit; the work may run one batch past it; 0: none. ASYNC: must be 0
 * @out_pages: pages that were put away, or came back
 * @out_failed: objects that stay as they are
 * @out_error: why the first of them does
 * @out_more: 1: the time was up before everything was seen
 * @__reserved: must be 0
 * @token: ASYNC: of the event DONE, whose value is @out_pages and whose failed counts the
 *	handles that were not tried or failed
 *
 * COOL unmaps the pages that an object is on, and compresses them: a touch brings each
 * back. Pages are put away whole, with all objects that are on them. None goes while an
 * object on it is pinned, hinted FRAME_CRITICAL or of priority 3, nor one of the FastLane
 * (-EBUSY); what the kernel holds, and what does not become smaller, stays and is no
 * error. Nobody is waited for, and no section is in the way.
 *
 * With MEMLANE_COOL_STORE what was compressed, now or before, is written to the backing
 * file, and what does not become smaller, too; @out_pages are those that went there. Their
 * memory is free then, and a touch waits for the file. -ENXIO: there is no file; -ENOSPC:
 * it is full; otherwise what a write said (-EIO, -EFBIG, -EDQUOT). Whatever could not be
 * written is in memory still.
 *
 * WARM brings everything back at once, so that no touch waits. -EIO: bytes are lost. With
 * ASYNC it is done in the background, for at most 4096 handles.
 *
 * Bad handles fail as for FREE. Without MEMLANE_CAP_COLD both look at the handles and do
 * nothing. -ENOMEM: there is no memory to begin with; what was done until then is told.
 */
struct memlane_cool {
	__u32 size;
	__u32 flags;
	__u32 lane;
	__u32 group;
	__u32 count;
	__u32 out_count;
	__aligned_u64 handles;
	__aligned_u64 max_ns;
	__aligned_u64 out_pages;
	__u32 out_failed;
	__s32 out_error;
	__u32 out_more;
	__u32 __reserved;
	__aligned_u64 token;
};

/**
 * struct memlane_set_backing - let a file take what was put away
 * @size: sizeof(struct memlane_set_backing)
 * @flags: must be 0
 * @fd: of a regular file or a block device, open for reading and writing; -1: none any more
 * @__reserved: must be 0
 * @max: bytes of it that may be used, at least 128 KiB; 0: what the SlowLane may need.
 *	RLIMIT_FSIZE of the caller bounds it for good
 * @out_max: how many that are
 *
 * What the file has at first is overwritten; the descriptor may be closed, and a name is
 * not needed. Writing and making holes are done with the rights that it was opened
 * with. The file belongs to this arena until the arena ends, or another one is set; then
 * what is left of it becomes holes, in the background. Its bytes are good for nothing
 * later. Who reads or writes this very file with arena memory as the buffer, or serves it
 * by FUSE from there, may wait for itself, until it is killed.
 *
 * Nothing that is read is believed: a page that is not what was written there raises
 * SIGBUS, its objects are told of by MEMLANE_EVENT_LOST, and nothing else is lost.
 *
 * -EBADF; -EINVAL: another kind of file, or one that appends, or @max; -EACCES: not open
 * for both; -EOPNOTSUPP: no holes can be made in it; -EFBIG, -ENOSPC: no room for 128 KiB,
 * or a device smaller than @max; -ETXTBSY: it is swapped to; -EBUSY: an arena has it, or
 * pages are stored, which WARM brings back; -EDQUOT: the user has too many; -ENOMEM; what
 * the file system says to a hole, as -EPERM of a sealed file.
 */
struct memlane_set_backing {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 __reserved;
	__aligned_u64 max;
	__aligned_u64 out_max;
};

enum memlane_option {
	MEMLANE_OPT_FAST_LIMIT = 1,	/* bytes the FastLane may use before it grows, up to its max */
	MEMLANE_OPT_SLOW_LIMIT,		/* bytes the SlowLane may use before it grows, up to its max */
	MEMLANE_OPT_AUTO_COMPACTION,	/* 0 or 1 */
	MEMLANE_OPT_COMPACTION_THRESHOLD,	/* permille of the limit in use, 1 to 1000 */
	MEMLANE_OPT_SLOW_USAGE_THRESHOLD,	/* permille of the max in use, 1 to 1000: pressure */
	MEMLANE_OPT_SLOW_SAFETY_MARGIN,	/* permille kept as scratch, 0 to 500 */
	MEMLANE_OPT_POLICY_INTERVAL,	/* ns between background cycles; 0: none */
	MEMLANE_OPT_GRACE,		/* ns to wait for a section, once; 1 us to 10 s */
	MEMLANE_OPT_AGE_INTERVAL,	/* ns in an ageing period at least; 0: every cycle is one */
	MEMLANE_OPT_THRESHOLD,		/* bytes: larger objects are not the FastLane's; 0: none */
	MEMLANE_OPT_PURGEABLE,		/* GET and SET: group in 15..0, bit 16: it may be dropped */
	MEMLANE_OPT_FAST_MAX,		/* bytes the FastLane grows to by itself, up to its reserve */
	MEMLANE_OPT_SLOW_MAX,		/* bytes the SlowLane grows to by itself, up to its reserve */
	MEMLANE_OPT_DECAY,		/* ns that unused pages are kept to be used again, up to an hour; 0 at first */
	MEMLANE_OPT_PRIVATE,		/* 1: ends when nobody maps its slots, whoever has its file; VIEW clears it */
	MEMLANE_OPT_COLD_AGE,		/* periods without a use before an object is put away, 1 to 4; 0: never */
	MEMLANE_OPTIONS
};

/**
 * struct memlane_set - read or change one option
 * @size: sizeof(struct memlane_set)
 * @flags: must be 0
 * @option: enum memlane_option; -EOPNOTSUPP if unknown
 * @__reserved: must be 0
 * @value: new value for SET; GET writes it. -EINVAL: out of range
 */
struct memlane_set {
	__u32 size;
	__u32 flags;
	__u32 option;
	__u32 __reserved;
	__aligned_u64 value;
};

/*
 * MEMLANE_IOCTL_VIEW has no struct: its argument must be 0 (-EOPNOTSUPP), and it
 * returns a descriptor, closed on exec, of a file that shows the arena and cannot
 * change it, for processes that are trusted to read alone. It maps every region, but
 * not for writing; calls that change something give -EACCES; it has no events. It
 * makes no pages: what has never been touched through the arena's own file raises SIGBUS.
 * Nothing is held through it: direct I/O, vmsplice() and process_vm_readv() of its mappings
 * fail with EFAULT, while read() and write() copy. The arena lives until the last of its
 * files is closed and unmapped.
 *
 * Who reads through a view is in no section, so what is read may have moved away
 * meanwhile. It is good if the entry was USED or IDLE before, and is the same word
 * after, and so is the epoch: an object may have left its place and come back to it
 * (acquire both, read the bytes, fence, look at both again). Its old place may be
 * nobody's by then, which raises SIGBUS: that, too, says to look again.
 */
enum {
	MEMLANE_CMD_CREATE = 0x80,
	MEMLANE_CMD_INFO,
	MEMLANE_CMD_REGISTER,
	MEMLANE_CMD_UNREGISTER,
	MEMLANE_CMD_ALLOC,
	MEMLANE_CMD_FREE,
	MEMLANE_CMD_COMPACT,
	MEMLANE_CMD_MIGRATE,
	MEMLANE_CMD_QUERY,
	MEMLANE_CMD_STAT,
	MEMLANE_CMD_MAINTAIN,
	MEMLANE_CMD_WAIT,
	MEMLANE_CMD_SET,
	MEMLANE_CMD_GET,
	MEMLANE_CMD_REFILL,
	MEMLANE_CMD_FLUSH,
	MEMLANE_CMD_COST,
	MEMLANE_CMD_BLOCKERS,
	MEMLANE_CMD_VIEW,
	MEMLANE_CMD_COOL,
	MEMLANE_CMD_WARM,
	MEMLANE_CMD_SET_BACKING,
};

#define MEMLANE_IOCTL_CREATE		_IO(MEMLANE_TYPE, MEMLANE_CMD_CREATE)
#define MEMLANE_IOCTL_INFO		_IO(MEMLANE_TYPE, MEMLANE_CMD_INFO)
#define MEMLANE_IOCTL_REGISTER		_IO(MEMLANE_TYPE, MEMLANE_CMD_REGISTER)
#define MEMLANE_IOCTL_UNREGISTER	_IO(MEMLANE_TYPE, MEMLANE_CMD_UNREGISTER)
#define MEMLANE_IOCTL_ALLOC		_IO(MEMLANE_TYPE, MEMLANE_CMD_ALLOC)
#define MEMLANE_IOCTL_FREE		_IO(MEMLANE_TYPE, MEMLANE_CMD_FREE)
#define MEMLANE_IOCTL_COMPACT		_IO(MEMLANE_TYPE, MEMLANE_CMD_COMPACT)
#define MEMLANE_IOCTL_MIGRATE		_IO(MEMLANE_TYPE, MEMLANE_CMD_MIGRATE)
#define MEMLANE_IOCTL_QUERY		_IO(MEMLANE_TYPE, MEMLANE_CMD_QUERY)
#define MEMLANE_IOCTL_STAT		_IO(MEMLANE_TYPE, MEMLANE_CMD_STAT)
#define MEMLANE_IOCTL_MAINTAIN		_IO(MEMLANE_TYPE, MEMLANE_CMD_MAINTAIN)
#define MEMLANE_IOCTL_WAIT		_IO(MEMLANE_TYPE, MEMLANE_CMD_WAIT)
#define MEMLANE_IOCTL_SET		_IO(MEMLANE_TYPE, MEMLANE_CMD_SET)
#define MEMLANE_IOCTL_GET		_IO(MEMLANE_TYPE, MEMLANE_CMD_GET)
#define MEMLANE_IOCTL_REFILL		_IO(MEMLANE_TYPE, MEMLANE_CMD_REFILL)
#define MEMLANE_IOCTL_FLUSH		_IO(MEMLANE_TYPE, MEMLANE_CMD_FLUSH)
#define MEMLANE_IOCTL_COST		_IO(MEMLANE_TYPE, MEMLANE_CMD_COST)
#define MEMLANE_IOCTL_BLOCKERS		_IO(MEMLANE_TYPE, MEMLANE_CMD_BLOCKERS)
#define MEMLANE_IOCTL_VIEW		_IO(MEMLANE_TYPE, MEMLANE_CMD_VIEW)
#define MEMLANE_IOCTL_COOL		_IO(MEMLANE_TYPE, MEMLANE_CMD_COOL)
#define MEMLANE_IOCTL_WARM		_IO(MEMLANE_TYPE, MEMLANE_CMD_WARM)
#define MEMLANE_IOCTL_SET_BACKING	_IO(MEMLANE_TYPE, MEMLANE_CMD_SET_BACKING)

#endif /* _UAPI_LINUX_MEMLANE_H */
