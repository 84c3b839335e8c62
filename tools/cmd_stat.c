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

#define CELL 40

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

/* Of what spans and blobs take, how much has no object in it. */
static void cell_empty(const struct arena_view *a, int lane, const char *name, char *text)
{
	uint64_t used = arena_lane(a, lane, "used"), bound = arena_lane(a, lane, name);

	if (used)
		snprintf(text, CELL, "%.1f %%", 100 - (double)bound * 100 / (double)used);
	else
		strcpy(text, "-");
}

static const struct column columns[] = {
	{ "ARENA", cell_id, NULL },
	{ "LANE", cell_lane, NULL },
	{ "LIMIT", cell_bytes, "limit" },
	{ "USED", cell_bytes, "used" },
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

static int add_counter(struct libscols_table *table, const struct counter *c)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char text[CELL];

	snprintf(text, sizeof(text), "%" PRIu64, c->value[0]);
	return line && !scols_line_set_data(line, 0, c->name) &&
			       !scols_line_set_data(line, 1, text) ?
		       0 :
		       -ENOMEM;
}

static int counters_table(struct libscols_table *table, const struct arena_view *a)
{
	int i, ret = 0;

	if (!scols_table_new_column(table, "COUNTER", 0, 0) ||
	    !scols_table_new_column(table, "VALUE", 0, SCOLS_FL_RIGHT))
		return -ENOMEM;
	for (i = 0; !ret && i < a->counts; i++)
		ret = add_counter(table, &a->count[i]);
	return ret ? ret : print_table(table);
}

/* @one: an arena to show in full, or NULL */
static int show_tables(const struct arena_view *list, int n, const struct arena_view *one)
{
	struct libscols_table *lanes, *counters;
	int ret = -ENOMEM;

	scols_init_debug(0);
	lanes = scols_new_table();
	counters = scols_new_table();
	if (lanes && counters)
		ret = lanes_table(lanes, one ? one : list, one ? 1 : n);
	if (!ret && one) {
		putchar('\n');
		ret = counters_table(counters, one);
		printf("\ninvariants: %s\n", one->check);
	}
	scols_unref_table(lanes);
	scols_unref_table(counters);
	return ret ? fail("no memory for a table") : EXIT_GOOD;
}

static struct json_object *counters_json(const struct counter *c, int n, int value)
{
	struct json_object *o = json_object_new_object();
	int i;

	for (i = 0; i < n; i++)
		json_object_object_add(o, c[i].name, json_object_new_uint64(c[i].value[value]));
	return o;
}

static struct json_object *arena_json(const struct arena_view *a)
{
	struct json_object *o = json_object_new_object(), *lanes = json_object_new_object();
	int lane;

	for (lane = 0; lane < 2; lane++)
		json_object_object_add(lanes, lane_name[lane],
				       counters_json(a->lane, a->lanes, lane));
	json_object_object_add(o, "arena", json_object_new_uint64(a->id));
	json_object_object_add(o, "check", json_object_new_string(a->check));
	json_object_object_add(o, "lanes", lanes);
	json_object_object_add(o, "counters", counters_json(a->count, a->counts, 0));
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

static int show(const struct arena_view *list, int n, uint64_t id, bool json)
{
	const struct arena_view *one = NULL;
	int i;

	for (i = 0; i < n; i++)
		if (list[i].id == id)
			one = &list[i];
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
		"what it may use and uses, how much of that is empty, what is in RAM, and how\n"
		"many objects came from the other lane. With ARENA, a number from that list,\n"
		"also all of its counters, and whether its invariants hold.\n"
		"\n"
		"  -j, --json   everything, for machines\n"
		"\n"
		"Reads " ARENAS_FOLDER ", which only root can. Arenas of the engine inside a\n"
		"process are seen by that process alone.\n",
	.run = run_stat,
};
