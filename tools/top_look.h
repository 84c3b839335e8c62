/* SPDX-License-Identifier: MIT */
/* top_look.h - one look after the other, and what arenas did in between */
#ifndef TOP_LOOK_H
#define TOP_LOOK_H

#include "top.h"

/**
 * struct top_look - the last two looks; all zero before the first
 * @list: arenas at the last look
 * @n: how many
 * @rows: of these, in any order
 * @nr_rows: how many are left after filtering
 * @when: seconds, by a clock that only goes forward
 */
struct top_look {
	struct arena_view *list;
	int n;
	struct top_row *rows;
	int nr_rows;
	double when;
};

/* Look again. Return: 0, or an exit code after saying what is wrong. */
int top_look(struct top_look *l, const char *at);
void top_look_free(struct top_look *l);

#endif /* TOP_LOOK_H */
