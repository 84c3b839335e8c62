// SPDX-License-Identifier: MIT
/*
 * runner.c - plays a trace in a process of its own, so that each heap begins clean
 *
 * The child is this program again, run as `memlane play`: a preloaded allocator
 * must be there from the start. Trace and result pass through anonymous files.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"
#include "runner.h"
#include "say.h"

const char *runner_title(const struct run *run, const struct play_result *res)
{
	if (run->backend)
		return res->title[0] ? res->title : "memlane";
	return run->rival ? run->rival->name : "own malloc";
}

static void run_child(const struct run *run, int trace_fd, int result_fd)
{
	char trace[16], result[16], every[24];
	char *const argv[] = {
		"memlane", "play", trace, result,
		(char *)(run->backend ? run->backend : "malloc"),
		(char *)(run->rival ? run->rival->name : "own"), every, NULL
	};

	snprintf(trace, sizeof(trace), "%d", trace_fd);
	snprintf(result, sizeof(result), "%d", result_fd);
	snprintf(every, sizeof(every), "%" PRIu64, run->maintain_every);
	if (run->rival && run->rival->library)
		setenv("LD_PRELOAD", run->rival->library, 1);
	else if (run->rival)
		unsetenv("LD_PRELOAD");
	execv("/proc/self/exe", argv);
	_exit(127);
}

static int wait_for(pid_t pid, struct play_result *res, uint64_t records, const char *title,
		    bool lines)
{
	struct timespec pause = { .tv_nsec = 50000000 };
	struct progress bar;
	int status;
	pid_t got;

	progress_begin(&bar, title, lines);
	while (!(got = waitpid(pid, &status, WNOHANG))) {
		progress_show(&bar, __atomic_load_n(&res->done, __ATOMIC_RELAXED), records);
		nanosleep(&pause, NULL);
	}
	progress_end(&bar);
	return got == pid ? status : -1;
}

/* Return: 0 when the child came to a good end, else -1 and a sentence. */
static int judge(int status, const struct play_result *res, const char *title)
{
	if (WIFSIGNALED(status))
		fail("the replay on %s died of signal %d (%s) after record %" PRIu64,
		     title, WTERMSIG(status), strsignal(WTERMSIG(status)), res->done);
	else if (res->error[0])
		fail("the replay on %s failed: %s", title, res->error);
	else if (!res->finished || WEXITSTATUS(status))
		fail("the replay on %s ended early, with status %d", title,
		     WEXITSTATUS(status));
	else
		return 0;
	return -1;
}

static int play_in_child(const struct run *run, const struct trace_file *file, int fd,
			 uint64_t records, struct play_result *res)
{
	const char *title = runner_title(run, res);
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		run_child(run, file->fd, fd);
	status = pid < 0 ? -1 : wait_for(pid, res, records, title, run->lines);
	if (status == -1) {
		fail("no process for the replay on %s: %s", title, strerror(errno));
		return -1;
	}
	return judge(status, res, title);
}

int runner_play(const struct run *run, const struct trace_file *file, uint64_t records,
		struct play_result **res)
{
	int ret = -1, fd = memfd_create("mlt-result", 0);
	void *p = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, sizeof(**res)))
		p = mmap(NULL, sizeof(**res), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		fail("no memory for a result: %s", strerror(errno));
	} else {
		*res = p;
		ret = play_in_child(run, file, fd, records, *res);
		if (ret)
			runner_drop(*res);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

void runner_drop(struct play_result *res)
{
	munmap(res, sizeof(*res));
}
