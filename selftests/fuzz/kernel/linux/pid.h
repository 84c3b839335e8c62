/* SPDX-License-Identifier: MIT */
/* CUSTOM: a counted name of a thread that may be gone */
#ifndef FUZZ_PID_H
#define FUZZ_PID_H

#include "fake.h"

enum pid_type { PIDTYPE_PID };

struct pid {
	u32 refs;
	struct task_struct *task;
};

static inline struct pid *get_pid(struct pid *pid)
{
	pid->refs++;
	return pid;
}

static inline void put_pid(struct pid *pid)
{
	fake_put(&pid->refs, pid);
}

static inline struct task_struct *pid_task(struct pid *pid, enum pid_type type)
{
	return pid->task;
}

#endif
