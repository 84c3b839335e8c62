// SPDX-License-Identifier: MIT
/*
 * attack.c - what a program can do to its own mappings and file by other system calls
 *
 * Each attack is a process with an arena of its own, in which objects move all the time. It
 * ends by itself, or when it is killed; its own object has the right bytes after what must
 * not change them, and another arena works as ever. What the kernel answers is its own
 * affair, as long as it is an answer.
 */
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "../arena.h"
#include "../ring.h"
#include "../touch.h"
#include "cool.h"

#define NR 64U
#define LEN (NR * PAGE)
#define PATIENCE 60	/* seconds until it is killed */
#define DEATH 20	/* and from there to its end */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define MADV_SOFT_OFFLINE_PAGE 101
#define MADV_GUARD_ADD 102
#define MADV_GUARD_END 103
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

struct own {
	struct arena a;
	__u64 h;
};

static char *object(const struct own *o)
{
	return address_of(&o->a, o->h);
}

static void expect_whole(const struct own *o)
{
	expect_text(object(o), LEN, 1);
}

/* All that moves pages: the attack goes on beside it, or has left something behind. */
static void move_about(const struct own *o)
{
	struct memlane_cool req = cool_req((__u64 *)&o->h, 1);
	struct memlane_compact all = { .size = sizeof(all) };

	migrate_one(&o->a, o->h, MEMLANE_FAST);
	call(o->a.fd, MEMLANE_IOCTL_COOL, &req);
	migrate_one(&o->a, o->h, MEMLANE_SLOW);
	call(o->a.fd, MEMLANE_IOCTL_COMPACT, &all);
}

/* The first of a region; of the data area, the object. */
static char *part_of(const struct own *o, unsigned int region, size_t *length)
{
	size_t all = arena_region(&o->a, region).length;

	*length = region == MEMLANE_REGION_DATA ? LEN : all < LEN ? all : LEN;
	return region == MEMLANE_REGION_DATA ? object(o) : o->a.map[region];
}

/* ------------------------------------------------------------- mappings */

static void each_advice(struct own *o)
{
	unsigned int r, advice;
	size_t length;
	char *p;

	for (r = 0; r < MEMLANE_REGIONS; r++)
		for (advice = 0; advice <= MADV_COLLAPSE; advice++) {
			p = part_of(o, r, &length);
			madvise(p, length, advice);
			if (r == MEMLANE_REGION_DATA)
				expect_whole(o);
		}
	madvise(object(o), LEN, MADV_SOFT_OFFLINE_PAGE);
	move_about(o);
}

/* Where there are such: what is touched there raises a signal, and the bytes stay. */
static void guards(struct own *o)
{
	unsigned int r;
	size_t length;
	char *p;

	for (r = 0; r < MEMLANE_REGIONS; r++) {
		p = part_of(o, r, &length);
		if (madvise(p, length, MADV_GUARD_ADD))
			continue;
		touch(p, false);
		move_about(o);
		expect_eq(madvise(p, length, MADV_GUARD_END), 0);
	}
}

static void each_protection(struct own *o)
{
	unsigned int r, prot;
	size_t length;
	char *p;

	for (r = 0; r < MEMLANE_REGIONS; r++)
		for (prot = 0; prot < 8; prot++) {
			p = part_of(o, r, &length);
			if (!mprotect(p, length, prot))
				expect(!(prot & PROT_EXEC));
			touch(p, false);
			expect_eq(mprotect(p, length, r == MEMLANE_REGION_STAT ? PROT_READ :
					   PROT_READ | PROT_WRITE), 0);
		}
}

