// SPDX-License-Identifier: GPL-2.0-only
/*
 * shared.c - pages of the regions that tell of objects, threads and counters
 *
 * The engine finds them by their addresses and users by faults. They never move. Those of
 * handles that are used up are taken away, under invalidate_lock for writing: so a fault holds
 * it for reading while it looks one up and maps it. One page of zeros is mapped in their place,
 * and another, for reading only, for pages of pin words that nobody has written to.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/page_ref.h>
#include <linux/sched.h>

#include "debugfs.h"
#include "shared.h"

/* A program at its memory cgroup's limit gets -ENOMEM from a call, not killed. */
#define GFP_SHARED (GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/* Of a page: its counters hold twice as many. These take 8 GiB of page tables. */
#define MOST_MAPPINGS (1 << 30)

/**
 * memlane_shared_init - no pages yet
 * @shared: to set up
 */
void memlane_shared_init(struct memlane_shared *shared)
{
	xa_init_flags(&shared->page, XA_FLAGS_ACCOUNT);
	shared->next = 0;
	shared->nothing = NULL;
	shared->unpinned = NULL;
}

static void page_end(struct page *page)
{
	set_page_private(page, 0);
	put_page(page);
	atomic64_dec(&memlane_totals.shared_pages);
}

static void spare_end(struct page **where)
{
	if (*where)
		put_page(*where);
	*where = NULL;
}

/**
 * memlane_shared_exit - let go of all pages
 * @shared: to empty
 *
 * Nobody maps them any more. One that some other part of the kernel still
 * reads or writes is freed when that is over.
 */
void memlane_shared_exit(struct memlane_shared *shared)
{
	unsigned long i;
	void *page;

	xa_for_each(&shared->page, i, page) {
		page_end(page);
		cond_resched();
	}
	xa_destroy(&shared->page);
	spare_end(&shared->nothing);
	spare_end(&shared->unpinned);
}

/**
 * memlane_shared_new - one more zeroed page
 * @shared: owner
 *
 * Context: core.grow. May sleep.
 * Return: its address, good until memlane_shared_end() or _exit(), or NULL.
 */
void *memlane_shared_new(struct memlane_shared *shared)
{
	struct page *page = alloc_page(GFP_SHARED);

	if (!page)
		return NULL;
	if (xa_err(xa_store(&shared->page, shared->next, page, GFP_SHARED & ~__GFP_ZERO))) {
		put_page(page);
		return NULL;
	}
	set_page_private(page, shared->next++);
	atomic64_inc(&memlane_totals.shared_pages);
	return page_address(page);
}

/**
 * memlane_shared_end - let go of one page
 * @shared: owner
 * @p: its address
 *
 * Nobody maps it any more, nor will: see memlane_unmap_shared().
 */
void memlane_shared_end(struct memlane_shared *shared, void *p)
{
	struct page *page = virt_to_page(p);

	xa_erase(&shared->page, page_private(page));
	page_end(page);
}

/* The first who needs it makes it. */
static struct page *spare_page(struct page **where)
{
	struct page *page = READ_ONCE(*where), *was;

	if (page)
		return page;
	page = alloc_page(GFP_SHARED);
	if (!page)
		return NULL;
	was = cmpxchg(where, NULL, page);
	if (!was)
		return page;
	put_page(page);
	return was;
}

/**
 * memlane_shared_nothing - what is mapped where pages were taken away
 * @shared: owner
 *
 * A program that writes there has handles of its own that were used up come alive.
 *
 * Return: a page of zeros, the same each time; NULL: no memory.
 */
struct page *memlane_shared_nothing(struct memlane_shared *shared)
{
	return spare_page(&shared->nothing);
}

/**
 * memlane_shared_unpinned - what is mapped for pin words that nobody has written to
 * @shared: owner
 *
 * Nobody writes there: see unpinned_mkwrite().
 *
 * Return: a page of zeros, the same each time; NULL: no memory, or it is mapped so often
 * that its counters might overflow.
 */
struct page *memlane_shared_unpinned(struct memlane_shared *shared)
{
	struct page *page = spare_page(&shared->unpinned);

	return page && page_ref_count(page) < MOST_MAPPINGS ? page : NULL;
}

/* Is it that page? */
bool memlane_shared_is_unpinned(const struct memlane_shared *shared, const struct page *page)
{
	return page == READ_ONCE(shared->unpinned);
}
