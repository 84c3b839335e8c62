// SPDX-License-Identifier: MIT
/*
 * local_pages.c - the pages of an arena's data area, in a process
 *
 * Private anonymous memory: no descriptor of the process leads to it, no file has
 * it, and a child of fork() does not get it. All of it is reserved without a
 * right to touch it. A chunk of 2 MiB is opened when its first page is committed
 * and closed when its last one is given back, so what the system counts as
 * promised (vm.overcommit_memory=2, RLIMIT_DATA) follows what is in use:
 *
 *	closed --commit--> open: a page exists once it was touched
 *	  ^                 |  decommit: its pages go, the chunk stays open
 *	  '---- decommit ---'  of the last committed page
 *
 * core.lock protects the words of the chunks.
 */
#include <errno.h>
#include <linux/minmax.h>
#include <linux/sysinfo.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arena.h"
#include "local.h"
#include "memtool.h"
#include "refusal.h"
#include "vec.h"

/* Since Linux 5.14 and 5.18 */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

#define OPEN	    0x8000U /* in a chunk's word, beside its committed pages */
#define CHUNK_BYTES (ML_CHUNK_PAGES << ML_PAGE_SHIFT)

static void *page_at(struct local *l, u64 page)
{
	return l->data + (page << ML_PAGE_SHIFT);
}

/* The end of the piece of [page, end) that lies in one chunk. */
static u64 piece_end(u64 page, u64 end)
{
	return min_t(u64, end, (page | (ML_CHUNK_PAGES - 1)) + 1);
}

/* -------------------------------------------------------- open, close ---- */

static bool is_open(struct local *l, u64 page)
{
	const u16 *word = ml_vec_at(&l->chunk, page >> ML_CHUNK_SHIFT);

	return word && READ_ONCE(*word) & OPEN;
}

static int open_chunk(struct local *l, u64 page)
{
	u16 *word = ml_vec_make(&l->core, &l->chunk, page >> ML_CHUNK_SHIFT);
	void *at = page_at(l, page & ~(u64)(ML_CHUNK_PAGES - 1));

	if (!word)
		return -ENOMEM;
	if (*word & OPEN)
		return 0;
	/* Where pages are hidden each is shown by itself. */
	if (!l->hides && mprotect(at, CHUNK_BYTES, PROT_READ | PROT_WRITE))
		return refused("mprotect", CHUNK_BYTES, NULL, errno, ENOMEM);
	if (l->dumped)
		madvise(at, CHUNK_BYTES, MADV_DODUMP);
	if (l->tool)
		memtool_hide(at, CHUNK_BYTES);
	WRITE_ONCE(*word, *word | OPEN);
	return 0;
}

