// SPDX-License-Identifier: MIT
/* progress.c - a bar on the terminal, for what takes longer than a moment */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

#define PATIENCE_MS 800
#define WIDTH	    40

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void progress_begin(struct progress *p, const char *what)
{
	p->what = what;
	p->began = now_ms();
	p->tty = isatty(STDERR_FILENO);
	p->shown = false;
}

void progress_show(struct progress *p, uint64_t done, uint64_t all)
{
	static const char full[] = "########################################";
	int filled;

	if (!p->tty || !all || now_ms() - p->began < PATIENCE_MS)
		return;
	filled = (int)((double)done / (double)all * WIDTH);
	fprintf(stderr, "\r%-18s [%.*s%*s] %3d%%", p->what, filled, full,
		WIDTH - filled, "", (int)((double)done / (double)all * 100));
	fflush(stderr);
	p->shown = true;
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
}
