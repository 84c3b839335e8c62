// SPDX-License-Identifier: MIT
/*
 * shared.c - two processes, one arena
 *
 * The child gets the arena's file and a handle, and nothing else: what it writes
 * into the object, the parent reads, wherever the object is by then. Needs the
 * module; exits with 4 where an arena cannot be shared.
 */
#include <memlane.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES 1000

static const char answer[] = "written by the child";

static int child(int fd, memlane_handle h)
{
	struct memlane *m;
	void *p;
	int err = memlane_open_fd(&m, fd, NULL);

	if (err) {
		fprintf(stderr, "memlane_open_fd: %s\n", memlane_strerror(err));
		return 1;
	}
	memlane_enter(m);
	err = memlane_try_get(m, h, sizeof(answer), &p);
	if (!err)
		memcpy(p, answer, sizeof(answer));
	memlane_exit(m);
	memlane_close(m);
	return err != 0;
}

static int parent(struct memlane *m, memlane_handle h)
{
	int status, same;

	/* Before, while or after the child writes. */
	memlane_migrate(m, h, MEMLANE_SLOW);
	if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		return 1;
	memlane_migrate(m, h, MEMLANE_FAST);
	memlane_enter(m);
	printf("%s\n", (char *)memlane_get(m, h));
	same = !strcmp(memlane_get(m, h), answer);
	memlane_exit(m);
	return !same;
}

int main(void)
{
	struct memlane *m;
	memlane_handle h;
	int err = memlane_open(&m, NULL);

	if (err) {
		fprintf(stderr, "memlane_open: %s\n", memlane_strerror(err));
		return 1;
	}
	if (!(memlane_capabilities(m) & MEMLANE_CAP_SHARE)) {
		printf("this arena cannot be shared: the module is not there\n");
		memlane_close(m);
		return 4;
	}
	h = memlane_alloc(m, BYTES);
	if (!h)
		return 1;
	switch (fork()) {
	case -1:
		return 1;
	case 0:
		return child(memlane_fd(m), h);
	}
	err = parent(m, h);
	memlane_close(m);
	return err;
}
