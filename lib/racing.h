/* SPDX-License-Identifier: MIT */
/*
 * racing.h - copy bytes that somebody may be writing
 *
 * The mover copies an object while its owner may come back to it. What is torn is thrown
 * away then: the owner has changed the entry, and the mover finds it changed. It is the
 * one data race that the protocol has (Documentation/protocol.md), so the reads here,
 * and nothing else, are kept from ThreadSanitizer.
 */
#ifndef RACING_H
#define RACING_H

#include <stddef.h>
#include <string.h>

#ifdef __SANITIZE_THREAD__
#define RACING_PIECE 256

static __attribute__((no_sanitize("thread"), noinline, unused)) void
read_unseen(char *to, const char *from, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		to[i] = __atomic_load_n(from + i, __ATOMIC_RELAXED);
}

/* What is written is told to it: by the function, which the compiler is not to replace. */
static inline void copy_racing(void *to, const void *from, size_t length)
{
	void *(*copy)(void *to, const void *from, size_t length) = memcpy;
	char piece[RACING_PIECE];
	size_t at, n;

	__asm__("" : "+r"(copy));
	for (at = 0; at < length; at += n) {
		n = length - at < sizeof(piece) ? length - at : sizeof(piece);
		read_unseen(piece, (const char *)from + at, n);
		copy((char *)to + at, piece, n);
	}
}
#else
static inline void copy_racing(void *to, const void *from, size_t length)
{
	memcpy(to, from, length);
}
#endif

#endif /* RACING_H */
