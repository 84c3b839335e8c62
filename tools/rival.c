// SPDX-License-Identifier: MIT
/* rival.c - the allocators that a replay can be compared with */
#include <dlfcn.h>
#include <string.h>

#include "rival.h"

/* MULTIARCH comes from the Makefile: the compiler knows Debian's folder. */
#define LIBRARY(name) "/usr/lib/" MULTIARCH "/" name

static const struct rival rivals[] = {
	{ "glibc", NULL, NULL, NULL },
	{ "jemalloc", LIBRARY("libjemalloc.so.2"), "libjemalloc2", "mallctl" },
	{ "mimalloc", LIBRARY("libmimalloc.so.2.0"), "libmimalloc2.0", "mi_collect" },
	{ "tcmalloc", LIBRARY("libtcmalloc_minimal.so.4"), "libtcmalloc-minimal4",
	  "MallocExtension_ReleaseFreeMemory" },
};

#define RIVALS (sizeof(rivals) / sizeof(*rivals))

const struct rival *rival_find(const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < RIVALS; i++)
		if (strlen(rivals[i].name) == length &&
		    !memcmp(rivals[i].name, name, length))
			return &rivals[i];
	return NULL;
}

const char *rival_names(void)
{
	return "glibc, jemalloc, mimalloc, tcmalloc";
}

bool rival_loaded(const struct rival *rival)
{
	size_t i;

	for (i = 0; i < RIVALS; i++)
		if (rivals[i].proof &&
		    (dlsym(RTLD_DEFAULT, rivals[i].proof) != NULL) != (rival == &rivals[i]))
			return false;
	return true;
}
