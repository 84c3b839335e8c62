// SPDX-License-Identifier: MIT
/* file.c - a backing file in memory, used as the module uses one */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

bool no_memory;

/* All of it, as the module has it. */
struct memlane_record_key key_new(struct rng *rng)
{
	struct memlane_record_key key;
	unsigned int i;

	key.hide.key[0] = rng_next(rng);
	key.hide.key[1] = rng_next(rng);
	for (i = 0; i < sizeof(key.sum) / sizeof(key.sum[0]); i++)
		key.sum[i] = rng_next(rng);
	return key;
}

struct file *file_new(u64 bytes, struct rng rng)
{
	struct file *f = calloc(1, sizeof(*f));

	expect(f && bytes <= BLOCKS * (u64)MEMLANE_BLOCK);
	f->rng = rng;
	f->key = key_new(&f->rng);
	expect_eq(memlane_slots_init(&f->slots, bytes), 0);
	return f;
}

void file_end(struct file *f)
{
	memlane_slots_exit(&f->slots);
	free(f);
}

/* A page's bytes come from its seed, so none need be kept. */
static void fill(u8 *to, u32 seed, u32 len)
{
	struct rng r = { seed | 1ULL << 40 };
	u32 i;

	for (i = 0; i < len; i++)
		to[i] = (u8)rng_next(&r);
}

static struct memlane_record *make(const struct file *f, const struct stored *s, u8 *buf)
{
	struct memlane_record *r = (struct memlane_record *)buf;

	fill(r->packed, s->seed, s->ticket.length);
	memlane_record_seal(r, &f->key, &s->ticket, s->codec);
	return r;
}

static void write_block(struct file *f, u64 nr, const u8 *bytes)
{
	struct block *b = &f->block[nr];

	if (b->nr == VERSIONS) {
		memmove(b->was[0], b->was[1], (VERSIONS - 1) * sizeof(b->was[0]));
		b->nr--;
	}
	memcpy(b->was[b->nr++], bytes, MEMLANE_BLOCK);
}

/* Of few lengths, so that one record often comes to lie exactly where another was. */
static struct stored stored_new(struct file *f)
{
	static const u8 codec[] = {
		MEMLANE_CODEC_RAW, MEMLANE_CODEC_LZ4, MEMLANE_CODEC_ZSTD, MEMLANE_CODEC_ZSTD,
	};
	u64 i = rng_below(&f->rng, 4);

	return (struct stored) {
		.codec = codec[i],
		.seed = (u32)rng_next(&f->rng),
		.ticket.length = !i ? MEMLANE_RECORD_PAGE : 1 + 1000 * rng_below(&f->rng, 4),
	};
}

static bool room_for(const struct memlane_stretch *w, u32 used, const struct stored *s)
{
	return used + memlane_record_bytes(s->ticket.length) <= w->nr * MEMLANE_BLOCK;
}

/* Fill a stretch with records, which are all wanted from now on. Return: how many. */
static unsigned int write_stretch(struct file *f, const struct memlane_stretch *w,
				  unsigned int pages)
{
	static u8 buf[MEMLANE_GROUP_BYTES] __attribute__((aligned(64)));
	u64 from = w->block << MEMLANE_BLOCK_SHIFT;
	u32 used = 0, i, len;
	unsigned int done;

	memset(buf, 0, sizeof(buf));
	for (done = 0; done < pages && f->nr < RECORDS; done++) {
		struct stored s = stored_new(f);

		if (!room_for(w, used, &s))
			break;
		len = memlane_record_bytes(s.ticket.length);
		s.ticket.place = (from + used) / MEMLANE_RECORD_GRAIN;
		s.ticket.generation = w->generation;
		make(f, &s, buf + used);
		memlane_slots_add(&f->slots, from + used, len);
		f->stored[f->nr++] = s;
		used += len;
	}
	for (i = 0; i < w->nr; i++)
		write_block(f, w->block + i, buf + i * MEMLANE_BLOCK);
	return done;
}

/* Write so many pages in one go. False: the file is full. */
bool file_store(struct file *f, unsigned int pages)
{
	u32 blocks = pages + 2 < MEMLANE_GROUP_BLOCKS ? pages + 2 : MEMLANE_GROUP_BLOCKS;
	struct memlane_stretch w;

	expect_eq(memlane_slots_prepare(&f->slots), 0);
	if (!memlane_slots_take(&f->slots, blocks, &w))
		return false;
	expect(w.nr && w.nr <= blocks);
	write_stretch(f, &w, pages);
	memlane_slots_settle(&f->slots, &w);
	return true;
}

