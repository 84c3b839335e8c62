// SPDX-License-Identifier: MIT
/* report.c - what replays have shown: a table for people, JSON for machines */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <libsmartcols.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "verdict.h"

#define CELL	32
#define NOTHING 4096 /* bytes: what is said to be so many times as much says nothing */

static const char *const call_name[PLAY_CALLS] = {
	[PLAY_ALLOC] = "alloc",
	[PLAY_RESIZE] = "resize",
	[PLAY_FREE] = "free",
	[PLAY_MAINTAIN] = "maintain",
	[PLAY_SETTLE] = "settle",
};

/* Calls of the trace a second of the time spent in them and in maintenance. */
static double rate(const struct play_result *res)
{
	uint64_t n = 0, ns = res->call[PLAY_MAINTAIN].sum;
	int c;

	for (c = PLAY_ALLOC; c <= PLAY_FREE; c++) {
		n += res->call[c].count;
		ns += res->call[c].sum;
	}
	return ns ? (double)n * 1e9 / (double)ns : 0;
}

static double overhead(const struct play_moment *m)
{
	return m->live ? (double)m->resident / (double)m->live : 0;
}

void report_command(const struct trace *t, char *text, size_t room)
{
	size_t i, n = t->header.command_length;
	char c;

	if (n >= room)
		n = room - 1;
	for (i = 0; i < n; i++) {
		c = t->command[i];
		text[i] = c >= ' ' && c < 127 ? c : c ? '?' :
							' ';
	}
	while (n && text[n - 1] == ' ')
		n--;
	text[n] = '\0';
}

void report_trace(const char *path, const struct trace *t, const struct trace_summary *sum)
{
	char command[72];

	report_command(t, command, sizeof(command));
	printf("%s: %s\n", path, command);
	printf("%" PRIu64 " calls, %" PRIu64 " objects, %" PRIu32 " threads\n",
	       sum->total, t->header.objects, t->header.threads);
	printf("live at most %.1f MiB and %" PRIu64 " objects, at the end %.1f MiB in %" PRIu64 "\n",
	       (double)sum->peak_bytes / 1048576, sum->peak_objects,
	       (double)sum->live_bytes / 1048576, sum->live_objects);
	if (t->unfinished)
		puts("The recording was never closed; what stands in it is whole.");
	if (t->header.flags & TRACE_KILLED)
		puts("The program was killed by a signal: the trace ends there.");
	if (t->header.flags & TRACE_LIMITED)
		puts("The recording stopped at a limit, before the program did.");
}

/* One line of the table: what it is called, and how its cells are made. */
struct row {
	const char *name;
	void (*cell)(const struct play_result *res, int what, char *text);
	int what;
};

static void cell_rate(const struct play_result *res, int what, char *text)
{
	(void)what;
	snprintf(text, CELL, "%.2f M/s", rate(res) / 1e6);
}

static void cell_wall(const struct play_result *res, int what, char *text)
{
	(void)what;
	snprintf(text, CELL, "%.2f s", (double)res->wall_ns / 1e9);
}

enum {
	HIGHEST,
	PEAK,
	END,
	SETTLED,
	IDLE
};

static const struct play_moment *moment(const struct play_result *res, int what)
{
	const struct play_moment *const all[] = {
		[HIGHEST] = &res->highest,
		[PEAK] = &res->peak,
		[END] = &res->end,
		[SETTLED] = &res->settled,
		[IDLE] = &res->idle,
	};

	return all[what];
}

static void cell_resident(const struct play_result *res, int what, char *text)
{
	if (moment(res, what)->resident)
		snprintf(text, CELL, "%.2f MiB", (double)moment(res, what)->resident / 1048576);
	else
		strcpy(text, "-");
}

static void cell_ratio(const struct play_result *res, int what, char *text)
{
	if (moment(res, what)->live >= NOTHING)
		snprintf(text, CELL, "%.3f", overhead(moment(res, what)));
	else
		strcpy(text, "-");
}

enum {
	ROUNDED,
	EMPTY,
	TABLES,
	REST
};

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* What is resident beyond the live bytes; the four together are all of it. */
static uint64_t part(const struct play_result *res, int what)
{
	const struct replay_parts *p = &res->parts;

	switch (what) {
	case ROUNDED:
		return less(p->bound, res->settled.live);
	case EMPTY:
		return less(p->pages, p->bound);
	case TABLES:
		return p->metadata;
	default:
		return less(res->settled.resident, p->pages + p->metadata);
	}
}

static void cell_part(const struct play_result *res, int what, char *text)
{
	if (res->parts.pages)
		snprintf(text, CELL, "%.2f MiB", (double)part(res, what) / 1048576);
	else
		strcpy(text, "-");
}

