// SPDX-License-Identifier: MIT
/* map_text.c - a map as characters: warm spans are digits, cold ones letters */
#include <inttypes.h>
#include <stdio.h>

#include "map_draw.h"

#define STEPS 9 /* '0' nearly empty to '9' nearly full; '#' and '@' are full */

static char cell(const struct map_span *s)
{
	if (s->used == s->places)
		return s->cold ? '@' : '#';
	return (char)((s->cold ? 'a' : '0') + map_fullness(s, STEPS));
}

/* Of the 256 colours: red to yellow for warm, blue to cyan for cold. */
static int colour_of(const struct map_span *s)
{
	return s->cold ? 17 + map_fullness(s, 4) : 52 + 36 * map_fullness(s, 4);
}

static void put_cell(FILE *out, const struct map_span *s, bool colour)
{
	if (colour)
		fprintf(out, "\033[%s97;48;5;%dm%c\033[m", s->pinned ? "4;" : "", colour_of(s), cell(s));
	else
		fputc(cell(s), out);
}

static void sums(FILE *out, const struct map_frame *frame, unsigned int lane)
{
	uint64_t spans = 0, pages = 0, places = 0, used = 0;
	int i;

	for (i = 0; i < frame->nr; i++) {
		if (frame->span[i].lane != lane)
			continue;
		spans++;
		pages += frame->span[i].pages;
		places += frame->span[i].places;
		used += frame->span[i].used;
	}
	fprintf(out, "%s lane: %" PRIu64 " spans, %.2f MiB", arena_lane_name[lane], spans,
		(double)pages / 256);
	if (places)
		fprintf(out, ", %.1f %% of the places used", (double)used * 100 / (double)places);
	fputc('\n', out);
}

static void lane_text(FILE *out, const struct map_frame *frame, unsigned int lane, int columns,
		      bool colour)
{
	int i, x = 0;

	sums(out, frame, lane);
	for (i = 0; i < frame->nr; i++) {
		if (frame->span[i].lane != lane)
			continue;
		if (x == columns) {
			fputc('\n', out);
			x = 0;
		}
		put_cell(out, &frame->span[i], colour);
		x++;
	}
	if (x)
		fputc('\n', out);
}

void map_text(FILE *out, const struct map *m, const struct map_frame *frame, int columns,
	      bool colour)
{
	unsigned int lane;

	fprintf(out, "%s\n", m->title);
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		lane_text(out, frame, lane, columns, colour);
	fputs("0-9 a span by fullness, # full; a-i the same of cold objects, @ full\n", out);
}
