// SPDX-License-Identifier: MIT
/*
 * test-crash.c - a file that is not what was written: each page is right, or is missed
 *
 * A device may have kept any of a block's contents, in any order, and torn by sectors.
 * ML_OPS: how many images.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

#define FILE_BYTES	(8ULL * MEMLANE_GROUP_BYTES)

static u8 image[BLOCKS * (u64)MEMLANE_BLOCK];

/* Some life before the crash. */
static void live(struct file *f, u64 steps)
{
	for (; steps; steps--) {
		u64 drops = rng_below(&f->rng, 60);

		file_store(f, 1 + rng_below(&f->rng, 40));
		for (; drops && f->nr; drops--)
			file_drop(f, rng_below(&f->rng, f->nr));
		if (!rng_below(&f->rng, 4))
			file_punch(f);
	}
}

/* A sector of one content, a sector of another; 0: what the file was made with. */
static void keep_some(struct file *f, u64 nr)
{
	const struct block *b = &f->block[nr];
	u32 at;

	for (at = 0; at < MEMLANE_BLOCK; at += SECTOR) {
		u64 which = rng_below(&f->rng, b->nr + 1);

		if (which)
			memcpy(image + nr * MEMLANE_BLOCK + at, b->was[which - 1] + at, SECTOR);
		else
			memset(image + nr * MEMLANE_BLOCK + at, 0, SECTOR);
	}
}

static void keep_whole(struct file *f, u64 nr)
{
	const struct block *b = &f->block[nr];
	u64 which = rng_below(&f->rng, b->nr + 1);

	if (which)
		memcpy(image + nr * MEMLANE_BLOCK, b->was[which - 1], MEMLANE_BLOCK);
	else
		memset(image + nr * MEMLANE_BLOCK, 0, MEMLANE_BLOCK);
}

/* What of the last writes came to the device: one block in @one_in did not, or not whole. */
static void crash(struct file *f, u64 one_in)
{
	u64 nr;

	file_newest(f, image);
	for (nr = 0; nr < FILE_BYTES >> MEMLANE_BLOCK_SHIFT; nr++) {
		if (rng_below(&f->rng, one_in))
			continue;
		if (rng_below(&f->rng, 2))
			keep_whole(f, nr);
		else
			keep_some(f, nr);
	}
}

/* Return: how many are not there. */
static u64 look(struct file *f)
{
	u64 missed = 0;
	unsigned int i;

	for (i = 0; i < f->nr; i++) {
		bool same = file_same(f, image, &f->stored[i]);
		int ret = file_read(f, image, &f->stored[i]);

		expect_eq(ret, same ? (int)f->stored[i].codec : -EBADMSG);
		missed += !same;
	}
	return missed;
}

static void images(void)
{
	u64 left = ktap_ops(3000), missed = 0, looked = 0, i;
	struct rng rng = rng_new();

	while (left) {
		struct file *f = file_new(FILE_BYTES, rng);

		live(f, 12);
		file_newest(f, image);
		expect_eq(look(f), 0);
		for (i = 0; left && i < 10; i++, left--) {
			live(f, 1);
			crash(f, 1 + rng_below(&f->rng, 50));
			missed += look(f);
			looked += f->nr;
		}
		rng = f->rng;
		file_end(f);
	}
	/* Images that are never wrong would show nothing. */
	expect(missed > looked / 100 && missed < looked);
}

/* One bit of one record, which is missed, and no other. */
static void flipped(void)
{
	u64 left = ktap_ops(1000);
	struct file *f = file_new(FILE_BYTES, rng_new());

	live(f, 12);
	while (!f->nr)
		live(f, 1);
	file_newest(f, image);
	for (; left; left--) {
		const struct stored *s = &f->stored[rng_below(&f->rng, f->nr)];
		u64 bits = 8 * (sizeof(struct memlane_record) + s->ticket.length);
		u64 bit = rng_below(&f->rng, bits);
		u8 *at = image + s->ticket.place * MEMLANE_RECORD_GRAIN + bit / 8;

		*at ^= 1 << bit % 8;
		expect_eq(file_read(f, image, s), -EBADMSG);
		expect_eq(look(f), 1);
		*at ^= 1 << bit % 8;
	}
	file_end(f);
}

/* Two records in each other's place, and one at the place of another. */
static void swapped(void)
{
	struct file *f = file_new(FILE_BYTES, rng_new());
	u64 left = ktap_ops(1000), tried = 0;

	while (f->nr < 2)
		live(f, 1);
	file_newest(f, image);
	for (; left; left--) {
		const struct stored *a = &f->stored[rng_below(&f->rng, f->nr)];
		const struct stored *b = &f->stored[rng_below(&f->rng, f->nr)];
		u8 *at = image + a->ticket.place * MEMLANE_RECORD_GRAIN, keep[8192];
		u32 len = memlane_record_bytes(b->ticket.length);

		if (a == b || at + len > image + FILE_BYTES)
			continue;
		memcpy(keep, at, len);
		memmove(at, image + b->ticket.place * MEMLANE_RECORD_GRAIN, len);
		expect_eq(file_read(f, image, a), -EBADMSG);
		memcpy(at, keep, len);
		tried++;
	}
	expect(tried);
	file_end(f);
}

static const struct test tests[] = {
	{ "crash_images", images },
	{ "crash_flipped", flipped },
	{ "crash_swapped", swapped },
};

KTAP_MAIN(tests);
