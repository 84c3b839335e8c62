// SPDX-License-Identifier: MIT
/* tables.c - what was measured, and on which machine, as tables in Markdown */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

/* The processor's name, as Linux has it. */
static void cpu_model(char *text, size_t room)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256], *name;

	snprintf(text, room, "unknown processor");
	while (f && fgets(line, sizeof(line), f)) {
		name = strncmp(line, "model name", 10) ? NULL : strchr(line, ':');
		if (!name)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(text, room, "%s", name + 2);
		break;
	}
	if (f)
		fclose(f);
}

struct json_object *machine_json(void)
{
	struct json_object *o = json_object_new_object();
	time_t now = time(NULL);
	struct utsname u;
	char text[256];
	double load;

	cpu_model(text, sizeof(text));
	add_text(o, "processor", text);
	json_object_object_add(o, "cpus", json_object_new_int64(sysconf(_SC_NPROCESSORS_ONLN)));
	if (!uname(&u))
		add_text(o, "kernel", u.release);
	if (getloadavg(&load, 1) == 1)
		json_object_object_add(o, "load", json_object_new_double(load));
	strftime(text, sizeof(text), "%Y-%m-%d", gmtime(&now));
	add_text(o, "date", text);
	json_object_object_add(o, "emulated", json_object_new_boolean(ratios_only()));
	return o;
}

static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(o, key, &value) ? value : NULL;
}

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *value = member(o, key);

	return value ? json_object_get_string(value) : "unknown";
}

static void show_machine(struct json_object *m)
{
	printf("%s: %s, %s CPUs, Linux %s, load average before it %.1f%s.\n", text_of(m, "date"),
	       text_of(m, "processor"), text_of(m, "cpus"), text_of(m, "kernel"),
	       json_object_get_double(member(m, "load")),
	       json_object_get_boolean(member(m, "emulated")) ?
		       "; an emulated machine, so ratios and no times" : "");
}

static void show_row(struct json_object *o)
{
	struct json_object *value = member(o, "value"), *ratio = member(o, "ratio");
	double v = json_object_get_double(value);

	printf("| %s | ", text_of(o, "name"));
	if (value)
		printf("%.*f %s", v < 100 ? 2 : 0, v, text_of(o, "unit"));
	printf(" | ");
	if (ratio)
		printf("%.2f", json_object_get_double(ratio));
	printf(" |\n");
}

static void show_rows(struct json_object *rows)
{
	const char *group = "";
	size_t i;

	for (i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *o = json_object_array_get_idx(rows, i);

		if (strcmp(group, text_of(o, "group"))) {
			group = text_of(o, "group");
			printf("\n### %s\n\n| | measured | ratio |\n|---|---:|---:|\n", group);
		}
		show_row(o);
	}
}

void print_tables(const char *file)
{
	static const char *const backend[] = { "local", "module" };
	struct json_object *all = json_object_from_file(file);
	size_t i;

	if (!all)
		die("the file of an earlier run cannot be read");
	for (i = 0; i < 2; i++) {
		if (!member(all, backend[i]))
			continue;
		printf("\n## The %s backend\n\n", backend[i]);
		show_machine(member(member(all, "machine"), backend[i]));
		show_rows(member(all, backend[i]));
	}
	json_object_put(all);
}