/* As it was reserved, so that nothing is counted for it; false: no room for the mapping. */
static bool close_chunk(struct local *l, u64 page)
{
	u16 *word = ml_vec_at(&l->chunk, page >> ML_CHUNK_SHIFT);
	void *at = page_at(l, page & ~(u64)(ML_CHUNK_PAGES - 1));

	if (mmap(at, CHUNK_BYTES, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return false;
	munlock(at, CHUNK_BYTES);
	region_advise(at, CHUNK_BYTES);
	if (l->tool)
		memtool_forget(at, CHUNK_BYTES);
	WRITE_ONCE(*word, 0);
	return true;
}

/* --------------------------------------------------------- looking in ---- */

/*
 * Which pages exist, of one chunk at most: a byte for each. One that is swapped out
 * looks like one that never was.
 */
static u64 look(struct local *l, u64 page, u64 nr, unsigned char *there)
{
	u64 i, n = 0;

	if (mincore(page_at(l, page), nr << ML_PAGE_SHIFT, there))
		memset(there, 1, nr);
	for (i = 0; i < nr; i++)
		n += there[i] & 1;
	return n;
}

/**
 * local_pages_exist - how many of these pages exist
 * @l: arena
 * @page: first
 * @nr: how many
 *
 * Context: core.lock, or what it says may be over before it is read.
 */
u64 local_pages_exist(struct local *l, u64 page, u64 nr)
{
	unsigned char there[ML_CHUNK_PAGES];
	u64 end = page + nr, next, n = 0;

	for (; page < end; page = next) {
		next = piece_end(page, end);
		if (is_open(l, page))
			n += look(l, page, next - page, there);
	}
	return n;
}

/**
 * local_pages_count - count the pages of both lanes anew
 * @l: arena
 *
 * The kernel makes pages when the program touches them, and the library does not see it.
 * So this is for exact numbers; between two counts, pages given back are subtracted.
 */
void local_pages_count(struct local *l)
{
	const struct ml_lane *lane;
	u64 n;

	for (lane = l->core.lane; lane < l->core.lane + MEMLANE_LANES; lane++) {
		n = local_pages_exist(l, lane->first, lane->end - lane->first);
		mutex_lock(&l->core.lock);
		l->resident[lane - l->core.lane] = n;
		mutex_unlock(&l->core.lock);
	}
}

u64 local_pages_resident(struct local *l, u64 page, u64 nr)
{
	const struct ml_lane *lane;

	for (lane = l->core.lane; lane < l->core.lane + MEMLANE_LANES; lane++)
		if (page == lane->first && page + nr == lane->end)
			return l->resident[lane - l->core.lane];
	return local_pages_exist(l, page, nr);
}

/* ------------------------------------------------ commit and decommit ---- */

static int protect(struct local *l, u64 page, u64 nr, int prot)
{
	if (mprotect(page_at(l, page), nr << ML_PAGE_SHIFT, prot))
		return refused("mprotect", nr << ML_PAGE_SHIFT, NULL, errno, ENOMEM);
	if (l->tool)
		memtool_hide(page_at(l, page), nr << ML_PAGE_SHIFT);
	return 0;
}

int local_pages_commit(struct local *l, u64 page, u64 nr)
{
	u64 end = page + nr, next, at;
	u16 *word;

	for (at = page; at < end; at = piece_end(at, end))
		if (open_chunk(l, at))
			return -ENOMEM;
	if (l->hides && protect(l, page, nr, PROT_READ | PROT_WRITE))
		return -ENOMEM;
	for (at = page; at < end; at = next) {
		next = piece_end(at, end);
		word = ml_vec_at(&l->chunk, at >> ML_CHUNK_SHIFT);
		WRITE_ONCE(*word, *word + (next - at));
	}
	return 0;
}

/* Where the kernel is too old for the call: a write that changes nothing. */
static void touch_pages(struct local *l, u64 page, u64 nr)
{
	for (; nr; nr--, page++)
		__atomic_fetch_or((unsigned char *)page_at(l, page), 0, __ATOMIC_RELAXED);
}

/* Objects of one page come one after the other: it is made once. */
int local_pages_populate(struct local *l, u64 page, u64 nr)
{
	u64 *there = l->there;

	if (page >= there[0] && page + nr <= there[1])
		return 0;
	if (madvise(page_at(l, page), nr << ML_PAGE_SHIFT, MADV_POPULATE_WRITE)) {
		if (errno != EINVAL)
			return refused("madvise", nr << ML_PAGE_SHIFT, NULL, errno, ENOMEM);
		touch_pages(l, page, nr);
	}
	if (page < there[0] || page > there[1])
		there[0] = page;
	there[1] = page + nr;
	return 0;
}

/* What is locked in memory stays mapped except for a newer kernel's call. */
static void drop_pages(void *at, size_t length)
{
	if (!madvise(at, length, MADV_DONTNEED))
		return;
	if (errno != EINVAL || !madvise(at, length, MADV_DONTNEED_LOCKED))
		return;
	munlock(at, length);
	madvise(at, length, MADV_DONTNEED);
}

/* A piece of one chunk is committed no more; true: nor is anything else of the chunk. */
static bool uncount(struct local *l, u64 page, u64 nr)
{
	u16 *word = ml_vec_at(&l->chunk, page >> ML_CHUNK_SHIFT);

	WRITE_ONCE(*word, *word - nr);
	return *word == OPEN;
}

static void forget(struct local *l, u64 page, u64 nr, u64 had)
{
	unsigned int lane = page >= l->core.lane[MEMLANE_SLOW].first;

	l->resident[lane] -= min_t(u64, had, l->resident[lane]);
	if (page < l->there[1] && page + nr > l->there[0])
		l->there[1] = l->there[0];
}

/* As few calls as there can be: closed chunks go by themselves, what is between at once. */
u64 local_pages_decommit(struct local *l, u64 page, u64 nr)
{
	u64 had = local_pages_exist(l, page, nr), end = page + nr, next, from = page;

	forget(l, page, nr, had);
	for (; page < end; page = next) {
		next = piece_end(page, end);
		if (!uncount(l, page, next - page) || !close_chunk(l, page))
			continue;
		if (page > from)
			drop_pages(page_at(l, from), (page - from) << ML_PAGE_SHIFT);
		from = next;
	}
	if (end > from)
		drop_pages(page_at(l, from), (end - from) << ML_PAGE_SHIFT);
	if (l->hides)
		protect(l, end - nr, nr, PROT_NONE);
	return had;
}

/* ------------------------------------------------------------- moving ---- */

/* Then what does not exist was never touched, nor is it swapped out. */
static bool no_swap(void)
{
	struct sysinfo info;

	return !syscall(SYS_sysinfo, &info) && info.freeswap == info.totalswap;
}

static bool is_zero(const u64 *p)
{
	u64 any = 0;
	unsigned int i;

	for (i = 0; i < ML_PAGE_SIZE / sizeof(*p); i++)
		any |= p[i];
	return !any;
}

static void move_pages(struct local *l, u64 to, u64 from, u64 nr)
{
	unsigned char there[ML_CHUNK_PAGES];
	bool some = look(l, from, nr, there) < nr, skip = some && no_swap();
	u64 i;

	for (i = 0; i < nr; i++)
		if (there[i] & 1 || (!skip && !is_zero(page_at(l, from + i))))
			memcpy(page_at(l, to + i), page_at(l, from + i), ML_PAGE_SIZE);
}

/*
 * What exists is copied; what was never touched stays nothing. Pages could change
 * places by mremap(), but each would leave mappings behind that never join again.
 * This is why MEMLANE_CAP_REMAP is not claimed.
 */
void local_pages_remap(struct local *l, u64 to, u64 from, u64 nr)
{
	u64 n;

	for (; nr; nr -= n, to += n, from += n) {
		n = min_t(u64, nr, piece_end(from, from + nr) - from);
		move_pages(l, to, from, n);
	}
}

/* --------------------------------------------------------- init, exit ---- */

/**
 * local_pages_init - reserve the data area
 * @l: arena whose engine is ready
 *
 * Return: 0 or -errno; local_pages_exit() also then.
 */
int local_pages_init(struct local *l)
{
	u64 end = l->core.lane[MEMLANE_SLOW].end;
	int err = region_reserve_at(end << ML_PAGE_SHIFT, PROT_NONE,
				    &l->region[MEMLANE_REGION_DATA]);

	l->data = l->region[MEMLANE_REGION_DATA];
	if (err)
		return err;
	return ml_vec_init(&l->core, &l->chunk, ml_pages(end << ML_PAGE_SHIFT) >> ML_CHUNK_SHIFT,
			   ML_PAGE_SHIFT - 1, ML_PRIVATE);
}

static void forget_all(struct local *l)
{
	u64 page, end = l->core.lane[MEMLANE_SLOW].end;

	for (page = 0; page < end; page += ML_CHUNK_PAGES)
		if (is_open(l, page))
			memtool_forget(page_at(l, page), CHUNK_BYTES);
}

/* The addresses themselves go with the other regions. */
void local_pages_exit(struct local *l)
{
	if (l->tool && l->chunk.top)
		forget_all(l);
	ml_vec_exit(&l->core, &l->chunk);
}
