// SPDX-License-Identifier: MIT
/*
 * resize.c - another size for an object, under the same handle
 *
 * Where the place has room, only its note or its size word changes, under a pin: nobody ends
 * the object meanwhile. Otherwise the engine moves it, and changes class and size together with
 * the place.
 */
#include <errno.h>

#include "backend.h"

/* A place that would be more than half empty is given up, if it may be. */
static bool fits(const struct memlane *m, const struct extent *x, uint64_t size, bool tight)
{
	uint64_t room = class_room(m->classes, x->cls, x->size);

	if (size > room)
		return false;
	if (!tight || 2 * size > room)
		return true;
	return memlane_size_class(m, size) == x->cls && size <= MEMLANE_BLOCK_MAX;
}

/* What is counted is bytes: those of before are given back. */
static void count_resized(uint64_t was, uint64_t size)
{
	struct memlane_slot *slot = this_thread()->slot;

	count(&slot->alloc_bytes, size);
	count(&slot->free_bytes, was);
}

static uint16_t note_resized(const struct memlane *m, uint16_t note, uint32_t cls, uint64_t size)
{
	return memlane_note_with(note, cls < m->nr_classes ? m->classes->size[cls] - size :
							     MEMLANE_SLACK_FAR);
}

static bool note_swap(struct memlane *m, uint32_t index, uint16_t was, uint16_t now)
{
	return __atomic_compare_exchange_n(note_at(m, index), &was, now, false, __ATOMIC_RELEASE,
					   __ATOMIC_RELAXED);
}

/* Size words change under the lock alone, and are there before the note says so. */
static bool swap_locked(struct memlane *m, uint32_t index, uint16_t was, uint16_t now,
			const struct extent *x, uint64_t size)
{
	uint64_t *word = size_at(m, index);
	bool done;

	pthread_mutex_lock(&m->sizes);
	done = note_load(m, index) == was;
	if (done && memlane_note_is_far(was))
		done = __atomic_load_n(word, __ATOMIC_RELAXED) == memlane_size_word(x->cls, x->size);
	if (done && memlane_note_is_far(now))
		__atomic_store_n(word, memlane_size_word(x->cls, size), __ATOMIC_RELAXED);
	done = done && note_swap(m, index, was, now);
	pthread_mutex_unlock(&m->sizes);
	return done;
}

/* Pinned, so others change only the size. False: they did. */
static bool change_size(struct memlane *m, uint32_t index, uint16_t was, const struct extent *x,
			uint64_t size)
{
	uint16_t now = note_resized(m, was, x->cls, size);

	if (memlane_note_is_far(was) || memlane_note_is_far(now))
		return swap_locked(m, index, was, now, x, size);
	return note_swap(m, index, was, now);
}

/* Pinned. False: it does not fit. */
static bool set_size(struct memlane *m, uint32_t index, uint64_t size, bool tight)
{
	struct extent x;
	uint16_t note;

	do {
		note = note_load(m, index);
		x = extent_of(m, index, class_load(m, index), note);
		if (!fits(m, &x, size, tight))
			return false;
	} while (!change_size(m, index, note, &x, size));
	count_resized(x.size, size);
	return true;
}

/* Return: 0; 1: it does not fit; or a negative errno value. */
static int resize_here(struct memlane *m, memlane_handle h, uint64_t size, bool tight)
{
	void *p;
	int err = memlane_try_pin(m, h, &p);
	bool done;

	if (err)
		return err;
	done = set_size(m, memlane_handle_index(h), size, tight);
	memlane_unpin(m, h);
	return !done;
}

static int resize_by_moving(struct memlane *m, memlane_handle h, uint64_t size)
{
	uint64_t was = memlane_size(m, h);
	int32_t result = 0;
	struct memlane_migrate req = {
		.flags = MEMLANE_MIGRATE_RESIZE,
		.count = 1,
		.handles = (uintptr_t)&h,
		.results = (uintptr_t)&result,
		.length = size,
	};
	int err = backend_migrate(m, &req);

	if (err)
		return err;
	if (result || !req.out_count)
		return result ? result : -EAGAIN;
	if (memlane_size(m, h) != size)
		return resize_here(m, h, size, false) ? -EAGAIN : 0;
	count_resized(was, size);
	return 0;
}

int memlane_resize(struct memlane *m, memlane_handle h, uint64_t size)
{
	bool held;
	int err = arena_here(m);

	if (err)
		return err;
	if (size - 1 >= MEMLANE_SIZE_MAX)
		return -EINVAL;
	if (m->watch)
		return -EOPNOTSUPP;
	held = in_section(m);
	err = resize_here(m, h, size, !held);
	if (err != 1)
		return err;
	return held ? -EDEADLK : resize_by_moving(m, h, size);
}
