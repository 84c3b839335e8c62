// SPDX-License-Identifier: MIT
/* stat_table.c - arenas as tables, for people */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "arenas.h"
#include "say.h"
#include "stat.h"
#include "tallies.h"

#define CELL 40

/* A column of the table of lanes: bytes, a count, or what it works out itself. */
struct column {
	const char *title;
	void (*cell)(const struct arena_view *a, int lane, const char *name, char *text);
	const char *name;
};

static void cell_id(const struct arena_view *a, int lane, const char *name, char *text)
{
	(void)lane;
	(void)name;
	strcpy(text, a->name);
}

static void cell_lane(const struct arena_view *a, int lane, const char *name, char *text)
{
	(void)a;
	(void)name;
	strcpy(text, arena_lane_name[lane]);
}

/* Whose it is: of the arena, not of a lane. */
static void cell_owner(const struct arena_view *a, int lane, const char *name, char *text)
{
	(void)lane;
	(void)name;
	snprintf(text, CELL, "%d %.20s", a->pid, a->program);
}

static void cell_name(const struct arena_view *a, int lane, const char *name, char *text)
{
	(void)lane;
	(void)name;
	strcpy(text, *a->called ? a->called : "-");
}

static void cell_bytes(const struct arena_view *a, int lane, const char *name, char *text)
{
	snprintf(text, CELL, "%.2f MiB", (double)arena_lane(a, lane, name) / 1048576);
}

static void cell_number(const struct arena_view *a, int lane, const char *name, char *text)
{
	snprintf(text, CELL, "%" PRIu64, arena_lane(a, lane, name));
}

static void percent(char *text, uint64_t part, uint64_t whole)
{
	if (whole)
		snprintf(text, CELL, "%.1f %%", (double)part * 100 / (double)whole);
	else
		strcpy(text, "-");
}

/* Of what spans and blobs take, how much has no object in it. */
static void cell_empty(const struct arena_view *a, int lane, const char *name, char *text)
{
	uint64_t used = arena_lane(a, lane, "used"), bound = arena_lane(a, lane, name);

	percent(text, used > bound ? used - bound : 0, used);
}

/* Of what the lane may use at this moment, how much is used. */
static void cell_full(const struct arena_view *a, int lane, const char *name, char *text)
{
	percent(text, arena_lane(a, lane, name), arena_lane(a, lane, "limit"));
}

/* Of what it may grow to. The policy calls it pressure past the usage threshold. */
static void cell_pressure(const struct arena_view *a, int lane, const char *name, char *text)
{
	percent(text, arena_lane(a, lane, name), arena_lane(a, lane, "max"));
}

static const struct column columns[] = {
	{ "ARENA", cell_id, NULL },
	{ "LANE", cell_lane, NULL },
	{ "LIMIT", cell_bytes, "limit" },
	{ "USED", cell_bytes, "used" },
	{ "FULL", cell_full, "used" },
	{ "PRESSURE", cell_pressure, "used" },
	{ "EMPTY", cell_empty, "bound" },
	{ "RESIDENT", cell_bytes, "resident" },
	{ "OBJECTS", cell_number, "objects" },
	{ "SPANS", cell_number, "spans" },
	{ "BLOBS", cell_number, "blobs" },
	{ "HOLE", cell_bytes, "largest_hole" },
	{ "CAME", cell_number, "migrated_in" },
	{ "PROCESS", cell_owner, NULL },
	{ "NAME", cell_name, NULL },
};

#define COLUMNS	  (sizeof(columns) / sizeof(*columns))
#define LEFT_FROM (COLUMNS - 2) /* the last two are words */

static int add_lane(struct libscols_table *table, const struct arena_view *a, int lane)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char text[CELL];
	size_t i;
	int ret = line ? 0 : -ENOMEM;

	for (i = 0; !ret && i < COLUMNS; i++) {
		columns[i].cell(a, lane, columns[i].name, text);
		ret = scols_line_set_data(line, i, text);
	}
	return ret;
}

static int print_table(struct libscols_table *table)
{
	int ret = scols_print_table(table);

	putchar('\n');
	return ret;
}

static int lanes_table(struct libscols_table *table, const struct arena_view *list, int n)
{
	size_t i;
	int a, ret = 0;

	for (i = 0; i < COLUMNS; i++)
		if (!scols_table_new_column(table, columns[i].title, 0,
					    i == 1 || i >= LEFT_FROM ? 0 : SCOLS_FL_RIGHT))
			return -ENOMEM;
	for (a = 0; !ret && a < n; a++) {
		ret = add_lane(table, &list[a], 0);
		if (!ret)
			ret = add_lane(table, &list[a], 1);
	}
	return ret ? ret : print_table(table);
}

/* A line of cells, for the tables whose columns have no function. */
static int add_cells(struct libscols_table *table, char (*cell)[CELL], size_t n)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	size_t i;
	int ret = line ? 0 : -ENOMEM;

	for (i = 0; !ret && i < n; i++)
		ret = scols_line_set_data(line, i, cell[i]);
	return ret;
}

