/* SPDX-License-Identifier: MIT */
/*
 * arena.h - /dev/memlane by its bare system calls, for tests
 *
 * call() gives 0 or -errno. arena_new() gives an arena with all its regions
 * mapped; it skips the test where there is no device.
 */
#ifndef ARENA_H
#define ARENA_H

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/memlane.h>

#include "harness.h"

#define DEVICE "/dev/memlane"
#define PAGE 4096UL
#define MIB (1UL << 20)

struct arena {
	int fd;
	struct memlane_info info;
	char *map[MEMLANE_REGIONS];
};

/* The thread that calls this. */
__attribute__((unused))
static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		skip("there is no CPU %d", cpu);
}

__attribute__((unused))
static int call(int fd, unsigned long cmd, void *req)
{
	return ioctl(fd, cmd, req) ? -errno : 0;
}

__attribute__((unused))
static int device_open(int flags)
{
	int fd = open(DEVICE, flags | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		skip("no " DEVICE);
	if (fd < 0 && errno == EACCES)
		skip(DEVICE " may not be opened");
	expect(fd >= 0);
	return fd;
}

__attribute__((unused))
static int arena_create(int fd, unsigned long fast, unsigned long slow)
{
	struct memlane_create req = {
		.size = sizeof(req), .fast_size = fast, .slow_size = slow,
		.handles = 1 << 20, .threads = 64,
	};

	return call(fd, MEMLANE_IOCTL_CREATE, &req);
}

/* No mapping: where @region starts in the file, and how long it is. */
__attribute__((unused))
static struct memlane_region arena_region(const struct arena *a, unsigned int region)
{
	return a->info.out_region[region];
}

__attribute__((unused))
static void *arena_mmap(const struct arena *a, unsigned int region, int prot)
{
	struct memlane_region r = arena_region(a, region);

	return mmap(NULL, r.length, prot, MAP_SHARED, a->fd, r.offset);
}

__attribute__((unused))
static struct arena arena_unmapped(unsigned long fast, unsigned long slow)
{
	struct arena a = { .fd = device_open(O_RDWR), .info.size = sizeof(a.info) };

	expect_eq(arena_create(a.fd, fast, slow), 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_INFO, &a.info), 0);
	return a;
}

__attribute__((unused))
static void arena_map(struct arena *a)
{
	unsigned int r;

	for (r = 0; r < MEMLANE_REGIONS; r++) {
		a->map[r] = arena_mmap(a, r, r == MEMLANE_REGION_STAT ? PROT_READ :
				       PROT_READ | PROT_WRITE);
		expect(a->map[r] != MAP_FAILED);
	}
}

__attribute__((unused))
static struct arena arena_new(unsigned long fast, unsigned long slow)
{
	struct arena a = arena_unmapped(fast, slow);

	arena_map(&a);
	return a;
}

__attribute__((unused))
static void arena_end(struct arena *a)
{
	unsigned int r;

	for (r = 0; r < MEMLANE_REGIONS; r++)
		expect_eq(munmap(a->map[r], arena_region(a, r).length), 0);
	expect_eq(close(a->fd), 0);
}

__attribute__((unused))
static void option_set(const struct arena *a, __u32 option, __u64 value)
{
	struct memlane_set req = { .size = sizeof(req), .option = option, .value = value };

	expect_eq(call(a->fd, MEMLANE_IOCTL_SET, &req), 0);
}

/* Have the kernel ask all its shrinkers for all that they have. */
__attribute__((unused))
static void drop_slab(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (fd < 0)
		skip("drop_caches: %s", strerror(errno));
	expect_eq(write(fd, "2", 1), 1);
	expect_eq(close(fd), 0);
}

/* --------------------------------------------------------------- objects */

__attribute__((unused))
static __u32 index_of(__u64 handle)
{
	return (__u32)handle;
}

/* Which word of a region by index is its? */
__attribute__((unused))
static __u32 nr_of(const struct arena *a, __u64 handle)
{
	return index_of(handle) - a->info.out_first;
}

__attribute__((unused))
static __u64 *entry_of(const struct arena *a, __u64 handle)
{
	return (__u64 *)a->map[MEMLANE_REGION_TABLE] + nr_of(a, handle);
}

__attribute__((unused))
static __u64 *pin_of(const struct arena *a, __u64 handle)
{
	return (__u64 *)a->map[MEMLANE_REGION_PIN] + nr_of(a, handle);
}

