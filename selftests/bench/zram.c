// SPDX-License-Identifier: MIT
/*
 * zram.c - malloc in a memory cgroup that is held to as many bytes, with zram to swap to
 *
 * It holds the objects that keep.c has, and uses them alike. What zram takes for
 * what is swapped out is a part of the bytes, so the cgroup's limit is lowered by it before
 * every period. Needs root, cgroup2 and the kernel's zram; is left out where they are missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "keep.h"

#define DEVICE	"/dev/zram0"
#define ZRAM	"/sys/block/zram0/"
#define ROOT	"/sys/fs/cgroup/"
#define GROUP	ROOT "memlane-bench/"
#define PAGE	4096ULL
#define LEAST	MIB	/* of the process that is no object */

/* What the child found out. */
struct answer {
	uint64_t resident;
	uint64_t swapped;	/* bytes that zram takes */
	uint64_t faults;
};

static uint64_t sink;

static bool put(const char *file, const char *what)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, what, strlen(what)) == (ssize_t)strlen(what);

	if (fd >= 0)
		close(fd);
	return done;
}

static bool put_number(const char *file, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return put(file, text);
}

/* The number that is the column-th of a file's words, from 0. */
static uint64_t number_of(const char *file, unsigned int column)
{
	FILE *f = fopen(file, "re");
	unsigned long long n = 0;

	if (!f)
		return 0;
	while (fscanf(f, "%llu", &n) == 1 && column--)
		;
	fclose(f);
	return n;
}

/* The header of a swap area, version 1, as the kernel's include/linux/swap.h has it. */
static bool make_swap(uint64_t bytes)
{
	static uint32_t page[PAGE / 4];
	int fd = open(DEVICE, O_WRONLY | O_CLOEXEC);
	bool done;

	page[1024 / 4] = 1;
	page[1024 / 4 + 1] = bytes / PAGE - 1;
	memcpy((char *)page + PAGE - 10, "SWAPSPACE2", 10);
	done = fd >= 0 && write(fd, page, PAGE) == (ssize_t)PAGE;
	if (fd >= 0)
		close(fd);
	return done;
}

static bool begin(void)
{
	if (access(ZRAM, F_OK) && system("modprobe -q zram 2>/dev/null"))
		return false;
	return put(ZRAM "comp_algorithm", "lz4") && put_number(ZRAM "disksize", 256 * MIB) &&
	       make_swap(256 * MIB) && !swapon(DEVICE, 0) &&
	       put(ROOT "cgroup.subtree_control", "+memory") &&
	       (!mkdir(GROUP, 0700) || errno == EEXIST);
}

static void end(void)
{
	rmdir(GROUP);
	swapoff(DEVICE);
	put(ZRAM "reset", "1");
}

static uint64_t swapped(void)
{
	return number_of(ZRAM "mm_stat", 2);
}

static uint64_t resident(void)
{
	return number_of(GROUP "memory.current", 0);
}

static uint64_t faults(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return r.ru_majflt;
}

static void use_hot(char **object, uint64_t *rng)
{
	uint32_t i;

	for (i = 0; i < KEEP_OBJECTS; i += KEEP_EVERY)
		sink += *(volatile char *)object[i];
	for (i = 0; i < KEEP_USES; i++)
		sink += *(volatile char *)object[keep_next(rng)];
}

static void periods(char **object, uint64_t bytes)
{
	uint64_t rng = 4711;
	unsigned int i;

	for (i = 0; i < KEEP_PERIODS; i++) {
		put_number(GROUP "memory.high", bytes > swapped() + LEAST ? bytes - swapped() : LEAST);
		use_hot(object, &rng);
	}
}

static void hold(uint64_t bytes, struct answer *a)
{
	static char *object[KEEP_OBJECTS];
	uint64_t before;
	uint32_t i;

	before = resident();
	for (i = 0; i < KEEP_OBJECTS; i++) {
		object[i] = malloc(keep_size(i));
		if (!object[i])
			die("no memory");
		write_words(object[i], keep_size(i), i + 1);
	}
	periods(object, before + bytes);
	a->faults = faults();
	periods(object, before + bytes);
	a->faults = faults() - a->faults;
	a->swapped = swapped();
	a->resident = resident() - before;
}

static bool in_cgroup(uint64_t bytes, struct answer *a)
{
	int end[2], status;
	pid_t child;
	bool told;

	if (pipe(end))
		die("no pipe");
	child = fork();
	if (!child) {
		if (!put(GROUP "cgroup.procs", "0"))
			_exit(1);
		hold(bytes, a);
		_exit(write(end[1], a, sizeof(*a)) != sizeof(*a));
	}
	close(end[1]);
	told = read(end[0], a, sizeof(*a)) == sizeof(*a);
	close(end[0]);
	return child > 0 && waitpid(child, &status, 0) == child && !status && told;
}

void zram_keep(uint64_t bytes)
{
	struct answer a = { 0 };

	if (begin() && in_cgroup(bytes, &a)) {
		row(KEEP_GROUP, "  malloc and zram (lz4), held to as much: kept, as compressed",
		    a.resident + a.swapped, "bytes", bytes);
		row(KEEP_GROUP, "  malloc and zram: faults of what is in use, in 30 periods", a.faults,
		    "", 0);
	} else {
		fprintf(stderr, "# no zram beside it: it needs root, cgroup2 and the kernel's zram\n");
	}
	end();
}
