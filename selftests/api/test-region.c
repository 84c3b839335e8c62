// SPDX-License-Identifier: MIT
/* test-region.c - what an arena's address space costs the process and the system */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "api.h"

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
#define LARGE	(256ULL << 30)
#endif

/* Of the objects below, with what rounding adds; and chunks that are open. */
#define USED	(96 * MIB)

/*
 * Open an arena with everything and use it: all kinds of objects, and threads' slots.
 * @more: by how much mapped() has risen
 */
static struct memlane *open_and_use(const char *flag, bool with, bool dump, uint64_t *more)
{
	uint64_t before = mapped(flag, with);
	struct memlane_config c = quiet();
	struct memlane *m;
	int i;

	c.tracking = true;
	c.no_core_dump = !dump;
	c.max_handles = 100000000;
	c.fast_lane_max = c.slow_lane_max = LARGE;
	m = open_with(&c);
	for (i = 0; i < 2000; i++)
		fill(m, must_alloc(m, 1 + i * 31), i);
	*more = mapped(flag, with) - before;
	printf("# %llu KiB more\n", (unsigned long long)*more / 1024);
	return m;
}

TEST(a_core_dump_has_none_of_it_where_that_is_asked_for)
{
	uint64_t more;
	struct memlane *m = open_and_use("dd", false, false, &more);

#ifndef __SANITIZE_THREAD__	/* whose shadow is dumped */
	expect((int64_t)more < (int64_t)(16 * MIB));
#endif
	expect(mapped("dd", true) > LARGE);
	memlane_close(m);
}

/* What objects hold, and not the addresses that are in no use. */
TEST(a_core_dump_has_what_objects_hold)
{
	uint64_t more;
	struct memlane *m = open_and_use("dd", false, true, &more);
	struct memlane_config c;

	if (memlane_backend(m) == MEMLANE_BACKEND_MODULE)
		skip("the module has a test of its own");
	expect(more >= stats(m).live_bytes);
#ifndef __SANITIZE_THREAD__
	expect((int64_t)more < (int64_t)USED);
#endif
	expect(mapped("dd", true) > LARGE);
	memlane_close(m);
	c = quiet();
	c.__reserved3[5] = 1;
	expect(memlane_config_check(&c) && strstr(memlane_config_check(&c), "__reserved3"));
}

#define PATTERN	"/proc/sys/kernel/core_pattern"
#define MARK	64

/* Bytes that are nowhere else: nobody has them before they are written to an object. */
static void write_mark(char *to)
{
	int i;

	for (i = 0; i < MARK; i++)
		to[i] = (char)(i * 37 + 11) ^ (char)(i >> 2);
}

static void die_with_an_object(bool dump)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct memlane_config c = quiet();
	struct memlane *m;

	c.no_core_dump = !dump;
	m = open_with(&c);
	expect_eq(setrlimit(RLIMIT_CORE, &all), 0);
	memlane_enter(m);
	write_mark(memlane_get(m, must_alloc(m, 1000)));
	signal(SIGABRT, SIG_DFL);
	abort();
}

static bool core_has_mark(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	char mark[MARK], *core;
	struct stat st;
	bool has;

	expect(fd >= 0 && !unlink(name) && !fstat(fd, &st) && st.st_size);
	core = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	expect(core != MAP_FAILED);
	write_mark(mark);
	has = memmem(core, st.st_size, mark, MARK);
	munmap(core, st.st_size);
	close(fd);
	return has;
}

static void dumps_to(const char *where)
{
	int fd = open(PATTERN, O_WRONLY | O_CLOEXEC);

	expect(fd >= 0 && write(fd, where, strlen(where)) == (ssize_t)strlen(where));
	close(fd);
}

/* Where core dumps went before: to be given back. */
static bool dump_has_object(bool dump, const char *before)
{
	char to[64];
	int status;
	pid_t pid;

	snprintf(to, sizeof(to), "/dev/shm/memlane-region-%d", getpid());
	dumps_to(to);
	pid = fork();
	if (!pid)
		die_with_an_object(dump);
	waitpid(pid, &status, 0);
	dumps_to(before);
	expect(WIFSIGNALED(status) && WCOREDUMP(status));
	return core_has_mark(to);
}

/* The kernel writes one: where it goes is the whole system's to say. */
TEST(a_core_dump_has_the_modules_pages_or_none)
{
	char before[129] = "";
	FILE *f;

	if (!getenv("MEMLANE_BACKEND") || strcmp(getenv("MEMLANE_BACKEND"), "module"))
		skip("of the module's pages");
	f = access(PATTERN, W_OK) ? NULL : fopen(PATTERN, "r");
	if (!f || !fgets(before, sizeof(before), f))
		skip("core dumps cannot be sent to a file of ours");
	fclose(f);
	expect(dump_has_object(true, before));
	expect(!dump_has_object(false, before));
}

