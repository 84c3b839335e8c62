/* SPDX-License-Identifier: MIT */
/* recording.h - one run of a command with the recorder */
#ifndef RECORDING_H
#define RECORDING_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct recording - what the user asked for
 * @target: where the trace goes
 * @calls: records to write for each process; 0: all
 * @follow: a trace for every process, not only the first
 * @sites: where each object was made, too
 * @command: to run; ends with NULL
 */
struct recording {
	const char *target;
	uint64_t calls;
	bool follow;
	bool sites;
	char **command;
};

/* Return: exit status, as `memlane record --help` has it. */
int recording_run(const struct recording *r);

#endif /* RECORDING_H */