__attribute__((unused))
static void join_group(const struct arena *a, __u64 handle, __u64 group)
{
	__atomic_fetch_or(pin_of(a, handle), group << MEMLANE_PIN_GROUP_SHIFT, __ATOMIC_RELAXED);
}

__attribute__((unused))
static char *address_of(const struct arena *a, __u64 handle)
{
	__u64 entry = __atomic_load_n(entry_of(a, handle), __ATOMIC_ACQUIRE);
	__u64 location = memlane_entry_loc(entry, handle);

	return a->map[MEMLANE_REGION_DATA] + (location << MEMLANE_GRANULE_SHIFT);
}

/* Live objects; how many, or -errno. */
__attribute__((unused))
static int alloc_live(const struct arena *a, __u32 lane, __u64 length, __u32 count, __u64 *handles)
{
	struct memlane_alloc req = {
		.size = sizeof(req), .flags = MEMLANE_ALLOC_LIVE | MEMLANE_ALLOC_NO_SPILL,
		.length = length, .lane = lane, .count = count,
		.handles = (unsigned long)handles,
	};
	int err = call(a->fd, MEMLANE_IOCTL_ALLOC, &req);

	return err ? err : (int)req.out_count;
}

__attribute__((unused))
static __u64 alloc_one(const struct arena *a, __u32 lane, __u64 length)
{
	__u64 handle = 0;

	expect_eq(alloc_live(a, lane, length, 1, &handle), 1);
	return handle;
}

__attribute__((unused))
static int free_live(const struct arena *a, __u64 *handles, __u32 count)
{
	struct memlane_free req = {
		.size = sizeof(req), .flags = MEMLANE_FREE_LIVE, .count = count,
		.handles = (unsigned long)handles,
	};

	return call(a->fd, MEMLANE_IOCTL_FREE, &req);
}

/* Of one object: 0 or -errno, of the call or of the object. */
__attribute__((unused))
static int migrate_one(const struct arena *a, __u64 handle, __u32 lane)
{
	__s32 result = 1;
	struct memlane_migrate req = {
		.size = sizeof(req), .lane = lane, .count = 1,
		.handles = (unsigned long)&handle, .results = (unsigned long)&result,
	};
	int err = call(a->fd, MEMLANE_IOCTL_MIGRATE, &req);

	if (!err)
		expect_eq(req.out_failed, result != 0);
	return err ? err : result;
}

__attribute__((unused))
static struct memlane_step compact(const struct arena *a)
{
	struct memlane_compact req = { .size = sizeof(req) };

	expect_eq(call(a->fd, MEMLANE_IOCTL_COMPACT, &req), 0);
	return req.step;
}

__attribute__((unused))
static struct memlane_query query(const struct arena *a, __u64 handle)
{
	struct memlane_query req = { .size = sizeof(req), .handle = handle };

	expect_eq(call(a->fd, MEMLANE_IOCTL_QUERY, &req), 0);
	return req;
}

__attribute__((unused))
static struct memlane_counts counts(const struct arena *a)
{
	struct memlane_stat req = { .size = sizeof(req) };

	expect_eq(call(a->fd, MEMLANE_IOCTL_STAT, &req), 0);
	return req.out;
}

/* ----------------------------------------------------------------- debugfs */

/* A line of a file of the module's in debugfs; the test is skipped without. */
__attribute__((unused))
static void debugfs_line(const char *path, char *line, int size)
{
	char name[128];
	FILE *f;

	snprintf(name, sizeof(name), "/sys/kernel/debug/memlane/%s", path);
	f = fopen(name, "r");
	if (!f)
		skip("%s cannot be read", name);
	expect(fgets(line, size, f));
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
}

__attribute__((unused))
static long debugfs_number(const char *path)
{
	char line[64];

	debugfs_line(path, line, sizeof(line));
	return strtol(line, NULL, 10);
}

/* Every invariant of the engine holds for this arena. */
__attribute__((unused))
static void expect_sound(const struct arena *a)
{
	char path[64], line[200];

	snprintf(path, sizeof(path), "%llu/check", (unsigned long long)a->info.out_id);
	debugfs_line(path, line, sizeof(line));
	if (strcmp(line, "ok"))
		fail("check says: %s", line);
}

/* For the last test of a program: what all the others had has been given back. */
__attribute__((unused))
static void expect_nothing_left(void)
{
	expect_eq(debugfs_number("arenas"), 0);
	expect_eq(debugfs_number("pages"), 0);
	expect_eq(debugfs_number("shared_pages"), 0);
}

#endif /* ARENA_H */
