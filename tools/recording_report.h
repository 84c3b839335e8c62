/* SPDX-License-Identifier: MIT */
/* recording_report.h - closes the traces of a run, and says what is in none */
#ifndef RECORDING_REPORT_H
#define RECORDING_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "proctab.h"
#include "recording.h"

/**
 * struct run - a recording under way
 * @what: was asked for
 * @tab: the processes
 * @pack: traces are packed when they are closed
 * @status: of the command, as wait() has it
 * @rss: its most resident memory
 */
struct run {
	const struct recording *what;
	struct proctab *tab;
	bool pack;
	int status;
	uint64_t rss;
};

/* What was not recorded comes first. Return: exit status. */
int recording_report(struct run *run);

#endif /* RECORDING_REPORT_H */
