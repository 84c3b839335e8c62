/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bug.h - bugs that tests must catch
 *
 * A build with ML_SEEDS=1 can have any one of them: the one whose number is in
 * the module's parameter `seed`, 0 for none. It is good for nothing else. In
 * every other build the conditions are false and the compiler drops them.
 * selftests/debug/seeded.list says which test catches which.
 */
#ifndef MEMLANE_BUG_H
#define MEMLANE_BUG_H

#include <linux/compiler.h>
#include <linux/errno.h>

struct page;
struct vm_area_struct;

#ifdef ML_SEEDS
extern unsigned int memlane_seed;
#define ML_SEEDED(n) (READ_ONCE(memlane_seed) == (n))
int memlane_map_frame(struct vm_area_struct *vma, unsigned long at, struct page *page);
#else
#define ML_SEEDED(n) false
static inline int memlane_map_frame(struct vm_area_struct *vma, unsigned long at,
				    struct page *page)
{
	return -EINVAL;
}
#endif

#endif /* MEMLANE_BUG_H */
