// SPDX-License-Identifier: MIT
/*
 * cold.c - objects that were put away by hand: what they take, and what a touch finds
 *
 * Whatever way a page is touched, put away and come back, its bytes are those that were
 * written last.
 */
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "cool.h"

#define ROOT	"/sys/fs/cgroup"
#define BLOB	(64 * PAGE)

/* ------------------------------------------------------------- by hand */

/* Why an object stays. */
static int refused(const struct arena *a, __u64 handle)
{
	struct memlane_cool req = cool_req(&handle, 1);

	expect_eq(call(a->fd, MEMLANE_IOCTL_COOL, &req), 0);
	expect_eq(req.out_failed, 1);
	expect_eq(req.out_pages, 0);
	return req.out_error;
}

static struct arena arena_cold(void)
{
	struct arena a = arena_new(8 * MIB, 32 * MIB);

	if (!(a.info.out_capabilities & MEMLANE_CAP_COLD))
		skip("this module puts nothing away");
	return a;
}

static __u64 text_blob(const struct arena *a, unsigned int seed)
{
	__u64 h = alloc_one(a, MEMLANE_SLOW, BLOB);

	write_text(address_of(a, h), BLOB, seed);
	return h;
}

static __u64 cold_blob(const struct arena *a, unsigned int seed)
{
	__u64 h = text_blob(a, seed);

	expect_eq(cool(a, &h, 1), BLOB / PAGE);
	expect_eq(query(a, h).out_compressed, BLOB / PAGE);
	return h;
}

/* ------------------------------------------------------------- tests */

TEST(a_touch_brings_it_back)
{
	struct arena a = arena_cold();
	__u64 h = cold_blob(&a, 1);
	struct memlane_counts c = counts(&a);

	expect_eq(c.away, BLOB / PAGE);
	expect_eq(c.compressed, BLOB / PAGE);
	expect(c.compressed_bytes && c.compressed_bytes < BLOB / 2);
	expect_eq(c.lane[MEMLANE_SLOW].resident, 0);
	expect_eq(debugfs_number("pages"), 0);
	expect_text(address_of(&a, h), BLOB, 1);
	c = counts(&a);
	expect_eq(c.away, 0);
	expect_eq(c.compressed, 0);
	expect_eq(c.cooled, BLOB / PAGE);
	expect_eq(c.warmed, BLOB / PAGE);
	expect_eq(c.lane[MEMLANE_SLOW].resident, BLOB);
	expect_sound(&a);
	arena_end(&a);
}

/* From the last page to the first: an order in which nothing comes along. */
static void touch_backwards(const struct arena *a, __u64 h)
{
	unsigned int i;

	for (i = BLOB / PAGE; i--;)
		expect_eq(*(volatile char *)(address_of(a, h) + i * PAGE), 'o');
}

/* A page, then two, four, up to sixteen by a fault: all but the last of them take none. */
TEST(in_order_neighbours_come_along)
{
	struct arena a = arena_cold();
	__u64 h = cold_blob(&a, 30), other = cold_blob(&a, 31), before = all_faults(&a);
	struct memlane_counts c;

	expect_text(address_of(&a, h), BLOB, 30);
	c = counts(&a);
	expect(c.refaults >= 8 && c.refaults <= 12);	/* 12: it begins in one chunk and ends in another */
	expect_eq(c.refaults + c.ahead, BLOB / PAGE);
	expect_eq(c.ahead_hits, c.ahead);
	expect_eq(c.warmed, BLOB / PAGE);
	expect_eq(faults_that_met(&a, MEMLANE_FAULT_COMPRESSED), c.refaults);
	expect(all_faults(&a) - before <= 2 * c.refaults);
	printf("# %lu pages by %llu faults, of these %llu that brought some\n", BLOB / PAGE,
	       (unsigned long long)(all_faults(&a) - before), (unsigned long long)c.refaults);
	/* Those of another object are not meant. */
	expect_eq(query(&a, other).out_compressed, BLOB / PAGE);
	expect_sound(&a);
	arena_end(&a);
}

/* Each page comes when it is touched, and no other. */
TEST(in_no_order_nothing_else_comes)
{
	struct arena a = arena_cold();
	__u64 h = cold_blob(&a, 32), before = all_faults(&a);
	unsigned int i;

	touch_backwards(&a, h);
	expect_eq(all_faults(&a) - before, BLOB / PAGE);
	expect_eq(counts(&a).refaults, BLOB / PAGE);
	expect_eq(cool(&a, &h, 1), BLOB / PAGE);
	for (i = 0; i < BLOB / PAGE; i += 3)
		expect_eq(address_of(&a, h)[i * PAGE], 'o');
	expect_eq(counts(&a).ahead, 0);
	expect_eq(query(&a, h).out_compressed, BLOB / PAGE - (BLOB / PAGE + 2) / 3);
	arena_end(&a);
}

