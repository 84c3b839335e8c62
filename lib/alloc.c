// SPDX-License-Identifier: MIT
/*
 * alloc.c - objects begin: stock of the thread, or a place that the engine binds at once
 *
 * Blocks without wishes go straight through (quick.h). The order of stores is told in cache.c.
 */
#include <errno.h>
#include <string.h>

#include "cache.h"
#include "quick.h"
#include "watch.h"

#define TAKEN_TRIES 64 /* of an alloc whose stock others take back */
#define ALIGN_MAX   (2U << 20)
#define ALIGN_BLOCK 4096U

/*
 * The count is kept: it is not 0 while somebody whose handle has gone stale is
 * about to find that out, and takes his pin back.
 */
static void write_notes(struct memlane *m, uint32_t index, uint64_t notes)
{
	uint64_t w = __atomic_load_n(pin_at(m, index), __ATOMIC_RELAXED);

	while ((w & ~MEMLANE_PIN_COUNT_MASK) != notes &&
	       !__atomic_compare_exchange_n(pin_at(m, index), &w,
					    (w & MEMLANE_PIN_COUNT_MASK) | notes, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/*
 * Stock becomes an object. A plain store is enough where no move was planned
 * when the word was loaded: a plan made meanwhile waits for this section, and
 * then finds its mark gone. Return: the entry; 0: its place was taken back.
 */
static uint64_t publish(struct memlane *m, uint32_t index)
{
	uint64_t e = entry_load(m, index), good;

	for (;;) {
		if (unlikely(memlane_entry_state(e) == MEMLANE_ENTRY_EMPTY))
			return 0;
		good = memlane_entry_to(e, MEMLANE_ENTRY_USED, m->cookie);
		if (likely(!memlane_entry_is_marked(e))) {
			__atomic_store_n(entry_at(m, index), good, __ATOMIC_RELEASE);
			return good;
		}
		if (entry_swap(m, index, &e, good))
			return good;
	}
}

/* Blobs are nobody's: they have no magazine to go to. */
static uint16_t note_for(const struct memlane *m, const struct order *o)
{
	if (o->cls == MEMLANE_CLASS_BLOB)
		return MEMLANE_SLACK_FAR;
	return memlane_note_with(this_thread()->made, m->classes->size[o->cls] - o->size);
}

static void write_size(struct memlane *m, const struct order *o, uint32_t index)
{
	uint16_t note = note_for(m, o);

	if (memlane_note_is_far(note))
		__atomic_store_n(size_at(m, index), memlane_size_word(o->cls, o->size),
				 __ATOMIC_RELAXED);
	__atomic_store_n(note_at(m, index), note, __ATOMIC_RELAXED);
	__atomic_store_n(class_at(m, index), o->cls, __ATOMIC_RELAXED);
}

static memlane_handle begin(struct memlane *m, const struct order *o, uint32_t index)
{
	uint64_t e;

	write_size(m, o, index);
	write_notes(m, index, o->notes);
	e = publish(m, index);
	if (unlikely(!e))
		return 0;
	if (unlikely(o->flags & MEMLANE_ZERO) && o->cls != MEMLANE_CLASS_BLOB)
		memset(entry_data(m, index, e), 0, o->size);
	count(&this_thread()->slot->allocs, 1);
	count(&this_thread()->slot->alloc_bytes, o->size);
	return memlane_handle_make(m->cookie, memlane_entry_gen(e), index);
}

/* The last one of a magazine. Return: its handle; 0: its place was taken back. */
static memlane_handle begin_last(struct memlane *m, const struct order *o, struct memlane_mag *mag)
{
	memlane_handle h;

	memlane_enter(m);
	h = begin(m, o, mag->index[mag->nr - 1]);
	if (likely(h))
		mag_set_nr(mag, mag->nr - 1);
	memlane_exit(m);
	return h;
}

/*
 * What was taken back while this thread slept, or while others were about to be refused,
 * it buys anew. It would have to be as slow as they are many to do so in vain.
 */
static int alloc_block(struct memlane *m, const struct order *o, memlane_handle *out)
{
	struct memlane_mag *mag;
	int err, tries;

	for (tries = 0; tries < TAKEN_TRIES; tries++) {
		err = cache_stock(m, o, &mag);
		if (unlikely(err))
			return err;
		*out = begin_last(m, o, mag);
		if (likely(*out))
			return 0;
		cache_flush(m, mag_lane(mag), o->cls, 0);
	}
	return -ENOSPC;
}

/* Pages that become a blob are fresh from the system: zero already. */
static int alloc_blob(struct memlane *m, const struct order *o, memlane_handle *out)
{
	struct memlane_refill req;
	int err;

	err = cache_ask(m, o, 1, &req);
	if (err)
		return err;
	memlane_enter(m);
	*out = begin(m, o, memlane_handle_index(req.out_handle));
	set_in_hand(this_thread(), 0);
	memlane_exit(m);
	return likely(*out) ? 0 : -ENOSPC; /* it is in no magazine: nobody took it back */
}

static int alloc(struct memlane *m, const struct order *o, memlane_handle *out)
{
	int err = 0;

	if (unlikely(__atomic_load_n(&memlane_self->arena, __ATOMIC_RELAXED) != m))
		err = memlane_thread_join(m);
	if (unlikely(err))
		return err;
	return o->cls == MEMLANE_CLASS_BLOB ? alloc_blob(m, o, out) : alloc_block(m, o, out);
}

/* The smallest class that holds @size and whose every place is aligned. */
static uint32_t class_for(const struct memlane *m, uint64_t size, uint32_t align)
{
	uint32_t cls;

	if (size > MEMLANE_BLOCK_MAX || align > ALIGN_BLOCK)
		return MEMLANE_CLASS_BLOB;
	cls = class_of(m->classes, size);
	while (cls < m->nr_classes && m->classes->size[cls] & (align - 1))
		cls++;
	return cls < m->nr_classes ? cls : MEMLANE_CLASS_BLOB;
}

/* Without wishes; the size is in range. */
static inline int alloc_plain(struct memlane *m, uint64_t size, memlane_handle *out)
{
	struct order o = { .size = size };

	o.lane = lane_for(m, size);
	o.cls = memlane_size_class(m, size);
	return alloc(m, &o, out);
}

static __attribute__((noinline, cold)) memlane_handle alloc_slowly(struct memlane *m, uint64_t size)
{
	memlane_handle h = 0;

	if (unlikely(size - 1 >= m->easy_size))
		watch_alloc(m, size, NULL, &h);
	else if (alloc_plain(m, size, &h))
		return 0;
	return h;
}

static __attribute__((noinline)) memlane_handle alloc_in_section(struct memlane *m, uint64_t size)
{
	memlane_handle h;

	return likely(take(m, this_thread(), size, true, &h)) ? h : alloc_slowly(m, size);
}

memlane_handle memlane_alloc(struct memlane *m, uint64_t size)
{
	struct thread *t = this_thread();
	memlane_handle h;

	if (unlikely(size - 1 >= m->quick_size || !is_part(t, m)))
		return alloc_slowly(m, size);
	if (unlikely(t->self.depth))
		return alloc_in_section(m, size);
	return likely(take(m, t, size, false, &h)) ? h : alloc_slowly(m, size);
}

static bool is_alloc_lane(enum memlane_alloc_lane lane)
{
	return lane == MEMLANE_BY_SIZE || lane == MEMLANE_IN_FAST || lane == MEMLANE_IN_SLOW;
}

static int check_opts(const struct memlane_alloc_opts *opts)
{
	if (opts->flags & ~(MEMLANE_ZERO | MEMLANE_NO_SPILL) || opts->hints & ~MEMLANE_HINT_MASK ||
	    opts->__reserved[0] || opts->__reserved[1])
		return -EOPNOTSUPP;
	if (opts->align & (opts->align - 1) || opts->align > ALIGN_MAX ||
	    !is_alloc_lane(opts->lane) || opts->priority > 3)
		return -EINVAL;
	return 0;
}

static uint32_t wanted_lane(const struct memlane *m, const struct memlane_alloc_opts *opts,
			    uint64_t size)
{
	if (opts->lane == MEMLANE_BY_SIZE)
		return lane_for(m, size);
	return opts->lane == MEMLANE_IN_FAST ? MEMLANE_FAST : MEMLANE_SLOW;
}

static void place_order(const struct memlane *m, uint64_t size, uint32_t pad,
			const struct memlane_alloc_opts *opts, struct order *o)
{
	o->size = size;
	o->pad = pad;
	o->align = opts->align > 16 ? opts->align : 16;
	o->flags = opts->flags;
	o->lane = wanted_lane(m, opts, size);
	o->cls = class_for(m, size + pad, o->align);
	o->notes = (uint64_t)opts->group << MEMLANE_PIN_GROUP_SHIFT |
		   (uint32_t)opts->tag << MEMLANE_PIN_TAG_SHIFT |
		   opts->priority << MEMLANE_PIN_PRIORITY_SHIFT | opts->hints;
}

/* Of all wishes, those that change nothing of how an object is made: its lane and its group. */
static bool is_easy(const struct memlane_alloc_opts *opts, uint64_t size)
{
	return !(opts->flags | opts->hints | opts->tag | opts->priority | opts->align |
		 opts->__reserved[0] | opts->__reserved[1]) &&
	       is_alloc_lane(opts->lane) && size <= MEMLANE_BLOCK_MAX;
}

/* A block with such wishes, straight through. */
static bool take_with(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
		      memlane_handle *out)
{
	struct thread *t = this_thread();
	struct block b;

	if (!is_easy(opts, size) || !is_part(t, m) || m->is_small)
		return false;
	b = block_for(m, t, size);
	b.pin = (uint64_t)opts->group << MEMLANE_PIN_GROUP_SHIFT;
	return take_from(m, t, wanted_lane(m, opts, size), &b, t->self.depth != 0, out);
}

/* As memlane_alloc() does where nobody watches; the size is in range. */
static inline int alloc_watched(struct memlane *m, uint64_t size, memlane_handle *out)
{
	struct thread *t = this_thread();

	if (likely(size <= MEMLANE_BLOCK_MAX && is_part(t, m) && !m->is_small &&
		   take(m, t, size, t->self.depth != 0, out)))
		return 0;
	return alloc_plain(m, size, out);
}

/* With @pad bytes more at its place; the size is in range. */
int alloc_unwatched(struct memlane *m, uint64_t size, uint32_t pad,
		    const struct memlane_alloc_opts *opts, memlane_handle *out)
{
	static const struct memlane_alloc_opts none;
	struct order o;
	int err;

	if (!opts && !pad)
		return alloc_watched(m, size, out);
	if (likely(opts && !pad) && take_with(m, size, opts, out))
		return 0;
	if (!opts)
		opts = &none;
	err = check_opts(opts);
	if (err)
		return err;
	place_order(m, size, pad, opts, &o);
	return alloc(m, &o, out);
}

/* As memlane_alloc_with(), with any tag. */
int object_new(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
	       memlane_handle *out)
{
	*out = 0;
	if (unlikely(size - 1 >= m->easy_size))
		return watch_alloc(m, size, opts, out);
	return alloc_unwatched(m, size, 0, opts, out);
}

int memlane_alloc_with(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
		       memlane_handle *out)
{
	if (likely(!opts || opts->tag != MEMLANE_TAG_FRAME))
		return object_new(m, size, opts, out);
	*out = 0;
	return -EINVAL;
}
