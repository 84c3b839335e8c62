// SPDX-License-Identifier: MIT
/* cmd_export.c - `memlane export`: the module's arenas for programs that watch machines */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "arenas.h"
#include "command.h"
#include "explain.h"
#include "prometheus.h"
#include "say.h"

static int export_arenas(void)
{
	struct arena_view *list;
	int n = arenas_read(&list);

	if (n < 0)
		return fail("%s", explain_stat(n));
	prometheus_write(stdout, list, n);
	arenas_free(list, n);
	return EXIT_GOOD;
}

static int run_export(int argc, char **argv)
{
	static const struct option options[] = {
		{ "prometheus", no_argument, NULL, 'p' },
		{ 0 }
	};
	bool prometheus = false;
	int c;

	while ((c = getopt_long(argc, argv, ":p", options, NULL)) != -1) {
		if (c != 'p')
			return misuse("export: %s is not an option; see memlane export --help",
				      argv[optind - 1]);
		prometheus = true;
	}
	if (optind < argc)
		return misuse("export: \"%s\" is one word too many", argv[optind]);
	if (!prometheus)
		return misuse("export: say which format; --prometheus is the one there is");
	return export_arenas();
}

const struct command cmd_export = {
	.name = "export",
	.summary = "the module's arenas for Prometheus",
	.help =
		"Usage: memlane export --prometheus\n"
		"\n"
		"Prints what memlane stat shows of the module's arenas in the text format that\n"
		"Prometheus reads: lanes, counters, moves by cause, and whether the invariants\n"
		"hold. For node_exporter, have a timer write it into a file of the folder of its\n"
		"textfile collector:\n"
		"\n"
		"  memlane export --prometheus >memlane.prom.new && mv memlane.prom.new memlane.prom\n"
		"\n"
		"Reads " ARENAS_FOLDER ", which only root can.\n",
	.run = run_export,
};
