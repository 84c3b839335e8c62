// SPDX-License-Identifier: GPL-2.0-only
/* bug.c - which seeded bug the module has */
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pfn_t.h>

#include "bug.h"

unsigned int memlane_seed;
module_param_named(seed, memlane_seed, uint, 0600);
MODULE_PARM_DESC(seed, "number of a bug, see selftests/debug/seeded.list");

/* Map a page as if it were a device's memory: the entry holds no reference. */
int memlane_map_frame(struct vm_area_struct *vma, unsigned long at, struct page *page)
{
	vm_fault_t ret = vmf_insert_mixed(vma, at, page_to_pfn_t(page));

	return ret == VM_FAULT_NOPAGE ? 0 : vm_fault_to_errno(ret, 0);
}
