// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * depot.c - stock that no thread has: what one had too much of, until another asks for it
 *
 * After Bonwick and Adams, "Magazines and Vmem" (USENIX 2001): a thread that frees what others
 * make gives a magazine of it here, and who makes them takes that, as it is. The indices
 * stay bound to their places, and nobody looks at any of them.
 *
 * What is in it is the program's word, as what is in a magazine is: it is looked at where it is freed. It
 * is freed before a lane refuses an object, by each call that moves objects, and under pressure.
 */
#include <linux/minmax.h>

#include "class.h"
#include "depot.h"
#include "stock.h"
#include "turn.h"

#define STOCKS	128U		/* that it has at most */
#define BYTES	(512U << 10)	/* of places */

static u64 bytes_of(u32 mag, u32 nr)
{
	return (u64)nr * ml_class_size(mag % ML_CLASSES);
}

/*
 * While slots are compared with what is in doubt nothing comes in: it could get past, from one
 * that was not looked at to one that was. See mag.c.
 */
static bool may_give(const struct ml_arena *a, u32 mag, u32 nr)
{
	const struct ml_depot *d = &a->depot;

	return nr && nr <= ML_DEPOT_MOST && d->stocks < STOCKS &&
	       d->bytes + bytes_of(mag, nr) <= BYTES && !a->slots.comparing;
}

/**
 * ml_depot_give - stock of a thread becomes nobody's
 * @a: arena; arena.lock
 * @mag: number of the magazine: by lane and class
 * @indices: any values, may be shared; the thread has them no more
 * @nr: how many
 *
 * Return: false: there is no room for them, or it is not the time.
 */
bool ml_depot_give(struct ml_arena *a, u32 mag, const u32 *indices, u32 nr)
{
	struct ml_depot *d = &a->depot;
	struct ml_depot_stock *s;
	u32 i;

	lockdep_assert_held(&a->lock);
	s = may_give(a, mag, nr) ? a->ops->zalloc(a, sizeof(*s)) : NULL;
	if (!s)
		return false;
	for (i = 0; i < nr; i++)
		s->index[i] = READ_ONCE(indices[i]);
	s->nr = nr;
	s->next = d->stock[mag];
	d->stock[mag] = s;
	d->stocks++;
	d->bytes += bytes_of(mag, nr);
	return true;
}

/* Of the newest stock of a magazine so many are somebody's now. */
static void depot_less(struct ml_arena *a, u32 mag, u32 nr)
{
	struct ml_depot *d = &a->depot;
	struct ml_depot_stock *s = d->stock[mag];

	d->bytes -= bytes_of(mag, nr);
	s->nr -= nr;
	if (s->nr)
		return;
	d->stock[mag] = s->next;
	d->stocks--;
	a->ops->zfree(a, s, sizeof(*s));
}

/**
 * ml_depot_take - stock for a thread
 * @a: arena; arena.lock
 * @mag: number of its magazine
 * @indices: out, may be shared
 * @nr: how many are wanted
 *
 * Return: how many there are; 0: the depot has none of these.
 */
u32 ml_depot_take(struct ml_arena *a, u32 mag, u32 *indices, u32 nr)
{
	const struct ml_depot_stock *s = a->depot.stock[mag];
	u32 i;

	lockdep_assert_held(&a->lock);
	if (!s)
		return 0;
	nr = min(nr, s->nr);
	for (i = 0; i < nr; i++)
		WRITE_ONCE(indices[i], s->index[s->nr - nr + i]);
	if (nr)
		depot_less(a, mag, nr);
	return nr;
}

/**
 * ml_depot_free_one - places that nobody has asked for are free again
 * @a: arena; arena.lock
 *
 * Return: false: there are none.
 */
bool ml_depot_free_one(struct ml_arena *a)
{
	struct ml_depot *d = &a->depot;
	struct ml_depot_stock *s;

	lockdep_assert_held(&a->lock);
	if (!d->stocks)
		return false;
	while (!d->stock[d->next])
		d->next = (d->next + 1) % ML_MAGS;
	s = d->stock[d->next];
	ml_stock_free_many(a, s->index, s->nr);
	depot_less(a, d->next, s->nr);
	return true;
}

/**
 * ml_depot_free - the same, all of them
 * @a: arena; arena.lock, which others may have in between
 */
void ml_depot_free(struct ml_arena *a)
{
	u32 left = a->depot.stocks;

	lockdep_assert_held(&a->lock);
	for (; left && ml_depot_free_one(a); left--)
		if (ml_turn_wanted(a))
			ml_turn_pass(a);
}

/* Free what describes them: the arena ends. */
void ml_depot_exit(struct ml_arena *a)
{
	u32 mag;

	for (mag = 0; mag < ML_MAGS; mag++)
		while (a->depot.stock[mag])
			depot_less(a, mag, a->depot.stock[mag]->nr);
}
