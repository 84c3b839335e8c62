// SPDX-License-Identifier: MIT
/*
 * memtool.c - requests to memcheck and AddressSanitizer
 *
 * memcheck's need its client header when the library is built; outside of valgrind
 * a request is a few instructions without effect. AddressSanitizer's functions are the
 * program's, if it has them: the library need not be built with it.
 *
 * An object is a block of a pool, from the end of the alloc that makes it to the free
 * that ends it (note.told); the pool's name is the struct memtool. watch.lock is held
 * from one to the other side of an alloc or a free, so no place is told as given
 * twice. A section is open while the address is used, so the mover is not there.
 *
 * What is left in an arena that is closed is a leak, and the block goes on without its
 * place. What is in one that is open when the program ends is none: no address names
 * it, so that memcheck could not find what does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backend.h"
#include "memtool.h"
#include "watch.h"

/* ----------------------------------------------------------- requests ---- */

#ifdef HAVE_MEMCHECK
#include <valgrind/memcheck.h>
#else
#define VALGRIND_GET_VBITS(p, bits, n)		((void)(p), (void)(bits), 0)
#define VALGRIND_CREATE_MEMPOOL(pool, rz, zero) ((void)(pool))
#define VALGRIND_DESTROY_MEMPOOL(pool)		((void)(pool))
#define VALGRIND_MEMPOOL_ALLOC(pool, p, n)	((void)(pool), (void)(p))
#define VALGRIND_MEMPOOL_FREE(pool, p)		((void)(pool), (void)(p))
#define VALGRIND_MEMPOOL_CHANGE(pool, p, to, n) ((void)(pool), (void)(p), (void)(to))
#define VALGRIND_MAKE_MEM_NOACCESS(p, n)	((void)(p))
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n)	((void)(p))
#define VALGRIND_MAKE_MEM_DEFINED(p, n)		((void)(p))
#define VALGRIND_DISABLE_ERROR_REPORTING	((void)0)
#define VALGRIND_ENABLE_ERROR_REPORTING		((void)0)
#endif

void __asan_poison_memory_region(const void *p, size_t n) __attribute__((weak));
void __asan_unpoison_memory_region(const void *p, size_t n) __attribute__((weak));
int __asan_address_is_poisoned(const void *p) __attribute__((weak));

/* Another of valgrind's tools does not know this request. */
bool memtool_is_memcheck(void)
{
	char byte = 0, bits = 0;

	return VALGRIND_GET_VBITS(&byte, &bits, 1) == 1;
}

/* ASAN_OPTIONS=allow_user_poisoning=0 says no. */
static bool under_asan(void)
{
	static char bytes[8] __attribute__((aligned(8)));
	bool is;

	if (!__asan_poison_memory_region || !__asan_unpoison_memory_region ||
	    !__asan_address_is_poisoned)
		return false;
	__asan_poison_memory_region(bytes, sizeof(bytes));
	is = __asan_address_is_poisoned(bytes);
	__asan_unpoison_memory_region(bytes, sizeof(bytes));
	return is;
}

/* A tool that checks memory is around, and takes requests. */
bool memtool_here(void)
{
	return memtool_is_memcheck() || under_asan();
}

/* These bytes are nobody's. */
void memtool_hide(void *p, size_t length)
{
	VALGRIND_MAKE_MEM_NOACCESS(p, length);
	if (__asan_poison_memory_region)
		__asan_poison_memory_region(p, length);
}

/* Other mappings may come there, of which memcheck sees the making. */
void memtool_forget(void *p, size_t length)
{
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(p, length);
}

/* --------------------------------------------------------------- pools ---- */

/**
 * struct memtool - the pool of an arena
 * @m: which; NULL: it is the parent's
 * @next: in a list; list_lock
 * @left: blocks of it go on without the arena
 */
struct memtool {
	struct memlane *m;
	struct memtool *next;
	bool left;
};

