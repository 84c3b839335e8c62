// SPDX-License-Identifier: GPL-2.0-only
/*
 * record.c - a page as it lies in a backing file
 *
 * The file belongs to the program, and anybody may write to it: nothing that is read from
 * it is trusted. The kernel remembers the place, the length and the generation of each
 * record. A keyed hash covers these three and all other bytes. So the check refuses a record
 * of another place, of an earlier write, of another arena, or with any bit changed.
 *
 * The hash is in two steps, as Wegman and Carter have it (1981): many bytes are made few by
 * NH (Black et al., UMAC, 1999) on words of 64 bits, which takes a multiplication for 16
 * bytes; SipHash-2-4 (Aumasson and Bernstein 2012) hides what that gave. Two records whose
 * bytes differ have the same sum with a chance of 2^-64, even if an attacker chose them, as
 * long as nobody else knows the words that are added to them.
 *
 * Each file has a key of its own, which never leaves the kernel. A forged record passes
 * with a chance of 2^-63, and each one that does not ends its page.
 */
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#include "record.h"

/* From the generation on, up to the end of the pair of words that the last byte is in. */
static unsigned __int128 record_sum(const struct memlane_record *r,
				    const struct memlane_record_key *key, u32 length)
{
	const u64 *at = (const u64 *)&r->generation, *add = key->sum;
	const u8 *end = r->packed + length;
	unsigned __int128 sum = 0;

	for (; (const u8 *)at < end; at += 2, add += 2)
		sum += (unsigned __int128)(at[0] + add[0]) * (at[1] + add[1]);
	return sum;
}

static u64 record_mac(const struct memlane_record *r, const struct memlane_record_key *key,
		      u32 length)
{
	unsigned __int128 sum = record_sum(r, key, length);
	const u64 all[4] = { sum, sum >> 64, le64_to_cpu(r->place), length };

	return siphash(all, sizeof(all), &key->hide);
}

static bool length_fits(enum memlane_codec codec, u32 length)
{
	if (codec == MEMLANE_CODEC_RAW)
		return length == MEMLANE_RECORD_PAGE;
	return codec < MEMLANE_CODECS && length && length < MEMLANE_RECORD_PAGE;
}

/**
 * memlane_record_seal - complete a record
 * @r: has its packed bytes; the rest of their last grain is cleared
 * @key: of the file
 * @ticket: by which it will be asked for
 * @codec: how it was packed
 */
void memlane_record_seal(struct memlane_record *r, const struct memlane_record_key *key,
			 const struct memlane_ticket *ticket, enum memlane_codec codec)
{
	u32 end = sizeof(*r) + ticket->length;

	BUILD_BUG_ON(offsetof(struct memlane_record, generation) % 16);
	r->place = cpu_to_le64(ticket->place);
	r->generation = cpu_to_le32(ticket->generation);
	r->length = cpu_to_le16(ticket->length);
	r->codec = codec;
	r->zero = 0;
	memset((u8 *)r + end, 0, memlane_record_bytes(ticket->length) - end);
	r->mac = cpu_to_le64(record_mac(r, key, ticket->length));
}

/**
 * memlane_record_check - whether this is the record that was asked for
 * @r: as it was read, all of memlane_record_bytes(@ticket->length)
 * @key: of the file
 * @ticket: by which it was asked for
 *
 * The length is taken from @ticket: the one in the record is only compared with it.
 *
 * Return: enum memlane_codec; -EBADMSG: it is not.
 */
int memlane_record_check(const struct memlane_record *r, const struct memlane_record_key *key,
			 const struct memlane_ticket *ticket)
{
	if (le64_to_cpu(r->mac) != record_mac(r, key, ticket->length))
		return -EBADMSG;
	if (le64_to_cpu(r->place) != ticket->place ||
	    le32_to_cpu(r->generation) != ticket->generation ||
	    le16_to_cpu(r->length) != ticket->length)
		return -EBADMSG;
	if (r->zero || !length_fits(r->codec, ticket->length))
		return -EBADMSG;
	return r->codec;
}
