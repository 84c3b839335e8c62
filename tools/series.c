// SPDX-License-Identifier: MIT
/* series.c - resident bytes over a replay, of all allocators beside each other */
#include <inttypes.h>

#include "map_draw.h"
#include "series.h"

#define WIDTH  800
#define HEIGHT 360
#define LEFT   70
#define TOP    30
#define FOOT   40

static const char *const colour[] = { "#c0392b", "#2c3e50", "#2980b9", "#27ae60",
				      "#8e44ad", "#d35400", "#7f8c8d", "#16a085" };

/* All runs look at the same calls; one that has fewer looks ends earlier. */
static uint32_t looks(const struct report *r)
{
	uint32_t n = r->columns ? r->column[0].res->samples : 0;
	int i;

	for (i = 1; i < r->columns; i++)
		if (r->column[i].res->samples < n)
			n = r->column[i].res->samples;
	return n;
}

static const struct play_sample *look(const struct report *r, int column, uint32_t i)
{
	return &r->column[column].res->sample[i];
}

void series_csv(FILE *out, const struct report *r)
{
	uint32_t i, n = looks(r);
	int c;

	fputs("calls,live bytes", out);
	for (c = 0; c < r->columns; c++)
		fprintf(out, ",%s", runner_title(&r->column[c].run, r->column[c].res));
	fputc('\n', out);
	for (i = 0; i < n; i++) {
		fprintf(out, "%" PRIu64 ",%" PRIu64, look(r, 0, i)->calls, look(r, 0, i)->at.live);
		for (c = 0; c < r->columns; c++)
			fprintf(out, ",%" PRIu64, look(r, c, i)->at.resident);
		fputc('\n', out);
	}
}

static uint64_t highest(const struct report *r)
{
	uint32_t i, n = looks(r);
	uint64_t most = 1;
	int c;

	for (i = 0; i < n; i++) {
		for (c = 0; c < r->columns; c++) {
			if (look(r, c, i)->at.resident > most)
				most = look(r, c, i)->at.resident;
			if (look(r, c, i)->at.live > most)
				most = look(r, c, i)->at.live;
		}
	}
	return most;
}

/* By looks, not by calls: the last one, after compaction, has as many calls as that before. */
static double x_of(uint32_t i, uint32_t n)
{
	return LEFT + (double)i * (WIDTH - LEFT - 10) / (n > 1 ? n - 1 : 1);
}

static double y_of(uint64_t bytes, uint64_t most)
{
	return TOP + (1 - (double)bytes / (double)most) * (HEIGHT - TOP - FOOT);
}

/* @column: of the runs; -1: what is live. */
static void curve(FILE *out, const struct report *r, int column, uint64_t most)
{
	uint32_t i, n = looks(r);
	const struct play_moment *m;

	fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" points=\"",
		column < 0 ? "#999" : colour[column % 8], column ? "1.5" : "3");
	for (i = 0; i < n; i++) {
		m = &look(r, column < 0 ? 0 : column, i)->at;
		fprintf(out, "%.1f,%.1f ", x_of(i, n), y_of(column < 0 ? m->live : m->resident, most));
	}
	fputs("\"/>\n", out);
}

static void label(FILE *out, int place, const char *stroke, const char *text)
{
	fprintf(out, "<text x=\"%d\" y=\"%d\" fill=\"%s\">", LEFT + place * 140, HEIGHT - 12, stroke);
	map_escaped(out, text);
	fputs("</text>\n", out);
}

static void scale(FILE *out, uint64_t most)
{
	int i;

	for (i = 0; i <= 4; i++)
		fprintf(out,
			"<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
			"<text x=\"4\" y=\"%.1f\">%.1f MiB</text>\n",
			LEFT, WIDTH - 10, y_of(most / 4 * i, most), y_of(most / 4 * i, most),
			y_of(most / 4 * i, most) + 4, (double)most / 4 * i / 1048576);
}

void series_svg(FILE *out, const struct report *r)
{
	uint64_t most = highest(r);
	char command[96];
	int c;

	report_command(r->trace, command, sizeof(command));
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n<text x=\"%d\" y=\"18\">In RAM: ",
		WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT);
	map_escaped(out, command);
	fputs("</text>\n", out);
	scale(out, most);
	curve(out, r, -1, most);
	label(out, 0, "#999", "live bytes");
	for (c = r->columns - 1; c >= 0; c--) {
		curve(out, r, c, most);
		label(out, c + 1, colour[c % 8], runner_title(&r->column[c].run, r->column[c].res));
	}
	fputs("</svg>\n", out);
}
