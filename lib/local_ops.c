// SPDX-License-Identifier: MIT
/*
 * local_ops.c - what the engine needs of the system, in a process
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "block.h"
#include "local.h"
#include "local_small.h"
#include "memtool.h"
#include "racing.h"
#include "run.h"
#include "refusal.h"
#include "worker.h"

#define OPEN_PAGES 64 /* of a region, at a time */

static void *zalloc(struct ml_arena *a, size_t size)
{
	void *p = local_heap_take(local_of(a), size);

	if (p)
		__atomic_add_fetch(&local_of(a)->metadata, size, __ATOMIC_RELAXED);
	return p;
}

static void zfree(struct ml_arena *a, void *p, size_t size)
{
	if (p)
		__atomic_sub_fetch(&local_of(a)->metadata, size, __ATOMIC_RELAXED);
	local_heap_give(local_of(a), p, size);
}

/*
 * Where the system promises no more memory than it has, it counts what may be written:
 * a region is opened as it comes into use. A core dump has the table, so that a handle
 * can be followed there.
 */
static int open_pages(struct local *l, unsigned int region, u64 end)
{
	const u64 most = ml_pages(l->info.out_region[region].length);
	u64 first = l->open[region];
	char *at = region_at(&l->info, region, l->region[region]);

	if (end <= first)
		return 0;
	end = (end + OPEN_PAGES - 1) & ~(u64)(OPEN_PAGES - 1);
	if (end > most)
		end = most;
	if (mprotect(at + (first << ML_PAGE_SHIFT), (end - first) << ML_PAGE_SHIFT,
		     PROT_READ | PROT_WRITE))
		return refused("mprotect", (end - first) << ML_PAGE_SHIFT, "max_handles or max_threads",
			       errno, ENOMEM);
	madvise(at + (first << ML_PAGE_SHIFT), (end - first) << ML_PAGE_SHIFT, MADV_NOHUGEPAGE);
	if (region == MEMLANE_REGION_TABLE && l->dumped)
		madvise(at + (first << ML_PAGE_SHIFT), (end - first) << ML_PAGE_SHIFT, MADV_DODUMP);
	l->open[region] = end;
	return 0;
}

/* Pages of pin and size words take memory only where somebody writes, which nobody tells. */
static void count_shared(struct local *l, unsigned int region, s64 bytes)
{
	if (region != MEMLANE_REGION_PIN && region != MEMLANE_REGION_SIZE)
		__atomic_add_fetch(&l->metadata, bytes, __ATOMIC_RELAXED);
}

static void *share(struct ml_arena *a, unsigned int region, u64 page)
{
	struct local *l = local_of(a);

	char *at = NULL;

	if (l->is_small)
		at = small_share(l, region, page);
	else if (!open_pages(l, region, page + 1))
		at = (char *)region_at(&l->info, region, l->region[region]) + (page << ML_PAGE_SHIFT);
	if (at)
		count_shared(l, region, ML_PAGE_SIZE);
	return at;
}

/* Its addresses stay, and are zeros: who looks there needs no lock. */
static void share_end(struct ml_arena *a, unsigned int region, u64 page, void *p)
{
	if (madvise(p, ML_PAGE_SIZE, MADV_DONTNEED))
		memset(p, 0, ML_PAGE_SIZE); /* locked in memory */
	count_shared(local_of(a), region, -(s64)ML_PAGE_SIZE);
}

static int commit(struct ml_arena *a, u64 page, u64 nr)
{
	return local_pages_commit(local_of(a), page, nr);
}

static int populate(struct ml_arena *a, u64 page, u64 nr)
{
	return local_pages_populate(local_of(a), page, nr);
}

static void later(struct ml_arena *a, u64 ns)
{
	local_worker_decay(local_of(a), ns);
}

static u64 decommit(struct ml_arena *a, u64 page, u64 nr)
{
	return local_pages_decommit(local_of(a), page, nr);
}

static void copy(struct ml_arena *a, u64 to, u64 from, size_t len)
{
	copy_racing(local_of(a)->data + to, local_of(a)->data + from, len);
}

static void copy_soon(struct ml_arena *a, u64 to, u64 from)
{
	const struct local *l = local_of(a);

	__builtin_prefetch(l->data + from, 0);
	__builtin_prefetch(l->data + to, 1);
}

static void remap(struct ml_arena *a, u64 to, u64 from, u64 nr)
{
	local_pages_remap(local_of(a), to, from, nr);
}

/* Whose bytes begin there. */
static u32 owner_of(struct ml_arena *a, u64 at)
{
	struct ml_run *run = ml_run_at(a, at >> ML_PAGE_SHIFT);

	if (run->kind == ML_BLOB)
		return run->index;
	return ml_slot_owner(ml_span_of(run), ml_slot_at(ml_span_of(run), at >> MEMLANE_GRANULE_SHIFT));
}

/* The same three where a tool is told. */
static void copy_told(struct ml_arena *a, u64 to, u64 from, size_t len)
{
	struct local *l = local_of(a);

	memtool_move_begin(l->data + to, l->data + from, len);
	copy(a, to, from, len);
	memtool_move_end(l->tool, owner_of(a, from), l->data + to, l->data + from, len);
}

static void remap_told(struct ml_arena *a, u64 to, u64 from, u64 nr)
{
	struct local *l = local_of(a);
	void *new = l->data + (to << ML_PAGE_SHIFT), *old = l->data + (from << ML_PAGE_SHIFT);

	memtool_move_begin(new, old, nr << ML_PAGE_SHIFT);
	remap(a, to, from, nr);
	memtool_move_end(l->tool, owner_of(a, from << ML_PAGE_SHIFT), new, old, nr << ML_PAGE_SHIFT);
}

static void moved_told(struct ml_arena *a, const struct ml_move *mv)
{
	struct local *l = local_of(a);

	if (mv->cause == MEMLANE_CAUSE_PURGE && !mv->result)
		memtool_purged(l->tool, mv->index, l->data + (mv->from << MEMLANE_GRANULE_SHIFT));
}

static u64 resident(struct ml_arena *a, u64 page, u64 nr)
{
	return local_pages_resident(local_of(a), page, nr);
}

/* Nobody but the program itself has these pages. */
static bool held(struct ml_arena *a, u64 page, u64 nr)
{
	return false;
}

int local_membarrier(int cmd)
{
	int err = syscall(SYS_membarrier, cmd, 0, 0) < 0 ? errno : 0;

	return err ? refused("membarrier", 0, NULL, err, err) : 0;
}

/*
 * Threads of this process alone use the arena. Registered at open; it fails only
 * where a filter of system calls was set up since, and then nothing moves. Pairs with
 * the plain store of memlane_enter() and the loads behind it.
 */
static int sync_cores(struct ml_arena *a)
{
	int err = local_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);

	/* What does not move because of it is told as EAGAIN. */
	return err ? refused("membarrier", 0, NULL, -err, EAGAIN) : 0;
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
	return __atomic_load_n(&local_of(a)->tended.stop, __ATOMIC_RELAXED);
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
	.unshare = share_end,
	.commit = commit,
	.populate = populate,
	.later = later,
	.decommit = decommit,
	.copy = copy,
	.copy_soon = copy_soon,
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

/* The same for an arena whose objects are told to a tool. */
const struct ml_ops *local_ops_tell(struct ml_ops *own)
{
	*own = local_ops;
	own->copy = copy_told;
	own->copy_waits = true;
	own->remap = remap_told;
	own->moved = moved_told;
	return own;
}
