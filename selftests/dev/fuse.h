/* SPDX-License-Identifier: MIT */
/*
 * fuse.h - a file whose reads and writes fail as a test says
 *
 * A process of its own answers the kernel's requests (see fuse(4)). The test changes the
 * rule that it answers by at any time, as both share its memory.
 */
#ifndef FUSE_H
#define FUSE_H

#include <linux/fuse.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../arena.h"

#define FUSE_FILE	(8 * MIB)
#define FUSE_WRITE_MOST	(128UL << 10)

#define FUSE_NEVER	-1	/* an error: there is no answer */
#define FUSE_HALF	-2	/* half of what was asked for, and no error */
#define FUSE_LATE	-3	/* all of it, after fuse_let_go() */

/**
 * struct fuse_rule - which requests fail
 * @opcode: of this kind; 0: none
 * @from: in the file, bytes; of reads and writes
 * @end: behind the last of them
 * @skip: so many of these go well before
 * @nr: so many fail then
 * @error: errno, or one of the above
 */
struct fuse_rule {
	unsigned int opcode;
	unsigned long from;
	unsigned long end;
	unsigned int skip;
	unsigned int nr;
	int error;
};

/**
 * struct fuse_share - what the server and the test have together
 * @rule: the test's, but for @skip and @nr, which are counted down; nobody asks meanwhile
 * @size: of the file; the server
 * @reads: requests to read; the server
 * @writes: requests to write; the server
 * @stuck: requests that will not be answered, or late; atomic
 * @go: those that are late are answered; atomic
 * @request: the last one
 * @reply: likewise
 * @content: of the file
 */
struct fuse_share {
	struct fuse_rule rule;
	unsigned long size;
	unsigned int reads;
	unsigned int writes;
	unsigned int stuck;
	unsigned int go;
	char request[FUSE_WRITE_MOST + 8192];
	char reply[FUSE_WRITE_MOST + sizeof(struct fuse_out_header)];
	char content[FUSE_FILE];
};

struct fuse_file {
	int fd;
	int dev;	/* of who serves; otherwise -1 */
	pid_t server;
	struct fuse_share *share;
};

static void fuse_answer(const struct fuse_file *f, int error, const void *out, size_t size)
{
	struct fuse_out_header *header = (struct fuse_out_header *)f->share->reply;
	const struct fuse_in_header *in = (struct fuse_in_header *)f->share->request;

	*header = (struct fuse_out_header) {
		.len = sizeof(*header) + size, .error = -error, .unique = in->unique,
	};
	if (size)
		memcpy(header + 1, out, size);
	if (write(f->dev, header, header->len) < 0 && errno != ENOENT)
		_exit(6);
}

/* Return: 0: the request goes well; or the rule's error. */
static int fuse_judge(struct fuse_rule *r, unsigned int opcode, unsigned long from,
		      unsigned long end)
{
	if (r->opcode != opcode || from >= r->end || end <= r->from || !r->nr)
		return 0;
	if (r->skip) {
		r->skip--;
		return 0;
	}
	r->nr--;
	return r->error;
}

static int fuse_judge_io(const struct fuse_file *f, unsigned int opcode, unsigned long from,
			 unsigned long size)
{
	bool outside = from > FUSE_FILE || size > FUSE_FILE - from;

	return outside ? EFBIG : fuse_judge(&f->share->rule, opcode, from, from + size);
}

/* Return: whether it was dealt with. */
static bool fuse_fails(const struct fuse_file *f, int error)
{
	if (error == FUSE_NEVER || error == FUSE_LATE)
		__atomic_add_fetch(&f->share->stuck, 1, __ATOMIC_SEQ_CST);
	while (error == FUSE_LATE && !__atomic_load_n(&f->share->go, __ATOMIC_SEQ_CST))
		usleep(20);
	if (error > 0)
		fuse_answer(f, error, NULL, 0);
	return error == FUSE_NEVER || error > 0;
}

static void fuse_read(const struct fuse_file *f, const struct fuse_read_in *in)
{
	int error = fuse_judge_io(f, FUSE_READ, in->offset, in->size);
	unsigned long size = in->size;

	f->share->reads++;
	if (fuse_fails(f, error))
		return;
	if (in->offset + size > f->share->size)
		size = in->offset < f->share->size ? f->share->size - in->offset : 0;
	fuse_answer(f, 0, f->share->content + in->offset, error == FUSE_HALF ? size / 2 : size);
}

static void fuse_write(const struct fuse_file *f, const struct fuse_write_in *in)
{
	int error = fuse_judge_io(f, FUSE_WRITE, in->offset, in->size);
	struct fuse_write_out out = { .size = error == FUSE_HALF ? in->size / 2 : in->size };

	f->share->writes++;
	if (fuse_fails(f, error))
		return;
	memcpy(f->share->content + in->offset, in + 1, out.size);
	if (in->offset + out.size > f->share->size)
		f->share->size = in->offset + out.size;
	fuse_answer(f, 0, &out, sizeof(out));
}

/* Holes, and no other use of it. */
static void fuse_punch(const struct fuse_file *f, const struct fuse_fallocate_in *in)
{
	int error = fuse_judge(&f->share->rule, FUSE_FALLOCATE, in->offset,
			       in->offset + in->length);

	if (fuse_fails(f, error))
		return;
	if (in->offset < FUSE_FILE && in->length <= FUSE_FILE - in->offset)
		memset(f->share->content + in->offset, 0, in->length);
	fuse_answer(f, 0, NULL, 0);
}

