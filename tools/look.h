/* SPDX-License-Identifier: MIT */
/* look.h - open arenas as a command was asked to look at them, or a sentence why not */
#ifndef LOOK_H
#define LOOK_H

#include "arenas.h"

/* For the help of commands that take it. */
#define LOOK_HELP                                                                            \
	"  --at PATH    arenas of processes that show them: MEMLANE_STAT=PATH in their\n"    \
	"               environment, a socket or a folder; what MEMLANE_STAT says here is\n" \
	"               the default\n"

/**
 * look_arenas - read all arenas
 * @at: as --at has it, or NULL
 * @list: for arenas_free()
 *
 * Return: how many, or -1 after saying what is wrong.
 */
int look_arenas(const char *at, struct arena_view **list);

/* Say what is wrong with reading more of one. Return: EXIT_FAILED. */
int look_failed(const char *at, int err);

/**
 * look_times - take -n: how often to look
 * @command: its name, for what is wrong
 * @text: of the option
 * @times: 1 to 2^32 - 1
 *
 * Return: 0, or the exit status after saying what is wrong.
 */
int look_times(const char *command, const char *text, uint64_t *times);

/* The same of -d: tenths of a second between two looks, up to an hour. */
int look_tenths(const char *command, const char *text, uint64_t *tenths);

/* The arena of this name; NULL after saying that there is none. */
struct arena_view *look_find(struct arena_view *list, int n, const char *name);

#endif /* LOOK_H */