/* What came and was of no use is no hit; and after a wrong guess the next is smaller. */
TEST(what_came_along_in_vain)
{
	struct arena a = arena_cold();
	__u64 h = cold_blob(&a, 33);
	unsigned int i;

	for (i = 0; i < 10; i++)	/* 0, 1 2, 3 .. 6, 7 .. 14 */
		expect_eq(address_of(&a, h)[i * PAGE], 'o');
	expect_eq(counts(&a).ahead, 1 + 3 + 7);
	expect_eq(counts(&a).ahead_hits, 1 + 3);
	expect_eq(query(&a, h).out_resident, 15);
	expect_eq(address_of(&a, h)[40 * PAGE], 'o');
	expect_eq(address_of(&a, h)[41 * PAGE], 'o');	/* and 42 */
	expect_eq(counts(&a).ahead, 1 + 3 + 7 + 1);
	expect_eq(cool(&a, &h, 1), 15 + 3);
	touch_backwards(&a, h);
	expect_eq(counts(&a).ahead_hits, 1 + 3);
	expect_text(address_of(&a, h), BLOB, 33);
	arena_end(&a);
}

/* Of those behind, what is in memory comes, whatever is among them; what is new is not made. */
TEST(what_is_among_them)
{
	struct arena a = arena_cold();
	__u64 h = text_blob(&a, 34);
	char *at = address_of(&a, h);
	unsigned int i;

	memset(at + 4 * PAGE, 0, PAGE);
	memset(at + 5 * PAGE, 0x5a, PAGE);
	expect_eq(cool(&a, &h, 1), BLOB / PAGE);
	write_text(at + 9 * PAGE, PAGE, 35);
	for (i = 0; i < 4; i++)		/* 0, 1 2, 3 .. 6 */
		expect_eq(at[i * PAGE], 'o');
	expect_eq(query(&a, h).out_resident, 7);	/* 0 .. 3, 5, 6; 9 */
	expect_eq(at[5 * PAGE], 0x5a);
	for (i = 0; i < PAGE; i++)
		expect_eq(at[4 * PAGE + i], 0);
	expect_text(at + 9 * PAGE, PAGE, 35);
	expect_eq(at[6 * PAGE], 'o');
	expect_eq(counts(&a).ahead_hits, counts(&a).ahead);
	arena_end(&a);
}

/* Written, put away, written in part, put away: what was written last counts. */
TEST(again_and_again)
{
	struct arena a = arena_cold();
	__u64 h = text_blob(&a, 0);
	unsigned int i;

	expect_eq(cool(&a, &h, 1), BLOB / PAGE);
	for (i = 1; i < 20; i++) {
		write_text(address_of(&a, h) + i * PAGE, PAGE, i);
		expect_text(address_of(&a, h) + i * PAGE, PAGE, i);
		expect_text(address_of(&a, h), PAGE, 0);
		expect_eq(cool(&a, &h, 1), 2);
		expect_eq(query(&a, h).out_compressed, BLOB / PAGE);
	}
	for (i = 1; i < 20; i++)
		expect_text(address_of(&a, h) + i * PAGE, PAGE, i);
	arena_end(&a);
}

TEST(warm_brings_all_back)
{
	struct arena a = arena_cold();
	__u64 h = cold_blob(&a, 3);
	__u64 faults;

	expect_eq(warm(&a, &h, 1), BLOB / PAGE);
	expect_eq(query(&a, h).out_resident, BLOB / PAGE);
	expect_eq(warm(&a, &h, 1), 0);
	faults = counts(&a).warmed;
	expect_text(address_of(&a, h), BLOB, 3);
	expect_eq(counts(&a).warmed, faults);
	arena_end(&a);
}

static void through_the_kernel(const struct arena *a, __u64 h, unsigned int seed)
{
	static char copy[BLOB] __attribute__((aligned(PAGE)));
	struct iovec to = { copy, BLOB }, from = { address_of(a, h), BLOB };
	int fd;

	expect_eq(process_vm_readv(getpid(), &to, 1, &from, 1, 0), BLOB);
	expect_text(copy, BLOB, seed);
	expect_eq(cool(a, &h, 1), BLOB / PAGE);
	memset(copy, 0, BLOB);
	fd = open("/proc/self/mem", O_RDONLY);
	expect_eq(pread(fd, copy, BLOB, (unsigned long)address_of(a, h)), BLOB);
	close(fd);
	expect_text(copy, BLOB, seed);
	expect_eq(cool(a, &h, 1), BLOB / PAGE);
	splice_out(address_of(a, h), copy, 16 * PAGE);
	expect_text(copy, 16 * PAGE, seed);
	expect_eq(cool(a, &h, 1), 31);	/* 15 came along with the last */
}

