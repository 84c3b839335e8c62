/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bug.h - bugs that tests must catch
 *
 * Goes into the copy of the module that seeded.sh makes. It can have any one of the bugs
 * that seeded.edits describes: the one whose number is in the module's parameter
 * `seed`, 0 for none.
 */
#ifndef MEMLANE_BUG_H
#define MEMLANE_BUG_H

#include <linux/compiler.h>

struct page;
struct vm_area_struct;

extern unsigned int memlane_seed;

#define ML_SEEDED(n) (READ_ONCE(memlane_seed) == (n))

int memlane_map_frame(struct vm_area_struct *vma, unsigned long at, struct page *page);

#endif /* MEMLANE_BUG_H */
