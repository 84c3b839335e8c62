// SPDX-License-Identifier: MIT
/*
 * group.c - all objects of a group at once
 *
 * Scratch of frames is in no group: it has a pin that is its thread's alone.
 */
#include <errno.h>
#include <stdlib.h>

#include "arena.h"

#define PIECE 256 /* handles moved by one call */

/**
 * struct crowd - one call about one group
 * @m: arena
 * @group: which
 * @lane: where to
 * @left: objects that were not
 * @nr: handles in @handle
 * @handle: to be moved
 * @result: of each
 */
struct crowd {
	struct memlane *m;
	uint16_t group;
	enum memlane_lane lane;
	int left;
	uint32_t nr;
	memlane_handle handle[PIECE];
	int32_t result[PIECE];
};

/* Objects that are freed or dropped meanwhile are nobody's business. */
static bool is_gone(int err)
{
	return err == -ESTALE || err == -ENODATA;
}

static void note_result(struct crowd *c, int err)
{
	c->left += err && !is_gone(err);
}

static bool is_in(uint16_t group, const struct memlane_object *o)
{
	return o->group == group && o->tag != MEMLANE_TAG_FRAME;
}

static int free_one(void *arg, const struct memlane_object *o)
{
	struct crowd *c = arg;

	if (is_in(c->group, o))
		note_result(c, memlane_free(c->m, o->handle));
	return 0;
}

int memlane_group_free(struct memlane *m, uint16_t group)
{
	struct crowd c = { .m = m, .group = group };
	int err = memlane_each(m, free_one, &c);

	return err ? err : c.left;
}

/* ------------------------------------------------------------ migrate ---- */

static int move_all(struct crowd *c)
{
	int failed = memlane_migrate_batch(c->m, c->lane, c->handle, c->nr, c->result, NULL);
	uint32_t i;

	for (i = 0; failed > 0 && i < c->nr; i++)
		note_result(c, c->result[i]);
	c->nr = 0;
	return failed < 0 ? failed : 0;
}

static int move_one(void *arg, const struct memlane_object *o)
{
	struct crowd *c = arg;

	if (!is_in(c->group, o) || o->purged || o->lane == c->lane)
		return 0;
	c->handle[c->nr++] = o->handle;
	return c->nr < PIECE ? 0 : move_all(c);
}

int memlane_group_migrate(struct memlane *m, uint16_t group, enum memlane_lane lane)
{
	struct crowd c = { .m = m, .group = group, .lane = lane };
	int err = -EINVAL;

	if (lane == MEMLANE_FAST || lane == MEMLANE_SLOW)
		err = memlane_each(m, move_one, &c);
	if (!err)
		err = move_all(&c);
	return err ? err : c.left;
}

/* ---------------------------------------------------------------- pin ---- */

/* One call of memlane_group_pin(): the pins that it has made so far. */
struct pins {
	struct memlane *m;
	uint16_t group;
	uint32_t nr;
	uint32_t room;
	memlane_handle *handle;
};

static int make_room(struct pins *p)
{
	uint32_t room = p->room ? 2 * p->room : PIECE;
	memlane_handle *handle;

	if (p->nr < p->room)
		return 0;
	handle = memory_resize(p->handle, room * sizeof(*handle));
	if (!handle)
		return -ENOMEM;
	p->handle = handle;
	p->room = room;
	return 0;
}

static int pin_one(void *arg, const struct memlane_object *o)
{
	struct pins *p = arg;
	void *at;
	int err;

	if (!is_in(p->group, o) || o->purged)
		return 0;
	err = make_room(p);
	if (!err)
		err = memlane_try_pin(p->m, o->handle, &at);
	if (!err)
		p->handle[p->nr++] = o->handle;
	return is_gone(err) ? 0 : err;
}

int memlane_group_pin(struct memlane *m, uint16_t group)
{
	struct pins p = { .m = m, .group = group };
	int err = memlane_each(m, pin_one, &p);
	uint32_t i;

	for (i = 0; err && i < p.nr; i++)
		memlane_unpin(m, p.handle[i]);
	free(p.handle);
	return err ? err : (int)p.nr;
}

static int unpin_one(void *arg, const struct memlane_object *o)
{
	struct crowd *c = arg;

	if (is_in(c->group, o) && !o->purged)
		note_result(c, memlane_unpin(c->m, o->handle));
	return 0;
}

int memlane_group_unpin(struct memlane *m, uint16_t group)
{
	struct crowd c = { .m = m, .group = group };
	int err = memlane_each(m, unpin_one, &c);

	return err ? err : c.left;
}

/* --------------------------------------------------------------- reap ---- */

/* One call of memlane_group_reap(). */
struct reaper {
	struct memlane *m;
	uint16_t group;
	memlane_dropped_fn fn;
	void *arg;
	int nr;
};

/* Of those who free it one succeeds, and tells of it. */
static int reap_one(void *arg, const struct memlane_object *o)
{
	struct reaper *r = arg;

	if (!is_in(r->group, o) || !o->purged || memlane_free(r->m, o->handle))
		return 0;
	r->nr++;
	if (r->fn)
		r->fn(r->arg, o);
	return 0;
}

int memlane_group_reap(struct memlane *m, uint16_t group, memlane_dropped_fn fn, void *arg)
{
	struct reaper r = { .m = m, .group = group, .fn = fn, .arg = arg };
	int err = memlane_each(m, reap_one, &r);

	return err ? err : r.nr;
}