TEST(other_ways_to_touch_it)
{
	static char copy[BLOB] __attribute__((aligned(PAGE)));
	struct arena a = arena_cold();
	__u64 h = cold_blob(&a, 4);
	int fd;

	through_the_kernel(&a, h, 4);
	fd = open("cold.tmp", O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);
	if (fd < 0)
		fd = open("/tmp/cold.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
	expect(fd >= 0);
	unlink("cold.tmp");
	unlink("/tmp/cold.tmp");
	expect_eq(pwrite(fd, address_of(&a, h), BLOB, 0), BLOB);
	expect_eq(cool(&a, &h, 1), BLOB / PAGE);
	expect_eq(pread(fd, copy, BLOB, 0), BLOB);
	expect_text(copy, BLOB, 4);
	write_text(copy, BLOB, 5);
	expect_eq(pwrite(fd, copy, BLOB, 0), BLOB);
	expect_eq(pread(fd, address_of(&a, h), BLOB, 0), BLOB);
	cool(&a, &h, 1);
	expect_text(address_of(&a, h), BLOB, 5);
	close(fd);
	arena_end(&a);
}

/* What is in a pipe is the page itself: it stays until the pipe has let go. */
TEST(what_the_kernel_holds_stays)
{
	struct arena a = arena_cold();
	__u64 h = text_blob(&a, 6);
	struct iovec v = { address_of(&a, h), 4 * PAGE };
	static char copy[4 * PAGE];
	int fds[2];

	expect_eq(pipe(fds), 0);
	expect_eq(vmsplice(fds[1], &v, 1, 0), 4 * PAGE);
	expect_eq(cool(&a, &h, 1), BLOB / PAGE - 4);
	expect_eq(read(fds[0], copy, sizeof(copy)), sizeof(copy));
	expect_text(copy, sizeof(copy), 6);
	expect_eq(cool(&a, &h, 1), 4);
	expect_text(address_of(&a, h), BLOB, 6);
	close(fds[0]);
	close(fds[1]);
	arena_end(&a);
}

/* One word is kept of them, and nothing of zeros. */
TEST(pages_of_one_word)
{
	struct arena a = arena_cold();
	__u64 h = alloc_one(&a, MEMLANE_SLOW, BLOB);
	__u32 *word = (__u32 *)address_of(&a, h);
	struct memlane_counts c;
	unsigned int i;

	memset(word, 0, BLOB);
	for (i = 0; i < BLOB / 8; i++)
		word[i] = 0x12345678;
	expect_eq(cool(&a, &h, 1), BLOB / PAGE);
	c = counts(&a);
	expect_eq(c.away, BLOB / PAGE / 2);
	expect_eq(c.compressed, 0);
	expect_eq(c.cooled_same, BLOB / PAGE);
	for (i = 0; i < BLOB / 4; i++)
		expect_eq(word[i], i < BLOB / 8 ? 0x12345678 : 0);
	/* A page for which there was no use has no bytes of others. */
	expect_eq(cool(&a, &h, 1), BLOB / PAGE);
	word[BLOB / 4 - 1] = 1;
	expect_eq(word[BLOB / 4 - 2], 0);
	arena_end(&a);
}

/* They stay, and nobody tries again before they are written. */
TEST(what_does_not_become_smaller_stays)
{
	struct arena a = arena_cold();
	__u64 h = alloc_one(&a, MEMLANE_SLOW, BLOB);

	write_noise(address_of(&a, h), BLOB, 7);
	expect_eq(cool(&a, &h, 1), 0);
	expect_eq(counts(&a).incompressible, BLOB / PAGE);
	expect_noise(address_of(&a, h), BLOB, 7);
	expect_eq(cool(&a, &h, 1), 0);
	expect_eq(counts(&a).incompressible, BLOB / PAGE);
	memset(address_of(&a, h), 1, PAGE);
	expect_eq(cool(&a, &h, 1), 1);
	write_noise(address_of(&a, h) + PAGE, PAGE, 8);
	expect_eq(cool(&a, &h, 1), 0);
	expect_eq(counts(&a).incompressible, BLOB / PAGE + 1);
	expect_noise(address_of(&a, h) + PAGE, PAGE, 8);
	arena_end(&a);
}

TEST(blobs_move_as_they_are)
{
	struct arena a = arena_cold();
	__u64 gone = text_blob(&a, 8), h = cold_blob(&a, 9);
	char *before = address_of(&a, h);

	expect_eq(free_live(&a, &gone, 1), 0);
	expect_eq(compact(&a).out_remapped, 1);
	expect(address_of(&a, h) != before);
	expect_eq(query(&a, h).out_compressed, BLOB / PAGE);
	expect_eq(counts(&a).compressed, BLOB / PAGE);
	expect_text(address_of(&a, h), BLOB, 9);
	expect_sound(&a);
	arena_end(&a);
}

TEST(the_fast_lane_gets_pages)
{
	struct arena a = arena_cold();
	__u64 h = cold_blob(&a, 10);

	expect_eq(migrate_one(&a, h, MEMLANE_FAST), 0);
	expect_eq(query(&a, h).out_resident, BLOB / PAGE);
	expect_text(address_of(&a, h), BLOB, 10);
	expect_eq(refused(&a, h), -EBUSY);
	expect_eq(query(&a, h).out_resident, BLOB / PAGE);
	arena_end(&a);
}

/* Compaction copies them out of pages that were put away into others that were. */
TEST(blocks_move_by_their_bytes)
{
	static __u64 h[BLOCKS];
	struct arena a = arena_cold();
	__u64 gone[BLOCKS / 2];
	unsigned int i;

	text_blocks(&a, h, BLOCKS);
	for (i = 0; i < BLOCKS / 2; i++)
		gone[i] = h[2 * i];
	expect_eq(free_live(&a, gone, BLOCKS / 2), 0);
	for (i = 0; i < BLOCKS / 2; i++)
		h[i] = h[2 * i + 1];
	expect(cool(&a, h, BLOCKS / 2) > 0);
	expect_eq(counts(&a).lane[MEMLANE_SLOW].resident, 0);
	expect(compact(&a).out_moved > 0);
	for (i = 0; i < BLOCKS / 2; i++)
		expect_text(address_of(&a, h[i]), BLOCK, 2 * i + 1);
	expect_sound(&a);
	arena_end(&a);
}

TEST(a_resized_one_takes_its_bytes_along)
{
	struct arena a = arena_cold();
	__u64 h = cold_blob(&a, 11);
	struct memlane_migrate req = {
		.size = sizeof(req), .flags = MEMLANE_MIGRATE_RESIZE, .count = 1,
		.handles = (unsigned long)&h, .length = 2000,
	};

	expect_eq(call(a.fd, MEMLANE_IOCTL_MIGRATE, &req), 0);
	expect_eq(req.out_failed, 0);
	expect_text(address_of(&a, h), 1984, 11);
	expect_eq(counts(&a).compressed, 0);
	arena_end(&a);
}

TEST(a_freed_one_leaves_nothing)
{
	struct arena a = arena_cold();
	__u64 h[8];
	unsigned int i;

	for (i = 0; i < 8; i++)
		h[i] = cold_blob(&a, i);
	expect(counts(&a).compressed_bytes > 0);
	expect_eq(free_live(&a, h, 8), 0);
	expect_eq(counts(&a).away, 0);
	expect_eq(counts(&a).compressed_bytes, 0);
	/* New ones of the same pages are new. */
	h[0] = alloc_one(&a, MEMLANE_SLOW, BLOB);
	for (i = 0; i < BLOB; i += PAGE)
		expect_eq(address_of(&a, h[0])[i], 0);
	arena_end(&a);
}

static void hint(const struct arena *a, __u64 h, __u32 bits)
{
	__atomic_fetch_or(pin_of(a, h), bits, __ATOMIC_RELAXED);
}

TEST(who_must_not_wait_stays)
{
	struct arena a = arena_cold();
	__u64 pinned = text_blob(&a, 1), critical = text_blob(&a, 2), first = text_blob(&a, 3);
	__u64 fast = alloc_one(&a, MEMLANE_FAST, BLOB);
	struct memlane_cool all = {
		.size = sizeof(all), .flags = MEMLANE_COOL_LANE, .lane = MEMLANE_SLOW,
	};

	write_text(address_of(&a, fast), BLOB, 4);
	hint(&a, pinned, MEMLANE_PIN_ONE);
	hint(&a, critical, MEMLANE_HINT_FRAME_CRITICAL);
	hint(&a, first, 3 << MEMLANE_PIN_PRIORITY_SHIFT);
	expect_eq(refused(&a, pinned), -EBUSY);
	expect_eq(refused(&a, critical), -EBUSY);
	expect_eq(refused(&a, first), -EBUSY);
	expect_eq(refused(&a, fast), -EBUSY);
	expect_eq(call(a.fd, MEMLANE_IOCTL_COOL, &all), 0);
	expect_eq(all.out_failed, 3);
	expect_eq(all.out_pages, 0);
	expect_eq(counts(&a).cooled, 0);
	arena_end(&a);
}

/* A page goes whole: everybody who is on it has a say. */
TEST(neighbours_have_a_say)
{
	static __u64 h[BLOCKS];
	struct arena a = arena_cold();
	struct memlane_cool req = cool_req(h, BLOCKS);
	unsigned int i;

	text_blocks(&a, h, BLOCKS);
	hint(&a, h[100], MEMLANE_PIN_ONE);
	expect_eq(call(a.fd, MEMLANE_IOCTL_COOL, &req), 0);
	expect_eq(req.out_count, BLOCKS);
	expect(req.out_failed > 1 && req.out_failed < 20);
	expect_eq(req.out_error, -EBUSY);
	expect(query(&a, h[100]).out_resident > 0);
	expect_eq(query(&a, h[100]).out_compressed, 0);
	for (i = 0; i < BLOCKS; i++)
		expect_text(address_of(&a, h[i]), BLOCK, i);
	arena_end(&a);
}

TEST(groups_and_lanes)
{
	struct arena a = arena_cold();
	__u64 mine = text_blob(&a, 1), other = text_blob(&a, 2);
	struct memlane_cool req = { .size = sizeof(req), .flags = MEMLANE_COOL_GROUP, .group = 5 };

	join_group(&a, mine, 5);
	expect_eq(call(a.fd, MEMLANE_IOCTL_COOL, &req), 0);
	expect_eq(req.out_pages, BLOB / PAGE);
	expect_eq(query(&a, mine).out_compressed, BLOB / PAGE);
	expect_eq(query(&a, other).out_compressed, 0);
	req.flags = MEMLANE_COOL_LANE;
	req.lane = MEMLANE_SLOW;
	expect_eq(call(a.fd, MEMLANE_IOCTL_COOL, &req), 0);
	expect_eq(req.out_pages, BLOB / PAGE);
	expect_eq(call(a.fd, MEMLANE_IOCTL_WARM, &req), 0);
	expect_eq(req.out_pages, 2 * BLOB / PAGE);
	expect_text(address_of(&a, mine), BLOB, 1);
	expect_text(address_of(&a, other), BLOB, 2);
	arena_end(&a);
}

TEST(bad_calls)
{
	struct arena a = arena_cold();
	__u64 h = text_blob(&a, 1), stale = h;
	struct memlane_cool req = cool_req(&h, 1);

	req.flags = MEMLANE_COOL_LANE | MEMLANE_COOL_GROUP;
	req.count = 0;
	req.handles = 0;
	expect_eq(call(a.fd, MEMLANE_IOCTL_COOL, &req), -EINVAL);
	req.flags = MEMLANE_COOL_LANE;
	req.lane = MEMLANE_LANES;
	expect_eq(call(a.fd, MEMLANE_IOCTL_COOL, &req), -EINVAL);
	req.flags = MEMLANE_COOL_GROUP;
	req.group = 0x10000;
	expect_eq(call(a.fd, MEMLANE_IOCTL_WARM, &req), -EINVAL);
	req = cool_req(&h, 1);
	req.flags = 8;
	expect_eq(call(a.fd, MEMLANE_IOCTL_COOL, &req), -EOPNOTSUPP);
	req = cool_req(NULL, 1);
	expect_eq(call(a.fd, MEMLANE_IOCTL_COOL, &req), -EFAULT);
	req = cool_req(&h, 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_COOL, &req), -EINVAL);
	expect_eq(free_live(&a, &h, 1), 0);
	expect_eq(refused(&a, stale), -ESTALE);
	expect_eq(refused(&a, 12345ULL << 32 | 99999999), -EBADF);
	arena_end(&a);
}

