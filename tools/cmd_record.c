// SPDX-License-Identifier: MIT
/* cmd_record.c - `memlane record`: runs a program and writes its allocation trace */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "say.h"
#include "trace.h"
#include "trace_file.h"

#define TAPE_BYTES (64ULL << 30) /* sparse: only what is written takes room */

/*
 * struct recording - one run of the command
 * @target: what the user asked for
 * @tape: @target, or its .part beside it where @target is to be packed
 */
struct recording {
	const char *target;
	char tape[PATH_MAX];
	bool pack;
	uint64_t calls; /* to record; 0: all */
	char **command;
	int fd;
	uint64_t length; /* of the tape while it is written */
};

static uint32_t put_command(char *to, char **command)
{
	size_t used = 0, n;

	for (; *command; command++) {
		n = strlen(*command) + 1;
		if (used + n > TRACE_COMMAND_MAX)
			break;
		memcpy(to + used, *command, n);
		used += n;
	}
	return (uint32_t)used;
}

/* Room for the trace without filling the disk: a full one would kill the program. */
static uint64_t tape_length(int fd)
{
	struct statvfs st;
	uint64_t room;

	if (fstatvfs(fd, &st))
		return TAPE_BYTES;
	room = (uint64_t)st.f_bavail * st.f_frsize / 2;
	return room < TAPE_BYTES ? room & ~4095ULL : TAPE_BYTES;
}