/* It goes and comes back; what stays behind shows the same. */
static void each_move(struct own *o)
{
	unsigned int r, flags;
	size_t length;
	char *p, *to;

	for (r = 0; r < MEMLANE_REGIONS; r++)
		for (flags = MREMAP_MAYMOVE; flags <= (MREMAP_MAYMOVE | MREMAP_DONTUNMAP); flags++) {
			if (flags & MREMAP_FIXED)
				continue;
			p = part_of(o, r, &length);
			to = mremap(p, length, length, flags);
			if (to == MAP_FAILED || to == p)
				continue;
			touch(to, false);
			move_about(o);
			expect(mremap(to, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
		}
}

static void other_pages_of_the_file(struct own *o)
{
	unsigned int r;
	size_t length;
	char *p;

	for (r = 0; r < MEMLANE_REGIONS; r++) {
		p = part_of(o, r, &length);
		if (syscall(SYS_remap_file_pages, p, PAGE, 0, arena_region(&o->a, r).offset / PAGE, 0))
			continue;
		touch(p, false);
	}
	move_about(o);
}

static void locks(struct own *o)
{
	unsigned int r, flags;
	size_t length;
	char *p;

	for (flags = 0; flags < 2; flags++)
		for (r = 0; r < MEMLANE_REGIONS; r++) {
			p = part_of(o, r, &length);
			syscall(SYS_mlock2, p, length, flags);
			move_about(o);
			munlock(part_of(o, r, &length), length);
		}
}

/* Modes of numaif.h: to be bound to a node, strictly, with pages that are there. */
static void nodes(struct own *o)
{
	unsigned long mask = 1;
	void *page[NR];
	int node[NR] = { 0 }, status[NR];
	unsigned int r, mode, i;
	size_t length;
	char *p;

	for (mode = 0; mode < 7; mode++) {
		syscall(SYS_set_mempolicy, mode, &mask, 64);
		for (r = 0; r < MEMLANE_REGIONS; r++) {
			p = part_of(o, r, &length);
			syscall(SYS_mbind, p, length, mode, &mask, 64, 7);
		}
		move_about(o);
	}
	for (i = 0; i < NR; i++)
		page[i] = object(o) + i * PAGE;
	syscall(SYS_move_pages, 0, (unsigned long)NR, page, node, status, 4);
	syscall(SYS_migrate_pages, 0, 64, &mask, &mask);
}

static void keys(struct own *o)
{
	int key = syscall(SYS_pkey_alloc, 0, 1);
	char *p = object(o);

	if (key < 0 || syscall(SYS_pkey_mprotect, p, LEN, PROT_READ | PROT_WRITE, key))
		return;
	expect(touch(p, false));
	move_about(o);
	expect_eq(syscall(SYS_pkey_mprotect, p, LEN, PROT_READ | PROT_WRITE, 0), 0);
}

/* Something else lies over the middle of each region, and over its ends. */
static void holes(struct own *o)
{
	unsigned int r;
	size_t length;
	char *p;

	for (r = MEMLANE_REGIONS; r--;) {	/* where the object is stands in the first */
		p = part_of(o, r, &length);
		mmap(p, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		munmap(p + length - PAGE, PAGE);
		move_about(o);
	}
}

/* Whoever reads them looks into each mapping, and some write. */
static void proc_files(struct own *o)
{
	static const char *const names[] = { "smaps", "smaps_rollup", "numa_maps", "pagemap", "maps", "mem" };
	static char text[65536];
	char path[40];
	unsigned int i;
	int fd;

	for (i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "/proc/self/%s", names[i]);
		fd = open(path, O_RDONLY);
		while (fd >= 0 && i != 3 && read(fd, text, sizeof(text)) > 0)
			;
		pread(fd, text, NR * 8, (unsigned long)object(o) / PAGE * 8);
		close(fd);
	}
	fd = open("/proc/self/clear_refs", O_WRONLY);
	for (i = 1; i <= 5; i++) {
		snprintf(path, sizeof(path), "%u", i);
		(void)!write(fd, path, 1);
		move_about(o);
	}
	close(fd);
}

/* ------------------------------------------------------------- the file */

static void calls_on_the_file(struct own *o)
{
	int fd = o->a.fd, other = memfd_create("other", 0), end[2];
	char bytes[64] = "";
	off_t at = 0;

	expect_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);	/* read() waits for events */
	expect_eq(pipe(end), 0);
	expect(fallocate(fd, 0, 0, MIB) < 0);
	expect(fallocate(fd, 3, 0, MIB) < 0);
	expect(ftruncate(fd, 0) < 0);
	expect(pwrite(fd, bytes, 64, 0) < 0);
	expect(pread(fd, bytes, 64, 0) < 0);
	expect(lseek(fd, 1, SEEK_SET) < 0);
	expect(sendfile(other, fd, &at, PAGE) <= 0);
	expect(sendfile(fd, other, &at, PAGE) <= 0);
	expect(splice(fd, NULL, end[1], NULL, PAGE, SPLICE_F_NONBLOCK) <= 0);
	expect_eq(write(end[1], bytes, 64), 64);
	expect(splice(end[0], NULL, fd, NULL, 64, SPLICE_F_NONBLOCK) <= 0);
	expect(copy_file_range(fd, NULL, other, NULL, PAGE, 0) <= 0);
	expect(readahead(fd, 0, MIB) < 0 || true);
	posix_fadvise(fd, 0, MIB, POSIX_FADV_DONTNEED);
	fsync(fd);
	fcntl(fd, F_SETLEASE, F_WRLCK);
	expect(fcntl(fd, F_ADD_SEALS, 15) < 0);
	expect(ioctl(fd, 1, bytes) < 0);	/* FIBMAP */
	expect(ioctl(fd, 0x5401, bytes) < 0);	/* TCGETS */
}

/* Pages in two pipes are there when the arena is not. */
static void pages_in_pipes(struct own *o)
{
	struct iovec io = { object(o), 8 * PAGE };
	static char got[8 * PAGE];
	int one[2], two[2];

	expect_eq(pipe(one) | pipe(two), 0);
	expect_eq(vmsplice(one[1], &io, 1, 0), 8 * PAGE);
	expect_eq(tee(one[0], two[1], 8 * PAGE, 0), 8 * PAGE);
	move_about(o);
	free_live(&o->a, &o->h, 1);
	arena_end(&o->a);
	o->a = arena_new(MIB, 8 * MIB);
	o->h = alloc_one(&o->a, MEMLANE_SLOW, LEN);
	write_text(object(o), LEN, 1);
	expect_eq(read(one[0], got, sizeof(got)), 8 * PAGE);
	expect_text(got, sizeof(got), 1);
	expect_eq(read(two[0], got, sizeof(got)), 8 * PAGE);
	expect_text(got, sizeof(got), 1);
}

/* Pinned for ever as far as the kernel goes; a read writes there after all has moved. */
static void fixed_buffers(struct own *o)
{
	const struct iovec io = { object(o), LEN };
	int file = memfd_create("bytes", 0);
	struct io_uring_sqe read_fixed = {
		.opcode = IORING_OP_READ_FIXED, .fd = file, .addr = (unsigned long)io.iov_base,
		.len = PAGE,
	};
	struct ring r;

	ring_open(&r);
	if (syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_BUFFERS, &io, 1))
		return;
	expect_eq(write(file, object(o), PAGE), PAGE);
	move_about(o);
	ring_submit(&r, &read_fixed);
	expect_eq(ring_wait(&r), PAGE);
	expect_whole(o);
}

