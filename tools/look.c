// SPDX-License-Identifier: MIT
/* look.c - open arenas as a command was asked to look at them, or a sentence why not */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "look.h"
#include "say.h"

/* Where processes show theirs; NULL: the module's are asked for. */
static const char *sockets(const char *at)
{
	if (!at)
		at = getenv("MEMLANE_STAT");
	return at && *at ? at : NULL;
}

int look_failed(const char *at, int err)
{
	at = sockets(at);
	return at ? fail("%s: %s", at, explain_socket(err)) : fail("%s", explain_stat(err));
}

int look_arenas(const char *at, struct arena_view **list)
{
	int n = arenas_read(sockets(at), list);

	if (n >= 0)
		return n;
	look_failed(at, n);
	return -1;
}

int look_times(const char *command, const char *text, uint64_t *times)
{
	if (say_number(text, UINT32_MAX, times))
		return misuse("%s: -n takes a whole number, not \"%s\"", command, text);
	return 0;
}

int look_tenths(const char *command, const char *text, uint64_t *tenths)
{
	if (say_number(text, 36000, tenths))
		return misuse("%s: -d takes tenths of a second, not \"%s\"", command, text);
	return 0;
}

struct arena_view *look_find(struct arena_view *list, int n, const char *name)
{
	struct arena_view *a = arenas_find(list, n, name);

	if (!a)
		fail("there is no arena %s open; memlane stat lists them", name);
	return a;
}
