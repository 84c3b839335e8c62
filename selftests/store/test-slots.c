// SPDX-License-Identifier: MIT
/* test-slots.c - who may write where in a backing file */
#include <errno.h>
#include <linux/slab.h>

#include "file.h"

static struct memlane_stretch take(struct memlane_slots *s, u32 nr)
{
	struct memlane_stretch w;

	expect_eq(memlane_slots_prepare(s), 0);
	expect(memlane_slots_take(s, nr, &w));
	return w;
}

/* What nothing was added to is free at once, what was is not. */
static void settled(void)
{
	struct memlane_slots s;
	struct memlane_stretch w;

	expect_eq(memlane_slots_init(&s, MEMLANE_GROUP_BYTES), 0);
	w = take(&s, 32);
	expect_eq(w.nr, 32);
	expect_eq(s.blocks, 32);
	memlane_slots_add(&s, 4096 - 64, 128);	/* of blocks 0 and 1 */
	memlane_slots_settle(&s, &w);
	expect_eq(s.blocks, 2);
	w = take(&s, 32);
	expect_eq(w.block, 2);
	expect_eq(w.nr, 30);
	memlane_slots_settle(&s, &w);
	memlane_slots_drop(&s, 4096 - 64, 128);
	expect_eq(s.blocks, 0);
	expect(memlane_slots_trim(&s));
	expect_eq(s.end, 0);
	memlane_slots_exit(&s);
}

/* A file that is full says so; a hole of one block is found. */
static void full(void)
{
	const u64 groups = 3, last = groups * MEMLANE_GROUP_BYTES;
	struct memlane_slots s;
	struct memlane_stretch w;
	u64 at;

	expect_eq(memlane_slots_init(&s, last + 4096), 0);	/* what is no group is not used */
	for (at = 0; at < last; at += MEMLANE_GROUP_BYTES) {
		w = take(&s, 32);
		expect_eq(w.block, at >> MEMLANE_BLOCK_SHIFT);
		memlane_slots_add(&s, at, MEMLANE_GROUP_BYTES);
		memlane_slots_settle(&s, &w);
	}
	expect_eq(memlane_slots_prepare(&s), 0);
	expect(!memlane_slots_take(&s, 1, &w));
	memlane_slots_drop(&s, MEMLANE_GROUP_BYTES + 4096, 4096);
	w = take(&s, 32);
	expect_eq(w.block, 33);
	expect_eq(w.nr, 1);
	memlane_slots_settle(&s, &w);
	memlane_slots_exit(&s);
}

/* What is free near the start is used before the file grows, however long the file is. */
static void from_the_start(void)
{
	struct memlane_slots s;
	struct memlane_stretch w;
	unsigned int i;

	expect_eq(memlane_slots_init(&s, 200 * MEMLANE_GROUP_BYTES), 0);
	for (i = 0; i < 2 * MEMLANE_LEAF_GROUPS; i++) {
		w = take(&s, 32);
		expect_eq(w.block, 32 * i);
		memlane_slots_add(&s, w.block * 4096, MEMLANE_GROUP_BYTES);
		memlane_slots_settle(&s, &w);
	}
	memlane_slots_drop(&s, 5 * MEMLANE_GROUP_BYTES, MEMLANE_GROUP_BYTES);
	w = take(&s, 32);
	expect_eq(w.block, 5 * 32);
	memlane_slots_settle(&s, &w);
	memlane_slots_exit(&s);
}

/* A block that is written has another generation than ever before. */
static void generations(void)
{
	struct memlane_slots s;
	struct memlane_stretch w, v;

	expect_eq(memlane_slots_init(&s, MEMLANE_GROUP_BYTES), 0);
	w = take(&s, 4);
	memlane_slots_add(&s, 4096 + 64, 64);
	expect_eq(memlane_slots_generation(&s, 4096 + 64), w.generation);
	memlane_slots_settle(&s, &w);
	v = take(&s, 32);
	expect_eq(v.block, 2);
	expect(v.generation != w.generation);
	expect_eq(memlane_slots_generation(&s, 4096 + 64), w.generation);
	memlane_slots_settle(&s, &v);
	memlane_slots_exit(&s);
}

/* Nobody writes to a group that is being punched out, and each is punched out once. */
static void holes(void)
{
	struct memlane_slots s;
	struct memlane_stretch w, hole, v;

	expect_eq(memlane_slots_init(&s, 2 * MEMLANE_GROUP_BYTES), 0);
	w = take(&s, 32);
	expect(!memlane_slots_hole(&s, &hole));
	memlane_slots_settle(&s, &w);
	expect(memlane_slots_hole(&s, &hole));
	expect_eq(hole.block, 0);
	v = take(&s, 32);
	expect_eq(v.block, 32);
	expect(!memlane_slots_take(&s, 1, &w));
	memlane_slots_add(&s, v.block * 4096, 64);
	memlane_slots_settle(&s, &v);
	memlane_slots_holed(&s, &hole);
	expect(!memlane_slots_hole(&s, &hole));
	expect(!memlane_slots_trim(&s));	/* the last one is in use */
	memlane_slots_drop(&s, v.block * 4096, 64);
	expect(memlane_slots_trim(&s));
	expect_eq(s.end, 0);
	memlane_slots_exit(&s);
}

static void nomem(void)
{
	struct memlane_slots s;
	struct memlane_stretch w;

	no_memory = true;
	expect_eq(memlane_slots_init(&s, MEMLANE_GROUP_BYTES), -ENOMEM);
	no_memory = false;
	expect_eq(memlane_slots_init(&s, MEMLANE_GROUP_BYTES), 0);
	no_memory = true;
	expect_eq(memlane_slots_prepare(&s), -ENOMEM);
	no_memory = false;
	expect(!memlane_slots_take(&s, 1, &w));
	w = take(&s, 1);
	memlane_slots_settle(&s, &w);
	memlane_slots_exit(&s);
}

/* Any order of everything, against a plain count; the file shrinks to nothing. */
static void random_order(void)
{
	struct file *f = file_new(12 * MEMLANE_GROUP_BYTES, rng_new());
	u64 ops = ktap_ops(3000), most = 0;

	for (; ops; ops--) {
		u64 what = rng_below(&f->rng, 8);

		if (what < 3)
			file_store(f, 1 + rng_below(&f->rng, 40));
		else if (what < 7 && f->nr)
			for (what = rng_below(&f->rng, 20); what && f->nr; what--)
				file_drop(f, rng_below(&f->rng, f->nr));
		else
			file_punch(f);
		if (!(ops % 16))
			file_check(f);
		if (f->slots.end > most)
			most = f->slots.end;
	}
	expect(most <= 12);
	while (f->nr)
		file_drop(f, f->nr - 1);
	file_check(f);
	file_punch(f);
	expect_eq(f->slots.end, 0);
	file_end(f);
}

static const struct test tests[] = {
	{ "slots_settled", settled },
	{ "slots_full", full },
	{ "slots_from_the_start", from_the_start },
	{ "slots_generations", generations },
	{ "slots_holes", holes },
	{ "slots_nomem", nomem },
	{ "slots_random_order", random_order },
};

KTAP_MAIN(tests);
