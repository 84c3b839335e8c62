// SPDX-License-Identifier: MIT
/*
 * gup-slow.c - pages that the kernel holds until it is told to go on
 *
 * process_vm_readv() and writev() by another process, and direct I/O, hold the
 * pages of an object for as long as the other end takes. Here the other end is a
 * helper process, which says that it was reached, and goes on when it is told: so
 * every single operation meets the mover, and none of the pages moves.
 *
 *	process_vm_*	the helper's own memory is missing, and its userfaultfd answers
 *	direct I/O	the file is the helper's: it answers the kernel's FUSE requests
 *
 *	ML_OPS		of each kind, with the mover at work
 */
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "gup.h"

#define MOST	65536	/* bytes of an object */

/**
 * struct helper - the other end, and how to talk to it
 * @pid: its process
 * @order: to it: what to do
 * @news: from it: 'h' it holds the pages, 'd' it is done
 * @go: to it: one byte, and what is held up goes on
 */
struct helper {
	pid_t pid;
	int order[2];
	int news[2];
	int go[2];
};

static void say(int fd, char c)
{
	if (write(fd, &c, 1) != 1)
		_exit(1);
}

/* A helper's end of the pipe is closed when it dies: it shows here. */
static char hear(int fd)
{
	char c = 0;

	if (read(fd, &c, 1) != 1)
		return 0;
	return c;
}

static void open_pipes(struct helper *h)
{
	expect_eq(pipe(h->order), 0);
	expect_eq(pipe(h->news), 0);
	expect_eq(pipe(h->go), 0);
}

/* Before there are threads and an arena. Return: 0 in the helper. */
static pid_t start_helper(struct helper *h)
{
	pid_t pid;

	open_pipes(h);
	pid = fork();
	expect(pid >= 0);
	h->pid = pid;
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(h->order[pid ? 0 : 1]);
	close(h->go[pid ? 0 : 1]);
	close(h->news[pid ? 1 : 0]);
	return pid;
}

static void expect_news(const struct helper *h, char what)
{
	expect_eq(hear(h->news[0]), what);
}

static void go_on(const struct helper *h)
{
	say(h->go[1], 'g');
}

/* ------------------------------------------------- another process's hands */

/* What the helper is to do to the memory of the test. */
struct errand {
	bool write;
	void *at;
	uint64_t size;
	uint64_t id;
	uint64_t version;
};

/* The helper's memory: missing until it is told to go on. */
struct missing {
	int fd;
	char *at;
	char *source;
	const struct helper *h;
};

static bool make_missing(struct missing *m)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	m->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (m->fd < 0 || ioctl(m->fd, UFFDIO_API, &api))
		return false;
	m->at = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	m->source = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m->at == MAP_FAILED || m->source == MAP_FAILED)
		return false;
	reg.range.start = (uintptr_t)m->at;
	reg.range.len = MOST;
	return !ioctl(m->fd, UFFDIO_REGISTER, &reg);
}

/* A thread of the helper: one fault of an errand, and all of it is there. */
static void *serve_faults(void *arg)
{
	struct missing *m = arg;
	struct uffdio_copy copy = {
		.dst = (uintptr_t)m->at, .src = (uintptr_t)m->source, .len = MOST,
	};
	struct uffd_msg msg;

	while (read(m->fd, &msg, sizeof(msg)) == sizeof(msg)) {
		say(m->h->news[1], 'h');
		if (!hear(m->h->go[0]))
			_exit(0);
		if (ioctl(m->fd, UFFDIO_COPY, &copy))
			_exit(2);
	}
	return NULL;
}

static void do_errand(const struct errand *e, struct missing *m)
{
	struct iovec here = { m->at, e->size }, there = { e->at, e->size };
	ssize_t n;

	memset(m->source, 0, MOST);
	if (e->write)
		content_write(m->source, e->size, e->id, e->version);
	n = e->write ? process_vm_writev(getppid(), &here, 1, &there, 1, 0) :
		       process_vm_readv(getppid(), &here, 1, &there, 1, 0);
	if (n != (ssize_t)e->size)
		_exit(3);
	if (!e->write && content_wrong(m->at, e->size, e->id, e->version))
		_exit(4);
	if (madvise(m->at, MOST, MADV_DONTNEED))
		_exit(5);
}

static void run_errands(const struct helper *h)
{
	struct missing m = { .h = h };
	struct errand e;
	pthread_t t;

	if (!make_missing(&m) || pthread_create(&t, NULL, serve_faults, &m)) {
		say(h->news[1], 'n');
		_exit(0);
	}
	say(h->news[1], 'y');
	while (read(h->order[0], &e, sizeof(e)) == sizeof(e)) {
		do_errand(&e, &m);
		say(h->news[1], 'd');
	}
	_exit(0);
}

