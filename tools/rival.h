/* SPDX-License-Identifier: MIT */
/* rival.h - the allocators that a replay can be compared with */
#ifndef RIVAL_H
#define RIVAL_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct rival - an allocator that stands in for malloc
 * @name: as typed after --against
 * @library: to preload; NULL: libc's own
 * @package: of Debian, that has the library; NULL: always there
 * @proof: a symbol that only this library has: it shows what was loaded
 */
struct rival {
	const char *name;
	const char *library;
	const char *package;
	const char *proof;
};

/* Return: NULL when there is none of this name. */
const struct rival *rival_find(const char *name, size_t length);

/* The names, for a sentence. */
const char *rival_names(void);

/* Is exactly this allocator what malloc is, in this process? */
bool rival_loaded(const struct rival *rival);

#endif /* RIVAL_H */
