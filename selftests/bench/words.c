// SPDX-License-Identifier: MIT
/* words.c - what objects hold: words out of a small vocabulary, which compress about as JSON does */
#include <stdio.h>
#include <string.h>

#include "bench.h"

static const char *const vocabulary[] = {
	"\"id\":", "\"name\":", "\"state\":\"open\"", "\"price\":", "\"tags\":[", "]", "},{",
	"the ", "and ", "customer ", "delivery ", "2026-", "T12:", ".00", "null", "true,", "0x",
};

void write_words(char *to, uint64_t bytes, uint64_t seed)
{
	const uint64_t words = sizeof(vocabulary) / sizeof(vocabulary[0]);
	char text[32];
	uint64_t n, at = 0;

	while (at < bytes) {
		n = snprintf(text, sizeof(text), "%s%u", vocabulary[(rng_next(&seed) >> 33) % words],
			     (unsigned int)(rng_next(&seed) >> 50));
		n = n < bytes - at ? n : bytes - at;
		memcpy(to + at, text, n);
		at += n;
	}
}