static void send_fd(int socket, int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} c = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec io = { "x", 1 };
	struct msghdr m = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c),
	};

	memcpy(CMSG_DATA(&c.head), &fd, sizeof(fd));
	expect_eq(sendmsg(socket, &m, 0), 1);
}

/* Only the kernel's collector of such cycles ends the arena. */
static void descriptors_in_a_cycle(struct own *o)
{
	int pair[2], i;

	for (i = 0; i < 8; i++) {
		expect_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		send_fd(pair[0], o->a.fd);
		send_fd(pair[0], pair[1]);
		send_fd(pair[1], pair[0]);
		close(pair[0]);
		close(pair[1]);
	}
}

static void user_faults(struct own *o)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1);
	char *own = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = { .range = { (unsigned long)own, LEN }, .mode = 1 };
	unsigned int nr;
	__u64 req[8];

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return;
	ioctl(fd, UFFDIO_REGISTER, &reg);
	/* COPY, ZEROPAGE, MOVE, WRITEPROTECT, CONTINUE, POISON: to the object, then from it. */
	for (nr = 3; nr <= 8; nr++) {
		memset(req, 0, sizeof(req));
		req[0] = (unsigned long)object(o);
		req[1] = nr == 4 || nr > 5 ? LEN : (unsigned long)own;
		req[2] = nr == 4 || nr > 5 ? 0 : LEN;
		ioctl(fd, _IOC(3, UFFDIO, nr, nr == 6 ? 24 : nr == 4 || nr == 7 || nr == 8 ? 32 : 40), req);
		req[1] = req[0];
		req[0] = (unsigned long)own;
		if (nr == 5)
			expect(ioctl(fd, _IOC(3, UFFDIO, nr, 40), req) < 0);
	}
	move_about(o);
}

