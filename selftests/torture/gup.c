// SPDX-License-Identifier: MIT
/*
 * gup.c - objects whose pages the kernel holds for somebody, during compaction
 *
 * The address of an object is given to the kernel in a section, and what the
 * kernel does with it goes on after the section: direct I/O under way, pages in
 * a pipe, buffers registered with io_uring. Such a page must not be copied away
 * from; the move is counted as held, and comes later. What others do to the
 * memory of this process (process_vm_readv and writev) is done in a section.
 *
 *	ML_OPS		of each kind, with the mover at work
 *
 * Direct I/O needs a file system that can do it: TMPDIR, or the current folder. How
 * long it takes is up to the disk; gup-slow.c has it wait until the mover came by.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "gup.h"
#include "../ring.h"

/* --------------------------------------------------------------- a pipe ---- */

static void splice_in(const struct object *o, int to)
{
	struct iovec iov = { .iov_len = o->size };

	expect_eq(memlane_enter(arena), 0);
	iov.iov_base = memlane_get(arena, o->handle);
	expect_eq(vmsplice(to, &iov, 1, 0), o->size);
	expect_eq(memlane_exit(arena), 0);
}

static void read_all(int fd, void *to, size_t size)
{
	size_t at = 0;
	ssize_t n;

	while (at < size) {
		n = read(fd, (char *)to + at, size - at);
		expect(n > 0);
		at += n;
	}
}

static void open_pipe(int fd[2])
{
	expect_eq(pipe(fd), 0);
	expect(fcntl(fd[1], F_SETPIPE_SZ, 1 << 20) > 0);
}

TEST(pages_in_a_pipe_stay)
{
	struct object *o;
	char *bytes = malloc(65536);
	int fd[2];

	open_arena();
	open_pipe(fd);
	for (o = object; o < object + 6; o++) {
		splice_in(o, fd[1]);
		expect_held(o);
		/* The pipe has the object's own pages: it sees what is written now. */
		set_content(o);
		read_all(fd[0], bytes, o->size);
		expect_eq(content_wrong(bytes, o->size, o->id, o->version), 0);
		expect_free_again(o);
	}
	memlane_close(arena);
}

/* -------------------------------------------------------------- io_uring ---- */

/* Some kernels take no pages of a mapped file. */
static void ring_register(struct ring *r, const struct object *o, struct iovec *iov)
{
	int err;

	expect_eq(memlane_enter(arena), 0);
	iov->iov_base = memlane_get(arena, o->handle);
	iov->iov_len = o->size;
	err = syscall(SYS_io_uring_register, r->fd, IORING_REGISTER_BUFFERS, iov, 1) ? errno : 0;
	expect_eq(memlane_exit(arena), 0);
	if (err == EOPNOTSUPP)
		skip("io_uring registers no such buffers on this kernel");
	expect_eq(err, 0);
}

/* What comes in through a registered buffer long after the section is the object's. */
static void read_fixed(struct ring *r, const struct iovec *iov, int from, struct object *o)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_READ_FIXED, .fd = from, .addr = (uintptr_t)iov->iov_base,
		.len = o->size,
	};
	char *bytes = malloc(o->size);

	content_write(bytes, o->size, o->id, ++o->version);
	expect_eq(pwrite(from, bytes, o->size, 0), o->size);
	ring_submit(r, &sqe);
	expect_eq(ring_wait(r), o->size);
	free(bytes);
}

TEST(registered_buffers_stay)
{
	int file = memfd_create("gup", MFD_CLOEXEC);
	struct iovec iov;
	struct object *o;
	struct ring r;

	open_arena();
	ring_open(&r);
	expect(file >= 0);
	for (o = object; o < object + 6; o++) {
		ring_register(&r, o, &iov);
		expect_held(o);
		read_fixed(&r, &iov, file, o);
		expect_content(o);
		expect_held(o);
		expect_eq(syscall(SYS_io_uring_register, r.fd, IORING_UNREGISTER_BUFFERS, NULL, 0),
			  0);
		expect_free_again(o);
	}
	memlane_close(arena);
}

/* ------------------------------------------------------------- direct I/O ---- */

/* A file that takes O_DIRECT, or a skip. */
static int open_direct(void)
{
	const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : ".";
	char name[200];
	int fd;

	snprintf(name, sizeof(name), "%s/gup.XXXXXX", folder);
	fd = mkostemp(name, O_CLOEXEC | O_DIRECT);
	if (fd < 0) {
		snprintf(name, sizeof(name), "build/gup.XXXXXX");
		fd = mkostemp(name, O_CLOEXEC | O_DIRECT);
	}
	if (fd < 0)
		skip("no file system with direct I/O at hand");
	unlink(name);
	return fd;
}

static aio_context_t aio_open(void)
{
	aio_context_t ctx = 0;

	if (syscall(SYS_io_setup, 8, &ctx))
		skip("no asynchronous I/O here");
	return ctx;
}

/* Begun in a section; it goes on after it. */
static void aio_begin(aio_context_t ctx, int fd, uint16_t opcode, const struct object *o)
{
	struct iocb cb = {
		.aio_lio_opcode = opcode, .aio_fildes = fd, .aio_nbytes = o->size,
	};
	struct iocb *list = &cb;

	expect_eq(memlane_enter(arena), 0);
	cb.aio_buf = (uintptr_t)memlane_get(arena, o->handle);
	expect_eq(syscall(SYS_io_submit, ctx, 1, &list), 1);
	expect_eq(memlane_exit(arena), 0);
}

