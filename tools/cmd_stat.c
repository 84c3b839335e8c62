// SPDX-License-Identifier: MIT
/* cmd_stat.c - `memlane stat`: what the module's open arenas hold and have done */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arenas.h"
#include "command.h"
#include "explain.h"
#include "say.h"
#include "stat.h"

#define MOVES "moves_" /* so begin the counters of moves, then comes the cause */

const char *stat_cause(const char *counter)
{
	return strncmp(counter, MOVES, strlen(MOVES)) ? NULL : counter + strlen(MOVES);
}

static int show(struct arena_view *list, int n, uint64_t id, bool json)
{
	const struct arena_view *one = NULL;
	int i, ret = 0;

	for (i = 0; i < n; i++) {
		if (list[i].id == id)
			one = &list[i];
		if (json || list[i].id == id)
			ret = arena_read_rest(&list[i]);
		/* One that was closed meanwhile has none any more. */
		if (ret && ret != -ENOENT)
			return fail("%s", explain_stat(ret));
	}
	if (id && !one)
		return fail("there is no arena %" PRIu64 " open; memlane stat lists them", id);
	if (json) {
		stat_json(list, n, one);
		return EXIT_GOOD;
	}
	if (!n) {
		puts("No arena is open.");
		return EXIT_GOOD;
	}
	return stat_tables(list, n, one) ? fail("no memory for a table") : EXIT_GOOD;
}

static int look(uint64_t id, bool json)
{
	struct arena_view *list;
	int ret, n = arenas_read(&list);

	if (n < 0)
		return fail("%s", explain_stat(n));
	ret = show(list, n, id, json);
	arenas_free(list, n);
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
		"that list, also its size classes, how many objects moved for which cause, what\n"
		"moved and what did not by size class, tag and group, all of its counters, and\n"
		"whether its invariants hold.\n"
		"\n"
		"  -j, --json   everything, for machines\n"
		"\n"
		"Reads " ARENAS_FOLDER ", which only root can. Arenas of the engine inside a\n"
		"process are seen by that process alone.\n",
	.run = run_stat,
};
