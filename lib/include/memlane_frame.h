/* SPDX-License-Identifier: MIT */
/*
 * memlane_frame.h - scratch memory that ends with a frame
 */

/* Brings this header along, too: it comes once. */
#ifndef MEMLANE_H
#include <memlane.h>
#endif

#ifndef MEMLANE_FRAME_H
#define MEMLANE_FRAME_H

#ifdef __cplusplus
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#endif

/* ------------------------------------------------------------- frames ---- */

/**
 * struct memlane_mark - where a frame began
 * @at: address; NULL: it did not begin
 * @chunk: for the library
 * @frame: as well: how many frames it began in
 * @id: as well: its number among those that the thread has begun
 */
struct memlane_mark {
	unsigned char *at;
	uint32_t chunk;
	uint32_t frame;
	uint64_t id;
};

/* What the inline functions call; not for use. */
MEMLANE_API struct memlane_mark memlane_frame_first(struct memlane *m);
MEMLANE_API void *memlane_frame_more(struct memlane *m, size_t size);
MEMLANE_API int memlane_frame_rewind(struct memlane *m, struct memlane_mark mark);

/**
 * memlane_frame_begin - start a frame of this thread
 * @m: arena
 *
 * What memlane_frame_alloc() gives until memlane_frame_end() is scratch of this
 * frame. Frames nest.
 *
 * Return: the mark for memlane_frame_end(); @at is NULL: the thread cannot join,
 * or there is no memory.
 */
MEMLANE_INLINE struct memlane_mark memlane_frame_begin(struct memlane *m)
{
	struct memlane_self *self = memlane_self;
	struct memlane_mark mark;

	if (__builtin_expect(__atomic_load_n(&self->arena, __ATOMIC_RELAXED) != m, 0) ||
	    __builtin_expect(!self->scratch || self->frames >= MEMLANE_FRAMES, 0))
		return memlane_frame_first(m);
	mark.at = self->scratch;
	mark.chunk = self->chunk;
	mark.frame = self->frames++;
	mark.id = ++self->begun;
	self->frame[mark.frame] = mark.id;
	return mark;
}

/**
 * memlane_frame_alloc - scratch memory until the frame ends
 * @m: arena
 * @size: bytes; the address is a multiple of 16
 *
 * The memory has no handle, does not move, and is not cleared. It is cut from large
 * pinned objects of the FastLane, with the tag MEMLANE_TAG_FRAME, which are kept for
 * later frames of the thread until that leaves; more than a MiB of them for half a second
 * only, after which an outermost frame begins anew.
 *
 * Return: the address, or NULL: the thread is in no frame, or there is no memory.
 */
MEMLANE_INLINE void *memlane_frame_alloc(struct memlane *m, size_t size)
{
	struct memlane_self *self = memlane_self;
	unsigned char *p = self->scratch;

	if (__builtin_expect(__atomic_load_n(&self->arena, __ATOMIC_RELAXED) != m, 0) ||
	    __builtin_expect(size - 1 >= (size_t)(self->scratch_end - p), 0))
		return memlane_frame_more(m, size); /* 0 bytes, too */
	/* The end is a multiple of 16 from here: rounding does not pass it. */
	self->scratch = p + ((size + 15) & ~(size_t)15);
	return p;
}

/**
 * memlane_frame_end - end a frame: its scratch is gone
 * @m: arena
 * @mark: from memlane_frame_begin() of this thread
 *
 * Frames begun inside it end too. In checking mode what was written past the end of
 * scratch, or before it, is reported.
 *
 * Return: 0; -EINVAL: the mark is not of a frame that this thread is in. Of frames in
 * more than 32 others one that has ended may be taken for a later one of its depth.
 */
MEMLANE_INLINE int memlane_frame_end(struct memlane *m, struct memlane_mark mark)
{
	struct memlane_self *self = memlane_self;
	uintptr_t at = (uintptr_t)mark.at - (uintptr_t)self->scratch_base;

	if (__builtin_expect(__atomic_load_n(&self->arena, __ATOMIC_RELAXED) != m, 0) ||
	    __builtin_expect(mark.chunk != self->chunk || !mark.at || !mark.frame, 0) ||
	    __builtin_expect(mark.frame >= self->frames, 0) ||
	    __builtin_expect(mark.id != self->frame[mark.frame % MEMLANE_FRAMES], 0) ||
	    __builtin_expect(at > (uintptr_t)self->scratch - (uintptr_t)self->scratch_base, 0))
		return memlane_frame_rewind(m, mark);
	self->scratch = mark.at;
	self->frames = mark.frame;
	return 0;
}

/**
 * memlane_tick_frame - a frame of the program has passed
 * @m: arena
 *
 * Frames are a clock: every config.frames_per_cycle of them, a maintenance cycle
 * of at most a millisecond runs in the caller's context. Not inside a section.
 *
 * Return: the number of frames so far, or a negative errno value.
 */
MEMLANE_API int64_t memlane_tick_frame(struct memlane *m);

#ifdef __cplusplus
}
#pragma GCC diagnostic pop
#endif

#endif /* MEMLANE_FRAME_H */
