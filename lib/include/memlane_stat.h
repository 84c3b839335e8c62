/* SPDX-License-Identifier: MIT */
/*
 * memlane_stat.h - what an arena holds and has done
 */

/* Brings this header along, too: it comes once. */
#ifndef MEMLANE_H
#include <memlane.h>
#endif

#ifndef MEMLANE_STAT_H
#define MEMLANE_STAT_H

#include <stdio.h>

#ifdef __cplusplus
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#endif

/* -------------------------------------------------------- statistics ---- */

/* memlane_stat() flags */
#define MEMLANE_STAT_EXACT	(1U << 0)	/* ask the engine: one system call */

/**
 * struct memlane_stats - what an arena holds and has done
 * @size: sizeof(struct memlane_stats), set by the caller
 * @flags: MEMLANE_STAT_*, set by the caller
 * @allocs: objects made
 * @frees: objects freed
 * @alloc_bytes: bytes asked for by @allocs
 * @free_bytes: of these, freed
 * @live_objects: @allocs - @frees
 * @live_bytes: @alloc_bytes - @free_bytes
 * @vetoes: moves that this program's threads stopped
 * @waits: times that a thread waited for a copy
 * @counts: the engine's own counters
 *
 * Threads that run meanwhile may be counted in part.
 */
struct memlane_stats {
	uint32_t size;
	uint32_t flags;
	uint64_t allocs;
	uint64_t frees;
	uint64_t alloc_bytes;
	uint64_t free_bytes;
	uint64_t live_objects;
	uint64_t live_bytes;
	uint64_t vetoes;
	uint64_t waits;
	struct memlane_counts counts;
};

/**
 * memlane_stat - read the counters, from shared memory
 * @m: arena
 * @st: @st->size and @st->flags say what is asked for
 *
 * Without MEMLANE_STAT_EXACT no system call is made, and the counters are as
 * the engine left them at its last call; those that say nothing of objects and their
 * places (faults, resident pages, chunks, the largest hole), at one of its last 64.
 *
 * Return: 0; -EINVAL: size; -EOPNOTSUPP: unknown flag.
 */
MEMLANE_API int memlane_stat(struct memlane *m, struct memlane_stats *st);

/* memlane_print() flags */
#define MEMLANE_PRINT_JSON	(1U << 0)	/* one object of JSON and a newline */

/**
 * memlane_print - write what an arena holds and has done
 * @m: arena
 * @out: where to, as stderr
 * @flags: 0: a few lines for people; MEMLANE_PRINT_JSON: the same for machines
 *
 * Has the arena's name, process and command, the lanes, and the counters that tell most;
 * memlane_stat() has all of them.
 *
 * Return: 0; -EOPNOTSUPP: unknown flag; -EIO: @out cannot be written; -EOWNERDEAD.
 */
MEMLANE_API int memlane_print(struct memlane *m, FILE *out, uint32_t flags);

/* ------------------------------------------------ looking at all objects ---- */

/**
 * struct memlane_object - what is known of an object without a system call
 * @handle: names it; whether its sign is that which memlane_alloc() gave is not
 *	known here, and nothing asks for it
 * @bytes: asked for
 * @lane: where it is
 * @cls: size class, or MEMLANE_CLASS_BLOB
 * @tag: of the program
 * @group: of the program
 * @pins: how many
 * @priority: 0 to 3
 * @hints: MEMLANE_HINT_*
 * @accessed: used in this ageing period
 * @purged: dropped with its group, not freed yet
 */
struct memlane_object {
	memlane_handle handle;
	uint64_t bytes;
	uint8_t lane;
	uint8_t cls;
	uint16_t tag;
	uint16_t group;
	uint16_t pins;
	uint8_t priority;
	uint8_t hints;
	bool accessed;
	bool purged;
};

/**
 * typedef memlane_each_fn - told of one object by memlane_each()
 * @arg: as it was passed
 * @object: good during the call
 *
 * Runs in the thread that called memlane_each(), under no lock of the library: every
 * call is allowed but memlane_close(), inside a section those that are allowed there.
 *
 * Return: 0: go on; anything else: stop, and return it.
 */
typedef int (*memlane_each_fn)(void *arg, const struct memlane_object *object);

/**
 * memlane_each - call a function for each object
 * @m: arena
 * @fn: may free, pin and migrate the object; not 0: stop
 * @arg: for @fn
 *
 * Reads shared memory: no system call, time in proportion to the handles ever in
 * use at a time. Objects made or freed meanwhile are met or not.
 *
 * Return: 0, what @fn returned last, or a negative errno value.
 */
