// SPDX-License-Identifier: MIT
/* cmd_replay.c - `memlane replay`: replays a trace on libmemlane and on others */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "memory.h"
#include "report.h"
#include "say.h"
#include "series.h"
#include "trace_file.h"

#define RUNS_MAX       8
#define MAINTAIN_EVERY 20000
#define OBJECT_COST    64	    /* bytes: of rounding and of tables */
#define ALIGN_MAX      (2ULL << 20) /* libmemlane's, by the ABI */

struct replay {
	const char *path;
	bool json;
	bool lines;
	const char *csv;
	const char *svg;
	struct run run[RUNS_MAX];
	int runs;
};

static int add_rival(struct replay *r, const char *name, size_t length)
{
	const struct rival *rival = rival_find(name, length);
	int i;

	if (!rival)
		return misuse("replay: \"%.*s\" is not an allocator that is known here; these are: %s",
			      (int)length, name, rival_names());
	for (i = 0; i < r->runs; i++)
		if (r->run[i].rival == rival)
			return misuse("replay: %s is named twice", rival->name);
	if (rival->library && access(rival->library, R_OK))
		return fail("there is no %s; install the package %s",
			    rival->library, rival->package);
	r->run[r->runs++].rival = rival;
	return 0;
}

static int add_rivals(struct replay *r, const char *list)
{
	size_t n;
	int ret = 0;

	for (;; list += n + 1) {
		n = strcspn(list, ",");
		ret = add_rival(r, list, n);
		if (ret || !list[n])
			return ret;
	}
}

/*
 * Where the machine has less, it would swap or kill, and both prove nothing. A
 * heap may be twice what is live, and each object costs its allocator something.
 */
static int room_for(const struct replay *r, const struct trace *t,
		    const struct trace_summary *sum)
{
	uint64_t there = memory_available();
	uint64_t need = 2 * sum->peak_bytes + OBJECT_COST * sum->peak_objects +
			sizeof(uint64_t) * t->header.objects;

	if (need <= there)
		return 0;
	return fail("%s: after record %" PRIu64 " it has %.1f GiB live in at most %" PRIu64
		    " objects; to replay it may take %.1f GiB, and this machine has %.1f to give",
		    r->path, sum->peak_record, (double)sum->peak_bytes / (1ULL << 30),
		    sum->peak_objects, (double)need / (1ULL << 30),
		    (double)there / (1ULL << 30));
}

/* What libmemlane has no way to do is known before anything is replayed. */
static int can_align(const struct replay *r, const struct trace_summary *sum)
{
	if (sum->alignment <= ALIGN_MAX)
		return 0;
	return fail("%s: record %" PRIu64 " asks for an alignment of %" PRIu64
		    " bytes; libmemlane aligns to at most %llu, so this trace cannot be replayed on it",
		    r->path, sum->aligned_record, sum->alignment, ALIGN_MAX);
}

/* @path: or NULL, and nothing is written. */
static int write_series(const char *path, void (*write)(FILE *out, const struct report *r),
			const struct report *report)
{
	FILE *f = path ? fopen(path, "we") : NULL;
	bool failed;

	if (!path)
		return 0;
	if (f) {
		write(f, report);
		failed = ferror(f);
		if (!fclose(f) && !failed)
			return 0;
	}
	return fail("%s cannot be written: %s", path, strerror(errno));
}

static int write_report(const struct replay *r, const struct report *report)
{
	int ret = r->json ? report_json(report) : report_table(report);

	if (!ret)
		ret = write_series(r->csv, series_csv, report);
	return ret ? ret : write_series(r->svg, series_svg, report);
}

static int run_all(struct replay *r, const struct trace_file *file, struct report *report)
{
	int i, ret = 0;

	for (i = 0; i < r->runs; i++) {
		r->run[i].lines = r->lines;
		report->column[i].run = r->run[i];
		ret = runner_play(&r->run[i], file, report->trace->header.records,
				  &report->column[i].res);
		if (ret)
			break;
		report->columns++;
	}
	if (!ret)
		ret = write_report(r, report);
	for (i = 0; i < report->columns; i++)
		runner_drop(report->column[i].res);
	return ret ? EXIT_FAILED : EXIT_GOOD;
}

