/* SPDX-License-Identifier: MIT */
/*
 * api.h - what the tests of the library share
 *
 * The programs are the same for both backends: MEMLANE_BACKEND says which one is
 * tested. A test is skipped only where the backend lacks a capability.
 */
#ifndef API_H
#define API_H

#include <memlane.h>
#include <pthread.h>

#include "../harness.h"

/* A sanitizer has addresses of its own, and more than limits of a test allow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define KIB 1024UL
#define MIB (1024 * KIB)

/* No maintenance behind the test's back. */
__attribute__((unused))
static struct memlane_config quiet(void)
{
	struct memlane_config c;

	memlane_config_init(&c);
	c.policy_check_interval = 0;
	return c;
}

__attribute__((unused))
static struct memlane *open_with(const struct memlane_config *c)
{
	const char *backend = getenv("MEMLANE_BACKEND");
	struct memlane *m;
	int err = memlane_open(&m, c);

	if (err == -ENOENT && backend && !strcmp(backend, "module"))
		skip("no /dev/memlane");
	if (err)
		fail("memlane_open: %s", memlane_strerror(err));
	return m;
}

__attribute__((unused))
static struct memlane *open_quiet(void)
{
	struct memlane_config c = quiet();

	return open_with(&c);
}

__attribute__((unused))
static memlane_handle must_alloc(struct memlane *m, uint64_t size)
{
	memlane_handle h = memlane_alloc(m, size);

	expect(h != 0);
	return h;
}

__attribute__((unused))
static memlane_handle must_alloc_in(struct memlane *m, uint64_t size, unsigned int lane)
{
	struct memlane_alloc_opts opts = { .lane = lane };
	memlane_handle h;

	expect_eq(memlane_alloc_with(m, size, &opts, &h), 0);
	return h;
}

/* Every byte follows from the object's number and its own place. */
static inline unsigned char pattern(uint64_t id, uint64_t i)
{
	return (id * 0x9e3779b97f4a7c15ULL + i * 0x632be5ab) >> 13;
}

__attribute__((unused))
static void fill(struct memlane *m, memlane_handle h, uint64_t id)
{
	uint64_t i, size = memlane_size(m, h);
	unsigned char *p;

	expect_eq(memlane_enter(m), 0);
	p = memlane_get(m, h);
	expect(p != NULL);
	for (i = 0; i < size; i++)
		p[i] = pattern(id, i);
	expect_eq(memlane_exit(m), 0);
}

__attribute__((unused))
static void verify(struct memlane *m, memlane_handle h, uint64_t id)
{
	uint64_t i, size = memlane_size(m, h);
	const unsigned char *p;

	expect_eq(memlane_enter(m), 0);
	p = memlane_get(m, h);
	expect(p != NULL);
	for (i = 0; i < size; i++)
		if (p[i] != pattern(id, i))
			fail("object %llu of %llu bytes: byte %llu is %d, not %d",
			     (unsigned long long)id, (unsigned long long)size,
			     (unsigned long long)i, p[i], pattern(id, i));
	expect_eq(memlane_exit(m), 0);
}

__attribute__((unused))
static struct memlane_stats stats(struct memlane *m)
{
	struct memlane_stats st = { .size = sizeof(st), .flags = MEMLANE_STAT_EXACT };

	expect_eq(memlane_stat(m, &st), 0);
	return st;
}

__attribute__((unused))
static uint64_t below(unsigned long long *seed, uint64_t n)
{
	return (rng_next(seed) >> 20) % n;
}

/* Two threads leave it at the same moment, as far as the machine can do that. */
__attribute__((unused))
static void meet(int *arrived)
{
	__atomic_add_fetch(arrived, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(arrived, __ATOMIC_ACQUIRE) < 2)
		sched_yield();
}

__attribute__((unused))
static void start(pthread_t *t, void *(*run)(void *), void *arg)
{
	expect_eq(pthread_create(t, NULL, run, arg), 0);
}

__attribute__((unused))
static void finish(pthread_t t)
{
	expect_eq(pthread_join(t, NULL), 0);
}

/*
 * What objdump says of a function of this program. A test that finds no instruction there fails:
 * the function has another name, or is none any more.
 */
__attribute__((unused))
static FILE *disassembly(const char *function)
{
	char command[300];
	FILE *f;

	if (system("nm /proc/$PPID/exe 2>/dev/null | grep -q ' main$'"))
		skip("there are no binutils, or this program was stripped");
	snprintf(command, sizeof(command),
		 "objdump -d --no-show-raw-insn --disassemble=%s /proc/$PPID/exe 2>/dev/null", function);
	f = popen(command, "r");
	expect(f != NULL);
	return f;
}

#endif /* API_H */
