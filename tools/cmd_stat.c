// SPDX-License-Identifier: MIT
/* cmd_stat.c - `memlane stat`: what the module's open arenas hold and have done */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <libsmartcols.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arenas.h"
#include "command.h"
#include "explain.h"
#include "say.h"

#define CELL  40
#define MOVES "moves_" /* so begin the counters of moves, then comes the cause */

static const char *const lane_name[] = { "fast", "slow" };

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
	snprintf(text, CELL, "%u", a->id);
}

static void cell_lane(const struct arena_view *a, int lane, const char *name, char *text)
{
	(void)a;
	(void)name;
	strcpy(text, lane_name[lane]);
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
};

#define COLUMNS (sizeof(columns) / sizeof(*columns))

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
					    i == 1 ? 0 : SCOLS_FL_RIGHT))
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

/* The cause that a counter of moves is of, or NULL. */
static const char *cause_of(const struct counter *c)
{
	return strncmp(c->name, MOVES, strlen(MOVES)) ? NULL : c->name + strlen(MOVES);
}

static uint64_t moves(const struct arena_view *a)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < a->counts; i++)
		if (cause_of(&a->count[i]))
			sum += a->count[i].value[0];
	return sum;
}

static int counters_table(struct libscols_table *table, const struct arena_view *a)
{
	static const char *const title[] = { "COUNTER", "VALUE" };
	char cell[2][CELL];
	int i, ret = add_columns(table, title, 2, 1);

	for (i = 0; !ret && i < a->counts; i++) {
		if (cause_of(&a->count[i]))
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
		if (!cause_of(&a->count[i]))
			continue;
		strcpy(cell[0], cause_of(&a->count[i]));
		snprintf(cell[1], CELL, "%" PRIu64, a->count[i].value[0]);
		percent(cell[2], a->count[i].value[0], all);
		ret = add_cells(table, cell, 3);
	}
	return ret ? ret : print_table(table);
}

static int add_class(struct libscols_table *table, const struct class_view *c, int lane,
		     unsigned int cls)
{
	char cell[8][CELL];

	strcpy(cell[0], lane_name[lane]);
	snprintf(cell[1], CELL, "%u B", memlane_class_size(cls));
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
		for (cls = 0; !ret && cls < MEMLANE_CLASSES; cls++)
			if (a->class[lane][cls].spans)
				ret = add_class(table, &a->class[lane][cls], lane, cls);
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
static int show_tables(const struct arena_view *list, int n, const struct arena_view *one)
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
		ret = show_table(counters_table, one);
	if (!ret && one)
		printf("\ninvariants: %s\n", one->check);
	return ret ? fail("no memory for a table") : EXIT_GOOD;
}

static struct json_object *lane_json(const struct arena_view *a, int lane)
{
	struct json_object *o = json_object_new_object();
	uint64_t max = arena_lane(a, lane, "max");
	int i;

	for (i = 0; i < a->lanes; i++)
		json_object_object_add(o, a->lane[i].name,
				       json_object_new_uint64(a->lane[i].value[lane]));
	json_object_object_add(o, "pressure_permille",
			       json_object_new_uint64(max ? arena_lane(a, lane, "used") * 1000 / max : 0));
	return o;
}

/* Those of moves by their cause alone, or all others. */
static struct json_object *counters_json(const struct arena_view *a, bool of_moves)
{
	struct json_object *o = json_object_new_object();
	const struct counter *c;
	int i;

	for (i = 0; i < a->counts; i++) {
		c = &a->count[i];
		if (!!cause_of(c) == of_moves)
			json_object_object_add(o, of_moves ? cause_of(c) : c->name,
					       json_object_new_uint64(c->value[0]));
	}
	return o;
}

static struct json_object *class_json(const struct class_view *c, int lane, unsigned int cls)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "lane", json_object_new_string(lane_name[lane]));
	json_object_object_add(o, "bytes", json_object_new_uint64(memlane_class_size(cls)));
	json_object_object_add(o, "spans", json_object_new_uint64(c->spans));
	json_object_object_add(o, "cold_spans", json_object_new_uint64(c->cold));
	json_object_object_add(o, "pages", json_object_new_uint64(c->pages));
	json_object_object_add(o, "places", json_object_new_uint64(c->places));
	json_object_object_add(o, "given", json_object_new_uint64(c->used));
	return o;
}

