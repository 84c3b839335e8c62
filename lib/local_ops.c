// SPDX-License-Identifier: MIT
/*
 * local_ops.c - what the engine needs of the system, in a process
 *
 * A memory file for each lane, and plain memory for the shared regions.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "local.h"
#include "worker.h"

#define OPEN_PAGES 64 /* of a region, at a time */

static void *zalloc(struct ml_arena *a, size_t size)
{
	void *p = calloc(1, size);

	if (p)
		__atomic_add_fetch(&local_of(a)->metadata, size, __ATOMIC_RELAXED);
	return p;
}

static void zfree(struct ml_arena *a, void *p, size_t size)
{
	if (p)
		__atomic_sub_fetch(&local_of(a)->metadata, size, __ATOMIC_RELAXED);
	free(p);
}

/*
 * Where the system promises no more memory than it has, it counts what may be written:
 * a region is opened as it comes into use.
 */
static int open_pages(struct local *l, unsigned int region, u64 end)
{
	const u64 most = ml_pages(l->info.out_region[region].length);
	u64 first = l->open[region];
	char *at = l->region[region];

	if (end <= first)
		return 0;
	end = (end + OPEN_PAGES - 1) & ~(u64)(OPEN_PAGES - 1);
	if (end > most)
		end = most;
	if (mprotect(at + (first << ML_PAGE_SHIFT), (end - first) << ML_PAGE_SHIFT,
		     PROT_READ | PROT_WRITE))
		return -ENOMEM;
	l->open[region] = end;
	return 0;
}

static void *share(struct ml_arena *a, unsigned int region, u64 page)
{
	struct local *l = local_of(a);

	if (open_pages(l, region, page + 1))
		return NULL;
	__atomic_add_fetch(&l->metadata, ML_PAGE_SIZE, __ATOMIC_RELAXED);
	return (char *)l->region[region] + (page << ML_PAGE_SHIFT);
}

/* The file of a page, and where it is in there. */
static int file_at(struct local *l, u64 page, off_t *offset)
{
	u64 slow = l->core.lane[MEMLANE_SLOW].first;

	*offset = (page < slow ? page : page - slow) << ML_PAGE_SHIFT;
	return l->fd[page < slow ? MEMLANE_FAST : MEMLANE_SLOW];
}

static int commit(struct ml_arena *a, u64 page, u64 nr)
{
	return 0;
}

/* A signal undoes what has been made so far: it has to wait. */
static int allocate_undisturbed(int fd, off_t offset, off_t length)
{
	sigset_t all, was;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	do {
		err = fallocate(fd, 0, offset, length) ? -errno : 0;
	} while (err == -EINTR);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return err;
}

static int allocate(int fd, off_t offset, off_t length)
{
	if (!fallocate(fd, 0, offset, length))
		return 0;
	return errno == EINTR ? allocate_undisturbed(fd, offset, length) : -errno;
}

/* Objects of one page come one after the other: it is made once. */
static int populate(struct ml_arena *a, u64 page, u64 nr)
{
	u64 *there = local_of(a)->there;
	off_t offset;
	int fd = file_at(local_of(a), page, &offset);

	if (page >= there[0] && page + nr <= there[1])
		return 0;
	if (allocate(fd, offset, nr << ML_PAGE_SHIFT))
		return -ENOMEM;
	if (page < there[0] || page > there[1])
		there[0] = page;
	there[1] = page + nr;
	return 0;
}

/* The next piece of data from @from on, before @end; false: there is none. */
static bool next_data(int fd, off_t *from, off_t *to, off_t end)
{
	*from = lseek(fd, *from, SEEK_DATA);
	if (*from < 0 || *from >= end)
		return false;
	*to = lseek(fd, *from, SEEK_HOLE);
	if (*to < 0 || *to > end)
		*to = end;
	return true;
}

/* Pages that exist in a part of a file. */
static u64 data_pages(int fd, off_t offset, off_t end)
{
	off_t from, to;
	u64 bytes = 0;

	for (from = offset; next_data(fd, &from, &to, end); from = to)
		bytes += to - from;
	return bytes >> ML_PAGE_SHIFT;
}

static u64 file_pages(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : (u64)st.st_blocks * 512 >> ML_PAGE_SHIFT;
}

