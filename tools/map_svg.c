// SPDX-License-Identifier: MIT
/* map_svg.c - a map as a picture: each span a square, warm ones red, cold ones blue */
#include <inttypes.h>
#include <stdio.h>

#include "map_draw.h"

#define SIDE	10 /* of a square, with its gap */
#define COLUMNS 64
#define HEAD	24 /* of a line of text */

void map_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

static int spans_of(const struct map_frame *frame, unsigned int lane)
{
	int i, n = 0;

	for (i = 0; i < frame->nr; i++)
		n += frame->span[i].lane == lane;
	return n;
}

static int height_of(int spans)
{
	return HEAD + (spans + COLUMNS - 1) / COLUMNS * SIDE;
}

/* The fuller, the darker. */
static void square(FILE *out, const struct map_span *s, int x, int y)
{
	fprintf(out,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"hsl(%d,70%%,%d%%)\"%s>"
		"<title>%u B, %" PRIu64 " of %" PRIu64 " used, %s, page %" PRIu64 "%s</title></rect>\n",
		x, y, SIDE - 1, SIDE - 1, s->cold ? 215 : 15, 92 - map_fullness(s, 50),
		s->pinned ? " stroke=\"#000\"" : "", s->bytes, s->used, s->places,
		s->cold ? "cold" : "warm", s->page, s->pinned ? ", pinned" : "");
}

static void lane_svg(FILE *out, const struct map_frame *frame, unsigned int lane, int y)
{
	int i, n = 0;

	fprintf(out, "<text x=\"4\" y=\"%d\">%s lane: %d spans</text>\n", y + HEAD - 8,
		arena_lane_name[lane], spans_of(frame, lane));
	for (i = 0; i < frame->nr; i++) {
		if (frame->span[i].lane != lane)
			continue;
		square(out, &frame->span[i], 4 + n % COLUMNS * SIDE, y + HEAD + n / COLUMNS * SIDE);
		n++;
	}
}

void map_svg(FILE *out, const struct map *m, const struct map_frame *frame)
{
	int width = COLUMNS * SIDE + 8, y = HEAD, height = HEAD + SIDE;
	unsigned int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		height += height_of(spans_of(frame, lane));
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n<text x=\"4\" y=\"16\">",
		width, height, width, height);
	map_escaped(out, m->title);
	fputs("</text>\n", out);
	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		lane_svg(out, frame, lane, y);
		y += height_of(spans_of(frame, lane));
	}
	fputs("</svg>\n", out);
}
