// SPDX-License-Identifier: MIT
/* test-hostile.c - random scribbles on the shared words spoil nothing but themselves */
#include <stdlib.h>

#include "hostile.h"
#include "ktap.h"

static void scribbles(void)
{
	struct rng r = rng_new();
	u64 rounds = ktap_ops(60);
	u8 *bytes = malloc(4000);
	int i;

	for (; rounds; rounds--) {
		for (i = 0; i < 4000; i++)
			bytes[i] = (u8)(rng_next(&r) >> 56);
		hostile_run(bytes, 4000);
	}
	free(bytes);
}

static const struct test tests[] = {
	{ "hostile_scribbles", scribbles },
};

KTAP_MAIN(tests);
