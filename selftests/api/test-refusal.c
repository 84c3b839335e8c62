// SPDX-License-Identifier: MIT
/* test-refusal.c - what the system refuses is told as such, and done without where it can be */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "api.h"

#define GIB (1024 * MIB)

static void limit(int resource, uint64_t most)
{
	struct rlimit r;

	expect_eq(getrlimit(resource, &r), 0);
	r.rlim_cur = most < r.rlim_max ? most : r.rlim_max;
	expect_eq(setrlimit(resource, &r), 0);
}

static void has(const char *text, const char *word)
{
	if (!strstr(text, word))
		fail("'%s' is not in: %s", word, text);
}

/* Both ways of asking say the same, and no errno changes. */
static const char *why(int err)
{
	static char text[400];

	errno = 77;
	expect(memlane_explain(text, sizeof(text)) < 0);
	expect(!strcmp(text, memlane_strerror(err)));
	expect_eq(errno, 77);
	printf("# %s\n", text);
	return text;
}

static struct memlane *open_local(const struct memlane_config *c, int *err)
{
	struct memlane_config own = *c;
	struct memlane *m;

	own.backend = MEMLANE_BACKEND_LOCAL;
	*err = memlane_open(&m, &own);
	return m;
}

static void use(struct memlane *m)
{
	memlane_handle h = must_alloc(m, 10000);

	fill(m, h, 1);
	expect_eq(memlane_migrate(m, h, MEMLANE_FAST), 0);
	verify(m, h, 1);
}

TEST(nothing_refused_is_nothing_to_explain)
{
	struct memlane *m = open_quiet();
	char text[400] = "x";

	expect_eq(memlane_explain(text, sizeof(text)), 0);
	expect_eq(text[0], 0);
	expect_eq(memlane_explain(NULL, 0), 0);
	memlane_close(m);
}

TEST(a_limit_of_addresses_is_named)
{
	struct memlane_config c = quiet();
	char text[8];
	int err;

	if (SANITIZED)
		skip("a sanitizer has more addresses than that");
	limit(RLIMIT_AS, GIB);
	expect(!open_local(&c, &err));
	expect_eq(err, -ENOMEM);
	has(why(err), "RLIMIT_AS");
	has(why(err), "mmap() of ");
	has(why(err), "fast_lane_max");
	/* What there is no room for is left out. */
	expect(memlane_explain(text, sizeof(text)) < 0);
	expect_eq(strlen(text), sizeof(text) - 1);
}

/*
 * The default maxima are what the process can have beside the table's 32 GiB; those of the
 * program are not touched.
 */
TEST(default_maxima_are_lower_where_addresses_are_few)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	uint64_t max;
	int err;

	if (SANITIZED)
		skip("a sanitizer has more addresses than that");
	limit(RLIMIT_AS, 48 * GIB);
	m = open_local(&c, &err);
	expect_eq(err, 0);
	expect_eq(memlane_get_option(m, MEMLANE_OPT_SLOW_MAX, &max), 0);
	expect(max >= GIB && max < 16 * GIB);
	use(m);
	memlane_close(m);
	c.slow_lane_max = 96 * GIB;
	expect(!open_local(&c, &err));
	expect_eq(err, -ENOMEM);
	has(why(err), "RLIMIT_AS");
	c.slow_lane_max = 4 * GIB;
	m = open_local(&c, &err);
	expect_eq(err, 0);
	expect_eq(memlane_get_option(m, MEMLANE_OPT_SLOW_MAX, &max), 0);
	expect_eq(max, 4 * GIB);
	memlane_close(m);
}

TEST(memory_that_ends_later_is_named)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h;
	int err, i;

	if (SANITIZED)
		skip("a sanitizer has more addresses than that");
	m = open_local(&c, &err);
	expect_eq(err, 0);
	limit(RLIMIT_AS, GIB);
	for (i = 0, err = 0; !err && i < 100000; i++)
		err = memlane_alloc_with(m, 30000, NULL, &h);
	if (!err)
		skip("it was enough");
	expect_eq(err, -ENOMEM);
	has(why(err), "RLIMIT_AS");
}

/* Refuse a system call with an errno value from now on. */
static void forbid(int nr, int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };

	expect_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		skip("no filters of system calls here");
}

TEST(a_filter_set_up_after_open_is_named)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h;
	int err;

	m = open_local(&c, &err);
	expect_eq(err, 0);
	h = must_alloc(m, 100);
	forbid(SYS_membarrier, EPERM);
	err = memlane_migrate(m, h, MEMLANE_SLOW);
	expect_eq(err, -EAGAIN);
	has(why(err), "membarrier");
	has(why(err), "seccomp");
	/* It is of that call: an object in use is none of the system's. */
	memlane_enter(m);
	expect_eq(memlane_pin(m, h) != NULL, true);
	memlane_exit(m);
	err = memlane_migrate(m, h, MEMLANE_SLOW);
	expect_eq(err, -EBUSY);
	has(memlane_strerror(err), "pinned");
	memlane_close(m);
	expect(!open_local(&c, &err));
	expect_eq(err, -EPERM);
	has(why(err), "membarrier");
}

