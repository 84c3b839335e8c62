// SPDX-License-Identifier: MIT
/* replay_malloc.c - replays on malloc: libc's, or the one that was preloaded */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "replay_ops.h"

static int open_malloc(void **heap, const struct replay_config *config, const char **why)
{
	(void)config;
	(void)why;
	*heap = NULL;
	return 0;
}

static void close_malloc(void *heap)
{
	(void)heap;
}

static const char *title_malloc(void *heap)
{
	(void)heap;
	return "malloc";
}

static int alloc_malloc(void *heap, uint64_t size, uint64_t align, bool zero, uint64_t *ref)
{
	void *p = NULL;

	(void)heap;
	if (align > sizeof(void *)) {
		if (posix_memalign(&p, align, size))
			p = NULL;
		if (p && zero)
			memset(p, 0, size);
	} else {
		p = zero ? calloc(1, size) : malloc(size);
	}
	*ref = (uintptr_t)p;
	return p ? 0 : -ENOMEM;
}

static int resize_malloc(void *heap, uint64_t *ref, uint64_t old_size, uint64_t size)
{
	/* To none but C23 does realloc(p, 0) mean one thing; one byte does. */
	void *p = realloc((void *)(uintptr_t)*ref, size ? size : 1);

	(void)heap;
	(void)old_size;
	if (!p)
		return -ENOMEM;
	*ref = (uintptr_t)p;
	return 0;
}

static int free_malloc(void *heap, uint64_t ref)
{
	(void)heap;
	free((void *)(uintptr_t)ref);
	return 0;
}

static void *begin_malloc(void *heap, uint64_t ref)
{
	(void)heap;
	return (void *)(uintptr_t)ref;
}

static void end_malloc(void *heap)
{
	(void)heap;
}

/*
 * Each allocator has its own call to give pages back. Who is preloaded shows in
 * which symbol there is; libc's is always there, and idle then.
 */
static int settle_malloc(void *heap)
{
	int (*jemalloc)(const char *name, void *old, size_t *old_size, void *new, size_t new_size);
	void (*mimalloc)(bool force);
	void (*tcmalloc)(void);

	(void)heap;
	*(void **)&jemalloc = dlsym(RTLD_DEFAULT, "mallctl");
	*(void **)&mimalloc = dlsym(RTLD_DEFAULT, "mi_collect");
	*(void **)&tcmalloc = dlsym(RTLD_DEFAULT, "MallocExtension_ReleaseFreeMemory");
	if (jemalloc) {
		jemalloc("thread.tcache.flush", NULL, NULL, NULL, 0);
		jemalloc("arena.4096.purge", NULL, NULL, NULL, 0); /* 4096: all */
	}
	if (mimalloc)
		mimalloc(true);
	if (tcmalloc)
		tcmalloc();
	malloc_trim(0);
	return 0;
}

const struct replay_ops replay_malloc = {
	.open = open_malloc,
	.close = close_malloc,
	.title = title_malloc,
	.alloc = alloc_malloc,
	.resize = resize_malloc,
	.free = free_malloc,
	.begin = begin_malloc,
	.end = end_malloc,
	.settle = settle_malloc,
};
