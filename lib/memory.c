// SPDX-License-Identifier: MIT
/* memory.c - memory of the process; errno is left alone where there is none */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "refusal.h"

/* Cleared; NULL: there is none. For free(). */
void *memory_new(size_t size)
{
	int saved = errno;
	void *p = calloc(1, size);

	if (!p)
		refused("malloc", size, NULL, ENOMEM, ENOMEM);
	errno = saved;
	return p;
}

/* As realloc(); NULL: there is none, and @p is as it was. */
void *memory_resize(void *p, size_t size)
{
	int saved = errno;
	void *new = realloc(p, size);

	if (!new)
		refused("malloc", size, NULL, ENOMEM, ENOMEM);
	errno = saved;
	return new;
}

/* A struct of the library's for a program whose own is shorter or longer. */
void give_out(void *to, size_t size, const void *from, size_t length)
{
	memcpy(to, from, size < length ? size : length);
	if (size > length)
		memset((char *)to + length, 0, size - length);
}
