/* SPDX-License-Identifier: MIT */
/*
 * watch.h - arenas that are checked, tracked, or asked for their leaks
 *
 * Such an arena takes the long way through alloc and free (arena.easy_size and
 * arena.hard_free see to that), so that others pay nothing. In checking mode an
 * object's place is
 *
 *	[ GUARD_FRONT bytes | the object | GUARD_BACK bytes | slack ]
 *
 * hot.data is GUARD_FRONT higher, so every address that is made from it is the
 * object's; and hot.match never fits, so memlane_get() always calls.
 */
#ifndef LIB_WATCH_H
#define LIB_WATCH_H

#include "arena.h"

#define GUARD_FRONT	64U
#define GUARD_BACK	32U
#define GUARD_ALIGN	GUARD_FRONT
/* A bit of the flags that no entry has. */
#define GUARD_MATCH	(1ULL << 58)

/**
 * struct note - what is kept of an object, by index; relaxed atomics
 * @born: ms of the coarse clock
 * @looks: see struct memlane_track
 * @used: as well
 * @promoted: as well
 * @demoted: as well
 * @lane: where it was seen last
 * @born_slow: sign of its handle
 */
struct note {
	uint32_t born;
	uint16_t looks;
	uint16_t used;
	uint16_t promoted;
	uint16_t demoted;
	uint8_t lane;
	uint8_t born_slow;
	uint16_t __spare;
};
_Static_assert(sizeof(struct note) == 16, "what tracking may cost");

#define TALLY_BLOB	MEMLANE_CLASSES
#define TALLIES		(MEMLANE_CLASSES + 1)

/* Objects freed by one slot's threads, one after the other: by class, then blobs. */
struct tally {
	uint64_t frees[TALLIES];
	uint64_t age_ms[TALLIES];
};

/**
 * struct watch - of an arena; immutable but for what the notes and tallies hold
 * @guard: checking mode
 * @leaks: report what is left at the end
 * @tracking: keep histories
 * @pad: bytes that an object takes more
 * @report: gets reports, or NULL
 * @arg: for @report
 * @note: of each index
 * @notes: that may be written, from the first one on; atomic, only grows
 * @tally: of each slot, made at its first free; atomic pointers
 * @lock: held in checking mode while an object is made or freed, and while all
 *	are looked at; taken inside sections and outside
 */
struct watch {
	bool guard;
	bool leaks;
	bool tracking;
	uint32_t pad;
	memlane_report_fn report;
	void *arg;
	struct note *note;
	uint64_t notes;
	struct tally **tally;
	pthread_mutex_t lock;
};

static inline bool is_guarded(const struct memlane *m)
{
	return m->watch && m->watch->guard;
}

/* watch.c */
int watch_open(struct memlane *m, const struct memlane_config *c);
void watch_leaks(struct memlane *m);
void watch_close(struct memlane *m);
int watch_alloc(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
		memlane_handle *out);
int watch_free(struct memlane *m, memlane_handle h);
void watch_wrong(struct memlane *m, uint32_t kind, memlane_handle h, int64_t offset);
bool watch_may_get(struct memlane *m, memlane_handle h);
memlane_handle watch_handle(const struct memlane *m, memlane_handle h);
void watch_tell(struct memlane *m, struct memlane_report *r, memlane_report_fn report, void *arg);

/* guard.c */
void guard_put(struct memlane *m, memlane_handle h, uint64_t size);
bool guard_look(struct memlane *m, const struct memlane_object *o, memlane_report_fn report,
		void *arg);

/* track.c */
void track_begin(struct memlane *m, memlane_handle h);
void track_end(struct memlane *m, const struct note *note, uint32_t cls);
void track_look(struct memlane *m);

/* cache.c */
int cache_alloc(struct memlane *m, uint64_t size, uint32_t pad,
		const struct memlane_alloc_opts *opts, memlane_handle *out);
int cache_free(struct memlane *m, memlane_handle h);

#endif /* LIB_WATCH_H */