static void cell_lanes(const struct play_result *res, int what, char *text)
{
	(void)what;
	if (res->parts.pages && res->settled.live >= NOTHING)
		snprintf(text, CELL, "%.3f", (double)res->parts.pages / (double)res->settled.live);
	else
		strcpy(text, "-");
}

static void time_text(uint64_t ns, char *text)
{
	if (ns < 10000)
		snprintf(text, CELL, "%" PRIu64 " ns", ns);
	else if (ns < 10000000)
		snprintf(text, CELL, "%" PRIu64 " us", ns / 1000);
	else
		snprintf(text, CELL, "%" PRIu64 " ms", ns / 1000000);
}

static void cell_p99(const struct play_result *res, int what, char *text)
{
	if (res->call[what].count)
		time_text(histogram_at(&res->call[what], 990), text);
	else
		strcpy(text, "-");
}

static void cell_max(const struct play_result *res, int what, char *text)
{
	if (res->call[what].count)
		time_text(res->call[what].max, text);
	else
		strcpy(text, "-");
}

static void cell_checked(const struct play_result *res, int what, char *text)
{
	(void)what;
	snprintf(text, CELL, "%" PRIu64, res->checked);
}

static const struct row rows[] = {
	{ "calls", cell_rate, 0 },
	{ "replay with checks", cell_wall, 0 },
	{ "highest resident", cell_resident, HIGHEST },
	{ "at the live peak", cell_resident, PEAK },
	{ "  over live bytes", cell_ratio, PEAK },
	{ "at the end", cell_resident, END },
	{ "  over live bytes", cell_ratio, END },
	{ "compacted or trimmed", cell_resident, SETTLED },
	{ "  over live bytes", cell_ratio, SETTLED },
	{ "  rounding of sizes", cell_part, ROUNDED },
	{ "  empty places", cell_part, EMPTY },
	{ "  handles and tables", cell_part, TABLES },
	{ "  the process's own", cell_part, REST },
	{ "  lanes over live bytes", cell_lanes, 0 },
	{ "when nobody uses it", cell_resident, IDLE },
	{ "  over live bytes", cell_ratio, IDLE },
	{ "alloc p99", cell_p99, PLAY_ALLOC },
	{ "alloc longest", cell_max, PLAY_ALLOC },
	{ "resize p99", cell_p99, PLAY_RESIZE },
	{ "resize longest", cell_max, PLAY_RESIZE },
	{ "free p99", cell_p99, PLAY_FREE },
	{ "free longest", cell_max, PLAY_FREE },
	{ "maintain p99", cell_p99, PLAY_MAINTAIN },
	{ "maintain longest", cell_max, PLAY_MAINTAIN },
	{ "compact or trim", cell_max, PLAY_SETTLE },
	{ "objects verified", cell_checked, 0 },
};

/* The row of the moment that the verdict is about. */
static bool decides(const struct report *r, const struct row *row)
{
	int what = verdict_moment(r->sum) == VERDICT_SETTLED ? SETTLED : HIGHEST;

	return row->cell == cell_resident && row->what == what;
}

static int add_row(struct libscols_table *table, const struct report *r, const struct row *row)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char text[CELL];
	int i, ret;

	if (!line)
		return -ENOMEM;
	snprintf(text, sizeof(text), "%s%s", decides(r, row) ? "=> " : "", row->name);
	ret = scols_line_set_data(line, 0, text);
	for (i = 0; !ret && i < r->columns; i++) {
		row->cell(r->column[i].res, row->what, text);
		ret = scols_line_set_data(line, (size_t)i + 1, text);
	}
	return ret;
}

static int fill_table(struct libscols_table *table, const struct report *r)
{
	size_t n;
	int i, ret = 0;

	if (!scols_table_new_column(table, "", 0, SCOLS_FL_NOEXTREMES))
		return -ENOMEM;
	for (i = 0; i < r->columns; i++)
		if (!scols_table_new_column(table, runner_title(&r->column[i].run, r->column[i].res),
					    0, SCOLS_FL_RIGHT))
			return -ENOMEM;
	for (n = 0; !ret && n < sizeof(rows) / sizeof(*rows); n++)
		ret = add_row(table, r, &rows[n]);
	if (!ret)
		ret = scols_print_table(table);
	putchar('\n');
	return ret;
}

static void add_resident(const struct report *r)
{
	const struct play_result *res;
	int i;

	for (i = 0; i < r->columns; i++) {
		res = r->column[i].res;
		printf("%s %s %.1f MiB", i ? "," : "Resident at last:",
		       runner_title(&r->column[i].run, res), (double)res->settled.resident / 1048576);
		if (res->settled.live >= NOTHING)
			printf(" (%.2f times what is live)", overhead(&res->settled));
	}
	puts(".");
}

