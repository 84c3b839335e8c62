// SPDX-License-Identifier: MIT
/*
 * store.c - objects that went to a backing file: what comes back, and what does not
 *
 * A page that was stored has the bytes that were written last, or raises SIGBUS where the
 * file was tampered with: it, and no other. ML_DIR=folder: files on another file system.
 */
#include <poll.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "backing.h"

/* ------------------------------------------------------------- there and back */

TEST(a_touch_reads_it)
{
	int fd = file_new();
	struct arena a = arena_on(fd);
	__u64 h = stored_text(&a, 1);
	struct memlane_counts c = counts(&a);

	expect_eq(c.away, PAGES);
	expect_eq(c.stored, PAGES);
	expect_eq(c.compressed, 0);
	expect_eq(c.compressed_bytes, 0);
	expect(c.stored_bytes && c.stored_bytes < BLOB / 2);
	expect_eq(c.lane[MEMLANE_SLOW].resident, 0);
	expect_text(address_of(&a, h), BLOB, 1);
	c = counts(&a);
	expect_eq(c.away, 0);
	expect_eq(c.stored, 0);
	expect_eq(c.written, PAGES);
	expect_eq(c.loaded, PAGES);
	expect_eq(c.refaults + c.ahead, PAGES);
	/* A touch may wait for what is on its way, too. */
	expect(faults_that_met(&a, MEMLANE_FAULT_STORED) >= c.refaults);
	expect_eq(c.ahead_hits, c.ahead);
	expect_eq(c.stored_bytes, 0);
	expect_eq(c.lane[MEMLANE_SLOW].resident, BLOB);
	expect_sound(&a);
	expect_empties(fd);
	arena_end(&a);
}

/* What comes along may come later than what was touched. */
static void wait_for_ahead(const struct arena *a, __u64 pages)
{
	int i;

	for (i = 0; i < 1000 && counts(a).ahead < pages; i++)
		usleep(10000);
	expect_eq(counts(a).ahead, pages);
}

/* Reads of a page, then two, four, up to half of a group. */
TEST(in_order_neighbours_come_along)
{
	struct arena a = arena_on(file_new());
	__u64 text = stored_text(&a, 40), noise = stored_noise(&a, 41);
	struct memlane_counts c;

	expect_text(address_of(&a, text), BLOB, 40);
	c = counts(&a);
	expect_eq(c.loaded, PAGES);
	expect(c.refaults >= 7 && c.refaults <= 9);	/* 9: it begins in one chunk and ends in another */
	expect_eq(c.refaults + c.ahead, PAGES);
	expect_eq(c.ahead_hits, c.ahead);
	printf("# %llu pages by %llu reads\n", (unsigned long long)c.loaded,
	       (unsigned long long)c.refaults);
	expect_noise(address_of(&a, noise), BLOB, 41);
	c = counts(&a);
	expect_eq(c.loaded, 2 * PAGES);
	expect(c.refaults <= 18);
	expect_eq(c.refaults + c.ahead, 2 * PAGES);
	expect_eq(c.ahead_hits, c.ahead);
	expect_sound(&a);
	arena_end(&a);
}

/* Each page is read when it is touched, and no other. */
TEST(in_no_order_nothing_else_comes)
{
	struct arena a = arena_on(file_new());
	__u64 h = stored_text(&a, 42);
	unsigned int i;

	for (i = PAGES; i--;)
		expect_eq(address_of(&a, h)[i * PAGE], 'o');
	expect_eq(counts(&a).refaults, PAGES);
	/* Nobody else has faults here: each is in the histogram once. */
	expect_eq(faults_that_met(&a, MEMLANE_FAULT_STORED), PAGES);
	expect_eq(counts(&a).ahead, 0);
	expect_eq(store(&a, &h, 1), PAGES);
	for (i = 0; i < PAGES; i += 3)
		expect_eq(address_of(&a, h)[i * PAGE], 'o');
	expect_eq(counts(&a).ahead, 0);
	expect_eq(query(&a, h).out_stored, PAGES - (PAGES + 2) / 3);
	arena_end(&a);
}

/* What came and was of no use goes again, and is no hit. */
TEST(what_came_along_in_vain)
{
	struct arena a = arena_on(file_new());
	__u64 h = stored_text(&a, 43);
	struct memlane_counts c;
	unsigned int i;

	for (i = 0; i < 8; i++)		/* 0, 1 2, 3 .. 6, 7 .. 14 */
		expect_eq(address_of(&a, h)[i * PAGE], 'o');
	wait_for_ahead(&a, 1 + 3 + 7);
	c = counts(&a);
	expect_eq(c.ahead_hits, 1 + 3);
	expect_eq(c.refaults + c.ahead, c.loaded);
	expect_eq(store(&a, &h, 1), c.loaded);
	expect_eq(query(&a, h).out_stored, PAGES);
	for (i = PAGES; i--;)
		expect_eq(address_of(&a, h)[i * PAGE], 'o');
	expect_eq(counts(&a).ahead_hits, c.ahead_hits);
	expect_text(address_of(&a, h), BLOB, 43);
	arena_end(&a);
}