/* A view makes no pages, but what was put away is shown. */
TEST(a_view_shows_it)
{
	struct arena a = arena_cold();
	__u64 h = cold_blob(&a, 12);
	int fd = ioctl(a.fd, MEMLANE_IOCTL_VIEW, 0);
	struct memlane_region r = arena_region(&a, MEMLANE_REGION_DATA);
	unsigned long at = address_of(&a, h) - a.map[MEMLANE_REGION_DATA];
	char *map;

	expect(fd >= 0);
	map = mmap(NULL, r.length, PROT_READ, MAP_SHARED, fd, r.offset);
	expect(map != MAP_FAILED);
	expect_text(map + at, BLOB, 12);
	expect_eq(counts(&a).ahead, 0);
	expect_eq(cool(&a, &h, 1), BLOB / PAGE);
	write_text(address_of(&a, h), BLOB, 13);
	expect_text(map + at, BLOB, 13);
	expect_eq(munmap(map, r.length), 0);
	close(fd);
	arena_end(&a);
}

/* ------------------------------------------------------------- by policy */

TEST(what_nobody_uses)
{
	struct arena a = arena_cold();
	__u64 h = text_blob(&a, 20);

	cycles(&a, 6);
	expect_eq(counts(&a).cooled, 0);
	set(&a, MEMLANE_OPT_COLD_AGE, 2);
	cycles(&a, 1);
	expect_eq(query(&a, h).out_compressed, BLOB / PAGE);
	expect_eq(counts(&a).refaults, 0);
	touch_backwards(&a, h);
	expect_eq(counts(&a).refaults, BLOB / PAGE);
	expect_text(address_of(&a, h), BLOB, 20);
	expect_eq(counts(&a).hot_on_cold, 0);
	arena_end(&a);
}

