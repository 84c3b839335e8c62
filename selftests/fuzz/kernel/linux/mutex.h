/* SPDX-License-Identifier: MIT */
/* CUSTOM: a signal may come to who would wait killably */
#ifndef FUZZ_MUTEX_H
#define FUZZ_MUTEX_H

#include <linux/errno.h>
#include_next <linux/mutex.h>

#include "fake.h"

static inline int __must_check fake_lock_killable(struct mutex *m)
{
	if (fake_fails(&fake.signal))
		return -EINTR;
	mutex_lock(m);
	return 0;
}

#define mutex_lock_killable(m)	fake_lock_killable(m)

#endif