static void fuse_attr(const struct fuse_file *f)
{
	struct fuse_attr_out out = {
		.attr_valid = 1000,
		.attr = {
			.ino = FUSE_ROOT_ID, .size = f->share->size, .mode = S_IFREG | 0600,
			.nlink = 1, .blksize = 4096,
		},
	};

	fuse_answer(f, 0, &out, sizeof(out));
}

static void fuse_set_attr(const struct fuse_file *f, const struct fuse_setattr_in *in)
{
	if (in->valid & FATTR_SIZE && in->size <= FUSE_FILE)
		f->share->size = in->size;
	fuse_attr(f);
}

static void fuse_init(const struct fuse_file *f, const struct fuse_init_in *in)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = in->max_readahead, .max_write = FUSE_WRITE_MOST,
		.max_pages = FUSE_WRITE_MOST / PAGE, .flags = FUSE_BIG_WRITES | FUSE_MAX_PAGES,
		.max_background = 16, .congestion_threshold = 16, .time_gran = 1,
	};

	fuse_answer(f, 0, &out, sizeof(out));
}

static void fuse_serve_one(const struct fuse_file *f)
{
	const struct fuse_in_header *in = (struct fuse_in_header *)f->share->request;
	const struct fuse_open_out opened = { 0 };
	const void *arg = in + 1;

	switch (in->opcode) {
	case FUSE_INIT:
		return fuse_init(f, arg);
	case FUSE_GETATTR:
		return fuse_attr(f);
	case FUSE_SETATTR:
		return fuse_set_attr(f, arg);
	case FUSE_OPEN:
		return fuse_answer(f, 0, &opened, sizeof(opened));
	case FUSE_READ:
		return fuse_read(f, arg);
	case FUSE_WRITE:
		return fuse_write(f, arg);
	case FUSE_FALLOCATE:
		return fuse_punch(f, arg);
	case FUSE_RELEASE:
		return fuse_answer(f, 0, NULL, 0);
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return;
	default:
		return fuse_answer(f, ENOSYS, NULL, 0);
	}
}

static void *fuse_serve(void *arg)
{
	const struct fuse_file *f = arg;

	while (read(f->dev, f->share->request, sizeof(f->share->request)) > 0)
		fuse_serve_one(f);
	return NULL;
}

/* Mounted for this process and its children alone. */
static bool fuse_mount(const char *at, int dev)
{
	char options[100];

	snprintf(options, sizeof(options), "fd=%d,rootmode=100000,user_id=0,group_id=0", dev);
	return !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("faulty", at, "fuse", MS_NOSUID | MS_NODEV, options);
}

/* The server alone keeps the device: when it dies, nobody waits for it any more. */
static void fuse_start(struct fuse_file *f)
{
	f->server = fork();
	expect(f->server >= 0);
	if (!f->server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fuse_serve(f);
		_exit(0);
	}
	close(f->dev);
	f->dev = -1;
}

/*
 * Before there are threads and arenas. @serves: starts whoever answers; after that there
 * is an open file, without a name.
 */
static struct fuse_file fuse_open(void (*serves)(struct fuse_file *f))
{
	struct fuse_file f = { .dev = open("/dev/fuse", O_RDWR | O_CLOEXEC) };
	char at[] = "/dev/shm/faulty-XXXXXX";
	int place = mkstemp(at);

	expect(place >= 0);
	close(place);
	if (f.dev < 0 || !fuse_mount(at, f.dev)) {
		unlink(at);
		skip("no FUSE here");
	}
	f.share = mmap(NULL, sizeof(*f.share), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(f.share != MAP_FAILED);
	serves(&f);
	f.fd = open(at, O_RDWR | O_CLOEXEC);
	expect(f.fd >= 0);
	expect_eq(umount2(at, MNT_DETACH), 0);
	expect_eq(unlink(at), 0);
	return f;
}

__attribute__((unused))
static struct fuse_file fuse_new(void)
{
	return fuse_open(fuse_start);
}

/* From the next request on. */
__attribute__((unused))
static void fuse_let_fail(const struct fuse_file *f, unsigned int opcode, int error,
			  unsigned int skip, unsigned int nr)
{
	f->share->rule = (struct fuse_rule) {
		.opcode = opcode, .end = FUSE_FILE, .skip = skip, .nr = nr, .error = error,
	};
}

__attribute__((unused))
static void fuse_let_pass(const struct fuse_file *f)
{
	f->share->rule.nr = 0;
}

__attribute__((unused))
static void fuse_wait_stuck(const struct fuse_file *f, unsigned int nr)
{
	int i;

	for (i = 0; i < 2000 && __atomic_load_n(&f->share->stuck, __ATOMIC_SEQ_CST) < nr; i++)
		usleep(10000);
	expect(__atomic_load_n(&f->share->stuck, __ATOMIC_SEQ_CST) >= nr);
}

__attribute__((unused))
static void fuse_let_go(const struct fuse_file *f, bool go)
{
	__atomic_store_n(&f->share->go, go, __ATOMIC_SEQ_CST);
}

/* All that was not answered fails. */
__attribute__((unused))
static void fuse_end_server(struct fuse_file *f)
{
	expect_eq(kill(f->server, SIGKILL), 0);
	expect_eq(waitpid(f->server, NULL, 0), f->server);
}

#endif /* FUSE_H */
