/* SPDX-License-Identifier: MIT */
/* STUB: nobody polls */
#ifndef FUZZ_POLL_H
#define FUZZ_POLL_H

#include <sys/epoll.h>

#include <linux/fs.h>
#include <linux/wait.h>

typedef struct poll_table_struct {
	int unused;
} poll_table;

static inline void poll_wait(struct file *file, wait_queue_head_t *wait, poll_table *table)
{
}

#endif
