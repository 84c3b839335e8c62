/* SPDX-License-Identifier: MIT */
/* CUSTOM: not zeroed, counted, and there may be none left */
#ifndef FUZZ_SLAB_H
#define FUZZ_SLAB_H

#include <linux/minmax.h>
#include <linux/types.h>

#include "fake.h"

#define GFP_KERNEL_ACCOUNT	0U

#define struct_size(p, member, n)	(sizeof(*(p)) + sizeof(*(p)->member) * (n))

#define kmalloc(size, gfp)		fake_alloc(1, size, false)
#define kmalloc_array(n, size, gfp)	fake_alloc(n, size, false)
#define kvmalloc_array(n, size, gfp)	fake_alloc(n, size, false)
#define kcalloc(n, size, gfp)		fake_alloc(n, size, true)
#define kvcalloc(n, size, gfp)		fake_alloc(n, size, true)
#define kvzalloc(size, gfp)		fake_alloc(1, size, true)
#define kfree(p)			fake_free(p)
#define kvfree(p)			fake_free(p)

#endif
