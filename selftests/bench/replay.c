// SPDX-License-Identifier: MIT
/*
 * replay.c - recorded programs on libmemlane and on other allocators
 *
 * What `memlane replay --json` says of the traces that come with the project: bytes
 * resident for each live one when all is over and compacted, where memlane's own go,
 * and calls a second. ML_TRACES names the traces, with blanks between them.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define TOOL	"build/tools/memlane"
#define TARGET	1.15
#define TRACES	"redis-lru redis-small sqlite cc1"
#define TRACES_MAX 8
#define MEMORY	"replay: resident bytes a live one at last, against the target 1.15"
#define PARTS	"replay: where memlane's go"
#define SPEED	"replay: calls a second, against the program's own malloc"

/* An emulated machine is slow, and the others' memory is the same everywhere. */
static struct json_object *report_of(const char *trace)
{
	char command[256];
	struct json_object *o;
	FILE *f;

	snprintf(command, sizeof(command), TOOL " replay --json --backend %s %s traces/%s.mlt.zst",
		 backend_name(), ratios_only() ? "" : "--against jemalloc,mimalloc,tcmalloc",
		 trace);
	f = popen(command, "r");
	if (!f)
		die("no shell");
	o = json_object_from_fd(fileno(f));
	if (pclose(f) || !o)
		die("a replay failed");
	return o;
}

static double number(struct json_object *o, const char *key, const char *inner)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, key, &value) ||
	    (inner && !json_object_object_get_ex(value, inner, &value)))
		die("a replay's report lacks something");
	return json_object_get_double(value);
}

static const char *title(const char *trace, struct json_object *run)
{
	static char text[80];
	struct json_object *name;

	if (!json_object_object_get_ex(run, "allocator", &name))
		die("a replay's report lacks a name");
	snprintf(text, sizeof(text), "%s: %s", trace, json_object_get_string(name));
	return text;
}

static void memory(const char *trace, struct json_object *runs)
{
	size_t i;

	for (i = 0; i < json_object_array_length(runs); i++) {
		struct json_object *run = json_object_array_get_idx(runs, i);

		row(MEMORY, title(trace, run), number(run, "settled", "overhead"), "", TARGET);
	}
}

/* The first run is memlane. */
static void parts(const char *trace, struct json_object *report, struct json_object *runs)
{
	struct json_object *run = json_object_array_get_idx(runs, 0);
	double live = number(run, "settled", "live_bytes");
	double objects = number(report, "trace", "end_live_objects");
	double tables = number(run, "settled_parts", "metadata_bytes");
	char name[80];

	snprintf(name, sizeof(name), "%s: a live object has", trace);
	row(PARTS, name, live / objects, "bytes", 0);
	snprintf(name, sizeof(name), "%s: lanes, a live byte", trace);
	row(PARTS, name, number(run, "settled_parts", "lane_bytes") / live, "", 0);
	snprintf(name, sizeof(name), "%s: tables, a live object", trace);
	row(PARTS, name, tables / objects, "bytes", 0);
	snprintf(name, sizeof(name), "%s: tables, an object at the peak", trace);
	row(PARTS, name, tables / number(report, "trace", "peak_live_objects"), "bytes", 0);
}

/* The second run is the program's own malloc. */
static void speed(const char *trace, struct json_object *runs)
{
	double base = number(json_object_array_get_idx(runs, 1), "calls_per_second", NULL);
	size_t i;

	for (i = 0; i < json_object_array_length(runs); i++) {
		struct json_object *run = json_object_array_get_idx(runs, i);

		row(SPEED, title(trace, run), number(run, "calls_per_second", NULL) / 1e6, "M/s",
		    base / 1e6);
	}
}

static struct json_object *runs_of(struct json_object *report)
{
	struct json_object *runs;

	if (!json_object_object_get_ex(report, "runs", &runs) ||
	    json_object_array_length(runs) < 2)
		die("a replay's report has no runs");
	return runs;
}

/* One after the other in a table, so all of them are replayed before. */
void bench_replay(void)
{
	struct json_object *report[TRACES_MAX];
	char *names = strdup(getenv("ML_TRACES") ? getenv("ML_TRACES") : TRACES);
	char *trace[TRACES_MAX];
	size_t i, n = 0;

	for (trace[0] = strtok(names, " "); trace[n] && n < TRACES_MAX - 1;
	     trace[n] = strtok(NULL, " ")) {
		report[n] = report_of(trace[n]);
		n++;
	}
	for (i = 0; i < n; i++)
		memory(trace[i], runs_of(report[i]));
	for (i = 0; i < n; i++)
		parts(trace[i], report[i], runs_of(report[i]));
	for (i = 0; i < n; i++) {
		speed(trace[i], runs_of(report[i]));
		json_object_put(report[i]);
	}
	free(names);
}
