/* SPDX-License-Identifier: MIT */
/*
 * top.h - arenas at two moments, as lines: what `memlane top` shows
 *
 * The same lines go to a terminal and, in batch mode, to a file.
 */
#ifndef TOP_H
#define TOP_H

#include <stdbool.h>
#include <stddef.h>

#include "arenas.h"

#define TOP_LINE 256

/* What lines are sorted by. */
enum top_order {
	TOP_BY_RESIDENT,
	TOP_BY_MOVES,
	TOP_BY_PID,
	TOP_BY_OBJECTS,
	TOP_ORDERS
};

extern const char *const top_order_name[TOP_ORDERS];

/* What an arena did within a second, on average. */
enum top_rate {
	TOP_MOVES,
	TOP_VETOES,
	TOP_FAULTS,
	TOP_PAUSES,
	TOP_RATES
};

/**
 * struct top_row - an arena since it was looked at before
 * @now: as it is; the view's owner keeps it
 * @rate: by enum top_rate; below 0: it is new, nothing is known yet
 * @objects: of both lanes
 * @resident: bytes, of both lanes
 */
struct top_row {
	const struct arena_view *now;
	double rate[TOP_RATES];
	uint64_t objects;
	uint64_t resident;
};

/**
 * top_rows - compare two looks
 * @now: the arenas
 * @n: how many
 * @before: an earlier look, or NULL
 * @before_n: how many
 * @seconds: between them
 * @rows: @n of them
 */
void top_rows(const struct arena_view *now, int n, const struct arena_view *before, int before_n,
	      double seconds, struct top_row *rows);

void top_sort(struct top_row *rows, int n, enum top_order order, bool inverted);

/* Keep the rows that have @text in the arena, its name, the process or the program. Return: how many. */
int top_filter(struct top_row *rows, int n, const char *text);

/* Lines of at most TOP_LINE - 1 bytes: the sums, the titles, one arena. */
void top_sums(const struct top_row *rows, int n, char *line);
void top_titles(char *line);
void top_line(const struct top_row *row, char *line);

/**
 * top_detail - more of one arena: its counters that are not 0
 * @row: of it
 * @which: from 0 on
 * @line: gets it
 *
 * Return: false: there are no so many.
 */
bool top_detail(const struct top_row *row, int which, char *line);

#endif /* TOP_H */