/* Those that are left are kept: memcheck looks for no leaks where malloc() has none out. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct memtool *list, *kept;

struct memtool *memtool_new(struct memlane *m)
{
	struct memtool *t = memory_new(sizeof(*t));

	if (!t)
		return NULL;
	t->m = m;
	VALGRIND_CREATE_MEMPOOL(t, MEMTOOL_PAD, 0);
	pthread_mutex_lock(&list_lock);
	t->next = list;
	list = t;
	pthread_mutex_unlock(&list_lock);
	return t;
}

static struct note *note_of(const struct memtool *t, uint32_t index)
{
	const struct watch *w = t->m->watch;

	return w && index < __atomic_load_n(&w->notes, __ATOMIC_ACQUIRE) ? &w->note[index] : NULL;
}

static bool is_told(const struct memtool *t, uint32_t index)
{
	const struct note *n = note_of(t, index);

	return n && __atomic_load_n(&n->told, __ATOMIC_RELAXED);
}

static void set_told(const struct memtool *t, uint32_t index, bool told)
{
	__atomic_store_n(&note_of(t, index)->told, told, __ATOMIC_RELAXED);
}

/* A walk over the objects, whose blocks are to go on at @at without their places. */
struct leave {
	struct memtool *t;
	char *at;
	size_t length;
};

static bool is_left(const struct leave *l, const struct memlane_object *o)
{
	return !o->purged && o->tag != MEMLANE_TAG_FRAME &&
	       is_told(l->t, memlane_handle_index(o->handle));
}

static int add_up(void *arg, const struct memlane_object *o)
{
	struct leave *l = arg;

	l->length += is_left(l, o) ? o->bytes : 0;
	return 0;
}

static int leave_one(void *arg, const struct memlane_object *o)
{
	struct leave *l = arg;
	uint32_t index = memlane_handle_index(o->handle);
	void *p = entry_data(l->t->m, index, entry_load(l->t->m, index));

	if (!is_left(l, o) || o->bytes > l->length)
		return 0;
	set_told(l->t, index, false);
	VALGRIND_MEMPOOL_CHANGE(l->t, p, l->at, o->bytes);
	l->at += o->bytes;
	l->length -= o->bytes;
	return 0;
}