/* What a system that promises no more than it has would count: as much as is used. */
TEST(addresses_are_no_promise_of_memory)
{
	uint64_t more;
	struct memlane *m = open_and_use("ac", true, true, &more);

	expect((int64_t)more < (int64_t)USED);
	memlane_close(m);
}

/* The pages are in no file of the process, so that its limits of these do not matter. */
TEST(limits_of_files_do_not_matter)
{
	struct rlimit none;
	struct memlane_config c = quiet();
	struct memlane *m;

	if (getenv("MEMLANE_BACKEND") && !strcmp(getenv("MEMLANE_BACKEND"), "module"))
		skip("an arena of the module is a file");
	c.backend = MEMLANE_BACKEND_LOCAL;
	expect_eq(getrlimit(RLIMIT_NOFILE, &none), 0);
	none.rlim_cur = 0;
	expect_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	expect_eq(getrlimit(RLIMIT_FSIZE, &none), 0);
	none.rlim_cur = 4096;
	expect_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	m = open_with(&c);
	fill(m, must_alloc(m, 4 * MIB), 1);
	expect_eq(memlane_migrate(m, must_alloc(m, MIB), MEMLANE_FAST), 0);
	memlane_close(m);
}

/* Room to raise a maximum is what a process does without first. */
TEST(a_limit_of_addresses_leaves_no_room_to_grow)
{
	struct rlimit limit = { .rlim_cur = 48UL << 30, .rlim_max = RLIM_INFINITY };
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

static unsigned int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	expect(dir != NULL);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

enum { OBJECTS = 500, OWN = 4 * MIB };

/* The number of any descriptor that the arena might have is a file of the program's now. */
static int replace_descriptors(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600), to;
	static char page[4096];
	unsigned int i;

	expect(fd >= 0);
	memset(page, 'A', sizeof(page));
	for (i = 0; i < OWN / sizeof(page); i++)
		expect_eq(write(fd, page, sizeof(page)), sizeof(page));
	for (to = 3; to < 64; to++)
		if (to != fd)
			expect_eq(dup2(fd, to), to);
	return fd;
}

static void expect_untouched(int fd)
{
	static char bytes[OWN];
	struct stat st;
	size_t i;

	expect_eq(fstat(fd, &st), 0);
	expect_eq(st.st_size, OWN);
	expect_eq(pread(fd, bytes, OWN, 0), OWN);
	for (i = 0; i < OWN; i++)
		expect(bytes[i] == 'A');
}

/* Every other object is freed, the others move, and events are told of. */
TEST(descriptors_lead_neither_to_the_arena_nor_from_it)
{
	static memlane_handle h[OBJECTS];
	unsigned int before = descriptors(), i;
	struct memlane_config c = quiet();
	struct memlane_event ev;
	struct memlane *m;
	int fd;

	c.fast_lane_size = 64 * KIB;
	m = open_with(&c);
	if (memlane_backend(m) == MEMLANE_BACKEND_MODULE)
		skip("an arena of the module is a file");
	expect_eq(descriptors(), before);
	expect(memlane_event_fd(m) >= 0);
	for (i = 0; i < OBJECTS; i++)
		fill(m, h[i] = must_alloc(m, 3000 + i * 100), i);
	fd = replace_descriptors();
	for (i = 0; i < OBJECTS; i += 2)
		expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	expect(memlane_read_events(m, &ev, 1) == 1);	/* of the lane's growth */
	while (memlane_read_events(m, &ev, 1) == 1)
		;
	for (i = 1; i < OBJECTS; i += 2)
		verify(m, h[i], i);
	memlane_close(m);
	expect_untouched(fd);
}

/* An arena of a process without standard streams is not where its output goes. */
TEST(standard_streams_may_be_closed)
{
	static const char line[] = "a line of output\n";
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h;
	pid_t pid = fork();
	int fd, status;

	if (pid) {
		expect(waitpid(pid, &status, 0) == pid);
		expect_eq(status, 0);
		return;
	}
	for (fd = 0; fd < 3; fd++)
		close(fd);
	if (memlane_open(&m, &c))
		_exit(1);
	h = memlane_alloc(m, 64);
	memlane_enter(m);
	memset(memlane_get(m, h), 'x', 64);
	for (fd = 0; fd < 3; fd++)
		if (write(fd, line, sizeof(line)) > 0 && memlane_backend(m) == MEMLANE_BACKEND_LOCAL)
			_exit(2);
	for (fd = 0; fd < 64; fd++)
		if (((char *)memlane_get(m, h))[fd] != 'x')
			_exit(3);
	_exit(0);
}
