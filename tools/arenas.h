/* SPDX-License-Identifier: MIT */
/* arenas.h - the module's open arenas, as debugfs shows them */
#ifndef ARENAS_H
#define ARENAS_H

#include <stdint.h>

#include <linux/memlane.h>

#include "tallies.h"

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
 * struct class_view - the spans of one size class in a lane
 * @spans: how many
 * @cold: of these, for objects that are not used of late
 * @pages: of all of them
 * @places: for objects
 * @used: places that are given out, be it to a thread's stock
 */
struct class_view {
	uint64_t spans;
	uint64_t cold;
	uint64_t pages;
	uint64_t places;
	uint64_t used;
};

/**
 * struct arena_view - one arena at one moment
 * @id: its folder's name
 * @check: "ok", or the invariant that does not hold
 * @lane: what its lanes hold
 * @lanes: number of these
 * @count: its counters
 * @counts: number of these
 * @class: after arena_read_rest()
 * @tallies: the same
 */
struct arena_view {
	unsigned int id;
	char check[160];
	struct counter lane[ARENA_COUNTERS];
	int lanes;
	struct counter count[ARENA_COUNTERS];
	int counts;
	struct class_view class[MEMLANE_LANES][MEMLANE_CLASSES];
	struct tallies tallies;
};

extern const char *const arena_lane_name[MEMLANE_LANES];

/**
 * arenas_read - look at all of them
 * @list: gets an array, for arenas_free()
 *
 * An arena that is closed meanwhile is left out.
 *
 * Return: how many, sorted by id, or -errno.
 */
int arenas_read(struct arena_view **list);

void arenas_free(struct arena_view *list, int n);

/* Look at its spans and tallies, which may be many. Return: 0 or -errno. */
int arena_read_rest(struct arena_view *a);

/* Return: how many are open, or -errno. */
int arenas_count(void);

/* A lane's number by its name; 0 where the module has none of that name. */
uint64_t arena_lane(const struct arena_view *a, int lane, const char *name);

#endif /* ARENAS_H */
