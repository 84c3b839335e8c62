// SPDX-License-Identifier: MIT
/*
 * guard.c - bytes before and behind each object that must not change
 *
 * They follow from the handle, so that they are right after a move, and wrong
 * where another object's bytes are. A place keeps its guards when it moves: they
 * are inside it.
 */
#include <errno.h>

#include "watch.h"

static unsigned char guard_byte(memlane_handle h, int64_t offset)
{
	uint64_t x = (h + offset) * 0x9e3779b97f4a7c15ULL;

	return x >> 56 | 1;
}

static void put(unsigned char *object, memlane_handle h, int64_t from, int64_t end)
{
	for (; from < end; from++)
		object[from] = guard_byte(h, from);
}

/* A new object, told to nobody yet; watch.lock keeps memlane_check() away. */
void guard_put(struct memlane *m, memlane_handle h, uint64_t size)
{
	unsigned char *p;

	memlane_enter(m);
	p = memlane_get(m, h);
	if (p) {
		put(p, h, -(int64_t)GUARD_FRONT, 0);
		put(p, h, size, size + GUARD_BACK);
	}
	memlane_exit(m);
}

/* The wrong byte next to the object: its offset, or 0. */
static int64_t find_before(const unsigned char *p, memlane_handle h)
{
	int64_t i;

	for (i = -1; i >= -(int64_t)GUARD_FRONT; i--)
		if (p[i] != guard_byte(h, i))
			return i;
	return 0;
}

static int64_t find_behind(const unsigned char *p, memlane_handle h, int64_t size)
{
	int64_t i;

	for (i = size; i < size + GUARD_BACK; i++)
		if (p[i] != guard_byte(h, i))
			return i;
	return 0;
}

static void tell(struct memlane *m, const struct memlane_object *o, uint32_t kind, int64_t offset,
		 memlane_report_fn report, void *arg)
{
	struct memlane_report r = {
		.kind = kind,
		.handle = o->handle,
		.tag = o->tag,
		.group = o->group,
		.bytes = o->bytes,
		.offset = offset,
	};

	watch_tell(m, &r, report, arg);
}

/* True: the object is damaged, and was reported. watch.lock is held. */
bool guard_look(struct memlane *m, const struct memlane_object *o, memlane_report_fn report,
		void *arg)
{
	int64_t before = 0, behind = 0;
	const unsigned char *p;

	if (memlane_enter(m))
		return false;
	p = memlane_get(m, o->handle);
	if (p) {
		before = find_before(p, o->handle);
		behind = find_behind(p, o->handle, o->bytes);
	}
	memlane_exit(m);
	if (before)
		tell(m, o, MEMLANE_REPORT_UNDERRUN, before, report, arg);
	if (behind)
		tell(m, o, MEMLANE_REPORT_OVERRUN, behind, report, arg);
	return before || behind;
}

/* One call of memlane_check(). */
struct check {
	struct memlane *m;
	memlane_report_fn report;
	void *arg;
	int damaged;
};

static int check_one(void *arg, const struct memlane_object *o)
{
	struct check *c = arg;

	if (!o->purged)
		c->damaged += guard_look(c->m, o, c->report, c->arg);
	return 0;
}

int memlane_check(struct memlane *m, memlane_report_fn report, void *arg)
{
	struct check c = { .m = m, .report = report, .arg = arg };
	int err = memlane_thread_join(m);

	if (err)
		return err;
	if (!is_guarded(m))
		return -EOPNOTSUPP;
	pthread_mutex_lock(&m->watch->lock);
	err = memlane_each(m, check_one, &c);
	pthread_mutex_unlock(&m->watch->lock);
	return err ? err : c.damaged;
}