/* At addresses that nothing is behind, and that no other object gets. False: no block. */
static bool leave_all(struct memtool *t)
{
	struct leave l = { .t = t };
	void *p;

	memlane_each(t->m, add_up, &l);
	if (!l.length)
		return false;
	p = mmap(NULL, l.length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return false;
	l.at = p;
	memlane_each(t->m, leave_one, &l);
	return true;
}

/* The arena is about to end: what is left in it is told at the end of the program. */
void memtool_leaks(struct memtool *t)
{
	if (t && memtool_is_memcheck())
		t->left = leave_all(t);
}

/* In the child of a fork, where the lock may be held by a thread that is not there. */
void memtool_disown(struct memtool *t)
{
	if (t)
		t->m = NULL;
}

void memtool_end(struct memtool *t)
{
	struct memtool **p = &list;

	if (!t)
		return;
	pthread_mutex_lock(&list_lock);
	while (*p && *p != t)
		p = &(*p)->next;
	if (*p)
		*p = t->next;
	if (t->left) {
		t->next = kept;
		kept = t;
	}
	pthread_mutex_unlock(&list_lock);
	if (t->left)
		return;
	VALGRIND_DESTROY_MEMPOOL(t);
	free(t);
}

/* The program ends. The objects stay as they are: others may be using them. */
__attribute__((destructor)) static void forget_open(void)
{
	struct memtool *t;

	if (!memtool_is_memcheck() || pthread_mutex_trylock(&list_lock))
		return;
	for (t = list; t; t = t->next) {
		if (!t->m)
			continue;
		leave_all(t);
		VALGRIND_DESTROY_MEMPOOL(t);
		VALGRIND_CREATE_MEMPOOL(t, MEMTOOL_PAD, 0);
	}
	pthread_mutex_unlock(&list_lock);
}

/* --------------------------------------------------------- alloc, free ---- */

/* An object was made and is told to nobody yet; @zero: it holds zeros. */
static void born(struct memlane *m, memlane_handle h, uint64_t size, bool zero)
{
	void *p;

	memlane_enter(m);
	p = memlane_get(m, h);
	if (p) {
		VALGRIND_MEMPOOL_ALLOC(m->tool, p, size);
		if (__asan_unpoison_memory_region)
			__asan_unpoison_memory_region(p, size);
		set_told(m->tool, memlane_handle_index(h), true);
		if (zero && size <= MEMLANE_BLOCK_MAX)
			memset(p, 0, size);
		else if (zero)
			VALGRIND_MAKE_MEM_DEFINED(p, size);
	}
	memlane_exit(m);
}

/* As watch_make(), which knows nothing of who may touch the place: zeros are put here. */
int memtool_alloc(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
		  memlane_handle *out)
{
	struct memlane_alloc_opts own;
	bool zero = opts && opts->flags & MEMLANE_ZERO;
	int err;

	if (zero && size <= MEMLANE_BLOCK_MAX) {
		own = *opts;
		own.flags &= ~MEMLANE_ZERO;
		opts = &own;
	}
	err = watch_join(m);
	if (err)
		return err;
	pthread_mutex_lock(&m->watch->lock);
	err = watch_make(m, size, opts, out);
	if (!err)
		born(m, *out, size, zero);
	pthread_mutex_unlock(&m->watch->lock);
	return err;
}

static int end_told(struct memlane *m, memlane_handle h)
{
	uint32_t index = memlane_handle_index(h);
	uint64_t size = memlane_size(m, h);
	void *p = memlane_get(m, h);
	int err = watch_end_object(m, h);

	if (err || !p || !is_told(m->tool, index))
		return err;
	set_told(m->tool, index, false);
	VALGRIND_MEMPOOL_FREE(m->tool, p);
	if (__asan_poison_memory_region)
		__asan_poison_memory_region(p, size);
	return 0;
}

/* In a section: the object does not move, nor its place when it is gone. */
int memtool_free(struct memlane *m, memlane_handle h)
{
	int err = watch_join(m);

	if (err)
		return err;
	pthread_mutex_lock(&m->watch->lock);
	memlane_enter(m);
	err = end_told(m, h);
	memlane_exit(m);
	pthread_mutex_unlock(&m->watch->lock);
	return err;
}

/* ------------------------------------------------------------- moving ---- */

/**
 * memtool_move_begin - whole places are about to be copied, slack and all
 * @to: nobody's
 * @from: an object's
 * @length: bytes of both
 */
void memtool_move_begin(void *to, void *from, size_t length)
{
	VALGRIND_DISABLE_ERROR_REPORTING;
	VALGRIND_MAKE_MEM_UNDEFINED(to, length);
	if (!__asan_unpoison_memory_region)
		return;
	__asan_unpoison_memory_region(to, length);
	__asan_unpoison_memory_region(from, length);
}

/**
 * memtool_move_end - they were, and nobody has the new address yet
 * @t: pool
 * @index: whose
 * @to: its place now
 * @from: nobody's now
 * @length: bytes of both
 */
void memtool_move_end(struct memtool *t, uint32_t index, void *to, void *from, size_t length)
{
	size_t size = is_told(t, index) ? size_load(t->m, index) : 0;

	memtool_hide(from, length);
	memtool_hide((char *)to + size, length - size);
	if (size)
		VALGRIND_MEMPOOL_CHANGE(t, from, to, size);
	VALGRIND_ENABLE_ERROR_REPORTING;
}

/* An object was dropped, and its place is nobody's. */
void memtool_purged(struct memtool *t, uint32_t index, void *p)
{
	if (!is_told(t, index))
		return;
	set_told(t, index, false);
	VALGRIND_MEMPOOL_FREE(t, p);
	if (__asan_poison_memory_region)
		__asan_poison_memory_region(p, size_load(t->m, index));
}
