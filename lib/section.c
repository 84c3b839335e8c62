// SPDX-License-Identifier: MIT
/*
 * section.c - threads that take part in arenas, and their sections
 *
 * Each thread has a table of its parts by arena, kept under a pthread key; memlane_self
 * points at the one used last, so that the inline functions find it with one
 * compare. The key's destructor ends all parts of a thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend.h"
#include "probe.h"
#include "watch.h"

#define SPINS 1000 /* loads before WAIT: about the copy of a small object */

/* Stands for no arena: memlane_self is never NULL. */
static struct memlane_self nobody;
__thread struct memlane_self *memlane_self = &nobody;

#define BUCKETS 64

/* A thread's parts, its own; there is none where @nr would be 0. */
struct parts {
	struct thread *bucket[BUCKETS];
	unsigned int nr;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_made;

/* ---------------------------------------------------------- registry ---- */

static void make_key(void);

/* The key is there before the first arena is, and so before all that use it. */
int registry_new(struct memlane *m)
{
	struct registry *reg;

	pthread_once(&once, make_key);
	reg = key_made ? memory_new(sizeof(*reg)) : NULL;
	if (!reg)
		return -ENOMEM;
	pthread_mutex_init(&reg->lock, NULL);
	reg->refs = 1;
	reg->arena = m;
	m->reg = reg;
	return 0;
}

static void registry_get(struct registry *reg)
{
	__atomic_add_fetch(&reg->refs, 1, __ATOMIC_RELAXED);
}

static void registry_put(struct registry *reg)
{
	if (__atomic_sub_fetch(&reg->refs, 1, __ATOMIC_ACQ_REL))
		return;
	pthread_mutex_destroy(&reg->lock);
	free(reg);
}

static void registry_unlink(struct registry *reg, struct thread *t)
{
	struct thread **p = &reg->threads;

	while (*p && *p != t)
		p = &(*p)->peer;
	if (*p)
		*p = t->peer;
}

/* Pairs with the release of registry_close(): with NULL the thread alone has its part. */
static struct memlane *arena_of(const struct thread *t)
{
	return __atomic_load_n(&t->self.arena, __ATOMIC_ACQUIRE);
}

/* ----------------------------------------------- a thread's own parts ---- */

static void forget(struct thread *t)
{
	if (memlane_self == &t->self)
		memlane_self = &nobody;
	registry_put(t->reg);
	free(t->given);
	free(t);
}

static struct thread **bucket_of(struct parts *all, const struct memlane *m)
{
	return &all->bucket[(uintptr_t)m * 0x9e3779b97f4a7c15ULL >> 58];
}

/* Replaces a value of this thread: nothing is allocated. */
static void drop_parts(struct parts *all)
{
	pthread_setspecific(key, NULL);
	free(all);
}

/* Free what is left there of arenas that were closed; return the part in @m. */
static struct thread *find_in(struct parts *all, const struct memlane *m)
{
	struct thread **p = bucket_of(all, m), *t, *found = NULL;

	while ((t = *p)) {
		if (!arena_of(t)) {
			*p = t->next;
			all->nr--;
			forget(t);
			continue;
		}
		if (arena_of(t) == m)
			found = t;
		p = &t->next;
	}
	return found;
}

static struct thread *find(const struct memlane *m)
{
	struct parts *all = pthread_getspecific(key);
	struct thread *t = all ? find_in(all, m) : NULL;

