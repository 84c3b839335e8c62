// SPDX-License-Identifier: MIT
/* move.c - objects move between lanes and within them, and stay what they are */
#include <stdint.h>
#include <sys/uio.h>

#include "../arena.h"

#define LANE (16 * MIB)

static void fill(struct arena *a, __u64 handle, __u64 length)
{
	unsigned char *p = (unsigned char *)address_of(a, handle);
	__u64 i;

	for (i = 0; i < length; i++)
		p[i] = handle * 31 + i * 7;
}

static void expect_filled(struct arena *a, __u64 handle, __u64 length)
{
	unsigned char *p = (unsigned char *)address_of(a, handle);
	__u64 i;

	for (i = 0; i < length; i++)
		if (p[i] != (unsigned char)(handle * 31 + i * 7))
			fail("handle %llx, byte %llu of %llu", handle, i, length);
}

/* There and back, with the same value and the same bytes, for sizes of each kind. */
TEST(a_handle_survives_the_round_trip)
{
	static const __u64 length[] = { 1, 16, 100, 4096, 5000, MEMLANE_BLOCK_MAX,
					MEMLANE_BLOCK_MAX + 1, 3 * MIB };
	struct arena a = arena_new(LANE, LANE);
	unsigned int i, trip;

	for (i = 0; i < sizeof(length) / sizeof(*length); i++) {
		__u64 handle = alloc_one(&a, MEMLANE_FAST, length[i]);

		fill(&a, handle, length[i]);
		for (trip = 0; trip < 4; trip++) {
			__u32 lane = trip % 2 ? MEMLANE_FAST : MEMLANE_SLOW;

			expect_eq(migrate_one(&a, handle, lane), 0);
			expect_eq(query(&a, handle).out_lane, lane);
			expect_filled(&a, handle, length[i]);
			expect_eq(migrate_one(&a, handle, lane), 0);
		}
		expect_eq(free_live(&a, &handle, 1), 0);
	}
	expect_eq(counts(&a).handles, 0);
	expect_sound(&a);
	arena_end(&a);
}

/* Where the page that holds @p is in the machine's memory. */
static __u64 frame_of(int pagemap, char *p)
{
	__u64 word;

	(void)__atomic_load_n(p, __ATOMIC_RELAXED);
	expect_eq(pread(pagemap, &word, sizeof(word), (unsigned long)p / PAGE * sizeof(word)),
		  sizeof(word));
	expect(word >> 63);
	return word & ((1ULL << 55) - 1);
}

TEST(a_blob_moves_without_a_copy)
{
	enum { PAGES = 600 };	/* more than a chunk */
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, PAGES * PAGE), frame[PAGES];
	int pagemap = open("/proc/self/pagemap", O_RDONLY), i, trip;
	struct memlane_counts was;

	expect(pagemap >= 0);
	fill(&a, handle, PAGES * PAGE);
	for (i = 0; i < PAGES; i++)
		frame[i] = frame_of(pagemap, address_of(&a, handle) + i * PAGE);
	if (!frame[0])
		skip("page frame numbers are hidden from this user");
	was = counts(&a);
	for (trip = 0; trip < 4; trip++) {
		char *from = address_of(&a, handle);

		expect_eq(migrate_one(&a, handle, trip % 2 ? MEMLANE_FAST : MEMLANE_SLOW), 0);
		expect(address_of(&a, handle) != from);
		for (i = 0; i < PAGES; i++)
			expect_eq(frame_of(pagemap, address_of(&a, handle) + i * PAGE), frame[i]);
	}
	expect_filled(&a, handle, PAGES * PAGE);
	expect_eq(counts(&a).moved_bytes, was.moved_bytes);
	expect_eq(counts(&a).remapped, was.remapped + 4);
	expect_eq(counts(&a).remapped_pages, was.remapped_pages + 4 * PAGES);
	arena_end(&a);
}

TEST(pages_never_touched_stay_unmade)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 4 * MIB);

	expect_eq(query(&a, handle).out_pages, 0);
	address_of(&a, handle)[MIB] = 9;
	expect_eq(query(&a, handle).out_pages, 1);
	expect_eq(migrate_one(&a, handle, MEMLANE_SLOW), 0);
	expect_eq(query(&a, handle).out_pages, 1);
	expect_eq(address_of(&a, handle)[MIB], 9);
	expect_eq(address_of(&a, handle)[MIB - 1], 0);
	expect_eq(counts(&a).lane[MEMLANE_FAST].resident, 0);
	arena_end(&a);
}

