// SPDX-License-Identifier: MIT
/* group.c - all objects of a group at once */
#include <errno.h>

#include "arena.h"

#define PIECE 256 /* handles moved by one call */

/**
 * struct crowd - one call about one group
 * @m: arena
 * @group: which
 * @lane: where to
 * @done: objects dealt with as asked
 * @left: objects that were not
 * @nr: handles in @handle
 * @handle: to be moved
 */
struct crowd {
	struct memlane *m;
	uint16_t group;
	int lane;
	int done;
	int left;
	uint32_t nr;
	memlane_handle handle[PIECE];
};

/* Objects that are freed or dropped meanwhile are nobody's business. */
static bool is_gone(int err)
{
	return err == -ESTALE || err == -ENODATA;
}

static void note_result(struct crowd *c, int err)
{
	c->done += !err;
	c->left += err && !is_gone(err);
}

static int free_one(void *arg, const struct memlane_object *o)
{
	struct crowd *c = arg;

	if (o->group == c->group)
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
	int failed = memlane_migrate_batch(c->m, c->lane, c->handle, c->nr, NULL, NULL);

	c->nr = 0;
	if (failed < 0)
		return failed;
	c->left += failed;
	return 0;
}

static int move_one(void *arg, const struct memlane_object *o)
{
	struct crowd *c = arg;

	if (o->group != c->group || o->purged || o->lane == c->lane)
		return 0;
	c->handle[c->nr++] = o->handle;
	return c->nr < PIECE ? 0 : move_all(c);
}

int memlane_group_migrate(struct memlane *m, uint16_t group, int lane)
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

static int pin_one(void *arg, const struct memlane_object *o)
{
	struct crowd *c = arg;
	void *p;
	int err;

	if (o->group != c->group || o->purged)
		return 0;
	err = memlane_try_pin(c->m, o->handle, &p);
	note_result(c, err);
	return is_gone(err) ? 0 : err;
}

/* Take back as many pins as there were given, from the first object on. */
static int unpin_first(void *arg, const struct memlane_object *o)
{
	struct crowd *c = arg;

	if (!c->done)
		return 1;
	if (o->group == c->group && o->pins && !memlane_unpin(c->m, o->handle))
		c->done--;
	return 0;
}

int memlane_group_pin(struct memlane *m, uint16_t group)
{
	struct crowd c = { .m = m, .group = group };
	int err = memlane_each(m, pin_one, &c);

	if (!err)
		return c.done;
	memlane_each(m, unpin_first, &c);
	return err;
}

static int unpin_one(void *arg, const struct memlane_object *o)
{
	struct crowd *c = arg;

	if (o->group == c->group && !o->purged)
		note_result(c, memlane_unpin(c->m, o->handle));
	return 0;
}

int memlane_group_unpin(struct memlane *m, uint16_t group)
{
	struct crowd c = { .m = m, .group = group };
	int err = memlane_each(m, unpin_one, &c);

	return err ? err : c.left;
}
