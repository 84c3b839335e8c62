// SPDX-License-Identifier: MIT
/*
 * resize.c - another size for an object, under the same handle
 *
 * Where the place has room, only the side word changes, under a pin: nobody ends the object
 * meanwhile. Otherwise the engine moves it, and changes the side word together with the
 * place.
 */
#include <errno.h>

#include "backend.h"

/* Bytes of a place, by what the side word says of it. */
static uint64_t room_of(const struct memlane *m, uint64_t side)
{
	return class_room(m->classes, memlane_side_class(side), memlane_side_size(side));
}

/* A place that would be more than half empty is given up, if it may be. */
static bool fits(const struct memlane *m, uint64_t side, uint64_t size, bool tight)
{
	uint64_t room = room_of(m, side);

	if (size > room)
		return false;
	if (!tight || 2 * size > room)
		return true;
	return memlane_size_class(m, size) == memlane_side_class(side) && size <= MEMLANE_BLOCK_MAX;
}

/* What is counted is bytes: those of before are given back. */
static void count_resized(uint64_t was, uint64_t size)
{
	struct memlane_slot *slot = this_thread()->slot;

	count(&slot->alloc_bytes, size);
	count(&slot->free_bytes, was);
}

/* Pinned. False: it does not fit. */
static bool set_size(struct memlane *m, uint32_t index, uint64_t size, bool tight)
{
	uint64_t side = side_load(m, index), new;

	do {
		if (!fits(m, side, size, tight))
			return false;
		new = memlane_side_resized(side, memlane_side_class(side), size);
	} while (!__atomic_compare_exchange_n(side_at(m, index), &side, new, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	count_resized(memlane_side_size(side), size);
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
