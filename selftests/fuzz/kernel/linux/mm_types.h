/* SPDX-License-Identifier: MIT */
/* CUSTOM: pages have a size, and a word that nobody looks at */
#ifndef FUZZ_MM_TYPES_H
#define FUZZ_MM_TYPES_H

#include <linux/types.h>

#define PAGE_SIZE	4096UL

typedef unsigned int gfp_t;

struct mm_struct {
	u32 refs;
};

struct page {
	unsigned long private;
};

#endif
