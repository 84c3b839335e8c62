// SPDX-License-Identifier: MIT
/* local_event.c - events of an arena whose engine is in the process */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "local_event.h"
#include "refusal.h"

void events_init(struct events *e)
{
	pthread_mutex_init(&e->lock, NULL);
	e->fd[0] = e->fd[1] = -1;
}

/* In the child of a fork the lock may be held by a thread that is not there. */
void events_disown(struct events *e)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (node_is(e->fd[i], &e->pipe))
			close(e->fd[i]);
}

void events_exit(struct events *e)
{
	events_disown(e);
	pthread_mutex_destroy(&e->lock);
}

/* A pipe that lacks an end, which the program has closed, is none: writing to it is a signal. */
static bool has_pipe(const struct events *e)
{
	return node_is(e->fd[0], &e->pipe) && node_is(e->fd[1], &e->pipe);
}

/* Readable from now on. It never has more than one byte, so there is room. */
static void raise_flag(struct events *e)
{
	ssize_t n = has_pipe(e) ? write(e->fd[1], "", 1) : 0;

	(void)n;
}

static void lower_flag(struct events *e)
{
	char byte;
	ssize_t n = node_is(e->fd[0], &e->pipe) ? read(e->fd[0], &byte, 1) : 0;

	(void)n;
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

static int make_pipe(struct events *e)
{
	events_disown(e);
	if (pipe2(e->fd, O_CLOEXEC | O_NONBLOCK)) {
		e->fd[0] = e->fd[1] = -1;
		return refused("pipe2", 0, NULL, errno, errno);
	}
	node_of(e->fd[0], &e->pipe);
	if (e->nr)
		raise_flag(e);
	return e->fd[0];
}

/* A descriptor for poll(), made when it is asked for first; or -errno. */
int events_fd(struct events *e)
{
	int fd;

	pthread_mutex_lock(&e->lock);
	fd = has_pipe(e) ? e->fd[0] : make_pipe(e);
	pthread_mutex_unlock(&e->lock);
	return fd;
}
