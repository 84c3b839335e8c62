/* SPDX-License-Identifier: MIT */
/*
 * content.h - bytes that tell whose they are
 *
 * Every word of an object follows from the object's number, from how often it
 * was written, and from the word's place: bytes of another object, of an earlier
 * writing, or of another place in the same object are all found out.
 */
#ifndef CONTENT_H
#define CONTENT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CONTENT_WINDOW 64

static inline uint64_t content_word(uint64_t id, uint64_t version, size_t i)
{
	return (id * 0x9e3779b97f4a7c15ULL ^ version * 0xd1b54a32d192ed03ULL) +
	       i * 0x2545f4914f6cdd1dULL;
}

__attribute__((unused))
static void content_write(void *p, size_t size, uint64_t id, uint64_t version)
{
	unsigned char *to = p;
	uint64_t word;
	size_t at, n;

	for (at = 0; at < size; at += n) {
		word = content_word(id, version, at / sizeof(word));
		n = size - at < sizeof(word) ? size - at : sizeof(word);
		memcpy(to + at, &word, n);
	}
}

/* How many bytes of [from, to) are wrong; @from is a multiple of 8. */
static inline size_t content_wrong_in(const void *p, size_t from, size_t to, uint64_t id,
				      uint64_t version)
{
	const unsigned char *bytes = p;
	size_t at, n, i, wrong = 0;
	uint64_t want, have;

	for (at = from; at < to; at += n) {
		want = content_word(id, version, at / sizeof(want));
		n = to - at < sizeof(want) ? to - at : sizeof(want);
		have = want;
		memcpy(&have, bytes + at, n);
		for (i = 0; have != want && i < n; i++)
			wrong += ((have ^ want) >> (8 * i) & 0xff) != 0;
	}
	return wrong;
}

/* How many bytes of the object are wrong. */
__attribute__((unused))
static size_t content_wrong(const void *p, size_t size, uint64_t id, uint64_t version)
{
	return content_wrong_in(p, 0, size, id, version);
}

/* The same for both ends and a window at a place that @r decides. */
__attribute__((unused))
static size_t content_wrong_sample(const void *p, size_t size, uint64_t id, uint64_t version,
				   uint64_t r)
{
	size_t tail, middle;

	if (size <= 4 * CONTENT_WINDOW)
		return content_wrong(p, size, id, version);
	tail = (size - CONTENT_WINDOW) & ~(size_t)7;
	middle = r % tail & ~(size_t)7;
	return content_wrong_in(p, 0, CONTENT_WINDOW, id, version) +
	       content_wrong_in(p, middle, middle + CONTENT_WINDOW, id, version) +
	       content_wrong_in(p, tail, size, id, version);
}

#endif /* CONTENT_H */
