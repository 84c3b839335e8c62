// SPDX-License-Identifier: MIT
/* make.c - objects that begin with something in them: zeros, a string */
#include <string.h>

#include "arena.h"

memlane_handle memlane_zalloc(struct memlane *m, uint64_t size)
{
	const struct memlane_alloc_opts zero = { .flags = MEMLANE_ZERO };
	memlane_handle h;

	return memlane_alloc_with(m, size, &zero, &h) ? 0 : h;
}

/* The handle is nobody's yet. Its object may have been dropped, where its group is purgeable. */
static void put_text(struct memlane *m, memlane_handle h, const char *s, size_t length)
{
	char *p;

	memlane_enter(m);
	p = memlane_get(m, h);
	if (p) {
		memcpy(p, s, length);
		p[length] = '\0';
	}
	memlane_exit(m);
}

static memlane_handle make_text(struct memlane *m, const char *s, size_t length)
{
	memlane_handle h = memlane_alloc(m, (uint64_t)length + 1);

	if (h)
		put_text(m, h, s, length);
	return h;
}

memlane_handle memlane_strdup(struct memlane *m, const char *s)
{
	return make_text(m, s, strlen(s));
}

memlane_handle memlane_strndup(struct memlane *m, const char *s, size_t n)
{
	return make_text(m, s, strnlen(s, n));
}
