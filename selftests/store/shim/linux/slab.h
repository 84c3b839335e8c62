/* SPDX-License-Identifier: MIT */
/* CUSTOM: the process's heap; tests make the next allocation fail */
#ifndef ML_STORE_SLAB_H
#define ML_STORE_SLAB_H

#include <stdbool.h>
#include <stdlib.h>

extern bool no_memory;

#define kvcalloc(n, size, gfp)	(no_memory ? NULL : calloc(n, size))
#define kvzalloc(size, gfp)	kvcalloc(1, size, gfp)
#define kvfree(p)		free(p)

#endif
