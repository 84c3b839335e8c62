// SPDX-License-Identifier: MIT
/*
 * each.c - a walk over all objects, and sums of them, in shared memory
 *
 * Indices are given out in rising order, and an entry that was ever used is not 0. Where it
 * is its page has been given back, as all its indices are used up.
 */
#include <errno.h>

#include "backend.h"
#include "watch.h"

/* Fill in what the shared words say; false: no object. */
static bool look(const struct memlane *m, uint32_t index, uint64_t e, struct memlane_object *o)
{
	bool purged = memlane_entry_state(e) == MEMLANE_ENTRY_PURGED;
	struct extent x;
	uint64_t w;

	if (!memlane_entry_is_live(e) && !purged)
		return false;
	x = extent_load(m, index);
	w = notes_load(m, index);
	*o = (struct memlane_object){
		.handle = memlane_handle_make(m->cookie, memlane_entry_gen(e), index),
		.bytes = x.size,
		.lane = entry_lane(m, index, e),
		.cls = x.cls,
		.tag = memlane_pin_tag(w),
		.group = memlane_pin_group(w),
		.pins = (w & MEMLANE_PIN_COUNT_MASK) / MEMLANE_PIN_ONE,
		.priority = (w & MEMLANE_PIN_PRIORITY_MASK) >> MEMLANE_PIN_PRIORITY_SHIFT,
		.hints = w & MEMLANE_HINT_MASK,
		.accessed = memlane_entry_is_used(e),
		.purged = purged,
	};
	return true;
}

int memlane_each(struct memlane *m, memlane_each_fn fn, void *arg)
{
	struct memlane_object o;
	uint64_t e, end, index;
	int err = arena_here(m);

	end = err ? 0 : indices_end(m);
	for (index = m->first + 1; !err && index < end; index++) {
		e = entry_load(m, index);
		if (!e)
			index |= PAGE_INDICES - 1;
		else if (look(m, index, e, &o))
			err = fn(arg, &o);
	}
	return err;
}

/* --------------------------------------------------------------- sums ---- */

enum kind {
	BY_TAG,
	BY_CLASS,
	BY_GROUP
};

/* What is added up: objects of @m that have @value as what @kind says. */
struct sum {
	const struct memlane *m;
	enum kind kind;
	uint32_t value;
	struct memlane_usage *usage;
};

#define IN_NO_GROUP 65536

static uint32_t value_of(enum kind kind, const struct memlane_object *o)
{
	switch (kind) {
	case BY_TAG:
		return o->tag;
	case BY_CLASS:
		return o->cls;
	default:
		return o->tag == MEMLANE_TAG_FRAME ? IN_NO_GROUP : o->group;
	}
}

static int add(void *arg, const struct memlane_object *o)
{
	const struct sum *s = arg;
	struct memlane_usage *u = s->usage;

	if (value_of(s->kind, o) != s->value)
		return 0;
	if (o->purged) {
		u->purged++;
		return 0;
	}
	u->objects[o->lane]++;
	u->bytes[o->lane] += o->bytes;
	u->room[o->lane] += class_room(s->m->classes, o->cls, o->bytes);
	u->pinned += o->pins != 0;
	u->accessed += o->accessed;
	track_moves(s->m, memlane_handle_index(o->handle), u);
	return 0;
}

static int add_up(struct memlane *m, enum kind kind, uint32_t value, struct memlane_usage *usage,
		  size_t size)
{
	struct memlane_usage own = { .pinned = 0 };
	struct sum s = { .m = m, .kind = kind, .value = value, .usage = &own };
	int err = memlane_each(m, add, &s);

	give_out(usage, size, &own, sizeof(own));
	return err;
}

int memlane_stat_tag_sized(struct memlane *m, uint16_t tag, struct memlane_usage *usage,
			   size_t size)
{
	return add_up(m, BY_TAG, tag, usage, size);
}

int memlane_stat_group_sized(struct memlane *m, uint16_t group, struct memlane_usage *usage,
			     size_t size)
{
	return add_up(m, BY_GROUP, group, usage, size);
}

int memlane_stat_class_sized(struct memlane *m, unsigned int cls, struct memlane_usage *usage,
			     size_t size)
{
	if (cls >= m->nr_classes && cls != MEMLANE_CLASS_BLOB)
		return -EINVAL;
	return add_up(m, BY_CLASS, cls, usage, size);
}

/* -------------------------------------------------------------- lanes ---- */

static double part(uint64_t of, uint64_t whole)
{
	return whole ? (double)of / whole : 0;
}

int memlane_stat_lane_sized(struct memlane *m, enum memlane_lane lane, struct memlane_lane_usage *usage,
			    size_t size)
{
	struct memlane_stats st = { .size = sizeof(st) };
	const struct memlane_lane_stat *l;
	struct memlane_lane_usage own;
	int err;

	if (lane != MEMLANE_FAST && lane != MEMLANE_SLOW)
		return -EINVAL;
	err = memlane_stat(m, &st);
	if (err)
		return err;
	l = &st.counts.lane[lane];
	own = (struct memlane_lane_usage){
		.usage = part(l->used, l->limit),
		.fragmentation = part(l->used - l->bound, l->used),
		.pressure = part(l->used, l->max),
		.stat = *l,
	};
	give_out(usage, size, &own, sizeof(own));
	return 0;
}