static u64 resident(struct ml_arena *a, u64 page, u64 nr)
{
	const struct ml_lane *lane;
	off_t offset;
	int fd = file_at(local_of(a), page, &offset);

	for (lane = a->lane; lane < a->lane + MEMLANE_LANES; lane++)
		if (page == lane->first && page + nr == lane->end)
			return file_pages(fd);
	return data_pages(fd, offset, offset + (nr << ML_PAGE_SHIFT));
}

static u64 decommit(struct ml_arena *a, u64 page, u64 nr)
{
	struct local *l = local_of(a);
	u64 was = resident(a, page, nr);
	off_t offset;
	int fd = file_at(l, page, &offset);

	if (page < l->there[1] && page + nr > l->there[0])
		l->there[1] = l->there[0];
	if (was && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
			     nr << ML_PAGE_SHIFT))
		return 0;
	return was;
}

static void copy(struct ml_arena *a, u64 to, u64 from, size_t len)
{
	memcpy(local_of(a)->data + to, local_of(a)->data + from, len);
}

/*
 * Pages cannot change files, so what exists is copied; what was never touched
 * stays nothing. This is why MEMLANE_CAP_REMAP is not claimed.
 */
static void remap(struct ml_arena *a, u64 to, u64 from, u64 nr)
{
	unsigned char *data = local_of(a)->data;
	off_t start, first, last;
	int fd = file_at(local_of(a), from, &start);

	for (first = start; next_data(fd, &first, &last, start + (nr << ML_PAGE_SHIFT)); first = last)
		memcpy(data + (to << ML_PAGE_SHIFT) + (first - start),
		       data + (from << ML_PAGE_SHIFT) + (first - start), last - first);
}

/* Nobody but the program itself has these pages. */
static bool held(struct ml_arena *a, u64 page, u64 nr)
{
	return false;
}

int local_membarrier(int cmd)
{
	return syscall(SYS_membarrier, cmd, 0, 0) < 0 ? -errno : 0;
}

/*
 * Threads of this process alone use the arena. Registered at open; it fails only
 * where a filter of system calls was set up since, and then nothing moves. Pairs with
 * the plain store of memlane_enter() and the loads behind it.
 */
static int sync_cores(struct ml_arena *a)
{
	return local_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

/* Fatal signals do not wait for a system call to end. */
static int nap(struct ml_arena *a, u64 ns)
{
	const struct timespec t = { .tv_sec = ns / NSEC, .tv_nsec = ns % NSEC };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	return 0;
}

/* The thread that runs cycles is to end; nobody else is in a call then. */
static bool hurry(struct ml_arena *a)
{
	return __atomic_load_n(&local_of(a)->stop, __ATOMIC_RELAXED);
}

static bool slot_gone(struct ml_arena *a, unsigned int slot)
{
	pid_t tid = __atomic_load_n(&local_of(a)->tid[slot], __ATOMIC_ACQUIRE);

	return tid && syscall(SYS_tgkill, getpid(), tid, 0) && errno == ESRCH;
}

static void slot_done(struct ml_arena *a, unsigned int slot)
{
	__atomic_store_n(&local_of(a)->tid[slot], 0, __ATOMIC_RELEASE);
}

static void event(struct ml_arena *a, unsigned int type, unsigned int lane, u64 value)
{
	struct memlane_event ev = { .type = type, .lane = lane, .value = value };

	events_put(&local_of(a)->events, &ev);
}

static u64 metadata(struct ml_arena *a)
{
	a->count.ioctls = __atomic_load_n(&local_of(a)->calls, __ATOMIC_RELAXED);
	return __atomic_load_n(&local_of(a)->metadata, __ATOMIC_RELAXED);
}

static u64 now(void)
{
	return clock_ns();
}

const struct ml_ops local_ops = {
	.zalloc = zalloc,
	.zfree = zfree,
	.share = share,
	.commit = commit,
	.populate = populate,
	.decommit = decommit,
	.copy = copy,
	.remap = remap,
	.remap_copies = true,
	.held = held,
	.resident = resident,
	.sync_cores = sync_cores,
	.pause = nap,
	.hurry = hurry,
	.slot_gone = slot_gone,
	.slot_done = slot_done,
	.event = event,
	.metadata = metadata,
	.now = now,
};
