// SPDX-License-Identifier: MIT
/* tape.c - appends records to a trace file */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tape.h"

#define WINDOW (4ULL << 20)

static uint64_t page_down(uint64_t offset)
{
	return offset & ~((uint64_t)getpagesize() - 1);
}

/* The same file, whatever has become of the program's descriptors. Return: one, or -1. */
static int reopen(struct tape *tape)
{
	int fd = open(tape->path, O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0) {
		tape->err = errno;
		return -1;
	}
	if (!fstat(fd, &st) && st.st_dev == tape->dev && st.st_ino == tape->ino)
		return fd;
	tape->err = ESTALE;
	close(fd);
	return -1;
}

/* Where the next window ends: the system would answer a step over the limit by a signal. */
static uint64_t window_end(uint64_t from)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY ||
	    limit.rlim_cur > from + WINDOW)
		return from + WINDOW;
	return limit.rlim_cur > from ? limit.rlim_cur : from;
}

/* A disk is not filled to its last block. */
static bool disk_full(int fd)
{
	struct statvfs st;

	return !fstatvfs(fd, &st) && (uint64_t)st.f_bavail * st.f_frsize < 2 * WINDOW;
}

/* Makes [from, end) the file's, so that no write to the mapping can fail. Return: 0, -errno. */
static int take_room(int fd, uint64_t from, uint64_t end)
{
	if (disk_full(fd))
		return -ENOSPC;
	if (!fallocate(fd, 0, (off_t)from, (off_t)(end - from)))
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return -errno;
	return ftruncate(fd, (off_t)end) ? -errno : 0;
}

static void *map(int fd, uint64_t from, uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)from);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, bytes, MADV_DONTFORK);
	madvise(p, bytes, MADV_DONTDUMP);
	return p;
}

/* Return: false with @tape->err set and the window as it was. */
static bool next_window(struct tape *tape, int fd)
{
	uint64_t at = tape->first + tape->bytes, from = page_down(at), end = window_end(from);
	uint8_t *window;

	if (end < at + TRACE_RECORD_MAX) {
		tape->err = EFBIG;
		return false;
	}
	tape->err = -take_room(fd, from, end);
	if (tape->err)
		return false;
	window = map(fd, from, WINDOW);
	if (!window) {
		tape->err = errno;
		return false;
	}
	if (tape->window)
		munmap(tape->window, WINDOW);
	tape->window = window;
	tape->at = window + (at - from);
	tape->end = window + (end - from);
	return true;
}

static bool grow(struct tape *tape)
{
	int saved = errno, fd = reopen(tape);
	bool good = fd >= 0 && next_window(tape, fd);

	if (fd >= 0)
		close(fd);
	errno = saved;
	return good;
}

/* Header and command, read from this process's own command line. */
static bool make_header(int fd)
{
	struct trace_header h = { .version = htole32(TRACE_VERSION) };
	int from = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	char command[4096];
	ssize_t n = 0;

	if (from >= 0) {
		n = read(from, command, sizeof(command));
		close(from);
	}
	if (n < 0)
		n = 0;
	if (n) /* a longer one ends here */
		command[n - 1] = '\0';
	memcpy(h.magic, TRACE_MAGIC, sizeof(h.magic));
	h.command_length = htole32((uint32_t)n);
	return pwrite(fd, &h, sizeof(h), 0) == sizeof(h) &&
	       pwrite(fd, command, (size_t)n, sizeof(h)) == n;
}

static bool usable(const struct trace_header *h, uint64_t length)
{
	return !memcmp(h->magic, TRACE_MAGIC, sizeof(h->magic)) &&
	       le32toh(h->version) == TRACE_VERSION &&
	       !(le32toh(h->flags) & TRACE_FINISHED) &&
	       le32toh(h->command_length) <= length - sizeof(*h);
}

/* A program that became another one begins its trace anew. */
static void reset_header(struct trace_header *h)
{
	__atomic_store_n(&h->record_bytes, 0, __ATOMIC_RELEASE);
	h->flags = 0;
	h->threads = 0;
	h->missed = 0;
}

static bool begin(struct tape *tape, int fd, bool make)
{
	struct stat st;

	if ((make && !make_header(fd)) || fstat(fd, &st) ||
	    st.st_size < (off_t)sizeof(struct trace_header))
		return false;
	tape->dev = st.st_dev;
	tape->ino = st.st_ino;
	tape->header = map(fd, 0, (uint64_t)getpagesize());
	if (!tape->header || !usable(tape->header, (uint64_t)st.st_size))
		return false;
	reset_header(tape->header);
	tape->first = sizeof(*tape->header) + le32toh(tape->header->command_length);
	return next_window(tape, fd);
}

bool tape_open(struct tape *tape, const char *path, bool make, uint64_t most)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT | O_TRUNC : 0), 0666);
	bool good;

	memset(tape, 0, sizeof(*tape));
	if (fd < 0) {
		tape->err = errno;
		return false;
	}
	memcpy(tape->path, path, strlen(path) + 1);
	tape->most = most;
	good = begin(tape, fd, make);
	if (!good && !tape->err)
		tape->err = errno ? errno : EINVAL;
	close(fd);
	return good;
}

static bool full(struct tape *tape)
{
	if (tape->records == tape->most)
		return true;
	return (uint64_t)(tape->end - tape->at) < TRACE_RECORD_MAX && !grow(tape);
}

/* The bytes first, then the word that makes them count. */
static bool commit(struct tape *tape, uint8_t *at)
{
	tape->bytes += (uint64_t)(at - tape->at);
	tape->at = at;
	tape->records++;
	__atomic_store_n(&tape->header->record_bytes, htole64(tape->bytes),
			 __ATOMIC_RELEASE);
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
	uint8_t *at;

	if (full(tape))
		return false;
	at = tape->at;
	*at++ = op;
	if (op == TRACE_ALIGNED)
		at = trace_put(at, align_log2);
	at = trace_put(at, size);
	tape->named = tape->born++;
	return commit(tape, at);
}

bool tape_realloc(struct tape *tape, uint64_t object, uint64_t size)
{
	uint8_t *at;

	if (full(tape))
		return false;
	at = tape->at;
	*at++ = TRACE_REALLOC;
	at = put_object(tape, at, object);
	return commit(tape, trace_put(at, size));
}

bool tape_free(struct tape *tape, uint64_t object)
{
	uint8_t *at;

	if (full(tape))
		return false;
	at = tape->at;
	*at++ = TRACE_FREE;
	return commit(tape, put_object(tape, at, object));
}

bool tape_thread(struct tape *tape, uint32_t thread)
{
	uint8_t *at;

	if (full(tape))
		return false;
	at = tape->at;
	if (thread >= le32toh(tape->header->threads))
		tape->header->threads = htole32(thread + 1);
	*at++ = TRACE_THREAD;
	tape->thread = thread;
	return commit(tape, trace_put(at, thread));
}

bool tape_site(struct tape *tape, uint32_t site, const char *text)
{
	size_t length;
	uint8_t *at;

	if (full(tape))
		return false;
	at = tape->at;
	*at++ = TRACE_SITE;
	at = trace_put(at, site);
	if (text) {
		length = strlen(text);
		at = trace_put(at, length);
		memcpy(at, text, length);
		at += length;
	}
	tape->site = site;
	return commit(tape, at);
}

void tape_missed(struct tape *tape)
{
	tape->header->missed = htole64(le64toh(tape->header->missed) + 1);
}
