/* SPDX-License-Identifier: MIT */
/* CUSTOM: one range of the program's memory */
#ifndef FUZZ_UIO_H
#define FUZZ_UIO_H

#include <linux/uaccess.h>

struct iov_iter {
	unsigned long at;
	size_t count;
};

static inline size_t iov_iter_count(const struct iov_iter *i)
{
	return i->count;
}

static inline size_t copy_to_iter(const void *from, size_t n, struct iov_iter *i)
{
	size_t done = fake_user_write(i->at, from, min(n, i->count));

	i->at += done;
	i->count -= done;
	return done;
}

#endif
