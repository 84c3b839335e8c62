/* SPDX-License-Identifier: MIT */
/*
 * player.h - replays a trace on one allocator, and measures
 *
 * The calls are made in the trace's order by one thread: what is compared is
 * placement, not contention. Every object is filled with its pattern and
 * checked when it is resized or freed, and at the end.
 */
#ifndef PLAYER_H
#define PLAYER_H

#include <stdint.h>

#include "histogram.h"
#include "replay_ops.h"

enum play_call {
	PLAY_ALLOC,
	PLAY_RESIZE,
	PLAY_FREE,
	PLAY_MAINTAIN,
	PLAY_SETTLE,
	PLAY_CALLS
};

/* Memory at one moment, in bytes. */
struct play_moment {
	uint64_t resident;
	uint64_t live;
};

/* Looks at memory: over the whole trace, at its end, and after giving back. */
#define PLAY_SAMPLES 202

/* Memory after so many calls. */
struct play_sample {
	uint64_t calls;
	struct play_moment at;
};

/**
 * struct play_result - one run; on memory shared between child and parent
 * @done: records so far; for the progress bar
 * @finished: 1: the run came to its end and the rest is valid
 * @error: a sentence, if it did not
 * @title: of the allocator
 * @wall_ns: of the replay with filling and checking
 * @clock_ns: what reading the clock twice costs; taken off every call
 * @checked: objects found as they were filled, when resized or freed or at the end
 * @highest: the most resident memory seen, and what was live then
 * @peak: where the trace's live bytes have their peak
 * @end: after the last record, before anything else is freed
 * @settled: then, after giving back what could be given back
 * @idle: then, after whatever nobody uses was put away; all 0 if it cannot be
 * @parts: what memory is used for before that, if the allocator can tell; else 0
 * @sample: memory over the run, the last two at @end and @settled
 * @samples: how many
 * @call: durations in ns, by enum play_call
 */
struct play_result {
	uint64_t done;
	uint32_t finished;
	char error[256];
	char title[32];
	uint64_t wall_ns;
	uint64_t clock_ns;
	uint64_t checked;
	struct play_moment highest;
	struct play_moment peak;
	struct play_moment end;
	struct play_moment settled;
	struct play_moment idle;
	struct replay_parts parts;
	struct play_sample sample[PLAY_SAMPLES];
	uint32_t samples;
	struct histogram call[PLAY_CALLS];
};

/**
 * play - replay a trace
 * @ops: on what
 * @trace: opened and scanned
 * @sum: from the scan
 * @config: for @ops
 * @maintain_every: calls between two of @ops->maintain; 0: never
 * @res: the result, all 0
 *
 * Return: 0, or -1 and @res->error.
 */
int play(const struct replay_ops *ops, struct trace *trace,
	 const struct trace_summary *sum, const struct replay_config *config,
	 uint64_t maintain_every, struct play_result *res);

#endif /* PLAYER_H */