/* And what does not become smaller goes there, too. */
TEST(noise_goes_as_it_is)
{
	int fd = file_new();
	struct arena a = arena_on(fd);
	__u64 h = noise_blob(&a, 2);

	expect_eq(cool(&a, &h, 1), 0);
	expect_eq(store(&a, &h, 1), PAGES);
	expect_eq(counts(&a).lane[MEMLANE_SLOW].resident, 0);
	expect_noise(address_of(&a, h), BLOB, 2);
	expect_eq(store(&a, &h, 1), PAGES);
	memset(address_of(&a, h), 0, PAGE);
	expect_eq(warm(&a, &h, 1), PAGES - 1);
	expect_eq(address_of(&a, h)[PAGE - 1], 0);
	write_noise(address_of(&a, h), BLOB, 3);
	expect_eq(store(&a, &h, 1), PAGES);
	expect_noise(address_of(&a, h), BLOB, 3);
	arena_end(&a);
}

/* Zstandard is in the kernel, or a module that memlane needs. */
static bool kernel_has_zstd(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[256];
	bool has = false;

	expect(f);
	while (!has && fgets(line, sizeof(line), f))
		has = strstr(line, " zstd_compress_cctx");
	fclose(f);
	return has;
}

/* What LZ4 can do nothing with, and Zstandard can. */
TEST(letters_become_smaller)
{
	struct arena a = arena_on(file_new());
	__u64 h = alloc_one(&a, MEMLANE_SLOW, BLOB);

	write_letters(address_of(&a, h), BLOB, 4);
	expect_eq(cool(&a, &h, 1), 0);
	expect_eq(store(&a, &h, 1), PAGES);
	printf("# %llu of %lu bytes\n", (unsigned long long)counts(&a).stored_bytes, BLOB);
	if (kernel_has_zstd())
		expect(counts(&a).stored_bytes < BLOB * 7 / 8);
	else
		expect(counts(&a).stored_bytes > BLOB);
	expect_eq(warm(&a, &h, 1), PAGES);
	expect_letters(address_of(&a, h), BLOB, 4);
	expect_eq(counts(&a).loaded, PAGES);
	arena_end(&a);
}

/* Side by side, each packed another way: a line over and over, text, letters, noise. */
static void write_piece(char *at, unsigned int i)
{
	switch (i % 4) {
	case 0:
		write_text(at, 32, i);
		for (i = 32; i < PAGE; i += 32)
			memcpy(at + i, at, 32);
		break;
	case 1:
		write_text(at, PAGE, i);
		break;
	case 2:
		write_letters(at, PAGE, i);
		break;
	case 3:
		write_noise(at, PAGE, i);
	}
}

TEST(each_page_its_own_way)
{
	struct arena a = arena_on(file_new());
	__u64 h = alloc_one(&a, MEMLANE_SLOW, BLOB);
	static char piece[PAGE];
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		write_piece(address_of(&a, h) + i * PAGE, i);
	expect_eq(cool(&a, &h, 1), PAGES / 2);
	expect_eq(store(&a, &h, 1), PAGES);
	for (i = PAGES; i--;) {
		write_piece(piece, i);
		expect(!memcmp(address_of(&a, h) + i * PAGE, piece, PAGE));
	}
	expect_eq(counts(&a).lost_pages, 0);
	arena_end(&a);
}

/* As kmod/record.h has it: at which byte of a record, and what it may be. */
#define CODEC	22
enum { RAW, LZ4, ZSTD };

/* How the first page of a blob lies in the file. */
static int codec_of(void (*write_page)(char *at))
{
	int fd = file_new(), i;
	unsigned char codec;
	struct arena a = arena_on(fd);
	__u64 h = alloc_one(&a, MEMLANE_SLOW, BLOB);

	for (i = 0; i < (int)PAGES; i++)
		write_page(address_of(&a, h) + i * PAGE);
	expect_eq(store(&a, &h, 1), PAGES);
	expect_eq(pread(fd, &codec, 1, CODEC), 1);
	arena_end(&a);
	return codec;
}

static void write_lines(char *at)
{
	write_text(at, PAGE, 5);
}