	if (all && !all->nr)
		drop_parts(all);
	return t;
}

/* Give the slot back, unless the arena has been closed. */
static void end(struct thread *t)
{
	struct memlane_register req = { .slot = t->number };
	struct registry *reg = t->reg;

	pthread_mutex_lock(&reg->lock);
	if (reg->arena) {
		frames_end(t);
		registry_unlink(reg, t);
		backend_unregister(reg->arena, &req);
	}
	pthread_mutex_unlock(&reg->lock);
	forget(t);
}

static void thread_exit(void *parts)
{
	struct parts *all = parts;
	struct thread *t, *next;
	unsigned int i;

	for (i = 0; i < BUCKETS; i++)
		for (t = all->bucket[i]; t; t = next) {
			next = t->next;
			end(t);
		}
	free(all);
}

/*
 * The child has no regions and must not use the parent's slots. Its only thread
 * is this one; arenas that it had no part in are buried when it tries to join.
 */
static void fork_child(void)
{
	struct parts *all = pthread_getspecific(key);
	struct thread *t;
	unsigned int i;

	memlane_self = &nobody;
	pthread_setspecific(key, NULL);
	for (i = 0; all && i < BUCKETS; i++)
		for (t = all->bucket[i]; t; t = t->next)
			if (arena_of(t))
				arena_bury(arena_of(t));
}

static void make_key(void)
{
	key_made = !pthread_key_create(&key, thread_exit) &&
		   !pthread_atfork(NULL, NULL, fork_child);
}

/* ------------------------------------------------------- join, leave ---- */

static int enlist(struct memlane *m, struct thread *t)
{
	struct memlane_register req = { .flags = 0 };
	int err = backend_register(m, &req);

	if (err)
		return err == -ENOSPC ? -EUSERS : err;
	t->number = req.slot;
	t->slot = slot_of(m, req.slot, m->is_small);
	t->made = 0;
	t->own = NOBODYS;
	if (t->number < MEMLANE_MAKER_MAX)
		t->own = t->made = (t->number + 1) << MEMLANE_NOTE_MAKER_SHIFT;
	t->tid = gettid();
	__atomic_store_n(&t->slot->thread, t->tid, __ATOMIC_RELAXED);
	t->self.section = (uint64_t *)&t->slot->section;
	t->self.arena = m;
	cache_init(m, t);
	return 0;
}

/*
 * The part that has a slot which was given to another thread: its own thread died,
 * without a chance to leave, and the engine took the slot back. Its counters are among
 * the engine's by now.
 */
static struct thread *take_dead(struct registry *reg, uint32_t number)
{
	struct thread *t = reg->threads;

	while (t && t->number != number)
		t = t->peer;
	if (t)
		registry_unlink(reg, t);
	return t;
}

/* What is left of it but its slot. The caller takes part. */
static void bury(struct memlane *m, struct thread *dead)
{
	frames_free(m, &dead->frames);
	registry_put(dead->reg);
	free(dead->given);
	free(dead);
}

/* The table of this thread, to add to; NULL: there is no memory. */
static struct parts *make_parts(void)
{
	struct parts *all = pthread_getspecific(key);