static int make_tape(struct recording *r)
{
	struct trace_header h = { .version = htole32(TRACE_VERSION) };
	char command[TRACE_COMMAND_MAX];
	uint32_t n = put_command(command, r->command);

	r->fd = open(r->tape, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (r->fd < 0)
		return fail("%s cannot be made: %s", r->tape, strerror(errno));
	r->length = tape_length(r->fd);
	if (r->length < 2 * TRACE_COMMAND_MAX)
		return fail("there is no room for %s: the disk is full", r->tape);
	memcpy(h.magic, TRACE_MAGIC, sizeof(h.magic));
	h.command_length = htole32(n);
	if (pwrite(r->fd, &h, sizeof(h), 0) != sizeof(h) ||
	    pwrite(r->fd, command, n, sizeof(h)) != (ssize_t)n ||
	    ftruncate(r->fd, (off_t)r->length))
		return fail("%s cannot be written: %s", r->tape, strerror(errno));
	return 0;
}

/* libmemlane-record.so stands beside memlane, or where it was installed. */
static int find_library(char *path, size_t room)
{
	static const char *const places[] = { "", "../lib/memlane/" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t i;

	if (n < 0)
		return -1;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (snprintf(path, room, "%s/%slibmemlane-record.so", self,
			     places[i]) < (int)room &&
		    !access(path, R_OK))
			return 0;
	return -1;
}

static void set_environment(const struct recording *r, const char *library)
{
	const char *old = getenv("LD_PRELOAD");
	char tape[PATH_MAX], preload[2 * PATH_MAX], calls[32];

	if (realpath(r->tape, tape))
		setenv("MEMLANE_RECORD_FILE", tape, 1);
	if (old)
		setenv("MEMLANE_RECORD_PRELOAD", old, 1);
	if (r->calls) {
		snprintf(calls, sizeof(calls), "%" PRIu64, r->calls);
		setenv("MEMLANE_RECORD_CALLS", calls, 1);
	}
	snprintf(preload, sizeof(preload), "%s%s%s", library, old ? ":" : "",
		 old ? old : "");
	setenv("LD_PRELOAD", preload, 1);
}

static void run_command(const struct recording *r, const char *library)
{
	set_environment(r, library);
	execvp(r->command[0], r->command);
	fail("%s cannot be run: %s", r->command[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Return: 0 with @status and @rss, or EXIT_FAILED. */
static int run(const struct recording *r, int *status, uint64_t *rss)
{
	char library[PATH_MAX];
	struct rusage usage;
	pid_t pid;

	if (find_library(library, sizeof(library)))
		return fail("libmemlane-record.so is not beside memlane; build or install it again");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return fail("no new process: %s", strerror(errno));
	if (!pid)
		run_command(r, library);
	/* The terminal's signals are for the program; its trace is to be closed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	while (wait4(pid, status, 0, &usage) < 0)
		if (errno != EINTR)
			return fail("the program was lost: %s", strerror(errno));
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	*rss = (uint64_t)usage.ru_maxrss * 1024;
	return 0;
}

static void report(const struct recording *r, const struct trace *t,
		   const struct trace_summary *sum)
{
	note("recorded %" PRIu64 " records, %" PRIu64 " objects, %" PRIu32
	     " threads; at most %.1f MiB live; written to %s",
	     t->header.records,
	     t->header.objects, t->header.threads,
	     (double)sum->peak_bytes / 1048576, r->target);
	if (t->header.flags & TRACE_LIMITED)
		note("recording stopped at its limit; the program went on without");
}

/* Counts what was written, and makes the header say so. */
static int close_tape(struct recording *r, void *map, int status, uint64_t rss)
{
	struct trace_summary sum;
	struct trace_header *h = map;
	struct trace_error err;
	struct trace t;
	uint64_t bytes;

	if (trace_open(&t, map, r->length, &err))
		return fail("%s: %s", r->tape, err.text);
	if (!t.header.threads)
		note("%s did not load the recorder: it is statically linked, or privileged; the trace is empty",
		     r->command[0]);
	if (trace_scan(&t, &sum, &err)) {
		trace_close(&t);
		return fail("%s: %s", r->tape, err.text);
	}
	h->records = htole64(t.header.records);
	h->objects = htole64(t.header.objects);
	h->peak_rss = htole64(rss);
	h->flags |= htole32(TRACE_FINISHED | (WIFSIGNALED(status) ? TRACE_KILLED : 0));
	bytes = t.first + t.header.record_bytes;
	report(r, &t, &sum);
	trace_close(&t);
	if (!r->pack)
		return ftruncate(r->fd, (off_t)bytes) ?
			       fail("%s cannot be shortened: %s", r->tape, strerror(errno)) :
			       0;
	if (trace_file_pack(r->target, map, bytes))
		return EXIT_FAILED;
	return unlink(r->tape) ? fail("%s cannot be removed: %s", r->tape, strerror(errno)) : 0;
}

static int finish(struct recording *r, int status, uint64_t rss)
{
	void *map = mmap(NULL, r->length, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_NORESERVE, r->fd, 0);
	int ret;

	if (map == MAP_FAILED)
		return fail("%s cannot be mapped: %s", r->tape, strerror(errno));
	ret = close_tape(r, map, status, rss);
	munmap(map, r->length);
	if (ret)
		return ret;
	if (WIFSIGNALED(status)) {
		note("%s was killed by signal %d; the trace is good up to there",
		     r->command[0], WTERMSIG(status));
		return 128 + WTERMSIG(status);
	}
	return WEXITSTATUS(status);
}

static int record(struct recording *r)
{
	size_t n = strlen(r->target);
	int status = 0, ret;
	uint64_t rss = 0;

	r->pack = n > 4 && !strcmp(r->target + n - 4, ".zst");
	if (snprintf(r->tape, sizeof(r->tape), "%.*s%s",
		     (int)(r->pack ? n - 4 : n), r->target,
		     r->pack ? ".part" : "") >= (int)sizeof(r->tape))
		return misuse("the name of the file is too long");
	ret = make_tape(r);
	if (!ret)
		ret = run(r, &status, &rss);
	if (!ret)
		ret = finish(r, status, rss);
	if (r->fd >= 0)
		close(r->fd);
	return ret;
}

static int run_record(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "calls", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct recording r = { .fd = -1 };
	int c;

	/* Up to the first word that is no option: the rest is the command's. */
	while ((c = getopt_long(argc, argv, "+:o:n:h", options, NULL)) != -1) {
		if (c == 'h')
			return fputs(cmd_record.help, stdout) < 0 ? EXIT_FAILED : EXIT_GOOD;
		if (c == 'o')
			r.target = optarg;
		else if (c != 'n')
			return misuse("record: %s is not an option, or lacks its value; see memlane record --help",
				      argv[optind - 1]);
		else if (say_number(optarg, UINT64_MAX, &r.calls))
			return misuse("record: --calls wants a whole number from 1, not \"%s\"", optarg);
	}
	if (!r.target)
		return misuse("record: say where the trace goes with -o FILE");
	if (optind == argc)
		return misuse("record: the command to run is missing, as in: memlane record -o %s -- ls",
			      r.target);
	r.command = argv + optind;
	return record(&r);
}

const struct command cmd_record = {
	.name = "record",
	.summary = "run a program and write its allocation trace",
	.help =
		"Usage: memlane record -o FILE [-n CALLS] -- COMMAND [ARGUMENT...]\n"
		"\n"
		"Runs COMMAND and writes every malloc, calloc, realloc, aligned form and free\n"
		"to FILE, with thread and order. A name that ends in .zst is packed.\n"
		"\n"
		"  -o, --output FILE   where the trace goes, as redis.mlt.zst\n"
		"  -n, --calls CALLS   record the first CALLS records, then let the program go on\n"
		"\n"
		"Options end where COMMAND begins; it must be dynamically linked. Only its own\n"
		"process is recorded: children that it forks, and programs that it executes, are\n"
		"not. A program that is killed leaves a trace that is good up to there; if memlane\n"
		"is killed as well, the file (FILE with .part for .zst) is still readable.\n"
		"\n"
		"Exits as COMMAND does; with 128 and the signal's number where one ended it; with\n"
		"1 where the recording failed.\n",
	.runs_others = true,
	.run = run_record,
};