/* What a filter forbids, whenever it was set up, and whatever errno it gives. */
struct forbidden {
	const char *name;
	int nr;
	int err;
	bool early;	/* before memlane_open() */
};

static const struct forbidden in_the_process[] = {
	{ "madvise", SYS_madvise, EPERM, true },
	{ "madvise", SYS_madvise, ENOSYS, true },
	{ "madvise", SYS_madvise, EACCES, true },
	{ "madvise", SYS_madvise, EINVAL, true },
	{ "mmap", SYS_mmap, EPERM, true },
	{ "membarrier", SYS_membarrier, EINVAL, true },
	{ "membarrier", SYS_membarrier, EINVAL, false },
	{ "mprotect", SYS_mprotect, EPERM, false },
	{ "mprotect", SYS_mprotect, EINVAL, false },
	{ "pipe2", SYS_pipe2, EINVAL, false },
};

static const struct forbidden with_the_module[] = {
	{ "open", SYS_openat, EPERM, true },
	{ "open", SYS_openat, ENOSYS, true },
	{ "ioctl", SYS_ioctl, EPERM, true },
	{ "ioctl", SYS_ioctl, EINVAL, true },
	{ "ioctl", SYS_ioctl, EACCES, true },
	{ "mmap", SYS_mmap, EPERM, true },
	{ "madvise", SYS_madvise, EPERM, true },
	{ "ioctl", SYS_ioctl, EPERM, false },
	{ "ioctl", SYS_ioctl, ENOSYS, false },
	{ "ioctl", SYS_ioctl, EACCES, false },
	{ "ioctl", SYS_ioctl, EINVAL, false },
	{ "ioctl", SYS_ioctl, ENOTTY, false },
	{ "ioctl", SYS_ioctl, EBADF, false },
	{ "ioctl", SYS_ioctl, ENOMEM, false },
	{ "preadv2", SYS_preadv2, EPERM, false },
	{ "preadv2", SYS_preadv2, ENOSYS, false },
	{ "preadv2", SYS_preadv2, EACCES, false },
};

/* Return: the first error of a program's life, after forbid(). */
static int first_error(struct memlane *m)
{
	struct memlane_event event;
	memlane_handle h;
	int err = memlane_alloc_with(m, 3000000, NULL, &h);

	if (!err)
		err = memlane_migrate(m, h, MEMLANE_FAST);
	if (err)
		return err;
	err = memlane_event_fd(m);
	if (err >= 0)
		err = memlane_read_events(m, &event, 1);
	return err < 0 ? err : 0;
}

static void expect_named(const struct forbidden *f, int backend)
{
	const int nr = f->nr, forbid_err = f->err;
	const char *name = f->name;
	struct memlane_config c;
	struct memlane *m;
	int err;

	memlane_config_init(&c);	/* with a thread, and all that has zeros in common */
	c.backend = backend;
	if (f->early)
		forbid(nr, forbid_err);
	err = memlane_open(&m, &c);
	if (!f->early) {
		expect_eq(err, 0);
		forbid(nr, forbid_err);
		err = first_error(m);
	}
	expect(err != 0);
	has(why(err), name);
	has(why(err), "seccomp");
}

static void expect_all_named(const struct forbidden *f, unsigned int nr, int backend)
{
	unsigned int i;
	int status;
	pid_t pid;

	if (SANITIZED)
		skip("a sanitizer makes system calls of its own");
	for (i = 0; i < nr; i++) {
		fflush(stdout);
		pid = fork();
		if (!pid) {
			expect_named(&f[i], backend);
			fflush(stdout);
			_exit(0);
		}
		expect(pid > 0 && waitpid(pid, &status, 0) == pid);
		if (status)
			fail("%s, errno %d%s: status %#x", f[i].name, f[i].err, f[i].early ? ", early" : "",
			     status);
	}
}

TEST(a_filter_is_named_whatever_it_says)
{
	expect_all_named(in_the_process, ARRAY_SIZE(in_the_process), MEMLANE_BACKEND_LOCAL);
}

static struct memlane *open_module(void)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	c.backend = MEMLANE_BACKEND_MODULE;
	if (memlane_open(&m, &c) == -ENOENT)
		skip("there is no module");
	return m;
}

