/* SPDX-License-Identifier: MIT */
/*
 * trace.h - reads an allocation trace from memory, and trusts nothing in it
 *
 * Every reader has its own struct trace; there is no global state. Memory is
 * bounded by eight bytes for each object, and a trace cannot name more objects
 * than half of its bytes.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "trace_format.h"

enum trace_fault {
	TRACE_GOOD,
	TRACE_BAD_MAGIC,
	TRACE_BAD_VERSION,
	TRACE_BAD_HEADER,
	TRACE_CUT_SHORT,
	TRACE_BAD_NUMBER,
	TRACE_BAD_OP,
	TRACE_BAD_SIZE,
	TRACE_BAD_ALIGNMENT,
	TRACE_BAD_THREAD,
	TRACE_BAD_SITE,
	TRACE_UNKNOWN_OBJECT,
	TRACE_DEAD_OBJECT,
	TRACE_TOO_LARGE,
	TRACE_BAD_COUNT,
	TRACE_NO_MEMORY,
	TRACE_FAULTS
};

/**
 * struct trace_error - what is wrong with a trace, and where
 * @fault: the kind
 * @record: number of the record, from 0; ~0 when it is the header
 * @offset: of the record's first byte in the (uncompressed) file
 * @text: one sentence with all of it
 */
struct trace_error {
	enum trace_fault fault;
	uint64_t record;
	uint64_t offset;
	char text[192];
};

/**
 * struct trace_record - one call
 * @op: what was called; TRACE_THREAD and TRACE_SITE are never handed out
 * @thread: who called
 * @site: from where, for a birth; 0: unknown
 * @object: number of the object, in order of birth
 * @size: bytes asked for; for TRACE_FREE what the object had
 * @old_size: for TRACE_REALLOC, bytes before
 * @align: for TRACE_ALIGNED, in bytes
 */
struct trace_record {
	enum trace_op op;
	uint32_t thread;
	uint32_t site;
	uint64_t object;
	uint64_t size;
	uint64_t old_size;
	uint64_t align;
};

/* A call site, or how it came to it: "prog+0x11a0 < prog+0x11f3", not ended. */
struct trace_site {
	const char *text;
	uint32_t length;
};

/* Private to trace.c, except for the fields named in trace_open(). */
struct trace {
	const uint8_t *data;
	uint64_t length;	/* of the buffer */
	uint64_t first;		/* offset of the first record */
	uint64_t end;		/* offset after the last one, as far as there */
	uint64_t at;		/* offset of the next record */
	uint64_t record;	/* its number */
	uint64_t born;		/* objects so far */
	uint64_t named;		/* object that was named last */
	uint64_t live_bytes;
	uint64_t capacity;	/* of @size, in objects */
	uint32_t thread;
	uint32_t site;
	uint32_t sites;		/* known so far */
	uint32_t site_room;
	struct trace_site *site_text; /* of site 1 on */
	bool unfinished;	/* the recorder never closed it */
	struct trace_header header;
	const char *command;	/* @header.command_length bytes, not ended */
	uint64_t *size;		/* of each object plus 1; 0: not live */
};

/* What a whole trace amounts to. */
struct trace_summary {
	uint64_t calls[TRACE_OPS];
	uint64_t total;		/* of @calls */
	uint64_t live_objects;	/* at the end */
	uint64_t live_bytes;	/* at the end */
	uint64_t peak_bytes;
	uint64_t peak_record;	/* after which the peak stood first */
	uint64_t peak_objects;	/* most live at a time, whenever that was */
	uint64_t largest;
	uint64_t alignment;	/* the largest that was asked for */
	uint64_t aligned_record; /* the first that asked for it */
	uint32_t sites;		/* call sites; 0: they were not recorded */
};

/**
 * trace_length - bytes of a trace, as its header has them
 * @header: the first bytes of a file, as many as struct trace_header has
 *
 * Return: bytes of header, command and records. Where it is no header of a trace,
 * those of the header alone: trace_open() has a sentence for it.
 */
uint64_t trace_length(const void *header);

/**
 * trace_open - begin to read a trace
 * @t: to be filled; @t->header (in host byte order) and @t->command are for all
 * @data: the uncompressed file; must outlive @t
 * @length: its bytes
 * @err: set on failure
 *
 * Return: 0, -EINVAL for a trace that is wrong, or -ENOMEM. Only a trace that was
 * opened needs trace_close().
 */
int trace_open(struct trace *t, const void *data, uint64_t length,
	       struct trace_error *err);
void trace_close(struct trace *t);

/**
 * trace_next - read one record
 * @t: an open trace
 * @r: the record
 * @err: set on failure
 *
 * Return: 1, 0 after the last one, -EINVAL for a trace that is wrong.
 */
int trace_next(struct trace *t, struct trace_record *r, struct trace_error *err);

/* Begin again at the first record. */
void trace_rewind(struct trace *t);

/* Of a site that a record has had; NULL: 0, or there is none. */
const struct trace_site *trace_site(const struct trace *t, uint32_t site);

/* Is the object live after the record that was read last? If so, its bytes. */
bool trace_live(const struct trace *t, uint64_t object, uint64_t *size);

/**
 * trace_scan - read a whole trace once, check it and sum it up
 *
 * The counts of a recording that was never closed are put into @t->header.
 *
 * Return: 0 and the trace rewound, or -EINVAL with @err set.
 */
int trace_scan(struct trace *t, struct trace_summary *sum, struct trace_error *err);

#endif /* TRACE_H */
