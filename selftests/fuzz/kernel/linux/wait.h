/* SPDX-License-Identifier: MIT */
/* CUSTOM: who has to wait is interrupted */
#ifndef FUZZ_WAIT_H
#define FUZZ_WAIT_H

#include <errno.h>

#define ERESTARTSYS	512

typedef struct {
	unsigned int woken;
} wait_queue_head_t;

static inline void init_waitqueue_head(wait_queue_head_t *wait)
{
	wait->woken = 0;
}

static inline void wake_up_interruptible(wait_queue_head_t *wait)
{
	wait->woken++;
}

#define wait_event_interruptible(wait, condition)	((condition) ? 0 : -ERESTARTSYS)

#endif
