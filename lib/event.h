/* SPDX-License-Identifier: MIT */
/* event.h - events of an arena whose engine is in the process */
#ifndef LIB_EVENT_H
#define LIB_EVENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/memlane.h>

#define EVENTS_KEPT 64

/**
 * struct events - a ring, as the module has one
 * @lock: protects all; no other is taken under it
 * @fd: readable while there are any; -1: nobody has asked for it
 * @first: the oldest
 * @nr: how many
 * @lost: dropped since the last one was taken
 */
struct events {
	pthread_mutex_t lock;
	int fd;
	uint32_t first;
	uint32_t nr;
	uint64_t lost;
	struct memlane_event ring[EVENTS_KEPT];
};

void events_init(struct events *e);
void events_exit(struct events *e);
void events_put(struct events *e, const struct memlane_event *event);
bool events_take(struct events *e, struct memlane_event *event);
int events_fd(struct events *e);

#endif /* LIB_EVENT_H */
