// SPDX-License-Identifier: MIT
/* test-record.c - no record is taken for another, nor for what it is not */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

static struct memlane_record_key key;

/* The vector of appendix A of the authors' paper. */
static void hash(void)
{
	const siphash_key_t theirs = { { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL } };
	u8 in[15];
	unsigned int i;

	for (i = 0; i < sizeof(in); i++)
		in[i] = i;
	expect(siphash(in, sizeof(in), &theirs) == 0xa129ca6149be45e5ULL);
}

static struct memlane_record *record_new(const struct memlane_ticket *t, enum memlane_codec codec)
{
	struct memlane_record *r = aligned_alloc(64, memlane_record_bytes(t->length));
	struct rng rng = rng_new();

	expect(r);
	key = key_new(&rng);
	memset(r, 0xa5, memlane_record_bytes(t->length));
	memlane_record_seal(r, &key, t, codec);
	return r;
}

static void sizes(void)
{
	expect_eq(sizeof(struct memlane_record), 24);
	expect_eq(memlane_record_bytes(1), 64);
	expect_eq(memlane_record_bytes(40), 64);
	expect_eq(memlane_record_bytes(41), 128);
	expect_eq(memlane_record_bytes(MEMLANE_RECORD_PAGE), 4160);
}

static void as_written(void)
{
	struct memlane_ticket t = { .place = 77, .generation = 3, .length = 100 };
	struct memlane_record *r = record_new(&t, MEMLANE_CODEC_LZ4);

	expect_eq(memlane_record_check(r, &key, &t), MEMLANE_CODEC_LZ4);
	memlane_record_seal(r, &key, &t, MEMLANE_CODEC_ZSTD);
	expect_eq(memlane_record_check(r, &key, &t), MEMLANE_CODEC_ZSTD);
	expect_eq(r->packed[99], 0xa5);
	expect_eq(r->packed[100], 0);
	free(r);
	t.length = MEMLANE_RECORD_PAGE;
	r = record_new(&t, MEMLANE_CODEC_RAW);
	expect_eq(memlane_record_check(r, &key, &t), MEMLANE_CODEC_RAW);
	free(r);
}

/* Each in turn: the place, the write, the length, the arena. */
static void another_one(void)
{
	const struct memlane_ticket t = { .place = 77, .generation = 3, .length = 1000 };
	struct memlane_record *r = record_new(&t, MEMLANE_CODEC_LZ4);
	struct memlane_record_key other = key;
	struct memlane_ticket u;

	u = t;
	u.place++;
	expect_eq(memlane_record_check(r, &key, &u), -EBADMSG);
	u = t;
	u.generation--;
	expect_eq(memlane_record_check(r, &key, &u), -EBADMSG);
	u = t;
	u.length--;
	expect_eq(memlane_record_check(r, &key, &u), -EBADMSG);
	other.hide.key[1]++;
	expect_eq(memlane_record_check(r, &other, &t), -EBADMSG);
	other = key;
	other.sum[100]++;
	expect_eq(memlane_record_check(r, &other, &t), -EBADMSG);
	expect_eq(memlane_record_check(r, &key, &t), MEMLANE_CODEC_LZ4);
	free(r);
}

/* Sealed by us, and yet nonsense: what unpacks it must never see it. */
static void impossible(void)
{
	struct memlane_ticket t = { .place = 1, .length = 4095 };
	struct memlane_record *r = record_new(&t, MEMLANE_CODEC_RAW);

	expect_eq(memlane_record_check(r, &key, &t), -EBADMSG);
	memlane_record_seal(r, &key, &t, MEMLANE_CODECS);
	expect_eq(memlane_record_check(r, &key, &t), -EBADMSG);
	memlane_record_seal(r, &key, &t, 255);
	expect_eq(memlane_record_check(r, &key, &t), -EBADMSG);
	free(r);
	t.length = 0;
	r = record_new(&t, MEMLANE_CODEC_LZ4);
	expect_eq(memlane_record_check(r, &key, &t), -EBADMSG);
	free(r);
	t.length = MEMLANE_RECORD_PAGE;
	r = record_new(&t, MEMLANE_CODEC_LZ4);
	expect_eq(memlane_record_check(r, &key, &t), -EBADMSG);
	memlane_record_seal(r, &key, &t, MEMLANE_CODEC_ZSTD);
	expect_eq(memlane_record_check(r, &key, &t), -EBADMSG);
	free(r);
}

/* Every single bit of a record, its length included, which must not be used. */
static void every_bit(void)
{
	const struct memlane_ticket t = { .place = 9, .generation = 1, .length = 200 };
	struct memlane_record *r = record_new(&t, MEMLANE_CODEC_LZ4);
	u32 bit, bits = 8 * (sizeof(*r) + t.length);

	for (bit = 0; bit < bits; bit++) {
		((u8 *)r)[bit / 8] ^= 1 << bit % 8;
		expect_eq(memlane_record_check(r, &key, &t), -EBADMSG);
		((u8 *)r)[bit / 8] ^= 1 << bit % 8;
	}
	expect_eq(memlane_record_check(r, &key, &t), MEMLANE_CODEC_LZ4);
	free(r);
}

static void exchange(u64 *a, u64 *b, u32 nr)
{
	u64 was;

	while (nr--) {
		was = a[nr];
		a[nr] = b[nr];
		b[nr] = was;
	}
}

/* Each byte is there, but not in its place: one word, or two in a row. */
static void exchanged(void)
{
	const struct memlane_ticket t = { .place = 9, .generation = 1, .length = 256 };
	struct memlane_record *r = record_new(&t, MEMLANE_CODEC_LZ4);
	u64 *word = (u64 *)r->packed;
	u32 i, k, nr;

	for (i = 0; i < t.length; i++)
		r->packed[i] = (u8)(i * 7);
	memlane_record_seal(r, &key, &t, MEMLANE_CODEC_LZ4);
	for (nr = 1; nr <= 2; nr++)
		for (i = 0; i < t.length / sizeof(*word) - nr; i++)
			for (k = i + nr; k <= t.length / sizeof(*word) - nr; k++) {
				exchange(word + i, word + k, nr);
				expect_eq(memlane_record_check(r, &key, &t), -EBADMSG);
				exchange(word + i, word + k, nr);
			}
	expect_eq(memlane_record_check(r, &key, &t), MEMLANE_CODEC_LZ4);
	free(r);
}

/* Bytes of anybody's: nothing past the record is read (ASan), nothing is accepted. */
static void noise(void)
{
	struct rng rng = rng_new();
	u64 ops = ktap_ops(20000);
	u32 i, len;

	for (; ops; ops--) {
		struct memlane_ticket t = { .place = 5, .length = rng_below(&rng, 4097) };
		u8 *p;

		len = memlane_record_bytes(t.length);
		p = aligned_alloc(64, len);
		expect(p);
		for (i = 0; i < len && i < 64; i++)
			p[i] = (u8)rng_next(&rng);
		memset(p + i, 0, len - i);
		expect_eq(memlane_record_check((struct memlane_record *)p, &key, &t), -EBADMSG);
		free(p);
	}
}

static const struct test tests[] = {
	{ "record_hash", hash },
	{ "record_sizes", sizes },
	{ "record_as_written", as_written },
	{ "record_another_one", another_one },
	{ "record_impossible", impossible },
	{ "record_every_bit", every_bit },
	{ "record_exchanged", exchanged },
	{ "record_noise", noise },
};

KTAP_MAIN(tests);
