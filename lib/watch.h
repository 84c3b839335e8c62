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
 * object's; and nothing is below hot.limit, so memlane_get() always calls.
 */
#ifndef LIB_WATCH_H
#define LIB_WATCH_H

#include "arena.h"

#define GUARD_FRONT	64U
#define GUARD_BACK	32U
#define GUARD_ALIGN	GUARD_FRONT
/* In self.depth: the section has been given addresses, and its end is not the short one. */
#define DEPTH_GIVEN	(1U << 31)

/**
 * struct note - what is kept of an object, by index; relaxed atomics
 * @born: ms of the coarse clock, as far as the keeper has told it
 * @looks: see struct memlane_track
 * @used: as well
 * @promoted: as well
 * @demoted: as well
 * @lane: where it was seen last
 * @told: a tool that checks memory knows of it: see memtool.c
 */
struct note {
	uint32_t born;
	uint16_t looks;
	uint16_t used;
	uint16_t promoted;
	uint16_t demoted;
	uint8_t lane;
	uint8_t told;
	uint8_t __spare[2];
};
_Static_assert(sizeof(struct note) == 16, "what tracking may cost");

#define TALLY_BLOB	MEMLANE_CLASSES_MAX
#define TALLIES		(MEMLANE_CLASSES_MAX + 1)

/* As it is written when an object is made: two words. */
#define NOTE_LANE_SHIFT	     32
_Static_assert(offsetof(struct note, born) == 0 && offsetof(struct note, lane) == 12,
	       "words of a note");

/* Objects freed by one slot's threads, one after the other: by class, then blobs. */
struct tally {
	struct {
		__u64 frees;
		__u64 age_ms;
	} of[TALLIES];
};

/**
 * struct keeper - the thread of a tracked arena
 * @lock: protects @interval, @next and @stop
 * @wake: one of these has changed
 * @interval: ns between cycles; 0: none
 * @next: when a cycle is due, ns
 * @stop: the thread is to end; atomic too
 * @more: the last cycle was cut short; the thread's own, but while it waits
 * @idle: times that nobody asked for the clock; the thread's own
 * @running: there is a thread; immutable from open to close
 * @thread: which
 */
struct keeper {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t interval;
	uint64_t next;
	bool stop;
	bool more;
	unsigned int idle;
	bool running;
	pthread_t thread;
};

/**
 * struct watch - of an arena; immutable except for what the notes and tallies hold
 * @guard: checking mode
 * @leaks: report what is left at the end
 * @tracking: keep histories
 * @moves: objects move after each use: see moves.c
 * @pad: bytes that an object takes more
 * @report: gets reports, or NULL
 * @arg: for @report
 * @note: of each index
 * @notes: those of indices below may be written; atomic, only grows
 * @tally: of each slot, made at its first free; atomic pointers
 * @clock: ms of the coarse clock, a little ago; 0: nobody tells; atomic
 * @asked: somebody looked at @clock; atomic
 * @cursor: the index at which limited looks go on; atomic
 * @keeper: where histories are kept
 * @lock: held in checking mode while an object is made or freed, and while all
 *	are looked at; taken inside sections and outside
 */
struct watch {
	bool guard;
	bool leaks;
	bool tracking;
	bool moves;
	uint32_t pad;
	memlane_report_fn report;
	void *arg;
	struct note *note;
	uint64_t notes;
	struct tally **tally;
	uint32_t clock;
	bool asked;
	uint64_t cursor;
	struct keeper keeper;
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
int watch_join(struct memlane *m);
int watch_make(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
	       memlane_handle *out);
int watch_end_object(struct memlane *m, memlane_handle h);
void watch_wrong(struct memlane *m, uint32_t kind, memlane_handle h, int64_t offset);
bool watch_may_get(struct memlane *m, memlane_handle h);
void watch_tell(struct memlane *m, struct memlane_report *r, memlane_report_fn report, void *arg);

/* guard.c */
void guard_put(struct memlane *m, memlane_handle h, uint64_t size);
bool guard_look(struct memlane *m, const struct memlane_object *o, memlane_report_fn report,
		void *arg);

/* moves.c */
uint32_t moves_pad(const struct watch *w, uint64_t size);
void moves_given(struct memlane *m, memlane_handle h);
void moves_end(struct memlane *m, struct thread *t);
void moves_unpinned(struct memlane *m, memlane_handle h);

/* track.c */
uint32_t clock_ms(void);
struct tally *track_tally(struct memlane *m, struct thread *t);
uint64_t track_piece(struct memlane *m, uint64_t from);
void track_migrated(struct memlane *m, const memlane_handle *handles, uint32_t nr);
uint64_t track_look(struct memlane *m, uint64_t max_ns);
void track_moves(const struct memlane *m, uint32_t index, struct memlane_usage *usage);

/* keeper.c */
int keeper_open(struct memlane *m);
void keeper_close(struct memlane *m);
bool keeper_runs(const struct memlane *m);
void keeper_pace(struct memlane *m, uint64_t ns);
bool keeper_interval(struct memlane *m, uint64_t *ns);

/* alloc.c */
int alloc_unwatched(struct memlane *m, uint64_t size, uint32_t pad,
		    const struct memlane_alloc_opts *opts, memlane_handle *out);

/* free.c */
int free_unwatched(struct memlane *m, memlane_handle h);

/* What is kept of an index of the arena: nothing where no note of it may be written yet. */
static inline const struct note *note_look(const struct watch *w, uint32_t index)
{
	static const struct note nothing;

	return likely(index < __atomic_load_n(&w->notes, __ATOMIC_ACQUIRE)) ? &w->note[index] : &nothing;
}

/* ms, a little ago. */
static inline uint32_t watch_clock(struct watch *w)
{
	uint32_t ms = __atomic_load_n(&w->clock, __ATOMIC_RELAXED);

	if (!__atomic_load_n(&w->asked, __ATOMIC_RELAXED))
		__atomic_store_n(&w->asked, true, __ATOMIC_RELAXED);
	return likely(ms) ? ms : clock_ms();
}

/* An object was made, and is told to nobody yet. */
static inline void track_begin(struct memlane *m, memlane_handle h)
{
	struct watch *w = m->watch;
	uint32_t index = memlane_handle_index(h);
	uint64_t *note = (uint64_t *)&w->note[index];
	uint64_t lane = entry_lane(m, index, entry_load(m, index)), born = w->tracking ? watch_clock(w) : 0;

	__atomic_store_n(&note[0], born, __ATOMIC_RELAXED);
	__atomic_store_n(&note[1], lane << NOTE_LANE_SHIFT, __ATOMIC_RELAXED);
}

/* An object was freed by this thread, which takes part in the arena. */
static inline void track_end(struct memlane *m, uint32_t born, uint32_t cls)
{
	struct tally *tally = this_thread()->tally;
	uint32_t i = cls < MEMLANE_CLASSES_MAX ? cls : TALLY_BLOB;
	uint32_t age = watch_clock(m->watch) - born;

	if (unlikely(!tally))
		tally = track_tally(m, this_thread());
	if (unlikely(!tally))
		return;
	count(&tally->of[i].frees, 1);
	/* Where another clock was looked at than at its birth, it may be younger than that. */
	count(&tally->of[i].age_ms, (int32_t)age > 0 ? age : 0);
}

#endif /* LIB_WATCH_H */
