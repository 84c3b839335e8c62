// SPDX-License-Identifier: MIT
/* cmd_trace.c - `memlane trace`: checks a trace and shows what is in it */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "command.h"
#include "report.h"
#include "say.h"
#include "sites.h"
#include "trace_file.h"

static const char *const op_name[TRACE_OPS] = {
	[TRACE_MALLOC] = "malloc",
	[TRACE_CALLOC] = "calloc",
	[TRACE_ALIGNED] = "memalign",
	[TRACE_REALLOC] = "realloc",
	[TRACE_FREE] = "free",
};

static void show_record(const struct trace *t, const struct trace_record *r)
{
	printf("%" PRIu64 "\tthread %" PRIu32 "\t%s\tobject %" PRIu64 "\t%" PRIu64,
	       t->record - 1, r->thread, op_name[r->op], r->object, r->size);
	if (r->align)
		printf("\talign %" PRIu64, r->align);
	putchar('\n');
}

static int dump(const char *path, struct trace *t)
{
	struct trace_record r;
	struct trace_error err;
	int ret;

	while ((ret = trace_next(t, &r, &err)) > 0)
		show_record(t, &r);
	return ret ? fail("%s: %s", path, err.text) : EXIT_GOOD;
}

static int summarise(const char *path, struct trace *t)
{
	struct trace_summary sum;
	struct trace_error err;
	int op;

	if (trace_scan(t, &sum, &err))
		return fail("%s: %s", path, err.text);
	report_trace(path, t, &sum);
	for (op = TRACE_MALLOC; op <= TRACE_FREE; op++)
		printf("  %-9s %" PRIu64 "\n", op_name[op], sum.calls[op]);
	printf("  largest   %" PRIu64 " bytes\n", sum.largest);
	printf("  missed    %" PRIu64 " frees of objects from before the recording\n",
	       t->header.missed);
	if (t->header.peak_rss)
		printf("  the program itself had at most %.1f MiB resident\n",
		       (double)t->header.peak_rss / 1048576);
	return EXIT_GOOD;
}

enum what {
	SUMMARY,
	RECORDS,
	SITES,
	SITES_CSV
};

static int show_trace(const char *path, struct trace *t, enum what what)
{
	if (what == RECORDS)
		return dump(path, t);
	return what == SUMMARY ? summarise(path, t) : sites_show(path, t, what == SITES_CSV);
}

static int show(const char *path, enum what what)
{
	struct trace_file file;
	struct trace_error err;
	struct trace t;
	int ret;

	if (trace_file_load(&file, path))
		return EXIT_FAILED;
	if (trace_open(&t, file.data, file.length, &err)) {
		ret = fail("%s: %s", path, err.text);
	} else {
		ret = show_trace(path, &t, what);
		trace_close(&t);
	}
	trace_file_close(&file);
	return ret;
}

static int run_trace(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dump", no_argument, NULL, 'd' },
		{ "sites", no_argument, NULL, 's' },
		{ "csv", no_argument, NULL, 'c' },
		{ 0 }
	};
	bool all = false, sites = false, csv = false;
	int c;

	while ((c = getopt_long(argc, argv, ":dsc", options, NULL)) != -1) {
		if (c != 'd' && c != 's' && c != 'c')
			return misuse("trace: %s is not an option; see memlane trace --help",
				      argv[optind - 1]);
		all |= c == 'd';
		sites |= c == 's';
		csv |= c == 'c';
	}
	if (all + sites > 1 || csv > sites)
		return misuse("trace: --dump or --sites, and --csv with --sites only");
	if (optind + 1 != argc)
		return misuse("trace: name one trace file");
	return show(argv[optind], all ? RECORDS : csv ? SITES_CSV :
					  sites	      ? SITES :
							SUMMARY);
}

const struct command cmd_trace = {
	.name = "trace",
	.summary = "check a trace and show what is in it",
	.help =
		"Usage: memlane trace [--dump | --sites [--csv]] FILE\n"
		"\n"
		"Reads all of FILE and sums it up, or names the record at fault.\n"
		"\n"
		"  -d, --dump   one line for each record: number, thread, call, object, bytes\n"
		"  -s, --sites  which call sites hold most, leave most holes, free soonest; of a\n"
		"               trace that was recorded with --sites\n"
		"  -c, --csv    the same for machines, and all of them\n",
	.run = run_trace,
};
