/* SPDX-License-Identifier: MIT */
/*
 * harness.h - test programs: named tests, each in a process of its own, KTAP out
 *
 *	TEST(it_adds) { expect_eq(1 + 1, 2); }
 *
 * is a whole program: main() is here.
 *
 * A failed expectation ends its test, and so do a signal and a time-out
 * (ML_TIMEOUT seconds, usually 120). The first argument picks tests by a part of
 * their name. Exit status: 0 passed, 1 failed, 4 nothing but skips.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HARNESS_SKIP 4

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

static struct test *harness_tests, **harness_last = &harness_tests;
static char *harness_why;	/* of a skip; shared with the test's process */

#define TEST(title)							\
	static void title(void);					\
	static struct test title##_test = { #title, title, NULL };	\
	__attribute__((constructor)) static void title##_add(void)	\
	{								\
		*harness_last = &title##_test;				\
		harness_last = &title##_test.next;			\
	}								\
	static void title(void)

__attribute__((noreturn, format(printf, 3, 4), unused))
static void harness_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	flockfile(stdout);
	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

__attribute__((noreturn, format(printf, 1, 2), unused))
static void skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(harness_why, 200, fmt, ap);
	va_end(ap);
	_exit(HARNESS_SKIP);
}

#define fail(...) harness_fail(__FILE__, __LINE__, __VA_ARGS__)

#define expect(cond) \
	do { if (!(cond)) fail("%s (errno %d)", #cond, errno); } while (0)

#define expect_eq(a, b)								\
	do {									\
		long long a_ = (long long)(a), b_ = (long long)(b);		\
		if (a_ != b_)							\
			fail("%s is %lld, not %s (%lld)", #a, a_, #b, b_);	\
	} while (0)

/* A number from the environment. */
__attribute__((unused))
static unsigned long long env(const char *name, unsigned long long otherwise)
{
	const char *s = getenv(name);

	return s && *s ? strtoull(s, NULL, 0) : otherwise;
}

/* The same seed for the whole run: printed, and taken back from ML_SEED. */
__attribute__((unused))
static unsigned long long harness_seed(void)
{
	static unsigned long long seed;

	if (!seed) {
		seed = env("ML_SEED", (unsigned long long)time(NULL) << 20 | getpid());
		seed |= 1;
		printf("# ML_SEED=%llu\n", seed);
		fflush(stdout);
	}
	return seed;
}

/* xorshift64*, Vigna 2014 */
__attribute__((unused))
static unsigned long long rng_next(unsigned long long *x)
{
	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return *x * 0x2545f4914f6cdd1dULL;
}

static int harness_run(const struct test *t)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(env("ML_TIMEOUT", 120));
		t->run();
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("# fork");
		return 1;
	}
	if (WIFSIGNALED(status)) {
		printf("# ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
		return 1;
	}
	return WEXITSTATUS(status);
}

static int harness_main(const char *pick)
{
	unsigned int nr = 0, n = 0, failed = 0, skipped = 0;
	const struct test *t;

	harness_why = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (t = harness_tests; t; t = t->next)
		nr += strstr(t->name, pick) != NULL;
	printf("TAP version 13\n1..%u\n", nr);
	for (t = harness_tests; t; t = t->next) {
		int status;

		if (!strstr(t->name, pick))
			continue;
		status = harness_run(t);
		failed += status && status != HARNESS_SKIP;
		skipped += status == HARNESS_SKIP;
		printf("%sok %u %s%s%s\n", status && status != HARNESS_SKIP ? "not " : "", ++n,
		       t->name, status == HARNESS_SKIP ? " # SKIP " : "",
		       status == HARNESS_SKIP ? harness_why : "");
	}
	if (failed)
		return 1;
	return nr > skipped ? 0 : HARNESS_SKIP;
}

int main(int argc, char **argv)
{
	return harness_main(argc > 1 ? argv[1] : "");
}

#endif /* HARNESS_H */
