/* SPDX-License-Identifier: MIT */
/* classes.h - size classes, as the engine tells them */
#ifndef LIB_CLASSES_H
#define LIB_CLASSES_H

#include <stdint.h>

#include <linux/memlane.h>

#define CLASS_STEP 16U /* sizes of places are multiples of this */

/**
 * struct classes - a table of size classes; immutable
 * @next: another engine's; see classes.c
 * @nr: how many
 * @size: bytes of a place, by class; 0 behind the last one
 * @of: the class of each size, by steps: a branch less to be guessed wrong than in a search
 */
struct classes {
	struct classes *next;
	uint32_t nr;
	uint16_t size[MEMLANE_CLASSES_MAX + 1];
	uint8_t of[MEMLANE_BLOCK_MAX / CLASS_STEP];
};

int classes_find(const struct memlane_info *info, const struct classes **out);

/* @size: 1 to MEMLANE_BLOCK_MAX */
static inline uint32_t class_of(const struct classes *c, uint64_t size)
{
	return c->of[(size - 1) / CLASS_STEP];
}

/* Bytes of the place of an object: those of its class, or whole pages. */
static inline uint64_t class_room(const struct classes *c, uint32_t cls, uint64_t bytes)
{
	return cls < c->nr ? c->size[cls] : (bytes + 4095) & ~4095ULL;
}

#endif /* LIB_CLASSES_H */
