/* SPDX-License-Identifier: MIT */
/* sites.h - a trace by the places in the program where its objects are made */
#ifndef SITES_H
#define SITES_H

#include "trace.h"

/**
 * sites_show - print what each call site has of a trace, those with most first
 * @path: for messages
 * @t: an open trace, at its first record
 * @csv: all of them, for machines; otherwise the first in a table
 *
 * Return: exit status.
 */
int sites_show(const char *path, struct trace *t, bool csv);

#endif /* SITES_H */
