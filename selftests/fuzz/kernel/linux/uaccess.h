/* SPDX-License-Identifier: MIT */
/* CUSTOM: memory of a program that is not there when least expected */
#ifndef FUZZ_UACCESS_H
#define FUZZ_UACCESS_H

#include <errno.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <string.h>

#include "fake.h"

#define __user
#define ARRAY_SIZE(a)			(sizeof(a) / sizeof(*(a)))
#define offsetofend(type, member)	(offsetof(type, member) + sizeof(((type *)0)->member))
#define u64_to_user_ptr(x)		((void *)(unsigned long)(x))

static inline unsigned long copy_from_user(void *to, const void *from, unsigned long n)
{
	return n - fake_user_read(to, (unsigned long)from, n);
}

static inline unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	return n - fake_user_write((unsigned long)to, from, n);
}

#define get_user(x, p)	(copy_from_user(&(x), p, sizeof(x)) ? -EFAULT : 0)

/* As in the kernel: what is beyond the larger one must be zero. */
static inline int copy_struct_from_user(void *to, size_t ksize, const void *from, size_t usize)
{
	size_t size = min(ksize, usize), i;
	u8 byte;

	for (i = size; i < usize; i++) {
		if (copy_from_user(&byte, (const char *)from + i, 1))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	memset((char *)to + size, 0, ksize - size);
	return copy_from_user(to, from, size) ? -EFAULT : 0;
}

#endif
