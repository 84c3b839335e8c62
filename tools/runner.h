/* SPDX-License-Identifier: MIT */
/* runner.h - plays a trace in a process of its own, so that each heap begins clean */
#ifndef RUNNER_H
#define RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "player.h"
#include "rival.h"
#include "trace_file.h"

/**
 * struct run - what to play on
 * @rival: to preload; NULL: whatever this program has
 * @backend: of libmemlane; NULL: on malloc
 * @maintain_every: calls between two maintenance cycles; 0: none
 * @lines: show progress in lines, to no terminal as well
 */
struct run {
	const struct rival *rival;
	const char *backend;
	uint64_t maintain_every;
	bool lines;
};

/**
 * runner_play - play a trace in a child
 * @run: on what
 * @file: the trace; it was scanned and is good
 * @records: of it, for the progress bar
 * @res: gets the result; unmapped by runner_drop()
 *
 * Return: 0, or -1 and a sentence on stderr.
 */
int runner_play(const struct run *run, const struct trace_file *file, uint64_t records,
		struct play_result **res);
void runner_drop(struct play_result *res);

/* What to call a run in a report. */
const char *runner_title(const struct run *run, const struct play_result *res);

#endif /* RUNNER_H */
