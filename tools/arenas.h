/* SPDX-License-Identifier: MIT */
/* arenas.h - open arenas: the module's, and those that processes show */
#ifndef ARENAS_H
#define ARENAS_H

#include <stdint.h>

#include <linux/memlane.h>

#include "arena_file.h"
#include "faults.h"
#include "tallies.h"

#define ARENA_COUNTERS 96
#define ARENA_METS 8

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
 * @at: where it is
 * @name: what people call it: its number, or process and number
 * @pid: of the process that made it; 0: an older module does not tell
 * @program: that process's name
 * @called: what that program calls the arena, or ""
 * @check: after arena_check(): "ok", or the invariant that does not hold
 * @lane: what its lanes hold
 * @lanes: number of these
 * @count: its counters
 * @counts: number of these
 * @bytes: of a place of each size class, for as many as there are
 * @classes: number of these
 * @class: after arena_read_rest()
 * @tallies: the same
 * @fault: after arena_read_faults(): by what they met
 * @mets: number of these; 0 in a process, and where an older module does not tell
 */
struct arena_view {
	struct arena_place at;
	char name[24];
	int pid;
	char program[40];
	char called[MEMLANE_NAME_SIZE];
	char check[160];
	struct counter lane[ARENA_COUNTERS];
	int lanes;
	struct counter count[ARENA_COUNTERS];
	int counts;
	unsigned int bytes[MEMLANE_CLASSES_MAX];
	unsigned int classes;
	struct class_view class[MEMLANE_LANES][MEMLANE_CLASSES_MAX];
	struct tallies tallies;
	struct faults fault[ARENA_METS];
	int mets;
};

extern const char *const arena_lane_name[MEMLANE_LANES];

/**
 * arenas_read - look at all of them
 * @sockets: of processes, or a folder of these; NULL: the module's arenas
 * @list: gets an array, for arenas_free()
 *
 * An arena that is closed meanwhile is left out.
 *
 * Return: how many, by process and number, or -errno.
 */
int arenas_read(const char *sockets, struct arena_view **list);

/* The one of this name, or NULL. */
struct arena_view *arenas_find(struct arena_view *list, int n, const char *name);

/* Whether its invariants hold, which takes long with many objects. Return: 0 or -errno. */
int arena_check(struct arena_view *a);

void arenas_free(struct arena_view *list, int n);

/* Look at its spans and tallies, which may be many, and its faults. Return: 0 or -errno. */
int arena_read_rest(struct arena_view *a);

/* How large its classes' places are. Return: 0 or -errno. */
int arena_read_classes(struct arena_view *a);

/* Its faults alone. */
void arena_read_faults(struct arena_view *a);

/* Return: how many are open, or -errno. */
int arenas_count(void);

/* A counter by its name; 0 where the module has none of that name. */
uint64_t arena_count(const struct arena_view *a, const char *name);

/* A lane's number by its name; 0 where the module has none of that name. */
uint64_t arena_lane(const struct arena_view *a, int lane, const char *name);

#endif /* ARENAS_H */
