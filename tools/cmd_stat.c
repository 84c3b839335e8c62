// SPDX-License-Identifier: MIT
/* cmd_stat.c - `memlane stat`: what open arenas hold and have done */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "look.h"
#include "say.h"
#include "stat.h"

#define MOVES "moves_" /* so begin the counters of moves, then comes the cause */
#define CLEAR "\033[H\033[2J"

/**
 * struct asked - what was asked for
 * @at: where processes show their arenas, or NULL
 * @name: of one arena, or NULL
 * @json: for machines
 * @seconds: between looks
 * @watch: more than once
 * @times: to look; 0: until it is ended, or once
 */
struct asked {
	const char *at;
	const char *name;
	bool json;
	bool watch;
	uint64_t seconds;
	uint64_t times;
};

const char *stat_cause(const char *counter)
{
	return strncmp(counter, MOVES, strlen(MOVES)) ? NULL : counter + strlen(MOVES);
}

/* Return: 0, or -errno. One that was closed meanwhile has no more to say. */
static int read_rest(struct arena_view *a)
{
	int ret = arena_check(a);

	if (!ret)
		ret = arena_read_rest(a);
	return ret == -ENOENT ? 0 : ret;
}

static int print(const struct arena_view *list, int n, const struct arena_view *one, bool json)
{
	if (json)
		stat_json(list, n, one);
	else if (!n)
		puts("No arena is open.");
	else if (stat_tables(list, n, one))
		return fail("no memory for a table");
	return EXIT_GOOD;
}

static int show(const struct asked *asked, struct arena_view *list, int n)
{
	const struct arena_view *one = NULL;
	int i, ret;

	if (asked->name) {
		one = look_find(list, n, asked->name);
		if (!one)
			return EXIT_FAILED;
	}
	for (i = 0; i < n; i++) {
		if (one ? one != &list[i] : !asked->json)
			continue;
		ret = read_rest(&list[i]);
		if (ret)
			return look_failed(asked->at, ret);
	}
	return print(list, n, one, asked->json);
}

static int look(const struct asked *asked)
{
	struct arena_view *list;
	int ret, n = look_arenas(asked->at, &list);

	if (n < 0)
		return EXIT_FAILED;
	ret = show(asked, list, n);
	arenas_free(list, n);
	return ret;
}

static int watch(const struct asked *asked)
{
	uint64_t times = asked->watch || asked->times ? asked->times : 1;
	bool terminal = isatty(STDOUT_FILENO);
	uint64_t i;
	int ret;

	for (i = 0;; i++) {
		if (terminal && times != 1)
			fputs(CLEAR, stdout);
		ret = look(asked);
		if (ret || i + 1 == times)
			return ret;
		if (fflush(stdout))
			return EXIT_FAILED;
		sleep(asked->seconds);
	}
}

static int take_option(int c, struct asked *asked, char *const *argv)
{
	switch (c) {
	case 'j':
		asked->json = true;
		return 0;
	case 'a':
		asked->at = optarg;
		return 0;
	case 'w':
		asked->watch = true;
		if (optarg && say_number(optarg, 86400, &asked->seconds))
			return misuse("stat: --watch=%s is no number of seconds", optarg);
		return 0;
	case 'n':
		return look_times("stat", optarg, &asked->times);
	case ':':
		return misuse("stat: %s needs a value", argv[optind - 1]);
	default:
		return misuse("stat: %s is not an option; see memlane stat --help",
			      argv[optind - 1]);
	}
}

static int run_stat(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "at", required_argument, NULL, 'a' },
		{ "watch", optional_argument, NULL, 'w' },
		{ 0 }
	};
	struct asked asked = { .seconds = 1 };
	int c, ret;

	while ((c = getopt_long(argc, argv, ":jwn:", options, NULL)) != -1) {
		ret = take_option(c, &asked, argv);
		if (ret)
			return ret;
	}
	if (optind + 1 < argc)
		return misuse("stat: \"%s\" is one word too many", argv[optind + 1]);
	asked.name = argv[optind];
	return watch(&asked);
}

const struct command cmd_stat = {
	.name = "stat",
	.summary = "what open arenas hold and have done",
	.help =
		"Usage: memlane stat [--json] [--watch[=SECONDS]] [-n TIMES] [--at PATH] [ARENA]\n"
		"\n"
		"Lists the arenas that programs have open, a line for each lane: what it may\n"
		"use and uses, which part that is of what it may use now (FULL) and of what it\n"
		"may grow to (PRESSURE), how much of it is empty, what is in RAM, and how many\n"
		"objects came from the other lane. With ARENA, a name from that list, also its\n"
		"size classes, how many objects moved for which cause, what moved and what did\n"
		"not by size class, tag and group, what was put away and what that takes, how\n"
		"long page faults took by what they met, all of its counters, and whether its\n"
		"invariants hold.\n"
		"\n"
		"  -j, --json   everything, for machines\n"
		"  -w, --watch  again and again, every second or so many seconds\n"
		"  -n TIMES     end after so many looks\n" LOOK_HELP
		"\n"
		"Without it these are the module's: reads " ARENAS_FOLDER ",\n"
		"which only root can.\n",
	.run = run_stat,
};
