// SPDX-License-Identifier: MIT
/* fuzz-hostile.c - bytes are scribbles on the shared words, and calls between them */
#include "hostile.h"

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t len);

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t len)
{
	hostile_run(bytes, len);
	return 0;
}
