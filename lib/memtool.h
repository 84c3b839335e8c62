/* SPDX-License-Identifier: MIT */
/*
 * memtool.h - objects told to the tools that check memory: memcheck, AddressSanitizer
 *
 * Such a tool knows what malloc() gives, and would take an arena for one large array. In
 * the local backend it is told where objects are, how long, and that all else is
 * nobody's. The arena then has a watch and takes the long way through alloc and
 * free; others pay nothing.
 */
#ifndef LIB_MEMTOOL_H
#define LIB_MEMTOOL_H

#include "arena.h"

/* Bytes behind each object that are nobody's. */
#define MEMTOOL_PAD 16U

/* memtool.c */
bool memtool_is_memcheck(void);
bool memtool_here(void);
struct memtool *memtool_new(struct memlane *m);
void memtool_leaks(struct memtool *t);
void memtool_disown(struct memtool *t);
void memtool_end(struct memtool *t);
int memtool_alloc(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
		  memlane_handle *out);
int memtool_free(struct memlane *m, memlane_handle h);

/* What the local backend does; with core.lock. */
void memtool_hide(void *p, size_t length);
void memtool_forget(void *p, size_t length);
void memtool_move_begin(void *to, void *from, size_t length);
void memtool_move_end(struct memtool *t, uint32_t index, void *to, void *from, size_t length);
void memtool_purged(struct memtool *t, uint32_t index, void *p);

#endif /* LIB_MEMTOOL_H */
