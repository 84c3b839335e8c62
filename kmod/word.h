/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * word.h - where the bytes of one page of the data area are
 *
 * Each page has a word. Its three lowest bits are a tag, as a struct page and a handle
 * of zsmalloc are aligned to 8 bytes at least:
 *
 *   tag       63..3
 *   PAGE      struct page, or 0: NONE, nobody may touch the page
 *   SAME      63..32: the page is filled with this word of 32 bits. With zeros: EMPTY
 *   COOLING   struct page that is not mapped, while its bytes are being put away
 *   CLEAN     struct page that is not mapped, whose bytes are in the backing file, too
 *   COMP      handle: the bytes are compressed
 *   STORED    63..16: where they are in the backing file, 15..3: how long, see record.h.
 *             All ones: LOST, nobody has them; bit 63 clear: nobody was told of it yet
 *   LOADING   struct memlane_load: they are being read from the backing file
 *   BUSY      handle: the bytes are being decompressed
 *
 * Who changes a word, and under which lock; "read" and "write" are invalidate_lock:
 *
 *   NONE -> EMPTY              commit      core.lock
 *   EMPTY, SAME -> PAGE        a fault, the engine    read
 *   PAGE -> COOLING            the cooler  core.mover, write; unmapped by it
 *   COOLING -> SAME, COMP      the cooler  core.mover, read; compare-exchange
 *   COOLING -> PAGE            the cooler, or who needs the page   read; compare-exchange
 *   COMP -> BUSY               who needs the page     read; compare-exchange
 *   BUSY -> PAGE, LOST         the same    read, since it made it BUSY
 *   COMP, COOLING -> STORED    the storer  core.mover, read; compare-exchange
 *   STORED -> LOADING          who needs the page     read, backing.loading
 *   LOADING -> PAGE, LOST, STORED   the load   backing.loading alone
 *   LOADING -> STORED          decommit, keep, clear, remap, before what they do   write, backing.loading
 *   any -> NONE                decommit    core.lock, write
 *   any but NONE -> EMPTY      clear       core.lock, write
 *   any but NONE, PAGE -> EMPTY   keep     core.lock, write
 *   PAGE -> EMPTY              reuse, of a broken one   core.lock, write
 *   any to another place       remap       core.mover, core.lock, write
 *
 * So no BUSY is seen under the lock for writing, and no COOLING by who holds core.mover
 * and is not the cooler. A word that is COOLING was made so by the one cooler there is:
 * its compare-exchange cannot take a page that was freed and came back for another. The
 * storer is the cooler, and a handle that it has seen in a word leads to the same bytes as
 * long as it stays there.
 */
#ifndef MEMLANE_WORD_H
#define MEMLANE_WORD_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/mm_types.h>
#include <linux/types.h>

enum word_tag {
	WORD_PAGE,
	WORD_SAME,
	WORD_COOLING,
	WORD_CLEAN,
	WORD_COMP,
	WORD_STORED,
	WORD_LOADING,
	WORD_BUSY,
};

#define WORD_TAGS	7UL
#define WORD_NONE	0UL
#define WORD_EMPTY	((unsigned long)WORD_SAME)
#define WORD_LOST	(~WORD_TAGS | WORD_STORED)
#define WORD_TOLD	(1UL << 63)
#define WORD_LENGTH	GENMASK(15, 3)
#define WORD_PLACE	16

static_assert(_Alignof(struct page) > WORD_TAGS);

static inline unsigned int word_tag(unsigned long word)
{
	return word & WORD_TAGS;
}

/* A page that may be mapped; the one test of the ordinary case. */
static inline bool word_is_page(unsigned long word)
{
	return word && !word_tag(word);
}

/* The page of a word that has one, whether it may be mapped or not; otherwise NULL. */
static inline struct page *word_page(unsigned long word)
{
	return word_tag(word) == WORD_PAGE || word_tag(word) == WORD_COOLING ||
	       word_tag(word) == WORD_CLEAN ? (struct page *)(word & ~WORD_TAGS) : NULL;
}

/* Bytes that are not zeros, and no page has them. */
static inline bool word_is_away(unsigned long word)
{
	return word_tag(word) && word != WORD_EMPTY && !word_page(word);
}

static inline unsigned long word_make(const void *p, enum word_tag tag)
{
	return (unsigned long)p | tag;
}

static inline unsigned long word_same(u32 pattern)
{
	return (unsigned long)pattern << 32 | WORD_SAME;
}

static inline u32 word_pattern(unsigned long word)
{
	return word >> 32;
}

static inline unsigned long word_stored(u64 place, u32 length)
{
	return place << WORD_PLACE | (unsigned long)length << 3 | WORD_STORED;
}

static inline bool word_is_lost(unsigned long word)
{
	return (word | WORD_TOLD) == WORD_LOST;
}

/* Of a page that is in the backing file: in grains, and packed bytes. */
static inline u64 word_place(unsigned long word)
{
	return word >> WORD_PLACE;
}

static inline u32 word_length(unsigned long word)
{
	return (word & WORD_LENGTH) >> 3;
}

static inline bool word_is_stored(unsigned long word)
{
	return word_tag(word) == WORD_STORED && !word_is_lost(word);
}

static inline unsigned long word_handle(unsigned long word)
{
	return word & ~WORD_TAGS;
}

#endif /* MEMLANE_WORD_H */