/* Half of it is zeros, and there is nothing more to be had. */
static void write_half(char *at)
{
	memset(at, 0, PAGE);
	write_noise(at, PAGE / 2, 5);
}

static void write_all(char *at)
{
	write_noise(at, PAGE, 5);
}

TEST(what_is_quick_to_unpack_goes_before_what_is_little_smaller)
{
	expect_eq(codec_of(write_lines), kernel_has_zstd() ? ZSTD : LZ4);
	expect_eq(codec_of(write_half), LZ4);
	expect_eq(codec_of(write_all), RAW);
}

TEST(warm_brings_all_back)
{
	int fd = file_new();
	struct arena a = arena_on(fd);
	__u64 h = stored_text(&a, 3);
	struct memlane_counts c;

	expect_eq(warm(&a, &h, 1), PAGES);
	c = counts(&a);
	expect_eq(c.stored, 0);
	expect_eq(c.loaded, PAGES);
	expect_text(address_of(&a, h), BLOB, 3);
	expect_eq(counts(&a).loaded, PAGES);
	arena_end(&a);
}

/* What was compressed before goes on; what is there is not written again. */
TEST(by_and_by)
{
	int fd = file_new();
	struct arena a = arena_on(fd);
	__u64 h = text_blob(&a, 4);

	expect_eq(cool(&a, &h, 1), PAGES);
	expect_eq(store(&a, &h, 1), PAGES);
	expect_eq(store(&a, &h, 1), 0);
	write_text(address_of(&a, h) + 7 * PAGE, PAGE, 5);
	expect_eq(store(&a, &h, 1), 1);
	expect_eq(counts(&a).written, PAGES + 1);
	expect_text(address_of(&a, h), 7 * PAGE, 4);
	expect_text(address_of(&a, h) + 7 * PAGE, PAGE, 5);
	arena_end(&a);
}

/* The background says so once, and what the file does not take is in memory still. */
TEST(a_full_file_is_told_of)
{
	struct arena a = arena_new(8 * MIB, 32 * MIB);
	__u64 noise[4];
	int i;

	expect_eq(set_backing(&a, file_new(), GROUP), 0);
	for (i = 0; i < 4; i++)
		noise[i] = noise_blob(&a, i);
	set(&a, MEMLANE_OPT_COLD_AGE, 1);
	cycles(&a, 12);
	expect_eq(backing_events(&a, ENOSPC), 1);
	expect(counts(&a).written <= GROUP / PAGE);
	for (i = 0; i < 4; i++)
		expect_noise(address_of(&a, noise[i]), BLOB, i);
	arena_end(&a);
}

/* Put away by one walk, and stored by the next, whether it became smaller or not. */
TEST(what_nobody_uses_goes_there)
{
	struct arena a = arena_on(file_new());
	__u64 text = text_blob(&a, 30), noise = noise_blob(&a, 31);
	unsigned int i;

	set(&a, MEMLANE_OPT_COLD_AGE, 1);
	for (i = 0; i < 20 && query(&a, noise).out_stored < PAGES; i++)
		cycles(&a, 1);
	expect_eq(query(&a, text).out_stored, PAGES);
	expect_eq(query(&a, noise).out_stored, PAGES);
	expect_text(address_of(&a, text), BLOB, 30);
	expect_noise(address_of(&a, noise), BLOB, 31);
	arena_end(&a);
}

/* Slots are used again: the file is no longer than what was in it at once needs. */
TEST(the_file_does_not_grow)
{
	int fd = file_new();
	struct arena a = arena_on(fd);
	__u64 h = noise_blob(&a, 0);
	unsigned int i, j;

	for (i = 1; i < 30; i++) {
		expect_eq(store(&a, &h, 1), i == 1 ? PAGES : 9);
		/* The last first, so that no neighbours come along. */
		for (j = 9; j--;) {
			write_noise(address_of(&a, h) + (i + j) * PAGE, PAGE, i);
			expect_noise(address_of(&a, h) + (i + j) * PAGE, PAGE, i);
		}
		expect(file_size(fd) <= 2 * BLOB + 2 * GROUP);
	}
	expect_eq(free_live(&a, &h, 1), 0);
	expect_eq(counts(&a).stored, 0);
	expect_eq(counts(&a).stored_bytes, 0);
	expect_empties(fd);
	arena_end(&a);
}

