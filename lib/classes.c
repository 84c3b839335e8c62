// SPDX-License-Identifier: MIT
/*
 * classes.c - size classes, as the engine tells them
 *
 * Arenas of an engine have the same classes, and share a table of them. A process has one table
 * for each engine that it has met: they are never freed, and only the head of their list changes.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

static struct classes *tables;

/* Rising multiples of CLASS_STEP, up to the largest block. */
static bool are_classes(const struct memlane_info *info)
{
	const __u16 *size = info->out_class_size;
	uint32_t i, nr = info->out_classes;

	if (!nr || nr > MEMLANE_CLASSES_MAX || !size[0] || size[nr - 1] != MEMLANE_BLOCK_MAX)
		return false;
	for (i = 0; i < nr; i++)
		if (size[i] % CLASS_STEP || (i && size[i] <= size[i - 1]))
			return false;
	return true;
}

/* The last magazine of the last lane ends in the slot, whatever is told. */
static bool are_magazines(const struct memlane_info *info)
{
	uint64_t nr = MEMLANE_LANES * (uint64_t)info->out_classes;
	uint64_t size = offsetof(struct memlane_mag, index) + info->out_mag_size * sizeof(uint32_t);

	return info->out_mag_size >= 2 && size <= info->out_mag_stride && info->out_mag_stride % 8 == 0 &&
	       info->out_mag_offset >= offsetof(struct memlane_slot, mag) && info->out_mag_offset % 8 == 0 &&
	       info->out_mag_offset + nr * info->out_mag_stride <= info->out_slot_size;
}

static bool is_table_of(const struct classes *c, const struct memlane_info *info)
{
	return c->nr == info->out_classes &&
	       !memcmp(c->size, info->out_class_size, c->nr * sizeof(*c->size));
}

static struct classes *classes_new(const struct memlane_info *info)
{
	struct classes *c = memory_new(sizeof(*c));
	uint32_t i, cls = 0;

	if (!c)
		return NULL;
	c->nr = info->out_classes;
	memcpy(c->size, info->out_class_size, c->nr * sizeof(*c->size));
	for (i = 0; i < ARRAY_SIZE(c->of); i++) {
		cls += (i + 1) * CLASS_STEP > c->size[cls];
		c->of[i] = cls;
	}
	return c;
}

/**
 * classes_find - the table of an arena's classes
 * @info: of the arena
 * @out: gets it
 *
 * Return: 0; -ENOMEM; -EPROTO: what is told cannot be right.
 */
int classes_find(const struct memlane_info *info, const struct classes **out)
{
	struct classes *first = __atomic_load_n(&tables, __ATOMIC_ACQUIRE), *c;

	if (!are_classes(info) || !are_magazines(info))
		return -EPROTO;
	for (c = first; c && !is_table_of(c, info); c = c->next)
		;
	if (!c) {
		c = classes_new(info);
		if (!c)
			return -ENOMEM;
		c->next = first;
		/* Another thread's may be the same one: two do no harm. Pairs with the load. */
		while (!__atomic_compare_exchange_n(&tables, &c->next, c, false, __ATOMIC_RELEASE,
						    __ATOMIC_RELAXED))
			;
	}
	*out = c;
	return 0;
}

/* ---------------------------------------------------------- the front ---- */

unsigned int memlane_size_class(const struct memlane *m, uint64_t size)
{
	return size - 1 < MEMLANE_BLOCK_MAX ? class_of(m->classes, size) : MEMLANE_CLASS_BLOB;
}

uint32_t memlane_class_bytes(const struct memlane *m, unsigned int cls)
{
	return cls < m->classes->nr ? m->classes->size[cls] : 0;
}
