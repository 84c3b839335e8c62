/* SPDX-License-Identifier: GPL-2.0-only */
/* event.h - what happened in an arena, for poll() and read() */
#ifndef MEMLANE_EVENT_H
#define MEMLANE_EVENT_H

#include <linux/list.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <linux/memlane.h>

#define MEMLANE_EVENTS	64

/**
 * struct memlane_events - what has not been read yet
 * @lock: of all below; innermost, events are put under core.lock
 * @wait: readers
 * @pending: events, oldest first
 * @unused: the other records
 * @record: all of them
 * @nr: in @pending
 * @promised: ends of calls that are pending, or will be
 * @lost: dropped since the last read
 */
struct memlane_events {
	spinlock_t lock;
	wait_queue_head_t wait;
	struct list_head pending;
	struct list_head unused;
	struct memlane_event_record {
		struct list_head list;
		struct memlane_event event;
	} record[MEMLANE_EVENTS];
	u32 nr;
	u32 promised;
	u64 lost;
};

void memlane_events_init(struct memlane_events *events);
int memlane_event_promise(struct memlane_events *events);
void memlane_event_keep(struct memlane_events *events);
void memlane_event_put(struct memlane_events *events, const struct memlane_event *event);
bool memlane_event_take(struct memlane_events *events, struct memlane_event *event);
void memlane_event_return(struct memlane_events *events, const struct memlane_event *event);
int memlane_event_wait(struct memlane_events *events, bool nonblock);
__poll_t memlane_poll(struct file *file, poll_table *table);

#endif /* MEMLANE_EVENT_H */
