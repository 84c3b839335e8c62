// SPDX-License-Identifier: MIT
/* tape_file.c - the file that a recorder writes to, before and after the program runs */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "say.h"
#include "tape_file.h"
#include "trace.h"
#include "trace_file.h"

static const char *hint(int err)
{
	return err == EFBIG ? "; the limit on file sizes is too low, raise it (ulimit -f)" : "";
}

static int failed(const char *path, const char *what)
{
	fail("%s %s: %s%s", path, what, strerror(errno), hint(errno));
	return -1;
}

/* Return: 0 when nobody else records to it, or -1 and a sentence. */
static int lock(int fd, const char *path)
{
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return 0;
	if (errno == EWOULDBLOCK) {
		fail("%s is being written by another memlane record; choose another file, or wait for it",
		     path);
		return -1;
	}
	return failed(path, "cannot be locked");
}

/*
 * A file of an earlier recording. The name is freed, not the file emptied: a program
 * whose recorder was killed may still write to it.
 */
static int take_away(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW), ret = 0;
	struct stat st;

	if (fd < 0 && errno == ELOOP) {
		fail("%s is a symbolic link, which a trace would replace: name the file itself", path);
		return -1;
	}
	if (fd < 0)
		return errno == ENOENT ? 0 : failed(path, "cannot be made");
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		ret = fail("%s is no regular file: a trace needs one", path);
	else
		ret = lock(fd, path);
	if (!ret && unlink(path))
		ret = failed(path, "cannot be replaced");
	close(fd);
	return ret ? -1 : 0;
}

static uint32_t put_command(char *to, char **command)
{
	size_t used = 0, n;

	for (; *command; command++) {
		n = strlen(*command) + 1;
		if (used + n > TRACE_COMMAND_MAX)
			break;
		memcpy(to + used, *command, n);
		used += n;
	}
	return (uint32_t)used;
}

static int put_header(int fd, const char *path, char **command)
{
	struct trace_header h = { .version = htole32(TRACE_VERSION) };
	char words[TRACE_COMMAND_MAX];
	uint32_t n = put_command(words, command);

	memcpy(h.magic, TRACE_MAGIC, sizeof(h.magic));
	h.command_length = htole32(n);
	errno = ENOSPC; /* what a short write means */
	if (pwrite(fd, &h, sizeof(h), 0) != sizeof(h) ||
	    pwrite(fd, words, n, sizeof(h)) != (ssize_t)n)
		return failed(path, "cannot be written");
	return 0;
}

int tape_make(const char *path, char **command)
{
	int fd;

	if (take_away(path))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return failed(path, "cannot be made");
	if (!lock(fd, path) && !put_header(fd, path, command))
		return fd;
	close(fd);
	return -1;
}

/*
 * struct mapped - a tape's bytes
 * @map: all of the file
 * @length: its bytes
 */
struct mapped {
	int fd;
	void *map;
	uint64_t length;
};

static int map_tape(struct mapped *m, const char *path)
{
	struct stat st;

	m->fd = open(path, O_RDWR | O_CLOEXEC);
	if (m->fd < 0)
		return fail("%s cannot be read back: %s", path, strerror(errno));
	m->map = MAP_FAILED;
	errno = ENODATA; /* somebody has cut it to nothing */
	if (!fstat(m->fd, &st) && st.st_size) {
		m->length = (uint64_t)st.st_size;
		m->map = mmap(NULL, m->length, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_NORESERVE, m->fd, 0);
	}
	if (m->map != MAP_FAILED)
		return 0;
	close(m->fd);
	return fail("%s cannot be mapped: %s", path, strerror(errno));
}

static void unmap_tape(struct mapped *m)
{
	munmap(m->map, m->length);
	close(m->fd);
}

/* Return: bytes of header, command and records; 0 and a sentence for a tape that is wrong. */
static uint64_t count(const struct mapped *m, const char *path, struct tape_sum *sum)
{
	struct trace_summary total;
	struct trace_error err;
	struct trace t;
	uint64_t bytes = 0;

	if (trace_open(&t, m->map, m->length, &err)) {
		fail("%s: %s", path, err.text);
		return 0;
	}
	if (trace_scan(&t, &total, &err)) {
		fail("%s: %s", path, err.text);
	} else {
		*sum = (struct tape_sum){ t.header.records, t.header.objects,
					  total.peak_bytes, t.header.threads };
		bytes = t.first + t.header.record_bytes;
	}
	trace_close(&t);
	return bytes;
}

static int shorten(const struct mapped *m, const char *path, const char *target, uint64_t bytes)
{
	if (!target)
		return ftruncate(m->fd, (off_t)bytes) ?
			       fail("%s cannot be shortened: %s", path, strerror(errno)) :
			       0;
	if (trace_file_pack(target, m->map, bytes))
		return EXIT_FAILED;
	return unlink(path) ? fail("%s cannot be removed: %s", path, strerror(errno)) : 0;
}

int tape_close(const char *path, const char *target, uint32_t flags, uint64_t rss,
	       struct tape_sum *sum)
{
	struct trace_header *h;
	struct mapped m = { 0 };
	uint64_t bytes;
	int ret = map_tape(&m, path);

	if (ret)
		return ret;
	bytes = count(&m, path, sum);
	if (bytes) {
		h = m.map;
		h->records = htole64(sum->records);
		h->objects = htole64(sum->objects);
		h->peak_rss = htole64(rss);
		h->flags |= htole32(TRACE_FINISHED | flags);
		ret = shorten(&m, path, target, bytes);
	}
	unmap_tape(&m);
	return bytes ? ret : EXIT_FAILED;
}
