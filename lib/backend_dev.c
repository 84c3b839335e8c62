// SPDX-License-Identifier: MIT
/* backend_dev.c - the kernel module: an open file, its ioctls and its mappings */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "backend.h"

#define DEVICE "/dev/memlane"

/* Bytes, at most: the first part of a lane that is mapped by itself. */
#define FIRST_PIECE  (16ULL << 20)
#define PIECE_GROWTH 3

#ifndef RWF_NOWAIT /* the C library has neither it nor preadv2() */
#define RWF_NOWAIT 8
#endif

/* A program that closes every descriptor may have closed this one, and opened another file. */
static bool is_ours(const struct memlane *m)
{
	struct stat st;

	if (fstat(m->fd, &st))
		return errno != EBADF;
	return S_ISCHR(st.st_mode) && st.st_rdev == m->device;
}

/* No answer of the module's. */
static bool is_forbidden(int err)
{
	return err == EPERM || err == ENOSYS;
}

/* What comes often, and of what was asked for. */
static bool is_usual(int err)
{
	return err == EBUSY || err == EAGAIN || err == ENOSPC || err == EINTR;
}

/* A filter says the same whatever is asked for. */
static bool is_filtered(const struct memlane *m, int err)
{
	struct memlane_info info = { .size = sizeof(info) };

	return ioctl(m->fd, MEMLANE_IOCTL_INFO, &info) && errno == err;
}

/* Whose errno value is it: the module's, of what was asked for, or the system's? */
static int whose(const struct memlane *m, int err)
{
	if (is_usual(err))
		return -err;
	if (m->device && !is_ours(m))
		return refused("ioctl", 0, NULL, err, EBADFD);
	if (is_forbidden(err) || is_filtered(m, err))
		return refused("ioctl", 0, NULL, err, err);
	return -err;
}

static int dev_call(struct memlane *m, unsigned int cmd, void *req)
{
	int saved = errno, err;

	err = ioctl(m->fd, _IO(MEMLANE_TYPE, cmd), req) ? whose(m, errno) : 0;
	errno = saved;
	return err;
}

