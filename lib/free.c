// SPDX-License-Identifier: MIT
/*
 * free.c - objects end: the place becomes stock of the thread that ended them
 *
 * A block that the caller made goes straight through (quick.h); what others made, or have freed
 * or pinned before, by one compare-exchange. The order of stores is told in cache.c.
 */
#include <errno.h>

#include "cache.h"
#include "quick.h"
#include "watch.h"

#define AHEAD 8 /* entries of objects of others: they were written there last */

/* A pin came in between: undo the end of @was. entry_find() waits for that. */
static void revive(struct memlane *m, uint32_t index, uint64_t was)
{
	const uint64_t back = memlane_entry_to(was, memlane_entry_unmarked(memlane_entry_state(was)),
					       m->cookie);
	uint64_t e = entry_load(m, index);

	while (!entry_swap(m, index, &e, memlane_entry_at(back, index, memlane_entry_loc(e, index))))
		;
}

/* Where an index goes that has this entry; NULL: to the arena, by in_hand. */
static struct memlane_mag *mag_for(struct memlane *m, uint32_t index, uint64_t e, uint32_t cls)
{
	struct memlane_mag *mag;

	if (cls >= m->nr_classes || memlane_entry_gen(e) == MEMLANE_GEN_MAX ||
	    memlane_entry_state(e) == MEMLANE_ENTRY_PURGED)
		return NULL;
	mag = mag_of(m, this_thread(), entry_lane(m, index, e), cls);
	return mag->nr < m->info.out_mag_size ? mag : NULL;
}

/*
 * Inside a section. Ends the object by one compare-exchange; a planned move is
 * stopped by it. *mag is where the index is to go, or NULL; it is there already,
 * but not counted.
 */
static int kill_entry(struct memlane *m, memlane_handle h, uint32_t *cls, struct memlane_mag **mag)
{
	uint32_t index = memlane_handle_index(h);
	uint64_t e;
	int err;

	for (;;) {
		err = entry_find(m, h, &e);
		if (err && err != -ENODATA)
			return err;
		if (memlane_entry_is_busy(e)) {
			wait_copy(m, index);
			continue;
		}
		if (unlikely(maker_is_biased(m, index, m->is_small))) {
			revoke_maker(m, index);
			continue;
		}
		if (pins(m, index))
			return -EBUSY;
		/* Behind the entry, which a change of size comes before. */
		*cls = class_load(m, index);
		*mag = mag_for(m, index, e, *cls);
		if (*mag)
			mag_set_next(*mag, index);
		else
			set_in_hand(this_thread(), index);
		if (entry_swap(m, index, &e, memlane_entry_ended(e)))
			break;
	}
	if (likely(!pins(m, index)))
		return 0;
	revive(m, index, e);
	return -EBUSY;
}

static int free_entry(struct memlane *m, memlane_handle h, uint32_t *cls, struct memlane_mag **mag)
{
	struct memlane_slot *slot = this_thread()->slot;
	int err = kill_entry(m, h, cls, mag);

	if (err) {
		set_in_hand(this_thread(), 0);
		return err;
	}
	count(&slot->frees, 1);
	count(&slot->free_bytes, size_load(m, memlane_handle_index(h)));
	if (*mag)
		mag_set_nr(*mag, (*mag)->nr + 1);
	return 0;
}

/*
 * The same straight through, for a block that is clean and not pinned, and whose maker does not
 * free by plain stores, or is the caller; in a section. -EAGAIN: nothing has changed; also for
 * whatever an arena has that is small. -EBUSY: a pin came in between, and it was undone. That is
 * the answer: who looked meanwhile was told that the handle is stale, as by a free that is refused,
 * and no object may come back from a free that succeeds.
 */
