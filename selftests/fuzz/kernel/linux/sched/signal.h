/* SPDX-License-Identifier: MIT */
/* CUSTOM: a signal may come at any look */
#ifndef FUZZ_SCHED_SIGNAL_H
#define FUZZ_SCHED_SIGNAL_H

#include <linux/sched.h>

static inline int fatal_signal_pending(struct task_struct *task)
{
	return fake_fails(&fake.signal);
}

#endif
