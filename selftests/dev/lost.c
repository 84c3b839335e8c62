// SPDX-License-Identifier: MIT
/* lost.c - memory that has failed: what lies there stays, and nothing comes there */
#include <poll.h>

#include "../arena.h"
#include "../touch.h"

static __u64 word_of(const char *file, __u64 nr)
{
	int fd = open(file, O_RDONLY);
	__u64 word = 0;

	if (fd < 0 || pread(fd, &word, sizeof(word), nr * sizeof(word)) != sizeof(word))
		word = 0;
	close(fd);
	return word;
}

/*
 * Tell the kernel that a page's memory has failed. It is of no kind that could be
 * replaced; later kernels then say so and forget it. See pagemap.rst.
 */
static bool break_page(char *p)
{
	__u64 pfn = word_of("/proc/self/pagemap", (unsigned long)p / 4096) & ((1ULL << 55) - 1);

	madvise(p, 4096, MADV_HWPOISON);
	return pfn && word_of("/proc/kpageflags", pfn) >> 19 & 1;
}

/* What is on it stays, and is told of once. */
TEST(a_page_that_the_hardware_lost)
{
	struct arena a = arena_new(MIB, 4 * MIB);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, 64 * 1024);
	char *p = address_of(&a, handle);
	struct pollfd p_in = { .fd = a.fd, .events = POLLIN };
	struct memlane_event ev;
	int i;

	memset(p, 7, 64 * 1024);
	if (!break_page(p + 4 * 4096))
		skip("this kernel cannot be told that a page of ours has failed");
	for (i = 0; i < 3; i++)
		expect_eq(migrate_one(&a, handle, MEMLANE_FAST), -EBUSY);
	expect_eq(read(a.fd, &ev, sizeof(ev)), sizeof(ev));
	expect_eq(ev.type, MEMLANE_EVENT_LOST);
	expect_eq(ev.value, handle);
	expect_eq(ev.lane, MEMLANE_SLOW);
	expect_eq(poll(&p_in, 1, 0), 0);
	expect_eq(counts(&a).lost, 1);
	expect_eq(counts(&a).held, 3);
	expect_eq(p[0], 7);
	expect_eq(p[64 * 1024 - 1], 7);
	compact(&a);
	expect_eq(address_of(&a, handle) - p, 0);
	expect_eq(free_live(&a, &handle, 1), 0);
	expect_sound(&a);
	arena_end(&a);
}

TEST(nothing_is_moved_to_a_page_that_was_lost)
{
	struct arena a = arena_new(MIB, MIB);
	__u64 there = alloc_one(&a, MEMLANE_SLOW, 100), handle = alloc_one(&a, MEMLANE_FAST, 100);

	memset(address_of(&a, there), 1, 100);
	memset(address_of(&a, handle), 2, 100);
	if (!break_page((char *)((unsigned long)address_of(&a, there) & ~4095UL)))
		skip("this kernel cannot be told that a page of ours has failed");
	expect_eq(migrate_one(&a, handle, MEMLANE_SLOW), -EBUSY);
	expect_eq(query(&a, handle).out_lane, MEMLANE_FAST);
	expect_eq(address_of(&a, handle)[99], 2);
	expect_sound(&a);
	arena_end(&a);
}

/* Nor may anybody come across it by chance: its neighbours are there, it is not. */
TEST(a_page_that_was_lost_is_not_mapped_again)
{
	struct arena a = arena_new(MIB, MIB);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, 64 * 1024);
	char *p = address_of(&a, handle), *again;

	memset(p, 3, 64 * 1024);
	if (!break_page(p + 5 * 4096))
		skip("this kernel cannot be told that a page of ours has failed");
	again = arena_mmap(&a, MEMLANE_REGION_DATA, PROT_READ | PROT_WRITE);
	expect(again != MAP_FAILED);
	again += p - a.map[MEMLANE_REGION_DATA];
	expect_eq(touch(again + 4 * 4096, false), 0);
	expect_eq(touch(again + 6 * 4096, false), 0);
	expect_eq(touch(again + 5 * 4096, false), SIGBUS);
	expect_eq(again[6 * 4096 + 1], 3);
	arena_end(&a);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
