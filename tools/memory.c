// SPDX-License-Identifier: MIT
/* memory.c - how much memory the machine has to give */
#include <inttypes.h>
#include <stdio.h>

#include "memory.h"

uint64_t memory_available(void)
{
	uint64_t kib = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	if (!f)
		return ~0ULL;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
			break;
	fclose(f);
	return kib ? kib * 1024 : ~0ULL;
}
