/* SPDX-License-Identifier: MIT */
/* progress.h - a bar on the terminal, for what takes longer than a moment */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what;
	uint64_t began;		/* ms */
	bool lines;		/* a line for each tenth, for logs */
	bool tty;
	bool shown;
	int tenths;
};

void progress_begin(struct progress *p, const char *what, bool lines);
void progress_show(struct progress *p, uint64_t done, uint64_t all);
void progress_end(struct progress *p);

#endif /* PROGRESS_H */
