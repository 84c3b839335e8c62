// SPDX-License-Identifier: MIT
/* verdict.c - what a replay comes to: does this program profit, and by what? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "verdict.h"

#define MIB	 1048576.0
#define SMALL	 (1U << 20) /* bytes: below, an allocator's own pages are most of it */
#define LITTLE	 0.05	    /* a difference that is none */
#define KEEPS_ON 10	    /* of the peak so much is live at the end: one part in ten */

enum verdict_moment verdict_moment(const struct trace_summary *sum)
{
	return sum->live_bytes >= sum->peak_bytes / KEEPS_ON ? VERDICT_SETTLED : VERDICT_HIGHEST;
}

const struct play_moment *verdict_of(const struct play_result *res, enum verdict_moment when)
{
	return when == VERDICT_SETTLED ? &res->settled : &res->highest;
}

/* The least that one of the others takes; NULL: there is no other. */
static const struct report_column *best_rival(const struct report *r, enum verdict_moment when)
{
	const struct report_column *best = NULL;
	int i;

	for (i = 1; i < r->columns; i++)
		if (!best || verdict_of(r->column[i].res, when)->resident <
				     verdict_of(best->res, when)->resident)
			best = &r->column[i];
	return best;
}

static const char *moment_words(enum verdict_moment when)
{
	return when == VERDICT_SETTLED ? "at last, compacted or trimmed," : "at its highest,";
}

static void compare(uint64_t ours, uint64_t theirs, const char *rival, const char *when, char *text,
		    size_t room)
{
	double by = theirs ? ((double)ours - (double)theirs) / (double)theirs : 0;

	if (by < -LITTLE)
		snprintf(text, room,
			 "This program profits: %s it has %.1f MiB in RAM on libmemlane, %.1f MiB (%.0f %%) less than on %s, the best of the others.",
			 when, (double)ours / MIB, (double)(theirs - ours) / MIB, -by * 100, rival);
	else if (by > LITTLE)
		snprintf(text, room,
			 "This program does not profit: %s it has %.1f MiB in RAM on libmemlane, %.1f MiB (%.0f %%) more than on %s, the best of the others.",
			 when, (double)ours / MIB, (double)(ours - theirs) / MIB, by * 100, rival);
	else
		snprintf(text, room,
			 "This program does not profit: %s it has %.1f MiB in RAM on libmemlane, and as much on %s, the best of the others.",
			 when, (double)ours / MIB, rival);
}

void verdict_text(const struct report *r, char *text, size_t room)
{
	enum verdict_moment when = verdict_moment(r->sum);
	const struct report_column *best = best_rival(r, when);

	if (r->sum->peak_bytes < SMALL)
		snprintf(text, room,
			 "This trace decides nothing: at most %.2f MiB are live, less than what any allocator keeps for itself; record a longer run.",
			 (double)r->sum->peak_bytes / MIB);
	else if (!best)
		snprintf(text, room, "There is nothing to compare with; name allocators with --against.");
	else
		compare(verdict_of(r->column[0].res, when)->resident,
			verdict_of(best->res, when)->resident,
			runner_title(&best->run, best->res), moment_words(when), text, room);
}

bool verdict_emulated(const char *cpuinfo)
{
	FILE *f = fopen(cpuinfo, "re");
	bool found = false;
	char line[256];

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "model name", 10) && strstr(line, "TCG");
	if (f)
		fclose(f);
	return found;
}