/* Each fault is in the histogram of what it met, and in no other. */
TEST(faults_are_told_by_what_they_met)
{
	struct arena a = arena_cold();
	__u64 h = alloc_one(&a, MEMLANE_SLOW, BLOB);
	unsigned int i;
	__u64 before;

	expect_eq(all_faults(&a), 0);
	write_text(address_of(&a, h), BLOB, 1);
	expect_eq(faults_that_met(&a, MEMLANE_FAULT_NEW), BLOB / PAGE);
	expect_eq(cool(&a, &h, 1), BLOB / PAGE);
	touch_backwards(&a, h);
	expect_text(address_of(&a, h), BLOB, 1);
	expect_eq(faults_that_met(&a, MEMLANE_FAULT_COMPRESSED), BLOB / PAGE);
	memset(address_of(&a, h), 0x5a, BLOB);
	expect_eq(cool(&a, &h, 1), BLOB / PAGE);
	for (i = BLOB / PAGE; i--;)
		expect_eq(address_of(&a, h)[i * PAGE], 0x5a);
	expect_eq(faults_that_met(&a, MEMLANE_FAULT_SAME), BLOB / PAGE);
	expect_eq(faults_that_met(&a, MEMLANE_FAULT_PAGE), 0);
	write_noise(address_of(&a, h), BLOB, 2);
	before = all_faults(&a);
	expect_eq(cool(&a, &h, 1), 0);
	expect_noise(address_of(&a, h), BLOB, 2);
	expect_eq(all_faults(&a) - before, faults_that_met(&a, MEMLANE_FAULT_PAGE));
	/* Sixteen that are there are mapped at a time. */
	expect(all_faults(&a) - before <= BLOB / PAGE / 16 + 1);
	expect_eq(faults_that_met(&a, MEMLANE_FAULT_SAME) +
		  faults_that_met(&a, MEMLANE_FAULT_COMPRESSED), counts(&a).refaults);
	expect_eq(faults_that_met(&a, MEMLANE_FAULT_STORED), 0);
	expect(all_faults(&a) <= counts(&a).faults);
	arena_end(&a);
}