static void aio_end(aio_context_t ctx, uint64_t size)
{
	struct io_event event;

	expect_eq(syscall(SYS_io_getevents, ctx, 1, 1, &event, NULL), 1);
	expect_eq(event.res, size);
}

static void direct_io(struct object *o, int fd, aio_context_t ctx)
{
	char *bytes;

	expect_eq(posix_memalign((void **)&bytes, 4096, o->size), 0);
	/* out: what is in the file then is what the object had */
	aio_begin(ctx, fd, IOCB_CMD_PWRITE, o);
	aio_end(ctx, o->size);
	expect_eq(pread(fd, bytes, o->size, 0), o->size);
	expect_eq(content_wrong(bytes, o->size, o->id, o->version), 0);
	/* in: what the file has is what the object has then */
	content_write(bytes, o->size, o->id, ++o->version);
	expect_eq(pwrite(fd, bytes, o->size, 0), o->size);
	aio_begin(ctx, fd, IOCB_CMD_PREAD, o);
	aio_end(ctx, o->size);
	expect_content(o);
	free(bytes);
}

static void pipe_once(struct object *o, void *arg)
{
	static char bytes[65536];
	int *fd = arg;

	splice_in(o, fd[1]);
	set_content(o);
	let_it_try();
	read_all(fd[0], bytes, o->size);
	expect_eq(content_wrong(bytes, o->size, o->id, o->version), 0);
}

TEST(pipes_under_load)
{
	int fd[2];

	open_arena();
	open_pipe(fd);
	under_load(pipe_once, fd, true);
	memlane_close(arena);
}

struct direct {
	int fd;
	aio_context_t ctx;
};

static void direct_once(struct object *o, void *arg)
{
	struct direct *d = arg;

	direct_io(o, d->fd, d->ctx);
}

TEST(direct_io_under_load)
{
	struct direct d;

	open_arena();
	d.fd = open_direct();
	d.ctx = aio_open();
	under_load(direct_once, &d, false);
	memlane_close(arena);
}

struct fixed {
	struct ring ring;
	int file;
};

static void fixed_once(struct object *o, void *arg)
{
	struct fixed *f = arg;
	struct iovec iov;

	ring_register(&f->ring, o, &iov);
	let_it_try();
	read_fixed(&f->ring, &iov, f->file, o);
	expect_eq(syscall(SYS_io_uring_register, f->ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0),
		  0);
	expect_content(o);
}

TEST(registered_buffers_under_load)
{
	struct fixed f = { .file = memfd_create("gup", MFD_CLOEXEC) };

	open_arena();
	ring_open(&f.ring);
	fixed_once(object, &f);
	under_load(fixed_once, &f, true);
	memlane_close(arena);
}

/* ---------------------------------------------------------- other processes */

/* What the peer is to do to this process's memory. */
struct errand {
	bool write;
	void *at;
	uint64_t size;
	uint64_t id;
	uint64_t version;
};

struct peer {
	int to;
	int from;
	bool write;
};

static void do_errand(pid_t parent, const struct errand *e, char *bytes)
{
	struct iovec here = { bytes, e->size }, there = { e->at, e->size };

	if (e->write) {
		content_write(bytes, e->size, e->id, e->version);
		if (process_vm_writev(parent, &here, 1, &there, 1, 0) != (ssize_t)e->size)
			_exit(1);
		return;
	}
	if (process_vm_readv(parent, &here, 1, &there, 1, 0) != (ssize_t)e->size ||
	    content_wrong(bytes, e->size, e->id, e->version))
		_exit(1);
}

static void serve(pid_t parent, int in, int out)
{
	char *bytes = malloc(65536);
	struct errand e;

	while (read(in, &e, sizeof(e)) == sizeof(e)) {
		do_errand(parent, &e, bytes);
		if (write(out, "", 1) != 1)
			break;
	}
	_exit(0);
}

/* Before there are threads and an arena. */
static void start_peer(struct peer *p)
{
	pid_t parent = getpid();
	int to[2], from[2];

	expect_eq(pipe(to), 0);
	expect_eq(pipe(from), 0);
	if (!fork()) {
		close(to[1]);
		close(from[0]);
		serve(parent, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	p->to = to[1];
	p->from = from[0];
}

static void errand_once(struct object *o, void *arg)
{
	struct peer *p = arg;
	struct errand e = { .write = p->write, .size = o->size, .id = o->id };
	char c;

	o->version += p->write;
	e.version = o->version;
	expect_eq(memlane_enter(arena), 0);
	e.at = memlane_get(arena, o->handle);
	expect_eq(write(p->to, &e, sizeof(e)), sizeof(e));
	expect_eq(read(p->from, &c, 1), 1);
	expect_eq(memlane_exit(arena), 0);
	expect_content(o);
}

TEST(process_vm_readv_under_load)
{
	struct peer p = { .write = false };

	start_peer(&p);
	open_arena();
	under_load(errand_once, &p, false);
	memlane_close(arena);
}

TEST(process_vm_writev_under_load)
{
	struct peer p = { .write = true };

	start_peer(&p);
	open_arena();
	under_load(errand_once, &p, false);
	memlane_close(arena);
}
