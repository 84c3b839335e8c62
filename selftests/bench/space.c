// SPDX-License-Identifier: MIT
/* space.c - how fast compaction gives room back */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

/*
 * Time of the calls by which the library gives pages back, and learns how many there
 * are: they come here (see the Makefile). The module has no such calls: there it is 0.
 */
static uint64_t giving_ns;

int __real_madvise(void *at, size_t length, int advice);
int __wrap_madvise(void *at, size_t length, int advice);
void *__real_mmap(void *at, size_t length, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t length, int prot, int flags, int fd, off_t offset);
int __real_mincore(void *at, size_t length, unsigned char *there);
int __wrap_mincore(void *at, size_t length, unsigned char *there);

int __wrap_madvise(void *at, size_t length, int advice)
{
	uint64_t start = now_ns();
	int err = __real_madvise(at, length, advice);

	if (advice == MADV_DONTNEED)
		giving_ns += now_ns() - start;
	return err;
}

void *__wrap_mmap(void *at, size_t length, int prot, int flags, int fd, off_t offset)
{
	uint64_t start = now_ns();
	void *p = __real_mmap(at, length, prot, flags, fd, offset);

	if (flags & MAP_FIXED && prot == PROT_NONE)
		giving_ns += now_ns() - start;
	return p;
}

int __wrap_mincore(void *at, size_t length, unsigned char *there)
{
	uint64_t start = now_ns();
	int err = __real_mincore(at, length, there);

	giving_ns += now_ns() - start;
	return err;
}

/* Does this object of four stay? Asked for one after the other. */
static bool stays(uint64_t *rng)
{
	return !(rng_next(rng) >> 40 & 3);
}

/* MB/s of a plain copy of those that stay of so many bytes, next to each other. */
static double copy_rate(uint64_t size, uint64_t bytes)
{
	char *from = malloc(bytes), *to = malloc(bytes);
	uint64_t rng = 88172645463325252ULL, start, i, done = 0;

	memset(from, 1, bytes);
	memset(to, 2, bytes);
	start = now_ns();
	for (i = 0; i + size <= bytes; i += size) {
		if (!stays(&rng))
			continue;
		memcpy(to + done, from + i, size);
		done += size;
	}
	start = now_ns() - start;
	free(from);
	free(to);
	return done * 1e3 / start;
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
		if (!stays(&rng))
			memlane_free(m, h[i]);
	memlane_thread_flush(m);
}

static void compact_objects(uint64_t size)
{
	uint64_t bytes = 64 * MIB, nr = bytes / size;
	struct memlane *m = open_bench(256 * MIB, 256 * MIB);
	memlane_handle *h = calloc(nr, sizeof(*h));
	struct memlane_step step = { 0 };
	uint64_t giving;
	char name[80];

	fill(m, h, nr, size);
	thin_out(m, h, nr);
	giving_ns = 0;
	if (memlane_compact(m, 0, 0, &step) || !step.out_moved)
		die("no compaction");
	giving = giving_ns;
	memlane_close(m);
	free(h);
	snprintf(name, sizeof(name), "%llu B: copied, against memcpy", (unsigned long long)size);
	row("compaction", name, step.out_moved_bytes * 1e3 / (step.out_ns - giving), "MB/s",
	    copy_rate(size, bytes));
	snprintf(name, sizeof(name), "%llu B: given back", (unsigned long long)size);
	row("compaction", name, step.out_pages_returned * 4096e3 / (giving ? giving : step.out_ns),
	    "MB/s", 0);
}

void bench_compact(void)
{
	compact_objects(64);
	compact_objects(512);
	compact_objects(4096);
	compact_objects(32768);
}
