/* SPDX-License-Identifier: MIT */
/*
 * memlane_cold.h - bytes that nobody uses: put away, and brought back
 *
 * With the module (MEMLANE_CAP_COLD of memlane_capabilities()) a page of the SlowLane can be
 * put away: compressed, or as one word if it holds nothing else. A touch, by a program or by
 * the kernel for it, is a page fault that brings it back, with the bytes that
 * were there: no call has to be made first, and memlane_get() looks at nothing more than
 * before. The local backend looks at the handles, puts nothing away, and says that all went well.
 */

/* Brings this header along, too: it comes once. */
#ifndef MEMLANE_H
#include <memlane.h>
#endif

#ifndef MEMLANE_COLD_H
#define MEMLANE_COLD_H

#ifdef __cplusplus
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#endif

/* -------------------------------------------------------- putting away ---- */

/**
 * memlane_cool - put away the pages that an object is on
 * @m: arena
 * @h: handle
 *
 * Pages go whole, with the neighbours that are on them. One stays while an object on it is
 * pinned, of priority 3 or hinted FRAME_CRITICAL. What the kernel holds, and what does not
 * become smaller, stays, and that is no error: memlane_residence() tells what became of it.
 * Sections are not waited for.
 *
 * Return: 0; -EBUSY: it is in the FastLane, or an object on its pages has to stay;
 * -ENOMEM; -EDEADLK: inside a section; -ESTALE, -EXDEV, -EBADF, -ENODATA, -EOWNERDEAD.
 */
MEMLANE_API int memlane_cool(struct memlane *m, memlane_handle h);

/**
 * memlane_cool_batch - put away the pages that objects are on
 * @m: arena
 * @handles: of the objects; in the order of their addresses they go fastest
 * @nr: how many, up to 2^20
 * @step: NULL, or max_ns as a limit, max_bytes 0; gets out_pages_returned, out_ns, out_more
 *
 * Return: how many stay as they are, for the reasons of memlane_cool() or because the time
 * was up; or -EINVAL, -ENOMEM, -EDEADLK, -EOWNERDEAD.
 */
MEMLANE_API int memlane_cool_batch(struct memlane *m, const memlane_handle *handles, uint32_t nr,
				   struct memlane_step *step);

/**
 * memlane_group_cool - put away a group
 * @m: arena
 * @group: 0 to 65535; 0 are the objects of no group
 * @step: as for memlane_cool_batch()
 *
 * Return: as memlane_cool_batch().
 */
MEMLANE_API int memlane_group_cool(struct memlane *m, uint16_t group, struct memlane_step *step);

/**
 * memlane_cool_lane - put away all of a lane that may go
 * @m: arena
 * @lane: MEMLANE_SLOW; in the FastLane every object stays
 * @step: as for memlane_cool_batch()
 *
 * Return: as memlane_cool_batch().
 */
MEMLANE_API int memlane_cool_lane(struct memlane *m, memlane_lane_arg lane,
				  struct memlane_step *step);

/* ---------------------------------------------------------- to a file ---- */

/**
 * memlane_set_backing_max - let a file take what is stored, up to a size
 * @m: arena
 * @fd: of a regular file or a block device, open for reading and writing; the descriptor may
 *	be closed afterwards, and a name is not needed (O_TMPFILE). -1: none any more
 * @max: bytes of it that may be used, at least 128 KiB; 0: what the SlowLane may need.
 *	RLIMIT_FSIZE of the caller bounds it for good
 *
 * What the file has at first is overwritten, and what is left at the arena's end becomes holes. It
 * is one arena's at a time. Nothing that is read there is believed: a page that is not what was
 * written raises SIGBUS, is told of by MEMLANE_EVENT_LOST, and nothing else is lost.
 *
 * Return: 0; -EBADF; -EINVAL: another kind of file, one that appends, or @max; -EACCES: not
 * open for both; -EOPNOTSUPP: no holes can be made in it, or the local backend; -EFBIG,
 * -ENOSPC: no room for 128 KiB, or a device smaller than @max; -ETXTBSY: it is swapped to;
 * -EBUSY: an arena has it, or pages are stored, which memlane_warm_lane() brings back;
 * -EDQUOT: the user has too many; what the file system says to a hole (-EPERM: it is sealed);
 * -EDEADLK: inside a section; -ENOMEM; -EOWNERDEAD.
 */
MEMLANE_API int memlane_set_backing_max(struct memlane *m, int fd, uint64_t max);

/**
 * memlane_set_backing - let a file take what is stored
 * @m: arena
 * @fd: as for memlane_set_backing_max()
 *
 * Return: as memlane_set_backing_max().
 */
MEMLANE_API int memlane_set_backing(struct memlane *m, int fd);

/**
 * memlane_store - put the pages that an object is on into the backing file
 * @m: arena
 * @h: handle
 *
 * As memlane_cool(), and then what was compressed is written to the file, as is what does not
 * become smaller. Its memory is free then, and a touch waits for the file.
 *
 * Return: as memlane_cool(); -ENXIO: there is no file; -ENOSPC: it is full; otherwise what a
 * write said (-EIO, -EFBIG, -EDQUOT). Whatever could not be written is in memory still.
 */
MEMLANE_API int memlane_store(struct memlane *m, memlane_handle h);

/**
 * memlane_store_batch - put the pages that objects are on into the backing file
 * @m: arena
 * @handles: of the objects
 * @nr: how many, up to 2^20
 * @step: as for memlane_cool_batch(); out_pages_returned are those that went to the file
 *
 * Return: as memlane_cool_batch(), or as memlane_store() for the first that was not written.
 */
