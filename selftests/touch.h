/* SPDX-License-Identifier: MIT */
/* touch.h - a touch of memory that may be refused, by one thread at a time */
#ifndef SELFTESTS_TOUCH_H
#define SELFTESTS_TOUCH_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>

static sigjmp_buf refused;

static void on_signal(int sig)
{
	siglongjmp(refused, sig);
}

/* Return: 0, or the signal. */
static int touch(char *p, bool write)
{
	struct sigaction act = { .sa_handler = on_signal };
	int sig;

	sigaction(SIGBUS, &act, NULL);
	sigaction(SIGSEGV, &act, NULL);
	sig = sigsetjmp(refused, 1);
	if (sig)
		return sig;
	if (write)
		__atomic_store_n(p, 1, __ATOMIC_RELAXED);
	else
		(void)__atomic_load_n(p, __ATOMIC_RELAXED);
	return 0;
}

#endif /* SELFTESTS_TOUCH_H */
