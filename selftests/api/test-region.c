// SPDX-License-Identifier: MIT
/* test-region.c - what an arena's address space costs the process and the system */
#include "api.h"

/* Bytes of the mappings whose VmFlags have or lack a word, as a sum. */
static uint64_t mapped(const char *flag, bool with)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512], word[8];
	uint64_t kib, size = 0, sum = 0;

	expect(f != NULL);
	snprintf(word, sizeof(word), " %s ", flag);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Size: %llu kB", (unsigned long long *)&kib) == 1)
			size = kib * 1024;
		else if (!strncmp(line, "VmFlags:", 8) && !!strstr(line, word) == with)
			sum += size;
	}
	fclose(f);
	return sum;
}

/* Bytes of a lane at most; a sanitizer leaves less of the address space. */
#ifdef __SANITIZE_THREAD__
#define LARGE	(1ULL << 36)
#else
#define LARGE	(1ULL << 40)
#endif

/* All kinds of objects, and threads' slots. */
static struct memlane *open_and_use(const struct memlane_config *c)
{
	struct memlane *m = open_with(c);
	int i;

	for (i = 0; i < 2000; i++)
		fill(m, must_alloc(m, 1 + i * 31), i);
	return m;
}

static void with_everything(struct memlane_config *c)
{
	c->tracking = true;
	c->max_handles = 100000000;
	c->fast_lane_max = c->slow_lane_max = LARGE;
}

TEST(a_core_dump_has_none_of_it)
{
	uint64_t before = mapped("dd", false), after;
	struct memlane_config c = quiet();
	struct memlane *m;

	with_everything(&c);
	m = open_and_use(&c);
	after = mapped("dd", false);
	printf("# %llu KiB more to dump\n", (unsigned long long)(after - before) / 1024);
#ifndef __SANITIZE_THREAD__	/* whose shadow is dumped */
	expect(after < before + 64 * MIB);
#endif
	expect(mapped("dd", true) > LARGE);
	memlane_close(m);
}
