// SPDX-License-Identifier: MIT
/* cmd_map.c - `memlane map`: each span of an arena a cell */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "look.h"
#include "map_draw.h"
#include "say.h"

/**
 * struct asked - what was asked for
 * @at: where processes show their arenas, or NULL
 * @name: of the arena, or NULL
 * @from: a recording to show, or NULL
 * @record: a file to record into, or NULL
 * @svg: a file for a picture, or NULL
 * @html: a file for a page, or NULL
 * @tenths: of a second between looks, while it is recorded
 * @times: to look; 0: until the arena is closed, or a signal comes
 */
struct asked {
	const char *at;
	const char *name;
	const char *from;
	const char *record;
	const char *svg;
	const char *html;
	uint64_t tenths;
	uint64_t times;
};

static int ended; /* atomic: a signal says so */

static void end(int signal)
{
	(void)signal;
	__atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------- pictures ---- */

static int columns(void)
{
	struct winsize size;

	return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : 80;
}

/* One moment, the last: a page alone has all. */
static void write_picture(FILE *out, const struct map *m, const struct asked *asked)
{
	const struct map_frame *last = &m->frame[m->nr - 1];

	if (asked->html)
		map_html(out, m);
	else if (asked->svg)
		map_svg(out, m, last);
	else
		map_text(out, m, last, columns(), isatty(STDOUT_FILENO));
}

static int show(const struct map *m, const struct asked *asked)
{
	const char *path = asked->html ? asked->html : asked->svg;
	FILE *out = path ? fopen(path, "we") : stdout;
	int failed;

	if (!out)
		return fail("%s cannot be written: %s", path, strerror(errno));
	write_picture(out, m, asked);
	failed = ferror(out);
	if (path && (fclose(out) || failed))
		return fail("%s cannot be written: %s", path, strerror(errno));
	return EXIT_GOOD;
}

static int show_recording(const struct asked *asked)
{
	FILE *f = fopen(asked->from, "re");
	struct map m;
	int ret;

	if (!f)
		return fail("%s cannot be read: %s", asked->from, strerror(errno));
	ret = map_load(&m, f);
	fclose(f);
	if (ret == -EPROTO)
		ret = fail("%s is no recording of a map; memlane map --record makes one",
			   asked->from);
	else if (ret)
		ret = fail("%s cannot be read: %s", asked->from, strerror(-ret));
	else
		ret = show(&m, asked);
	map_free(&m);
	return ret;
}

/* ------------------------------------------------------------ recording ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Return: 0; 1: the arena is closed; -errno. Each frame is forgotten once it is written. */
static int record_frame(FILE *f, struct map *m, const struct arena_view *a, double when)
{
	int ret = map_look(m, a, when);

	if (!ret)
		ret = map_write_frame(f, &m->frame[0]);
	map_free(m);
	return ret == -ENOENT ? 1 : ret;
}

static int record_frames(FILE *f, struct map *m, const struct arena_view *a,
			 const struct asked *asked, uint64_t *frames)
{
	const struct timespec pause = { .tv_sec = (time_t)(asked->tenths / 10),
					.tv_nsec = (long)(asked->tenths % 10 * 100000000) };
	double began = now();
	int ret = map_write_head(f, m);

	while (!ret && !__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
		ret = record_frame(f, m, a, now() - began);
		if (ret || ++*frames == asked->times)
			break;
		nanosleep(&pause, NULL);
	}
	return ret;
}

static int record(const struct arena_view *a, const struct asked *asked)
{
	struct sigaction act = { .sa_handler = end };
	FILE *f = fopen(asked->record, "we");
	uint64_t frames = 0;
	struct map m;
	int ret;

	if (!f)
		return fail("%s cannot be written: %s", asked->record, strerror(errno));
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	map_init(&m, a);
	ret = record_frames(f, &m, a, asked, &frames);
	if (fclose(f) && ret >= 0)
		ret = -errno;
	if (ret < 0)
		return fail("recording into %s ended: %s", asked->record, strerror(-ret));
	note("%llu moments of %s are in %s; memlane map --from %s --html FILE makes a page",
	     (unsigned long long)frames, m.title, asked->record, asked->record);
	return EXIT_GOOD;
}

static int show_arena(const struct arena_view *a, const struct asked *asked)
{
	struct map m;
	int ret;

	map_init(&m, a);
	ret = map_look(&m, a, 0);
	ret = ret ? look_failed(asked->at, ret) : show(&m, asked);
	map_free(&m);
	return ret;
}

static int look(const struct asked *asked)
{
	struct arena_view *list, *a;
	int ret = EXIT_FAILED, n = look_arenas(asked->at, &list);

	if (n < 0)
		return EXIT_FAILED;
	a = look_find(list, n, asked->name);
	if (a) {
		ret = arena_read_classes(a);
		if (ret)
			ret = look_failed(asked->at, ret);
		else
			ret = asked->record ? record(a, asked) : show_arena(a, asked);
	}
	arenas_free(list, n);
	return ret;
}

/* -------------------------------------------------------------- options ---- */

static int take_option(int c, struct asked *asked, char *const *argv)
{
	switch (c) {
	case 'a':
		asked->at = optarg;
		return 0;
	case 'f':
		asked->from = optarg;
		return 0;
	case 'r':
		asked->record = optarg;
		return 0;
	case 's':
		asked->svg = optarg;
		return 0;
	case 'h':
		asked->html = optarg;
		return 0;
	case 'n':
		return look_times("map", optarg, &asked->times);
	case 'd':
		return look_tenths("map", optarg, &asked->tenths);
	case ':':
		return misuse("map: %s needs a value", argv[optind - 1]);
	default:
		return misuse("map: %s is not an option; see memlane map --help", argv[optind - 1]);
	}
}

static int run_map(int argc, char **argv)
{
	static const struct option options[] = {
		{ "at", required_argument, NULL, 'a' },
		{ "from", required_argument, NULL, 'f' },
		{ "record", required_argument, NULL, 'r' },
		{ "svg", required_argument, NULL, 's' },
		{ "html", required_argument, NULL, 'h' },
		{ 0 }
	};
	struct asked asked = { .tenths = 2 };
	int c, ret;

	while ((c = getopt_long(argc, argv, ":n:d:", options, NULL)) != -1) {
		ret = take_option(c, &asked, argv);
		if (ret)
			return ret;
	}
	asked.name = argv[optind];
	if (optind + 1 < argc)
		return misuse("map: \"%s\" is one word too many", argv[optind + 1]);
	if (!asked.name == !asked.from)
		return misuse("map: name one arena, which memlane list has, or a recording (--from FILE)");
	if (!!asked.record + !!asked.svg + !!asked.html > 1 || (asked.record && asked.from))
		return misuse("map: one of --record, --svg and --html at a time");
	return asked.from ? show_recording(&asked) : look(&asked);
}

const struct command cmd_map = {
	.name = "map",
	.summary = "an arena's memory as a picture, also over time",
	.help =
		"Usage: memlane map [--svg FILE | --html FILE] [--at PATH] ARENA\n"
		"       memlane map --record FILE [-d TENTHS] [-n TIMES] [--at PATH] ARENA\n"
		"       memlane map [--svg FILE | --html FILE] --from FILE\n"
		"\n"
		"Shows each span of an arena as a cell: how full it is, and whether it is one for\n"
		"objects that are not used of late (cold). ARENA is a name that memlane list has.\n"
		"\n"
		"  --svg FILE     a picture\n"
		"  --html FILE    a page that needs nothing else; of a recording with a time line\n"
		"  --record FILE  write what there is again and again, until the arena is closed\n"
		"                 or Ctrl-C is pressed\n"
		"  --from FILE    show a recording; its last moment, except for --html\n"
		"  -d TENTHS      of a second between looks (2)\n"
		"  -n TIMES       end after so many looks\n" LOOK_HELP
		"\n"
		"Without --at these are the module's arenas: reads " ARENAS_FOLDER ",\n"
		"which only root can.\n",
	.run = run_map,
};