/* The tables and numbers that people get are these counts. */
TEST(memlane_stat_shows_them)
{
	struct arena a = arena_cold();
	__u64 h = cold_blob(&a, 1);
	char line[512];

	expect_text(address_of(&a, h), 2 * PAGE, 1);	/* and a third page comes along */
	snprintf(line, sizeof(line),
		 "build/tools/memlane stat %llu >stat.tmp && grep -q '^PUT AWAY ' stat.tmp && "
		 "grep -q '^compressed  *61  *0.24 MiB ' stat.tmp && "
		 "grep -qE '^ +all +[0-9]+ +64 +0 +2 +0$' stat.tmp && "
		 "[ $(grep -cE '^(cooled +64|warmed +3|refaults +2|ahead +1|(ahead_hits|write_errors|lost_pages|"
		 "hot_on_cold|cool_rests) +0)$' stat.tmp) = 9 ]", a.info.out_id);
	expect_eq(system(line), 0);
	snprintf(line, sizeof(line),
		 "build/tools/memlane stat --json %llu | tr -d '\n ' >stat.tmp && "
		 "grep -q '\"compressed\":{\"pages\":61,\"bytes\":249856,' stat.tmp && "
		 "grep -q '\"met\":\"compressed\",\"faults\":2,' stat.tmp && "
		 "grep -q '\"ahead\":1,\"ahead_hits\":0' stat.tmp", a.info.out_id);
	expect_eq(system(line), 0);
	unlink("stat.tmp");
	arena_end(&a);
}

/* Spans that are in use for the most part stay as they are; those of holes are drained. */
TEST(compaction_leaves_them_alone)
{
	static __u64 h[BLOCKS], gone[BLOCKS];
	struct arena a = arena_cold();
	unsigned int i, nr = 0;
	struct memlane_counts c;

	text_blocks(&a, h, BLOCKS);
	for (i = 0; i < BLOCKS; i += 4)
		gone[nr++] = h[i];
	expect_eq(free_live(&a, gone, nr), 0);
	for (i = 0, nr = 0; i < BLOCKS; i++)
		if (i % 4)
			h[nr++] = h[i];
	expect(cool(&a, h, nr) > 0);
	c = counts(&a);
	expect_eq(compact(&a).out_moved, 0);
	expect_eq(counts(&a).compressed, c.compressed);
	expect_eq(counts(&a).warmed, 0);
	expect_eq(free_live(&a, h + nr / 8, nr - nr / 8), 0);
	expect_eq(counts(&a).warmed, 0);
	expect_sound(&a);
	for (i = 0; i < nr / 8; i++)
		expect_text(address_of(&a, h[i]), BLOCK, 4 * (i / 3) + i % 3 + 1);
	arena_end(&a);
}

/* Touched by one who uses it again and again: the policy goes slower. */
TEST(what_somebody_uses_after_all)
{
	struct arena a = arena_cold();
	__u64 h = text_blob(&a, 21);
	unsigned int i;

	set(&a, MEMLANE_OPT_COLD_AGE, 1);
	for (i = 0; i < 20; i++) {
		cycles(&a, 1);
		expect_text(address_of(&a, h), BLOB, 21);
	}
	expect(counts(&a).cool_rests >= 2);
	expect(counts(&a).cooled <= 6 * BLOB / PAGE);
	arena_end(&a);
}

/* Small ones: a page goes if all on it may. */
TEST(what_blocks_nobody_uses)
{
	struct arena a = arena_cold();
	static __u64 h[BLOCKS];
	unsigned int i;

	text_blocks(&a, h, BLOCKS);
	__atomic_fetch_add(pin_of(&a, h[50]), MEMLANE_PIN_ONE, __ATOMIC_SEQ_CST);
	__atomic_fetch_or(pin_of(&a, h[150]), MEMLANE_HINT_FRAME_CRITICAL, __ATOMIC_SEQ_CST);
	__atomic_fetch_or(pin_of(&a, h[250]), 3 << MEMLANE_PIN_PRIORITY_SHIFT, __ATOMIC_SEQ_CST);
	__atomic_fetch_or(pin_of(&a, h[300]), MEMLANE_HINT_COLD, __ATOMIC_SEQ_CST);
	set(&a, MEMLANE_OPT_COLD_AGE, 1);
	cycles(&a, 6);
	expect(counts(&a).away > BLOCKS / 8);
	expect_eq(query(&a, h[50]).out_compressed, 0);
	expect_eq(query(&a, h[150]).out_compressed, 0);
	expect_eq(query(&a, h[250]).out_compressed, 0);
	expect(query(&a, h[300]).out_compressed > 0);
	for (i = 0; i < BLOCKS; i++)
		expect_text(address_of(&a, h[i]), BLOCK, i);
	expect_sound(&a);
	arena_end(&a);
}

