/* SPDX-License-Identifier: MIT */
/*
 * map.h - the spans of an arena at one moment or at many
 *
 * A recording is text: a line with the arena, and for each moment a line "frame SECONDS"
 * and the lines of debugfs's file of spans, with the bytes of a place where those have its class.
 */
#ifndef MAP_H
#define MAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "arenas.h"

#define MAP_WORDS 160

/**
 * struct map_span - one span
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @bytes: of a place
 * @cold: for objects that are not used of late
 * @pinned: compaction found a pinned object in it
 * @page: where, in the data area
 * @pages: how many
 * @places: for objects
 * @used: of these
 */
struct map_span {
	unsigned int lane;
	unsigned int bytes;
	bool cold;
	bool pinned;
	uint64_t page;
	uint64_t pages;
	uint64_t places;
	uint64_t used;
};

/**
 * struct map_frame - all spans at one moment
 * @when: seconds since the first
 * @span: in order of lane and page
 * @nr: how many
 */
struct map_frame {
	double when;
	struct map_span *span;
	int nr;
};

/**
 * struct map - an arena over time
 * @title: which it is, its process and program, and the name that this gave it
 * @frame: one, or those of a recording
 * @nr: how many
 */
struct map {
	char title[MAP_WORDS];
	struct map_frame *frame;
	int nr;
};

/* Start a map of an arena. */
void map_init(struct map *m, const struct arena_view *a);
void map_free(struct map *m);

/* Add what the arena is now, after arena_read_classes(). Return: 0 or -errno; -ENOENT: it is closed. */
int map_look(struct map *m, const struct arena_view *a, double when);

/* Write the head of a recording, or a frame. Return: 0 or -errno. */
int map_write_head(FILE *f, const struct map *m);
int map_write_frame(FILE *f, const struct map_frame *frame);

/* Read a recording. Return: 0; -errno; -EPROTO: it is none. */
int map_load(struct map *m, FILE *f);

/* How full a span is, from 0 to @steps; full only if it has no free place. */
int map_fullness(const struct map_span *span, int steps);

#endif /* MAP_H */