MEMLANE_API int memlane_each(struct memlane *m, memlane_each_fn fn, void *arg);

/**
 * struct memlane_usage - a sum over objects
 * @objects: in each lane
 * @bytes: asked for, in each lane
 * @room: bytes of their places, in each lane
 * @pinned: objects
 * @accessed: objects used in this ageing period
 * @purged: objects that were dropped and not freed yet; they are in no lane
 * @promoted: moves to the FastLane that were seen of these objects, with config.tracking
 * @demoted: the same to the SlowLane
 */
struct memlane_usage {
	uint64_t objects[MEMLANE_LANES];
	uint64_t bytes[MEMLANE_LANES];
	uint64_t room[MEMLANE_LANES];
	uint64_t pinned;
	uint64_t accessed;
	uint64_t purged;
	uint64_t promoted;
	uint64_t demoted;
};

/**
 * memlane_stat_tag_sized - memlane_stat_tag() for a struct of any version
 * @m: arena
 * @tag: 0 to 65535
 * @usage: gets it
 * @size: bytes of *@usage
 *
 * Return: as memlane_stat_tag().
 */
MEMLANE_API int memlane_stat_tag_sized(struct memlane *m, uint16_t tag,
				       struct memlane_usage *usage, size_t size);

/**
 * memlane_stat_tag - what objects of a tag there are
 * @m: arena
 * @tag: 0 to 65535
 * @usage: gets the sum; see memlane_each() for its cost
 *
 * Return: 0 or -EOWNERDEAD.
 */
MEMLANE_INLINE int memlane_stat_tag(struct memlane *m, uint16_t tag,
				    struct memlane_usage *usage)
{
	return memlane_stat_tag_sized(m, tag, usage, sizeof(*usage));
}

/**
 * memlane_size_class - the size class of objects of a size
 * @m: arena
 * @size: bytes, with no wish for more than 16 bytes of alignment
 *
 * An arena's classes are those that its engine was built with.
 *
 * Return: the class, or MEMLANE_CLASS_BLOB: such an object has pages of its own.
 */
MEMLANE_API unsigned int memlane_size_class(const struct memlane *m, uint64_t size);

/**
 * memlane_class_bytes - how large objects of a size class may be
 * @m: arena
 * @cls: from 0 on
 *
 * Return: bytes of a place; larger ones for later classes; 0: there is no such class.
 */
MEMLANE_API uint32_t memlane_class_bytes(const struct memlane *m, unsigned int cls);

/**
 * memlane_stat_class_sized - memlane_stat_class() for a struct of any version
 * @m: arena
 * @cls: as of memlane_size_class(), or MEMLANE_CLASS_BLOB
 * @usage: gets it
 * @size: bytes of *@usage
 *
 * Return: as memlane_stat_class().
 */
MEMLANE_API int memlane_stat_class_sized(struct memlane *m, unsigned int cls,
					 struct memlane_usage *usage, size_t size);

/**
 * memlane_stat_class - what objects of a size class there are
 * @m: arena
 * @cls: as of memlane_size_class(), or MEMLANE_CLASS_BLOB
 * @usage: gets the sum; see memlane_each() for its cost
 *
 * Return: 0; -EINVAL: no such class; -EOWNERDEAD.
 */
MEMLANE_INLINE int memlane_stat_class(struct memlane *m, unsigned int cls,
				      struct memlane_usage *usage)
{
	return memlane_stat_class_sized(m, cls, usage, sizeof(*usage));
}

/**
 * memlane_stat_group_sized - memlane_stat_group() for a struct of any version
 * @m: arena
 * @group: 0 to 65535
 * @usage: gets it
 * @size: bytes of *@usage
 *
 * Return: as memlane_stat_group().
 */
MEMLANE_API int memlane_stat_group_sized(struct memlane *m, uint16_t group,
					 struct memlane_usage *usage, size_t size);

/**
 * memlane_stat_group - what objects of a group there are
 * @m: arena
 * @group: 0 to 65535
 * @usage: gets the sum; see memlane_each() for its cost
 *
 * Return: 0 or -EOWNERDEAD.
 */
MEMLANE_INLINE int memlane_stat_group(struct memlane *m, uint16_t group,
				      struct memlane_usage *usage)
{
	return memlane_stat_group_sized(m, group, usage, sizeof(*usage));
}

/**
 * struct memlane_lane_usage - how a lane does
 * @usage: pages in use, as a fraction of the limit
 * @fragmentation: part of the pages in use that no place given out fills
 * @pressure: pages in use, as a fraction of what the lane may grow to
 * @stat: the engine's numbers
 */
