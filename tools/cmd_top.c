// SPDX-License-Identifier: MIT
/* cmd_top.c - `memlane top`: open arenas while they live */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "look.h"
#include "say.h"
#include "top_look.h"
#include "top_screen.h"

/**
 * struct asked - what was asked for
 * @at: where processes show their arenas, or NULL
 * @batch: lines, for files
 * @tenths: of a second between looks
 * @times: to look; 0: until it is ended
 */
struct asked {
	const char *at;
	bool batch;
	uint64_t tenths;
	uint64_t times;
};

static void print(struct top_look *l)
{
	char line[TOP_LINE];
	int i;

	top_sort(l->rows, l->n, TOP_BY_RESIDENT, false);
	top_sums(l->rows, l->n, line);
	puts(line);
	top_titles(line);
	puts(line);
	for (i = 0; i < l->n; i++) {
		top_line(&l->rows[i], line);
		puts(line);
	}
}

static int batch(const struct asked *asked)
{
	const struct timespec pause = { .tv_sec = (time_t)(asked->tenths / 10),
					.tv_nsec = (long)(asked->tenths % 10 * 100000000) };
	struct top_look l = { .n = 0 };
	uint64_t i;
	int ret;

	for (i = 0;; i++) {
		ret = top_look(&l, asked->at);
		if (ret)
			break;
		print(&l);
		if (fflush(stdout)) {
			ret = EXIT_FAILED;
			break;
		}
		if (i + 1 == asked->times)
			break;
		putchar('\n');
		nanosleep(&pause, NULL);
	}
	top_look_free(&l);
	return ret;
}

static int take_option(int c, struct asked *asked, char *const *argv)
{
	switch (c) {
	case 'a':
		asked->at = optarg;
		return 0;
	case 'b':
		asked->batch = true;
		return 0;
	case 'n':
		return look_times("top", optarg, &asked->times);
	case 'd':
		return look_tenths("top", optarg, &asked->tenths);
	case ':':
		return misuse("top: %s needs a value", argv[optind - 1]);
	default:
		return misuse("top: %s is not an option; see memlane top --help", argv[optind - 1]);
	}
}

static int run_top(int argc, char **argv)
{
	static const struct option options[] = {
		{ "at", required_argument, NULL, 'a' },
		{ "batch", no_argument, NULL, 'b' },
		{ "delay", required_argument, NULL, 'd' },
		{ 0 }
	};
	struct asked asked = { .tenths = 15 };
	int c, ret;

	while ((c = getopt_long(argc, argv, ":bn:d:", options, NULL)) != -1) {
		ret = take_option(c, &asked, argv);
		if (ret)
			return ret;
	}
	if (optind < argc)
		return misuse("top: \"%s\" is one word too many", argv[optind]);
	if (asked.batch)
		return batch(&asked);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return fail("top: this is no terminal; use memlane top -b for lines");
	return top_screen(asked.at, (unsigned int)asked.tenths, asked.times);
}

const struct command cmd_top = {
	.name = "top",
	.summary = "open arenas while they live: lanes, moves, vetoes, faults, pauses",
	.help =
		"Usage: memlane top [-b] [-n TIMES] [-d TENTHS] [--at PATH]\n"
		"\n"
		"Shows the open arenas again and again: whose they are, what their lanes hold of\n"
		"what they may take now ([|||:::  40%]: objects, and empty places), and what\n"
		"happens each second: objects that move, moves that a user stops, page faults,\n"
		"threads that wait for a copy. Press F1 for the keys, which are htop's.\n"
		"\n"
		"  -b, --batch  lines, for files and other programs\n"
		"  -n TIMES     end after so many looks\n"
		"  -d TENTHS    of a second between looks (15)\n" LOOK_HELP
		"\n"
		"Without it these are the module's: reads " ARENAS_FOLDER ",\n"
		"which only root can.\n",
	.run = run_top,
};