/* Past its threshold the lane is put away, and nothing need be dropped. */
TEST(what_a_full_lane_needs_least)
{
	struct arena a = arena_cold();
	__u64 h[8];
	unsigned int i;

	for (i = 0; i < 8; i++)
		h[i] = text_blob(&a, i);
	set(&a, MEMLANE_OPT_COLD_AGE, 4);
	cycles(&a, 2);
	expect_eq(counts(&a).away, 0);
	set(&a, MEMLANE_OPT_SLOW_USAGE_THRESHOLD, 1);
	cycles(&a, 2);
	expect_eq(counts(&a).away, 8 * BLOB / PAGE);
	expect_eq(counts(&a).purged, 0);
	for (i = 0; i < 8; i++)
		expect_text(address_of(&a, h[i]), BLOB, i);
	arena_end(&a);
}

/* Asked by the kernel for whatever can be done without: not in the call that asks, but soon. */
TEST(a_system_that_is_short_cools)
{
	struct arena a = arena_cold();
	__u64 h = text_blob(&a, 37);
	unsigned int i;
	int fd;

	set(&a, MEMLANE_OPT_COLD_AGE, 4);
	set(&a, MEMLANE_OPT_POLICY_INTERVAL, 3600000000000);
	cycles(&a, 2);
	expect_eq(counts(&a).cooled, 0);
	for (i = 0; i < 1000 && counts(&a).cooled < BLOB / PAGE; i++) {
		fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
		if (fd < 0)
			skip("the kernel's caches cannot be dropped");
		expect_eq(write(fd, "2", 1), 1);
		close(fd);
		usleep(10000);
	}
	expect_eq(counts(&a).cooled, BLOB / PAGE);
	expect(counts(&a).shortages > 0);
	expect_eq(counts(&a).purged, 0);
	expect_text(address_of(&a, h), BLOB, 37);
	arena_end(&a);
}

/* ------------------------------------------------------------- together */

#define RACERS 4
#define RACE_PAGES 64

struct race {
	struct arena a;
	__u64 h;
	unsigned int end;
	unsigned long found;
};

/* Each has every RACERS-th page, and nobody else writes there. */
static int racer(struct race *r, unsigned int self)
{
	unsigned long turns = 0, i;
	unsigned long long seed = harness_seed() + self, last[RACE_PAGES] = { 0 };
	unsigned long long *word;

	while (!__atomic_load_n(&r->end, __ATOMIC_RELAXED)) {
		i = rng_next(&seed) % (RACE_PAGES / RACERS) * RACERS + self;
		word = (unsigned long long *)(address_of(&r->a, r->h) + i * PAGE);
		if (word[turns % 512] && word[turns % 512] > last[i])
			fail("page %lu has %llu, and %llu was written", i, word[turns % 512], last[i]);
		if (word[0] != last[i])
			fail("page %lu has %llu, and %llu was written last", i, word[0], last[i]);
		word[0] = ++last[i];
		word[1 + turns % 511] = last[i];
		turns++;
	}
	return 0;
}

TEST(while_others_write)
{
	struct race *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child[RACERS];
	unsigned int i;
	int status;

	r->a = arena_cold();
	r->h = alloc_one(&r->a, MEMLANE_SLOW, RACE_PAGES * PAGE);
	for (i = 0; i < RACERS; i++) {
		child[i] = fork();
		expect(child[i] >= 0);
		if (child[i])
			continue;
		arena_map(&r->a);
		_exit(racer(r, i));
	}
	/* All of it may be over before one of them has begun. */
	for (i = 0; i < env("ML_ROUNDS", 60) || !counts(&r->a).warmed; i++)
		cool(&r->a, &r->h, 1);
	__atomic_store_n(&r->end, 1, __ATOMIC_RELAXED);
	for (i = 0; i < RACERS; i++) {
		expect_eq(waitpid(child[i], &status, 0), child[i]);
		expect_eq(status, 0);
	}
	printf("# %llu pages put away, %llu came back\n",
	       (unsigned long long)counts(&r->a).cooled, (unsigned long long)counts(&r->a).warmed);
	expect_sound(&r->a);
	close(r->a.fd);
}

/* Return: 0 after the end. */
static int reader(struct race *r)
{
	while (!__atomic_load_n(&r->end, __ATOMIC_RELAXED)) {
		expect_text(address_of(&r->a, r->h), BLOB, 36);
		__atomic_fetch_add(&r->found, 1, __ATOMIC_RELAXED);
	}
	return 0;
}

