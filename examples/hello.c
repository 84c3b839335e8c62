// SPDX-License-Identifier: MIT
/* hello.c - one object, from its making to its end, while it changes lanes */
#include <memlane.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what, int err)
{
	fprintf(stderr, "%s: %s\n", what, memlane_strerror(err));
	return 1;
}

static void greet(struct memlane *m, memlane_handle h)
{
	memlane_enter(m);
	printf("%s at %p, id %lld\n", (char *)memlane_get(m, h), memlane_get(m, h),
	       (long long)memlane_id(m, h));
	memlane_exit(m);
}

int main(void)
{
	struct memlane *m;
	memlane_handle h;
	int err;

	err = memlane_open(&m, NULL);
	if (err)
		return fail("memlane_open", err);
	err = memlane_alloc_with(m, 6, NULL, &h);
	if (err)
		return fail("memlane_alloc_with", err);

	memlane_enter(m);
	strcpy(memlane_get(m, h), "hello");
	memlane_exit(m);
	greet(m, h);

	err = memlane_migrate(m, h, MEMLANE_SLOW);
	if (err)
		return fail("memlane_migrate", err);
	greet(m, h);

	memlane_free(m, h);
	printf("afterwards the handle is %s\n", memlane_state_name(memlane_state(m, h)));
	memlane_close(m);
	return 0;
}
