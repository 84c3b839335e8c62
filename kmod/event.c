// SPDX-License-Identifier: GPL-2.0-only
/* event.c - what happened in an arena, for poll() and read() */
#include <linux/fs.h>

#include "device.h"
#include "event.h"

void memlane_events_init(struct memlane_events *events)
{
	int i;

	spin_lock_init(&events->lock);
	init_waitqueue_head(&events->wait);
	INIT_LIST_HEAD(&events->pending);
	INIT_LIST_HEAD(&events->unused);
	for (i = 0; i < MEMLANE_EVENTS; i++)
		list_add_tail(&events->record[i].list, &events->unused);
}

/**
 * memlane_event_promise - have room for the end of a call
 * @events: of the arena
 *
 * Return: 0: memlane_event_put() of it will succeed, whatever else happens until it
 * is read; -EAGAIN: too many calls are under way, or their ends unread.
 */
int memlane_event_promise(struct memlane_events *events)
{
	int err = -EAGAIN;

	spin_lock(&events->lock);
	if (events->promised < MEMLANE_EVENTS) {
		events->promised++;
		err = 0;
	}
	spin_unlock(&events->lock);
	return err;
}

/**
 * memlane_event_keep - a promise is kept, or needed no more
 * @events: of the arena
 */
void memlane_event_keep(struct memlane_events *events)
{
	spin_lock(&events->lock);
	events->promised--;
	spin_unlock(&events->lock);
}

static void drop_oldest(struct memlane_events *events)
{
	struct memlane_event_record *r;

	list_for_each_entry(r, &events->pending, list) {
		if (r->event.type == MEMLANE_EVENT_DONE)
			continue;
		list_move(&r->list, &events->unused);
		events->nr--;
		events->lost++;
		return;
	}
}

/* Return: a record that is in neither list; NULL: all are ends of calls. */
static struct memlane_event_record *record_new(struct memlane_events *events)
{
	struct memlane_event_record *r;

	if (list_empty(&events->unused))
		drop_oldest(events);
	r = list_first_entry_or_null(&events->unused, struct memlane_event_record, list);
	if (r) {
		list_del(&r->list);
		events->nr++;
	} else {
		events->lost++;
	}
	return r;
}

/**
 * memlane_event_put - tell of something
 * @events: of the arena
 * @event: copied; its size and lost are filled in
 *
 * When all records are in use the oldest is dropped that was not promised.
 * Context: any but interrupts.
 */
void memlane_event_put(struct memlane_events *events, const struct memlane_event *event)
{
	struct memlane_event_record *r;

	spin_lock(&events->lock);
	r = record_new(events);
	if (r) {
		r->event = *event;
		r->event.size = sizeof(r->event);
		list_add_tail(&r->list, &events->pending);
	}
	spin_unlock(&events->lock);
	wake_up_interruptible(&events->wait);
}

/**
 * memlane_event_return - put back what was taken and could not be handed out
 * @events: of the arena
 * @event: as it was taken
 *
 * It becomes the oldest again.
 */
void memlane_event_return(struct memlane_events *events, const struct memlane_event *event)
{
	struct memlane_event_record *r;

	spin_lock(&events->lock);
	events->lost += event->lost;
	r = record_new(events);
	if (r) {
		r->event = *event;
		list_add(&r->list, &events->pending);
	}
	spin_unlock(&events->lock);
	wake_up_interruptible(&events->wait);
}

/**
 * memlane_event_take - the oldest event
 * @events: of the arena
 * @event: out; the end of a call stays promised until memlane_event_keep()
 *
 * Return: false: there is none.
 */
bool memlane_event_take(struct memlane_events *events, struct memlane_event *event)
{
	struct memlane_event_record *r;

	spin_lock(&events->lock);
	r = list_first_entry_or_null(&events->pending, struct memlane_event_record, list);
	if (r) {
		*event = r->event;
		event->lost = events->lost;
		events->lost = 0;
		list_move(&r->list, &events->unused);
		events->nr--;
	}
	spin_unlock(&events->lock);
	return r;
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
	struct memlane_arena *arena = memlane_arena_of_file(file);

	if (!arena)
		return EPOLLERR;
	poll_wait(file, &arena->events.wait, table);
	return READ_ONCE(arena->events.nr) ? EPOLLIN | EPOLLRDNORM : 0;
}
