/* SPDX-License-Identifier: MIT */
/*
 * memlane_group.h - what a program says of objects: groups, hints, priorities, names of tags
 */

/* Brings this header along, too: it comes once. */
#ifndef MEMLANE_H
#include <memlane.h>
#endif

#ifndef MEMLANE_GROUP_H
#define MEMLANE_GROUP_H

#include <memlane_stat.h>

#ifdef __cplusplus
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#endif

/* ------------------------------------------------------------- groups ---- */

/*
 * An object has the group that it was made with; 0 is that of memlane_alloc().
 * Scratch of frames is in none.
 */

/**
 * memlane_group_free - free all objects of a group
 * @m: arena
 * @group: 0 to 65535
 *
 * Dropped ones too. See memlane_each() for the cost.
 *
 * Return: how many are left because they are pinned, or a negative errno value.
 */
MEMLANE_API int memlane_group_free(struct memlane *m, uint16_t group);

/**
 * memlane_group_migrate - move all objects of a group to a lane
 * @m: arena
 * @group: 0 to 65535
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 *
 * Return: how many did not arrive, or a negative errno value.
 */
MEMLANE_API int memlane_group_migrate(struct memlane *m, uint16_t group, memlane_lane_arg lane);

/**
 * memlane_group_pin - pin each object of a group once
 * @m: arena
 * @group: 0 to 65535
 *
 * Return: how many were pinned, or a negative errno value; then none is. -ENOMEM
 * also where there is no memory to note them down.
 */
MEMLANE_API int memlane_group_pin(struct memlane *m, uint16_t group);

/**
 * memlane_group_unpin - take back one pin of each object of a group
 * @m: arena
 * @group: 0 to 65535
 *
 * Return: how many were not pinned, or a negative errno value.
 */
MEMLANE_API int memlane_group_unpin(struct memlane *m, uint16_t group);

/**
 * memlane_set_purgeable - may a group be dropped when memory is short?
 * @m: arena
 * @group: of objects
 * @purgeable: true: its objects may go, except for those pinned; they say -ENODATA
 *
 * They go by priority, lowest first, and no more of them than needed: from a lane under
 * pressure until it is not (config.slow_lane_usage_threshold); before a request would
 * be refused for want of room; all of them when the system is short of memory.
 *
 * Return: 0; -ENOMEM; -EOWNERDEAD.
 */
MEMLANE_API int memlane_set_purgeable(struct memlane *m, uint16_t group, bool purgeable);

/**
 * typedef memlane_dropped_fn - told of one object that was dropped
 * @arg: as it was passed
 * @object: what it was; good during the call. Its handle is freed already
 *
 * Runs in the thread that called memlane_group_reap(), under no lock of the library: every
 * call is allowed but memlane_close().
 */
typedef void (*memlane_dropped_fn)(void *arg, const struct memlane_object *object);

/**
 * memlane_group_reap - free what was dropped of a purgeable group, and hear of each
 * @m: arena
 * @group: 0 to 65535
 * @fn: called once for each, to forget the handle; NULL: they are just freed
 * @arg: for @fn
 *
 * Objects are dropped when memory is short, in the middle of any call and by the kernel:
 * nothing of the program can run there. MEMLANE_EVENT_PURGED tells that there are some; this
 * is for the program's next quiet moment. Where threads call it at the same time, each
 * object is told to one of them. See memlane_each() for the cost.
 *
 * Return: how many there were, or a negative errno value.
 */
MEMLANE_API int memlane_group_reap(struct memlane *m, uint16_t group, memlane_dropped_fn fn,
				   void *arg);

/**
 * memlane_group_purgeable - memlane_set_purgeable() by its other name
 * @m: arena
 * @group: 0 to 65535
 * @purgeable: may its objects be dropped when memory is short?
 *
 * Return: 0 or -ENOMEM.
 */
MEMLANE_INLINE int memlane_group_purgeable(struct memlane *m, uint16_t group, bool purgeable)
{
	return memlane_set_purgeable(m, group, purgeable);
}

/* -------------------------------------------------------------- notes ---- */

/**
 * memlane_set_hints - tell the policy what is known of an object
 * @m: arena
 * @h: handle
 * @hints: MEMLANE_HINT_FRAME_CRITICAL keeps it in the FastLane, whatever its size and
 *	other hints; _COLD, _OLD and _EVICTABLE let maintenance move it to the SlowLane,
 *	whatever its use and priority, and keep it there
 *
 * To say something of an object is no use of it: it ages as before.
 *
 * Return: 0; -EOPNOTSUPP: unknown hint; errors of memlane_try_pin(), as the object is
 * pinned meanwhile: -EOVERFLOW where it has MEMLANE_PIN_MAX pins already.
 */
MEMLANE_API int memlane_set_hints(struct memlane *m, memlane_handle h, uint32_t hints);

/**
 * memlane_hints - what memlane_set_hints() or memlane_alloc_with() said
 * @m: arena
 * @h: handle
 *
 * Return: MEMLANE_HINT_* bits, or a negative errno value.
 */
MEMLANE_API int memlane_hints(struct memlane *m, memlane_handle h);

/**
 * memlane_set_priority - how much an object matters to the program
 * @m: arena
 * @h: handle
 * @priority: 0 to 3
 *
 * An object of the FastLane that was not used of late leaves it
 *	0	at the next maintenance
 *	1	when the lane is half full
 *	2	when the lane is at config.compaction_threshold
 *	3	never
 * and of purgeable objects those with a lower one are dropped first.
 *
 * Return: 0; -EINVAL: no such priority; errors of memlane_try_pin(), as for
 * memlane_set_hints().
 */
MEMLANE_API int memlane_set_priority(struct memlane *m, memlane_handle h, uint32_t priority);

/**
 * memlane_priority - what memlane_set_priority() or memlane_alloc_with() said
 * @m: arena
 * @h: handle
 *
 * Return: 0 to 3, or a negative errno value.
 */
MEMLANE_API int memlane_priority(struct memlane *m, memlane_handle h);

/**
 * memlane_tag_name - give a tag a name, for reports
 * @m: arena
 * @tag: 0 to 65535
 * @name: is copied; NULL: none any more
 *
 * Return: 0; -ENOMEM; -EOWNERDEAD.
 */
MEMLANE_API int memlane_tag_name(struct memlane *m, uint16_t tag, const char *name);

/**
 * memlane_name_of_tag - the name that a tag has
 * @m: arena
 * @tag: 0 to 65535
 *
 * Return: its name, good until memlane_close(); "" if it has none.
 */
MEMLANE_API const char *memlane_name_of_tag(struct memlane *m, uint16_t tag);

#ifdef __cplusplus
}
#pragma GCC diagnostic pop
#endif

#if defined(__cplusplus) && __cplusplus >= 201103L
/* As at the end of memlane.h. */
int memlane_group_migrate(struct memlane *m, uint16_t group,
			  enum memlane_alloc_lane lane) = delete;
int memlane_group_migrate(struct memlane *m, uint16_t group, enum memlane_lane_set lane) = delete;
#endif

#endif /* MEMLANE_GROUP_H */
