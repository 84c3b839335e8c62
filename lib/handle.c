// SPDX-License-Identifier: MIT
/* handle.c - what a handle names, and what is known of it */
#include <errno.h>
#include <sched.h>
#include <time.h>

#include "backend.h"
#include "watch.h"

/* How long a free that has not looked at the pins yet is waited for: a second in all. */
#define FREE_YIELDS 100
#define FREE_NAPS   10000
#define FREE_NAP_NS 100000

const uint64_t small_nothing[16];

/**
 * handle_check - can this be a handle of this arena?
 * @m: arena
 * @h: any value
 *
 * Return: 0 if its index may be looked up, as it was given out once; -EXDEV, -EBADF.
 */
int handle_check(const struct memlane *m, memlane_handle h)
{
	uint32_t cookie = memlane_handle_cookie(h), nr = memlane_handle_index(h) - m->first;

	if (!cookie || h & MEMLANE_HANDLE_ZEROS)
		return -EBADF;
	if (cookie != m->cookie)
		return -EXDEV;
	return nr && nr <= indices_given(m) && memlane_handle_gen(h) ? 0 : -EBADF;
}

/* Freed, and its index is not used again: by a free that may take itself back. */
bool entry_is_ended(uint64_t e, memlane_handle h)
{
	return !memlane_entry_is_live(e) &&
	       memlane_entry_gen(e) == memlane_entry_gen(memlane_entry_ended(h));
}

/**
 * extent_of - class and size, as these words say
 * @m: arena
 * @index: can be looked up
 * @cls: its class, which was loaded before
 * @note: its note
 *
 * Any value where the program has written any.
 */
struct extent extent_of(const struct memlane *m, uint32_t index, uint32_t cls, uint16_t note)
{
	uint32_t slack = note & MEMLANE_SLACK_MASK;
	uint64_t word, room;

	if (memlane_note_is_far(note)) {
		word = __atomic_load_n(size_at(m, index), __ATOMIC_ACQUIRE);
		return (struct extent){
			.size = word & MEMLANE_SIZE_MASK,
			.cls = (uint8_t)(word >> MEMLANE_SIZE_CLASS_SHIFT),
		};
	}
	room = cls < m->nr_classes ? m->classes->size[cls] : 0;
	return (struct extent){ .size = room > slack ? room - slack : 0, .cls = cls };
}

/**
 * extent_load - class and size of an object
 * @m: arena
 * @index: of it
 *
 * One change of size at a time is seen before or after: see ml_index_resize(). For more than one
 * the place has to have changed.
 */
struct extent extent_load(const struct memlane *m, uint32_t index)
{
	struct extent x;
	uint32_t cls;
	uint64_t e;

	do {
		e = entry_load(m, index);
		cls = class_load(m, index);
		x = extent_of(m, index, cls, note_load(m, index));
	} while (entry_load(m, index) != e);
	return x;
}

static void free_nap(unsigned int round)
{
	static const struct timespec nap = { .tv_nsec = FREE_NAP_NS };

	if (round < FREE_YIELDS)
		sched_yield();
	else
		nanosleep(&nap, NULL);
}

static __always_inline int find_in(struct memlane *m, memlane_handle h, uint64_t *e, const bool small)
{
	uint32_t index = memlane_handle_index(h);
	unsigned int round;
	int err;

	for (round = 0;; round++) {
		*e = __atomic_load_n(entry_of(m, index, small), __ATOMIC_SEQ_CST);
		err = entry_check(*e, h);
		if (likely(err != -ESTALE) || !entry_is_ended(*e, h) || !pins(m, index) ||
		    round == FREE_YIELDS + FREE_NAPS)
			return err;
		free_nap(round);
	}
}

static __attribute__((noinline)) int find_in_small(struct memlane *m, memlane_handle h, uint64_t *e)
{
	return find_in(m, h, e, true);
}

/**
 * entry_find - the entry of a live object
 * @m: arena
 * @h: its index can be looked up: see handle_check()
 * @e: the entry
 *
 * A free ends the object first and looks at its pins then; if there are any it takes
 * the end back. So what is ended and pinned is neither yet: wait until the object lives, or
 * has no pins, or the free's thread must have died in between. The holder of a pin is
 * never told that the handle is stale. Not for a caller whose own pin may have come too
 * late: that one waits for itself.
 *
 * Return: 0, -ESTALE, -EBADF, -ENODATA.
 */
int entry_find(struct memlane *m, memlane_handle h, uint64_t *e)
{
	return unlikely(m->is_small) ? find_in_small(m, h, e) : find_in(m, h, e, false);
}

