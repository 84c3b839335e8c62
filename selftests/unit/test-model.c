// SPDX-License-Identifier: MIT
/* test-model.c - random operations on a whole arena against the model of sequence.c */
#include <stdio.h>
#include <stdlib.h>

#include "ktap.h"
#include "sequence.h"

static void random_bytes(u64 rounds, size_t len, unsigned int flags)
{
	struct rng r = rng_new();
	u8 *bytes = malloc(len);
	u64 steps = 0;
	size_t i;

	for (; rounds; rounds--) {
		for (i = 0; i < len; i++)
			bytes[i] = (u8)(rng_next(&r) >> 56);
		steps += sequence_run(bytes, len, flags);
	}
	free(bytes);
	printf("# %llu operations\n", steps);
}

static void thorough(void)
{
	random_bytes(ktap_ops(40), 3000, SEQ_THOROUGH);
}

static void no_failures(void)
{
	random_bytes(ktap_ops(40), 3000, SEQ_THOROUGH | SEQ_NO_FAILURES);
}

static void lengthy(void)
{
	random_bytes(ktap_ops(40) * 4, 60000, 0);
}

static const struct test tests[] = {
	{ "model_thorough", thorough },
	{ "model_no_failures", no_failures },
	{ "model_lengthy", lengthy },
};

KTAP_MAIN(tests);
