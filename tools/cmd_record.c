// SPDX-License-Identifier: MIT
/* cmd_record.c - `memlane record`: runs a program and writes its allocation trace */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>

#include "command.h"
#include "recording.h"
#include "say.h"

static int run_record(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "calls", required_argument, NULL, 'n' },
		{ "follow", no_argument, NULL, 'f' },
		{ "sites", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct recording r = { 0 };
	int c;

	/* Up to the first word that is no option: the rest is the command's. */
	while ((c = getopt_long(argc, argv, "+:o:n:fsh", options, NULL)) != -1) {
		if (c == 'h')
			return fputs(cmd_record.help, stdout) < 0 ? EXIT_FAILED : EXIT_GOOD;
		if (c == 'o')
			r.target = optarg;
		else if (c == 'f')
			r.follow = true;
		else if (c == 's')
			r.sites = true;
		else if (c != 'n')
			return misuse("record: %s is not an option, or lacks its value; see memlane record --help",
				      argv[optind - 1]);
		else if (say_number(optarg, UINT64_MAX, &r.calls))
			return misuse("record: --calls wants a whole number from 1, not \"%s\"", optarg);
	}
	if (!r.target)
		return misuse("record: say where the trace goes with -o FILE");
	if (optind == argc)
		return misuse("record: the command to run is missing, as in: memlane record -o %s -- ls",
			      r.target);
	r.command = argv + optind;
	return recording_run(&r);
}

const struct command cmd_record = {
	.name = "record",
	.summary = "run a program and write its allocation trace",
	.help =
		"Usage: memlane record -o FILE [-n CALLS] [--follow] [--sites] -- COMMAND [ARGUMENT...]\n"
		"\n"
		"Runs COMMAND and writes every malloc, calloc, realloc, aligned form and free\n"
		"to FILE, with thread and order. A name that ends in .zst is packed.\n"
		"\n"
		"  -o, --output FILE   where the trace goes, as redis.mlt.zst\n"
		"  -n, --calls CALLS   record the first CALLS records, then let the program go on\n"
		"  -f, --follow        write a trace of every process, COMMAND's in FILE, others in\n"
		"                      FILE with a number, as redis.1.mlt.zst\n"
		"  -s, --sites         record where each object was made, for memlane trace --sites;\n"
		"                      beyond the caller of malloc where it has frame pointers\n"
		"\n"
		"Options end where COMMAND begins. Where COMMAND becomes another program, as env and\n"
		"sh -c do, the trace is of the last one. Processes that it starts are recorded with\n"
		"--follow only; the first line of the report says how many were not. COMMAND must be\n"
		"dynamically linked with libc's malloc or one that is preloaded. A program that is\n"
		"killed leaves a trace that is good up to there; if memlane is killed as well, the\n"
		"file (FILE with .part for .zst) is still readable, and at most 4 MiB too long.\n"
		"\n"
		"Exits as COMMAND does; with 128 and the signal's number where one ended it; with\n"
		"126 where COMMAND cannot be run, 127 where there is none; with 1 where COMMAND was\n"
		"not recorded, or a trace ends early (a full disk, a limit on file sizes), and the\n"
		"report says why.\n",
	.runs_others = true,
	.run = run_record,
};
