// SPDX-License-Identifier: MIT
/* recording_report.c - closes the traces of a run, and says what is in none */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recorder/process.h"
#include "recording_report.h"
#include "say.h"
#include "tape_file.h"
#include "trace_format.h"
#include "unrecorded.h"

#define NAMES_MAX 6
#define LINES_MAX 20

/*
 * struct names - different names of processes, for a sentence
 * @processes: how many there were in all
 * @kinds: different names; the first NAMES_MAX are kept
 */
struct names {
	uint32_t processes;
	uint32_t kinds;
	const char *name[NAMES_MAX];
};

static void add_name(struct names *all, const char *name)
{
	uint32_t i;

	all->processes++;
	for (i = 0; i < all->kinds && i < NAMES_MAX; i++)
		if (!strcmp(all->name[i], name))
			return;
	if (all->kinds < NAMES_MAX)
		all->name[all->kinds] = name;
	all->kinds++;
}

static const char *list_names(const struct names *all, char *text, size_t room)
{
	size_t used = 0;
	uint32_t i;

	*text = '\0';
	for (i = 0; i < all->kinds && i < NAMES_MAX && used < room; i++)
		used += (size_t)snprintf(text + used, room - used, "%s%s", i ? ", " : "",
					 all->name[i]);
	if (all->kinds > NAMES_MAX && used < room)
		snprintf(text + used, room - used, ", ...");
	return text;
}

static bool recorded(const struct proctab_entry *e)
{
	return e->state == PROCTAB_RECORDED || e->state == PROCTAB_OWN_MALLOC;
}

static uint32_t entries(const struct proctab *tab)
{
	return tab->taken < tab->entries ? tab->taken : tab->entries;
}

static const char *s(uint32_t n)
{
	return n == 1 ? "" : "es";
}

/* Of the processes but the first, those that nothing was asked to record, or could. */
static void gather(const struct proctab *tab, struct names *left_out, struct names *lost)
{
	const struct proctab_entry *e = tab->entry + 1;

	for (; e < tab->entry + entries(tab); e++)
		if (*e->next)
			add_name(lost, e->next);
		else if (e->state == PROCTAB_SEEN || e->state == PROCTAB_FORKED)
			add_name(left_out, e->name);
		else if (e->state == PROCTAB_NO_TAPE)
			add_name(lost, e->name);
	if (tab->taken > tab->entries)
		left_out->processes += tab->taken - tab->entries;
}

/* What is said first, since a reader of one line has to know it. */
static void tell_left_out(const struct run *run)
{
	struct names left_out = { 0 }, lost = { 0 };
	char text[512];

	gather(run->tab, &left_out, &lost);
	if (left_out.processes && run->what->follow)
		note("NOT recorded: %" PRIu32 " more process%s; %" PRIu32 " is the most that there is room for",
		     left_out.processes, s(left_out.processes), run->tab->entries);
	else if (left_out.processes)
		note("NOT recorded: %" PRIu32 " process%s that %s started (%s); --follow writes a trace of each",
		     left_out.processes, s(left_out.processes), run->what->command[0],
		     list_names(&left_out, text, sizeof(text)));
	if (lost.processes)
		note("NOT recorded: %" PRIu32 " process%s (%s) into which the recorder could not be loaded: statically linked, with raised rights, or with another C library",
		     lost.processes, s(lost.processes),
		     list_names(&lost, text, sizeof(text)));
}

static bool running(const struct proctab_entry *e)
{
	char stat[32];

	snprintf(stat, sizeof(stat), "/proc/%" PRIu32 "/stat", e->pid);
	return e->start && process_start(stat) == e->start;
}

/* What @tape is packed into; NULL where traces are not packed. */
static const char *target_of(const struct run *run, const char *tape, char *target)
{
	size_t n = strlen(tape) - strlen(".part");

	if (!run->pack)
		return NULL;
	snprintf(target, PATH_MAX, "%.*s.zst", (int)n, tape);
	return target;
}

static void tell_recorded(const struct tape_sum *sum, const char *path)
{
	note("recorded %" PRIu64 " records, %" PRIu64 " objects, %" PRIu32
	     " thread%s; at most %.1f MiB live; written to %s",
	     sum->records, sum->objects, sum->threads, sum->threads == 1 ? "" : "s",
	     (double)sum->peak_bytes / 1048576, path);
}