TEST(a_filter_of_the_modules_calls_is_named)
{
	struct memlane *m = open_module();
	memlane_handle h = must_alloc(m, 100);
	int err;

	fill(m, h, 1);
	forbid(SYS_ioctl, EPERM);
	err = memlane_migrate(m, h, MEMLANE_SLOW);
	expect_eq(err, -EPERM);
	has(why(err), "ioctl");
	has(why(err), "seccomp");
	verify(m, h, 1);
	memlane_close(m);
}

TEST(a_filter_of_the_modules_calls_is_named_whatever_it_says)
{
	memlane_close(open_module());
	expect_all_named(with_the_module, ARRAY_SIZE(with_the_module), MEMLANE_BACKEND_MODULE);
}

/* What the module itself finds wrong is no filter's. */
TEST(an_error_of_the_modules_is_no_filters)
{
	struct memlane *m = open_module();
	char text[400];

	expect_eq(memlane_set_option(m, 12345, 1), -EOPNOTSUPP);
	expect_eq(memlane_explain(text, sizeof(text)), 0);
	memlane_close(m);
}

/* Nor is the file touched that the program has in its place. */
TEST(a_descriptor_that_the_program_closed_is_named)
{
	struct memlane *m = open_module();
	memlane_handle h = must_alloc(m, 100);
	int fd = memlane_fd(m), err, i;

	expect(fd >= 0);
	fill(m, h, 1);
	expect_eq(close(fd), 0);
	for (i = 0; i < 2; i++) {
		err = memlane_migrate(m, h, MEMLANE_SLOW);
		expect_eq(err, -EBADFD);
		has(why(err), "closed a descriptor");
		verify(m, h, 1);
		if (!i)
			expect_eq(dup2(STDOUT_FILENO, fd), fd);
	}
	memlane_close(m);
	expect(fcntl(fd, F_GETFD) >= 0);
}

TEST(no_thread_is_named)
{
	struct memlane_config c;
	struct memlane *m;
	int err;

	forbid(SYS_clone3, EAGAIN);
	forbid(SYS_clone, EAGAIN);
	memlane_config_init(&c);
	c.policy_check_interval = 1;
	expect(!open_local(&c, &err));
	expect_eq(err, -EAGAIN);
	has(why(err), "pthread_create");
	has(why(err), "RLIMIT_NPROC");
	has(why(err), "policy_check_interval");
	c = quiet();
	m = open_local(&c, &err);
	expect_eq(err, 0);
	use(m);
	memlane_close(m);
}

/* Its stack is what there is no room for, and no limit of processes. */
TEST(no_stack_of_a_thread_is_named)
{
	struct memlane_config c;
	int err;

	if (SANITIZED)
		skip("a sanitizer has more memory than that");
	memlane_config_init(&c);
	limit(RLIMIT_DATA, MIB);
	expect(!open_local(&c, &err));
	expect_eq(err, -EAGAIN);
	has(why(err), "pthread_create");
	has(why(err), "RLIMIT_DATA");
	expect(!strstr(why(err), "NPROC"));
}

/* Whatever is called an error where there are no such addresses: valgrind says EINVAL. */
TEST(addresses_are_tried_smaller_whatever_the_errno)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	int err;

	if (SANITIZED)
		skip("a sanitizer has more addresses than that");
	limit(RLIMIT_AS, 80 * GIB);
	m = open_local(&c, &err);
	expect_eq(err, 0);
	use(m);
	memlane_close(m);
	forbid(SYS_mmap, EINVAL);
	expect(!open_local(&c, &err));
	expect_eq(err, -ENOMEM);
}

TEST(the_address_space_may_be_used_up)
{
	struct memlane_config c = quiet();
	static struct memlane *m[1000];
	unsigned int nr;
	int err = 0;

	if (SANITIZED)
		skip("a sanitizer has addresses of its own");
	c.fast_lane_max = c.slow_lane_max = 320 * GIB;
	for (nr = 0; !err && nr < ARRAY_SIZE(m); nr++)
		m[nr] = open_local(&c, &err);
	expect(nr > 10);
	expect_eq(err, -ENOMEM);
	has(why(err), "open arenas");
	has(why(err), "address space");
	/* Two: the new arena's table may be laid into what was the lanes of one of them. */
	memlane_close(m[0]);
	memlane_close(m[1]);
	m[0] = open_local(&c, &err);
	expect_eq(err, 0);
	use(m[0]);
}