/* Where there is something that puts away what nobody uses. */
static void add_idle(const struct report *r)
{
	const struct play_result *res;
	int i;

	for (i = 0; i < r->columns; i++) {
		res = r->column[i].res;
		if (res->idle.resident)
			printf("When nobody uses it any more, %s keeps %.1f MiB in memory; all of it came back right.\n",
			       runner_title(&r->column[i].run, res), (double)res->idle.resident / 1048576);
	}
}

/* What it comes to, in words. */
static void sum_up(const struct report *r)
{
	char text[512];

	add_resident(r);
	add_idle(r);
	verdict_text(r, text, sizeof(text));
	puts(text);
	if (verdict_emulated("/proc/cpuinfo"))
		puts("The times above are an emulator's (QEMU TCG) and mean nothing; the bytes do.");
	puts("Every object had the bytes that it was given, on each of them.");
}

int report_table(const struct report *r)
{
	struct libscols_table *table;
	int ret;

	report_trace(r->path, r->trace, r->sum);
	putchar('\n');
	fflush(stdout);
	scols_init_debug(0);
	table = scols_new_table();
	if (!table)
		return -ENOMEM;
	ret = fill_table(table, r);
	scols_unref_table(table);
	sum_up(r);
	return ret;
}

static void add_number(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

static void add_text(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static struct json_object *moment_json(const struct play_moment *m)
{
	struct json_object *o = json_object_new_object();

	add_number(o, "resident_bytes", m->resident);
	add_number(o, "live_bytes", m->live);
	json_object_object_add(o, "overhead", json_object_new_double(overhead(m)));
	return o;
}

static struct json_object *histogram_json(const struct histogram *h)
{
	struct json_object *o = json_object_new_object();

	add_number(o, "count", h->count);
	add_number(o, "sum_ns", h->sum);
	add_number(o, "p50_ns", histogram_at(h, 500));
	add_number(o, "p99_ns", histogram_at(h, 990));
	add_number(o, "max_ns", h->max);
	return o;
}

static struct json_object *parts_json(const struct play_result *res)
{
	struct json_object *o = json_object_new_object();

	add_number(o, "lane_bytes", res->parts.pages);
	add_number(o, "rounding_bytes", part(res, ROUNDED));
	add_number(o, "empty_bytes", part(res, EMPTY));
	add_number(o, "metadata_bytes", part(res, TABLES));
	add_number(o, "other_bytes", part(res, REST));
	return o;
}

static struct json_object *run_json(const struct report_column *c)
{
	struct json_object *o = json_object_new_object(), *calls = json_object_new_object();
	const struct play_result *res = c->res;
	int i;

	add_text(o, "allocator", runner_title(&c->run, res));
	json_object_object_add(o, "calls_per_second", json_object_new_double(rate(res)));
	add_number(o, "wall_ns", res->wall_ns);
	add_number(o, "objects_verified", res->checked);
	json_object_object_add(o, "highest", moment_json(&res->highest));
	json_object_object_add(o, "peak", moment_json(&res->peak));
	json_object_object_add(o, "end", moment_json(&res->end));
	json_object_object_add(o, "settled", moment_json(&res->settled));
	if (res->parts.pages)
		json_object_object_add(o, "settled_parts", parts_json(res));
	if (res->idle.resident)
		json_object_object_add(o, "idle", moment_json(&res->idle));
	for (i = 0; i < PLAY_CALLS; i++)
		json_object_object_add(calls, call_name[i], histogram_json(&res->call[i]));
	json_object_object_add(o, "pauses", calls);
	return o;
}

static struct json_object *trace_json(const struct report *r)
{
	struct json_object *o = json_object_new_object();
	char command[256];

	report_command(r->trace, command, sizeof(command));
	add_text(o, "file", r->path);
	add_text(o, "command", command);
	add_number(o, "calls", r->sum->total);
	add_number(o, "objects", r->trace->header.objects);
	add_number(o, "threads", r->trace->header.threads);
	add_number(o, "peak_live_bytes", r->sum->peak_bytes);
	add_number(o, "peak_live_objects", r->sum->peak_objects);
	add_number(o, "end_live_bytes", r->sum->live_bytes);
	add_number(o, "end_live_objects", r->sum->live_objects);
	return o;
}

int report_json(const struct report *r)
{
	struct json_object *o = json_object_new_object(), *runs = json_object_new_array();
	char verdict[512];
	int i;

	json_object_object_add(o, "trace", trace_json(r));
	for (i = 0; i < r->columns; i++)
		json_object_array_add(runs, run_json(&r->column[i]));
	json_object_object_add(o, "runs", runs);
	verdict_text(r, verdict, sizeof(verdict));
	add_text(o, "verdict", verdict);
	json_object_object_add(o, "emulated",
			       json_object_new_boolean(verdict_emulated("/proc/cpuinfo")));
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
						       JSON_C_TO_STRING_SPACED));
	json_object_put(o);
	return 0;
}
