/* SPDX-License-Identifier: MIT */
/*
 * tape.h - appends records to a mapped trace file
 *
 * `memlane record` makes the file, as large as it may become and sparse, and
 * closes it afterwards. What stands in the mapping stays in the file however
 * the program ends. The caller locks.
 */
#ifndef TAPE_H
#define TAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "../trace_format.h"

struct tape {
	struct trace_header *header;
	uint8_t *first;
	uint8_t *at;		/* @header->record_bytes after @first */
	uint8_t *end;
	uint64_t records;
	uint64_t most;		/* records to write */
	uint64_t born;
	uint64_t named;
	uint32_t thread;	/* that wrote last */
};

/* Return: false when the file cannot be mapped or was not made for recording. */
bool tape_open(struct tape *tape, const char *path, uint64_t most);

/* Each returns false when the tape is full: nothing was written. */
bool tape_birth(struct tape *tape, enum trace_op op, unsigned int align_log2,
		uint64_t size);
bool tape_realloc(struct tape *tape, uint64_t object, uint64_t size);
bool tape_free(struct tape *tape, uint64_t object);
bool tape_thread(struct tape *tape, uint32_t thread);

void tape_missed(struct tape *tape);

#endif /* TAPE_H */
