// SPDX-License-Identifier: MIT
/*
 * tallies.c - the file of tallies in debugfs: a line of titles, then one for each tally
 *
 *	of number lane moves_compact moves_hand ...
 *	class 3 0 12 0 ...
 *	tag 7 - 12 0 ...
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arenas.h"
#include "tallies.h"

#define LINE  1024
#define PIECE 64 /* tallies that room is made for at a time */

/* Behind the columns that say what it is of. */
static char *skip_name(char *line)
{
	int i;

	for (i = 0; i < 3; i++) {
		line += strspn(line, " ");
		line += strcspn(line, "\n ");
	}
	return line;
}

static void read_titles(char *line, struct tallies *t)
{
	char *p = skip_name(line);
	int at;

	while (t->fields < TALLY_FIELDS && sscanf(p, "%23s%n", t->field[t->fields], &at) == 1) {
		t->fields++;
		p += at;
	}
}

/* False: the line is of something else. */
static int read_line(char *line, const struct tallies *all, struct tally *t)
{
	char *p = skip_name(line);
	int i;

	memset(t, 0, sizeof(*t));
	if (sscanf(line, "%7s %" SCNu64 " %7s", t->of, &t->number, t->lane) != 3)
		return 0;
	for (i = 0; i < MEMLANE_LANES; i++)
		if (t->lane[0] == '0' + i)
			strcpy(t->lane, arena_lane_name[i]);
	for (i = 0; i < all->fields; i++)
		t->value[i] = strtoull(p, &p, 10);
	return 1;
}

static int make_room(struct tallies *t)
{
	struct tally *more;

	if (t->nr % PIECE)
		return 0;
	more = realloc(t->tally, (t->nr + PIECE) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	t->tally = more;
	return 0;
}

int tallies_read(FILE *f, struct tallies *t)
{
	char line[LINE];
	int ret = 0;

	memset(t, 0, sizeof(*t));
	if (fgets(line, sizeof(line), f))
		read_titles(line, t);
	while (!ret && fgets(line, sizeof(line), f)) {
		ret = make_room(t);
		if (!ret)
			t->nr += read_line(line, t, &t->tally[t->nr]);
	}
	return ret;
}

void tallies_free(struct tallies *t)
{
	free(t->tally);
	t->tally = NULL;
	t->nr = 0;
}