TEST(other_ways_to_touch_it)
{
	static char copy[BLOB] __attribute__((aligned(PAGE)));
	int fd = file_new(), mem = open("/proc/self/mem", O_RDONLY);
	struct arena a = arena_on(fd);
	__u64 h = stored_text(&a, 6);
	char *at = address_of(&a, h);
	struct iovec to = { copy, BLOB }, from = { at, BLOB };

	expect_eq(process_vm_readv(getpid(), &to, 1, &from, 1, 0), BLOB);
	expect_text(copy, BLOB, 6);
	expect_eq(store(&a, &h, 1), PAGES);
	memset(copy, 0, BLOB);
	expect_eq(pread(mem, copy, BLOB, (unsigned long)at), BLOB);
	expect_text(copy, BLOB, 6);
	expect_eq(store(&a, &h, 1), PAGES);
	splice_out(at, copy, 16 * PAGE);
	expect_text(copy, 16 * PAGE, 6);
	expect(store(&a, &h, 1) >= 16);		/* and what came along */
	/* To the very file, and from there: where no lock is in the way, see memlane.h. */
	if (getenv("ML_DIR"))
		fd = memfd_create("other", MFD_CLOEXEC);
	expect_eq(pwrite(fd, at, BLOB, 1L << 30), BLOB);
	expect_eq(store(&a, &h, 1), PAGES);
	expect_eq(pread(fd, at, BLOB, 1L << 30), BLOB);
	expect_text(at, BLOB, 6);
	arena_end(&a);
}

static char *view_map(const struct arena *a, int fd)
{
	struct memlane_region r = arena_region(a, MEMLANE_REGION_DATA);
	char *map = mmap(NULL, r.length, PROT_READ, MAP_SHARED, fd, r.offset);

	expect(map != MAP_FAILED);
	return map;
}

TEST(a_view_shows_it)
{
	int fd = file_new(), view;
	struct arena a = arena_on(fd);
	__u64 h = stored_text(&a, 7);
	char *map;

	view = ioctl(a.fd, MEMLANE_IOCTL_VIEW, 0);
	expect(view >= 0);
	map = view_map(&a, view);
	expect_text(map + (address_of(&a, h) - a.map[MEMLANE_REGION_DATA]), BLOB, 7);
	expect_eq(counts(&a).loaded, PAGES);
	close(view);
	arena_end(&a);
}

/* ------------------------------------------------------------- moves */

TEST(blobs_move_as_they_are)
{
	int fd = file_new();
	struct arena a = arena_on(fd);
	__u64 gone = text_blob(&a, 8), h = stored_text(&a, 9);
	char *before = address_of(&a, h);

	expect_eq(free_live(&a, &gone, 1), 0);
	expect_eq(compact(&a).out_remapped, 1);
	expect(address_of(&a, h) != before);
	expect_eq(query(&a, h).out_stored, PAGES);
	expect_eq(counts(&a).loaded, 0);
	expect_text(address_of(&a, h), BLOB, 9);
	expect_sound(&a);
	arena_end(&a);
}

TEST(the_fast_lane_gets_pages)
{
	int fd = file_new();
	struct arena a = arena_on(fd);
	__u64 h = stored_text(&a, 10);

	expect_eq(migrate_one(&a, h, MEMLANE_FAST), 0);
	expect_eq(query(&a, h).out_resident, PAGES);
	expect_text(address_of(&a, h), BLOB, 10);
	arena_end(&a);
}

/* From pages that are in the file to others that are. */
TEST(blocks_move_by_their_bytes)
{
	static __u64 h[BLOCKS];
	int fd = file_new();
	struct arena a = arena_on(fd);
	__u64 gone[BLOCKS / 2];
	unsigned int i;

	text_blocks(&a, h, BLOCKS);
	for (i = 0; i < BLOCKS / 2; i++)
		gone[i] = h[2 * i];
	expect_eq(free_live(&a, gone, BLOCKS / 2), 0);
	for (i = 0; i < BLOCKS / 2; i++)
		h[i] = h[2 * i + 1];
	expect(store(&a, h, BLOCKS / 2) > 0);
	expect_eq(counts(&a).lane[MEMLANE_SLOW].resident, 0);
	expect(compact(&a).out_moved > 0);
	for (i = 0; i < BLOCKS / 2; i++)
		expect_text(address_of(&a, h[i]), BLOCK, 2 * i + 1);
	expect_sound(&a);
	arena_end(&a);
}

/* ------------------------------------------------------------- files that were hurt */

TEST(a_file_that_was_cut)
{
	int fd = file_new();
	struct arena a = arena_on(fd);
	__u64 good = stored_noise(&a, 11), h = stored_noise(&a, 12);
	unsigned int lost;

	expect_eq(ftruncate(fd, file_size(fd) - 70000), 0);
	lost = pages_lost(&a, h, 12);
	expect(lost >= 15 && lost <= 18);
	expect_eq(lost_events(&a, h, lost), lost);
	expect_eq(counts(&a).lost_pages, lost);
	expect_eq(counts(&a).lost, lost);
	expect_noise(address_of(&a, good), BLOB, 11);
	/* It does not come again, and the place is good for others. */
	expect_eq(pages_lost(&a, h, 12), lost);
	expect_eq(free_live(&a, &h, 1), 0);
	h = stored_noise(&a, 13);
	expect_eq(pages_lost(&a, h, 13), 0);
	expect_eq(lost_events(&a, h, 0), 0);
	expect_sound(&a);
	arena_end(&a);
}

