/* SPDX-License-Identifier: MIT */
/*
 * tape.h - appends records to a trace file
 *
 * What stands in the mapping stays in the file however the program ends. The file grows
 * by a window at a time, whose room is the file's before it is written to: a full disk
 * or a limit ends the recording, and not the program. No descriptor is kept: those are
 * the program's, which may close them all and use their numbers. The caller locks.
 */
#ifndef TAPE_H
#define TAPE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../trace_format.h"

struct tape {
	struct trace_header *header;	/* its page of the file */
	uint8_t *window;		/* part of the file, from a page on */
	uint8_t *at;			/* in @window: where the next record goes */
	uint8_t *end;			/* of what is the file's in @window */
	uint64_t first;			/* offset of the first record */
	uint64_t bytes;			/* of records */
	uint64_t records;
	uint64_t most;			/* records to write */
	uint64_t born;
	uint64_t named;
	uint32_t thread;		/* that wrote last */
	uint32_t site;			/* that is called from */
	int err;			/* errno of why it cannot grow; 0: it can */
	dev_t dev;			/* of the file, and its inode: the path may name another later */
	ino_t ino;
	char path[PATH_MAX];
};

/**
 * tape_open - begin a trace in a file, from its first record
 * @tape: to be filled
 * @path: of the file
 * @make: make it, with the command line of this process; otherwise it has a header
 * @most: records to write
 *
 * Return: false, and @tape->err set, when that cannot be done.
 */
bool tape_open(struct tape *tape, const char *path, bool make, uint64_t most);

/* Each returns false when the tape is full: nothing was written. */
bool tape_birth(struct tape *tape, enum trace_op op, unsigned int align_log2,
		uint64_t size);
bool tape_realloc(struct tape *tape, uint64_t object, uint64_t size);
bool tape_free(struct tape *tape, uint64_t object);
bool tape_thread(struct tape *tape, uint32_t thread);

/* @text: of a site that is new; NULL: it is known */
bool tape_site(struct tape *tape, uint32_t site, const char *text);

void tape_missed(struct tape *tape);

#endif /* TAPE_H */
