// SPDX-License-Identifier: MIT
/*
 * hooks.c - libmemlane-record.so: stands before malloc and writes down each call
 *
 * One lock is held over the real call and its record, so the order on the tape
 * is an order in which the calls did happen: an address that one thread gives
 * back cannot be handed to another before the free is written.
 *
 * State is on a page that the kernel clears in a forked child. A child,
 * however it was forked, therefore finds recording off and an unlocked lock. A
 * fork of libc's then calls in_child(), which enters the child in the table, and
 * begins a trace for it where all processes are followed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "addrmap.h"
#include "exec.h"
#include "process.h"
#include "real.h"
#include "sites.h"
#include "tape.h"

#define EXPORT __attribute__((visibility("default")))
#define FRAME  __builtin_frame_address(0)

struct recorder {
	pthread_mutex_t lock; /* protects all below; all zero is unlocked */
	bool active;
	struct tape tape;
	struct addrmap map;
	struct addrmap site; /* numbers by site_key() */
	uint32_t sites;
	uint32_t threads;
	struct proctab_entry *entry;
};

extern char **environ;

/* What pthread_atfork() is made of. Not every C library has it: children are unseen there. */
int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void),
		      void *object) __attribute__((weak));

/* Set once, before main(), by the only thread, and in a forked child likewise. */
static struct recorder *recorder;
static struct proctab *table;

/* A call made by the real allocator, or by a signal handler inside of it. */
static __thread bool inside __attribute__((tls_model("initial-exec")));
static __thread uint32_t my_number __attribute__((tls_model("initial-exec")));

static struct recorder *no_tape(struct proctab_entry *entry, struct recorder *r, int err)
{
	entry->err = err;
	entry->state = PROCTAB_NO_TAPE;
	if (r)
		munmap(r, sizeof(*r));
	return NULL;
}

static struct recorder *make_recorder(struct proctab_entry *entry)
{
	struct recorder *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char path[PATH_MAX];

	if (r == MAP_FAILED)
		return no_tape(entry, NULL, errno);
	if (madvise(r, sizeof(*r), MADV_WIPEONFORK) || !addrmap_init(&r->map) ||
	    (table->sites && !addrmap_init(&r->site)))
		return no_tape(entry, r, errno);
	if (!process_tape(table, entry, path))
		return no_tape(entry, r, ENAMETOOLONG);
	if (!tape_open(&r->tape, path, entry != table->entry,
		       table->calls ? table->calls : ~0ULL))
		return no_tape(entry, r, r->tape.err);
	r->tape.thread = ~0U; /* so that the first record names its thread */
	r->entry = entry;
	entry->stop = PROCTAB_WHOLE;
	entry->err = 0;
	entry->state = PROCTAB_RECORDED;
	r->active = true;
	return r;
}

/* Enters this process in the table; it is recorded if it is the first, or if all are. */
static void enter_process(enum proctab_state unrecorded)
{
	struct proctab_entry *entry = process_entry(table);

	if (!entry)
		return;
	process_name(entry);
	entry->next[0] = '\0';
	entry->execs++;
	if (entry == table->entry || table->follow)
		recorder = make_recorder(entry);
	else
		entry->state = unrecorded;
}

/* The first call may come before libc has an environment: then wait for it. */
static void start(void)
{
	static bool done;
	int saved = errno;

	if (done || !environ)
		return;
	done = true;
	table = process_table();
	if (table)
		enter_process(PROCTAB_SEEN);
	errno = saved;
}

/* The parent's page was cleared, and its table of addresses did not come along. */
static void in_child(void)
{
	int saved = errno;

	inside = true;
	if (recorder)
		munmap(recorder, sizeof(*recorder));
	recorder = NULL;
	my_number = 0;
	enter_process(PROCTAB_FORKED);
	inside = false;
	errno = saved;
}

/* A program that defines malloc itself is asked first, and the recorder never. */
static void look_for_own_malloc(void)
{
	void *first = dlsym(RTLD_DEFAULT, "malloc");
	Dl_info theirs, ours;

	if (recorder && first && dladdr(first, &theirs) && dladdr((void *)start, &ours) &&
	    theirs.dli_fbase != ours.dli_fbase)
		recorder->entry->state = PROCTAB_OWN_MALLOC;
}

__attribute__((constructor)) static void attach(void)
{
	inside = true;
	start();
	if (table) {
		exec_follow(table);
		look_for_own_malloc();
		if (__register_atfork)
			__register_atfork(NULL, NULL, in_child, NULL);
	}
	inside = false;
}

static void stop(struct recorder *r)
{
	bool asked = r->tape.records == r->tape.most;

	r->active = false;
	r->tape.header->flags |= htole32(TRACE_LIMITED);
	if (!asked)
		r->entry->err = r->tape.err ? r->tape.err : ENOMEM;
	r->entry->stop = asked ? PROCTAB_CALLS : PROCTAB_FAILED;
}

static bool leave(struct recorder *r)
{
	pthread_mutex_unlock(&r->lock);
	inside = false;
	return false;
}

static bool number_thread(struct recorder *r)
{
	if (!my_number)
		my_number = ++r->threads;
	return r->tape.thread == my_number - 1 ||
	       tape_thread(&r->tape, my_number - 1);
}