/* Pages that would have come along, and cannot be read, are lost when they are touched. */
TEST(nobody_asked_for_what_is_bad)
{
	int fd = file_new();
	struct arena a = arena_on(fd);
	__u64 h = stored_noise(&a, 44);
	char *at = address_of(&a, h);
	unsigned int i;

	expect_eq(ftruncate(fd, 25 * PAGE), 0);
	for (i = 0; i < 20; i++)	/* 0, 1 2, 3 .. 6, 7 .. 14, 15 .. 30 */
		expect_eq(touch(at + i * PAGE, false), 0);
	wait_for_ahead(&a, 1 + 3 + 7 + 8);	/* up to page 23: 24 ends behind the file's end */
	expect_eq(query(&a, h).out_lost, 0);
	expect_eq(lost_events(&a, h, 0), 0);
	expect_eq(touch(at + 26 * PAGE, false), SIGBUS);
	expect_eq(lost_events(&a, h, 1), 1);
	expect_eq(query(&a, h).out_lost, 1);
	arena_end(&a);
}

TEST(a_file_of_zeros)
{
	int fd = file_new();
	struct arena a = arena_on(fd);
	__u64 h = stored_noise(&a, 14);
	unsigned long size = file_size(fd);
	struct memlane_cool req = cool_req(&h, 1);

	expect_eq(ftruncate(fd, 0), 0);
	expect_eq(ftruncate(fd, size), 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_WARM, &req), -EIO);
	expect_eq(pages_lost(&a, h, 14), PAGES);
	expect_eq(migrate_one(&a, h, MEMLANE_FAST), 0);
	expect_eq(query(&a, h).out_lost, PAGES);
	expect_eq(touch(address_of(&a, h), false), SIGBUS);
	arena_end(&a);
}

#define FAR_BLOBS 32	/* that lie in four chunks of the lane */

/* Wherever they lie, and however many have been told of before. */
TEST(each_lost_object_is_told_of)
{
	int fd = file_new(), i;
	struct arena a = arena_on(fd);
	__u64 h[FAR_BLOBS];

	for (i = 0; i < FAR_BLOBS; i++)
		h[i] = stored_noise(&a, i);
	expect_eq(ftruncate(fd, 0), 0);
	for (i = 0; i < FAR_BLOBS; i++) {
		expect_eq(touch(address_of(&a, h[i]), false), SIGBUS);
		expect_eq(lost_events(&a, h[i], 1), 1);
	}
	for (i = 0; i < FAR_BLOBS; i++)
		expect_eq(touch(address_of(&a, h[i]) + PAGE, false), SIGBUS);
	lost_events(&a, h[0], FAR_BLOBS);
	expect_eq(counts(&a).lost, 2 * FAR_BLOBS);
	arena_end(&a);
}

/* Two groups change places; and so what was written earlier comes back. */
TEST(a_file_that_was_shuffled)
{
	static char one[GROUP], two[GROUP];
	int fd = file_new();
	struct arena a = arena_on(fd);
	__u64 h = stored_noise(&a, 15);
	unsigned int lost;

	expect_eq(pread(fd, one, GROUP, 0), GROUP);
	expect_eq(pread(fd, two, GROUP, GROUP), GROUP);
	expect_eq(pwrite(fd, one, GROUP, GROUP), GROUP);
	expect_eq(pwrite(fd, two, GROUP, 0), GROUP);
	lost = pages_lost(&a, h, 15);
	expect(lost >= 60);
	expect_eq(free_live(&a, &h, 1), 0);
	expect_empties(fd);
	h = stored_noise(&a, 16);
	expect_eq(pwrite(fd, one, GROUP, 0), GROUP);
	expect(pages_lost(&a, h, 16) >= 30);
	arena_end(&a);
}

