/* SPDX-License-Identifier: MIT */
/* command.h - the subcommands; memlane.c has their table */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>

/**
 * struct command - one subcommand
 * @name: as typed
 * @summary: for the list; NULL: not listed, memlane runs it itself
 * @help: all of `memlane NAME --help`
 * @runs_others: a command to run may follow, and --help be its own: @run answers it
 * @run: @argv[0] is the name. Return: exit code of the program
 */
struct command {
	const char *name;
	const char *summary;
	const char *help;
	bool runs_others;
	int (*run)(int argc, char **argv);
};

extern const struct command cmd_record;
extern const struct command cmd_replay;
extern const struct command cmd_play;
extern const struct command cmd_trace;
extern const struct command cmd_load;
extern const struct command cmd_unload;
extern const struct command cmd_status;
extern const struct command cmd_list;
extern const struct command cmd_stat;
extern const struct command cmd_top;
extern const struct command cmd_map;
extern const struct command cmd_doctor;
extern const struct command cmd_export;

#endif /* COMMAND_H */