/* @left: columns of words; those behind them are of numbers. */
static int add_columns(struct libscols_table *table, const char *const *title, size_t n, size_t left)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!scols_table_new_column(table, title[i], 0, i < left ? 0 : SCOLS_FL_RIGHT))
			return -ENOMEM;
	return 0;
}

static uint64_t moves(const struct arena_view *a)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < a->counts; i++)
		if (stat_cause(a->count[i].name))
			sum += a->count[i].value[0];
	return sum;
}

static int counters_table(struct libscols_table *table, const struct arena_view *a)
{
	static const char *const title[] = { "COUNTER", "VALUE" };
	char cell[2][CELL];
	int i, ret = add_columns(table, title, 2, 1);

	for (i = 0; !ret && i < a->counts; i++) {
		if (stat_cause(a->count[i].name))
			continue;
		strcpy(cell[0], a->count[i].name);
		snprintf(cell[1], CELL, "%" PRIu64, a->count[i].value[0]);
		ret = add_cells(table, cell, 2);
	}
	return ret ? ret : print_table(table);
}

static int moves_table(struct libscols_table *table, const struct arena_view *a)
{
	static const char *const title[] = { "CAUSE", "MOVES", "SHARE" };
	uint64_t all = moves(a);
	char cell[3][CELL];
	int i, ret = add_columns(table, title, 3, 1);

	for (i = 0; !ret && i < a->counts; i++) {
		if (!stat_cause(a->count[i].name))
			continue;
		strcpy(cell[0], stat_cause(a->count[i].name));
		snprintf(cell[1], CELL, "%" PRIu64, a->count[i].value[0]);
		percent(cell[2], a->count[i].value[0], all);
		ret = add_cells(table, cell, 3);
	}
	return ret ? ret : print_table(table);
}

static int add_class(struct libscols_table *table, const struct arena_view *a, int lane,
		     unsigned int cls)
{
	const struct class_view *c = &a->class[lane][cls];
	char cell[8][CELL];

	strcpy(cell[0], arena_lane_name[lane]);
	snprintf(cell[1], CELL, "%u B", a->bytes[cls]);
	snprintf(cell[2], CELL, "%" PRIu64, c->spans);
	snprintf(cell[3], CELL, "%" PRIu64, c->cold);
	snprintf(cell[4], CELL, "%.2f MiB", (double)c->pages / 256);
	snprintf(cell[5], CELL, "%" PRIu64, c->places);
	snprintf(cell[6], CELL, "%" PRIu64, c->used);
	percent(cell[7], c->used, c->places);
	return add_cells(table, cell, 8);
}

static int classes_table(struct libscols_table *table, const struct arena_view *a)
{
	static const char *const title[] = { "LANE", "CLASS", "SPANS", "COLD",
					     "SIZE", "PLACES", "GIVEN", "FULL" };
	int lane, ret = add_columns(table, title, 8, 1);
	unsigned int cls;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		for (cls = 0; !ret && cls < a->classes; cls++)
			if (a->class[lane][cls].spans)
				ret = add_class(table, a, lane, cls);
	return ret ? ret : print_table(table);
}

/* Bytes that were put away: where, how many, and what they take there. */
static int add_away(struct libscols_table *table, const char *where, uint64_t pages, uint64_t takes)
{
	char cell[5][CELL];

	strcpy(cell[0], where);
	snprintf(cell[1], CELL, "%" PRIu64, pages);
	snprintf(cell[2], CELL, "%.2f MiB", (double)pages / 256);
	snprintf(cell[3], CELL, "%.2f MiB", (double)takes / 1048576);
	strcpy(cell[4], "-");
	if (takes)
		snprintf(cell[4], CELL, "%.2f", (double)pages * 4096 / (double)takes);
	return add_cells(table, cell, 5);
}

static int cold_table(struct libscols_table *table, const struct arena_view *a)
{
	static const char *const title[] = { "PUT AWAY", "PAGES", "BYTES", "TAKES", "RATIO" };
	uint64_t compressed = arena_count(a, "compressed"), stored = arena_count(a, "stored");
	uint64_t rest = arena_count(a, "away") - compressed - stored;
	int ret = add_columns(table, title, 5, 1);

	if (!ret)
		ret = add_away(table, "compressed", compressed, arena_count(a, "compressed_bytes"));
	if (!ret)
		ret = add_away(table, "one word, or lost", rest, 0);
	if (!ret)
		ret = add_away(table, "in the file", stored, arena_count(a, "stored_bytes"));
	return ret ? ret : print_table(table);
}

/* The time that a bucket's faults took less than. */
static void below(int bucket, char *text)
{
	double ns = (double)(2ULL << bucket);

	if (ns < 1e6)
		snprintf(text, CELL, "%.3g us", ns / 1e3);
	else
		snprintf(text, CELL, "%.3g ms", ns / 1e6);
}

