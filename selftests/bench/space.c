// SPDX-License-Identifier: MIT
/* space.c - how fast compaction gives room back */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* MB/s of a plain copy of as many bytes, in pieces of @size. */
static double copy_rate(uint64_t size, uint64_t bytes)
{
	char *from = malloc(bytes), *to = malloc(bytes);
	uint64_t start, i;

	memset(from, 1, bytes);
	memset(to, 2, bytes);
	start = now_ns();
	for (i = 0; i + size <= bytes; i += size)
		memcpy(to + i, from + bytes - i - size, size);
	start = now_ns() - start;
	free(from);
	free(to);
	return bytes * 1e3 / start;
}

static void fill(struct memlane *m, memlane_handle *h, uint64_t nr, uint64_t size)
{
	uint64_t i;

	for (i = 0; i < nr; i++) {
		h[i] = must_alloc(m, size);
		memlane_enter(m);
		memset(memlane_get(m, h[i]), 1, size);
		memlane_exit(m);
	}
}

/* One object in four stays, at random. */
static void thin_out(struct memlane *m, const memlane_handle *h, uint64_t nr)
{
	uint64_t rng = 88172645463325252ULL, i;

	for (i = 0; i < nr; i++)
		if (rng_next(&rng) >> 40 & 3)
			memlane_free(m, h[i]);
	memlane_thread_flush(m);
}

static void compact_objects(uint64_t size)
{
	uint64_t bytes = 64 * MIB, nr = bytes / size;
	struct memlane *m = open_bench(256 * MIB, 256 * MIB);
	memlane_handle *h = calloc(nr, sizeof(*h));
	struct memlane_step step = { 0 };
	char name[80];

	fill(m, h, nr, size);
	thin_out(m, h, nr);
	if (memlane_compact(m, 0, 0, &step) || !step.out_moved)
		die("no compaction");
	memlane_close(m);
	free(h);
	snprintf(name, sizeof(name), "%llu B: copied, against memcpy", (unsigned long long)size);
	row("compaction", name, step.out_moved_bytes * 1e3 / step.out_ns, "MB/s",
	    copy_rate(size, bytes));
	snprintf(name, sizeof(name), "%llu B: given back", (unsigned long long)size);
	row("compaction", name, step.out_pages_returned * 4096e3 / step.out_ns, "MB/s", 0);
}

void bench_compact(void)
{
	compact_objects(64);
	compact_objects(512);
	compact_objects(4096);
	compact_objects(32768);
}
