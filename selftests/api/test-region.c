// SPDX-License-Identifier: MIT
/* test-region.c - what an arena's address space costs the process and the system */
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "api.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	0x0008U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC	0x0020
#endif

/* Bytes of the mappings whose VmFlags have or lack a word, as a sum. */
static uint64_t mapped(const char *flag, bool with)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512], word[8];
	uint64_t kib, size = 0, sum = 0;

	expect(f != NULL);
	snprintf(word, sizeof(word), " %s ", flag);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Size: %llu kB", (unsigned long long *)&kib) == 1)
			size = kib * 1024;
		else if (!strncmp(line, "VmFlags:", 8) && !!strstr(line, word) == with)
			sum += size;
	}
	fclose(f);
	return sum;
}

/* Bytes of a lane at most; a sanitizer leaves less of the address space. */
#ifdef __SANITIZE_THREAD__
#define LARGE	(1ULL << 36)
#else
#define LARGE	(1ULL << 40)
#endif

/*
 * Open an arena with everything and use it: all kinds of objects, and threads' slots.
 * @more: by how much mapped() has risen
 */
static struct memlane *open_and_use(const char *flag, bool with, uint64_t *more)
{
	uint64_t before = mapped(flag, with);
	struct memlane_config c = quiet();
	struct memlane *m;
	int i;

	c.tracking = true;
	c.max_handles = 100000000;
	c.fast_lane_max = c.slow_lane_max = LARGE;
	m = open_with(&c);
	for (i = 0; i < 2000; i++)
		fill(m, must_alloc(m, 1 + i * 31), i);
	*more = mapped(flag, with) - before;
	printf("# %llu KiB more\n", (unsigned long long)*more / 1024);
	return m;
}

TEST(a_core_dump_has_none_of_it)
{
	uint64_t more;
	struct memlane *m = open_and_use("dd", false, &more);

#ifndef __SANITIZE_THREAD__	/* whose shadow is dumped */
	expect((int64_t)more < (int64_t)(64 * MIB));
#endif
	expect(mapped("dd", true) > LARGE);
	memlane_close(m);
}

/* What a system that promises no more than it has would count: as much as is used. */
TEST(addresses_are_no_promise_of_memory)
{
	uint64_t more;
	struct memlane *m = open_and_use("ac", true, &more);

	expect((int64_t)more < (int64_t)(64 * MIB));
	memlane_close(m);
}

TEST(a_limit_of_file_sizes_is_an_error_not_a_signal)
{
	struct rlimit limit = { .rlim_cur = 64 * MIB, .rlim_max = RLIM_INFINITY };
	struct memlane_config c = quiet();
	struct memlane *m;
	int err;

	expect_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = 64 * MIB;
	expect_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	err = memlane_open(&m, &c);
	if (!err && memlane_backend(m) == MEMLANE_BACKEND_MODULE) {
		memlane_close(m);
		skip("the pages are in no file of the process");
	}
	expect_eq(err, -EFBIG);
	expect(strstr(memlane_strerror(err), "ulimit -f"));
	limit.rlim_cur = 4UL << 30;
	expect_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	expect_eq(memlane_open(&m, &c), -EFBIG);
	c.fast_lane_max = c.slow_lane_max = 1UL << 30;
	m = open_with(&c);
	fill(m, must_alloc(m, MIB), 1);
	memlane_close(m);
}

/* Room to raise a maximum is what a process does without first. */
TEST(a_limit_of_addresses_leaves_no_room_to_grow)
{
	struct rlimit limit = { .rlim_cur = 16UL << 30, .rlim_max = RLIM_INFINITY };
	struct memlane_config c = quiet();
	struct memlane *m;

	c.max_handles = 100000;
	c.fast_lane_max = c.slow_lane_max = 1UL << 30;
	m = open_with(&c);
	expect_eq(memlane_set_max(m, MEMLANE_SLOW, 64UL << 30), 0);
	memlane_close(m);
	if (mapped("dd", false) > 8UL << 30)
		skip("a sanitizer has more addresses than that");
	expect_eq(setrlimit(RLIMIT_AS, &limit), 0);
	m = open_with(&c);
	expect_eq(memlane_set_max(m, MEMLANE_SLOW, 2UL << 30), -EINVAL);
	expect_eq(memlane_set_max(m, MEMLANE_SLOW, 1UL << 29), 0);
	expect_eq(memlane_set_max(m, MEMLANE_SLOW, 1UL << 30), 0);
	fill(m, must_alloc(m, MIB), 1);
	memlane_close(m);
}

/* The descriptors of this process that are memory files of lanes. */
static int each_memory_file(int (*fn)(int fd))
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *d;
	char path[300], to[300];
	int nr = 0;
	ssize_t n;

	expect(dir != NULL);
	while ((d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%s", d->d_name);
		n = readlink(path, to, sizeof(to) - 1);
		if (n < 0)
			continue;
		to[n] = '\0';
		if (strncmp(to, "/memfd:memlane-", 15))
			continue;
		expect_eq(fn(atoi(d->d_name)), 0);
		nr++;
	}
	closedir(dir);
	return nr;
}

static int has_seal(int fd)
{
	return fcntl(fd, F_GET_SEALS) & F_SEAL_EXEC ? 0 : -1;
}

TEST(memory_files_can_never_be_executed)
{
	int fd = memfd_create("probe", MFD_NOEXEC_SEAL);
	struct memlane *m = open_quiet();

	if (memlane_backend(m) == MEMLANE_BACKEND_MODULE)
		skip("there are no memory files");
	if (fd < 0)
		skip("this kernel has no such files");
	expect_eq(each_memory_file(has_seal), 2);
	memlane_close(m);
}
