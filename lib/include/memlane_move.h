/* SPDX-License-Identifier: MIT */
/*
 * memlane_move.h - many objects at once and in the background; events; what moves cost and who stops them
 */

/* Brings this header along, too: it comes once. */
#ifndef MEMLANE_H
#include <memlane.h>
#endif

#ifndef MEMLANE_MOVE_H
#define MEMLANE_MOVE_H

#ifdef __cplusplus
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#endif

/* --------------------------------------------- before and after moves ---- */

/**
 * memlane_migration_cost_sized - memlane_migration_cost() for a struct of any version
 * @m: arena
 * @h: handle
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @cost: gets it
 * @size: bytes of *@cost, which become @cost->size
 *
 * Return: as memlane_migration_cost().
 */
MEMLANE_API int memlane_migration_cost_sized(struct memlane *m, memlane_handle h,
					     memlane_lane_arg lane,
					     struct memlane_cost *cost, size_t size);

/**
 * memlane_migration_cost - what a migration would cost, before the fact
 * @m: arena
 * @h: handle
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @cost: gets bytes or pages, estimated ns, heat, and the reasons for and against
 *
 * Return: 0; -EINVAL: no such lane; -ESTALE, -EXDEV, -EBADF, -ENODATA.
 */
MEMLANE_INLINE int memlane_migration_cost(struct memlane *m, memlane_handle h,
					  memlane_lane_arg lane, struct memlane_cost *cost)
{
	return memlane_migration_cost_sized(m, h, lane, cost, sizeof(*cost));
}

/**
 * memlane_blockers - who kept objects from moving
 * @m: arena
 * @records: gets them, the latest first
 * @nr: room there; MEMLANE_BLOCKERS are kept
 *
 * Return: how many were written, or a negative errno value.
 */
MEMLANE_API int memlane_blockers(struct memlane *m, struct memlane_blocker *records,
				 uint32_t nr);

/**
 * memlane_pin_long - keep an object where it is, but out of compaction's way
 * @m: arena
 * @h: handle
 * @p: gets the address; NULL on error
 *
 * As memlane_try_pin(), after the object was moved to where other pinned objects
 * are, if it could be: for pins of more than some milliseconds.
 *
 * Return: as memlane_try_pin(); -EDEADLK: inside a section.
 */
MEMLANE_API int memlane_pin_long(struct memlane *m, memlane_handle h, void **p);

/* -------------------------------------------------------- many at once ---- */

/**
 * memlane_alloc_many - make objects of one size
 * @m: arena
 * @size: bytes of each, 1 to MEMLANE_SIZE_MAX
 * @opts: NULL, or wishes for each of them
 * @handles: room for @nr; gets 0 for those that were not made
 * @nr: how many, up to 2^20
 *
 * As so many calls of memlane_alloc_with(), for less: one refill of the thread's stock is for
 * many of them. It ends at the first that is refused; those before it are made, and the
 * caller's to keep or to free.
 *
 * Return: how many were made, the first ones of @handles; or, if none was, what
 * memlane_alloc_with() says of the first. Less than @nr: another call for the rest tells why.
 */
MEMLANE_API int memlane_alloc_many(struct memlane *m, uint64_t size,
				   const struct memlane_alloc_opts *opts,
				   memlane_handle *handles, uint32_t nr);

/**
 * memlane_free_many - end objects
 * @m: arena
 * @handles: of the objects, in any order, of any sizes; 0: nothing is done
 * @nr: how many, up to 2^20
 * @results: NULL, or gets for each 0 or an error as of memlane_free()
 *
 * As so many calls of memlane_free(), one after the other, for less: what is refused stays as it
 * is, and those behind it are freed all the same. A handle that is there twice is freed once, and
 * stale the second time.
 *
 * Return: how many were not freed; or -EINVAL, -ENOMEM, -EUSERS, -EOWNERDEAD, and then none was
 * tried.
 */
MEMLANE_API int memlane_free_many(struct memlane *m, const memlane_handle *handles, uint32_t nr,
				  int32_t *results);

/**
 * memlane_migrate_batch - move objects to a lane
 * @m: arena
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @handles: of the objects
 * @nr: how many, up to 2^20
 * @results: NULL, or gets for each 0 or an error as of memlane_migrate();
 *	-EAGAIN also for those not tried because a limit was reached
 * @step: NULL, or limits and what was done
 *
 * Return: how many did not arrive, or a negative errno value.
 */
MEMLANE_API int memlane_migrate_batch(struct memlane *m, memlane_lane_arg lane,
				      const memlane_handle *handles, uint32_t nr,
				      int32_t *results, struct memlane_step *step);

/**
 * memlane_compact_until - compact until it is good enough
 * @m: arena
 * @lanes: enum memlane_lane_set; 0: both
 * @hole: good enough when the lane could hold one more object of so many bytes; 0: not
 *	looked at
 * @usage: good enough when no more than this part of the lane's limit is in use, 0 to
 *	1, to a thousandth; 0: not looked at
 * @step: NULL, or limits and what was done
 *
 * Each lane is left as soon as one of both is reached; with neither this is
 * memlane_compact(), fully.
 *
 * Return: as memlane_compact(); -EINVAL also: @usage is out of range.
 */
MEMLANE_API int memlane_compact_until(struct memlane *m, memlane_lane_set_arg lanes, uint64_t hole,
				      double usage, struct memlane_step *step);

/**
 * typedef memlane_migrated_fn - memlane_migrate_async() has ended
 * @arg: as it was passed
 * @failed: what memlane_migrate_batch() returned
 *
 * Runs in a thread of the library, in no section.
 */
