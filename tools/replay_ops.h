/* SPDX-License-Identifier: MIT */
/*
 * replay_ops.h - an allocator that a trace can be replayed on
 *
 * The player calls from one thread. A reference is what the allocator names an
 * object by: an address or a handle; never 0.
 */
#ifndef REPLAY_OPS_H
#define REPLAY_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "trace.h"

struct replay_config {
	char backend[16];		/* auto, module, local */
	uint64_t peak_bytes;		/* live in the trace */
	uint64_t peak_objects;		/* live in the trace */
};

/**
 * struct replay_parts - what memory is used for, in bytes
 * @bound: places of objects, rounded up to their classes
 * @pages: pages that hold places, all that exist
 * @metadata: tables and descriptors, wherever they are
 */
struct replay_parts {
	uint64_t bound;
	uint64_t pages;
	uint64_t metadata;
};

/**
 * struct replay_ops - what the player needs
 * @open: make a heap; -errno, and @why gets a sentence when it has more to say
 * @close: end it; may leave memory to the end of the process
 * @title: what to call it in a report, after @open
 * @alloc: make an object; @zero asks for cleared bytes. 0 or -errno
 * @resize: keep the common bytes; *@ref may change. 0, or -errno and nothing done
 * @free: end an object. 0 or -errno
 * @begin: address of an object, good until @end; NULL: the reference is bad
 * @end: done with the address
 * @maintain: what a program would do now and then; NULL: nothing. 0 or -errno
 * @settle: give back to the system what can be given back. 0 or -errno
 * @idle: let so much time go by that whatever nobody uses is put away; NULL, or 0: it cannot
 *	be; 1, or -errno
 * @hidden: bytes held outside of this process's address space; NULL: none
 * @parts: what its memory is used for; NULL: not known
 */
struct replay_ops {
	int (*open)(void **heap, const struct replay_config *config, const char **why);
	void (*close)(void *heap);
	const char *(*title)(void *heap);
	int (*alloc)(void *heap, uint64_t size, uint64_t align, bool zero, uint64_t *ref);
	int (*resize)(void *heap, uint64_t *ref, uint64_t old_size, uint64_t size);
	int (*free)(void *heap, uint64_t ref);
	void *(*begin)(void *heap, uint64_t ref);
	void (*end)(void *heap);
	int (*maintain)(void *heap);
	int (*settle)(void *heap);
	int (*idle)(void *heap);
	uint64_t (*hidden)(void *heap);
	void (*parts)(void *heap, struct replay_parts *parts);
};

extern const struct replay_ops replay_malloc;
extern const struct replay_ops replay_memlane;

#endif /* REPLAY_OPS_H */