static __always_inline int end_shared(struct memlane *m, struct thread *t, memlane_handle h)
{
	const uint32_t index = memlane_handle_index(h);
	uint64_t *entry = &m->hot.table[index];
	uint64_t e = __atomic_load_n(entry, __ATOMIC_SEQ_CST), ended;
	struct memlane_mag *mag;
	uint64_t cls, size, nr;
	uint32_t note, slack;

	if (unlikely((int64_t)(e ^ h) >= m->hot.limit))
		return -EAGAIN;
	/* Behind the entry, which a change of size comes before. */
	note = __atomic_load_n(&m->note[index], __ATOMIC_RELAXED);
	cls = __atomic_load_n(&m->cls[index], __ATOMIC_RELAXED);
	slack = note ^ t->own;
	if (slack > MEMLANE_SLACK_MASK) {
		if (unlikely(note_is_biased(m, note, false)))
			return -EAGAIN;
		slack = note & MEMLANE_SLACK_MASK;
	}
	if (unlikely(cls >= m->nr_classes || is_pinned(m, index)))
		return -EAGAIN;
	mag = mag_of(m, t, (e ^ h) >= m->quick_slow, cls);
	nr = mag->nr;
	ended = e;
	/* Others have to go first, or its generations are used up. */
	if (unlikely(nr >= t->last[cls]))
		return -EAGAIN;
	if (!entry_end(&ended))
		return -EAGAIN;
	mag_set_next(mag, index);
	if (unlikely(!__atomic_compare_exchange_n(entry, &e, ended, false, __ATOMIC_SEQ_CST,
						  __ATOMIC_ACQUIRE)))
		return -EAGAIN;
	if (unlikely(is_pinned(m, index))) {
		revive(m, index, e);
		return -EBUSY;
	}
	mag_set_nr(mag, nr + 1);
	count(&t->slot->frees, 1);
	block_size(m, index, cls, slack, &size);
	count(&t->slot->free_bytes, size);
	return 0;
}

/* What others have made, or have freed or pinned before, is freed like this; as end_shared(). */
static int free_shared(struct memlane *m, struct thread *t, memlane_handle h)
{
	const bool open = t->self.depth;
	int err;

	if (unlikely(h & MEMLANE_HANDLE_ZEROS))
		return -EAGAIN;
	take_begin(m, t->slot, open);
	err = end_shared(m, t, h);
	take_end(t->slot, open);
	return err;
}

/*
 * The same for many, in one section: until one of @nr does not go straight through, or *err is
 * -EBUSY for it. Return: how many are freed.
 */
uint32_t free_shared_many(struct memlane *m, struct thread *t, const memlane_handle *handles,
			  uint32_t nr, int *err)
{
	const bool open = t->self.depth;
	uint32_t i;

	take_begin(m, t->slot, open);
	for (i = 0; i < nr && handles[i] > m->hard_free && !(handles[i] & MEMLANE_HANDLE_ZEROS); i++) {
		if (i + AHEAD < nr)
			__builtin_prefetch(&m->hot.table[memlane_handle_index(handles[i + AHEAD])], 1);
		*err = end_shared(m, t, handles[i]);
		if (unlikely(*err))
			break;
	}
	take_end(t->slot, open);
	if (*err == -EAGAIN)
		*err = 0;
	return i;
}

static int end_object(struct memlane *m, memlane_handle h)
{
	struct memlane_mag *mag = NULL;
	uint32_t cls = MEMLANE_CLASS_BLOB;
	int err = -EAGAIN;

	if (likely(is_part(this_thread(), m)))
		err = free_shared(m, this_thread(), h);
	if (likely(err != -EAGAIN))
		return err;
	err = memlane_enter(m);
	if (unlikely(err))
		return err;
	err = handle_check(m, h);
	if (likely(!err))
		err = free_entry(m, h, &cls, &mag);
	memlane_exit(m);
	if (unlikely(err))
		return err;
	if (likely(mag))
		cache_trim(m, mag_lane(mag), cls);
	else
		cache_flush(m, 0, MEMLANE_CLASS_BLOB, 0);
	return 0;
}

int free_unwatched(struct memlane *m, memlane_handle h)
{
	struct thread *t = this_thread();

	if (likely(is_part(t, m) && free_quickly(m, t, h, m->hot.limit, t->self.depth != 0)))
		return 0;
	return end_object(m, h);
}

/* As memlane_free(), where it did not go straight through. */
__attribute__((noinline, cold)) int object_end(struct memlane *m, memlane_handle h)
{
	return unlikely(h <= m->hard_free) ? watch_free(m, h) : end_object(m, h);
}

static __attribute__((noinline)) int free_in_section(struct memlane *m, memlane_handle h)
{
	return free_quickly(m, this_thread(), h, m->quick_limit, true) ? 0 : object_end(m, h);
}

int memlane_free(struct memlane *m, memlane_handle h)
{
	struct thread *t = this_thread();

	if (unlikely(!is_part(t, m)))
		return object_end(m, h);
	if (unlikely(t->self.depth))
		return free_in_section(m, h);
	return likely(free_quickly(m, t, h, m->quick_limit, false)) ? 0 : object_end(m, h);
}
