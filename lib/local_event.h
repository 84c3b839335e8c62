/* SPDX-License-Identifier: MIT */
/* local_event.h - events of an arena whose engine is in the process */
#ifndef LIB_LOCAL_EVENT_H
#define LIB_LOCAL_EVENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/memlane.h>

#include "node.h"

#define EVENTS_KEPT 64

/**
 * struct events - what has not been read yet, as the module has it
 * @lock: protects all; no other is taken under it
 * @fd: of a pipe, the end to read and the end to write, readable while there are any;
 *	-1: nobody has asked for it
 * @pipe: which pipe that is: a program may close a descriptor that is not its own, and
 *	have the number for a file
 * @nr: how many
 * @promised: ends of calls that are kept, or will be
 * @lost: dropped since the last one was taken
 * @kept: the oldest first
 */
struct events {
	pthread_mutex_t lock;
	int fd[2];
	struct node pipe;
	uint32_t nr;
	uint32_t promised;
	uint64_t lost;
	struct memlane_event kept[EVENTS_KEPT];
};

void events_init(struct events *e);
void events_exit(struct events *e);
void events_disown(struct events *e);
int events_promise(struct events *e);
void events_put(struct events *e, const struct memlane_event *event);
bool events_take(struct events *e, struct memlane_event *event);
int events_fd(struct events *e);

#endif /* LIB_LOCAL_EVENT_H */
