// SPDX-License-Identifier: MIT
/* fuzz-trace.c - bytes are a trace file: the reader trusts nothing in it */
#include <stdlib.h>

#include "trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct trace_record record;
	struct trace_error error;
	struct trace trace;
	uint64_t births = 0;
	int err;

	if (trace_open(&trace, bytes, len, &error))
		return 0;
	while ((err = trace_next(&trace, &record, &error)) == 1) {
		births += record.object >= births;
		/* What is handed out is in order: no number from nowhere. */
		if (record.object >= births || record.thread >= trace.header.threads)
			abort();
	}
	if (err && error.fault == TRACE_GOOD)
		abort();
	trace_close(&trace);
	return 0;
}
