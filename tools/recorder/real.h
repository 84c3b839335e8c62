/* SPDX-License-Identifier: MIT */
/*
 * real.h - the allocator that the program would have without the recorder
 *
 * Finding it takes dlsym(), which allocates: until it is found, memory comes
 * from a small static supply that is never given back.
 */
#ifndef REAL_H
#define REAL_H

#include <stdbool.h>
#include <stddef.h>

void *real_malloc(size_t size);
void *real_calloc(size_t n, size_t size);
void *real_realloc(void *p, size_t size);
void *real_memalign(size_t align, size_t size);
int real_posix_memalign(void **p, size_t align, size_t size);
void *real_aligned_alloc(size_t align, size_t size);
void *real_valloc(size_t size);
void *real_pvalloc(size_t size);
void real_free(void *p);

#endif /* REAL_H */