/* Mappings that are not joined, until the process may have no more. */
static void use_up_mappings(void)
{
	size_t pages = 1 << 21, i;
	char *all = mmap(NULL, pages * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	expect(all != MAP_FAILED);
	for (i = 1; i < pages && !mprotect(all + i * 4096, 4096, PROT_READ); i += 2)
		;
	if (i >= pages)
		skip("vm.max_map_count is far above its default");
	expect_eq(errno, ENOMEM);
}

TEST(mappings_may_be_used_up)
{
	struct memlane_config c = quiet();
	int err;

	if (SANITIZED)
		skip("a sanitizer needs mappings, too");
	use_up_mappings();
	expect(!open_local(&c, &err));
	expect_eq(err, -ENOMEM);
	has(why(err), "vm.max_map_count");
}

/* kB of a line of /proc/self/status */
static uint64_t status_kib(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	uint64_t kib = 0;

	expect(f != NULL);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kib = strtoull(line + strlen(name), NULL, 10);
	fclose(f);
	return kib;
}

static bool has_huge_pages(void)
{
	char text[64] = "";
	int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return strstr(text, "[always]") || strstr(text, "[madvise]");
}

static uint64_t faults(void)
{
	struct rusage usage;

	expect_eq(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_minflt;
}

static void lock_all(int flags)
{
	if (mlockall(flags))
		skip("this process may not lock its memory");
}

static void expect_small(uint64_t rss)
{
	printf("# %llu KiB locked, %lld more resident\n", (unsigned long long)status_kib("VmLck:"),
	       (long long)(status_kib("VmRSS:") - rss));
	expect(status_kib("VmRSS:") < rss + 64 * 1024);
}

TEST(memory_that_is_to_be_locked_is_not_made)
{
	struct memlane_config c = quiet();
	uint64_t rss = status_kib("VmRSS:");
	struct memlane *m;
	int err;

	if (SANITIZED)
		skip("a sanitizer's shadow would be locked");
	lock_all(MCL_CURRENT | MCL_FUTURE);
	m = open_local(&c, &err);
	expect_eq(err, 0);
	use(m);
	expect_small(rss);
	expect(status_kib("VmLck:") < 1024 * 1024);
	memlane_close(m);
	lock_all(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	m = open_local(&c, &err);
	expect_eq(err, 0);
	use(m);
	expect_small(rss);
	memlane_close(m);
}

/* What page tables are made of, KiB: no more than @tables, and as many faults as huge pages. */
static void expect_locked_soon(struct memlane *m, uint64_t tables)
{
	uint64_t rss = status_kib("VmRSS:"), had = status_kib("VmPTE:"), before = faults();

	use(m);
	lock_all(MCL_CURRENT);
	use(m);
	expect_small(rss);
	printf("# %llu faults, %llu KiB of page tables\n", (unsigned long long)(faults() - before),
	       (unsigned long long)(status_kib("VmPTE:") - had));
	expect(status_kib("VmPTE:") < had + tables);
	expect(faults() < before + 32768);
	munlockall();
	memlane_close(m);
}

static void may_be_locked(void)
{
	if (SANITIZED)
		skip("a sanitizer's shadow would be locked");
	if (!has_huge_pages())
		skip("this system has no huge page of zeros");
}

/* Zeros are mapped for the table of any index: a huge page each 2 MiB, and what it may need one day. */
TEST(memory_that_is_locked_later_is_not_made)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	int err;

	may_be_locked();
	m = open_local(&c, &err);
	expect_eq(err, 0);
	expect_locked_soon(m, 72 * 1024);
	c.tracking = true;
	m = open_local(&c, &err);
	expect_eq(err, 0);
	expect_locked_soon(m, 72 * 1024);
}

/* What the child of a fork is to look at is not mapped in its parent. */
TEST(nor_is_the_modules)
{
	may_be_locked();
	expect_locked_soon(open_module(), 2 * 1024);
}

/* Not more than RLIMIT_MEMLOCK may be locked, and the addresses are not. */
TEST(a_limit_of_locked_memory_is_not_met_by_addresses)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	int err;

	if (SANITIZED)
		skip("a sanitizer's shadow would be locked");
	limit(RLIMIT_MEMLOCK, 64 * MIB);
	lock_all(MCL_FUTURE);
	if (!geteuid() && setresuid(65534, 65534, 65534))
		skip("this needs another user");
	m = open_local(&c, &err);
	expect_eq(err, 0);
	use(m);
	memlane_close(m);
}

/* What has no module needs no descriptor. */
TEST(without_a_descriptor_there_is_the_process_itself)
{
	bool module = !access("/dev/memlane", F_OK);
	struct memlane_config c = quiet();
	struct memlane *m;
	int err;

	unsetenv("MEMLANE_BACKEND");
	limit(RLIMIT_NOFILE, 0);
	err = memlane_open(&m, &c);
	if (SANITIZED || !module) {
		expect_eq(err, 0);
		use(m);
		memlane_close(m);
	} else {
		expect_eq(err, -EMFILE);
		has(memlane_strerror(err), "RLIMIT_NOFILE");
	}
	c.backend = MEMLANE_BACKEND_MODULE;
	expect_eq(memlane_open(&m, &c), module ? -EMFILE : -ENOENT);
}