/* ------------------------------------------------------------- other processes */

/* A process with an arena, and what is in it; it moves about until it ends. */
static pid_t start_victim(struct own *o, int *fd)
{
	pid_t pid = fork();

	expect(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		o->a = arena_new(MIB, 8 * MIB);
		o->h = alloc_one(&o->a, MEMLANE_SLOW, LEN);
		memset(object(o), 1, LEN);
		expect_eq(write(*fd, o, sizeof(*o)), sizeof(*o));
		for (;;)
			move_about(o);
	}
	return pid;
}

static pid_t victim_of(struct own *other)
{
	struct own mine = *other;
	int end[2];
	pid_t pid;

	expect_eq(pipe(end), 0);
	pid = start_victim(&mine, &end[1]);
	expect_eq(read(end[0], other, sizeof(*other)), sizeof(*other));
	return pid;
}

static void end_victim(pid_t pid)
{
	kill(pid, SIGKILL);
	expect_eq(waitpid(pid, NULL, 0), pid);
}

static void advice_to_others(struct own *o)
{
	static const int advice[] = { MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_COLLAPSE, MADV_DONTNEED };
	struct own other = *o;
	pid_t pid = victim_of(&other);
	int fd = syscall(SYS_pidfd_open, pid, 0);
	struct iovec io;
	unsigned int i, r;

	for (i = 0; i < 5; i++)
		for (r = 0; r < MEMLANE_REGIONS; r++) {
			io = (struct iovec) { other.a.map[r], arena_region(&other.a, r).length };
			syscall(SYS_process_madvise, fd, &io, 1UL, advice[i], 0);
		}
	kill(pid, SIGKILL);
	syscall(SYS_process_mrelease, fd, 0);
	end_victim(pid);
}

/* Words of the victim's own, of each region, by a debugger. */
static void pokes(struct own *o)
{
	struct own other = *o;
	pid_t pid = victim_of(&other);
	unsigned long long seed = harness_seed();
	unsigned int i, r;

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL)) {
		end_victim(pid);
		return;
	}
	for (i = 0; i < 200; i++) {
		expect_eq(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
		expect_eq(waitpid(pid, NULL, 0), pid);
		r = rng_next(&seed) % MEMLANE_REGIONS;
		ptrace(PTRACE_POKEDATA, pid, other.a.map[r] + rng_next(&seed) % LEN / 8 * 8,
		       rng_next(&seed));
		if (ptrace(PTRACE_CONT, pid, NULL, NULL))
			break;	/* it has failed by what it read */
	}
	end_victim(pid);
}

