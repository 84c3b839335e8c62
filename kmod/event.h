/* SPDX-License-Identifier: GPL-2.0-only */
/* event.h - what happened in an arena, for poll() and read() */
#ifndef MEMLANE_EVENT_H
#define MEMLANE_EVENT_H

#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <linux/memlane.h>

#define MEMLANE_EVENTS	64

/**
 * struct memlane_events - the latest events, oldest first
 * @lock: of the ring; innermost, events are put under core.lock
 * @wait: readers
 * @ring: records
 * @first: oldest
 * @nr: how many
 * @lost: dropped since the last read
 */
struct memlane_events {
	spinlock_t lock;
	wait_queue_head_t wait;
	struct memlane_event ring[MEMLANE_EVENTS];
	u32 first;
	u32 nr;
	u64 lost;
};

void memlane_events_init(struct memlane_events *events);
void memlane_event_put(struct memlane_events *events, const struct memlane_event *event);
void memlane_event_return(struct memlane_events *events, const struct memlane_event *event);
bool memlane_event_take(struct memlane_events *events, struct memlane_event *event);
int memlane_event_wait(struct memlane_events *events, bool nonblock);
__poll_t memlane_poll(struct file *file, poll_table *table);

#endif /* MEMLANE_EVENT_H */
