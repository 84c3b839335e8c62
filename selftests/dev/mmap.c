// SPDX-License-Identifier: MIT
/* mmap.c - what may be mapped, how, and what mappings survive */
#include <linux/mman.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "../arena.h"
#include "../touch.h"

#define LANE (4 * MIB)

static const int region_prot[MEMLANE_REGIONS] = {
	[MEMLANE_REGION_TABLE] = PROT_READ | PROT_WRITE,
	[MEMLANE_REGION_CLASS] = PROT_READ | PROT_WRITE,
	[MEMLANE_REGION_NOTE] = PROT_READ | PROT_WRITE,
	[MEMLANE_REGION_PIN] = PROT_READ | PROT_WRITE,
	[MEMLANE_REGION_SIZE] = PROT_READ | PROT_WRITE,
	[MEMLANE_REGION_SLOTS] = PROT_READ | PROT_WRITE,
	[MEMLANE_REGION_STAT] = PROT_READ,
	[MEMLANE_REGION_DATA] = PROT_READ | PROT_WRITE,
};

/* 0 or the errno of a mapping, which is taken away again. */
static int try_map(const struct arena *a, unsigned long length, int prot, int flags, __u64 offset)
{
	/* The bare call: libc would refuse some offsets itself. */
	long p = syscall(SYS_mmap, NULL, length, prot, flags, a->fd, offset);

	if (p == -1)
		return errno;
	munmap((void *)p, length);
	return 0;
}

TEST(offsets_and_lengths_at_each_edge)
{
	struct arena a = arena_new(LANE, LANE);
	unsigned int r;

	for (r = 0; r < MEMLANE_REGIONS; r++) {
		__u64 start = arena_region(&a, r).offset, n = arena_region(&a, r).length;
		const struct {
			__u64 from;
			__u64 length;
			int want;
		} tries[] = {
			{ start, PAGE, 0 },
			{ start, n, 0 },
			{ start, n + PAGE, EINVAL },
			{ start + n - PAGE, PAGE, 0 },
			{ start + n - PAGE, 2 * PAGE, EINVAL },
			{ start + n, PAGE, EINVAL },
			{ start + n + PAGE, PAGE, EINVAL },
			{ start + PAGE, n - PAGE, n == PAGE ? EINVAL : 0 },
			{ start + PAGE, n, EINVAL },
			{ start - PAGE, 2 * PAGE, start ? EINVAL : EOVERFLOW },
			{ start + (1ULL << 43), PAGE, EINVAL },
		};
		unsigned int i;

		for (i = 0; i < sizeof(tries) / sizeof(*tries); i++)
			if (try_map(&a, tries[i].length, region_prot[r], MAP_SHARED,
				    tries[i].from) != tries[i].want)
				fail("region %u, try %u: errno %d, not %d", r, i, errno,
				     tries[i].want);
	}
	arena_end(&a);
}

TEST(offsets_at_the_end_of_all_numbers)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 page;

	for (page = 1ULL << 44; page < (1ULL << 52) - 1; page = page * 2 + 1) {
		expect_eq(try_map(&a, PAGE, PROT_READ, MAP_SHARED, page << 12), EINVAL);
		expect(try_map(&a, PAGE * 64, PROT_READ, MAP_SHARED, page << 12));
	}
	expect(try_map(&a, PAGE, PROT_READ, MAP_SHARED, UINT64_MAX << 12));
	expect_eq(try_map(&a, 2 * PAGE, PROT_READ, MAP_SHARED, UINT64_MAX << 12), EOVERFLOW);
	expect(try_map(&a, 1UL << 62, PROT_READ, MAP_SHARED, 0));
	expect_eq(try_map(&a, 0, PROT_READ, MAP_SHARED, 0), EINVAL);
	arena_end(&a);
}

TEST(private_mappings_are_refused)
{
	struct arena a = arena_new(LANE, LANE);
	unsigned int r;

	for (r = 0; r < MEMLANE_REGIONS; r++) {
		__u64 at = arena_region(&a, r).offset;

		expect_eq(try_map(&a, PAGE, PROT_READ, MAP_PRIVATE, at), EINVAL);
		expect_eq(try_map(&a, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, at), EINVAL);
		expect_eq(try_map(&a, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, at), EOPNOTSUPP);
	}
	arena_end(&a);
}

TEST(executable_mappings_are_refused)
{
	struct arena a = arena_new(LANE, LANE);
	unsigned int r;

	for (r = 0; r < MEMLANE_REGIONS; r++) {
		__u64 at = arena_region(&a, r).offset;

		expect_eq(try_map(&a, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, at), EACCES);
		expect_eq(mprotect(a.map[r], PAGE, PROT_READ | PROT_EXEC), -1);
		expect_eq(errno, EACCES);
	}
	arena_end(&a);
}

TEST(statistics_stay_read_only)
{
	struct arena a = arena_new(LANE, LANE);
	char *p = a.map[MEMLANE_REGION_STAT];

	expect_eq(try_map(&a, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			  arena_region(&a, MEMLANE_REGION_STAT).offset), EACCES);
	expect_eq(mprotect(p, PAGE, PROT_READ | PROT_WRITE), -1);
	expect_eq(errno, EACCES);
	expect_eq(touch(p, false), 0);
	expect_eq(touch(p, true), SIGSEGV);
	arena_end(&a);
}

