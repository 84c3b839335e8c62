// SPDX-License-Identifier: MIT
/* memlane.c - the command: finds the subcommand and runs it */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "say.h"

static const struct command *const commands[] = {
	&cmd_load,
	&cmd_unload,
	&cmd_status,
	&cmd_list,
	&cmd_stat,
	&cmd_top,
	&cmd_map,
	&cmd_doctor,
	&cmd_export,
	&cmd_record,
	&cmd_replay,
	&cmd_trace,
	&cmd_play,
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static const struct command *find(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int list_commands(void)
{
	size_t i;

	puts("Usage: memlane COMMAND [OPTIONS]\n\nCommands:");
	for (i = 0; i < COMMANDS; i++)
		if (commands[i]->summary)
			printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
	puts("\nmemlane COMMAND --help tells more. memlane --version prints the version.");
	return EXIT_GOOD;
}

static int help_on(const char *name)
{
	const struct command *c = find(name);

	if (!c || !c->help)
		return misuse("there is no command \"%s\"; memlane --help lists them", name);
	fputs(c->help, stdout);
	return EXIT_GOOD;
}

/* --help stands for help only where the command's own options stand. */
static int wants_help(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return 1;
	return 0;
}

static int run(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2)
		return misuse("a command is missing; memlane --help lists them");
	if (!strcmp(argv[1], "--version")) {
		puts("memlane " MEMLANE_TOOLS_VERSION);
		return EXIT_GOOD;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help"))
		return argc > 2 ? help_on(argv[2]) : list_commands();
	c = find(argv[1]);
	if (!c)
		return misuse("there is no command \"%s\"; memlane --help lists them", argv[1]);
	if (c->help && !c->runs_others && wants_help(argc - 1, argv + 1))
		return help_on(argv[1]);
	return c->run(argc - 1, argv + 1);
}

/* What was said must have come out, or no success is one. */
int main(int argc, char **argv)
{
	int status = run(argc, argv), failed = ferror(stdout);

	errno = 0;
	if (fflush(stdout) || failed)
		status = fail("what it printed cannot be written to stdout: %s",
			      strerror(errno ? errno : EIO));
	return status;
}
