// SPDX-License-Identifier: MIT
/*
 * moves.c - the mode that finds addresses kept too long
 *
 * An object moves as soon as an address of it is no good any more: at the end of a section
 * that was given one, and after its last pin. It has pages of its own (moves_pad() makes
 * it larger than any block), so that with the object its old place is gone: the engine
 * gives the pages back, and no backend leaves them accessible.
 *
 * memlane_get() always calls in this mode, as in checking mode. The first address that a
 * section is given sets DEPTH_GIVEN, which brings memlane_exit() here.
 */
#include <errno.h>
#include <stdlib.h>

#include "backend.h"
#include "watch.h"

#define GIVEN_MIN 64U

/* Bytes that an object of this size takes more. */
uint32_t moves_pad(const struct watch *w, uint64_t size)
{
	if (!w->moves || size + w->pad > MEMLANE_BLOCK_MAX)
		return w->pad;
	return MEMLANE_BLOCK_MAX + 1 - size;
}

/* What is in the way stays: an object that is pinned, or in use by another section. */
static void move_away(struct memlane *m, const memlane_handle *handles, uint32_t nr)
{
	struct memlane_migrate req = {
		.flags = MEMLANE_MIGRATE_AWAY,
		.count = nr,
		.handles = (uintptr_t)handles,
	};

	backend_migrate(m, &req);
}

static bool make_room(struct thread *t)
{
	uint32_t room = t->room_given ? 2 * t->room_given : GIVEN_MIN;
	memlane_handle *given;

	if (t->nr_given < t->room_given)
		return true;
	given = memory_resize(t->given, room * sizeof(*given));
	if (!given)
		return false;
	t->given = given;
	t->room_given = room;
	return true;
}

/* This thread's section was given the address of an object. */
void moves_given(struct memlane *m, memlane_handle h)
{
	struct thread *t = this_thread();

	if (!m->watch->moves || __atomic_load_n(&t->self.arena, __ATOMIC_RELAXED) != m ||
	    !t->self.depth)
		return;
	t->self.depth |= DEPTH_GIVEN;
	if (t->nr_given && t->given[t->nr_given - 1] == h)
		return;
	if (make_room(t))
		t->given[t->nr_given++] = h;
}

/* The section has ended. What the calls here are given addresses of is none of its. */
void moves_end(struct memlane *m, struct thread *t)
{
	uint32_t nr = t->nr_given;

	t->nr_given = 0;
	if (nr)
		move_away(m, t->given, nr);
}

/* A pin of this thread's or another's has ended; while there are others it stays. */
void moves_unpinned(struct memlane *m, memlane_handle h)
{
	if (m->watch && m->watch->moves && !in_section(m))
		move_away(m, &h, 1);
}