static void flip_bits(void (*write)(char *, unsigned long, unsigned long long),
		      unsigned long long (*word)(unsigned long long), unsigned int rounds)
{
	unsigned int i, lost = 0, here;
	double likely = 0;
	unsigned long long seed = harness_seed();
	int fd = file_new();
	struct arena a = arena_on(fd);
	__u64 h;

	for (i = 0; i < rounds; i++) {
		unsigned long at;
		char byte;

		h = alloc_one(&a, MEMLANE_SLOW, BLOB);
		write(address_of(&a, h), BLOB, i);
		expect_eq(store(&a, &h, 1), PAGES);
		at = rng_next(&seed) % file_size(fd);
		likely += (double)counts(&a).stored_bytes / file_size(fd);
		expect_eq(pread(fd, &byte, 1, at), 1);
		byte ^= 1 << rng_next(&seed) % 8;
		expect_eq(pwrite(fd, &byte, 1, at), 1);
		here = pages_lost_of(&a, h, i, word);
		expect(here <= 1);
		lost += here;
		expect_eq(free_live(&a, &h, 1), 0);
	}
	printf("# %u of %u, %.1f were to be expected\n", lost, rounds, likely);
	/* By chance it is less than half of that once in 10^5 runs. */
	expect(lost > likely / 2);
	arena_end(&a);
}

/* One bit of the file: one page at most, and nothing wrong. */
TEST(bits_that_were_flipped)
{
	unsigned int rounds = env("ML_FLIPS", 40);

	flip_bits(write_noise, as_it_is, rounds);
}

TEST(bits_that_were_flipped_of_packed_pages)
{
	unsigned int rounds = env("ML_FLIPS", 20);

	flip_bits(write_letters, letters_of, rounds);
}

/* All objects on the page are told of, and no other. */
TEST(blocks_of_a_page)
{
	static __u64 h[BLOCKS];
	int fd = file_new();
	struct arena a = arena_on(fd);
	unsigned int i, bad = 0;
	char zeros[64] = { 0 };

	text_blocks(&a, h, BLOCKS);
	expect(store(&a, h, BLOCKS) > 0);
	expect_eq(pwrite(fd, zeros, sizeof(zeros), 0), sizeof(zeros));
	for (i = 0; i < BLOCKS; i++)
		if (touch(address_of(&a, h[i]), false) || touch(address_of(&a, h[i]) + BLOCK - 1, false))
			bad++;
		else
			expect_text(address_of(&a, h[i]), BLOCK, i);
	expect(bad >= 4 && bad <= 6);
	lost_events(&a, 0, bad);
	expect_eq(counts(&a).lost_pages, 1);
	expect_eq(counts(&a).lost, bad);
	arena_end(&a);
}

/* ------------------------------------------------------------- full files */

TEST(a_full_file_system)
{
	struct arena a = arena_new(8 * MIB, 32 * MIB);
	char dir[] = "/dev/shm/store-XXXXXX";
	__u64 h[4];
	int fd, i;

	expect(mkdtemp(dir));
	if (mount("store", dir, "tmpfs", 0, "size=512k")) {
		rmdir(dir);
		skip("no tmpfs can be mounted");
	}
	fd = open(dir, O_RDWR | O_TMPFILE, 0600);
	expect(fd >= 0);
	expect_eq(set_backing(&a, fd, 0), 0);
	for (i = 0; i < 4; i++)
		h[i] = noise_blob(&a, i);
	expect_eq(store_error(&a, h, 4), -ENOSPC);
	expect_eq(counts(&a).write_errors, 1);
	expect(counts(&a).stored >= PAGES && counts(&a).stored < 3 * PAGES);
	for (i = 0; i < 4; i++)
		expect_noise(address_of(&a, h[i]), BLOB, i);
	expect_eq(mount("store", dir, "tmpfs", MS_REMOUNT, "size=4m"), 0);
	expect_eq(store(&a, h, 4), 4 * PAGES);
	for (i = 0; i < 4; i++)
		expect_noise(address_of(&a, h[i]), BLOB, i);
	arena_end(&a);
	close(fd);
	for (i = 0; i < 500 && umount(dir); i++)
		usleep(10000);
	expect_eq(rmdir(dir), 0);
}

TEST(a_limit_of_its_own)
{
	int fd = file_new();
	struct arena a = arena_new(8 * MIB, 32 * MIB);
	__u64 h[4];
	int i;

	expect_eq(set_backing(&a, fd, 2 * GROUP), 0);
	for (i = 0; i < 4; i++)
		h[i] = noise_blob(&a, i);
	expect_eq(store_error(&a, h, 4), -ENOSPC);
	expect_eq(file_size(fd), 2 * GROUP);
	expect(counts(&a).stored >= 60);
	expect_eq(counts(&a).write_errors, 0);
	for (i = 0; i < 4; i++)
		expect_noise(address_of(&a, h[i]), BLOB, i);
	arena_end(&a);
}