/* As a debugger would, which may write where the program itself may not. */
TEST(statistics_stay_read_only_for_debuggers)
{
	struct arena a = arena_new(LANE, LANE);
	int fd = open("/proc/self/mem", O_RDWR);
	__u64 word = ~0ULL, was;
	struct memlane_stat_page *page = (void *)a.map[MEMLANE_REGION_STAT];

	expect(fd >= 0);
	was = page->epoch;
	expect_eq(pwrite(fd, &word, sizeof(word), (off_t)(unsigned long)&page->epoch), -1);
	expect_eq(page->epoch, was);
	expect_eq(pread(fd, &word, sizeof(word), (off_t)(unsigned long)&page->epoch), sizeof(word));
	expect_eq(word, was);
	arena_end(&a);
}

TEST(nothing_is_mapped_before_creation)
{
	struct arena a = { .fd = device_open(O_RDWR) };

	expect_eq(try_map(&a, PAGE, PROT_READ, MAP_SHARED, 0), ENODEV);
	close(a.fd);
	a.fd = device_open(O_WRONLY);
	expect_eq(arena_create(a.fd, LANE, LANE), 0);
	expect_eq(try_map(&a, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0), EACCES);
	close(a.fd);
}

TEST(places_of_nobody_raise_sigbus)
{
	struct arena a = arena_new(LANE, LANE);
	char *data = a.map[MEMLANE_REGION_DATA];
	__u64 n = arena_region(&a, MEMLANE_REGION_DATA).length, at;
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 100 * PAGE);
	char *p = address_of(&a, handle);

	for (at = 0; at < n; at += n / 64 & ~(PAGE - 1))
		if (data + at < p || data + at >= p + 100 * PAGE)
			expect_eq(touch(data + at, at & PAGE), SIGBUS);
	expect_eq(touch(p - 1, false), SIGBUS);
	expect_eq(touch(p + 100 * PAGE, true), SIGBUS);
	for (at = 0; at < 100; at++)
		expect_eq(touch(p + at * PAGE, true), 0);
	expect_eq(free_live(&a, &handle, 1), 0);
	for (at = 0; at < 100; at++)
		expect_eq(touch(p + at * PAGE, at & 1), SIGBUS);
	arena_end(&a);
}

TEST(fresh_pages_are_zero)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, MIB);
	char *p = address_of(&a, handle);
	size_t i;

	for (i = 0; i < MIB; i++)
		expect_eq(p[i], 0);
	expect_eq(query(&a, handle).out_pages, MIB / PAGE);
	arena_end(&a);
}

/* -------------------------------------------- what is done to mappings later */

TEST(a_mapping_cannot_grow_or_be_doubled)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 at = arena_region(&a, MEMLANE_REGION_DATA).offset + 64 * PAGE;
	char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, a.fd, at);

	expect(p != MAP_FAILED);
	expect(mremap(p, 16 * PAGE, 32 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	expect(mremap(p, 0, 16 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	expect(mremap(p, 16 * PAGE, 16 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP) == MAP_FAILED);
	expect_eq(munmap(p, 16 * PAGE), 0);
	arena_end(&a);
}

TEST(a_moved_mapping_follows)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, 64 * PAGE);
	__u64 length = arena_region(&a, MEMLANE_REGION_DATA).length;
	char *was = a.map[MEMLANE_REGION_DATA], *target, *p;

	memset(address_of(&a, handle), 0x5a, 64 * PAGE);
	target = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	expect(target != MAP_FAILED);
	a.map[MEMLANE_REGION_DATA] = mremap(was, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, target);
	expect(a.map[MEMLANE_REGION_DATA] == target);
	p = address_of(&a, handle);
	expect_eq(p[0], 0x5a);
	expect_eq(p[64 * PAGE - 1], 0x5a);
	expect_eq(migrate_one(&a, handle, MEMLANE_FAST), 0);
	expect_eq(touch(p, false), SIGBUS);
	p = address_of(&a, handle);
	expect_eq(p[64 * PAGE - 1], 0x5a);
	arena_end(&a);
}

TEST(a_hole_in_a_mapping_harms_nobody)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, 64 * PAGE);
	char *p = address_of(&a, handle), *again;

	memset(p, 0x33, 64 * PAGE);
	expect_eq(munmap(p + 16 * PAGE, 16 * PAGE), 0);
	expect_eq(touch(p + 16 * PAGE, false), SIGSEGV);
	expect_eq(p[15 * PAGE], 0x33);
	expect_eq(p[32 * PAGE], 0x33);
	again = mmap(p + 16 * PAGE, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, a.fd,
		     arena_region(&a, MEMLANE_REGION_DATA).offset +
		     (p + 16 * PAGE - a.map[MEMLANE_REGION_DATA]));
	expect(again == p + 16 * PAGE);
	expect_eq(p[20 * PAGE], 0x33);
	expect_eq(migrate_one(&a, handle, MEMLANE_FAST), 0);
	expect_eq(touch(p + 20 * PAGE, false), SIGBUS);
	expect_eq(address_of(&a, handle)[20 * PAGE], 0x33);
	arena_end(&a);
}