MEMLANE_API int memlane_store_batch(struct memlane *m, const memlane_handle *handles, uint32_t nr,
				    struct memlane_step *step);

/**
 * memlane_group_store - put a group into the backing file
 * @m: arena
 * @group: 0 to 65535; 0 are the objects of no group
 * @step: as for memlane_store_batch()
 *
 * Return: as memlane_store_batch().
 */
MEMLANE_API int memlane_group_store(struct memlane *m, uint16_t group, struct memlane_step *step);

/**
 * memlane_store_lane - put all of a lane that may go into the backing file
 * @m: arena
 * @lane: MEMLANE_SLOW; in the FastLane every object stays
 * @step: as for memlane_store_batch()
 *
 * Return: as memlane_store_batch().
 */
MEMLANE_API int memlane_store_lane(struct memlane *m, memlane_lane_arg lane,
				   struct memlane_step *step);

/* -------------------------------------------------------- bringing back ---- */

/**
 * memlane_warm - bring all pages of an object back, so that no touch has to
 * @m: arena
 * @h: handle
 *
 * May be called inside a section.
 *
 * Return: 0; -ENOMEM; -EIO: bytes are lost, and a touch of them is a SIGBUS; -ESTALE, -EXDEV,
 * -EBADF, -ENODATA, -EOWNERDEAD.
 */
MEMLANE_API int memlane_warm(struct memlane *m, memlane_handle h);

/**
 * memlane_warm_batch - bring the pages of objects back
 * @m: arena
 * @handles: of the objects
 * @nr: how many, up to 2^20
 * @step: NULL, or max_ns as a limit, max_bytes 0; gets out_remapped_pages (those that came
 *	back), out_ns, out_more
 *
 * Return: how many were not tried or are no objects any more; or -EINVAL, -ENOMEM, -EIO,
 * -EOWNERDEAD.
 */
MEMLANE_API int memlane_warm_batch(struct memlane *m, const memlane_handle *handles, uint32_t nr,
				   struct memlane_step *step);

/**
 * memlane_group_warm - bring a group back
 * @m: arena
 * @group: 0 to 65535; 0 are the objects of no group
 * @step: as for memlane_warm_batch()
 *
 * Return: as memlane_warm_batch().
 */
MEMLANE_API int memlane_group_warm(struct memlane *m, uint16_t group, struct memlane_step *step);

/**
 * memlane_warm_lane - bring a lane back
 * @m: arena
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @step: as for memlane_warm_batch()
 *
 * Return: as memlane_warm_batch().
 */
MEMLANE_API int memlane_warm_lane(struct memlane *m, memlane_lane_arg lane,
				  struct memlane_step *step);

/**
 * memlane_queue_warm - have the arena's thread bring objects back
 * @m: arena; memlane_close() drops what has not begun
 * @handles: of the objects; copied
 * @nr: how many, up to 4096
 * @token: of the event that tells of the end, MEMLANE_EVENT_DONE: its result is that of the
 *	call, its value how many pages came back, its failed how many objects were not tried or
 *	are none any more
 *
 * Does not wait, and may be called inside a section.
 *
 * Return: 0: the event will come; -EINVAL: @nr is 0 or too large; -EAGAIN: 64 calls are
 * waiting already; -ENOMEM.
 */
MEMLANE_API int memlane_queue_warm(struct memlane *m, const memlane_handle *handles, uint32_t nr,
				   uint64_t token);

/* ---------------------------------------------------------------- where ---- */

/**
 * struct memlane_residence - where the bytes of an object are, in pages that it is on
 * @size: bytes of what was filled in
 * @resident: in memory
 * @compressed: put away in memory
 * @stored: in the backing file
 * @lost: nowhere any more: a touch is a SIGBUS
 *
 * A page that holds nothing but zeros and was not touched since is in none of them.
 */
struct memlane_residence {
	uint64_t size;
	uint64_t resident;
	uint64_t compressed;
	uint64_t stored;
	uint64_t lost;
};

/**
 * memlane_residence_sized - memlane_residence() for a struct of any version
 * @m: arena
 * @h: handle
 * @where: gets it
 * @size: bytes of *@where
 *
 * Return: as memlane_residence().
 */
MEMLANE_API int memlane_residence_sized(struct memlane *m, memlane_handle h,
					struct memlane_residence *where, size_t size);

/**
 * memlane_residence - where the bytes of an object are
 * @m: arena
 * @h: handle
 * @where: gets it
 *
 * It may be otherwise by the time that it is read.
 *
 * Return: 0; -ESTALE, -EXDEV, -EBADF, -ENODATA, -EOWNERDEAD.
 */
MEMLANE_INLINE int memlane_residence(struct memlane *m, memlane_handle h,
				     struct memlane_residence *where)
{
	return memlane_residence_sized(m, h, where, sizeof(*where));
}

#ifdef __cplusplus
}
#pragma GCC diagnostic pop
#endif

#if defined(__cplusplus) && __cplusplus >= 201103L
/* As at the end of memlane.h. */
#define MEMLANE_NO_LANE(wrong)									\
	int memlane_cool_lane(struct memlane *m, wrong lane, struct memlane_step *step) = delete;	\
	int memlane_store_lane(struct memlane *m, wrong lane, struct memlane_step *step) = delete;	\
	int memlane_warm_lane(struct memlane *m, wrong lane, struct memlane_step *step) = delete

MEMLANE_NO_LANE(enum memlane_alloc_lane);
MEMLANE_NO_LANE(enum memlane_lane_set);

#undef MEMLANE_NO_LANE
#endif

#endif /* MEMLANE_COLD_H */