static void begin_errand(const struct helper *h, struct object *o, bool write_it)
{
	struct errand e = { .write = write_it, .size = o->size, .id = o->id };

	o->version += write_it;
	e.version = o->version;
	expect_eq(memlane_enter(arena), 0);
	e.at = memlane_get(arena, o->handle);
	expect_eq(write(h->order[1], &e, sizeof(e)), sizeof(e));
	expect_news(h, 'h');
	expect_eq(memlane_exit(arena), 0);
}

static void end_errand(const struct helper *h, const struct object *o)
{
	go_on(h);
	expect_news(h, 'd');
	expect_content(o);
}

static void start_errands(struct helper *h)
{
	if (!start_helper(h))
		run_errands(h);
	if (hear(h->news[0]) != 'y')
		skip("no userfaultfd here");
	open_arena();
}

static void errands_in_peace(bool write_it)
{
	struct helper h;
	struct object *o;

	start_errands(&h);
	for (o = object; o < object + 6; o++) {
		begin_errand(&h, o, write_it);
		expect_held(o);
		end_errand(&h, o);
		expect_free_again(o);
	}
	memlane_close(arena);
}

TEST(pages_that_another_process_reads_stay)
{
	errands_in_peace(false);
}

TEST(pages_that_another_process_writes_stay)
{
	errands_in_peace(true);
}

struct errands {
	struct helper h;
	bool write_it;
};

static void errand_once(struct object *o, void *arg)
{
	struct errands *e = arg;

	begin_errand(&e->h, o, e->write_it);
	expect_met(o);
	end_errand(&e->h, o);
}

static void errands_under_load(bool write_it)
{
	struct errands e = { .write_it = write_it };

	start_errands(&e.h);
	under_load(errand_once, &e, true);
	memlane_close(arena);
}

TEST(another_process_reads_under_load)
{
	errands_under_load(false);
}

TEST(another_process_writes_under_load)
{
	errands_under_load(true);
}

/* ------------------------------------------------------------- direct I/O ---- */

#define REQUEST_ROOM	(MOST + 8192)

/* The one file of a file system: its root. */
struct server {
	int dev;
	const struct helper *h;
	char content[MOST];
	char request[REQUEST_ROOM];
	char reply[sizeof(struct fuse_out_header) + MOST];
};

static const struct fuse_in_header *header_of(const struct server *s)
{
	return (const struct fuse_in_header *)s->request;
}

static const void *argument_of(const struct server *s)
{
	return header_of(s) + 1;
}

static void answer(struct server *s, int error, const void *out, size_t size)
{
	struct fuse_out_header *header = (struct fuse_out_header *)s->reply;

	header->len = sizeof(*header) + size;
	header->error = error;
	header->unique = header_of(s)->unique;
	if (size)
		memcpy(header + 1, out, size);
	if (write(s->dev, s->reply, header->len) < 0 && errno != ENOENT)
		_exit(6);
}

/* The pages are held by now; whoever asked for this says when that is to end. */
static void hold_up(struct server *s)
{
	say(s->h->news[1], 'h');
	if (!hear(s->h->go[0]))
		_exit(0);
}

static void serve_read(struct server *s)
{
	const struct fuse_read_in *in = argument_of(s);

	hold_up(s);
	if (in->offset || in->size > MOST)
		answer(s, -EINVAL, NULL, 0);
	else
		answer(s, 0, s->content, in->size);
}

static void serve_write(struct server *s)
{
	const struct fuse_write_in *in = argument_of(s);
	struct fuse_write_out out = { .size = in->size };

	hold_up(s);
	if (in->offset || in->size > MOST) {
		answer(s, -EINVAL, NULL, 0);
		return;
	}
	memcpy(s->content, in + 1, in->size);
	answer(s, 0, &out, sizeof(out));
}

static void serve_init(struct server *s)
{
	const struct fuse_init_in *in = argument_of(s);
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = in->max_readahead, .max_write = MOST, .max_pages = MOST / 4096,
		.flags = FUSE_BIG_WRITES | FUSE_MAX_PAGES,
		.time_gran = 1,
	};

	answer(s, 0, &out, sizeof(out));
}

static void serve_attr(struct server *s)
{
	struct fuse_attr_out out = {
		.attr_valid = 1000,
		.attr = { .ino = FUSE_ROOT_ID, .size = MOST, .mode = S_IFREG | 0600, .nlink = 1,
			  .blksize = 4096 },
	};

	answer(s, 0, &out, sizeof(out));
}

