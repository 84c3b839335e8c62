// SPDX-License-Identifier: MIT
/*
 * sites.c - where a call came from, by return addresses and frame pointers
 *
 * Runs inside malloc: no lock is taken, and nothing is allocated. Objects are found by
 * _dl_find_object(), which is for unwinders; a C library without it has no sites.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "sites.h"

#define MAIN_STACK (64ULL << 20) /* of the main thread, at most, where it has no limit */

#ifndef DLFO_STRUCT_HAS_EH_DBASE /* a C library that has no such call */
struct dl_find_object {
	struct link_map *dlfo_link_map;
};
#endif

extern void *__libc_stack_end __attribute__((weak));
int _dl_find_object(void *pc, struct dl_find_object *found) __attribute__((weak));

/* Of this thread; 0: not known yet. @bottom is inclusive, @top is not. */
static __thread uintptr_t bottom __attribute__((tls_model("initial-exec")));
static __thread uintptr_t top __attribute__((tls_model("initial-exec")));

static bool object_of(uintptr_t pc, struct dl_find_object *found)
{
	return _dl_find_object && !_dl_find_object((void *)(pc - 1), found);
}

/* For the first thread pthread_getattr_np() would read /proc, and allocate. */
static void main_stack(void)
{
	uintptr_t bytes = MAIN_STACK;
	struct rlimit limit;

	if (!getrlimit(RLIMIT_STACK, &limit) && limit.rlim_cur < bytes)
		bytes = limit.rlim_cur;
	top = (uintptr_t)__libc_stack_end;
	bottom = top - bytes;
}

static void thread_stack(void)
{
	pthread_attr_t attr;
	size_t bytes;
	void *p;

	top = 1; /* none, should it not be told */
	if (pthread_getattr_np(pthread_self(), &attr))
		return;
	if (!pthread_attr_getstack(&attr, &p, &bytes)) {
		bottom = (uintptr_t)p;
		top = bottom + bytes;
	}
	pthread_attr_destroy(&attr);
}

static void find_stack(uintptr_t here)
{
	if (&__libc_stack_end)
		main_stack();
	if (here < bottom || here >= top)
		thread_stack();
}

/* Is there a frame at @next, behind the one at @from? */
static bool frame_good(uintptr_t next, uintptr_t from)
{
	const size_t frame = 2 * sizeof(void *);

	return !(next % frame) && next > from && from >= bottom && next + frame <= top;
}

void site_find(struct site *site, void **frame)
{
	struct dl_find_object found;

	if (!top)
		find_stack((uintptr_t)frame);
	site->depth = 0;
	while (site->depth < SITE_DEPTH && object_of((uintptr_t)frame[1], &found)) {
		site->pc[site->depth++] = (uintptr_t)frame[1];
		if (!frame_good((uintptr_t)frame[0], (uintptr_t)frame))
			break;
		frame = frame[0];
	}
}

uintptr_t site_key(const struct site *site)
{
	uint64_t key = 0;
	uint32_t i;

	for (i = 0; i < site->depth; i++)
		key = (key ^ site->pc[i]) * 0x9e3779b97f4a7c15ULL;
	return (key ^ key >> 32) | 1;
}

void site_text(const struct site *site, char *text, size_t room)
{
	struct dl_find_object found;
	const char *name, *slash;
	size_t used = 0;
	uint32_t i;

	*text = '\0';
	for (i = 0; i < site->depth && used < room; i++) {
		if (!object_of(site->pc[i], &found))
			break;
		name = found.dlfo_link_map->l_name;
		if (!*name)
			name = program_invocation_name;
		slash = strrchr(name, '/');
		used += (size_t)snprintf(text + used, room - used, "%s%.40s+0x%lx",
					 i ? " < " : "", slash ? slash + 1 : name,
					 site->pc[i] - 1 - found.dlfo_link_map->l_addr);
	}
}
