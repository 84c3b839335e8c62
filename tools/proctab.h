/* SPDX-License-Identifier: MIT */
/*
 * proctab.h - the processes of one recording
 *
 * An anonymous file that `memlane record` makes and every recorded process maps. Its
 * path stands in the environment (PROCTAB_VARIABLE), so that programs that are
 * executed find it. It lives as long as one of them: nothing is left behind.
 *
 * Entry 0 is the command itself; it is filled in before the command runs. Each process
 * writes its own entry only, except for one that is about to become another program: it
 * leaves @next, and the new program clears it. What is set there at the end is a
 * program that did not load the recorder.
 */
#ifndef PROCTAB_H
#define PROCTAB_H

#include <limits.h>
#include <stdint.h>

#define PROCTAB_VARIABLE "MEMLANE_RECORD_TABLE"
#define PROCTAB_MAGIC	0x6c62617463726f70ULL
#define PROCTAB_ENTRIES	4096U	/* fewer where a limit on file sizes asks for it */
#define PROCTAB_NAME	32U

enum proctab_state {
	PROCTAB_FREE,
	PROCTAB_STARTED,	/* it runs a program, or will; no recorder was seen */
	PROCTAB_SEEN,		/* the recorder is loaded and does not record: no --follow */
	PROCTAB_FORKED,		/* the same, in a copy of its parent */
	PROCTAB_RECORDED,	/* it has a trace */
	PROCTAB_NO_TAPE,	/* its trace could not be made: @err */
	PROCTAB_OWN_MALLOC,	/* it has a trace, but a malloc of its own comes first */
};

enum proctab_stop {
	PROCTAB_WHOLE,
	PROCTAB_CALLS,		/* as many records as were asked for */
	PROCTAB_FAILED,		/* the trace could not grow: @err */
};

/**
 * struct proctab_entry - one process
 * @pid: its number; 0: not filled in yet
 * @state: enum proctab_state
 * @start: when it started, in ticks since boot: numbers are used again
 * @execs: programs that loaded the recorder in it, one after the other
 * @stop: enum proctab_stop, why the trace ends before the process
 * @err: errno of what failed
 * @name: of its program
 * @next: the program that it was about to become; "": none
 */
struct proctab_entry {
	uint32_t pid;
	uint32_t state;
	uint64_t start;
	uint32_t execs;
	uint32_t stop;
	int32_t err;
	uint32_t reserved;
	char name[PROCTAB_NAME];
	char next[PROCTAB_NAME];
};

/**
 * struct proctab - the table
 * @magic: PROCTAB_MAGIC
 * @calls: records to write for each process; 0: all
 * @follow: record every process, not only the first
 * @entries: that there are
 * @sites: record where objects were made, too
 * @taken: given out; beyond @entries processes are only counted
 * @library: the recorder's path, for LD_PRELOAD
 * @self: the table's path, for PROCTAB_VARIABLE
 * @tape: absolute path of the first process's trace
 * @stem: bytes of @tape that come before the number of another process
 * @entry: the processes
 */
struct proctab {
	uint64_t magic;
	uint64_t calls;
	uint32_t follow;
	uint32_t taken;
	uint32_t stem;
	uint32_t entries;
	uint32_t sites;
	uint32_t reserved;
	char library[PATH_MAX];
	char self[64];
	char tape[PATH_MAX];
	struct proctab_entry entry[];
};

#endif /* PROCTAB_H */