/* By mappings of their own, so that one brings along what another touches at the moment. */
TEST(while_others_read_in_order)
{
	struct race *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct memlane_counts c;
	pid_t child[2];
	unsigned int i;
	int status;

	r->a = arena_cold();
	r->h = text_blob(&r->a, 36);
	for (i = 0; i < 2; i++) {
		child[i] = fork();
		expect(child[i] >= 0);
		if (child[i])
			continue;
		arena_map(&r->a);
		_exit(reader(r));
	}
	for (i = 0; i < env("ML_ROUNDS", 60) || !counts(&r->a).ahead_hits; i++)
		cool(&r->a, &r->h, 1);
	__atomic_store_n(&r->end, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++) {
		expect_eq(waitpid(child[i], &status, 0), child[i]);
		expect_eq(status, 0);
	}
	c = counts(&r->a);
	printf("# read %lu times; %llu pages came along, %llu were of use\n", r->found,
	       (unsigned long long)c.ahead, (unsigned long long)c.ahead_hits);
	expect(c.ahead_hits <= c.ahead && c.ahead <= c.warmed);
	expect_sound(&r->a);
	close(r->a.fd);
}

static int warm_all(struct race *r)
{
	struct memlane_cool all = {
		.size = sizeof(all), .flags = MEMLANE_COOL_LANE, .lane = MEMLANE_SLOW,
	};
	int err;

	while (!__atomic_load_n(&r->end, __ATOMIC_RELAXED)) {
		err = call(r->a.fd, MEMLANE_IOCTL_WARM, &all);
		if (err)
			fail("warm: %d", err);
		r->found += all.out_pages;
	}
	return 0;
}

/* Bringing back what is freed in the middle of it is no error. */
TEST(freed_while_they_come_back)
{
	struct race *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int i;
	pid_t child;
	int status;
	__u64 h;

	r->a = arena_cold();
	set(&r->a, MEMLANE_OPT_DECAY, 0);
	child = fork();
	expect(child >= 0);
	if (!child)
		_exit(warm_all(r));
	for (i = 0; i < env("ML_ROUNDS", 100) || !r->found; i++) {
		h = text_blob(&r->a, i);
		cool(&r->a, &h, 1);
		if (i & 1)
			sched_yield();
		expect_eq(free_live(&r->a, &h, 1), 0);
	}
	__atomic_store_n(&r->end, 1, __ATOMIC_RELAXED);
	expect_eq(waitpid(child, &status, 0), child);
	expect_eq(status, 0);
	printf("# %lu pages came back\n", r->found);
	expect_sound(&r->a);
	close(r->a.fd);
}

/* Killed at any moment of putting away and bringing back, it leaves nothing. */
TEST(killed_in_the_middle)
{
	unsigned int i;

	for (i = 0; i < 30; i++) {
		pid_t child = fork();

		expect(child >= 0);
		if (!child) {
			struct arena a = arena_cold();
			__u64 h = text_blob(&a, 1);

			for (;;) {
				cool(&a, &h, 1);
				warm(&a, &h, 1);
			}
		}
		usleep(20000 + 700 * i);
		kill(child, SIGKILL);
		expect_eq(waitpid(child, NULL, 0), child);
	}
	expect_nothing_left();
}

/* ------------------------------------------------------------- a cgroup */

static char group[64];

static bool put(const char *dir, const char *name, const char *text)
{
	char path[128];
	int fd;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY);
	good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return good;
}

static unsigned long charged(void)
{
	char path[128];
	unsigned long bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/memory.current", group);
	f = fopen(path, "r");
	expect(f && fscanf(f, "%lu", &bytes) == 1);
	fclose(f);
	return bytes;
}

/* Charged to who touched the pages first, whoever puts them away. */
TEST(the_owner_pays)
{
	unsigned long full, cold, took;
	struct arena a;
	__u64 h;
	int i;

	snprintf(group, sizeof(group), ROOT "/memlane-cold-%d", getpid());
	close(device_open(O_RDWR));
	if (!put(ROOT, "cgroup.subtree_control", "+memory") || mkdir(group, 0700))
		skip("no memory cgroup can be made below " ROOT);
	a = arena_cold();
	expect(put(group, "cgroup.procs", "0"));
	h = alloc_one(&a, MEMLANE_SLOW, 16 * MIB);
	write_text(address_of(&a, h), 16 * MIB, 1);
	full = charged();
	expect(put(ROOT, "cgroup.procs", "0"));
	expect_eq(cool(&a, &h, 1), 16 * MIB / PAGE);
	took = counts(&a).compressed_bytes;
	for (i = 0; i < 200 && charged() > full - 16 * MIB + took + MIB; i++)
		usleep(10000);
	cold = charged();
	printf("# %lu KiB in pages, %lu KiB put away\n", full >> 10, cold >> 10);
	expect(cold <= full - 16 * MIB + took + MIB);
	expect(cold + MIB >= took);
	expect_text(address_of(&a, h), 16 * MIB, 1);
	arena_end(&a);
	for (i = 0; i < 200 && rmdir(group); i++)
		usleep(10000);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
