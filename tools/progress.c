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

void progress_begin(struct progress *p, const char *what, bool lines)
{
	p->lines = lines;
	p->tenths = 0;
	p->what = what;
	p->began = now_ms();
	p->tty = isatty(STDERR_FILENO);
	p->shown = false;
}

static void show_line(struct progress *p, uint64_t done, uint64_t all)
{
	int tenths = (int)((double)done / (double)all * 10);

	if (tenths == p->tenths)
		return;
	p->tenths = tenths;
	fprintf(stderr, "%-18s %3d%%  %5.1f s\n", p->what, tenths * 10,
		(double)(now_ms() - p->began) / 1000);
}

static void show_bar(struct progress *p, uint64_t done, uint64_t all)
{
	static const char full[] = "########################################";
	int filled;

	filled = (int)((double)done / (double)all * WIDTH);
	fprintf(stderr, "\r%-18s [%.*s%*s] %3d%%", p->what, filled, full,
		WIDTH - filled, "", (int)((double)done / (double)all * 100));
	fflush(stderr);
	p->shown = true;
}

void progress_show(struct progress *p, uint64_t done, uint64_t all)
{
	if (!all || now_ms() - p->began < PATIENCE_MS)
		return;
	if (p->lines)
		show_line(p, done, all);
	else if (p->tty)
		show_bar(p, done, all);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
}
