/* SPDX-License-Identifier: MIT */
/* stat.h - what `memlane stat` prints */
#ifndef STAT_H
#define STAT_H

#include "arenas.h"

/* The cause that a counter of moves is of, by its name; NULL: it is of something else. */
const char *stat_cause(const char *counter);

/**
 * stat_tables - print arenas as tables
 * @list: arenas
 * @n: how many
 * @one: of these, the one to show in full, or NULL
 *
 * Return: 0 or -ENOMEM.
 */
int stat_tables(const struct arena_view *list, int n, const struct arena_view *one);

/* The same as JSON: all of them in full, or @one alone. Return: 0. */
int stat_json(const struct arena_view *list, int n, const struct arena_view *one);

#endif /* STAT_H */
