// SPDX-License-Identifier: MIT
/* event.c - what happened in an arena, and calls whose end is an event */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend.h"
#include "event.h"

/* The module's records may be longer than ours: how much longer at most. */
#define RECORD_MOST  512
/* The first published record was so long. */
#define RECORD_LEAST 152

#define QUEUE_HANDLES 4096U

/* ---------------------------------------------------- in this process ---- */

void events_init(struct events *e)
{
	pthread_mutex_init(&e->lock, NULL);
	e->fd = -1;
}

void events_exit(struct events *e)
{
	if (e->fd >= 0)
		close(e->fd);
	pthread_mutex_destroy(&e->lock);
}

/* Readable from now on. */
static void raise_flag(struct events *e)
{
	if (e->fd >= 0)
		eventfd_write(e->fd, 1);
}

static void lower_flag(struct events *e)
{
	eventfd_t n;

	if (e->fd >= 0)
		eventfd_read(e->fd, &n);
}

/**
 * events_promise - have room for the end of a queued call
 * @e: of the arena
 *
 * Return: 0, or -EAGAIN: as many calls wait, or have ended and were not read.
 */
int events_promise(struct events *e)
{
	int err = -EAGAIN;

	pthread_mutex_lock(&e->lock);
	if (e->promised < EVENTS_KEPT) {
		e->promised++;
		err = 0;
	}
	pthread_mutex_unlock(&e->lock);
	return err;
}

static void remove_at(struct events *e, uint32_t at)
{
	e->nr--;
	memmove(&e->kept[at], &e->kept[at + 1], (e->nr - at) * sizeof(*e->kept));
}

/* Return: whether there is room for one more; not if all are ends of calls. */
static bool make_space(struct events *e)
{
	uint32_t i;

	if (e->nr < EVENTS_KEPT)
		return true;
	e->lost++;
	for (i = 0; i < e->nr; i++)
		if (e->kept[i].type != MEMLANE_EVENT_DONE) {
			remove_at(e, i);
			return true;
		}
	return false;
}

/**
 * events_put - tell of something
 * @e: of the arena
 * @event: copied; its size and lost are filled in
 *
 * When there is no room the oldest is dropped that was not promised.
 */
void events_put(struct events *e, const struct memlane_event *event)
{
	struct memlane_event *to;

	pthread_mutex_lock(&e->lock);
	if (make_space(e)) {
		to = &e->kept[e->nr++];
		*to = *event;
		to->size = sizeof(*to);
		if (e->nr == 1)
			raise_flag(e);
	}
	pthread_mutex_unlock(&e->lock);
}

/* The oldest event; false: there is none. */
bool events_take(struct events *e, struct memlane_event *event)
{
	bool any;

	pthread_mutex_lock(&e->lock);
	any = e->nr;
	if (any) {
		*event = e->kept[0];
		event->lost = e->lost;
		e->lost = 0;
		e->promised -= event->type == MEMLANE_EVENT_DONE;
		remove_at(e, 0);
		if (!e->nr)
			lower_flag(e);
	}
	pthread_mutex_unlock(&e->lock);
	return any;
}

/* A descriptor for poll(), made when it is asked for first; or -errno. */
int events_fd(struct events *e)
{
	int fd;

	pthread_mutex_lock(&e->lock);
	if (e->fd < 0)
		e->fd = eventfd(e->nr > 0, EFD_CLOEXEC | EFD_NONBLOCK);
	fd = e->fd < 0 ? -errno : e->fd;
	pthread_mutex_unlock(&e->lock);
	return fd;
}

/* ------------------------------------------------------------- reading ---- */

int memlane_event_fd(struct memlane *m)
{
	int saved = errno, was = cancel_hold(), fd = arena_here(m);

	if (!fd)
		fd = m->backend->event_fd(m);
	cancel_release(was);
	errno = saved;
	return fd;
}

/*
 * One record. Its length is the backend's: the least room that is taken, so that
 * there is none for a second one, is looked for once.
 */
static int take_record(struct memlane *m, void *raw)
{
	uint32_t room = __atomic_load_n(&m->event_size, __ATOMIC_RELAXED);
	int n;

	if (room)
		return m->backend->take_event(m, raw, room);
	for (room = RECORD_LEAST; room <= RECORD_MOST; room += 8) {
		n = m->backend->take_event(m, raw, room);
		if (n == -EINVAL)
			continue;
		if (n >= 0)
			__atomic_store_n(&m->event_size, room, __ATOMIC_RELAXED);
		return n;
	}
	return -EPROTO;
}

int memlane_read_events_sized(struct memlane *m, struct memlane_event *events, uint32_t nr,
			      size_t size)
{
	int saved = errno, was = cancel_hold(), n = arena_here(m);
	unsigned char *to = (unsigned char *)events;
	union {
		struct memlane_event event;
		unsigned char bytes[RECORD_MOST];
	} raw;
	uint32_t i;

	for (i = 0; !n && i < nr; i++) {
		n = take_record(m, &raw);
		if (n <= 0)
			break;
		give_out(to + i * size, size, &raw, n);
		((struct memlane_event *)(to + i * size))->size = size < (size_t)n ? size : (size_t)n;
		n = 0;
	}
	cancel_release(was);
	errno = saved;
	return i ? (int)i : n;
}

/* ------------------------------------------------------------- queueing ---- */

int memlane_queue_migrate(struct memlane *m, int lane, const memlane_handle *handles, uint32_t nr,
			  uint64_t token)
{
	struct memlane_migrate req = {
		.flags = MEMLANE_ASYNC,
		.lane = lane,
		.count = nr,
		.handles = (uintptr_t)handles,
		.token = token,
	};
	int err = arena_here(m);

	if (err)
		return err;
	if ((lane != MEMLANE_FAST && lane != MEMLANE_SLOW) || !nr || nr > QUEUE_HANDLES)
		return -EINVAL;
	return backend_migrate(m, &req);
}

int memlane_queue_compact(struct memlane *m, uint32_t lanes, uint64_t hole, uint64_t token)
{
	struct memlane_compact req = {
		.flags = MEMLANE_ASYNC,
		.lanes = lanes,
		.hole = hole,
		.token = token,
	};
	int err = arena_here(m);

	return err ? err : backend_compact(m, &req);
}
