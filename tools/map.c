// SPDX-License-Identifier: MIT
/* map.c - the spans of an arena at one moment or at many */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"

#define MAGIC "memlane-map 2"
#define LINE  128
#define PIECE 1024 /* spans that room is made for at a time */

void map_init(struct map *m, const struct arena_view *a)
{
	memset(m, 0, sizeof(*m));
	snprintf(m->title, sizeof(m->title), "arena %s, process %d (%s)%s%s", a->name, a->pid,
		 a->program, *a->called ? ": " : "", a->called);
}

void map_free(struct map *m)
{
	int i;

	for (i = 0; i < m->nr; i++)
		free(m->frame[i].span);
	free(m->frame);
	m->frame = NULL;
	m->nr = 0;
}

/* @s->bytes as it stands there. False: the line is of something else. */
static bool parse_span(const char *line, struct map_span *s)
{
	char temper[8], more[8] = "";

	if (sscanf(line, "%u %u %7s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %7s", &s->lane,
		   &s->bytes, temper, &s->page, &s->pages, &s->places, &s->used, more) < 7)
		return false;
	s->cold = !strcmp(temper, "cold");
	s->pinned = !strcmp(more, "pinned");
	return s->lane < MEMLANE_LANES && s->used <= s->places;
}

static struct map_frame *add_frame(struct map *m, double when)
{
	struct map_frame *more = realloc(m->frame, ((size_t)m->nr + 1) * sizeof(*more));

	if (!more)
		return NULL;
	m->frame = more;
	more[m->nr] = (struct map_frame){ .when = when };
	return &more[m->nr++];
}

static int add_span(struct map_frame *frame, const struct map_span *span)
{
	struct map_span *more;

	if (frame->nr % PIECE == 0) {
		more = realloc(frame->span, ((size_t)frame->nr + PIECE) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		frame->span = more;
	}
	frame->span[frame->nr++] = *span;
	return 0;
}

/* The arena tells a class where a recording has bytes. */
static bool span_of(const struct arena_view *a, const char *line, struct map_span *s)
{
	if (!parse_span(line, s) || s->bytes >= a->classes)
		return false;
	s->bytes = a->bytes[s->bytes];
	return true;
}

/* A process without such an arena answers nothing, not even titles. */
static int read_spans(const struct arena_view *a, FILE *f, struct map_frame *frame)
{
	struct map_span span;
	char line[LINE];
	int ret = 0;

	if (!fgets(line, sizeof(line), f))
		return -ENOENT;
	while (!ret && fgets(line, sizeof(line), f))
		if (span_of(a, line, &span))
			ret = add_span(frame, &span);
	return ret;
}

int map_look(struct map *m, const struct arena_view *a, double when)
{
	FILE *f = arena_file(&a->at, "spans");
	struct map_frame *frame;
	int ret = -ENOMEM;

	if (!f)
		return errno == ECONNREFUSED ? -ENOENT : -errno;
	frame = add_frame(m, when);
	if (frame)
		ret = read_spans(a, f, frame);
	fclose(f);
	if (frame && ret) {
		free(frame->span);
		m->nr--;
	}
	return ret;
}

int map_write_head(FILE *f, const struct map *m)
{
	fprintf(f, MAGIC "\n%s\n", m->title);
	return fflush(f) ? -errno : 0;
}

int map_write_frame(FILE *f, const struct map_frame *frame)
{
	const struct map_span *s;
	int i;

	fprintf(f, "frame %.3f\n", frame->when);
	for (i = 0; i < frame->nr; i++) {
		s = &frame->span[i];
		fprintf(f, "%u %u %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "%s\n", s->lane,
			s->bytes, s->cold ? "cold" : "warm", s->page, s->pages, s->places, s->used,
			s->pinned ? " pinned" : "");
	}
	return fflush(f) ? -errno : 0;
}

/* Return: 0; -EPROTO: it is no line of a recording. */
static int load_line(struct map *m, const char *line)
{
	struct map_span span;
	double when;

	if (sscanf(line, "frame %lf", &when) == 1)
		return add_frame(m, when) ? 0 : -ENOMEM;
	if (!m->nr || !parse_span(line, &span))
		return -EPROTO;
	return add_span(&m->frame[m->nr - 1], &span);
}

int map_load(struct map *m, FILE *f)
{
	char line[LINE];
	int ret = 0;

	memset(m, 0, sizeof(*m));
	if (!fgets(line, sizeof(line), f) || strcmp(line, MAGIC "\n") ||
	    !fgets(m->title, sizeof(m->title), f))
		return -EPROTO;
	m->title[strcspn(m->title, "\n")] = '\0';
	while (!ret && fgets(line, sizeof(line), f))
		ret = load_line(m, line);
	return ret ? ret : m->nr ? 0 :
				   -EPROTO;
}

int map_fullness(const struct map_span *span, int steps)
{
	return span->places ? (int)(span->used * (uint64_t)steps / span->places) : 0;
}
