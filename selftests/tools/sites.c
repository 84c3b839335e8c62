// SPDX-License-Identifier: MIT
/*
 * sites.c - a program whose call sites are known, for memlane record --sites
 *
 * Built twice: with frame pointers, and without. make_kept() has 200 objects of 1000
 * bytes left, make_brief() 20000 of 48 bytes that each live for one call.
 */
#include <pthread.h>
#include <stdlib.h>

#define ALONE __attribute__((noinline, noclone))

static void *volatile kept[200];

/* What stands behind a call keeps it from becoming a jump. */
#define RETURN(p)                                \
	do {                                     \
		void *of_call = (p);             \
		__asm__ volatile("" : : "r"(of_call)); \
		return of_call;                  \
	} while (0)

ALONE void *wrapper(size_t size)
{
	RETURN(malloc(size));
}

ALONE void *make_kept(void)
{
	RETURN(wrapper(1000));
}

ALONE void *make_brief(void)
{
	RETURN(wrapper(48));
}

static void *run(void *arg)
{
	int i, first = arg ? 100 : 0;

	for (i = 0; i < 10000; i++) {
		free(make_brief());
		if (i % 100 == 0)
			kept[first + i / 100] = make_kept();
	}
	return NULL;
}

int main(void)
{
	pthread_t thread;

	run(NULL);
	if (pthread_create(&thread, NULL, run, (void *)kept))
		return 1;
	return pthread_join(thread, NULL);
}
