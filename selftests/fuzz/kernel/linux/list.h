/* SPDX-License-Identifier: MIT */
/* TRUE: two more operations */
#ifndef FUZZ_LIST_H
#define FUZZ_LIST_H

#include_next <linux/list.h>

static inline void list_del_init(struct list_head *n)
{
	list_del(n);
	INIT_LIST_HEAD(n);
}

#define list_first_entry_or_null(h, type, member) \
	(list_empty(h) ? NULL : list_first_entry(h, type, member))

#endif
