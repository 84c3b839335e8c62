// SPDX-License-Identifier: MIT
/* recording.c - one run of a command with the recorder */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recorder/process.h"
#include "recording.h"
#include "recording_report.h"
#include "say.h"
#include "tape_file.h"

/* libmemlane-record.so stands beside memlane, or where it was installed. */
static int find_library(char *path, size_t room)
{
	static const char *const places[] = { "", "../lib/memlane/" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t i;

	if (n < 0)
		return fail("the program's own place is unknown: is /proc mounted?");
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (snprintf(path, room, "%s/%slibmemlane-record.so", self,
			     places[i]) < (int)room &&
		    !access(path, R_OK))
			return 0;
	return fail("libmemlane-record.so is not beside memlane; build or install it again");
}

/* The limit on file sizes holds for anonymous ones, too. */
static uint32_t entries_that_fit(void)
{
	const uint64_t one = sizeof(struct proctab_entry), rest = sizeof(struct proctab);
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur >= rest + PROCTAB_ENTRIES * one)
		return PROCTAB_ENTRIES;
	return limit.rlim_cur > rest + one ? (uint32_t)((limit.rlim_cur - rest) / one) : 1;
}

/* An anonymous file: it ends with the last process that has it. */
static int make_table(struct run *run)
{
	uint32_t n = entries_that_fit();
	size_t bytes = sizeof(struct proctab) + n * sizeof(struct proctab_entry);
	struct proctab *tab = MAP_FAILED;
	int fd = memfd_create("memlane record", MFD_CLOEXEC);

	if (fd >= 0 && !ftruncate(fd, (off_t)bytes))
		tab = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (tab == MAP_FAILED)
		return fail("no memory for the table of processes: %s%s", strerror(errno),
			    errno == EFBIG ? "; raise the limit on file sizes (ulimit -f)" : "");
	snprintf(tab->self, sizeof(tab->self), "/proc/%d/fd/%d", getpid(), fd);
	tab->magic = PROCTAB_MAGIC;
	tab->entries = n;
	tab->calls = run->what->calls;
	tab->follow = run->what->follow;
	tab->sites = run->what->sites;
	run->tab = tab;
	return find_library(tab->library, sizeof(tab->library));
}

/* Where a process's number goes into a name: before its last dot, .zst and .part apart. */
static uint32_t stem_of(const char *name, size_t length)
{
	size_t i = length;

	while (i && name[i - 1] != '.' && name[i - 1] != '/')
		i--;
	return (uint32_t)(i > 1 && name[i - 1] == '.' && name[i - 2] != '/' ? i - 1 : length);
}

/* Return: 0, or an exit status and a sentence. */
static int name_tape(struct run *run)
{
	const char *target = run->what->target, *file = strrchr(target, '/');
	char folder[PATH_MAX] = ".", path[PATH_MAX];
	size_t n = strlen(target);

	run->pack = n > 4 && !strcmp(target + n - 4, ".zst");
	if (file)
		snprintf(folder, sizeof(folder), "%.*s", (int)(file - target + 1), target);
	if (n >= PATH_MAX)
		return misuse("the name of the file is too long");
	if (!realpath(folder, path))
		return fail("%s cannot be made: %s", target, strerror(errno));
	file = file ? file + 1 : target;
	n = strlen(file) - (run->pack ? 4 : 0);
	if (snprintf(run->tab->tape, sizeof(run->tab->tape), "%s/%.*s%s", path, (int)n, file,
		     run->pack ? ".part" : "") >= (int)sizeof(run->tab->tape))
		return misuse("the name of the file is too long");
	run->tab->stem = stem_of(run->tab->tape, strlen(path) + 1 + n);
	return 0;
}

static void set_environment(const struct proctab *tab)
{
	const char *old = getenv("LD_PRELOAD");
	char preload[2 * PATH_MAX];

	setenv(PROCTAB_VARIABLE, tab->self, 1);
	snprintf(preload, sizeof(preload), "%s%s%s", tab->library, old ? ":" : "",
		 old ? old : "");
	setenv("LD_PRELOAD", preload, 1);
}

static void run_command(const struct run *run)
{
	char **command = run->what->command;
	struct proctab_entry *entry = process_entry(run->tab); /* the first one */

	signal(SIGXFSZ, SIG_DFL);
	set_environment(run->tab);
	execvp(command[0], command);
	entry->err = errno;
	fail("%s cannot be run: %s", command[0], strerror(entry->err));
	_exit(entry->err == ENOENT ? 127 : 126);
}

static atomic_int program; /* that signals are handed on to */

static void hand_on(int sig)
{
	kill(program, sig);
}

/* The terminal's signals reach the program by themselves; its trace is to be closed. */
static void keep_signals(void)
{
	struct sigaction act = { .sa_handler = hand_on }, old;
	static const int ending[] = { SIGTERM, SIGHUP };
	size_t i;

	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	for (i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		if (!sigaction(ending[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(ending[i], &act, NULL);
}

/* Return: 0 with @run->status and @run->rss, or EXIT_FAILED. */
static int run_program(struct run *run)
{
	struct rusage usage;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return fail("no new process: %s", strerror(errno));
	if (!pid)
		run_command(run);
	program = pid;
	keep_signals();
	while (wait4(pid, &run->status, 0, &usage) < 0)
		if (errno != EINTR)
			return fail("the program was lost: %s", strerror(errno));
	run->rss = (uint64_t)usage.ru_maxrss * 1024;
	return 0;
}

/* Whose recorder is loaded already hands its own table on to all that it starts. */
static int refuse_nested(void)
{
	if (!process_table())
		return 0;
	return fail("another memlane record records this command, and what it starts with --follow: "
		    "one of the two has to do");
}

int recording_run(const struct recording *r)
{
	struct run run = { .what = r };
	int fd, ret;

	if (refuse_nested())
		return EXIT_FAILED;
	/* A limit on file sizes is answered by an error, and told. */
	signal(SIGXFSZ, SIG_IGN);
	ret = make_table(&run);
	if (!ret)
		ret = name_tape(&run);
	if (ret)
		return ret;
	fd = tape_make(run.tab->tape, r->command);
	if (fd < 0)
		return EXIT_FAILED;
	ret = run_program(&run);
	if (!ret)
		ret = recording_report(&run);
	close(fd);
	return ret;
}
