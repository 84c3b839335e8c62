// SPDX-License-Identifier: MIT
/* ktap.c - a test program: a table of named tests, results as KTAP */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ktap.h"

static jmp_buf out;
static __thread bool in_test;	/* other threads cannot jump: they abort */

void ktap_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	flockfile(stdout);
	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	funlockfile(stdout);
	if (!in_test)
		abort();
	longjmp(out, 1);
}

static u64 number(const char *name, u64 usual)
{
	const char *s = getenv(name);

	return s && *s ? strtoull(s, NULL, 0) : usual;
}

/* One seed for the whole run, printed once. */
u64 ktap_seed(void)
{
	static u64 seed;

	if (!seed) {
		seed = number("ML_SEED", (u64)time(NULL) << 16 ^ (u64)getpid());
		printf("# ML_SEED=%llu\n", seed);
		fflush(stdout);
	}
	return seed;
}

u64 ktap_ops(u64 usual)
{
	return number("ML_OPS", usual);
}

static bool run_one(const struct test *t)
{
	in_test = true;
	if (setjmp(out))
		return false;
	t->run();
	return true;
}

int ktap_run(const struct test *tests, unsigned int nr, const char *pick)
{
	unsigned int i, picked = 0, n = 0, failed = 0;

	for (i = 0; i < nr; i++)
		picked += strstr(tests[i].name, pick) != NULL;
	printf("TAP version 13\n1..%u\n", picked);
	for (i = 0; i < nr; i++) {
		bool good;

		if (!strstr(tests[i].name, pick))
			continue;
		good = run_one(&tests[i]);
		failed += !good;
		printf("%s %u %s\n", good ? "ok" : "not ok", ++n, tests[i].name);
		fflush(stdout);
	}
	/* What a failed test left behind is no leak of the engine. */
	if (failed)
		_exit(1);
	return picked ? 0 : 4;
}
