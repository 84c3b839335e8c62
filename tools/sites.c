// SPDX-License-Identifier: MIT
/*
 * sites.c - a trace by the places in the program where its objects are made
 *
 * Holes: a trace has no addresses. So each object is taken to lie behind the one before, as
 * an allocator would lay them in fresh memory. What is free at the end in a page that still
 * has an object is a hole; the objects of the page share it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "say.h"
#include "sites.h"

#define ROWS 20U
#define PAGE 4096U

struct object {
	uint32_t site;
	uint32_t page;	/* of those that are laid; wraps */
	uint64_t birth; /* number of the call */
};

struct row {
	uint32_t site;
	uint64_t made;
	uint64_t freed;
	uint64_t lived; /* calls, of the freed ones together */
	uint64_t bytes; /* live now */
	uint64_t peak;	/* of them, where the trace has its peak */
	double holes;
};

struct sites {
	struct trace *t;
	struct object *object; /* of each number */
	struct row *row;       /* of each site; 0 is none */
	uint32_t rows;
	uint64_t laid; /* bytes so far */
	uint64_t calls;
};

static void birth(struct sites *s, const struct trace_record *r)
{
	struct object *o = &s->object[r->object];

	*o = (struct object){ r->site, (uint32_t)(s->laid / PAGE), s->calls };
	s->laid += r->size ? r->size : 1;
	s->row[r->site].made++;
}

static void count(struct sites *s, const struct trace_record *r)
{
	struct object *o = &s->object[r->object];
	struct row *row;

	s->calls++;
	if (r->op != TRACE_REALLOC && r->op != TRACE_FREE)
		birth(s, r);
	row = &s->row[o->site];
	row->bytes -= r->old_size;
	if (r->op != TRACE_FREE) {
		row->bytes += r->size;
		return;
	}
	row->freed++;
	row->lived += s->calls - o->birth;
}

static void at_peak(struct sites *s)
{
	uint32_t i;

	for (i = 0; i < s->rows; i++)
		s->row[i].peak = s->row[i].bytes;
}

/* Objects from @first on that were laid in one page. Return: the one after them. */
static uint64_t page_holes(struct sites *s, uint64_t first)
{
	uint64_t i, end = first, live = 0, bytes = 0, size;

	while (end < s->t->born && s->object[end].page == s->object[first].page) {
		if (trace_live(s->t, end++, &size)) {
			live++;
			bytes += size;
		}
	}
	for (i = first; i < end && bytes < PAGE; i++)
		if (trace_live(s->t, i, &size))
			s->row[s->object[i].site].holes += (double)(PAGE - bytes) / (double)live;
	return end;
}

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->peak != y->peak)
		return x->peak < y->peak ? 1 : -1;
	return x->site < y->site ? -1 : 1;
}

static const char *text_of(const struct sites *s, const struct row *row, char *text, size_t room)
{
	const struct trace_site *site = trace_site(s->t, row->site);
	char *p;

	snprintf(text, room, "%.*s", site ? (int)site->length : 9, site ? site->text : "(unknown)");
	for (p = text; *p; p++)
		if (*p < ' ' || *p > '~' || *p == '"')
			*p = '?';
	return text;
}

static void show_csv(const struct sites *s)
{
	char text[TRACE_SITE_TEXT + 1];
	const struct row *row;

	puts("site,made,peak_bytes,end_objects,end_bytes,end_holes,freed_after_calls");
	for (row = s->row; row < s->row + s->rows; row++)
		if (row->made)
			printf("\"%s\",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.0f,%.1f\n",
			       text_of(s, row, text, sizeof(text)), row->made, row->peak,
			       row->made - row->freed, row->bytes, row->holes,
			       row->freed ? (double)row->lived / (double)row->freed : 0);
}

static void show_row(const struct sites *s, const struct row *row)
{
	char text[TRACE_SITE_TEXT + 1], lived[32] = "-";

	if (row->freed)
		snprintf(lived, sizeof(lived), "%.0f", (double)row->lived / (double)row->freed);
	printf("%12" PRIu64 " %10" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12.0f %10s  %s\n", row->peak,
	       row->made, row->made - row->freed, row->bytes, row->holes, lived,
	       text_of(s, row, text, sizeof(text)));
}

/* Of most objects the caller's caller is known. A few may look so by accident. */
static bool has_frames(const struct sites *s)
{
	const struct trace_site *site;
	uint64_t known = 0, all = 0;
	uint32_t i;

	for (i = 0; i < s->rows; i++) {
		site = trace_site(s->t, s->row[i].site);
		all += s->row[i].made;
		if (site && memchr(site->text, '<', site->length))
			known += s->row[i].made;
	}
	return known > all / 2;
}

static void show_table(const struct sites *s)
{
	const struct row *row;
	uint32_t more = 0;

	printf("%12s %10s %12s %12s %12s %10s  %s\n", "peak bytes", "made", "left at end",
	       "their bytes", "their holes", "lifetime", "call site");
	for (row = s->row; row < s->row + s->rows; row++) {
		if (row->made && row < s->row + ROWS)
			show_row(s, row);
		else
			more += row->made != 0;
	}
	if (more)
		printf("and %" PRIu32 " more; --csv has them all\n", more);
	puts("Bytes where the trace has its peak; lifetime in calls, of what was freed; holes in pages of\n"
	     "4096 bytes, had each object been laid behind the one before. addr2line -fe PROGRAM 0x...\n"
	     "tells function and line.");
	if (!has_frames(s))
		puts("Most was made by code without frame pointers: of that, the caller of malloc alone is known.\n"
		     "Build it with -fno-omit-frame-pointer to see who called that.");
}

static int gather(const char *path, struct sites *s, uint64_t peak)
{
	struct trace_record r;
	struct trace_error err;
	uint64_t i;
	int ret;

	while ((ret = trace_next(s->t, &r, &err)) > 0) {
		count(s, &r);
		if (s->t->record - 1 == peak)
			at_peak(s);
	}
	if (ret)
		return fail("%s: %s", path, err.text);
	for (i = 0; i < s->t->born;)
		i = page_holes(s, i);
	for (i = 0; i < s->rows; i++)
		s->row[i].site = (uint32_t)i;
	qsort(s->row, s->rows, sizeof(*s->row), compare);
	return EXIT_GOOD;
}

int sites_show(const char *path, struct trace *t, bool csv)
{
	struct sites s = { .t = t };
	struct trace_summary sum;
	struct trace_error err;
	int ret;

	if (trace_scan(t, &sum, &err))
		return fail("%s: %s", path, err.text);
	if (!sum.sites)
		return fail("%s: no call sites in it; record it with memlane record --sites", path);
	s.rows = sum.sites + 1;
	s.object = calloc(t->header.objects + 1, sizeof(*s.object));
	s.row = calloc(s.rows, sizeof(*s.row));
	if (!s.object || !s.row)
		ret = fail("%s: not enough memory for its call sites", path);
	else
		ret = gather(path, &s, sum.peak_record);
	if (!ret)
		csv ? show_csv(&s) : show_table(&s);
	free(s.object);
	free(s.row);
	return ret;
}