/* A part of a region, at its place. */
static int map_part(struct memlane *m, unsigned int region, uint64_t from, uint64_t length)
{
	const struct memlane_region *r = &m->info.out_region[region];
	int prot = region == MEMLANE_REGION_STAT ? PROT_READ : PROT_READ | PROT_WRITE;
	char *at = region_at(&m->info, region, m->region[region]);

	if (mmap(at + from, length, prot, MAP_SHARED | MAP_FIXED, m->fd, r->offset + from) == MAP_FAILED)
		return refused("mmap", length, NULL, errno, errno == EAGAIN ? ENOMEM : errno);
	return 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Pieces that the module lets a core dump have: each so many times as long as all before it. See kmod/dump.c. */
static int map_pieces(struct memlane *m, unsigned int region, uint64_t start, uint64_t end)
{
	uint64_t half = (end - start) / 2 & -(uint64_t)m->info.out_page_size;
	uint64_t at = start, length = least(FIRST_PIECE, half);
	int err = 0;

	while (at < end && !err) {
		length = length ? least(length, end - at) : end - at;
		err = map_part(m, region, at, length);
		at += length;
		length = PIECE_GROWTH * (at - start);
	}
	return err;
}

/* What objects hold, and how they are found. */
static int map_dumped(struct memlane *m, unsigned int region)
{
	uint64_t length = m->info.out_region[region].length;
	uint64_t slow = m->info.out_fast_end << MEMLANE_GRANULE_SHIFT;
	int err;

	if (region == MEMLANE_REGION_TABLE)
		return map_pieces(m, region, 0, length);
	err = map_pieces(m, region, 0, slow);
	return err ? err : map_pieces(m, region, slow, length);
}

/*
 * Zero pages are reserved first, for the part of the table past its region; the
 * region then replaces them.
 */
static int map_region(struct memlane *m, unsigned int region)
{
	const bool dumped = region == MEMLANE_REGION_DATA || region == MEMLANE_REGION_TABLE;
	int err = region_reserve_at(region_reserve(&m->info, region), PROT_READ, &m->region[region]);

	if (err)
		return err;
	if (dumped && !m->no_core_dump)
		return map_dumped(m, region);
	return map_part(m, region, 0, m->info.out_region[region].length);
}

/*
 * The module's pages are not the child's: zeros that take their place there are kept by.
 * Nobody may look at them here, so that mlockall() does not map them.
 */
static int keep_zeros(struct memlane *m)
{
	const uint64_t around = region_reserve(&m->info, MEMLANE_REGION_TABLE);
	const struct memlane_region *r = &m->info.out_region[MEMLANE_REGION_TABLE];
	char *table = m->region[MEMLANE_REGION_TABLE];
	uint64_t before = (char *)region_at(&m->info, MEMLANE_REGION_TABLE, table) - table;
	int err = table_advise(table, before);

	if (!err)
		err = table_advise(table + before + r->length, around - before - r->length);
	if (!err)
		err = region_reserve_at(r->length, PROT_NONE, &m->zeros);
	return err ? err : table_advise(m->zeros, r->length);
}

static void dev_bury(struct memlane *m)
{
	const struct memlane_region *r = &m->info.out_region[MEMLANE_REGION_TABLE];
	void *at = region_at(&m->info, MEMLANE_REGION_TABLE, m->region[MEMLANE_REGION_TABLE]);
	int saved = errno;

	if (!mprotect(m->zeros, r->length, PROT_READ) &&
	    mremap(m->zeros, r->length, r->length, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at)
		m->zeros = NULL;
	errno = saved;
}

/* Nor is what the program has put in its place closed. */
static void drop_file(struct memlane *m)
{
	if (!m->device || is_ours(m))
		close(m->fd);
}

static void dev_close(struct memlane *m)
{
	unsigned int i;

	for (i = 0; i < MEMLANE_REGIONS; i++)
		if (m->region[i])
			munmap(m->region[i], region_reserve(&m->info, i));
	if (m->zeros)
		munmap(m->zeros, m->info.out_region[MEMLANE_REGION_TABLE].length);
	drop_file(m);
}

/* The child holds the file open until it closes or execs; the mappings are not there. */
static void dev_disown(struct memlane *m)
{
	drop_file(m);
}

static int read_info(struct memlane *m)
{
	int err;

	m->info.size = sizeof(m->info);
	err = dev_call(m, MEMLANE_CMD_INFO, &m->info);
	if (!err && m->info.out_version != MEMLANE_VERSION)
		err = -EPROTO;
	return err;
}

/* The arena of m->fd exists. */
static int map_regions(struct memlane *m)
{
	int err = read_info(m);
	struct stat st;
	unsigned int i;

	for (i = 0; !err && i < MEMLANE_REGIONS; i++)
		err = map_region(m, i);
	if (!err)
		err = keep_zeros(m);
	if (!err && !fstat(m->fd, &st))
		m->device = st.st_rdev;
	return err;
}

/*
 * A child of fork() inherits the file, and the arena is to end without it. One whose file
 * the program asked for is shared: it ends when all have closed it.
 */
static int set_private(struct memlane *m, bool private)
{
	struct memlane_set req = {
		.size = sizeof(req),
		.option = MEMLANE_OPT_PRIVATE,
		.value = private,
	};

	return dev_call(m, MEMLANE_CMD_SET, &req);
}

static int dev_share(struct memlane *m)
{
	return set_private(m, false);
}

/* A descriptor is had first: who has none left is not told that there is no such file. */
static int open_device(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC), err = errno;

	if (fd >= 0)
		return fd;
	if (is_forbidden(err) || ((err == EMFILE || err == ENFILE) && !access(DEVICE, F_OK)))
		return refused("open", 0, NULL, err, err);
	return -errno;
}

static int dev_open(struct memlane *m, struct memlane_create *req)
{
	int err;

	m->device = 0;
	m->zeros = NULL;
	m->fd = open_device();
	if (m->fd < 0)
		return m->fd;
	err = dev_call(m, MEMLANE_CMD_CREATE, req);
	if (!err)
		err = map_regions(m);
	if (!err)
		err = set_private(m, true);
	if (err)
		dev_close(m);
	return err;
}

static int dev_attach(struct memlane *m, int fd)
{
	int err;

	m->zeros = NULL;
	m->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (m->fd < 0)
		return -errno;
	err = map_regions(m);
	if (err)
		dev_close(m);
	return err;
}

static int dev_event_fd(struct memlane *m)
{
	return m->fd;
}

static int dev_take_event(struct memlane *m, void *record, size_t room)
{
	struct iovec to = { record, room };
	ssize_t n = syscall(SYS_preadv2, m->fd, &to, 1L, -1L, 0L, RWF_NOWAIT);

	if (n >= 0)
		return n;
	if (is_forbidden(errno) || errno == EACCES)
		return refused("preadv2", 0, NULL, errno, errno);
	return errno == EAGAIN ? 0 : -errno;
}

const struct backend backend_dev = {
	.kind = MEMLANE_BACKEND_MODULE,
	.open = dev_open,
	.attach = dev_attach,
	.close = dev_close,
	.bury = dev_bury,
	.disown = dev_disown,
	.share = dev_share,
	.call = dev_call,
	.event_fd = dev_event_fd,
	.take_event = dev_take_event,
};