typedef void (*memlane_migrated_fn)(void *arg, int failed);

/**
 * memlane_migrate_async - move objects to a lane while the caller goes on
 * @m: arena; memlane_close() waits for the end
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @handles: of the objects; copied
 * @nr: how many, up to 2^20
 * @done: called at the end; NULL: nobody
 * @arg: for @done
 *
 * Return: 0: @done will be called; -EINVAL: no such lane, or @nr is 0 or too
 * large; -ENOMEM, -EAGAIN: no memory, or no thread.
 */
MEMLANE_API int memlane_migrate_async(struct memlane *m, memlane_lane_arg lane,
				      const memlane_handle *handles,
				      uint32_t nr, memlane_migrated_fn done, void *arg);

/* ------------------------------------------------------------- events ---- */

/*
 * What happened in the arena, as records in the order of its happening: see enum
 * memlane_event_type and struct memlane_event of linux/memlane.h. The last 64 are
 * kept. A record is given to one reader: of an arena that processes share, to the
 * first of them who asks.
 */

/**
 * memlane_event_fd - a descriptor for poll(), epoll and io_uring
 * @m: arena
 *
 * Readable while there are events. It is the library's, good until memlane_close(),
 * and memlane_read_events() reads them. With the module it is memlane_fd(), whose
 * read() gives the records too; nothing else is to be read from the local backend's.
 *
 * Return: a descriptor; -EMFILE, -ENFILE, -ENOMEM; -EOWNERDEAD.
 */
MEMLANE_API int memlane_event_fd(struct memlane *m);

/**
 * memlane_read_events_sized - memlane_read_events() for a struct of any version
 * @m: arena
 * @events: gets them, the oldest first
 * @nr: room there
 * @size: bytes of each, of which its own member says how many were filled in
 *
 * Return: as memlane_read_events().
 */
MEMLANE_API int memlane_read_events_sized(struct memlane *m, struct memlane_event *events,
					  uint32_t nr, size_t size);

/**
 * memlane_read_events - take the oldest events; does not wait
 * @m: arena
 * @events: gets them, the oldest first
 * @nr: room there
 *
 * Return: how many there were, up to @nr; or a negative errno value.
 */
MEMLANE_INLINE int memlane_read_events(struct memlane *m, struct memlane_event *events,
				       uint32_t nr)
{
	return memlane_read_events_sized(m, events, nr, sizeof(*events));
}

/**
 * memlane_queue_migrate - move objects to a lane in the background
 * @m: arena; memlane_close() drops what has not begun
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @handles: of the objects; copied
 * @nr: how many, up to 4096
 * @token: of the event that tells of the end, MEMLANE_EVENT_DONE: its result is that
 *	of the call, its value how many moved, its failed how many did not arrive
 *
 * Does not wait: may be called inside a section, which holds the move up.
 *
 * Return: 0: the event will come; -EINVAL: no such lane, or @nr is 0 or too large;
 * -EAGAIN: 64 calls are waiting already; -ENOMEM.
 */
MEMLANE_API int memlane_queue_migrate(struct memlane *m, memlane_lane_arg lane,
				      const memlane_handle *handles,
				      uint32_t nr, uint64_t token);

/**
 * memlane_queue_compact - compact in the background
 * @m: arena; memlane_close() drops what has not begun
 * @lanes: as for memlane_compact()
 * @hole: as for memlane_compact()
 * @token: of the event that tells of the end; its value is how many objects moved
 *
 * Return: 0: the event will come; -EAGAIN, -ENOMEM: as memlane_queue_migrate(). What
 * memlane_compact() would have refused is the event's result.
 */
MEMLANE_API int memlane_queue_compact(struct memlane *m, memlane_lane_set_arg lanes, uint64_t hole,
				      uint64_t token);

#ifdef __cplusplus
}
#pragma GCC diagnostic pop
#endif

#if defined(__cplusplus) && __cplusplus >= 201103L
/* As at the end of memlane.h. */
#define MEMLANE_NO_LANE(wrong)									\
	int memlane_migrate_batch(struct memlane *m, wrong lane, const memlane_handle *handles,	\
				  uint32_t nr, int32_t *results, struct memlane_step *step) = delete;	\
	int memlane_migrate_async(struct memlane *m, wrong lane, const memlane_handle *handles,	\
				  uint32_t nr, memlane_migrated_fn done, void *arg) = delete;	\
	int memlane_queue_migrate(struct memlane *m, wrong lane, const memlane_handle *handles,	\
				  uint32_t nr, uint64_t token) = delete;			\
	int memlane_migration_cost(struct memlane *m, memlane_handle h, wrong lane,		\
				   struct memlane_cost *cost) = delete

#define MEMLANE_NO_LANE_SET(wrong)								\
	int memlane_compact_until(struct memlane *m, wrong lanes, uint64_t hole,		\
				  double usage, struct memlane_step *step) = delete;		\
	int memlane_queue_compact(struct memlane *m, wrong lanes, uint64_t hole,		\
				  uint64_t token) = delete

MEMLANE_NO_LANE(enum memlane_alloc_lane);
MEMLANE_NO_LANE(enum memlane_lane_set);
MEMLANE_NO_LANE_SET(enum memlane_lane);
MEMLANE_NO_LANE_SET(enum memlane_alloc_lane);

#undef MEMLANE_NO_LANE
#undef MEMLANE_NO_LANE_SET
#endif

#endif /* MEMLANE_MOVE_H */
