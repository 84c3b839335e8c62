/* SPDX-License-Identifier: MIT */
/* report.h - what replays have shown: a table for people, JSON for machines */
#ifndef REPORT_H
#define REPORT_H

#include "player.h"
#include "runner.h"
#include "trace.h"

struct report_column {
	struct run run;
	struct play_result *res;
};

/**
 * struct report - the whole of it
 * @path: of the trace
 * @trace: its header and command
 * @sum: of the trace
 * @column: the runs, memlane first
 * @columns: how many
 */
struct report {
	const char *path;
	const struct trace *trace;
	const struct trace_summary *sum;
	struct report_column *column;
	int columns;
};

/* Both print to stdout. Return: 0, or -ENOMEM. */
int report_table(const struct report *r);
int report_json(const struct report *r);

/* One line about a trace: what ran, and what it did. */
void report_trace(const char *path, const struct trace *t, const struct trace_summary *sum);

/* The command of a trace with blanks between its words, in @text. */
void report_command(const struct trace *t, char *text, size_t room);

#endif /* REPORT_H */
