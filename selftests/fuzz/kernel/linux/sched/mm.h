/* SPDX-License-Identifier: MIT */
/* CUSTOM: references are counted */
#ifndef FUZZ_SCHED_MM_H
#define FUZZ_SCHED_MM_H

#include <linux/mm_types.h>

#include "fake.h"

static inline void mmgrab(struct mm_struct *mm)
{
	mm->refs++;
}

static inline void mmdrop(struct mm_struct *mm)
{
	fake_put(&mm->refs, mm);
}

#endif