TEST(a_limit_of_the_process)
{
	struct rlimit limit = { 0, RLIM_INFINITY };
	struct arena a = arena_new(8 * MIB, 32 * MIB);
	struct memlane_set_backing req = { .size = sizeof(req), .fd = file_new() };
	__u64 h = noise_blob(&a, 1);

	expect_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_SET_BACKING, &req), -EFBIG);
	limit.rlim_cur = GROUP;
	expect_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_SET_BACKING, &req), 0);
	expect_eq(req.out_max, GROUP);
	expect_eq(store_error(&a, &h, 1), -ENOSPC);
	expect_noise(address_of(&a, h), BLOB, 1);
	arena_end(&a);
}

/* ------------------------------------------------------------- which files */

static int opened(const char *path, int flags)
{
	int fd = open(path, flags | O_CREAT | O_CLOEXEC, 0600);

	expect(fd >= 0);
	return fd;
}

TEST(descriptors_that_will_not_do)
{
	struct arena a = arena_new(8 * MIB, 32 * MIB);
	int fds[2], fd, file = file_new();
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	expect_eq(set_backing(&a, 9999, 0), -EBADF);
	expect_eq(set_backing(&a, -2, 0), -EINVAL);
	expect_eq(set_backing(&a, -1, 0), 0);
	expect_eq(pipe(fds), 0);
	expect_eq(set_backing(&a, fds[1], 0), -EINVAL);
	expect_eq(set_backing(&a, a.fd, 0), -EINVAL);
	fd = open("/dev/shm", O_RDONLY | O_DIRECTORY);
	expect_eq(set_backing(&a, fd, 0), -EINVAL);
	expect_eq(set_backing(&a, opened(path, O_RDONLY), 0), -EACCES);
	expect_eq(set_backing(&a, opened(path, O_WRONLY), 0), -EACCES);
	expect_eq(set_backing(&a, opened(path, O_RDWR | O_APPEND), 0), -EINVAL);
	fd = open(path, O_PATH);
	expect_eq(set_backing(&a, fd, 0), -EBADF);
	fd = opened(path, O_RDWR);
	expect_eq(set_backing(&a, fd, GROUP - 1), -EINVAL);
	expect_eq(set_backing(&a, fd, 1ULL << 41), -EINVAL);
	expect_eq(set_backing(&a, fd, 1ULL << 40), 0);
	arena_end(&a);
}

TEST(bad_calls)
{
	struct arena a = arena_new(8 * MIB, 32 * MIB);
	struct memlane_set_backing req = { .size = sizeof(req), .fd = file_new(), .flags = 1 };
	__u64 h = text_blob(&a, 1);
	struct memlane_cool cool = cool_req(&h, 1);

	expect_eq(call(a.fd, MEMLANE_IOCTL_SET_BACKING, &req), -EOPNOTSUPP);
	req.flags = 0;
	req.__reserved = 1;
	expect_eq(call(a.fd, MEMLANE_IOCTL_SET_BACKING, &req), -EOPNOTSUPP);
	expect_eq(store_error(&a, &h, 1), -ENXIO);
	cool.flags = MEMLANE_COOL_STORE;
	expect_eq(call(a.fd, MEMLANE_IOCTL_WARM, &cool), -EOPNOTSUPP);
	expect_text(address_of(&a, h), BLOB, 1);
	arena_end(&a);
}

TEST(one_file_is_one_arenas)
{
	int fd = file_new(), other = file_new();
	struct arena a = arena_on(fd), b = arena_new(8 * MIB, 32 * MIB);
	__u64 h = stored_text(&a, 1), i;

	expect_eq(set_backing(&b, fd, 0), -EBUSY);
	expect_eq(set_backing(&b, other, 0), 0);
	i = stored_text(&b, 2);
	/* Something is stored: it may not go, nor be another one. */
	expect_eq(set_backing(&a, -1, 0), -EBUSY);
	expect_eq(set_backing(&a, file_new(), 0), -EBUSY);
	expect_text(address_of(&a, h), BLOB, 1);
	expect_text(address_of(&b, i), BLOB, 2);
	expect_eq(set_backing(&a, -1, 0), 0);
	expect_eq(store_error(&a, &h, 1), -ENXIO);
	/* Given up, or its arena has ended: others may have it. */
	arena_end(&b);
	expect_eq(set_backing(&a, other, 0), 0);
	expect_eq(store(&a, &h, 1), PAGES);
	expect_text(address_of(&a, h), BLOB, 1);
	arena_end(&a);
	expect_empties(fd);
	expect_empties(other);
}

/* ------------------------------------------------------------- together */

#define RACERS 4

struct race {
	struct arena a;
	__u64 h;
	unsigned int end;
};

