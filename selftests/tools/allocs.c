// SPDX-License-Identifier: MIT
/*
 * allocs.c - a program to record: `allocs WHAT` does one known thing
 *
 * Sizes are odd and large, so that a test can tell them from what libc does.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS	4
#define ROUNDS	20000

/* Built so that the compiler knows nothing of malloc: it would leave pairs of calls out. */
static void *keep;

static void forms(void)
{
	void *p;

	keep = malloc(70001);
	free(keep);
	keep = calloc(3, 30001);	/* 90003 */
	free(keep);
	keep = realloc(NULL, 70003);
	keep = realloc(keep, 170003);
	keep = reallocarray(keep, 2, 35007);	/* 70014 */
	keep = realloc(keep, 0);
	free(keep);
	keep = memalign(64, 70005);
	free(keep);
	keep = aligned_alloc(4096, 73728);
	free(keep);
	if (posix_memalign(&p, 256, 70007))
		abort();
	free(p);
	keep = valloc(70009);
	free(keep);
	keep = pvalloc(70011);
	free(keep);
	free(NULL);
	keep = malloc(SIZE_MAX / 2);
	keep = reallocarray(NULL, SIZE_MAX, 2);
	keep = malloc(70013);	/* never freed */
}

static void *churn(void *arg)
{
	void *slot[64] = { 0 };
	unsigned int x = (unsigned int)(uintptr_t)arg + 1, i, at;

	for (i = 0; i < ROUNDS; i++) {
		x = x * 1103515245 + 12345;
		at = x >> 16 & 63;
		if (x >> 24 & 1) {
			slot[at] = realloc(slot[at], (x >> 8 & 1023) + 1);
		} else {
			free(slot[at]);
			slot[at] = NULL;
		}
	}
	for (i = 0; i < 64; i++)
		free(slot[i]);
	return NULL;
}

static void threads(void)
{
	pthread_t t[THREADS];
	uintptr_t i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, churn, (void *)i))
			abort();
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

/* What the child does between fork and its end must not be seen. */
static void children(void)
{
	pid_t pid;
	int status;

	keep = malloc(70021);
	pid = fork();
	if (!pid) {
		free(keep);
		keep = malloc(70023);
		churn(NULL);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		abort();
	if (system("exec ls / > /dev/null"))
		abort();
	keep = realloc(keep, 70025);
}

static void killed(void)
{
	int i;

	for (i = 0; i < 1000; i++)
		keep = malloc(70031);
	raise(SIGKILL);
}

static void aligned(void)
{
	keep = aligned_alloc(4UL << 20, 4UL << 20);
}

/* Long enough for the tape to grow, with no descriptor but the program's own file. */
static void descriptors(void)
{
	int fd, i;

	closefrom(3);
	fd = open("own", O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (i = 0; i < 1500000; i++) {
		keep = malloc(100);
		free(keep);
	}
	if (fd != 3 || lseek(fd, 0, SEEK_END))
		abort();
}

static void nothing(void)
{
}

/* A child goes on in a session of its own when this process has ended. */
static void daemon_of_its_own(void)
{
	int ready[2];
	char c;

	keep = malloc(70039);
	if (pipe(ready))
		abort();
	if (fork()) {
		if (read(ready[0], &c, 1) != 1)
			abort();
		return;
	}
	setsid();
	if (write(ready[1], "", 1) != 1)
		abort();
	sleep(2);	/* a report is made meanwhile */
	keep = malloc(70041);
	_exit(0);
}

/* What the child does with the parent's memory has happened there. */
static void borrowed(void)
{
	pid_t pid = vfork();
	int status;

	if (!pid) {
		execlp("true", "true", NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		abort();
	keep = malloc(70051);
	free(keep);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} all[] = {
		{ "forms", forms }, { "threads", threads },
		{ "children", children }, { "killed", killed }, { "aligned", aligned },
		{ "descriptors", descriptors }, { "nothing", nothing },
		{ "daemon", daemon_of_its_own }, { "vfork", borrowed },
	};
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(all) / sizeof(*all); i++)
		if (!strcmp(argv[1], all[i].name)) {
			all[i].run();
			return 0;
		}
	fprintf(stderr, "allocs: one of its names is missing\n");
	return 2;
}
