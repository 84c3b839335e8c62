/* SPDX-License-Identifier: MIT */
/* tape_file.h - the file that a recorder writes to, before and after the program runs */
#ifndef TAPE_FILE_H
#define TAPE_FILE_H

#include <stdint.h>

/**
 * tape_make - make a trace file with a header, and lock it against other recordings
 * @path: of the file; a regular file that is there is replaced, and what a program still
 *        writes to the old one is lost
 * @command: words for the header
 *
 * Return: a descriptor that holds the lock, or -1 and a sentence.
 */
int tape_make(const char *path, char **command);

/* What became of a tape. */
struct tape_sum {
	uint64_t records;
	uint64_t objects;
	uint64_t peak_bytes;
	uint32_t threads;
};

/**
 * tape_close - count what is on a tape, make its header say so, shorten and pack it
 * @path: of the file
 * @target: packed into this one, and @path removed; NULL: @path stays
 * @flags: for the header, beside TRACE_FINISHED
 * @rss: most resident memory of the program; 0: unknown
 * @sum: filled in
 *
 * Return: 0, or EXIT_FAILED and a sentence.
 */
int tape_close(const char *path, const char *target, uint32_t flags, uint64_t rss,
	       struct tape_sum *sum);

#endif /* TAPE_FILE_H */