static int replay_trace(struct replay *r, const struct trace_file *file, struct trace *t)
{
	struct report_column column[RUNS_MAX];
	struct trace_summary sum;
	struct trace_error err;
	struct report report = {
		.path = r->path,
		.trace = t,
		.sum = &sum,
		.column = column,
	};

	if (trace_scan(t, &sum, &err))
		return fail("%s: %s", r->path, err.text);
	if (can_align(r, &sum) || room_for(r, t, &sum))
		return EXIT_FAILED;
	return run_all(r, file, &report);
}

static int replay(struct replay *r)
{
	struct trace_file file;
	struct trace_error err;
	struct trace t;
	int ret;

	if (trace_file_load(&file, r->path))
		return EXIT_FAILED;
	if (trace_open(&t, file.data, file.length, &err)) {
		ret = fail("%s: %s", r->path, err.text);
	} else {
		ret = replay_trace(r, &file, &t);
		trace_close(&t);
	}
	trace_file_close(&file);
	return ret;
}

static int set_backend(struct run *run, const char *name)
{
	if (strcmp(name, "auto") && strcmp(name, "module") && strcmp(name, "local"))
		return misuse("replay: --backend is auto, module or local, not \"%s\"", name);
	run->backend = name;
	return 0;
}

static int set_maintain(struct run *run, const char *text)
{
	if (!strcmp(text, "0")) {
		run->maintain_every = 0;
		return 0;
	}
	return say_number(text, UINT64_MAX, &run->maintain_every) ?
		       misuse("replay: --maintain wants a number of calls, not \"%s\"", text) :
		       0;
}

static int parse(struct replay *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "against", required_argument, NULL, 'a' },
		{ "maintain", required_argument, NULL, 'm' },
		{ "json", no_argument, NULL, 'j' },
		{ "progress", no_argument, NULL, 'p' },
		{ "csv", required_argument, NULL, 'c' },
		{ "svg", required_argument, NULL, 's' },
		{ 0 }
	};
	int c, ret = 0;

	while (!ret && (c = getopt_long(argc, argv, ":b:a:m:jp", options, NULL)) != -1) {
		if (c == 'b')
			ret = set_backend(&r->run[0], optarg);
		else if (c == 'a')
			ret = add_rivals(r, optarg);
		else if (c == 'm')
			ret = set_maintain(&r->run[0], optarg);
		else if (c == 'j')
			r->json = true;
		else if (c == 'p')
			r->lines = true;
		else if (c == 'c')
			r->csv = optarg;
		else if (c == 's')
			r->svg = optarg;
		else
			return misuse("replay: %s is not an option, or lacks its value; see memlane replay --help",
				      argv[optind - 1]);
	}
	if (ret)
		return ret;
	if (optind + 1 != argc)
		return misuse("replay: name one trace file, as in: memlane replay redis.mlt.zst");
	r->path = argv[optind];
	return 0;
}

static int run_replay(int argc, char **argv)
{
	struct replay r = {
		.run = { { .backend = "auto", .maintain_every = MAINTAIN_EVERY }, { 0 } },
		.runs = 2, /* libmemlane, and the malloc that this program has */
	};
	int ret = parse(&r, argc, argv);

	return ret ? ret : replay(&r);
}

const struct command cmd_replay = {
	.name = "replay",
	.summary = "replay a trace on libmemlane, and compare with malloc",
	.help =
		"Usage: memlane replay [OPTIONS] FILE\n"
		"\n"
		"Replays a trace through libmemlane and, each time in a process of its own,\n"
		"through malloc and the allocators named with --against. Every object is filled\n"
		"with bytes of its own and checked when it is freed and at the end.\n"
		"\n"
		"  -b, --backend auto|module|local   who owns libmemlane's pages (auto)\n"
		"  -a, --against NAME[,NAME...]      glibc, jemalloc, mimalloc, tcmalloc\n"
		"  -m, --maintain CALLS              a maintenance cycle every CALLS calls (20000);\n"
		"                                    0: none\n"
		"  -j, --json                        the report for machines\n"
		"  -p, --progress                    a line for each tenth, not a bar on a terminal\n"
		"  --csv FILE                        resident bytes of each over the run, as numbers\n"
		"  --svg FILE                        and as a picture\n"
		"\n"
		"The report marks the row that decides, and says whether the program profits.\n"
		"Resident memory is what the process has more than before its heap was opened,\n"
		"and for the module's lanes what the kernel holds besides. Times are those of\n"
		"the calls themselves. The calls are made by one thread in the recorded order.\n",
	.run = run_replay,
};
