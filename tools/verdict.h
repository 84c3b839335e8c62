/* SPDX-License-Identifier: MIT */
/* verdict.h - what a replay comes to: does this program profit, and by what? */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "report.h"

/* The moment at which a program's memory counts. */
enum verdict_moment {
	VERDICT_SETTLED, /* it lives on with what it has at the end */
	VERDICT_HIGHEST, /* it frees nearly all before it ends: what it takes on the way counts */
};

enum verdict_moment verdict_moment(const struct trace_summary *sum);

/* Memory of a run at that moment. */
const struct play_moment *verdict_of(const struct play_result *res, enum verdict_moment when);

/* A sentence or two on whether it is worth it, of less than @room bytes. */
void verdict_text(const struct report *r, char *text, size_t room);

/* Whether the processor is an emulator's, as @cpuinfo (a file) tells. */
bool verdict_emulated(const char *cpuinfo);

#endif /* VERDICT_H */