struct memlane_lane_usage {
	double usage;
	double fragmentation;
	double pressure;
	struct memlane_lane_stat stat;
};

/**
 * memlane_stat_lane_sized - memlane_stat_lane() for a struct of any version
 * @m: arena
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @usage: gets it
 * @size: bytes of *@usage
 *
 * Return: as memlane_stat_lane().
 */
MEMLANE_API int memlane_stat_lane_sized(struct memlane *m, memlane_lane_arg lane,
					struct memlane_lane_usage *usage, size_t size);

/**
 * memlane_stat_lane - how a lane does, from the mapped page
 * @m: arena
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @usage: gets it
 *
 * Return: 0; -EINVAL: no such lane; -EOWNERDEAD.
 */
MEMLANE_INLINE int memlane_stat_lane(struct memlane *m, memlane_lane_arg lane,
				     struct memlane_lane_usage *usage)
{
	return memlane_stat_lane_sized(m, lane, usage, sizeof(*usage));
}

/* By what memlane_tally() tells objects apart. */
enum memlane_tally_by {
	MEMLANE_BY_LANE,	/* MEMLANE_FAST, MEMLANE_SLOW: where they were */
	MEMLANE_BY_CLASS,	/* as of memlane_size_class(), or MEMLANE_CLASS_BLOB */
	MEMLANE_BY_TAG,		/* 0 to 65535 */
	MEMLANE_BY_GROUP	/* 0 to 65535 */
};

/**
 * memlane_tally_sized - memlane_tally() for a struct of any version
 * @m: arena
 * @by: what @which is
 * @which: see enum memlane_tally_by
 * @tally: gets it
 * @size: bytes of *@tally
 *
 * Return: as memlane_tally().
 */
MEMLANE_API int memlane_tally_sized(struct memlane *m, enum memlane_tally_by by, uint32_t which,
				    struct memlane_tally *tally, size_t size);

/**
 * memlane_tally - what became of the objects of one kind since the arena was made
 * @m: arena
 * @by: what @which is
 * @which: see enum memlane_tally_by
 * @tally: gets moves by cause, moves that were stopped and by what, page faults, and
 *	for lanes and classes the pages that they have now: see struct memlane_tally
 *
 * Reads shared memory, at most some hundred words: no system call. What objects there
 * are now is told by memlane_stat_tag() and its like. Page faults are seen where
 * memlane_capabilities() has MEMLANE_CAP_MODULE. Scratch of frames counts as group 0.
 *
 * Return: 0; -EINVAL: there is no such kind; -EOWNERDEAD.
 */
MEMLANE_INLINE int memlane_tally(struct memlane *m, enum memlane_tally_by by, uint32_t which,
				 struct memlane_tally *tally)
{
	return memlane_tally_sized(m, by, which, tally, sizeof(*tally));
}

/**
 * memlane_stat_faults_sized - memlane_stat_faults() for a struct of any version
 * @m: arena
 * @met: see memlane_stat_faults()
 * @times: gets them
 * @size: bytes of *@times
 *
 * Return: as memlane_stat_faults().
 */
MEMLANE_API int memlane_stat_faults_sized(struct memlane *m, enum memlane_fault_met met,
					  struct memlane_fault_times *times, size_t size);

/**
 * memlane_stat_faults - how long page faults took, by what they met
 * @m: arena
 * @met: MEMLANE_FAULT_PAGE, _NEW, _SAME, _COMPRESSED or _STORED
 * @times: gets the sum of ns, and how many faults took 2^i ns or more and less than 2^(i + 1)
 *
 * Reads shared memory: no system call. Where memlane_capabilities() lacks
 * MEMLANE_CAP_MODULE there are none.
 *
 * Return: 0; -EINVAL: there is no such thing to meet; -EOWNERDEAD.
 */
MEMLANE_INLINE int memlane_stat_faults(struct memlane *m, enum memlane_fault_met met,
				       struct memlane_fault_times *times)
{
	return memlane_stat_faults_sized(m, met, times, sizeof(*times));
}

#ifdef __cplusplus
}
#pragma GCC diagnostic pop
#endif

#if defined(__cplusplus) && __cplusplus >= 201103L
/* As at the end of memlane.h. */
int memlane_stat_lane(struct memlane *m, enum memlane_alloc_lane lane,
		      struct memlane_lane_usage *usage) = delete;
int memlane_stat_lane(struct memlane *m, enum memlane_lane_set lane,
		      struct memlane_lane_usage *usage) = delete;
#endif

#endif /* MEMLANE_STAT_H */
