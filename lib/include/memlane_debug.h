/* SPDX-License-Identifier: MIT */
/*
 * memlane_debug.h - what is wrong: checking mode, leaks, histories, and what the system refused
 */

/* Brings this header along, too: it comes once. */
#ifndef MEMLANE_H
#include <memlane.h>
#endif

#ifndef MEMLANE_DEBUG_H
#define MEMLANE_DEBUG_H

#ifdef __cplusplus
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#endif

/* ------------------------------------------------- reports and tracking ---- */

/**
 * enum memlane_report_kind - what a report is about
 * @MEMLANE_REPORT_UNDERRUN: bytes before an object were overwritten; or before frame
 *	scratch, which has no handle and the tag MEMLANE_TAG_FRAME
 * @MEMLANE_REPORT_OVERRUN: bytes behind an object, or frame scratch, were overwritten
 * @MEMLANE_REPORT_GET: memlane_get() or memlane_try_get() outside a section
 * @MEMLANE_REPORT_EXIT: memlane_exit() without memlane_enter()
 * @MEMLANE_REPORT_UNPIN: memlane_unpin() of what is not pinned
 * @MEMLANE_REPORT_FRAME: frame scratch was written after its frame ended
 * @MEMLANE_REPORT_LEAK: an object was not freed when the arena was closed
 * @MEMLANE_REPORT_MARK: memlane_frame_end() of a frame that this thread is not in
 */
enum memlane_report_kind {
	MEMLANE_REPORT_UNDERRUN,
	MEMLANE_REPORT_OVERRUN,
	MEMLANE_REPORT_GET,
	MEMLANE_REPORT_EXIT,
	MEMLANE_REPORT_UNPIN,
	MEMLANE_REPORT_FRAME,
	MEMLANE_REPORT_LEAK,
	MEMLANE_REPORT_MARK
};

/**
 * struct memlane_report - one thing that is wrong
 * @kind: enum memlane_report_kind
 * @tag: of the object
 * @group: of the object
 * @handle: of the object, as it was given out; 0: there is none
 * @bytes: asked for
 * @offset: of the first wrong byte from the start of the object or scratch, negative
 *	before it
 * @tag_name: of the tag, or ""
 * @text: all of this in a sentence, of the name 64 bytes; good during the call
 */
struct memlane_report {
	uint32_t kind;
	uint16_t tag;
	uint16_t group;
	memlane_handle handle;
	uint64_t bytes;
	int64_t offset;
	const char *tag_name;
	const char *text;
};

/**
 * memlane_check - look at the guard bytes of all objects
 * @m: arena, opened with config.guard
 * @report: gets what is damaged; NULL: config.report, or stderr
 * @arg: for @report
 *
 * Return: how many objects are damaged; -EOPNOTSUPP: no guards here.
 */
MEMLANE_API int memlane_check(struct memlane *m, memlane_report_fn report, void *arg);

/**
 * struct memlane_track - the history of an object
 * @age_ms: since it was made, to some 10 ms; it begins anew after 2^32 ms, 49 days
 * @looks: times that the library looked: before each maintenance cycle; where the cycle
 *	has a limit of time, at as many objects as a quarter of it is enough for, and at
 *	the next ones before the next cycle
 * @used: of these, how often it had been used in the ageing period; when @looks is
 *	full, at 65535, both are halved
 * @promoted: moves to the FastLane that were seen, up to 65535: by memlane_migrate()
 *	and its like, except for memlane_queue_migrate(), and whatever made a difference
 *	from one look to the next
 * @demoted: the same to the SlowLane
 */
struct memlane_track {
	uint32_t age_ms;
	uint16_t looks;
	uint16_t used;
	uint16_t promoted;
	uint16_t demoted;
};

/**
 * memlane_track_sized - memlane_track() for a struct of any version
 * @m: arena, opened with config.tracking
 * @h: handle
 * @track: gets it
 * @size: bytes of *@track
 *
 * Return: as memlane_track().
 */
MEMLANE_API int memlane_track_sized(struct memlane *m, memlane_handle h,
				    struct memlane_track *track, size_t size);

/**
 * memlane_track - the history of an object
 * @m: arena, opened with config.tracking
 * @h: handle
 * @track: gets it
 *
 * Return: 0; -EOPNOTSUPP: no tracking here; -ESTALE, -EXDEV, -EBADF, -ENODATA.
 */
MEMLANE_INLINE int memlane_track(struct memlane *m, memlane_handle h,
				 struct memlane_track *track)
{
	return memlane_track_sized(m, h, track, sizeof(*track));
}

/**
 * enum memlane_advice_kind - what would be better
 * @MEMLANE_ADVISE_POOL: objects of this size come and go quickly: keep some
 * @MEMLANE_ADVISE_FAST: objects of this tag are used all the time, but live in
 *	the SlowLane: make them in the FastLane
 * @MEMLANE_ADVISE_SLOW: objects of this tag are hardly used, but live in the
 *	FastLane: make them in the SlowLane, or hint that they are cold
 * @MEMLANE_ADVISE_STAY: objects of this tag went to and fro between the lanes:
 *	hint that they are frame critical, or make them in the SlowLane
 */
enum memlane_advice_kind {
	MEMLANE_ADVISE_POOL,
	MEMLANE_ADVISE_FAST,
	MEMLANE_ADVISE_SLOW,
	MEMLANE_ADVISE_STAY
};

/**
 * struct memlane_advice - one recommendation
 * @kind: enum memlane_advice_kind
 * @tag: which tag; not for POOL
 * @bytes: POOL: largest size of the class
 * @objects: how many it is about
 * @text: all of this in a sentence, with 64 bytes of the tag's name; good during the
 *	call
 */
struct memlane_advice {
	uint32_t kind;
	uint16_t tag;
	uint64_t bytes;
	uint64_t objects;
	const char *text;
};

/**
 * typedef memlane_advice_fn - told of one recommendation by memlane_recommend()
 * @arg: as it was passed
 * @advice: good during the call
 *
 * Runs in the thread that called memlane_recommend(), under no lock of the library:
 * every call is allowed but memlane_close(). It is not cancelled in there.
 */
typedef void (*memlane_advice_fn)(void *arg, const struct memlane_advice *advice);

/**
 * memlane_recommend - what the history of the objects speaks for
 * @m: arena, opened with config.tracking
 * @fn: gets the recommendations; NULL: stderr
 * @arg: for @fn
 *
 * Return: how many there were; -EOPNOTSUPP: no tracking here; -ENOMEM.
 */
MEMLANE_API int memlane_recommend(struct memlane *m, memlane_advice_fn fn, void *arg);

/* ------------------------------------------------------------ refusals ---- */

/**
 * memlane_explain - what the system refused to this thread's last call
 * @text: gets a sentence: which function of the system, how many bytes, which limit was
 *	met, as far as can be seen now, and what to raise or which fields of struct
 *	memlane_config to lower; an empty one where nothing was refused; NULL: none is
 *	wanted
 * @size: bytes there, 0 with NULL; 400 are always enough
 *
 * To be called right after the call that failed, by the same thread. Takes no memory, but
 * reads limits and files of /proc.
 *
 * Return: 0: the system has refused nothing; or the errno value that it gave, negative.
 */
MEMLANE_API int memlane_explain(char *text, size_t size);

#ifdef __cplusplus
}
#pragma GCC diagnostic pop
#endif

#endif /* MEMLANE_DEBUG_H */