/* Children that have its mappings, and go on with them when it is gone. */
static void children(struct own *o)
{
	unsigned int i, r;
	pid_t pid[4];

	for (r = 0; r < MEMLANE_REGIONS; r++)
		if (madvise(o->a.map[r], arena_region(&o->a, r).length, MADV_DOFORK))
			return;	/* later kernels refuse it */
	for (i = 0; i < 4; i++) {
		pid[i] = fork();
		expect(pid[i] >= 0);
		if (!pid[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				move_about(o);
		}
	}
	for (i = 0; i < 20; i++)
		move_about(o);
	for (i = 0; i < 4; i++)
		end_victim(pid[i]);
}

/* No call but read, write and exit: touches are none. */
static void without_calls(struct own *o)
{
	unsigned int i;

	move_about(o);
	expect_eq(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL), 0);
	for (i = 0; i < LEN; i += PAGE)
		if (object(o)[i] != 'o')
			syscall(SYS_exit, 1);
	syscall(SYS_exit, 0);
}

/* ------------------------------------------------------------- the table */

static const struct {
	const char *name;
	void (*run)(struct own *o);
	bool keeps;	/* and the object has its bytes after it */
} attacks[] = {
	{ "madvise", each_advice, true },
	{ "guards", guards, true },
	{ "mprotect", each_protection, false },
	{ "mremap", each_move, true },
	{ "remap_file_pages", other_pages_of_the_file, false },
	{ "mlock2", locks, true },
	{ "mbind", nodes, true },
	{ "pkeys", keys, true },
	{ "holes", holes, false },
	{ "proc", proc_files, true },
	{ "file", calls_on_the_file, true },
	{ "pipes", pages_in_pipes, true },
	{ "fixed buffers", fixed_buffers, true },
	{ "cycles", descriptors_in_a_cycle, true },
	{ "userfaultfd", user_faults, true },
	{ "process_madvise", advice_to_others, true },
	{ "ptrace", pokes, true },
	{ "children", children, true },
	{ "seccomp", without_calls, true },
};

static void attack(unsigned int i)
{
	struct own o = { .a = arena_new(MIB, 8 * MIB) };

	o.h = alloc_one(&o.a, MEMLANE_SLOW, LEN);
	write_text(object(&o), LEN, 1);
	attacks[i].run(&o);
	if (attacks[i].keeps)
		expect_whole(&o);
	fflush(stdout);
	_exit(0);
}

static bool ends(pid_t pid, int *status, int seconds)
{
	int i;

	for (i = 0; i < seconds * 100; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		usleep(10000);
	}
	return false;
}

static void expect_repelled(unsigned int i)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	expect(pid >= 0);
	if (!pid)
		attack(i);
	if (!ends(pid, &status, PATIENCE)) {
		kill(pid, SIGKILL);
		fail("%s: %s", attacks[i].name, ends(pid, &status, DEATH) ?
		     "does not end" : "is alive in spite of SIGKILL");
	}
	if (status && status != HARNESS_SKIP << 8)
		fail("%s: status %#x", attacks[i].name, status);
}

/* Beside them, and after each, another arena is as it was. */
TEST(nothing_is_harmed)
{
	struct own o = { .a = arena_new(MIB, 8 * MIB) };
	unsigned int i;

	o.h = alloc_one(&o.a, MEMLANE_SLOW, LEN);
	write_text(object(&o), LEN, 1);
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		expect_repelled(i);
		expect_whole(&o);
		expect_eq(migrate_one(&o.a, o.h, MEMLANE_FAST), 0);
		expect_eq(migrate_one(&o.a, o.h, MEMLANE_SLOW), 0);
		expect_whole(&o);
		expect_sound(&o.a);
	}
	arena_end(&o.a);
}

TEST(nothing_is_left)
{
	int pair[2], i;

	/* Cycles of sockets are looked for when another one is closed. */
	expect_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[0]);
	close(pair[1]);
	for (i = 0; i < 1000 && (debugfs_number("arenas") || debugfs_number("pages")); i++)
		usleep(10000);
	expect_nothing_left();
}
