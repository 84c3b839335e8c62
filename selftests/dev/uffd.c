// SPDX-License-Identifier: MIT
/*
 * uffd.c - userfaultfd on an arena: whoever does that harms nobody, and can be killed
 *
 * A kernel may refuse to register a region, and most do. Where it does not, write
 * protection leaves markers in page tables where there is no page yet: those places
 * raise SIGBUS, and a system call that is given one fails with EFAULT.
 */
#include <linux/userfaultfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "backing.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFDIO_REGISTER_MODE_MINOR
#define UFFDIO_REGISTER_MODE_MINOR ((__u64)1 << 2)
#endif
/* Later than the headers of Linux 6.1. */
#define WP_UNPOPULATED (1 << 13)
#define WP_ASYNC (1 << 15)

#define NR 64
#define PATIENCE 10	/* seconds for what takes none */

static int uffd_open(__u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);

	if (fd < 0)
		skip("no userfaultfd here");
	if (ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool uffd_register(int fd, const void *at, size_t length, __u64 mode)
{
	struct uffdio_register req = {
		.range = { (unsigned long)at, length }, .mode = mode,
	};

	return !ioctl(fd, UFFDIO_REGISTER, &req);
}

static bool uffd_protect(int fd, const void *at, size_t length)
{
	struct uffdio_writeprotect req = {
		.range = { (unsigned long)at, length }, .mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	return !ioctl(fd, UFFDIO_WRITEPROTECT, &req);
}

/* The kernel's own look at a byte: how many bytes, or -errno. */
static int kernel_reads(char *p)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { p, 1 };
	ssize_t n = process_vm_readv(getpid(), &here, 1, &there, 1, 0);

	return n < 0 ? -errno : (int)n;
}

static int kernel_copies(char *p)
{
	int end[2], n;

	expect_eq(pipe(end), 0);
	n = write(end[1], p, 1);
	n = n < 0 ? -errno : n;
	close(end[0]);
	close(end[1]);
	return n;
}

/* Every child ends, whatever it is at: by itself, or else killed. */
static int status_of(pid_t pid)
{
	int status, i;

	for (i = 0; i < PATIENCE * 100; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(10000);
	}
	kill(pid, SIGKILL);
	for (i = 0; i < PATIENCE * 100; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			fail("had to be killed");
		usleep(10000);
	}
	fail("is alive in spite of SIGKILL");
}

static pid_t start(void (*fn)(const void *arg), const void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	expect(pid >= 0);
	if (!pid) {
		fn(arg);
		fflush(stdout);
		_exit(0);
	}
	return pid;
}

static int run(void (*fn)(const void *arg), const void *arg)
{
	return status_of(start(fn, arg));
}

struct way {
	__u64 features;
	__u64 mode;
};

static const struct way ways[] = {
	{ 0, UFFDIO_REGISTER_MODE_MISSING },
	{ 0, UFFDIO_REGISTER_MODE_WP },
	{ 0, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP },
	{ UFFD_FEATURE_MINOR_SHMEM, UFFDIO_REGISTER_MODE_MINOR },
	{ WP_UNPOPULATED, UFFDIO_REGISTER_MODE_WP },
	{ WP_ASYNC, UFFDIO_REGISTER_MODE_WP },
	{ WP_ASYNC | WP_UNPOPULATED, UFFDIO_REGISTER_MODE_WP },
	{ WP_ASYNC | WP_UNPOPULATED, UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MISSING },
};

/* Each access ends: well, or by SIGBUS and EFAULT. */
static void expect_ends(char *p, bool write)
{
	int sig = touch(p, write), n;

	if (sig && sig != SIGBUS)
		fail("signal %d", sig);
	n = kernel_reads(p);
	if (n != 1 && n != -EFAULT)
		fail("process_vm_readv() says %d", n);
	n = kernel_copies(p);
	if (n != 1 && n != -EFAULT)
		fail("write() says %d", n);
}

/* Of the data area, one object; of each other region, all. */
static char *part_of(const struct arena *a, unsigned int region, char *object, size_t *length)
{
	*length = region == MEMLANE_REGION_DATA ? NR * PAGE : arena_region(a, region).length;
	return region == MEMLANE_REGION_DATA ? object : a->map[region];
}

static void register_region(int fd, const struct way *way, unsigned int region, char *p,
			    size_t length)
{
	if (!uffd_register(fd, p, length, way->mode))
		return;
	printf("# registered: region %u, mode %llu\n", region, way->mode);
	if (way->mode & UFFDIO_REGISTER_MODE_WP)
		uffd_protect(fd, p, length);
}

static void register_all(const void *arg)
{
	const struct way *way = arg;
	int fd = uffd_open(way->features);
	size_t length, page;
	struct arena a;
	unsigned int r;
	char *object, *p;

	if (fd < 0)
		return;
	a = arena_new(8 * MIB, 8 * MIB);
	object = address_of(&a, alloc_one(&a, MEMLANE_FAST, NR * PAGE));
	for (r = 0; r < MEMLANE_REGIONS; r++) {
		p = part_of(&a, r, object, &length);
		register_region(fd, way, r, p, length);
		for (page = 0; page < 4 && page < length / PAGE; page++)
			expect_ends(p + page * PAGE, r == MEMLANE_REGION_DATA && page & 1);
	}
}

TEST(every_kind_on_every_region)
{
	unsigned int i;

	close(uffd_open(0));
	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		expect_eq(run(register_all, &ways[i]), 0);
}

/* Write protection where no page is yet; false: this kernel has none. */
static bool leave_markers(char *p, size_t length)
{
	int fd = uffd_open(WP_ASYNC | WP_UNPOPULATED);

	return fd >= 0 && uffd_register(fd, p, length, UFFDIO_REGISTER_MODE_WP) &&
	       uffd_protect(fd, p, length);
}

static void need_markers(void)
{
	struct arena a = arena_new(8 * MIB, 8 * MIB);

	if (!leave_markers(address_of(&a, alloc_one(&a, MEMLANE_FAST, PAGE)), PAGE))
		skip("this kernel does not write-protect such mappings");
	arena_end(&a);
}

TEST(a_marker_raises_sigbus)
{
	struct arena a;
	char *p;

	need_markers();
	a = arena_new(8 * MIB, 8 * MIB);
	p = address_of(&a, alloc_one(&a, MEMLANE_FAST, NR * PAGE));
	expect(leave_markers(p, NR * PAGE));
	expect_eq(touch(p, false), SIGBUS);
	expect_eq(touch(p + PAGE, true), SIGBUS);
	expect_eq(kernel_reads(p), -EFAULT);
	expect_eq(kernel_copies(p), -EFAULT);
	expect_eq(kernel_copies(p + 5 * PAGE), -EFAULT);
	expect_sound(&a);
	arena_end(&a);
}

TEST(a_marker_among_the_tables_raises_sigbus)
{
	struct arena a;
	unsigned int r;
	size_t length;

	need_markers();
	a = arena_new(8 * MIB, 8 * MIB);
	for (r = 0; r < MEMLANE_REGION_DATA; r++) {
		if (r == MEMLANE_REGION_STAT)	/* cannot be written, and not be registered */
			continue;
		length = arena_region(&a, r).length;
		expect(leave_markers(a.map[r] + length - PAGE, PAGE));
		expect_eq(touch(a.map[r] + length - PAGE, false), SIGBUS);
		expect_eq(kernel_copies(a.map[r] + length - PAGE), -EFAULT);
	}
	arena_end(&a);
}

/* Pages that were there, and are written to, lose their protection again. */
TEST(an_object_that_moves_leaves_markers_behind)
{
	struct arena a;
	__u64 handle;
	char *p;

	need_markers();
	a = arena_new(8 * MIB, 8 * MIB);
	handle = alloc_one(&a, MEMLANE_FAST, NR * PAGE);
	p = address_of(&a, handle);
	memset(p, 5, NR * PAGE);
	expect(leave_markers(p, NR * PAGE));
	p[3 * PAGE] = 6;
	expect_eq(migrate_one(&a, handle, MEMLANE_SLOW), 0);
	expect_ends(p, true);
	p = address_of(&a, handle);
	expect_eq(p[0], 5);
	expect_eq(p[3 * PAGE], 6);
	expect_eq(migrate_one(&a, handle, MEMLANE_FAST), 0);
	expect_ends(address_of(&a, handle) + 3 * PAGE, false);
	expect_ends(address_of(&a, handle), true);
	expect_sound(&a);
	arena_end(&a);
}

/* What was put away comes back to places that have a marker, or not at all: never wrong. */
static void expect_text_or_sigbus(char *p, unsigned int seed)
{
	static char copy[BLOB];
	unsigned int i;
	int sig;

	write_text(copy, BLOB, seed);
	for (i = 0; i < PAGES; i++) {
		sig = touch(p + i * PAGE, i & 1);
		expect(sig == 0 || sig == SIGBUS);
		if (!sig && memcmp(p + i * PAGE + 1, copy + i * PAGE + 1, PAGE - 1))
			fail("page %u has other bytes", i);
		expect_ends(p + i * PAGE, false);
	}
}

/* Objects that are compressed, and stored, before or after the region is registered. */
static void register_cold(const void *arg)
{
	const struct way *way = arg;
	int fd = uffd_open(way->features), early;
	struct arena a;
	__u64 h[2];

	if (fd < 0)
		return;
	a = arena_on(file_new());
	for (early = 0; early < 2; early++) {
		h[0] = text_blob(&a, 1);
		h[1] = text_blob(&a, 2);
		if (early)
			register_region(fd, way, MEMLANE_REGION_DATA, address_of(&a, h[0]), 2 * BLOB);
		cool(&a, &h[0], 1);
		expect_eq(store(&a, &h[1], 1), PAGES);
		if (!early)
			register_region(fd, way, MEMLANE_REGION_DATA, address_of(&a, h[0]), 2 * BLOB);
		expect_text_or_sigbus(address_of(&a, h[0]), 1);
		expect_text_or_sigbus(address_of(&a, h[1]), 2);
		expect_sound(&a);
	}
	expect_eq(counts(&a).lost_pages, 0);
	expect(counts(&a).warmed > 0);
}

TEST(every_kind_on_what_was_put_away)
{
	unsigned int i;

	close(uffd_open(0));
	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		expect_eq(run(register_cold, &ways[i]), 0);
}

static void touch_for_ever(const void *arg)
{
	struct arena a = arena_new(8 * MIB, 8 * MIB);
	char *p = address_of(&a, alloc_one(&a, MEMLANE_FAST, NR * PAGE));

	(void)arg;
	leave_markers(p, NR * PAGE);
	for (;;)
		expect_ends(p, true);
}

/* What somebody else does with a device of one's own must not be felt. */
static void moves_of_another(void)
{
	struct arena a = arena_new(MIB, MIB);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, NR * PAGE);
	int i;

	memset(address_of(&a, handle), 9, NR * PAGE);
	for (i = 0; i < 50; i++)
		expect_eq(migrate_one(&a, handle, i & 1 ? MEMLANE_FAST : MEMLANE_SLOW), 0);
	expect_eq(address_of(&a, handle)[NR * PAGE - 1], 9);
	arena_end(&a);
}

TEST(a_task_at_a_marker_dies_and_holds_nobody_up)
{
	pid_t pid[4];
	unsigned int i;
	int status;

	close(uffd_open(0));
	close(device_open(O_RDWR));
	for (i = 0; i < 4; i++)
		pid[i] = start(touch_for_ever, NULL);
	usleep(300000);
	moves_of_another();
	for (i = 0; i < 4; i++) {
		kill(pid[i], SIGKILL);
		status = status_of(pid[i]);
		expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
