// SPDX-License-Identifier: MIT
/* event.c - what happened in an arena, and calls whose end is an event */
#include <errno.h>
#include <string.h>

#include "backend.h"

/* The module's records may be longer than ours: how much longer at most. */
#define RECORD_MOST  512
/* The first published record was so long. */
#define RECORD_LEAST 152

#define QUEUE_HANDLES 4096U

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

int memlane_queue_migrate(struct memlane *m, enum memlane_lane lane, const memlane_handle *handles, uint32_t nr,
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

int memlane_queue_compact(struct memlane *m, enum memlane_lane_set lanes, uint64_t hole, uint64_t token)
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
