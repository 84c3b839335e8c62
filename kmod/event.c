// SPDX-License-Identifier: GPL-2.0-only
/* event.c - what happened in an arena, for poll() and read() */
#include <linux/fs.h>

#include "bug.h"
#include "device.h"
#include "event.h"

void memlane_events_init(struct memlane_events *events)
{
	spin_lock_init(&events->lock);
	init_waitqueue_head(&events->wait);
}

/**
 * memlane_event_put - tell of something
 * @events: of the arena
 * @event: copied; its size and lost are filled in
 *
 * The oldest is dropped when the ring is full. Context: any but interrupts.
 */
void memlane_event_put(struct memlane_events *events, const struct memlane_event *event)
{
	struct memlane_event *to;

	spin_lock(&events->lock);
	if (events->nr == MEMLANE_EVENTS) {
		events->first = (events->first + 1) % MEMLANE_EVENTS;
		events->nr--;
		events->lost += !ML_SEEDED(36);
	}
	to = &events->ring[(events->first + events->nr++) % MEMLANE_EVENTS];
	*to = *event;
	to->size = sizeof(*to);
	if (ML_SEEDED(35))
		cond_resched();
	spin_unlock(&events->lock);
	wake_up_interruptible(&events->wait);
}

/**
 * memlane_event_return - put back what was taken and could not be handed out
 * @events: of the arena
 * @event: as it was taken
 *
 * It becomes the oldest again; lost if the ring has filled since.
 */
void memlane_event_return(struct memlane_events *events, const struct memlane_event *event)
{
	spin_lock(&events->lock);
	events->lost += event->lost;
	if (events->nr == MEMLANE_EVENTS) {
		events->lost++;
	} else {
		events->first = (events->first + MEMLANE_EVENTS - 1) % MEMLANE_EVENTS;
		events->ring[events->first] = *event;
		events->nr++;
	}
	spin_unlock(&events->lock);
	wake_up_interruptible(&events->wait);
}

/**
 * memlane_event_take - the oldest event
 * @events: of the arena
 * @event: out
 *
 * Return: false: there is none.
 */
bool memlane_event_take(struct memlane_events *events, struct memlane_event *event)
{
	bool any;

	spin_lock(&events->lock);
	any = events->nr;
	if (any) {
		*event = events->ring[events->first + (ML_SEEDED(34) ? MEMLANE_EVENTS : 0)];
		event->lost = events->lost;
		events->lost = 0;
		events->first = (events->first + 1) % MEMLANE_EVENTS;
		events->nr--;
	}
	spin_unlock(&events->lock);
	return any;
}

/**
 * memlane_event_wait - wait until there is an event
 * @events: of the arena
 * @nonblock: do not wait
 *
 * Another reader may be quicker: look, and wait again.
 * Return: 0; -EAGAIN; -ERESTARTSYS on a signal.
 */
int memlane_event_wait(struct memlane_events *events, bool nonblock)
{
	if (READ_ONCE(events->nr))
		return 0;
	if (nonblock)
		return -EAGAIN;
	return wait_event_interruptible(events->wait, READ_ONCE(events->nr));
}

/**
 * memlane_poll - readiness of an arena's file
 * @file: of the arena
 * @table: of the caller
 */
__poll_t memlane_poll(struct file *file, poll_table *table)
{
	struct memlane_arena *arena = file->private_data;

	poll_wait(file, &arena->events.wait, table);
	return READ_ONCE(arena->events.nr) ? EPOLLIN | EPOLLRDNORM : 0;
}
