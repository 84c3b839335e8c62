// SPDX-License-Identifier: MIT
/* fuzz-engine.c - bytes are operations on an arena, compared with a model */
#include "sequence.h"

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t len);

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t len)
{
	sequence_run(bytes, len, SEQ_THOROUGH);
	return 0;
}
