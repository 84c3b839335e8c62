// SPDX-License-Identifier: MIT
/*
 * kept.c - pages that nobody uses stay for a while: who may have them, and when they go
 *
 * Faults and pages are counted; an hour is longer than any test.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include "cool.h"

#define HOUR	3600000000000ULL
#define SIZE	(256UL << 10)
#define PAGES	(SIZE / PAGE)
#define NR	16

static struct arena arena_keeping(__u64 ns)
{
	struct arena a = arena_new(32 * MIB, 32 * MIB);

	option_set(&a, MEMLANE_OPT_DECAY, ns);
	return a;
}

static __u64 resident(const struct arena *a)
{
	struct memlane_counts c = counts(a);

	return c.lane[MEMLANE_FAST].resident + c.lane[MEMLANE_SLOW].resident;
}

static char *written(const struct arena *a, __u64 *handle, __u64 length, int byte)
{
	char *p;

	*handle = alloc_one(a, MEMLANE_SLOW, length);
	p = address_of(a, *handle);
	memset(p, byte, length);
	return p;
}

/* Objects made, written and freed. */
static void pass(const struct arena *a, unsigned int nr)
{
	__u64 handle[NR];
	unsigned int i;

	for (i = 0; i < nr; i++)
		written(a, &handle[i], SIZE, i + 1);
	expect_eq(free_live(a, handle, nr), 0);
}

static long faults(void)
{
	struct rusage u;

	expect_eq(getrusage(RUSAGE_SELF, &u), 0);
	return u.ru_minflt;
}

TEST(they_are_used_again_without_a_fault)
{
	struct arena a = arena_keeping(HOUR);
	struct memlane_counts was;
	long before;
	int i;

	pass(&a, NR);
	expect_eq(resident(&a), NR * SIZE);
	expect_eq(counts(&a).lane[MEMLANE_SLOW].used, 0);
	was = counts(&a);
	before = faults();
	for (i = 0; i < 20; i++)
		pass(&a, NR);
	expect(faults() - before <= 4);	/* of the program's own pages */
	expect_eq(counts(&a).faults, was.faults);
	expect_eq(counts(&a).pages_returned, 0);
	expect_eq(resident(&a), NR * SIZE);
	expect_sound(&a);
	arena_end(&a);
}

TEST(nothing_is_kept_unless_asked_for)
{
	struct arena a = arena_new(32 * MIB, 32 * MIB);

	pass(&a, NR);
	expect_eq(resident(&a), 0);
	option_set(&a, MEMLANE_OPT_DECAY, HOUR);
	pass(&a, NR);
	expect_eq(resident(&a), NR * SIZE);
	option_set(&a, MEMLANE_OPT_DECAY, 0);
	expect_eq(resident(&a), 0);
	arena_end(&a);
}

/* No cycles, no calls: a worker. */
TEST(they_go_by_themselves)
{
	struct arena a = arena_keeping(20000000);
	int tries;

	pass(&a, NR);
	for (tries = 0; tries < 2000 && resident(&a); tries++)
		usleep(10000);
	expect_eq(resident(&a), 0);
	expect_eq(counts(&a).cycles, 0);
	expect_eq(counts(&a).pages_returned, NR * PAGES);
	arena_end(&a);
}

TEST(compaction_takes_them)
{
	struct arena a = arena_keeping(HOUR);

	pass(&a, NR);
	expect_eq(compact(&a).out_pages_returned, NR * PAGES);
	expect_eq(resident(&a), 0);
	arena_end(&a);
}

/* Nobody waits, and there is no interval. */
TEST(a_shortage_takes_them)
{
	struct arena a = arena_keeping(HOUR);
	__u64 handle;
	char *p;
	int i;

	p = written(&a, &handle, SIZE, 7);
	pass(&a, NR);
	for (i = 0; i < 50 && resident(&a) > SIZE; i++)
		drop_slab();
	expect_eq(resident(&a), SIZE);
	expect_eq(p[SIZE - 1], 7);
	expect_eq(counts(&a).cycles, 0);
	expect_sound(&a);
	arena_end(&a);
}

/* Of a large object that was touched here and there alone, nothing stays. */
TEST(large_ones)
{
	struct arena a = arena_keeping(HOUR);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, 16 * MIB);
	char *p = address_of(&a, handle);

	p[0] = p[10 * MIB] = 1;
	expect_eq(free_live(&a, &handle, 1), 0);
	expect_eq(resident(&a), 0);
	written(&a, &handle, 16 * MIB, 1);
	expect_eq(free_live(&a, &handle, 1), 0);
	expect_eq(resident(&a), 16 * MIB);
	pass(&a, NR);
	expect_eq(resident(&a), 16 * MIB);
	expect_sound(&a);
	compact(&a);
	expect_eq(resident(&a), 0);
	expect_sound(&a);
	arena_end(&a);
}