static void serve_open(struct server *s)
{
	struct fuse_open_out out = { .open_flags = FOPEN_DIRECT_IO };

	answer(s, 0, &out, sizeof(out));
}

static void serve_one(struct server *s)
{
	switch (header_of(s)->opcode) {
	case FUSE_INIT:
		return serve_init(s);
	case FUSE_GETATTR:
		return serve_attr(s);
	case FUSE_OPEN:
		return serve_open(s);
	case FUSE_READ:
		return serve_read(s);
	case FUSE_WRITE:
		return serve_write(s);
	case FUSE_RELEASE:
		return answer(s, 0, NULL, 0);
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return;
	default:
		return answer(s, -ENOSYS, NULL, 0);
	}
}

static void serve_file(const struct helper *h, int dev)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		_exit(7);
	s->dev = dev;
	s->h = h;
	while (read(dev, s->request, sizeof(s->request)) > 0)
		serve_one(s);
	_exit(0);
}

/* Mounted for this process and its children alone. */
static bool mount_file(const char *at, int dev)
{
	char options[100];

	snprintf(options, sizeof(options), "fd=%d,rootmode=100000,user_id=0,group_id=0", dev);
	return !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("slow", at, "fuse", MS_NOSUID | MS_NODEV, options);
}

/* A file that takes its time, and what is under way there. */
struct slow_file {
	struct helper h;
	int fd;
	bool out;
	void *at;
	uint64_t size;
	pthread_t thread;
};

/*
 * The helper alone keeps the device: when it dies, nobody waits for it any more,
 * not even in a process that is being killed.
 */
static void open_slow_file(struct slow_file *f)
{
	char at[] = "/tmp/slow.XXXXXX";
	int dev = open("/dev/fuse", O_RDWR | O_CLOEXEC), place = mkstemp(at);
	bool mounted;

	if (dev < 0 || place < 0)
		skip("no FUSE here, or no place for it");
	close(place);
	mounted = mount_file(at, dev);
	if (!mounted) {
		unlink(at);
		skip("a file system may not be mounted here");
	}
	if (!start_helper(&f->h))
		serve_file(&f->h, dev);
	close(dev);
	f->fd = open(at, O_RDWR | O_DIRECT | O_CLOEXEC);
	expect(f->fd >= 0);
	expect_eq(umount2(at, MNT_DETACH), 0);
	expect_eq(unlink(at), 0);
	open_arena();
}

static void close_slow_file(struct slow_file *f)
{
	memlane_close(arena);
	close(f->fd);
}

static void *do_io(void *arg)
{
	struct slow_file *f = arg;
	ssize_t n = f->out ? pwrite(f->fd, f->at, f->size, 0) : pread(f->fd, f->at, f->size, 0);

	expect_eq(n, f->size);
	return NULL;
}

/* Begun while this thread is in a section; it goes on after it. */
static void begin_io(struct slow_file *f, const struct object *o, bool out)
{
	expect_eq(memlane_enter(arena), 0);
	f->out = out;
	f->at = memlane_get(arena, o->handle);
	f->size = o->size;
	start(&f->thread, do_io, f);
	expect_news(&f->h, 'h');
	expect_eq(memlane_exit(arena), 0);
}

static void begin_out(struct slow_file *f, const struct object *o)
{
	begin_io(f, o, true);
}

/* The same bytes come back, which are made to differ meanwhile. */
static void begin_in(struct slow_file *f, struct object *o)
{
	set_content(o);
	o->version--;
	begin_io(f, o, false);
}

static void end_io(struct slow_file *f, const struct object *o)
{
	go_on(&f->h);
	finish(f->thread);
	expect_content(o);
}

TEST(pages_of_direct_io_stay)
{
	struct slow_file f;
	struct object *o;

	open_slow_file(&f);
	for (o = object; o < object + 6; o++) {
		begin_out(&f, o);
		expect_held(o);
		end_io(&f, o);
		expect_free_again(o);
		begin_in(&f, o);
		expect_held(o);
		end_io(&f, o);
		expect_free_again(o);
	}
	close_slow_file(&f);
}

static void io_once(struct object *o, void *arg)
{
	struct slow_file *f = arg;

	begin_out(f, o);
	expect_met(o);
	end_io(f, o);
	begin_in(f, o);
	expect_met(o);
	end_io(f, o);
}

TEST(direct_io_under_load)
{
	struct slow_file f;

	open_slow_file(&f);
	under_load(io_once, &f, true);
	close_slow_file(&f);
}
