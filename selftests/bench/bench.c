// SPDX-License-Identifier: MIT
/*
 * bench.c - measure, print a table, write JSON
 *
 *	bench FILE
 *	bench --tables FILE	what FILE has, as Markdown
 *
 * FILE keeps what it has of other backends, and is written after each group. Runs in the project's top folder.
 *
 *	ML_BENCH	a regular expression: groups to run
 *	ML_OBJECTS	most live objects in a lane, 10 million
 *	ML_TRACES	traces to replay, with blanks between them; all of traces/
 *	ML_SCALE	a file for what `scale` measures, to be plotted
 *	ML_RATIOS	1: leave times out, as an emulated machine's mean nothing
 */
#include <json-c/json.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static struct json_object *rows;
static bool emulated;
static const char *last_group = "";

void die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

uint64_t env(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s && *s ? strtoull(s, NULL, 0) : otherwise;
}

/* xorshift64*, Vigna 2014 */
uint64_t rng_next(uint64_t *x)
{
	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return *x * 0x2545f4914f6cdd1dULL;
}

static bool is_time(const char *unit)
{
	return !strcmp(unit, "ns") || !strcmp(unit, "MB/s") || !strcmp(unit, "M/s");
}

bool ratios_only(void)
{
	return emulated;
}

static void print_row(const char *group, const char *name, double value, const char *unit,
		      double base)
{
	if (strcmp(group, last_group))
		printf("\n%s\n", group);
	last_group = group;
	printf("  %-54s", name);
	if (emulated && is_time(unit))
		printf(" %19s", "");
	else
		printf(" %12.*f %-6s", value < 100 ? 2 : 0, value, unit);
	if (base)
		printf(" %10.2f x", value / base);
	printf("\n");
	fflush(stdout);
}

/**
 * row - one result
 * @group: immutable
 * @name: of what was measured
 * @value: of it
 * @unit: ns, MB/s, bytes ...
 * @base: what it is to be compared with, in the same unit; 0: nothing
 */
void row(const char *group, const char *name, double value, const char *unit, double base)
{
	struct json_object *o;

	if (emulated && is_time(unit) && !base)
		return;
	o = json_object_new_object();
	json_object_object_add(o, "group", json_object_new_string(group));
	json_object_object_add(o, "name", json_object_new_string(name));
	json_object_object_add(o, "unit", json_object_new_string(unit));
	if (!emulated || !is_time(unit))
		json_object_object_add(o, "value", json_object_new_double(value));
	if (base)
		json_object_object_add(o, "ratio", json_object_new_double(value / base));
	json_object_array_add(rows, o);
	print_row(group, name, value, unit, base);
}

struct memlane *open_bench(uint64_t fast, uint64_t slow)
{
	struct memlane_config c;
	struct memlane *m;

	memlane_config_init(&c);
	c.fast_lane_size = c.fast_lane_max = fast;
	c.slow_lane_size = c.slow_lane_max = slow;
	c.policy_check_interval = 0;
	if (memlane_open(&m, &c))
		die("no arena");
	return m;
}

/*
 * ns of the quickest of so many rounds of the same work: whatever else the machine does comes
 * on top of that, for ours and for a rival.
 */
double quickest(void (*round)(void *arg), void *arg, unsigned int rounds)
{
	uint64_t best = UINT64_MAX, start;

	while (rounds--) {
		start = now_ns();
		round(arg);
		start = now_ns() - start;
		if (start < best)
			best = start;
	}
	return best;
}

memlane_handle must_alloc(struct memlane *m, uint64_t size)
{
	memlane_handle h = memlane_alloc(m, size);

	if (!h)
		die("no object");
	return h;
}

static const struct {
	const char *name;
	void (*run)(void);
} group[] = {
	{ "pause", bench_pause }, { "wait", bench_wait }, { "get", bench_get }, { "alloc", bench_alloc },
	{ "load", bench_load }, { "bytes", bench_bytes },
	{ "scale", bench_scale }, { "compact", bench_compact }, { "cold", bench_cold }, { "replay", bench_replay },
};

static void write_json(const char *file, const char *backend, struct json_object *machine)
{
	struct json_object *all = json_object_from_file(file), *machines;

	if (!all)
		all = json_object_new_object();
	if (!json_object_object_get_ex(all, "machine", &machines)) {
		machines = json_object_new_object();
		json_object_object_add(all, "machine", machines);
	}
	json_object_object_add(machines, backend, json_object_get(machine));
	json_object_object_add(all, backend, json_object_get(rows));
	if (json_object_to_file_ext(file, all, JSON_C_TO_STRING_PRETTY))
		die("the file cannot be written");
	json_object_put(all);
}

static void run_groups(const char *file, const char *backend)
{
	struct json_object *machine = machine_json();
	const char *only = getenv("ML_BENCH");
	regex_t re;
	size_t i;

	if (regcomp(&re, only ? only : ".", REG_EXTENDED | REG_NOSUB))
		die("ML_BENCH is no regular expression");
	for (i = 0; i < sizeof(group) / sizeof(group[0]); i++)
		if (!regexec(&re, group[i].name, 0, NULL, 0)) {
			group[i].run();
			write_json(file, backend, machine);
		}
	regfree(&re);
	json_object_put(machine);
}

const char *backend_name(void)
{
	struct memlane *m = open_bench(MIB, MIB);
	bool module = memlane_backend(m) == MEMLANE_BACKEND_MODULE;

	memlane_close(m);
	return module ? "module" : "local";
}

int main(int argc, char **argv)
{
	const char *backend;

	emulated = env("ML_RATIOS", 0);
	if (argc == 3 && !strcmp(argv[1], "--malloc")) {
		malloc_child(argv[2]);
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "--bytes")) {
		bytes_child(argv[2], argv[3]);
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "--tables")) {
		print_tables(argv[2]);
		return 0;
	}
	if (argc != 2)
		die("usage: bench FILE");
	backend = backend_name();
	rows = json_object_new_array();
	printf("memlane, %s backend%s\n", backend, emulated ? ", ratios only" : "");
	run_groups(argv[1], backend);
	json_object_put(rows);
	return 0;
}
