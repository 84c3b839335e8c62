/* SPDX-License-Identifier: MIT */
/*
 * refusal.h - what the system refused the calls of a thread, so that it can be told
 *
 * An error of the library's says what a program meets; why the system refused it is
 * another question, with other remedies. A function that asks the system for something notes
 * down here what was refused. Nothing is looked into before somebody asks
 * (memlane_explain(), memlane_strerror()): a refusal costs a few stores.
 */
#ifndef LIB_REFUSAL_H
#define LIB_REFUSAL_H

#include <stdint.h>

/**
 * struct refusal - the last one of a thread, since its last call that asks the backend
 * @call: name of the system call or function; NULL: nothing was refused
 * @fields: of struct memlane_config, which make do with less; or NULL
 * @bytes: asked for; 0: it is not about bytes
 * @err: errno value that the system gave
 * @as: errno value that the library answers
 */
struct refusal {
	const char *call;
	const char *fields;
	uint64_t bytes;
	int err;
	int as;
};

extern __thread struct refusal refusal_last;

/* Nothing was refused to what this thread asks for from here on. */
static inline void refusal_clear(void)
{
	refusal_last.call = 0;
}

int refused(const char *call, uint64_t bytes, const char *fields, int err, int as);
const char *refusal_text(int err);

/* Addresses and arenas that this process has from the library. */
void refusal_count(uint64_t bytes, int arenas);
uint64_t refusal_reserved(void);

#endif /* LIB_REFUSAL_H */
