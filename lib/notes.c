// SPDX-License-Identifier: MIT
/*
 * notes.c - what the program says of an object: hints, priority; names of tags
 *
 * Hints and priority stand in the pin word. They are changed under a pin, so
 * that the object cannot be freed, and its index made another's, meanwhile. Saying
 * something of an object is no use of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

#define TAGS 65536

/* Names are added in front and stay until the end: readers need no lock. */
struct name {
	struct name *older;
	char text[];
};

static int note(struct memlane *m, memlane_handle h, uint64_t mask, uint64_t value)
{
	uint32_t index = memlane_handle_index(h);
	uint64_t w;
	int err = pin_unused(m, h);

	if (err)
		return err;
	w = __atomic_load_n(pin_at(m, index), __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(pin_at(m, index), &w, (w & ~mask) | value, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return memlane_unpin(m, h);
}

static int noted(struct memlane *m, memlane_handle h, uint32_t *w)
{
	uint64_t e;
	int err = handle_look(m, h, &e);

	if (!err)
		*w = (uint32_t)notes_load(m, memlane_handle_index(h));
	return err;
}

int memlane_set_hints(struct memlane *m, memlane_handle h, uint32_t hints)
{
	if (hints & ~MEMLANE_HINT_MASK)
		return -EOPNOTSUPP;
	return note(m, h, MEMLANE_HINT_MASK, hints);
}

int memlane_hints(struct memlane *m, memlane_handle h)
{
	uint32_t w;
	int err = noted(m, h, &w);

	return err ? err : (int)(w & MEMLANE_HINT_MASK);
}

int memlane_set_priority(struct memlane *m, memlane_handle h, uint32_t priority)
{
	if (priority > 3)
		return -EINVAL;
	return note(m, h, MEMLANE_PIN_PRIORITY_MASK, priority << MEMLANE_PIN_PRIORITY_SHIFT);
}

int memlane_priority(struct memlane *m, memlane_handle h)
{
	uint32_t w;
	int err = noted(m, h, &w);

	if (err)
		return err;
	return (w & MEMLANE_PIN_PRIORITY_MASK) >> MEMLANE_PIN_PRIORITY_SHIFT;
}

/* -------------------------------------------------------------- names ---- */

/* Sparse: the system gives pages only for tags that get a name. */
static struct name **names_of(struct memlane *m)
{
	struct name **names = __atomic_load_n(&m->names, __ATOMIC_ACQUIRE), **mine;

	if (names)
		return names;
	mine = memory_new(TAGS * sizeof(*mine));
	if (!mine)
		return NULL;
	if (__atomic_compare_exchange_n(&m->names, &names, mine, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return mine;
	free(mine);
	return names;
}

int memlane_tag_name(struct memlane *m, uint16_t tag, const char *name)
{
	size_t length = name ? strlen(name) : 0;
	int err = arena_here(m);
	struct name **names;
	struct name *n;

	if (err)
		return err;
	names = names_of(m);
	n = names ? memory_new(sizeof(*n) + length + 1) : NULL;
	if (!n)
		return -ENOMEM;
	memcpy(n->text, name ? name : "", length + 1);
	n->older = __atomic_load_n(&names[tag], __ATOMIC_RELAXED);
	/* Pairs with the acquire in memlane_name_of_tag(). */
	while (!__atomic_compare_exchange_n(&names[tag], &n->older, n, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
	return 0;
}

const char *memlane_name_of_tag(struct memlane *m, uint16_t tag)
{
	struct name **names = __atomic_load_n(&m->names, __ATOMIC_ACQUIRE);
	struct name *n = names ? __atomic_load_n(&names[tag], __ATOMIC_ACQUIRE) : NULL;

	if (n)
		return n->text;
	return tag == MEMLANE_TAG_FRAME ? "frame scratch" : "";
}

/* The arena ends. */
void names_exit(struct memlane *m)
{
	struct name *n, *older;
	unsigned int tag;

	for (tag = 0; m->names && tag < TAGS; tag++) {
		for (n = m->names[tag]; n; n = older) {
			older = n->older;
			free(n);
		}
	}
	free(m->names);
}
