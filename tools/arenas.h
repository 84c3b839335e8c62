/* SPDX-License-Identifier: MIT */
/* arenas.h - the module's open arenas, as debugfs shows them */
#ifndef ARENAS_H
#define ARENAS_H

#include <stdint.h>

#define ARENAS_FOLDER	"/sys/kernel/debug/memlane"
#define ARENA_COUNTERS	96

/**
 * struct counter - one line of a file: a name, and a number for each lane or one
 * @name: the module's own word
 * @value: the first, or the FastLane's; then the SlowLane's
 */
struct counter {
	char name[32];
	uint64_t value[2];
};

/**
 * struct arena_view - one arena at one moment
 * @id: its folder's name
 * @check: "ok", or the invariant that does not hold
 * @lane: what its lanes hold
 * @lanes: number of these
 * @count: its counters
 * @counts: number of these
 */
struct arena_view {
	unsigned int id;
	char check[160];
	struct counter lane[ARENA_COUNTERS];
	int lanes;
	struct counter count[ARENA_COUNTERS];
	int counts;
};

/**
 * arenas_read - look at all of them
 * @list: gets an array, to be freed by the caller
 *
 * An arena that is closed meanwhile is left out.
 *
 * Return: how many, sorted by id, or -errno.
 */
int arenas_read(struct arena_view **list);

/* Return: how many are open, or -errno. */
int arenas_count(void);

/* A lane's number by its name; 0 where the module has none of that name. */
uint64_t arena_lane(const struct arena_view *a, int lane, const char *name);

#endif /* ARENAS_H */