TEST(two_mappings_show_the_same)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 10 * PAGE);
	char *second = arena_mmap(&a, MEMLANE_REGION_DATA, PROT_READ | PROT_WRITE);
	size_t off = address_of(&a, handle) - a.map[MEMLANE_REGION_DATA];

	expect(second != MAP_FAILED);
	second[off] = 7;
	expect_eq(*address_of(&a, handle), 7);
	expect_eq(migrate_one(&a, handle, MEMLANE_SLOW), 0);
	expect_eq(touch(second + off, false), SIGBUS);
	off = address_of(&a, handle) - a.map[MEMLANE_REGION_DATA];
	expect_eq(second[off], 7);
	arena_end(&a);
}

static int in_child(void (*fn)(struct arena *a, __u64 handle), struct arena *a, __u64 handle)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		fn(a, handle);
		_exit(0);
	}
	expect(pid > 0);
	expect_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void child_finds_nothing(struct arena *a, __u64 handle)
{
	unsigned int r;

	(void)handle;
	for (r = 0; r < MEMLANE_REGIONS; r++)
		expect_eq(touch(a->map[r], false), SIGSEGV);
}

TEST(children_do_not_inherit_mappings)
{
	struct arena a = arena_new(LANE, LANE);

	expect_eq(in_child(child_finds_nothing, &a, alloc_one(&a, MEMLANE_FAST, 100)), 0);
	arena_end(&a);
}

static void child_writes(struct arena *a, __u64 handle)
{
	expect_eq(address_of(a, handle)[5 * PAGE], 0x11);
	address_of(a, handle)[6 * PAGE] = 0x22;
}

static void child_sees_the_move(struct arena *a, __u64 handle)
{
	char *was = address_of(a, handle);

	expect_eq(was[5 * PAGE], 0x11);
	expect_eq(migrate_one(a, handle, MEMLANE_SLOW), 0);
	expect_eq(touch(was, false), SIGBUS);
	expect_eq(address_of(a, handle)[5 * PAGE], 0x11);
}

/* MADV_DOFORK takes VM_DONTCOPY away: then parent and child share one arena. */
TEST(children_share_when_asked)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 64 * PAGE);
	char *was = address_of(&a, handle);
	unsigned int r;

	for (r = 0; r < MEMLANE_REGIONS; r++)
		if (madvise(a.map[r], arena_region(&a, r).length, MADV_DOFORK))
			skip("this kernel has no MADV_DOFORK for such mappings");
	memset(was, 0x11, 64 * PAGE);
	expect_eq(in_child(child_writes, &a, handle), 0);
	expect_eq(was[6 * PAGE], 0x22);
	expect_eq(in_child(child_sees_the_move, &a, handle), 0);
	/* Moved by the child, gone here too. */
	expect_eq(touch(was, false), SIGBUS);
	expect_eq(address_of(&a, handle)[6 * PAGE], 0x22);
	expect_sound(&a);
	arena_end(&a);
}

TEST(advice_loses_no_bytes)
{
	static const int advice[] = { MADV_DONTNEED, MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED,
				      MADV_FREE, MADV_REMOVE, MADV_HUGEPAGE, MADV_MERGEABLE,
				      MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_DONTDUMP };
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, 32 * PAGE);
	char *p = address_of(&a, handle);
	unsigned int i, j;

	memset(p, 0x77, 32 * PAGE);
	for (i = 0; i < sizeof(advice) / sizeof(*advice); i++) {
		madvise(p, 32 * PAGE, advice[i]);
		for (j = 0; j < 32; j++)
			expect_eq(p[j * PAGE + j], 0x77);
	}
	expect_eq(mlock(p, 32 * PAGE), 0);
	expect_eq(migrate_one(&a, handle, MEMLANE_FAST), 0);
	expect_eq(address_of(&a, handle)[31 * PAGE], 0x77);
	arena_end(&a);
}

/* Page-backed, so that others may read and write here as in any memory. */
TEST(other_processes_can_read_through_the_kernel)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, 3 * PAGE);
	struct iovec there = { address_of(&a, handle), 3 * PAGE };
	static char copy[3 * PAGE];
	struct iovec here = { copy, sizeof(copy) };
	pid_t pid;
	int status;

	memset(there.iov_base, 0x44, 3 * PAGE);
	pid = fork();
	if (!pid) {
		if (process_vm_readv(getppid(), &here, 1, &there, 1, 0) != (ssize_t)sizeof(copy))
			_exit(errno == EPERM ? HARNESS_SKIP : 1);
		_exit(copy[0] == 0x44 && copy[3 * PAGE - 1] == 0x44 ? 0 : 1);
	}
	expect_eq(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == HARNESS_SKIP)
		skip("reading other processes is not allowed here");
	expect_eq(status, 0);
	arena_end(&a);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
