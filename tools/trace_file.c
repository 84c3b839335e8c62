// SPDX-License-Identifier: MIT
/* trace_file.c - a trace file's bytes in memory, unpacked where it was packed */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "memory.h"
#include "say.h"
#include "trace.h"
#include "trace_file.h"

#define PACK_LEVEL 19

/*
 * A byte of records may be half of an object, and an object takes eight bytes in
 * the reader and eight in a replay: one for the byte itself, eight for these.
 */
#define MEMORY_SHARE 9

/*
 * struct sink - where a trace's bytes gather
 * @path: of the trace, for sentences
 * @fd: anonymous file that gets them
 * @most: bytes that this machine has memory for
 * @end: bytes that mean something, once the header is there; ~0 before
 * @seen: bytes so far; those from @end on are dropped
 * @header: the first of them
 */
struct sink {
	const char *path;
	int fd;
	uint64_t most;
	uint64_t end;
	uint64_t seen;
	unsigned char header[sizeof(struct trace_header)];
};

static int write_all(int fd, const char *p, size_t n)
{
	ssize_t done;

	while (n) {
		done = write(fd, p, n);
		if (done < 0 && errno != EINTR)
			return -1;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

static int too_large(const struct sink *s, const char *what, uint64_t bytes)
{
	fail("%s %s %.1f GiB of trace; to read more than %.1f GiB this machine has not the memory",
	     s->path, what, (double)bytes / (1ULL << 30), (double)s->most / (1ULL << 30));
	return -1;
}

/* Keeps a copy of the header; when it is whole it tells where the records end. */
static int watch_header(struct sink *s, const char *p, size_t n)
{
	size_t room = sizeof(s->header) - s->seen;

	memcpy(s->header + s->seen, p, n < room ? n : room);
	if (n < room)
		return 0;
	s->end = trace_length(s->header);
	return s->end > s->most ? too_large(s, "says that it has", s->end) : 0;
}

/* Return: 0, or -1 and a sentence. */
static int sink_put(struct sink *s, const char *p, size_t n)
{
	uint64_t keep;

	if (s->seen < sizeof(s->header) && watch_header(s, p, n))
		return -1;
	keep = s->seen < s->end ? s->end - s->seen : 0;
	s->seen += n;
	if (s->seen > s->most)
		return too_large(s, "has more than", s->most);
	if (write_all(s->fd, p, n < keep ? n : keep)) {
		fail("no memory to read %s: %s", s->path, strerror(errno));
		return -1;
	}
	return 0;
}

/*
 * Unpacks what is in @in; what it gives may take several rounds. One more after the
 * end of a frame would have zstd wait for the next one, and @left be its header.
 */
static int drain(ZSTD_DStream *z, ZSTD_inBuffer *in, char *buffer, size_t room,
		 size_t *left, struct sink *s)
{
	ZSTD_outBuffer out;

	do {
		out = (ZSTD_outBuffer){ buffer, room, 0 };
		*left = ZSTD_decompressStream(z, &out, in);
		if (ZSTD_isError(*left)) {
			fail("%s cannot be unpacked: %s", s->path, ZSTD_getErrorName(*left));
			return -1;
		}
		if (sink_put(s, buffer, out.pos))
			return -1;
	} while (in->pos < in->size || (*left && out.pos == room));
	return 0;
}

static int inflate_stream(ZSTD_DStream *z, int from, struct sink *s)
{
	size_t room = ZSTD_DStreamOutSize(), in_room = ZSTD_DStreamInSize(), left = 1;
	char *buffer = malloc(room + in_room);
	ssize_t n = 0;
	int ret = buffer ? 0 : fail("no memory to unpack %s", s->path);

	while (!ret && (n = read(from, buffer + room, in_room)) > 0) {
		ZSTD_inBuffer in = { buffer + room, (size_t)n, 0 };

		ret = drain(z, &in, buffer, room, &left, s);
	}
	if (!ret && n < 0)
		ret = fail("%s cannot be read: %s", s->path, strerror(errno));
	if (!ret && left)
		ret = fail("%s is cut short: its compressed data end in the middle, after %" PRIu64 " bytes of trace", s->path, s->seen);
	free(buffer);
	return ret ? -1 : 0;
}

static int inflate(int from, struct sink *s)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	int ret;

	if (!z) {
		fail("no memory to unpack %s", s->path);
		return -1;
	}
	ret = inflate_stream(z, from, s);
	ZSTD_freeDStream(z);
	return ret;
}

/*
 * A file whose recorder was killed is as long as a trace could have become, and
 * a hole behind its records: it is not read to its end.
 */
static int copy(int from, struct sink *s)
{
	char buffer[65536];
	ssize_t n = 0;

	while (s->seen < s->end && (n = read(from, buffer, sizeof(buffer))) > 0)
		if (sink_put(s, buffer, (size_t)n))
			return -1;
	if (n < 0)
		fail("%s cannot be read: %s", s->path, strerror(errno));
	return n < 0 ? -1 : 0;
}

static int packed(int fd)
{
	static const unsigned char magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };
	unsigned char first[4];

	return pread(fd, first, 4, 0) == 4 && !memcmp(first, magic, 4);
}

int trace_file_map(struct trace_file *f, int fd)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st))
		return -errno;
	f->fd = fd;
	f->length = (uint64_t)st.st_size;
	f->data = "";
	if (!f->length)
		return 0;
	p = mmap(NULL, f->length, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	f->data = p;
	return 0;
}

static int take(struct trace_file *f, int from, const char *path)
{
	struct sink s = {
		.path = path,
		.fd = memfd_create("memlane-trace", 0),
		.end = ~0ULL,
		.most = memory_available() / MEMORY_SHARE,
	};
	int ret;

	if (s.fd < 0)
		return fail("no memory for %s: %s", path, strerror(errno)), -1;
	ret = packed(from) ? inflate(from, &s) : copy(from, &s);
	if (!ret) {
		ret = trace_file_map(f, s.fd);
		if (ret)
			fail("no memory for %s: %s", path, strerror(-ret));
	}
	if (ret)
		close(s.fd);
	return ret ? -1 : 0;
}

int trace_file_load(struct trace_file *f, const char *path)
{
	struct stat st;
	int ret, from = open(path, O_RDONLY | O_CLOEXEC);

	if (from < 0)
		return fail("%s cannot be opened: %s", path, strerror(errno)), -1;
	if (!fstat(from, &st) && S_ISDIR(st.st_mode)) {
		close(from);
		return fail("%s is a folder, not a trace", path), -1;
	}
	ret = take(f, from, path);
	close(from);
	return ret;
}

void trace_file_close(struct trace_file *f)
{
	if (f->length)
		munmap((void *)f->data, f->length);
	close(f->fd);
}

int trace_file_pack(const char *path, const void *data, uint64_t length)
{
	size_t room = ZSTD_compressBound(length), n;
	ZSTD_CCtx *z = ZSTD_createCCtx();
	void *out = malloc(room);
	int fd, ret = -1;

	if (!z || !out) {
		fail("no memory to pack %s", path);
		goto out_free;
	}
	ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, PACK_LEVEL);
	ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(z, out, room, data, length);
	if (ZSTD_isError(n)) {
		fail("%s cannot be packed: %s", path, ZSTD_getErrorName(n));
		goto out_free;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd >= 0)
		ret = write_all(fd, out, n) | close(fd);
	if (ret)
		fail("%s cannot be written: %s", path, strerror(errno));
out_free:
	free(out);
	ZSTD_freeCCtx(z);
	return ret;
}
