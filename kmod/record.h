/* SPDX-License-Identifier: GPL-2.0-only */
/* record.h - a page as it lies in a backing file */
#ifndef MEMLANE_RECORD_H
#define MEMLANE_RECORD_H

#include <linux/siphash.h>
#include <linux/types.h>

#define MEMLANE_RECORD_PAGE	4096U	/* bytes that a record stands for */
#define MEMLANE_RECORD_GRAIN	64U	/* a record begins at a multiple of this */

/**
 * enum memlane_codec - how the bytes of a page were packed
 * @MEMLANE_CODEC_RAW: not at all
 * @MEMLANE_CODEC_LZ4: one block of LZ4
 * @MEMLANE_CODEC_ZSTD: one frame of Zstandard
 * @MEMLANE_CODECS: how many there are
 */
enum memlane_codec {
	MEMLANE_CODEC_RAW,
	MEMLANE_CODEC_LZ4,
	MEMLANE_CODEC_ZSTD,
	MEMLANE_CODECS
};

/**
 * struct memlane_record - what comes before the packed bytes
 * @mac: over all that follows, up to the last packed byte and what fills its 16 bytes
 * @place: of the record in the file, in grains
 * @generation: of its blocks when it was written
 * @length: packed bytes
 * @codec: enum memlane_codec
 * @zero: 0
 * @packed: the bytes
 */
struct memlane_record {
	__le64 mac;
	__le64 place;
	__le32 generation;
	__le16 length;
	u8 codec;
	u8 zero;
	u8 packed[];
};

/* The longest record, which is a page that was not packed. */
#define MEMLANE_RECORD_MOST	(sizeof(struct memlane_record) + MEMLANE_RECORD_PAGE)

/**
 * struct memlane_record_key - the secret of a file: all of it random
 * @hide: for the sum of a record
 * @sum: for each of its words, from the generation on, in pairs
 */
struct memlane_record_key {
	siphash_key_t hide;
	u64 sum[(MEMLANE_RECORD_PAGE + 16) / 8];
};

/**
 * struct memlane_ticket - what memory remembers of a record
 * @place: in the file, in grains
 * @generation: of its blocks
 * @length: packed bytes
 */
struct memlane_ticket {
	u64 place;
	u32 generation;
	u16 length;
};

/* Bytes of the file that a record takes. */
static inline u32 memlane_record_bytes(u32 length)
{
	u32 bytes = sizeof(struct memlane_record) + length;

	return (bytes + MEMLANE_RECORD_GRAIN - 1) & ~(MEMLANE_RECORD_GRAIN - 1);
}

void memlane_record_seal(struct memlane_record *r, const struct memlane_record_key *key,
			 const struct memlane_ticket *ticket, enum memlane_codec codec);
int memlane_record_check(const struct memlane_record *r, const struct memlane_record_key *key,
			 const struct memlane_ticket *ticket);

#endif /* MEMLANE_RECORD_H */
