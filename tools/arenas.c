// SPDX-License-Identifier: MIT
/* arenas.c - open arenas: the module's, and those that processes show */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arenas.h"

const char *const arena_lane_name[MEMLANE_LANES] = { "fast", "slow" };

/* Return: how many lines, or -errno. */
static int read_counters(const struct arena_place *at, const char *name, struct counter *c)
{
	FILE *f = arena_file(at, name);
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

/* A process without such an arena answers nothing. */
static int check_lines(int lines)
{
	return lines ? lines : -ENOENT;
}

static int read_line(const struct arena_place *at, const char *name, char *line, int size)
{
	FILE *f = arena_file(at, name);

	if (!f)
		return -errno;
	if (!fgets(line, size, f))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	fclose(f);
	return 0;
}

int arena_check(struct arena_view *a)
{
	return read_line(&a->at, "check", a->check, sizeof(a->check));
}

/* What is in a name could be meant for a terminal, or end a quoted string. */
static void make_plain(char *p)
{
	for (; *p; p++)
		if (!isprint((unsigned char)*p) || *p == '"' || *p == '\\')
			*p = '?';
}

/* "PID NAME" */
static void read_program(FILE *f, struct arena_view *a)
{
	if (!f)
		return;
	if (fscanf(f, "%d %39[^\n]", &a->pid, a->program) < 1)
		a->pid = 0;
	make_plain(a->program);
}

/* @a has its place and its program. Older modules and libraries have no names. */
static int read_numbers(struct arena_view *a)
{
	if (read_line(&a->at, "name", a->called, sizeof(a->called)))
		a->called[0] = '\0';
	make_plain(a->called);
	a->lanes = check_lines(read_counters(&a->at, "lanes", a->lane));
	if (a->lanes < 0)
		return a->lanes;
	a->counts = check_lines(read_counters(&a->at, "stat", a->count));
	return a->counts < 0 ? a->counts : 0;
}

static int by_place(const void *a, const void *b)
{
	const struct arena_view *x = a, *y = b;

	if (*x->at.socket && x->pid != y->pid)
		return x->pid > y->pid ? 1 : -1;
	return (x->at.number > y->at.number) - (x->at.number < y->at.number);
}

/* All arenas so far. */
struct reading {
	struct arena_view *list;
	int n;
};

static int add_arena(struct reading *r, const struct arena_view *a)
{
	struct arena_view *more = realloc(r->list, ((size_t)r->n + 1) * sizeof(*more));
	int ret;

	if (!more)
		return -ENOMEM;
	r->list = more;
	more[r->n] = *a;
	ret = read_numbers(&more[r->n]);
	if (ret == -ENOENT || ret == -ECONNREFUSED)
		return 0;
	r->n += !ret;
	return ret;
}

/* Return: the number, or 0 for what is not an arena's folder. */
static unsigned int number_of(const char *name)
{
	char *end;
	unsigned long number = strtoul(name, &end, 10);

	return *end || number > 0xffffffffUL ? 0 : (unsigned int)number;
}

static int add_folder(struct reading *r, const char *folder)
{
	struct arena_view a = { .at.number = number_of(folder) };
	FILE *f;

	if (!a.at.number)
		return 0;
	snprintf(a.name, sizeof(a.name), "%u", a.at.number);
	f = arena_file(&a.at, "program");
	read_program(f, &a);
	if (f)
		fclose(f);
	return add_arena(r, &a);
}

static int read_module(struct reading *r)
{
	DIR *dir = opendir(ARENAS_FOLDER);
	struct dirent *entry;
	int ret = 0;

	if (!dir)
		return -errno;
	while (!ret && (entry = readdir(dir)))
		ret = add_folder(r, entry->d_name);
	closedir(dir);
	return ret;
}

static int add_of_process(const char *socket, FILE *f, struct reading *r)
{
	struct arena_view a = { .pid = 0 };
	int ret = 0;

	strcpy(a.at.socket, socket);
	read_program(f, &a);
	if (!a.pid)
		return ferror(f) ? -EAGAIN : -EPROTO;
	while (!ret && fscanf(f, "%u", &a.at.number) == 1) {
		snprintf(a.name, sizeof(a.name), "%d.%u", a.pid, a.at.number);
		ret = add_arena(r, &a);
	}
	return ret;
}

static int add_process(const char *socket, void *arg)
{
	struct arena_place at = { .number = 0 };
	FILE *f;
	int ret;

	strcpy(at.socket, socket);
	f = arena_file(&at, "");
	if (!f)
		return -errno;
	ret = add_of_process(socket, f, arg);
	fclose(f);
	return ret;
}

int arenas_read(const char *sockets, struct arena_view **list)
{
	struct reading r = { .list = NULL };
	int ret = sockets ? arena_sockets(sockets, add_process, &r) : read_module(&r);

	*list = r.list;
	if (ret) {
		arenas_free(r.list, r.n);
		*list = NULL;
		return ret;
	}
	if (r.n)
		qsort(r.list, (size_t)r.n, sizeof(*r.list), by_place);
	return r.n;
}

struct arena_view *arenas_find(struct arena_view *list, int n, const char *name)
{
	int i;

	for (i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	return NULL;
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
	    lane >= MEMLANE_LANES || cls >= a->classes)
		return;
	c = &a->class[lane][cls];
	c->spans++;
	c->cold += !strcmp(temper, "cold");
	c->pages += pages;
	c->places += places;
	c->used += used;
}

int arena_read_classes(struct arena_view *a)
{
	FILE *f = arena_file(&a->at, "classes");

	a->classes = 0;
	if (!f)
		return errno == ECONNREFUSED ? -ENOENT : -errno;
	while (a->classes < MEMLANE_CLASSES_MAX && fscanf(f, "%u", &a->bytes[a->classes]) == 1)
		a->classes++;
	fclose(f);
	return a->classes ? 0 : -ENOENT;
}

static int read_spans(struct arena_view *a)
{
	FILE *f = arena_file(&a->at, "spans");
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
	FILE *f = arena_file(&a->at, "tallies");
	int ret;

	if (!f)
		return -errno;
	ret = tallies_read(f, &a->tallies);
	fclose(f);
	return ret;
}

void arena_read_faults(struct arena_view *a)
{
	FILE *f = arena_file(&a->at, "faults");

	a->mets = 0;
	if (!f)
		return;
	a->mets = faults_read(f, a->fault, ARENA_METS);
	fclose(f);
}

int arena_read_rest(struct arena_view *a)
{
	int ret = arena_read_classes(a);

	if (!ret)
		ret = read_spans(a);
	arena_read_faults(a);
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

uint64_t arena_count(const struct arena_view *a, const char *name)
{
	int i;

	for (i = 0; i < a->counts; i++)
		if (!strcmp(a->count[i].name, name))
			return a->count[i].value[0];
	return 0;
}