static struct json_object *classes_json(const struct arena_view *a)
{
	struct json_object *all = json_object_new_array();
	unsigned int cls;
	int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		for (cls = 0; cls < MEMLANE_CLASSES; cls++)
			if (a->class[lane][cls].spans)
				json_object_array_add(all, class_json(&a->class[lane][cls], lane, cls));
	return all;
}

static struct json_object *arena_json(const struct arena_view *a)
{
	struct json_object *o = json_object_new_object(), *lanes = json_object_new_object();
	int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		json_object_object_add(lanes, lane_name[lane], lane_json(a, lane));
	json_object_object_add(o, "arena", json_object_new_uint64(a->id));
	json_object_object_add(o, "check", json_object_new_string(a->check));
	json_object_object_add(o, "lanes", lanes);
	json_object_object_add(o, "classes", classes_json(a));
	json_object_object_add(o, "moves", counters_json(a, true));
	json_object_object_add(o, "counters", counters_json(a, false));
	return o;
}

static int show_json(const struct arena_view *list, int n, const struct arena_view *one)
{
	struct json_object *o = json_object_new_object(), *all = json_object_new_array();
	int i;

	for (i = 0; i < n; i++)
		if (!one || one == &list[i])
			json_object_array_add(all, arena_json(&list[i]));
	json_object_object_add(o, "arenas", all);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED));
	json_object_put(o);
	return EXIT_GOOD;
}

static int show(struct arena_view *list, int n, uint64_t id, bool json)
{
	const struct arena_view *one = NULL;
	int i, ret = 0;

	for (i = 0; i < n; i++) {
		if (list[i].id == id)
			one = &list[i];
		if (json || list[i].id == id)
			ret = arena_read_classes(&list[i]);
		/* One that was closed meanwhile has none any more. */
		if (ret && ret != -ENOENT)
			return fail("%s", explain_stat(ret));
	}
	if (id && !one)
		return fail("there is no arena %" PRIu64 " open; memlane stat lists them", id);
	if (json)
		return show_json(list, n, one);
	if (!n) {
		puts("No arena is open.");
		return EXIT_GOOD;
	}
	return show_tables(list, n, one);
}

static int look(uint64_t id, bool json)
{
	struct arena_view *list;
	int ret, n = arenas_read(&list);

	if (n < 0)
		return fail("%s", explain_stat(n));
	ret = show(list, n, id, json);
	free(list);
	return ret;
}

static int run_stat(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ 0 }
	};
	bool json = false;
	uint64_t id = 0;
	int c;

	while ((c = getopt_long(argc, argv, ":j", options, NULL)) != -1) {
		if (c != 'j')
			return misuse("stat: %s is not an option; see memlane stat --help",
				      argv[optind - 1]);
		json = true;
	}
	if (optind + 1 < argc)
		return misuse("stat: \"%s\" is one word too many", argv[optind + 1]);
	if (optind < argc && say_number(argv[optind], UINT32_MAX, &id))
		return misuse("stat: an arena is named by its number, not \"%s\"", argv[optind]);
	return look(id, json);
}

const struct command cmd_stat = {
	.name = "stat",
	.summary = "what the module's arenas hold and have done",
	.help =
		"Usage: memlane stat [--json] [ARENA]\n"
		"\n"
		"Lists the arenas that programs have open in the module, a line for each lane:\n"
		"what it may use and uses, which part that is of what it may use now (FULL)\n"
		"and of what it may grow to (PRESSURE), how much of it is empty, what is in\n"
		"RAM, and how many objects came from the other lane. With ARENA, a number from\n"
		"that list, also its size classes, how many objects moved for which cause, all\n"
		"of its counters, and whether its invariants hold.\n"
		"\n"
		"  -j, --json   everything, for machines\n"
		"\n"
		"Reads " ARENAS_FOLDER ", which only root can. Arenas of the engine inside a\n"
		"process are seen by that process alone.\n",
	.run = run_stat,
};