	if (all)
		return all;
	all = memory_new(sizeof(*all));
	if (all && pthread_setspecific(key, all)) {
		free(all);
		all = NULL;
	}
	return all;
}

static void link_part(struct parts *all, struct memlane *m, struct thread *t)
{
	struct thread **bucket = bucket_of(all, m);

	t->next = *bucket;
	*bucket = t;
	all->nr++;
}

/* The place in the thread's table is taken before the slot: joining is all or nothing. */
static int join_new(struct memlane *m, struct thread *t)
{
	struct parts *all = make_parts();
	struct registry *reg = m->reg;
	struct thread *dead = NULL;
	int err;

	if (!all)
		return -ENOMEM;
	pthread_mutex_lock(&reg->lock);
	err = enlist(m, t);
	if (!err) {
		dead = take_dead(reg, t->number);
		registry_get(reg);
		t->reg = reg;
		t->peer = reg->threads;
		reg->threads = t;
	}
	pthread_mutex_unlock(&reg->lock);
	if (err) {
		if (!all->nr)
			drop_parts(all);
		return err;
	}
	link_part(all, m, t);
	memlane_self = &t->self;
	if (dead)
		bury(m, dead);
	return 0;
}

int memlane_thread_join(struct memlane *m)
{
	struct thread *t;
	int err = arena_here(m);

	if (err)
		return err;
	t = find(m);
	if (!t) {
		t = memory_new(sizeof(*t));
		if (!t)
			return -ENOMEM;
		err = join_new(m, t);
		if (err) {
			free(t);
			return err;
		}
	}
	memlane_self = &t->self;
	return 0;
}

int memlane_thread_leave(struct memlane *m)
{
	struct thread *t, **p;
	struct parts *all;
	int err = arena_here(m);

	if (err)
		return err;
	t = find(m);
	if (!t)
		return 0;
	if (t->self.depth)
		return -EBUSY;
	all = pthread_getspecific(key);
	for (p = bucket_of(all, m); *p != t; p = &(*p)->next)
		;
	*p = t->next;
	if (!--all->nr)
		drop_parts(all);
	end(t);
	return 0;
}

/* The arena may go on without this process: nothing of its threads stays there. */
static void give_back(struct memlane *m, struct thread *t)
{
	struct memlane_register req = { .slot = t->number };

	frames_drop(m, t);
	backend_unregister(m, &req);
}

/* No thread is in a call of this arena; each finds out at its next look. */
void registry_close(struct memlane *m)
{
	struct registry *reg = m->reg;
	struct thread *t, *next;

	pthread_mutex_lock(&reg->lock);
	reg->arena = NULL;
	for (t = reg->threads; t; t = next) {
		next = t->peer;
		if (m->backend->attach)
			give_back(m, t);
		/* Its thread may free it from here on. */
		__atomic_store_n(&t->self.arena, NULL, __ATOMIC_RELEASE);
	}
	reg->threads = NULL;
	pthread_mutex_unlock(&reg->lock);
	registry_put(reg);
	find(m);
}

/* Whether this thread has a slot in @m, which is then the one at hand; joins nobody. */
bool thread_is_in(struct memlane *m)
{
	return arena_of(this_thread()) == m || (find(m) && !memlane_thread_join(m));
}

/* ---------------------------------------------------------- sections ---- */

/* Whether this thread has an open section in @m; joins nobody. */
bool in_section(const struct memlane *m)
{
	const struct thread *t = this_thread();

	if (arena_of(t) != m)
		t = find(m);
	return t && t->self.depth;
}

/* memlane_exit() of another arena than the last, of a nested section, or of none. */
static int exit_other(struct memlane *m)
{
	struct memlane_self *self = memlane_self;
	struct thread *t;
	bool given;
	int err;

	if (__atomic_load_n(&self->arena, __ATOMIC_RELAXED) != m) {
		t = find(m);
		if (!t) {
			err = arena_here(m);
			return err ? err : -EINVAL;
		}
		self = memlane_self = &t->self;
	}
	if (!self->depth)
		return -EINVAL;
	given = self->depth & DEPTH_GIVEN;
	if ((--self->depth & ~DEPTH_GIVEN) == 0) {
		self->depth = 0;
		__atomic_store_n(self->section, 0, __ATOMIC_RELEASE);
		if (given)
			moves_end(m, this_thread());
	}
	return 0;
}

int memlane_exit_other(struct memlane *m)
{
	int err = exit_other(m);

	if (err == -EINVAL)
		watch_wrong(m, MEMLANE_REPORT_EXIT, 0, 0);
	return err;
}

/* ----------------------------------------------------------- waiting ---- */

static void cpu_relax(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#endif
}

/*
 * Somebody else's object is about to be ended or pinned by the caller, which is in a section
 * without FREEING. Not for long: the maker is between two of a few instructions.
 */
void revoke_maker(struct memlane *m, uint32_t index)
{
	struct memlane_wait req = { .flags = MEMLANE_WAIT_MAKER, .handle = index };
	int err;

	do {
		err = backend_wait(m, &req);
	} while (err == -EAGAIN || err == -EINTR);
}

static void wait_busy(struct memlane *m, uint32_t index)
{
	struct memlane_wait req = { .handle = index };
	unsigned int i;

	for (i = 0; i < SPINS; i++) {
		if (!memlane_entry_is_busy(entry_load(m, index)))
			return;
		cpu_relax();
	}
	backend_wait(m, &req);
}

/* The caller saw BUSY and loads the entry again afterwards. */
void wait_copy(struct memlane *m, uint32_t index)
{
	if (arena_of(this_thread()) == m)
		count(&this_thread()->slot->waits, 1);
	probe(wait_begin, m->cookie, index);
	wait_busy(m, index);
	probe(wait_end, m->cookie, index);
}
