/* SPDX-License-Identifier: MIT */
/*
 * backend.h - who owns the pages: chosen once, when the arena is opened
 *
 * Both backends take the requests of the ABI and answer its errors. None of
 * them touches errno, except for @event_fd and @take_event.
 */
#ifndef LIB_BACKEND_H
#define LIB_BACKEND_H

#include "arena.h"
#include "refusal.h"

/**
 * struct backend - one way to own pages
 * @kind: which
 * @has_small: it can make arenas that are small
 * @open: make the arena: fill in m->info and m->region. Undone by @close
 * @attach: the same for an arena that another has made, by its file, which is
 *	left to the caller; NULL: no file has one
 * @close: undo @open or @attach; also a part of it
 * @bury: in the child of a fork, before anything else there: have zeros where the table was.
 *	Asks for no addresses. NULL: they are there
 * @disown: in the child of a fork, which has inherited the descriptors only
 * @share: its file is to be had by others; NULL: it has none
 * @call: do MEMLANE_CMD_@cmd; @req->size is set. Called by any thread, never
 *	inside the implicit section of a library call, except for WAIT
 * @event_fd: a descriptor that poll() calls readable while there are events
 * @take_event: write the oldest to @record and return its size; 0: there is none;
 *	-EINVAL: it has more bytes than @room. Does not wait
 */
struct backend {
	enum memlane_backend_kind kind;
	bool has_small;
	int (*open)(struct memlane *m, struct memlane_create *req);
	int (*attach)(struct memlane *m, int fd);
	void (*close)(struct memlane *m);
	void (*bury)(struct memlane *m);
	void (*disown)(struct memlane *m);
	int (*share)(struct memlane *m);
	int (*call)(struct memlane *m, unsigned int cmd, void *req);
	int (*event_fd)(struct memlane *m);
	int (*take_event)(struct memlane *m, void *record, size_t room);
};

extern const struct backend backend_dev;
extern const struct backend backend_local;

#define DEFINE_BACKEND_CALL(name, type, cmd)					\
static inline int backend_##name(struct memlane *m, struct type *req)		\
{										\
	refusal_clear();							\
	req->size = sizeof(*req);						\
	return m->backend->call(m, cmd, req);					\
}

DEFINE_BACKEND_CALL(register, memlane_register, MEMLANE_CMD_REGISTER)
DEFINE_BACKEND_CALL(unregister, memlane_register, MEMLANE_CMD_UNREGISTER)
DEFINE_BACKEND_CALL(refill, memlane_refill, MEMLANE_CMD_REFILL)
DEFINE_BACKEND_CALL(flush, memlane_flush, MEMLANE_CMD_FLUSH)
DEFINE_BACKEND_CALL(free, memlane_free, MEMLANE_CMD_FREE)
DEFINE_BACKEND_CALL(compact, memlane_compact, MEMLANE_CMD_COMPACT)
DEFINE_BACKEND_CALL(migrate, memlane_migrate, MEMLANE_CMD_MIGRATE)
DEFINE_BACKEND_CALL(query, memlane_query, MEMLANE_CMD_QUERY)
DEFINE_BACKEND_CALL(stat, memlane_stat, MEMLANE_CMD_STAT)
DEFINE_BACKEND_CALL(maintain, memlane_maintain, MEMLANE_CMD_MAINTAIN)
DEFINE_BACKEND_CALL(wait, memlane_wait, MEMLANE_CMD_WAIT)
DEFINE_BACKEND_CALL(set, memlane_set, MEMLANE_CMD_SET)
DEFINE_BACKEND_CALL(get, memlane_set, MEMLANE_CMD_GET)
DEFINE_BACKEND_CALL(cost, memlane_cost, MEMLANE_CMD_COST)
DEFINE_BACKEND_CALL(cool, memlane_cool, MEMLANE_CMD_COOL)
DEFINE_BACKEND_CALL(set_backing, memlane_set_backing, MEMLANE_CMD_SET_BACKING)
DEFINE_BACKEND_CALL(warm, memlane_cool, MEMLANE_CMD_WARM)
DEFINE_BACKEND_CALL(blockers, memlane_blockers, MEMLANE_CMD_BLOCKERS)

#endif /* LIB_BACKEND_H */