/* Return: true with the lock held, when this call is to be recorded. */
static bool enter(void)
{
	struct recorder *r;

	if (inside)
		return false;
	if (__builtin_expect(!recorder, 0)) {
		inside = true;
		start();
		inside = false;
	}
	r = recorder;
	if (!r || !r->active)
		return false;
	inside = true;
	pthread_mutex_lock(&r->lock);
	if (!r->active)
		return leave(r);
	if (!number_thread(r)) {
		stop(r);
		return leave(r);
	}
	return true;
}

/* A site beyond the last number is none. */
static bool number_site(struct recorder *r, void **frame)
{
	char text[TRACE_SITE_TEXT + 1];
	uint64_t number = 0;
	struct site site;
	uintptr_t key;

	site_find(&site, frame);
	key = site_key(&site);
	if (site.depth && addrmap_take(&r->site, (void *)key, &number)) {
		if (!addrmap_put(&r->site, (void *)key, number))
			return false;
	} else if (site.depth && r->sites < TRACE_SITES_MAX) {
		site_text(&site, text, sizeof(text));
		return addrmap_put(&r->site, (void *)key, ++r->sites) &&
		       tape_site(&r->tape, r->sites, text);
	}
	return number == r->tape.site || tape_site(&r->tape, (uint32_t)number, NULL);
}

/* @frame: of the function that was called for it */
static void *born(enum trace_op op, size_t align, size_t size, void *p, void **frame)
{
	struct recorder *r = recorder;
	unsigned int log2 = align ? (unsigned int)__builtin_ctzl(align) : 0;

	if (log2 > TRACE_ALIGN_LOG2_MAX)
		log2 = TRACE_ALIGN_LOG2_MAX;
	if (p && ((table->sites && !number_site(r, frame)) ||
		  !tape_birth(&r->tape, op, log2, size) ||
		  !addrmap_put(&r->map, p, r->tape.born - 1)))
		stop(r);
	leave(r);
	return p;
}

static void *make(size_t size, void **frame)
{
	if (!enter())
		return real_malloc(size);
	return born(TRACE_MALLOC, 0, size, real_malloc(size), frame);
}

EXPORT void *malloc(size_t size)
{
	return make(size, FRAME);
}

EXPORT void *calloc(size_t n, size_t size)
{
	if (!enter())
		return real_calloc(n, size);
	/* Where the product overflows, the real one answers NULL. */
	return born(TRACE_CALLOC, 0, n * size, real_calloc(n, size), FRAME);
}

EXPORT void *memalign(size_t align, size_t size)
{
	if (!enter())
		return real_memalign(align, size);
	return born(TRACE_ALIGNED, align, size, real_memalign(align, size), FRAME);
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
	if (!enter())
		return real_aligned_alloc(align, size);
	return born(TRACE_ALIGNED, align, size, real_aligned_alloc(align, size), FRAME);
}

EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
	int ret;

	if (!enter())
		return real_posix_memalign(out, align, size);
	ret = real_posix_memalign(out, align, size);
	born(TRACE_ALIGNED, align, size, ret ? NULL : *out, FRAME);
	return ret;
}

EXPORT void *valloc(size_t size)
{
	if (!enter())
		return real_valloc(size);
	return born(TRACE_ALIGNED, (size_t)getpagesize(), size, real_valloc(size), FRAME);
}

EXPORT void *pvalloc(size_t size)
{
	if (!enter())
		return real_pvalloc(size);
	return born(TRACE_ALIGNED, (size_t)getpagesize(), size, real_pvalloc(size), FRAME);
}

/* The object was taken out of the map. @q is what realloc answered for it. */
static void record_realloc(struct recorder *r, uint64_t object, void *p, void *q,
			   size_t size)
{
	bool good;

	if (q)
		good = tape_realloc(&r->tape, object, size) &&
		       addrmap_put(&r->map, q, object);
	else if (!size)
		good = tape_free(&r->tape, object);
	else /* it failed, and the object stands as it was */
		good = addrmap_put(&r->map, p, object);
	if (!good)
		stop(r);
}

static void *resize(void *p, size_t size, void **frame)
{
	struct recorder *r;
	uint64_t object;
	void *q;

	if (!p)
		return make(size, frame);
	if (!enter())
		return real_realloc(p, size);
	r = recorder;
	if (addrmap_take(&r->map, p, &object)) {
		q = real_realloc(p, size);
		record_realloc(r, object, p, q, size);
		leave(r);
		return q;
	}
	tape_missed(&r->tape);
	/* To the trace it is an object that is born now. */
	return born(TRACE_MALLOC, 0, size, real_realloc(p, size), frame);
}

EXPORT void *realloc(void *p, size_t size)
{
	return resize(p, size, FRAME);
}

EXPORT void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return resize(p, bytes, FRAME);
}

EXPORT void free(void *p)
{
	struct recorder *r;
	uint64_t object;

	if (!p)
		return;
	if (!enter()) {
		real_free(p);
		return;
	}
	r = recorder;
	if (!addrmap_take(&r->map, p, &object))
		tape_missed(&r->tape);
	else if (!tape_free(&r->tape, object))
		stop(r);
	real_free(p);
	leave(r);
}