/* Each has every RACERS-th page, and nobody else writes there. */
static int racer(struct race *r, unsigned int self)
{
	unsigned long long seed = harness_seed() + self, last[PAGES] = { 0 }, *word;
	unsigned long turns = 0, i;

	while (!__atomic_load_n(&r->end, __ATOMIC_RELAXED)) {
		i = rng_next(&seed) % (PAGES / RACERS) * RACERS + self;
		word = (unsigned long long *)(address_of(&r->a, r->h) + i * PAGE);
		if (word[0] != last[i])
			fail("page %lu has %llu, and %llu was written last", i, word[0], last[i]);
		if (word[1 + last[i] % 511] != last[i])
			fail("page %lu has an old end", i);
		word[0] = ++last[i];
		word[1 + last[i] % 511] = last[i];
		if (i % 8 == self && turns % 64 < 8)
			write_noise((char *)&word[512 / 2], PAGE / 2, 1 + turns);
		word[1 + last[i] % 511] = last[i];
		if (++turns % 16 == 0)
			usleep(3000);
	}
	return 0;
}

static void expect_good_ends(const pid_t *child, unsigned int nr)
{
	int status;

	while (nr--) {
		expect_eq(waitpid(child[nr], &status, 0), child[nr]);
		expect_eq(status, 0);
	}
}

/* Stored, read, moved, while others write. */
TEST(while_others_write)
{
	struct race *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child[RACERS];
	unsigned int i;
	__u64 hole;

	r->a = arena_on(file_new());
	hole = alloc_one(&r->a, MEMLANE_SLOW, BLOB);
	r->h = alloc_one(&r->a, MEMLANE_SLOW, BLOB);
	for (i = 0; i < RACERS; i++) {
		child[i] = fork();
		expect(child[i] >= 0);
		if (child[i])
			continue;
		arena_map(&r->a);
		_exit(racer(r, i));
	}
	/* All of it may be over before one of them has begun. */
	for (i = 0; i < env("ML_ROUNDS", 150) || !counts(&r->a).loaded; i++)
		store(&r->a, &r->h, 1);
	__atomic_store_n(&r->end, 1, __ATOMIC_RELAXED);
	expect_good_ends(child, RACERS);
	printf("# %llu pages stored, %llu read\n", (unsigned long long)counts(&r->a).written,
	       (unsigned long long)counts(&r->a).loaded);
	expect_eq(counts(&r->a).lost_pages, 0);
	free_live(&r->a, &hole, 1);
	expect_sound(&r->a);
	close(r->a.fd);
}

/* One reads all the time, the other frees, and makes new ones of the same pages. */
TEST(freed_while_they_are_read)
{
	struct race *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long at;
	unsigned int i;
	pid_t child;

	r->a = arena_on(file_new());
	r->h = text_blob(&r->a, 0);
	at = address_of(&r->a, r->h) - r->a.map[MEMLANE_REGION_DATA];
	child = fork();
	expect(child >= 0);
	if (!child) {
		arena_map(&r->a);
		for (i = 0; !__atomic_load_n(&r->end, __ATOMIC_RELAXED); i++)
			touch(r->a.map[MEMLANE_REGION_DATA] + at + usleep(300) + i % PAGES * PAGE, false);
		_exit(0);
	}
	for (i = 0; i < env("ML_ROUNDS", 100); i++) {
		expect_eq(store_error(&r->a, &r->h, 1), 0);
		if (i % 2)
			expect_text(address_of(&r->a, r->h), BLOB, i);
		expect_eq(free_live(&r->a, &r->h, 1), 0);
		r->h = text_blob(&r->a, i + 1);
	}
	__atomic_store_n(&r->end, 1, __ATOMIC_RELAXED);
	expect_good_ends(&child, 1);
	expect_eq(counts(&r->a).lost_pages, 0);
	expect(counts(&r->a).loaded > 0);
	expect_sound(&r->a);
	close(r->a.fd);
}

/* Killed at any moment of writing and reading, it leaves nothing, and the file is free. */
TEST(killed_in_the_middle)
{
	unsigned int i;
	int fd = file_new();

	for (i = 0; i < env("ML_KILLS", 30); i++) {
		pid_t child = fork();

		expect(child >= 0);
		if (!child) {
			struct arena a = arena_on(fd);
			__u64 h = text_blob(&a, 1);

			for (;;) {
				store(&a, &h, 1);
				expect_text(address_of(&a, h), BLOB, 1);
			}
		}
		usleep(20000 + 1300 * i);
		kill(child, SIGKILL);
		expect_eq(waitpid(child, NULL, 0), child);
	}
	expect_empties(fd);
}

TEST(nothing_is_left)
{
	int i;

	for (i = 0; i < 500 && debugfs_number("pages"); i++)
		usleep(10000);
	expect_nothing_left();
}
