// SPDX-License-Identifier: MIT
/* cmd_export.c - `memlane export`: arenas for programs that watch machines */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "arenas.h"
#include "command.h"
#include "look.h"
#include "prometheus.h"
#include "say.h"

static int export_arenas(const char *at)
{
	struct arena_view *list;
	int i, n = look_arenas(at, &list), ret = 0;

	if (n < 0)
		return EXIT_FAILED;
	for (i = 0; !ret && i < n; i++) {
		ret = arena_check(&list[i]);
		arena_read_faults(&list[i]);
	}
	/* One that was closed meanwhile holds nothing that could be wrong. */
	if (ret && ret != -ENOENT) {
		arenas_free(list, n);
		return look_failed(at, ret);
	}
	prometheus_write(stdout, list, n);
	arenas_free(list, n);
	return EXIT_GOOD;
}

static int run_export(int argc, char **argv)
{
	static const struct option options[] = {
		{ "prometheus", no_argument, NULL, 'p' },
		{ "at", required_argument, NULL, 'a' },
		{ 0 }
	};
	const char *at = NULL;
	bool prometheus = false;
	int c;

	while ((c = getopt_long(argc, argv, ":p", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			prometheus = true;
			break;
		case 'a':
			at = optarg;
			break;
		case ':':
			return misuse("export: %s needs a value", argv[optind - 1]);
		default:
			return misuse("export: %s is not an option; see memlane export --help",
				      argv[optind - 1]);
		}
	}
	if (optind < argc)
		return misuse("export: \"%s\" is one word too many", argv[optind]);
	if (!prometheus)
		return misuse("export: say which format; --prometheus is the one there is");
	return export_arenas(at);
}

const struct command cmd_export = {
	.name = "export",
	.summary = "arenas for Prometheus",
	.help =
		"Usage: memlane export --prometheus [--at PATH]\n"
		"\n"
		"Prints what memlane stat shows of arenas in the text format that\n"
		"Prometheus reads: lanes, counters, moves by cause, times of page faults by what\n"
		"they met, and whether the invariants hold. For node_exporter, have a timer write it into a file of the folder of its\n"
		"textfile collector:\n"
		"\n"
		"  memlane export --prometheus >memlane.prom.new && mv memlane.prom.new memlane.prom\n"
		"\n" LOOK_HELP
		"\n"
		"Without it reads " ARENAS_FOLDER ", which only root can.\n",
	.run = run_export,
};
