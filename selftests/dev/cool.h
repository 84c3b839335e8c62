/* SPDX-License-Identifier: MIT */
/* cool.h - putting objects away by hand, and bytes that are known again, for tests */
#ifndef COOL_H
#define COOL_H

#include <sys/uio.h>

#include "../arena.h"

static struct memlane_cool cool_req(__u64 *handles, __u32 count)
{
	return (struct memlane_cool) {
		.size = sizeof(struct memlane_cool), .count = count,
		.handles = (unsigned long)handles,
	};
}

/* Pages that went; every object could. */
__attribute__((unused))
static __u64 cool_flags(const struct arena *a, __u64 *handles, __u32 count, __u32 flags)
{
	struct memlane_cool req = cool_req(handles, count);

	req.flags = flags;
	expect_eq(call(a->fd, MEMLANE_IOCTL_COOL, &req), 0);
	expect_eq(req.out_count, count);
	expect_eq(req.out_failed, 0);
	return req.out_pages;
}

__attribute__((unused))
static __u64 cool(const struct arena *a, __u64 *handles, __u32 count)
{
	return cool_flags(a, handles, count, 0);
}

__attribute__((unused))
static __u64 warm(const struct arena *a, __u64 *handles, __u32 count)
{
	struct memlane_cool req = cool_req(handles, count);

	expect_eq(call(a->fd, MEMLANE_IOCTL_WARM, &req), 0);
	expect_eq(req.out_failed, 0);
	return req.out_pages;
}

/* Becomes a good deal smaller, and no two pages are alike. */
__attribute__((unused))
static void write_text(char *to, unsigned long bytes, unsigned int seed)
{
	unsigned long i;

	for (i = 0; i + 32 <= bytes; i += 32)
		snprintf(to + i, 32, "object %08x line %08lx .", seed, i);
}

__attribute__((unused))
static void expect_text(const char *at, unsigned long bytes, unsigned int seed)
{
	char line[32];
	unsigned long i;

	for (i = 0; i + 32 <= bytes; i += 32) {
		memset(line, 0, sizeof(line));
		snprintf(line, 32, "object %08x line %08lx .", seed, i);
		if (strcmp(line, at + i))
			fail("object %x, byte %lu: '%.31s'", seed, i, at + i);
	}
}

/* Of any seed, 0 as well. */
__attribute__((unused))
static unsigned long long noise_of(unsigned long long seed)
{
	return seed + (1ULL << 40);
}

/* Becomes no smaller. */
__attribute__((unused))
static void write_noise(char *to, unsigned long bytes, unsigned long long seed)
{
	unsigned long i;

	seed = noise_of(seed);
	for (i = 0; i < bytes; i += 8)
		*(unsigned long long *)(to + i) = rng_next(&seed);
}

__attribute__((unused))
static void expect_noise(const char *at, unsigned long bytes, unsigned long long seed)
{
	unsigned long i;

	seed = noise_of(seed);
	for (i = 0; i < bytes; i += 8)
		expect_eq(*(const unsigned long long *)(at + i), rng_next(&seed));
}

/* Noise of 64 letters: nothing in it comes twice, but a quarter of each byte is known. */
static unsigned long long letters_of(unsigned long long noise)
{
	return (noise & 0x3f3f3f3f3f3f3f3fULL) | 0x4040404040404040ULL;
}

__attribute__((unused))
static void write_letters(char *to, unsigned long bytes, unsigned long long seed)
{
	unsigned long i;

	write_noise(to, bytes, seed);
	for (i = 0; i < bytes; i += 8)
		*(unsigned long long *)(to + i) = letters_of(*(unsigned long long *)(to + i));
}

__attribute__((unused))
static void expect_letters(const char *at, unsigned long bytes, unsigned long long seed)
{
	unsigned long i;

	seed = noise_of(seed);
	for (i = 0; i < bytes; i += 8)
		expect_eq(*(const unsigned long long *)(at + i), letters_of(rng_next(&seed)));
}

/* By a pipe, which holds the pages themselves. */
__attribute__((unused))
static void splice_out(char *from, char *to, unsigned long bytes)
{
	struct iovec v = { from, bytes };
	int fds[2];

	expect_eq(pipe(fds), 0);
	expect_eq(vmsplice(fds[1], &v, 1, 0), bytes);
	expect_eq(read(fds[0], to, bytes), bytes);
	close(fds[0]);
	close(fds[1]);
}

__attribute__((unused))
static void set(const struct arena *a, __u32 option, __u64 value)
{
	struct memlane_set req = { .size = sizeof(req), .option = option, .value = value };

	expect_eq(call(a->fd, MEMLANE_IOCTL_SET, &req), 0);
}

/* Each cycle is a period, and what is large belongs into the SlowLane. */
__attribute__((unused))
static void cycles(const struct arena *a, unsigned int nr)
{
	struct memlane_maintain req = { .size = sizeof(req) };

	set(a, MEMLANE_OPT_AGE_INTERVAL, 0);
	set(a, MEMLANE_OPT_THRESHOLD, PAGE);
	while (nr--)
		expect_eq(call(a->fd, MEMLANE_IOCTL_MAINTAIN, &req), 0);
}

/* Faults that met this, as the mapped page tells: by the buckets of the histogram. */
__attribute__((unused))
static __u64 faults_that_met(const struct arena *a, unsigned int met)
{
	const struct memlane_fault_times *t = (const void *)(a->map[MEMLANE_REGION_STAT] + MEMLANE_FAULTS_OFFSET);
	__u64 sum = 0;
	unsigned int i;

	for (i = 0; i < MEMLANE_FAULT_BUCKETS; i++)
		sum += __atomic_load_n(&t[met].bucket[i], __ATOMIC_RELAXED);
	expect_eq(!sum, !__atomic_load_n(&t[met].ns, __ATOMIC_RELAXED));
	return sum;
}

__attribute__((unused))
static __u64 all_faults(const struct arena *a)
{
	unsigned int met;
	__u64 sum = 0;

	for (met = 0; met < MEMLANE_FAULTS; met++)
		sum += faults_that_met(a, met);
	return sum;
}

#define BLOCKS 400
#define BLOCK 1000

__attribute__((unused))
static void text_blocks(const struct arena *a, __u64 *h, unsigned int nr)
{
	unsigned int i;

	expect_eq(alloc_live(a, MEMLANE_SLOW, BLOCK, nr, h), nr);
	for (i = 0; i < nr; i++)
		write_text(address_of(a, h[i]), BLOCK, i);
}

#endif /* COOL_H */
