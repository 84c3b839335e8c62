// SPDX-License-Identifier: MIT
/* top.c - arenas at two moments, as lines: what `memlane top` shows */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top.h"

#define BAR 16 /* columns of a lane */

const char *const top_order_name[TOP_ORDERS] = { "resident", "moves", "pid", "objects" };

/* Moves are copies and pages handed over; a pause is a thread that waited for a copy. */
static const char *const counted[TOP_RATES][2] = {
	{ "moved", "remapped" },
	{ "vetoed", NULL },
	{ "faults", NULL },
	{ "waits", NULL },
};

static uint64_t both(const struct arena_view *a, const char *name)
{
	return arena_lane(a, MEMLANE_FAST, name) + arena_lane(a, MEMLANE_SLOW, name);
}

static uint64_t sum(const struct arena_view *a, enum top_rate rate)
{
	uint64_t n = arena_count(a, counted[rate][0]);

	return counted[rate][1] ? n + arena_count(a, counted[rate][1]) : n;
}

/* The same name in the same place: a number is not used again while others look. */
static const struct arena_view *earlier(const struct arena_view *list, int n, const char *name)
{
	int i;

	for (i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	return NULL;
}

static double rate_of(const struct arena_view *now, const struct arena_view *before,
		      double seconds, enum top_rate rate)
{
	uint64_t is = sum(now, rate), was = before ? sum(before, rate) : 0;

	if (!before || seconds <= 0 || is < was)
		return -1;
	return (double)(is - was) / seconds;
}

void top_rows(const struct arena_view *now, int n, const struct arena_view *before, int before_n,
	      double seconds, struct top_row *rows)
{
	const struct arena_view *was;
	enum top_rate rate;
	int i;

	for (i = 0; i < n; i++) {
		was = earlier(before, before_n, now[i].name);
		rows[i].now = &now[i];
		rows[i].objects = both(&now[i], "objects");
		rows[i].resident = both(&now[i], "resident");
		for (rate = 0; rate < TOP_RATES; rate++)
			rows[i].rate[rate] = rate_of(&now[i], was, seconds, rate);
	}
}

/* Large numbers first, processes by their number. */
static int compare(const struct top_row *a, const struct top_row *b, enum top_order order)
{
	switch (order) {
	case TOP_BY_PID:
		return (a->now->pid > b->now->pid) - (a->now->pid < b->now->pid);
	case TOP_BY_MOVES:
		return (a->rate[TOP_MOVES] < b->rate[TOP_MOVES]) -
		       (a->rate[TOP_MOVES] > b->rate[TOP_MOVES]);
	case TOP_BY_OBJECTS:
		return (a->objects < b->objects) - (a->objects > b->objects);
	default:
		return (a->resident < b->resident) - (a->resident > b->resident);
	}
}

/* Few, and equal ones stay in their order: by insertion. */
void top_sort(struct top_row *rows, int n, enum top_order order, bool inverted)
{
	struct top_row row;
	int i, k;

	for (i = 1; i < n; i++) {
		row = rows[i];
		for (k = i; k && compare(&rows[k - 1], &row, order) * (inverted ? -1 : 1) > 0; k--)
			rows[k] = rows[k - 1];
		rows[k] = row;
	}
}

int top_filter(struct top_row *rows, int n, const char *text)
{
	char pid[16];
	int i, kept = 0;

	for (i = 0; i < n; i++) {
		snprintf(pid, sizeof(pid), "%d", rows[i].now->pid);
		if (strstr(rows[i].now->name, text) || strstr(rows[i].now->program, text) ||
		    strstr(rows[i].now->called, text) || !strcmp(pid, text))
			rows[kept++] = rows[i];
	}
	return kept;
}

/* Five columns at most. */
static void size_text(uint64_t bytes, char *text, size_t room)
{
	static const char unit[] = "KMGT";
	double value = (double)bytes / 1024;
	int i = 0;

	for (; value >= 1000 && unit[i + 1]; i++)
		value /= 1024;
	snprintf(text, room, value < 100 ? "%.1f%c" : "%.0f%c", value, unit[i]);
}

static void rate_text(double rate, char *text, size_t room)
{
	if (rate < 0)
		snprintf(text, room, "-");
	else if (rate < 10 && rate > 0)
		snprintf(text, room, "%.1f", rate);
	else if (rate < 1e6)
		snprintf(text, room, "%.0f", rate);
	else
		snprintf(text, room, "%.1fM", rate / 1e6);
}

static int share(uint64_t part, uint64_t whole, int of)
{
	if (!whole)
		return 0;
	return part >= whole ? of : (int)((double)part * of / (double)whole);
}

/* [||||::      42%]: objects, the empty rest of what spans take, and what the lane may take. */
static void bar(const struct arena_view *a, int lane, char *text)
{
	uint64_t limit = arena_lane(a, lane, "limit");
	int used = share(arena_lane(a, lane, "used"), limit, BAR);
	int bound = share(arena_lane(a, lane, "bound"), limit, BAR), i;
	char percent[8];

	text[0] = '[';
	for (i = 0; i < BAR; i++)
		text[i + 1] = i < bound ? '|' : i < used ? ':' :
							   ' ';
	i = snprintf(percent, sizeof(percent), "%d%%", share(arena_lane(a, lane, "used"), limit, 100));
	memcpy(text + 1 + BAR - i, percent, i);
	strcpy(text + 1 + BAR, "]");
}

/* The lane nearer to what it may grow to. */
static int pressure(const struct arena_view *a)
{
	int fast = share(arena_lane(a, MEMLANE_FAST, "used"), arena_lane(a, MEMLANE_FAST, "max"), 100);
	int slow = share(arena_lane(a, MEMLANE_SLOW, "used"), arena_lane(a, MEMLANE_SLOW, "max"), 100);

	return fast > slow ? fast : slow;
}

void top_sums(const struct top_row *rows, int n, char *line)
{
	uint64_t objects = 0, resident = 0;
	char size[16];
	int i;

	for (i = 0; i < n; i++) {
		objects += rows[i].objects;
		resident += rows[i].resident;
	}
	size_text(resident, size, sizeof(size));
	snprintf(line, TOP_LINE, "%d arena%s, %" PRIu64 " objects, %s resident", n,
		 n == 1 ? "" : "s", objects, size);
}

void top_titles(char *line)
{
	snprintf(line, TOP_LINE, "%10s %7s %-15s %9s %6s %-18s %-18s %7s %6s %7s %7s %5s NAME", "ARENA",
		 "PID", "PROGRAM", "OBJECTS", "RES", "FAST", "SLOW", "MOVES/s", "VETO/s", "FAULT/s",
		 "PAUSE/s", "PRESS");
}

void top_line(const struct top_row *row, char *line)
{
	const struct arena_view *a = row->now;
	char size[16], fast[BAR + 3], slow[BAR + 3], rate[TOP_RATES][16];
	enum top_rate i;

	size_text(row->resident, size, sizeof(size));
	bar(a, MEMLANE_FAST, fast);
	bar(a, MEMLANE_SLOW, slow);
	for (i = 0; i < TOP_RATES; i++)
		rate_text(row->rate[i], rate[i], sizeof(rate[i]));
	snprintf(line, TOP_LINE,
		 "%10s %7d %-15.15s %9" PRIu64 " %6s %s %s %7s %6s %7s %7s %4d%% %s", a->name,
		 a->pid, a->program, row->objects, size, fast, slow, rate[TOP_MOVES],
		 rate[TOP_VETOES], rate[TOP_FAULTS], rate[TOP_PAUSES], pressure(a),
		 *a->called ? a->called : "-");
}

bool top_detail(const struct top_row *row, int which, char *line)
{
	const struct arena_view *a = row->now;
	int i;

	for (i = 0; i < a->counts; i++) {
		if (!a->count[i].value[0] || which--)
			continue;
		snprintf(line, TOP_LINE, "%-24s %16" PRIu64, a->count[i].name,
			 a->count[i].value[0]);
		return true;
	}
	return false;
}