/* Nine objects in ten go; compaction gives most of their pages back. */
TEST(compaction_returns_pages_and_keeps_bytes)
{
	enum { NR = 4000, LENGTH = 1000 };
	struct arena a = arena_new(LANE, LANE);
	static __u64 handle[NR];
	struct memlane_lane_stat full, is;
	struct memlane_step step;
	int i;

	expect_eq(alloc_live(&a, MEMLANE_FAST, LENGTH, NR, handle), NR);
	for (i = 0; i < NR; i++)
		fill(&a, handle[i], LENGTH);
	full = counts(&a).lane[MEMLANE_FAST];
	for (i = 0; i < NR; i++)
		if (i % 10)
			expect_eq(free_live(&a, &handle[i], 1), 0);
	step = compact(&a);
	expect(step.out_moved > 0);
	expect(step.out_pages_returned > 0);
	is = counts(&a).lane[MEMLANE_FAST];
	expect(is.resident < full.resident / 7);
	expect_eq(is.objects, NR / 10);
	for (i = 0; i < NR; i += 10)
		expect_filled(&a, handle[i], LENGTH);
	expect_sound(&a);
	arena_end(&a);
}

TEST(a_pinned_object_does_not_move)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle[2] = { alloc_one(&a, MEMLANE_FAST, 100), alloc_one(&a, MEMLANE_FAST, MIB) };
	char *was;
	int i;

	for (i = 0; i < 2; i++) {
		was = address_of(&a, handle[i]);
		*pin_of(&a, handle[i]) += MEMLANE_PIN_ONE;
		expect_eq(migrate_one(&a, handle[i], MEMLANE_SLOW), -EBUSY);
		compact(&a);
		expect(address_of(&a, handle[i]) == was);
		*pin_of(&a, handle[i]) -= MEMLANE_PIN_ONE;
		expect_eq(migrate_one(&a, handle[i], MEMLANE_SLOW), 0);
		expect(address_of(&a, handle[i]) != was);
	}
	expect(counts(&a).pinned >= 2);
	arena_end(&a);
}

TEST(an_open_section_holds_moves_up)
{
	struct arena a = arena_new(LANE, LANE);
	struct memlane_register reg = { .size = sizeof(reg) };
	struct memlane_stat_page *stat = (void *)a.map[MEMLANE_REGION_STAT];
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 100);
	struct memlane_slot *slot;

	expect_eq(call(a.fd, MEMLANE_IOCTL_REGISTER, &reg), 0);
	slot = (void *)(a.map[MEMLANE_REGION_SLOTS] + reg.slot * a.info.out_slot_size);
	__atomic_store_n(&slot->section, stat->epoch, __ATOMIC_SEQ_CST);
	expect_eq(migrate_one(&a, handle, MEMLANE_SLOW), -EAGAIN);
	expect_eq(counts(&a).given_up, 1);
	expect_eq(query(&a, handle).out_state, MEMLANE_STATE_LIVE);
	__atomic_store_n(&slot->section, 0, __ATOMIC_SEQ_CST);
	expect_eq(migrate_one(&a, handle, MEMLANE_SLOW), 0);
	arena_end(&a);
}

/* A page that a pipe holds is not copied away from; a blob's may be handed over. */
static void expect_held(struct arena *a, __u64 length, int want)
{
	__u64 handle = alloc_one(a, MEMLANE_FAST, length);
	struct iovec io = { address_of(a, handle), length };
	struct memlane_counts was = counts(a);
	static char got[8 * PAGE];
	int ends[2];

	expect_eq(pipe(ends), 0);
	fill(a, handle, length);
	io.iov_base = address_of(a, handle);
	expect_eq(vmsplice(ends[1], &io, 1, 0), length);
	expect_eq(migrate_one(a, handle, MEMLANE_SLOW), want);
	expect_eq(counts(a).held, was.held + !!want);
	/* What is written now is seen in the pipe: it is one page still. */
	if (want)
		*address_of(a, handle) = 0x7e;
	expect_eq(read(ends[0], got, length), length);
	if (want)
		expect_eq(got[0], 0x7e);
	expect_eq(migrate_one(a, handle, MEMLANE_SLOW), 0);
	expect_eq(query(a, handle).out_lane, MEMLANE_SLOW);
	close(ends[0]);
	close(ends[1]);
}

