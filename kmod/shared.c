// SPDX-License-Identifier: GPL-2.0-only
/*
 * shared.c - pages of the table, side, pin, slot and stat regions
 *
 * The engine finds them by their addresses and users by faults. They are never
 * moved nor taken away while the file is open, so mapping them needs no lock.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "debugfs.h"
#include "shared.h"

/* A program at its memory cgroup's limit gets -ENOMEM from a call, not killed. */
#define GFP_SHARED (GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/**
 * memlane_shared_init - no pages yet
 * @shared: to set up
 */
void memlane_shared_init(struct memlane_shared *shared)
{
	xa_init_flags(&shared->page, XA_FLAGS_ACCOUNT);
	shared->nr = 0;
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
		put_page(page);
		cond_resched();
	}
	atomic64_sub(shared->nr, &memlane_totals.shared_pages);
	shared->nr = 0;
	xa_destroy(&shared->page);
}

/**
 * memlane_shared_new - one more zeroed page
 * @shared: owner
 *
 * Context: core.grow. May sleep.
 * Return: its address, good until memlane_shared_exit(), or NULL.
 */
void *memlane_shared_new(struct memlane_shared *shared)
{
	struct page *page = alloc_page(GFP_SHARED);

	if (!page)
		return NULL;
	if (xa_err(xa_store(&shared->page, shared->nr, page, GFP_KERNEL_ACCOUNT))) {
		put_page(page);
		return NULL;
	}
	shared->nr++;
	atomic64_inc(&memlane_totals.shared_pages);
	return page_address(page);
}
