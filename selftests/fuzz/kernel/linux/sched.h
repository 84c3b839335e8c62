/* SPDX-License-Identifier: MIT */
/* CUSTOM: a few threads, one of which runs */
#ifndef FUZZ_SCHED_H
#define FUZZ_SCHED_H

#include_next <linux/sched.h>

#include "fake.h"

#define TASK_COMM_LEN 16

struct task_struct {
	struct pid *pid;
	struct mm_struct *mm;
};

#define current	fake_current()

static inline struct pid *task_pid(struct task_struct *task)
{
	return task->pid;
}

static inline int wake_up_process(struct task_struct *task)
{
	return 1;
}

#endif
