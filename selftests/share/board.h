/* SPDX-License-Identifier: MIT */
/*
 * board.h - what the processes of the sharing test tell each other
 *
 * The board is a memory file that all of them map. What stands there about an
 * object is written before its handle, and does not change afterwards.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include <memlane.h>

#include "content.h"

#define COMMON		256	/* objects that everybody reads */
#define VICTIM_TAG	4711

/**
 * struct board - shared by all processes
 * @handle: of the common objects; @size bytes of version 1 each
 * @size: of them
 * @ready: the victim has come as far as using the arena; atomic
 * @reads: verified reads of all processes; atomic
 * @wrong: wrong bytes seen by the victim, which nobody may ask; atomic
 * @pause: those who work are to give their stock back and to wait; atomic
 * @paused: they do; atomic
 * @over: the end; atomic
 */
struct board {
	memlane_handle handle[COMMON];
	uint32_t size[COMMON];
	uint32_t ready;
	uint64_t reads;
	uint64_t wrong;
	uint32_t pause;
	uint32_t paused;
	uint32_t over;
};

static inline uint32_t board_look(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void board_set(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Read one common object in a section; how many bytes are wrong, all if it is gone. */
__attribute__((unused))
static size_t board_read(struct board *b, struct memlane *m, unsigned int i)
{
	const void *p = NULL;
	size_t wrong = b->size[i];

	if (memlane_enter(m))
		return wrong;
	p = memlane_get(m, b->handle[i]);
	if (p)
		wrong = content_wrong(p, b->size[i], i, 1);
	memlane_exit(m);
	__atomic_add_fetch(&b->reads, 1, __ATOMIC_RELAXED);
	return wrong;
}

#endif /* BOARD_H */
