// SPDX-License-Identifier: MIT
/*
 * map_html.c - a map as one page: squares, and a time line to go through its moments
 *
 * The page loads nothing. A square stands for a place of the arena that had a span at
 * some moment, so that places that are given back become holes while one looks.
 */
#include <inttypes.h>
#include <stdio.h>

#include "map_draw.h"

static const char head[] =
	"<style>\n"
	"body { font: 14px sans-serif; margin: 1em; }\n"
	"canvas { display: block; margin: .3em 0 1em; background: #f4f4f4; }\n"
	"input { width: 40em; vertical-align: middle; }\n"
	"i { display: inline-block; width: 1em; height: 1em; vertical-align: middle; }\n"
	"</style>\n";

static const char body[] =
	"<p><button id=\"play\">Play</button> <input id=\"time\" type=\"range\" min=\"0\" value=\"0\">\n"
	"<span id=\"when\"></span></p>\n"
	"<p><i style=\"background:hsl(15,70%,42%)\"></i> full <i style=\"background:hsl(15,70%,87%)\"></i>\n"
	"nearly empty, warm; <i style=\"background:hsl(215,70%,42%)\"></i>\n"
	"<i style=\"background:hsl(215,70%,87%)\"></i> cold; framed: pinned; grey: given back</p>\n"
	"<div id=\"fast\"></div><canvas id=\"lane0\"></canvas>\n"
	"<div id=\"slow\"></div><canvas id=\"lane1\"></canvas>\n";

/* A span is [lane, bytes of a place, cold, pinned, page, pages, places, used]. */
static const char script[] =
	"const SIDE = 10, COLUMNS = 96, names = ['fast', 'slow'];\n"
	"const cells = [new Map(), new Map()];\n"
	"for (const lane of [0, 1]) {\n"
	"\tconst pages = new Set();\n"
	"\tfor (const f of frames) for (const s of f.spans) if (s[0] === lane) pages.add(s[4]);\n"
	"\t[...pages].sort((a, b) => a - b).forEach((page, i) => cells[lane].set(page, i));\n"
	"}\n"
	"function drawSpan(g, s) {\n"
	"\tconst i = cells[s[0]].get(s[4]);\n"
	"\tconst x = i % COLUMNS * SIDE, y = Math.floor(i / COLUMNS) * SIDE;\n"
	"\tconst light = 92 - Math.floor(50 * s[7] / Math.max(1, s[6]));\n"
	"\tg.fillStyle = `hsl(${s[2] ? 215 : 15},70%,${light}%)`;\n"
	"\tg.fillRect(x, y, SIDE - 1, SIDE - 1);\n"
	"\tif (s[3]) g.strokeRect(x + .5, y + .5, SIDE - 2, SIDE - 2);\n"
	"}\n"
	"function drawLane(f, lane) {\n"
	"\tconst canvas = document.getElementById('lane' + lane);\n"
	"\tconst spans = f.spans.filter(s => s[0] === lane);\n"
	"\tcanvas.width = COLUMNS * SIDE;\n"
	"\tcanvas.height = Math.max(1, Math.ceil(cells[lane].size / COLUMNS)) * SIDE;\n"
	"\tconst g = canvas.getContext('2d');\n"
	"\tspans.forEach(s => drawSpan(g, s));\n"
	"\tconst pages = spans.reduce((n, s) => n + s[5], 0), places = spans.reduce((n, s) => n + s[6], 0);\n"
	"\tconst used = spans.reduce((n, s) => n + s[7], 0);\n"
	"\tdocument.getElementById(names[lane]).textContent = `${names[lane]} lane: ${spans.length} spans, ` +\n"
	"\t\t`${(pages / 256).toFixed(2)} MiB` + (places ? `, ${(100 * used / places).toFixed(1)} % of the places used` : '');\n"
	"}\n"
	"const time = document.getElementById('time');\n"
	"function show(i) {\n"
	"\ttime.value = i;\n"
	"\tdocument.getElementById('when').textContent =\n"
	"\t\t`${frames[i].when.toFixed(1)} s (${i + 1} of ${frames.length})`;\n"
	"\tdrawLane(frames[i], 0);\n"
	"\tdrawLane(frames[i], 1);\n"
	"}\n"
	"let timer = 0;\n"
	"function play() {\n"
	"\tif (timer) { clearInterval(timer); timer = 0; return; }\n"
	"\ttimer = setInterval(() => show((Number(time.value) + 1) % frames.length), 150);\n"
	"}\n"
	"time.max = frames.length - 1;\n"
	"time.oninput = () => show(Number(time.value));\n"
	"document.getElementById('play').onclick = play;\n"
	"show(frames.length - 1);\n";

static void span_data(FILE *out, const struct map_span *s)
{
	fprintf(out, "[%u,%u,%d,%d,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]", s->lane,
		s->bytes, s->cold, s->pinned, s->page, s->pages, s->places,
		s->used);
}

static void frame_data(FILE *out, const struct map_frame *frame)
{
	int i;

	fprintf(out, "{\"when\":%.3f,\"spans\":[", frame->when);
	for (i = 0; i < frame->nr; i++) {
		if (i)
			fputc(',', out);
		span_data(out, &frame->span[i]);
	}
	fputs("]}", out);
}

static void heading(FILE *out, const struct map *m)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>", out);
	map_escaped(out, m->title);
	fprintf(out, "</title>\n%s</head><body>\n<h1>", head);
	map_escaped(out, m->title);
	fprintf(out, "</h1>\n%s", body);
}

void map_html(FILE *out, const struct map *m)
{
	int i;

	heading(out, m);
	fputs("<script>\nconst frames = [", out);
	for (i = 0; i < m->nr; i++) {
		fputs(i ? ",\n" : "\n", out);
		frame_data(out, &m->frame[i]);
	}
	fprintf(out, "\n];\n%s</script>\n</body></html>\n", script);
}