/* Return: 0, or EXIT_FAILED for a trace that lacks what it was to have. */
static int tell_end(const struct proctab_entry *e, const struct tape_sum *sum)
{
	if (e->stop == PROCTAB_CALLS)
		note("recording stopped at its limit; the program went on without");
	if (e->stop == PROCTAB_FAILED)
		return fail("recording of %s stopped early, and the trace is good up to there: %s",
			    e->name, unrecorded_stop(e->err));
	if (e->state == PROCTAB_OWN_MALLOC)
		return fail("NOT recorded: %s has a malloc of its own, which comes before the recorder's",
			    e->name);
	if (!sum->records)
		note("%s made no call of malloc: the trace is empty", e->name);
	return 0;
}

static int close_other(const struct run *run, const struct proctab_entry *e, bool tell)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct tape_sum sum = { 0 };
	const char *packed;

	if (!process_tape(run->tab, e, path))
		return 0;
	packed = target_of(run, path, target);
	if (running(e)) {
		note("%s (%" PRIu32 ") runs on: %s is good up to whatever it has written", e->name,
		     e->pid, path);
		return 0;
	}
	if (tape_close(path, packed, 0, 0, &sum))
		return EXIT_FAILED;
	if (tell)
		note("%s: %" PRIu64 " records, %" PRIu64 " objects; written to %s", e->name,
		     sum.records, sum.objects, packed ? packed : path);
	return e->stop == PROCTAB_FAILED || e->state == PROCTAB_OWN_MALLOC ? tell_end(e, &sum) : 0;
}

static int close_others(const struct run *run)
{
	const struct proctab *tab = run->tab;
	uint32_t i, told = 0;
	int ret = 0;

	for (i = 1; i < entries(tab); i++)
		if (recorded(&tab->entry[i]))
			ret |= close_other(run, &tab->entry[i], told++ < LINES_MAX);
	if (told > LINES_MAX)
		note("and %" PRIu32 " more, numbered up to %" PRIu32, told - LINES_MAX,
		     entries(tab) - 1);
	return ret ? EXIT_FAILED : 0;
}

static int no_trace(const struct run *run)
{
	unlink(run->tab->tape);
	return EXIT_FAILED;
}

/* Where the first process has no trace, or one of another program. Return: 0: it has its own. */
static int tell_first(const struct run *run)
{
	const struct proctab_entry *e = run->tab->entry;
	const char *command = run->what->command[0];
	char why[256];

	if (e->state == PROCTAB_NO_TAPE) {
		fail("NOT recorded: no trace could be written: %s", unrecorded_stop(e->err));
		return no_trace(run);
	}
	if (*e->next && recorded(e))
		return fail("NOT recorded: %s, which %s became and which did not load the recorder; the trace is of %s alone",
			    e->next, command, e->name);
	if (recorded(e)) {
		if (e->execs > 1)
			note("%s became %s: the trace is of that alone", command, e->name);
		return 0;
	}
	unrecorded_why(command, why, sizeof(why));
	fail("NOT recorded: %s %s", command, why);
	return no_trace(run);
}

static int close_first(const struct run *run)
{
	uint32_t flags = WIFSIGNALED(run->status) ? TRACE_KILLED : 0;
	struct proctab_entry *e = run->tab->entry;
	struct tape_sum sum = { 0 };
	char target[PATH_MAX];
	const char *packed = target_of(run, run->tab->tape, target);

	if (tape_close(run->tab->tape, packed, flags, run->rss, &sum))
		return EXIT_FAILED;
	tell_recorded(&sum, run->what->target);
	return tell_end(e, &sum);
}

/* The command could not be run at all: the child has said so. */
static bool never_ran(const struct run *run)
{
	const struct proctab_entry *e = run->tab->entry;

	return e->state == PROCTAB_STARTED && e->err && WIFEXITED(run->status);
}

int recording_report(struct run *run)
{
	const char *command = run->what->command[0];
	int ret;

	if (never_ran(run)) {
		unlink(run->tab->tape);
		return WEXITSTATUS(run->status);
	}
	tell_left_out(run);
	ret = tell_first(run);
	if (recorded(run->tab->entry))
		ret |= close_first(run);
	ret |= close_others(run);
	if (WIFSIGNALED(run->status)) {
		note("%s was killed by signal %d%s; the trace is good up to there", command,
		     WTERMSIG(run->status), WTERMSIG(run->status) != SIGSYS ? "" : ", by a filter of system calls that may not know of the recorder's (mmap, fallocate)");
		return ret ? EXIT_FAILED : 128 + WTERMSIG(run->status);
	}
	if (ret && WEXITSTATUS(run->status))
		note("%s itself ended with %d", command, WEXITSTATUS(run->status));
	return ret ? EXIT_FAILED : WEXITSTATUS(run->status);
}
