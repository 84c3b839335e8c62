/* SPDX-License-Identifier: MIT */
/*
 * sequence.h - bytes become operations on an arena, compared with a model
 *
 * The model is a list of objects with the bytes the program put into them. Used
 * with random bytes by test-model and test-nomem, and by the fuzzer.
 */
#ifndef ML_SEQUENCE_H
#define ML_SEQUENCE_H

#include "world.h"

#define SEQ_THOROUGH	1	/* every invariant after every operation */
#define SEQ_NO_FAILURES	2	/* allocations do not fail by themselves */

/* How many operations that was. */
u64 sequence_run(const u8 *bytes, size_t len, unsigned int flags);

/* The same on a world of the caller's, which it may make fail; no clean-up. */
struct sequence;
struct sequence *sequence_new(struct world *w, unsigned int flags);
void sequence_step(struct sequence *s, const u8 **at, const u8 *end);
void sequence_verify(struct sequence *s);
void sequence_end(struct sequence *s);

#endif /* ML_SEQUENCE_H */
