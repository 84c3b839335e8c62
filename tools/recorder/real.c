// SPDX-License-Identifier: MIT
/* real.c - the allocator that the program would have without the recorder */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "real.h"

#define SUPPLY (256 * 1024)

static struct {
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t n, size_t size);
	void *(*realloc)(void *p, size_t size);
	void *(*memalign)(size_t align, size_t size);
	int (*posix_memalign)(void **p, size_t align, size_t size);
	void *(*aligned_alloc)(size_t align, size_t size);
	void *(*valloc)(size_t size);
	void *(*pvalloc)(size_t size);
	void (*free)(void *p); /* found last: all are there when it is */
} real;

/*
 * Used before the program's first thread can start another one, by dlsym() and
 * by the dynamic linker: no lock. Fresh static memory reads as zero.
 */
static struct {
	_Alignas(64) char bytes[SUPPLY];
	size_t used;
	size_t last; /* where the newest object begins */
} supply;

static bool from_supply(const void *p)
{
	return (uintptr_t)p - (uintptr_t)supply.bytes < SUPPLY;
}

static void *supply_get(size_t align, size_t size)
{
	size_t at;

	if (align < 16)
		align = 16;
	if (align > 64 || size > SUPPLY)
		return NULL;
	at = (supply.used + align - 1) & ~(align - 1);
	if (at > SUPPLY - size)
		return NULL;
	supply.last = at;
	supply.used = at + size;
	return supply.bytes + at;
}

/* Sizes are not kept: the newest object ends at the end, older ones before it. */
static void *leave_supply(void *p, size_t size, void *(*get)(size_t size))
{
	size_t at = (size_t)((char *)p - supply.bytes);
	size_t room = supply.used - at;
	void *q = get(size);

	if (q)
		memcpy(q, p, room < size ? room : size);
	return q;
}

static void find(void *pointer, const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	memcpy(pointer, &symbol, sizeof(symbol));
}

/* Return: false while the search itself is what asks for memory. */
static bool ready(void)
{
	static bool searching;

	if (__builtin_expect(real.free != NULL, 1))
		return true;
	if (searching)
		return false;
	searching = true;
	find(&real.malloc, "malloc");
	find(&real.calloc, "calloc");
	find(&real.realloc, "realloc");
	find(&real.memalign, "memalign");
	find(&real.posix_memalign, "posix_memalign");
	find(&real.aligned_alloc, "aligned_alloc");
	find(&real.valloc, "valloc");
	find(&real.pvalloc, "pvalloc");
	find(&real.free, "free");
	if (!real.malloc || !real.calloc || !real.realloc || !real.free) {
		static const char text[] = "memlane record: this program has no allocator to record\n";

		if (write(2, text, sizeof(text) - 1) < 0)
			_exit(126);
		_exit(127);
	}
	searching = false;
	return true;
}

void *real_malloc(size_t size)
{
	return ready() ? real.malloc(size) : supply_get(16, size);
}

void *real_calloc(size_t n, size_t size)
{
	size_t bytes;

	if (ready())
		return real.calloc(n, size);
	return __builtin_mul_overflow(n, size, &bytes) ? NULL : supply_get(16, bytes);
}

static void *supply_malloc(size_t size)
{
	return supply_get(16, size);
}

void *real_realloc(void *p, size_t size)
{
	bool found = ready();

	if (from_supply(p))
		return leave_supply(p, size, found ? real.malloc : supply_malloc);
	return found ? real.realloc(p, size) : supply_get(16, size);
}

void real_free(void *p)
{
	if (p && !from_supply(p) && ready())
		real.free(p);
}

/* The aligned forms need not all exist: ENOMEM is what they may answer. */
static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *real_memalign(size_t align, size_t size)
{
	if (!ready())
		return supply_get(align, size);
	return real.memalign ? real.memalign(align, size) : no_memory();
}

int real_posix_memalign(void **p, size_t align, size_t size)
{
	if (ready())
		return real.posix_memalign ? real.posix_memalign(p, align, size) : ENOMEM;
	*p = supply_get(align, size);
	return *p ? 0 : ENOMEM;
}

void *real_aligned_alloc(size_t align, size_t size)
{
	if (!ready())
		return supply_get(align, size);
	return real.aligned_alloc ? real.aligned_alloc(align, size) : no_memory();
}

void *real_valloc(size_t size)
{
	return ready() && real.valloc ? real.valloc(size) : no_memory();
}

void *real_pvalloc(size_t size)
{
	return ready() && real.pvalloc ? real.pvalloc(size) : no_memory();
}
