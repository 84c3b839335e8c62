// SPDX-License-Identifier: MIT
/* top_look.c - one look after the other, and what arenas did in between */
#include <stdlib.h>
#include <time.h>

#include "look.h"
#include "say.h"
#include "top_look.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int top_look(struct top_look *l, const char *at)
{
	struct top_look next = { .when = now() };

	next.n = look_arenas(at, &next.list);
	if (next.n < 0)
		return EXIT_FAILED;
	next.rows = calloc((size_t)next.n + 1, sizeof(*next.rows));
	if (!next.rows) {
		arenas_free(next.list, next.n);
		return fail("no memory for a table");
	}
	next.nr_rows = next.n;
	top_rows(next.list, next.n, l->list, l->n, next.when - l->when, next.rows);
	top_look_free(l);
	*l = next;
	return 0;
}

void top_look_free(struct top_look *l)
{
	free(l->rows);
	arenas_free(l->list, l->n);
}