TEST(a_block_in_a_pipe_is_not_copied_away_from)
{
	struct arena a = arena_new(LANE, LANE);

	expect_held(&a, 1000, -EBUSY);
	expect_held(&a, 8 * PAGE, -EBUSY);
	arena_end(&a);
}

/* The page of a freed object stays the pipe's until it is read, and no longer. */
TEST(a_freed_page_in_a_pipe_keeps_its_bytes)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 16 * PAGE);
	struct iovec io = { address_of(&a, handle), 16 * PAGE };
	static char got[16 * PAGE];
	int ends[2], i;

	expect_eq(pipe(ends), 0);
	memset(io.iov_base, 0x5d, 16 * PAGE);
	expect_eq(vmsplice(ends[1], &io, 1, 0), 16 * PAGE);
	expect_eq(free_live(&a, &handle, 1), 0);
	for (i = 0; i < 8; i++)
		memset(address_of(&a, alloc_one(&a, MEMLANE_FAST, 16 * PAGE)), 0xee, 16 * PAGE);
	arena_end(&a);
	expect_eq(read(ends[0], got, sizeof(got)), sizeof(got));
	for (i = 0; i < (int)sizeof(got); i++)
		expect_eq(got[i], 0x5d);
}

TEST(limits_bound_a_migration)
{
	enum { NR = 1500, LENGTH = 1000 };
	struct arena a = arena_new(LANE, LANE);
	static __u64 handle[NR];
	static __s32 result[NR];
	struct memlane_migrate req = {
		.size = sizeof(req), .lane = MEMLANE_SLOW, .count = NR,
		.handles = (unsigned long)handle, .results = (unsigned long)result,
		.step.max_bytes = 100 * 1024,
	};
	__u32 done = 0;
	int calls = 0, i;

	expect_eq(alloc_live(&a, MEMLANE_FAST, LENGTH, NR, handle), NR);
	for (i = 0; i < NR; i++) {
		fill(&a, handle[i], LENGTH);
		result[i] = 1;
	}
	while (done < NR) {
		req.handles = (unsigned long)(handle + done);
		req.results = (unsigned long)(result + done);
		req.count = NR - done;
		expect_eq(call(a.fd, MEMLANE_IOCTL_MIGRATE, &req), 0);
		expect(req.out_count > 0);
		expect(req.step.out_moved_bytes <= 100 * 1024 + MEMLANE_BLOCK_MAX);
		expect_eq(req.step.out_more, req.out_count < req.count);
		expect_eq(req.out_failed, 0);
		done += req.out_count;
		calls++;
	}
	expect(calls >= NR * LENGTH / (140 * 1024));
	for (i = 0; i < NR; i++) {
		expect_eq(result[i], 0);
		expect_eq(query(&a, handle[i]).out_lane, MEMLANE_SLOW);
		expect_filled(&a, handle[i], LENGTH);
	}
	expect_eq(counts(&a).moved, NR);
	arena_end(&a);
}

TEST(maintenance_runs_by_itself)
{
	enum { NR = 2000 };
	struct arena a = arena_new(LANE, LANE);
	struct memlane_set set = {
		.size = sizeof(set), .option = MEMLANE_OPT_POLICY_INTERVAL, .value = 2000000,
	};
	static __u64 handle[NR];
	int i;

	expect_eq(alloc_live(&a, MEMLANE_SLOW, 1000, NR, handle), NR);
	for (i = 0; i < NR; i++)
		fill(&a, handle[i], 1000);
	for (i = 0; i < NR; i++)
		if (i % 8)
			expect_eq(free_live(&a, &handle[i], 1), 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_SET, &set), 0);
	while (!counts(&a).moved)
		usleep(1000);
	for (i = 0; i < NR; i += 8)
		expect_filled(&a, handle[i], 1000);
	set.value = 0;
	expect_eq(call(a.fd, MEMLANE_IOCTL_SET, &set), 0);
	expect_sound(&a);
	arena_end(&a);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
