// SPDX-License-Identifier: MIT
/* cmd_play.c - `memlane play`: one replay in this process, for runner.c alone */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "command.h"
#include "player.h"
#include "rival.h"
#include "say.h"
#include "trace_file.h"

static int refuse(struct play_result *res, const char *why)
{
	snprintf(res->error, sizeof(res->error), "%s", why);
	return EXIT_FAILED;
}

static int play_trace(struct trace *t, const char *heap, uint64_t every,
		      struct play_result *res)
{
	const struct replay_ops *ops = strcmp(heap, "malloc") ? &replay_memlane : &replay_malloc;
	struct replay_config config = { 0 };
	struct trace_summary sum;
	struct trace_error err;

	if (trace_scan(t, &sum, &err))
		return refuse(res, err.text);
	snprintf(config.backend, sizeof(config.backend), "%s", heap);
	config.peak_bytes = sum.peak_bytes;
	config.peak_objects = sum.peak_objects;
	return play(ops, t, &sum, &config, every, res) ? EXIT_FAILED : EXIT_GOOD;
}

static int play_file(int fd, const char *heap, uint64_t every, struct play_result *res)
{
	struct trace_file file;
	struct trace_error err;
	struct trace t;
	int ret;

	if (trace_file_map(&file, fd))
		return refuse(res, "the trace cannot be mapped");
	if (trace_open(&t, file.data, file.length, &err)) {
		ret = refuse(res, err.text);
	} else {
		ret = play_trace(&t, heap, every, res);
		trace_close(&t);
	}
	trace_file_close(&file);
	return ret;
}

/* @argv: play TRACE-FD RESULT-FD HEAP RIVAL MAINTAIN-EVERY */
static int run_play(int argc, char **argv)
{
	const struct rival *rival;
	struct play_result *res;

	if (argc != 6)
		return misuse("play is what memlane replay runs by itself; run that");
	res = mmap(NULL, sizeof(*res), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[2]), 0);
	if (res == MAP_FAILED)
		return fail("play is what memlane replay runs by itself: %s", strerror(errno));
	rival = rival_find(argv[4], strlen(argv[4]));
	if (rival && !rival_loaded(rival))
		return refuse(res, "its library was not loaded in place of malloc");
	return play_file(atoi(argv[1]), argv[3], strtoull(argv[5], NULL, 10), res);
}

const struct command cmd_play = {
	.name = "play",
	.run = run_play,
};
