// SPDX-License-Identifier: MIT
/*
 * prometheus.c - arenas in the text format that Prometheus reads
 *
 * Each name is a family: its HELP and TYPE come once, before all of its samples. The words
 * are the module's own, with a prefix; a counter that it will have one day comes out too.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "prometheus.h"
#include "stat.h"

/* What goes up and down. All others only grow, and end in _total. */
static bool is_gauge(const char *name)
{
	static const char *const gauges[] = {
		"handles",
		"retired",
		"metadata",
		"slots",
		"purged",
		"away",
		"compressed",
		"compressed_bytes",
		"stored",
		"stored_bytes",
		"hot_on_cold",
	};
	size_t i;

	for (i = 0; i < sizeof(gauges) / sizeof(*gauges); i++)
		if (!strcmp(name, gauges[i]))
			return true;
	return false;
}

static void family(FILE *out, const char *name, const char *suffix, const char *type,
		   const char *help)
{
	fprintf(out, "# HELP memlane_%s%s %s\n# TYPE memlane_%s%s %s\n", name, suffix, help, name,
		suffix, type);
}

/* Of lanes only what came from the other one is a count of events. */
static void write_lane_family(FILE *out, const struct arena_view *list, int n, int which)
{
	const char *name = list[0].lane[which].name;
	bool grows = !strcmp(name, "migrated_in");
	char full[48];
	int i, lane;

	snprintf(full, sizeof(full), "lane_%s%s", name, grows ? "_total" : "");
	family(out, full, "", grows ? "counter" : "gauge", "As memlane stat shows it, of each lane.");
	for (i = 0; i < n; i++)
		for (lane = 0; lane < MEMLANE_LANES && which < list[i].lanes; lane++)
			fprintf(out, "memlane_%s{arena=\"%s\",lane=\"%s\"} %" PRIu64 "\n", full,
				list[i].name, arena_lane_name[lane], list[i].lane[which].value[lane]);
}

static void write_count_family(FILE *out, const struct arena_view *list, int n, int which)
{
	const char *name = list[0].count[which].name;
	const char *suffix = is_gauge(name) ? "" : "_total";
	int i;

	family(out, name, suffix, *suffix ? "counter" : "gauge", "As memlane stat shows it.");
	for (i = 0; i < n; i++)
		if (which < list[i].counts)
			fprintf(out, "memlane_%s%s{arena=\"%s\"} %" PRIu64 "\n", name, suffix,
				list[i].name, list[i].count[which].value[0]);
}

static void write_moves(FILE *out, const struct arena_view *list, int n)
{
	const char *cause;
	int i, k;

	family(out, "moves", "_total", "counter", "Objects that moved, by cause.");
	for (i = 0; i < n; i++) {
		for (k = 0; k < list[i].counts; k++) {
			cause = stat_cause(list[i].count[k].name);
			if (cause)
				fprintf(out, "memlane_moves_total{arena=\"%s\",cause=\"%s\"} %" PRIu64 "\n",
					list[i].name, cause, list[i].count[k].value[0]);
		}
	}
}

/* As that format wants it: each bucket has those of the ones before, too. The last has no end. */
static void write_times(FILE *out, const char *arena, const struct faults *f)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < MEMLANE_FAULT_BUCKETS - 1; i++) {
		sum += f->bucket[i];
		fprintf(out, "memlane_fault_seconds_bucket{arena=\"%s\",met=\"%s\",le=\"%.9g\"} %" PRIu64 "\n",
			arena, f->met, (double)(2ULL << i) / 1e9, sum);
	}
	fprintf(out,
		"memlane_fault_seconds_bucket{arena=\"%s\",met=\"%s\",le=\"+Inf\"} %" PRIu64 "\n"
		"memlane_fault_seconds_sum{arena=\"%s\",met=\"%s\"} %.9f\n"
		"memlane_fault_seconds_count{arena=\"%s\",met=\"%s\"} %" PRIu64 "\n",
		arena, f->met, f->all, arena, f->met, (double)f->ns / 1e9, arena, f->met, f->all);
}

static void write_faults(FILE *out, const struct arena_view *list, int n)
{
	int i, k;

	for (i = 0; i < n && !list[i].mets; i++)
		;
	if (i == n)
		return;
	family(out, "fault_seconds", "", "histogram", "How long page faults took, by what they met.");
	for (i = 0; i < n; i++)
		for (k = 0; k < list[i].mets; k++)
			write_times(out, list[i].name, &list[i].fault[k]);
}

/* The way of that format for what is no number: labels of a sample that is always 1. */
static void write_names(FILE *out, const struct arena_view *list, int n)
{
	int i;

	family(out, "arena_info", "", "gauge", "Whose the arena is, and what its program calls it.");
	for (i = 0; i < n; i++)
		fprintf(out,
			"memlane_arena_info{arena=\"%s\",name=\"%s\",pid=\"%d\",program=\"%s\"} 1\n",
			list[i].name, list[i].called, list[i].pid, list[i].program);
}

static void write_health(FILE *out, const struct arena_view *list, int n)
{
	int i;

	family(out, "invariants_hold", "", "gauge", "1: the engine's records are in order.");
	for (i = 0; i < n; i++)
		fprintf(out, "memlane_invariants_hold{arena=\"%s\"} %d\n", list[i].name,
			!strcmp(list[i].check, "ok"));
}

void prometheus_write(FILE *out, const struct arena_view *list, int n)
{
	int k;

	family(out, "arenas", "", "gauge", "Arenas that are open.");
	fprintf(out, "memlane_arenas %d\n", n);
	if (!n)
		return;
	write_names(out, list, n);
	for (k = 0; k < list[0].lanes; k++)
		write_lane_family(out, list, n, k);
	for (k = 0; k < list[0].counts; k++)
		if (!stat_cause(list[0].count[k].name))
			write_count_family(out, list, n, k);
	write_moves(out, list, n);
	write_faults(out, list, n);
	write_health(out, list, n);
}
