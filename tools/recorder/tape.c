// SPDX-License-Identifier: MIT
/* tape.c - appends records to a mapped trace file */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tape.h"

static bool usable(const struct tape *tape, uint64_t length)
{
	const struct trace_header *h = tape->header;

	return !memcmp(h->magic, TRACE_MAGIC, sizeof(h->magic)) &&
	       le32toh(h->version) == TRACE_VERSION && !h->flags && !h->record_bytes &&
	       le32toh(h->command_length) < length - sizeof(*h);
}

bool tape_open(struct tape *tape, const char *path, uint64_t most)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	void *p = MAP_FAILED;

	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && st.st_size > (off_t)sizeof(struct trace_header))
		p = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_NORESERVE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return false;
	madvise(p, st.st_size, MADV_DONTFORK);
	madvise(p, st.st_size, MADV_DONTDUMP);
	memset(tape, 0, sizeof(*tape));
	tape->header = p;
	if (!usable(tape, st.st_size)) {
		munmap(p, st.st_size);
		return false;
	}
	tape->first = (uint8_t *)(tape->header + 1) +
		      le32toh(tape->header->command_length);
	tape->at = tape->first;
	tape->end = (uint8_t *)p + st.st_size;
	tape->most = most;
	return true;
}

static bool full(const struct tape *tape)
{
	return tape->records == tape->most ||
	       (uint64_t)(tape->end - tape->at) < TRACE_RECORD_MAX;
}

/* The bytes first, then the word that makes them count. */
static bool commit(struct tape *tape, uint8_t *at)
{
	tape->at = at;
	tape->records++;
	__atomic_store_n(&tape->header->record_bytes,
			 htole64((uint64_t)(at - tape->first)), __ATOMIC_RELEASE);
	return true;
}

static uint8_t *put_object(struct tape *tape, uint8_t *at, uint64_t object)
{
	at = trace_put(at, trace_zigzag((int64_t)(object - tape->named)));
	tape->named = object;
	return at;
}

bool tape_birth(struct tape *tape, enum trace_op op, unsigned int align_log2,
		uint64_t size)
{
	uint8_t *at = tape->at;

	if (full(tape))
		return false;
	*at++ = op;
	if (op == TRACE_ALIGNED)
		at = trace_put(at, align_log2);
	at = trace_put(at, size);
	tape->named = tape->born++;
	return commit(tape, at);
}

bool tape_realloc(struct tape *tape, uint64_t object, uint64_t size)
{
	uint8_t *at = tape->at;

	if (full(tape))
		return false;
	*at++ = TRACE_REALLOC;
	at = put_object(tape, at, object);
	return commit(tape, trace_put(at, size));
}

bool tape_free(struct tape *tape, uint64_t object)
{
	uint8_t *at = tape->at;

	if (full(tape))
		return false;
	*at++ = TRACE_FREE;
	return commit(tape, put_object(tape, at, object));
}

bool tape_thread(struct tape *tape, uint32_t thread)
{
	uint8_t *at = tape->at;

	if (full(tape))
		return false;
	if (thread >= le32toh(tape->header->threads))
		tape->header->threads = htole32(thread + 1);
	*at++ = TRACE_THREAD;
	tape->thread = thread;
	return commit(tape, trace_put(at, thread));
}

void tape_missed(struct tape *tape)
{
	tape->header->missed = htole64(le64toh(tape->header->missed) + 1);
}