/* A fault finds a page that nobody has an object on. Then one has. */
TEST(another_mapping_may_look)
{
	struct arena a = arena_keeping(HOUR);
	char *again = arena_mmap(&a, MEMLANE_REGION_DATA, PROT_READ | PROT_WRITE), *p;
	__u64 handle;
	unsigned int i;

	expect(again != MAP_FAILED);
	p = written(&a, &handle, SIZE, 3);
	again += p - a.map[MEMLANE_REGION_DATA];
	expect_eq(free_live(&a, &handle, 1), 0);
	for (i = 0; i < PAGES / 2; i++)
		expect_eq(again[i * PAGE], 3);
	expect_eq(written(&a, &handle, SIZE, 4) - p, 0);
	for (i = 0; i < PAGES; i++)
		expect_eq(again[i * PAGE], 4);
	expect_sound(&a);
	arena_end(&a);
}

/* What a pipe holds stays as it was, whatever the next object writes. */
TEST(a_page_that_is_held_is_not_kept)
{
	struct arena a = arena_keeping(HOUR);
	char *p, was[PAGE];
	struct iovec v;
	__u64 handle;
	int fds[2];

	expect_eq(pipe(fds), 0);
	p = written(&a, &handle, SIZE, 5);
	v = (struct iovec){ p + 3 * PAGE, PAGE };
	expect_eq(vmsplice(fds[1], &v, 1, 0), PAGE);
	expect_eq(free_live(&a, &handle, 1), 0);
	expect_eq(resident(&a), 0);
	expect_eq(written(&a, &handle, SIZE, 6) - p, 0);
	expect_eq(read(fds[0], was, PAGE), PAGE);
	expect_eq(was[0], 5);
	expect_eq(was[PAGE - 1], 5);
	arena_end(&a);
}

/* What is away is nobody's, and not brought back for the next one. */
TEST(compressed_bytes_are_not_kept)
{
	struct arena a = arena_keeping(HOUR);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, SIZE);
	char *p = address_of(&a, handle);
	unsigned int i;

	write_text(p, SIZE, 1);
	expect_eq(cool(&a, &handle, 1), PAGES);
	p[0] = 'x';
	expect_eq(counts(&a).compressed, PAGES - 1);
	expect_eq(free_live(&a, &handle, 1), 0);
	expect_eq(counts(&a).compressed, 0);
	expect_eq(resident(&a), PAGE);
	handle = alloc_one(&a, MEMLANE_SLOW, SIZE);
	expect_eq(address_of(&a, handle) - p, 0);
	expect_eq(p[0], 'x');
	for (i = 1; i < PAGES; i++)
		expect_eq(p[i * PAGE], 0);
	expect_eq(cool(&a, &handle, 1), PAGES);
	expect_sound(&a);
	arena_end(&a);
}

/* What reads as zeros on request does, and takes none of these. */
TEST(fresh_pages_are_others)
{
	struct arena a = arena_keeping(HOUR);
	__u64 handle = 0;
	struct memlane_alloc req = {
		.size = sizeof(req), .length = SIZE, .lane = MEMLANE_SLOW, .count = 1,
		.flags = MEMLANE_ALLOC_LIVE | MEMLANE_ALLOC_FRESH, .handles = (unsigned long)&handle,
	};
	const char *p;
	unsigned long i;

	pass(&a, NR);
	expect_eq(call(a.fd, MEMLANE_IOCTL_ALLOC, &req), 0);
	p = address_of(&a, handle);
	for (i = 0; i < SIZE; i++)
		expect_eq(p[i], 0);
	expect_sound(&a);
	arena_end(&a);
}

/* A move hands pages over to a place whose own are kept; its bytes are those that came. */
TEST(objects_move_there)
{
	struct arena a = arena_keeping(HOUR);
	__u64 handle;

	written(&a, &handle, SIZE, 9);
	expect_eq(migrate_one(&a, handle, MEMLANE_FAST), 0);
	pass(&a, NR);
	expect_eq(migrate_one(&a, handle, MEMLANE_SLOW), 0);
	expect_eq(address_of(&a, handle)[0], 9);
	expect_eq(address_of(&a, handle)[SIZE - 1], 9);
	expect_sound(&a);
	arena_end(&a);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
