// SPDX-License-Identifier: MIT
/* arenas.c - the module's open arenas, as debugfs shows them */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arenas.h"

const char *const arena_lane_name[MEMLANE_LANES] = { "fast", "slow" };

static FILE *open_file(unsigned int id, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), ARENAS_FOLDER "/%u/%s", id, name);
	return fopen(path, "re");
}

/* Return: how many lines, or -errno. */
static int read_counters(unsigned int id, const char *name, struct counter *c)
{
	FILE *f = open_file(id, name);
	char line[128];
	int n = 0;

	if (!f)
		return -errno;
	while (n < ARENA_COUNTERS && fgets(line, sizeof(line), f)) {
		c[n] = (struct counter){ 0 };
		if (sscanf(line, "%31s %" SCNu64 " %" SCNu64, c[n].name, &c[n].value[0],
			   &c[n].value[1]) >= 2)
			n++;
	}
	fclose(f);
	return n;
}

static int read_check(struct arena_view *a)
{
	FILE *f = open_file(a->id, "check");

	if (!f)
		return -errno;
	if (!fgets(a->check, sizeof(a->check), f))
		a->check[0] = '\0';
	a->check[strcspn(a->check, "\n")] = '\0';
	fclose(f);
	return 0;
}

static int read_arena(struct arena_view *a, unsigned int id)
{
	memset(a, 0, sizeof(*a));
	a->id = id;
	a->lanes = read_counters(id, "lanes", a->lane);
	if (a->lanes < 0)
		return a->lanes;
	a->counts = read_counters(id, "stat", a->count);
	return a->counts < 0 ? a->counts : read_check(a);
}

/* Return: the id, or 0 for what is not an arena's folder. */
static unsigned int id_of(const char *name)
{
	char *end;
	unsigned long id = strtoul(name, &end, 10);

	return *end || id > 0xffffffffUL ? 0 : (unsigned int)id;
}

static int by_id(const void *a, const void *b)
{
	const struct arena_view *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int add_arena(struct arena_view **list, int n, unsigned int id)
{
	struct arena_view *more = realloc(*list, ((size_t)n + 1) * sizeof(*more));
	int ret;

	if (!more)
		return -ENOMEM;
	*list = more;
	ret = read_arena(&more[n], id);
	if (ret == -ENOENT)
		return n;
	return ret ? ret : n + 1;
}

int arenas_read(struct arena_view **list)
{
	DIR *dir = opendir(ARENAS_FOLDER);
	struct dirent *entry;
	unsigned int id;
	int n = 0;

	*list = NULL;
	if (!dir)
		return -errno;
	while (n >= 0 && (entry = readdir(dir))) {
		id = id_of(entry->d_name);
		if (id)
			n = add_arena(list, n, id);
	}
	closedir(dir);
	if (n < 0) {
		free(*list);
		*list = NULL;
	} else if (n) {
		qsort(*list, (size_t)n, sizeof(**list), by_id);
	}
	return n;
}

/* What is no span, as the line of titles, has no numbers there. */
static void add_span(struct arena_view *a, const char *line)
{
	unsigned int lane, cls;
	uint64_t pages, places, used;
	struct class_view *c;
	char temper[8];

	if (sscanf(line, "%u %u %7s %*u %" SCNu64 " %" SCNu64 " %" SCNu64, &lane, &cls, temper,
		   &pages, &places, &used) != 6 ||
	    lane >= MEMLANE_LANES || cls >= MEMLANE_CLASSES)
		return;
	c = &a->class[lane][cls];
	c->spans++;
	c->cold += !strcmp(temper, "cold");
	c->pages += pages;
	c->places += places;
	c->used += used;
}

static int read_classes(struct arena_view *a)
{
	FILE *f = open_file(a->id, "spans");
	char line[128];

	if (!f)
		return -errno;
	memset(a->class, 0, sizeof(a->class));
	while (fgets(line, sizeof(line), f))
		add_span(a, line);
	fclose(f);
	return 0;
}

static int read_tallies(struct arena_view *a)
{
	FILE *f = open_file(a->id, "tallies");
	int ret;

	if (!f)
		return -errno;
	ret = tallies_read(f, &a->tallies);
	fclose(f);
	return ret;
}

int arena_read_rest(struct arena_view *a)
{
	int ret = read_classes(a);

	return ret ? ret : read_tallies(a);
}

void arenas_free(struct arena_view *list, int n)
{
	int i;

	for (i = 0; i < n; i++)
		tallies_free(&list[i].tallies);
	free(list);
}

int arenas_count(void)
{
	FILE *f = fopen(ARENAS_FOLDER "/arenas", "re");
	int n;

	if (!f)
		return -errno;
	if (fscanf(f, "%d", &n) != 1)
		n = -EIO;
	fclose(f);
	return n;
}

uint64_t arena_lane(const struct arena_view *a, int lane, const char *name)
{
	int i;

	for (i = 0; i < a->lanes; i++)
		if (!strcmp(a->lane[i].name, name))
			return a->lane[i].value[lane];
	return 0;
}