static int add_bucket(struct libscols_table *table, const struct arena_view *a, int bucket)
{
	char cell[ARENA_METS + 1][CELL];
	int i;

	below(bucket, cell[0]);
	for (i = 0; i < a->mets; i++)
		snprintf(cell[i + 1], CELL, "%" PRIu64, a->fault[i].bucket[bucket]);
	return add_cells(table, cell, a->mets + 1);
}

static int add_fault_sums(struct libscols_table *table, const struct arena_view *a)
{
	char all[ARENA_METS + 1][CELL] = { "all" }, mean[ARENA_METS + 1][CELL] = { "mean" };
	int i;

	for (i = 0; i < a->mets; i++) {
		snprintf(all[i + 1], CELL, "%" PRIu64, a->fault[i].all);
		strcpy(mean[i + 1], "-");
		if (a->fault[i].all)
			snprintf(mean[i + 1], CELL, "%.1f us",
				 (double)a->fault[i].ns / 1e3 / (double)a->fault[i].all);
	}
	i = add_cells(table, all, a->mets + 1);
	return i ? i : add_cells(table, mean, a->mets + 1);
}

/* Rows of what they took, columns of what they met. */
static int faults_table(struct libscols_table *table, const struct arena_view *a)
{
	const char *title[ARENA_METS + 1] = { "FAULTS BELOW" };
	int i, first, last, ret;

	for (i = 0; i < a->mets; i++)
		title[i + 1] = a->fault[i].met;
	ret = add_columns(table, title, a->mets + 1, 0);
	if (faults_range(a->fault, a->mets, &first, &last))
		for (i = first; !ret && i <= last; i++)
			ret = add_bucket(table, a, i);
	if (!ret)
		ret = add_fault_sums(table, a);
	return ret ? ret : print_table(table);
}

/* What the number of a tally is, in words. */
static void tally_of(const struct arena_view *a, const struct tally *t, char *text)
{
	if (strcmp(t->of, "class"))
		snprintf(text, CELL, "%s %" PRIu64, t->of, t->number);
	else if (t->number < a->classes)
		snprintf(text, CELL, "%u B", a->bytes[t->number]);
	else
		strcpy(text, "blobs");
}

static int add_tally(struct libscols_table *table, const struct arena_view *a, const struct tally *t)
{
	const struct tallies *all = &a->tallies;
	char cell[TALLY_FIELDS + 2][CELL];
	int i;

	tally_of(a, t, cell[0]);
	strcpy(cell[1], t->lane);
	for (i = 0; i < all->fields; i++)
		snprintf(cell[i + 2], CELL, "%" PRIu64, t->value[i]);
	return add_cells(table, cell, all->fields + 2);
}

/* Above a column: the cause of moves, or what else it is. */
static void tally_title(const char *field, char *title)
{
	const char *cause = stat_cause(field);

	for (field = cause ? cause : field; *field; field++)
		*title++ = toupper((unsigned char)*field);
	*title = '\0';
}

static int tallies_table(struct libscols_table *table, const struct arena_view *a)
{
	char text[TALLY_FIELDS][CELL];
	const char *title[TALLY_FIELDS + 2] = { "OF", "LANE" };
	const struct tallies *all = &a->tallies;
	int i, ret;

	for (i = 0; i < all->fields; i++) {
		tally_title(all->field[i], text[i]);
		title[i + 2] = text[i];
	}
	ret = add_columns(table, title, all->fields + 2, 2);
	for (i = 0; !ret && i < all->nr; i++)
		ret = add_tally(table, a, &all->tally[i]);
	return ret ? ret : print_table(table);
}

static int show_table(int (*fill)(struct libscols_table *table, const struct arena_view *a),
		      const struct arena_view *a)
{
	struct libscols_table *table = scols_new_table();
	int ret;

	if (!table)
		return -ENOMEM;
	putchar('\n');
	ret = fill(table, a);
	scols_unref_table(table);
	return ret;
}

/* @one: an arena to show in full, or NULL */
int stat_tables(const struct arena_view *list, int n, const struct arena_view *one)
{
	struct libscols_table *lanes;
	int ret = -ENOMEM;

	scols_init_debug(0);
	lanes = scols_new_table();
	if (lanes)
		ret = lanes_table(lanes, one ? one : list, one ? 1 : n);
	scols_unref_table(lanes);
	if (!ret && one)
		ret = show_table(classes_table, one);
	if (!ret && one)
		ret = show_table(moves_table, one);
	if (!ret && one)
		ret = show_table(tallies_table, one);
	if (!ret && one && arena_count(one, "cooled"))
		ret = show_table(cold_table, one);
	if (!ret && one && one->mets)
		ret = show_table(faults_table, one);
	if (!ret && one)
		ret = show_table(counters_table, one);
	if (!ret && one)
		printf("\ninvariants: %s\n", one->check);
	return ret;
}
