/* SPDX-License-Identifier: MIT */
/* backing.h - arenas with a backing file, objects that went there, and what came back, for tests */
#ifndef BACKING_H
#define BACKING_H

#include <poll.h>
#include <sys/stat.h>

#include "../touch.h"
#include "cool.h"

#define PAGES	64
#define BLOB	(PAGES * PAGE)
#define GROUP	(128UL << 10)

/* ------------------------------------------------------------- a file */

__attribute__((unused))
static int set_backing(const struct arena *a, int fd, __u64 max)
{
	struct memlane_set_backing req = { .size = sizeof(req), .fd = fd, .max = max };

	return call(a->fd, MEMLANE_IOCTL_SET_BACKING, &req);
}

/* Without a name; in the folder ML_DIR, or in memory. */
__attribute__((unused))
static int file_new(void)
{
	const char *dir = getenv("ML_DIR");
	int fd = dir ? open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600) :
		       memfd_create("store", MFD_CLOEXEC);

	expect(fd >= 0);
	return fd;
}

__attribute__((unused))
static unsigned long file_size(int fd)
{
	struct stat st;

	expect_eq(fstat(fd, &st), 0);
	return st.st_size;
}

__attribute__((unused))
static unsigned long file_bytes(int fd)
{
	struct stat st;

	expect_eq(fstat(fd, &st), 0);
	return st.st_blocks * 512UL;
}

/* Holes are made in the background. */
__attribute__((unused))
static void expect_empties(int fd)
{
	int i;

	for (i = 0; i < 1000 && (file_bytes(fd) || file_size(fd)); i++)
		usleep(10000);
	expect_eq(file_bytes(fd), 0);
	expect_eq(file_size(fd), 0);
}

__attribute__((unused))
static struct arena arena_on(int fd)
{
	struct arena a = arena_new(8 * MIB, 32 * MIB);

	expect_eq(set_backing(&a, fd, 0), 0);
	return a;
}

__attribute__((unused))
static __u64 store(const struct arena *a, __u64 *handles, __u32 count)
{
	return cool_flags(a, handles, count, MEMLANE_COOL_STORE);
}

__attribute__((unused))
static int store_error(const struct arena *a, __u64 *handles, __u32 count)
{
	struct memlane_cool req = cool_req(handles, count);

	req.flags = MEMLANE_COOL_STORE;
	return call(a->fd, MEMLANE_IOCTL_COOL, &req);
}

__attribute__((unused))
static __u64 text_blob(const struct arena *a, unsigned int seed)
{
	__u64 h = alloc_one(a, MEMLANE_SLOW, BLOB);

	write_text(address_of(a, h), BLOB, seed);
	return h;
}

__attribute__((unused))
static __u64 noise_blob(const struct arena *a, unsigned int seed)
{
	__u64 h = alloc_one(a, MEMLANE_SLOW, BLOB);

	write_noise(address_of(a, h), BLOB, seed);
	return h;
}

static __u64 stored(const struct arena *a, __u64 h)
{
	expect_eq(store(a, &h, 1), PAGES);
	expect_eq(query(a, h).out_stored, PAGES);
	return h;
}

__attribute__((unused))
static __u64 stored_text(const struct arena *a, unsigned int seed)
{
	return stored(a, text_blob(a, seed));
}

__attribute__((unused))
static __u64 stored_noise(const struct arena *a, unsigned int seed)
{
	return stored(a, noise_blob(a, seed));
}

/* Events of objects that are lost, until no more come; how many are of @h. */
__attribute__((unused))
static unsigned int lost_events(const struct arena *a, __u64 h, unsigned int expected)
{
	struct pollfd p = { .fd = a->fd, .events = POLLIN };
	unsigned int all = 0, mine = 0;
	struct memlane_event ev;

	while (poll(&p, 1, all < expected ? 20000 : 50) == 1) {
		expect_eq(read(a->fd, &ev, sizeof(ev)), sizeof(ev));
		if (ev.type != MEMLANE_EVENT_LOST)
			continue;
		all++;
		mine += ev.value == h;
	}
	expect_eq(all, expected);
	return mine;
}

/* How often the background said that the file takes nothing, for this reason. */
__attribute__((unused))
static unsigned int backing_events(const struct arena *a, int error)
{
	struct memlane_event ev;
	unsigned int told = 0;

	expect_eq(fcntl(a->fd, F_SETFL, O_NONBLOCK), 0);
	while (read(a->fd, &ev, sizeof(ev)) == sizeof(ev)) {
		told += ev.type == MEMLANE_EVENT_BACKING;
		if (ev.type == MEMLANE_EVENT_BACKING)
			expect_eq(ev.value, error);
	}
	return told;
}

__attribute__((unused))
static unsigned long long as_it_is(unsigned long long noise)
{
	return noise;
}

/* Each page has what was written, or is lost. Return: how many are lost. */
__attribute__((unused))
static unsigned int pages_lost_of(const struct arena *a, __u64 h, unsigned long long seed,
				  unsigned long long (*word)(unsigned long long noise))
{
	char *at = address_of(a, h);
	unsigned int i, lost = 0;
	unsigned long j;

	seed = noise_of(seed);
	for (i = 0; i < PAGES; i++) {
		if (touch(at + i * PAGE, false)) {
			lost++;
			for (j = 0; j < PAGE; j += 8)
				rng_next(&seed);
			continue;
		}
		for (j = 0; j < PAGE; j += 8)
			expect_eq(*(unsigned long long *)(at + i * PAGE + j), word(rng_next(&seed)));
	}
	expect_eq(query(a, h).out_lost, lost);
	return lost;
}

__attribute__((unused))
static unsigned int pages_lost(const struct arena *a, __u64 h, unsigned long long seed)
{
	return pages_lost_of(a, h, seed, as_it_is);
}

#endif /* BACKING_H */