static u64 place_of(const struct stored *s)
{
	return s->ticket.place * MEMLANE_RECORD_GRAIN;
}

void file_drop(struct file *f, unsigned int i)
{
	struct stored *s = &f->stored[i];

	memlane_slots_drop(&f->slots, place_of(s), memlane_record_bytes(s->ticket.length));
	*s = f->stored[--f->nr];
}

/* Punch out what is free, and cut the end off. Return: groups punched out. */
unsigned int file_punch(struct file *f)
{
	static const u8 zeros[MEMLANE_BLOCK];
	struct memlane_stretch w;
	unsigned int nr = 0;
	u32 i;

	for (; memlane_slots_hole(&f->slots, &w); nr++) {
		expect_eq(w.nr, MEMLANE_GROUP_BLOCKS);
		for (i = 0; i < w.nr; i++)
			write_block(f, w.block + i, zeros);
		memlane_slots_holed(&f->slots, &w);
	}
	memlane_slots_trim(&f->slots);
	return nr;
}

/* The file as it should be. */
void file_newest(const struct file *f, u8 *image)
{
	u32 i;

	for (i = 0; i < BLOCKS; i++) {
		const struct block *b = &f->block[i];

		if (b->nr)
			memcpy(image + (u64)i * MEMLANE_BLOCK, b->was[b->nr - 1], MEMLANE_BLOCK);
	}
}

/* What a load would say. A record is copied, so that reading past it is noticed. */
int file_read(const struct file *f, const u8 *image, const struct stored *s)
{
	u32 len = memlane_record_bytes(s->ticket.length);
	struct memlane_ticket t = s->ticket;
	u8 *copy = aligned_alloc(64, len);
	int ret;

	expect(copy);
	memcpy(copy, image + place_of(s), len);
	t.generation = memlane_slots_generation(&f->slots, place_of(s));
	ret = memlane_record_check((struct memlane_record *)copy, &f->key, &t);
	if (ret >= 0) {
		u8 is[MEMLANE_RECORD_PAGE];

		/* Wrong bytes that nobody noticed are the one thing that must not be. */
		fill(is, s->seed, s->ticket.length);
		expect_eq(ret, s->codec);
		expect(!memcmp(((struct memlane_record *)copy)->packed, is, s->ticket.length));
	}
	free(copy);
	return ret;
}

/* Whether a record's bytes are what was written, but for those that mean nothing. */
bool file_same(const struct file *f, const u8 *image, const struct stored *s)
{
	u8 buf[MEMLANE_RECORD_MOST + MEMLANE_RECORD_GRAIN] __attribute__((aligned(64)));

	make(f, s, buf);
	return !memcmp(buf, image + place_of(s),
		       sizeof(struct memlane_record) + s->ticket.length);
}

static u32 records_in(const struct file *f, u64 block)
{
	u32 nr = 0;
	unsigned int i;

	for (i = 0; i < f->nr; i++) {
		u64 at = place_of(&f->stored[i]);
		u64 last = at + memlane_record_bytes(f->stored[i].ticket.length) - 1;

		nr += at >> MEMLANE_BLOCK_SHIFT <= block && block <= last >> MEMLANE_BLOCK_SHIFT;
	}
	return nr;
}

/* The counts are those of the records that there are. */
void file_check(const struct file *f)
{
	const struct memlane_slots *s = &f->slots;
	u64 group, in_use = 0;
	u32 i;

	for (group = 0; group < s->end; group++) {
		const struct memlane_slot_leaf *leaf = s->leaf[group / MEMLANE_LEAF_GROUPS];
		const struct memlane_group *g = &leaf->group[group % MEMLANE_LEAF_GROUPS];

		expect_eq(leaf->free >> group % MEMLANE_LEAF_GROUPS & 1, !g->used);
		for (i = 0; i < MEMLANE_GROUP_BLOCKS; i++) {
			expect_eq(g->live[i], records_in(f, group * MEMLANE_GROUP_BLOCKS + i));
			expect_eq(g->used >> i & 1, !!g->live[i]);
			in_use += !!g->live[i];
		}
	}
	expect_eq(in_use, s->blocks);
}
