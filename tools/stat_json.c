// SPDX-License-Identifier: MIT
/* stat_json.c - arenas as JSON, for machines */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "arenas.h"
#include "stat.h"
#include "tallies.h"

static struct json_object *lane_json(const struct arena_view *a, int lane)
{
	struct json_object *o = json_object_new_object();
	uint64_t max = arena_lane(a, lane, "max");
	int i;

	for (i = 0; i < a->lanes; i++)
		json_object_object_add(o, a->lane[i].name,
				       json_object_new_uint64(a->lane[i].value[lane]));
	json_object_object_add(o, "pressure_permille",
			       json_object_new_uint64(max ? arena_lane(a, lane, "used") * 1000 / max : 0));
	return o;
}

/* Those of moves by their cause alone, or all others. */
static struct json_object *counters_json(const struct arena_view *a, bool of_moves)
{
	struct json_object *o = json_object_new_object();
	const struct counter *c;
	int i;

	for (i = 0; i < a->counts; i++) {
		c = &a->count[i];
		if (!!stat_cause(c->name) == of_moves)
			json_object_object_add(o, of_moves ? stat_cause(c->name) : c->name,
					       json_object_new_uint64(c->value[0]));
	}
	return o;
}

static struct json_object *class_json(const struct arena_view *a, int lane, unsigned int cls)
{
	const struct class_view *c = &a->class[lane][cls];
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "lane", json_object_new_string(arena_lane_name[lane]));
	json_object_object_add(o, "bytes", json_object_new_uint64(a->bytes[cls]));
	json_object_object_add(o, "spans", json_object_new_uint64(c->spans));
	json_object_object_add(o, "cold_spans", json_object_new_uint64(c->cold));
	json_object_object_add(o, "pages", json_object_new_uint64(c->pages));
	json_object_object_add(o, "places", json_object_new_uint64(c->places));
	json_object_object_add(o, "given", json_object_new_uint64(c->used));
	return o;
}

static struct json_object *classes_json(const struct arena_view *a)
{
	struct json_object *all = json_object_new_array();
	unsigned int cls;
	int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		for (cls = 0; cls < a->classes; cls++)
			if (a->class[lane][cls].spans)
				json_object_array_add(all, class_json(a, lane, cls));
	return all;
}

static struct json_object *tally_json(const struct tallies *all, const struct tally *t)
{
	struct json_object *o = json_object_new_object();
	int i;

	json_object_object_add(o, "of", json_object_new_string(t->of));
	json_object_object_add(o, "number", json_object_new_uint64(t->number));
	if (!strcmp(t->of, "class"))
		json_object_object_add(o, "lane", json_object_new_string(t->lane));
	for (i = 0; i < all->fields; i++)
		json_object_object_add(o, all->field[i], json_object_new_uint64(t->value[i]));
	return o;
}

static struct json_object *tallies_json(const struct tallies *all)
{
	struct json_object *o = json_object_new_array();
	int i;

	for (i = 0; i < all->nr; i++)
		json_object_array_add(o, tally_json(all, &all->tally[i]));
	return o;
}

static struct json_object *away_json(uint64_t pages, uint64_t takes)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "pages", json_object_new_uint64(pages));
	json_object_object_add(o, "bytes", json_object_new_uint64(pages * 4096));
	json_object_object_add(o, "takes", json_object_new_uint64(takes));
	return o;
}

/* Bytes that were put away, by where they are. */
static struct json_object *cold_json(const struct arena_view *a)
{
	uint64_t compressed = arena_count(a, "compressed"), stored = arena_count(a, "stored");
	uint64_t rest = arena_count(a, "away") - compressed - stored;
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "compressed", away_json(compressed, arena_count(a, "compressed_bytes")));
	json_object_object_add(o, "word_or_lost", away_json(rest, 0));
	json_object_object_add(o, "file", away_json(stored, arena_count(a, "stored_bytes")));
	return o;
}

/* A bucket has the faults that took less, and are in none before. */
static struct json_object *buckets_json(const struct faults *f)
{
	struct json_object *all = json_object_new_array(), *o;
	int i;

	for (i = 0; i < MEMLANE_FAULT_BUCKETS; i++) {
		if (!f->bucket[i])
			continue;
		o = json_object_new_object();
		json_object_object_add(o, "below_ns", json_object_new_uint64(2ULL << i));
		json_object_object_add(o, "faults", json_object_new_uint64(f->bucket[i]));
		json_object_array_add(all, o);
	}
	return all;
}

static struct json_object *faults_json(const struct arena_view *a)
{
	struct json_object *all = json_object_new_array(), *o;
	int i;

	for (i = 0; i < a->mets; i++) {
		o = json_object_new_object();
		json_object_object_add(o, "met", json_object_new_string(a->fault[i].met));
		json_object_object_add(o, "faults", json_object_new_uint64(a->fault[i].all));
		json_object_object_add(o, "ns", json_object_new_uint64(a->fault[i].ns));
		json_object_object_add(o, "times", buckets_json(&a->fault[i]));
		json_object_array_add(all, o);
	}
	return all;
}

static struct json_object *arena_json(const struct arena_view *a)
{
	struct json_object *o = json_object_new_object(), *lanes = json_object_new_object();
	int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		json_object_object_add(lanes, arena_lane_name[lane], lane_json(a, lane));
	json_object_object_add(o, "arena", json_object_new_uint64(a->at.number));
	json_object_object_add(o, "name", json_object_new_string(a->name));
	json_object_object_add(o, "backend", json_object_new_string(*a->at.socket ? "local" : "module"));
	json_object_object_add(o, "pid", json_object_new_int(a->pid));
	json_object_object_add(o, "program", json_object_new_string(a->program));
	json_object_object_add(o, "called", json_object_new_string(a->called));
	json_object_object_add(o, "check", json_object_new_string(a->check));
	json_object_object_add(o, "lanes", lanes);
	json_object_object_add(o, "classes", classes_json(a));
	json_object_object_add(o, "moves", counters_json(a, true));
	json_object_object_add(o, "tallies", tallies_json(&a->tallies));
	json_object_object_add(o, "cold", cold_json(a));
	json_object_object_add(o, "faults", faults_json(a));
	json_object_object_add(o, "counters", counters_json(a, false));
	return o;
}

int stat_json(const struct arena_view *list, int n, const struct arena_view *one)
{
	struct json_object *o = json_object_new_object(), *all = json_object_new_array();
	int i;

	for (i = 0; i < n; i++)
		if (!one || one == &list[i])
			json_object_array_add(all, arena_json(&list[i]));
	json_object_object_add(o, "arenas", all);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED));
	json_object_put(o);
	return 0;
}
