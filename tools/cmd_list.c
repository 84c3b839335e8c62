// SPDX-License-Identifier: MIT
/* cmd_list.c - `memlane list`: which arenas are open, and whose they are */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>

#include "command.h"
#include "look.h"
#include "say.h"

#define CELL	40
#define COLUMNS 7

static const char *const title[COLUMNS] = { "ARENA", "PID", "PROGRAM", "NAME",
					    "OBJECTS", "USED", "RESIDENT" };

static uint64_t both(const struct arena_view *a, const char *name)
{
	return arena_lane(a, MEMLANE_FAST, name) + arena_lane(a, MEMLANE_SLOW, name);
}

static int add_arena(struct libscols_table *table, const struct arena_view *a)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char cell[COLUMNS][CELL];
	int i, ret = line ? 0 : -ENOMEM;

	snprintf(cell[0], CELL, "%s", a->name);
	snprintf(cell[1], CELL, "%d", a->pid);
	snprintf(cell[2], CELL, "%s", a->program);
	snprintf(cell[3], CELL, "%s", *a->called ? a->called : "-");
	snprintf(cell[4], CELL, "%" PRIu64, both(a, "objects"));
	snprintf(cell[5], CELL, "%.2f MiB", (double)both(a, "used") / 1048576);
	snprintf(cell[6], CELL, "%.2f MiB", (double)both(a, "resident") / 1048576);
	for (i = 0; !ret && i < COLUMNS; i++)
		ret = scols_line_set_data(line, i, cell[i]);
	return ret;
}

static int fill(struct libscols_table *table, const struct arena_view *list, int n)
{
	int i, ret = 0;

	for (i = 0; i < COLUMNS; i++)
		if (!scols_table_new_column(table, title[i], 0, i == 2 || i == 3 ? 0 : SCOLS_FL_RIGHT))
			return -ENOMEM;
	for (i = 0; !ret && i < n; i++)
		ret = add_arena(table, &list[i]);
	return ret;
}

static int print(const struct arena_view *list, int n)
{
	struct libscols_table *table;
	int ret = -ENOMEM;

	if (!n) {
		puts("No arena is open.");
		return EXIT_GOOD;
	}
	scols_init_debug(0);
	table = scols_new_table();
	if (table)
		ret = fill(table, list, n);
	if (!ret) {
		ret = scols_print_table(table);
		putchar('\n');
	}
	scols_unref_table(table);
	return ret ? fail("no memory for a table") : EXIT_GOOD;
}

static int run_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "at", required_argument, NULL, 'a' },
		{ 0 }
	};
	struct arena_view *list;
	const char *at = NULL;
	int c, n, ret;

	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (c != 'a')
			return misuse("list: %s is not an option, or lacks its value; see memlane list --help",
				      argv[optind - 1]);
		at = optarg;
	}
	if (optind < argc)
		return misuse("list: \"%s\" is one word too many", argv[optind]);
	n = look_arenas(at, &list);
	if (n < 0)
		return EXIT_FAILED;
	ret = print(list, n);
	arenas_free(list, n);
	return ret;
}

const struct command cmd_list = {
	.name = "list",
	.summary = "which arenas are open, and whose they are",
	.help =
		"Usage: memlane list [--at PATH]\n"
		"\n"
		"A line for each open arena: its name for memlane stat and memlane map, the\n"
		"process that made it, what that calls it (config.name), and how much it holds.\n"
		"\n" LOOK_HELP
		"\n"
		"Without it these are the module's: reads " ARENAS_FOLDER ",\n"
		"which only root can.\n",
	.run = run_list,
};