/* The same with any handle; also -EXDEV, -EOWNERDEAD. */
int handle_look(struct memlane *m, memlane_handle h, uint64_t *e)
{
	int err = arena_here(m);

	if (!err)
		err = handle_check(m, h);
	return err ? err : entry_find(m, h, e);
}

bool memlane_is_valid(struct memlane *m, memlane_handle h)
{
	uint64_t e;

	return !handle_look(m, h, &e);
}

/* Return: what the engine knows of it, or -errno. */
static int asked_state(struct memlane *m, memlane_handle h)
{
	struct memlane_query req = { .handle = h };
	int err = backend_query(m, &req);

	return err ? err : (int)req.out_state;
}

/*
 * What is in the FastLane is at hand, as is everything where nothing is put away: nobody is
 * asked then. The call that puts something away counts it before it returns.
 */
static int where_state(struct memlane *m, memlane_handle h, uint64_t e)
{
	if (!__atomic_load_n(&m->stat->counts.away, __ATOMIC_RELAXED) ||
	    entry_lane(m, memlane_handle_index(h), e) == MEMLANE_FAST)
		return MEMLANE_STATE_LIVE;
	return asked_state(m, h);
}

static int live_state(struct memlane *m, memlane_handle h, uint64_t e)
{
	if (notes_load(m, memlane_handle_index(h)) & MEMLANE_PIN_COUNT_MASK)
		return MEMLANE_STATE_PINNED;
	if (memlane_entry_is_marked(e) || memlane_entry_is_busy(e))
		return MEMLANE_STATE_MOVING;
	return where_state(m, h, e);
}

int memlane_state(struct memlane *m, memlane_handle h)
{
	uint64_t e;
	int err = handle_look(m, h, &e);

	switch (err) {
	case 0:
		return live_state(m, h, e);
	case -EXDEV:
		return MEMLANE_STATE_FOREIGN;
	case -EBADF:
		return MEMLANE_STATE_WILD;
	case -ENODATA:
		return MEMLANE_STATE_PURGED;
	case -ESTALE:
		return asked_state(m, h); /* freed in which way? */
	default:
		return err;
	}
}

const char *memlane_state_name(int state)
{
	static const char *const names[MEMLANE_STATES] = {
		[MEMLANE_STATE_NONE] = "none",
		[MEMLANE_STATE_LIVE] = "live",
		[MEMLANE_STATE_MOVING] = "moving",
		[MEMLANE_STATE_PINNED] = "pinned",
		[MEMLANE_STATE_CACHED] = "cached",
		[MEMLANE_STATE_FREED] = "freed",
		[MEMLANE_STATE_STALE] = "stale",
		[MEMLANE_STATE_FOREIGN] = "foreign",
		[MEMLANE_STATE_WILD] = "wild",
		[MEMLANE_STATE_RETIRED] = "retired",
		[MEMLANE_STATE_PURGED] = "purged",
		[MEMLANE_STATE_COMPRESSED] = "compressed",
		[MEMLANE_STATE_STORED] = "stored",
		[MEMLANE_STATE_LOST] = "lost",
	};

	if (state < 0 || state >= MEMLANE_STATES)
		return "unknown";
	return names[state];
}

uint64_t memlane_size(struct memlane *m, memlane_handle h)
{
	uint64_t e;

	if (handle_look(m, h, &e))
		return 0;
	return size_load(m, memlane_handle_index(h));
}

/* Behind an object whose bytes are checked, here or by a tool, nobody may write. */
uint64_t memlane_usable_size(struct memlane *m, memlane_handle h)
{
	struct extent x;
	uint64_t e;

	if (handle_look(m, h, &e))
		return 0;
	x = extent_load(m, memlane_handle_index(h));
	if (m->watch && m->watch->pad)
		return x.size;
	return class_room(m->classes, x.cls, x.size);
}

int memlane_lane(struct memlane *m, memlane_handle h)
{
	uint64_t e;
	int err = handle_look(m, h, &e);

	return err ? err : (int)entry_lane(m, memlane_handle_index(h), e);
}

int64_t memlane_id(struct memlane *m, memlane_handle h)
{
	int64_t index = memlane_handle_index(h);
	uint64_t e;

	if (handle_look(m, h, &e))
		return 0;
	return entry_lane(m, index, e) == MEMLANE_SLOW ? -index : index;
}

int memlane_tag(struct memlane *m, memlane_handle h)
{
	uint64_t e;
	int err = handle_look(m, h, &e);

	if (err)
		return err;
	return memlane_pin_tag(notes_load(m, memlane_handle_index(h)));
}

int memlane_group(struct memlane *m, memlane_handle h)
{
	uint64_t e;
	int err = handle_look(m, h, &e);

	if (err)
		return err;
	return memlane_pin_group(notes_load(m, memlane_handle_index(h)));
}
