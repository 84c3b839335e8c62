/* SPDX-License-Identifier: MIT */
/*
 * trace_format.h - the bytes of a .mlt file, for the recorder and the reader
 *
 * A file is a header, the recorded command, and records. The header is the
 * truth: bytes after its @record_bytes do not count. While TRACE_FINISHED is not
 * set, @records and @objects do not count either: @record_bytes alone commits a
 * record, so that a killed recorder leaves a file that is good up to there.
 * All numbers are little-endian. Documentation/trace-format.md is the manual.
 */
#ifndef TRACE_FORMAT_H
#define TRACE_FORMAT_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_MAGIC	"MLTRACE\n"
#define TRACE_VERSION	1

#define TRACE_FINISHED	(1U << 0)	/* the recording was closed in order */
#define TRACE_KILLED	(1U << 1)	/* a signal ended the program */
#define TRACE_LIMITED	(1U << 2)	/* recording stopped at a limit */
#define TRACE_FLAGS	(TRACE_FINISHED | TRACE_KILLED | TRACE_LIMITED)

struct trace_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t flags;
	uint64_t record_bytes;	/* of records, after the command */
	uint64_t records;
	uint64_t objects;	/* born in these records */
	uint32_t threads;	/* thread numbers run from 0 to this minus 1 */
	uint32_t command_length;
	uint64_t missed;	/* frees and reallocs of objects born before */
	uint64_t peak_rss;	/* of the recorded program, in bytes; 0: unknown */
	uint64_t reserved[4];	/* 0 */
};

_Static_assert(sizeof(struct trace_header) == 96, "the format's header");

enum trace_op {
	TRACE_MALLOC = 1,	/* size */
	TRACE_CALLOC,		/* size */
	TRACE_ALIGNED,		/* log2 of the alignment, size */
	TRACE_REALLOC,		/* object, size */
	TRACE_FREE,		/* object */
	TRACE_THREAD,		/* number: who makes the calls from here on */
	TRACE_SITE,		/* number: where births are called from, from here on; a new one: its text */
	TRACE_OPS
};

#define TRACE_COMMAND_MAX	65536U
#define TRACE_SIZE_MAX		(1ULL << 40)	/* larger sizes are absurd */
#define TRACE_ALIGN_LOG2_MAX	30U
#define TRACE_SITES_MAX		65536U		/* numbered from 1; 0 is no site */
#define TRACE_SITE_TEXT		240U		/* bytes */
#define TRACE_RECORD_MAX	256U		/* bytes: an op, two numbers, a text */

/* An object is named by its distance from the one named last, either way. */
static inline uint64_t trace_zigzag(int64_t delta)
{
	return ((uint64_t)delta << 1) ^ (uint64_t)(delta >> 63);
}

static inline int64_t trace_unzigzag(uint64_t word)
{
	return (int64_t)(word >> 1) ^ -(int64_t)(word & 1);
}

/* Seven bits a byte, lowest first; the top bit says that more follows. */
static inline uint8_t *trace_put(uint8_t *at, uint64_t word)
{
	while (word >= 0x80) {
		*at++ = (uint8_t)word | 0x80;
		word >>= 7;
	}
	*at++ = (uint8_t)word;
	return at;
}

#endif /* TRACE_FORMAT_H */
