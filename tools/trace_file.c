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

#include "say.h"
#include "trace_file.h"

#define UNPACKED_MAX	(8ULL << 30)
#define PACK_LEVEL	19

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

/* One round of unpacking, from @in to @fd. Return: 0, or -1 and a sentence. */
static int drain(ZSTD_DStream *z, ZSTD_inBuffer *in, int fd, char *buffer, size_t room,
		 size_t *left, uint64_t *total, const char *path)
{
	ZSTD_outBuffer out = { buffer, room, 0 };

	*left = ZSTD_decompressStream(z, &out, in);
	if (ZSTD_isError(*left)) {
		fail("%s cannot be unpacked: %s", path, ZSTD_getErrorName(*left));
		return -1;
	}
	*total += out.pos;
	if (*total > UNPACKED_MAX) {
		fail("%s unpacks to more than %llu GiB; that is no trace", path,
		     UNPACKED_MAX >> 30);
		return -1;
	}
	if (write_all(fd, buffer, out.pos)) {
		fail("no memory to unpack %s: %s", path, strerror(errno));
		return -1;
	}
	return 0;
}

static int unpack_stream(ZSTD_DStream *z, int from, int fd, const char *path)
{
	size_t room = ZSTD_DStreamOutSize(), in_room = ZSTD_DStreamInSize(), left = 1;
	char *buffer = malloc(room + in_room);
	uint64_t total = 0;
	ssize_t n = 0;
	int ret = buffer ? 0 : fail("no memory to unpack %s", path);

	while (!ret && (n = read(from, buffer + room, in_room)) > 0) {
		ZSTD_inBuffer in = { buffer + room, (size_t)n, 0 };

		while (!ret && in.pos < in.size)
			ret = drain(z, &in, fd, buffer, room, &left, &total, path);
	}
	if (!ret && n < 0)
		ret = fail("%s cannot be read: %s", path, strerror(errno));
	if (!ret && left)
		ret = fail("%s is cut short: its compressed data end in the middle, after %"
			   PRIu64 " bytes of trace", path, total);
	free(buffer);
	return ret ? -1 : 0;
}

static int unpack(int from, int fd, const char *path)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	int ret;

	if (!z) {
		fail("no memory to unpack %s", path);
		return -1;
	}
	ret = unpack_stream(z, from, fd, path);
	ZSTD_freeDStream(z);
	return ret;
}

static int copy(int from, int fd, const char *path)
{
	char buffer[65536];
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		if (write_all(fd, buffer, (size_t)n))
			return fail("no memory for %s: %s", path, strerror(errno)), -1;
	return n ? fail("%s cannot be read: %s", path, strerror(errno)), -1 : 0;
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
	int ret, fd = memfd_create("memlane-trace", 0);

	if (fd < 0)
		return fail("no memory for %s: %s", path, strerror(errno)), -1;
	ret = packed(from) ? unpack(from, fd, path) : copy(from, fd, path);
	if (!ret) {
		ret = trace_file_map(f, fd);
		if (ret)
			fail("no memory for %s: %s", path, strerror(-ret));
	}
	if (ret)
		close(fd);
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
