// SPDX-License-Identifier: MIT
/*
 * budget.c - what all arenas of a user may take: numbers, memory, background work
 *
 * The module's parameters are lowered for a test and put back. Users are children
 * that have become uid 65534; root has no limits. What kernel workers do is counted by
 * the tracepoint of their queue. ML_ARENAS is how many empty ones there are.
 */
#include <dirent.h>
#include <pthread.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "../arena.h"

#define NOBODY 65534
#define PARAMETERS "/sys/module/memlane/parameters/"

static void parameter_set(const char *name, unsigned int value)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	f = fopen(path, "w");
	if (!f)
		skip("%s cannot be written", path);
	fprintf(f, "%u\n", value);
	expect_eq(fclose(f), 0);
}

static unsigned int parameter(const char *name)
{
	unsigned int value;
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	f = fopen(path, "r");
	if (!f)
		skip("%s cannot be read", path);
	expect_eq(fscanf(f, "%u", &value), 1);
	fclose(f);
	return value;
}

/* Exit status of @work, run by a process of nobody's. */
static int as_nobody(int (*work)(void))
{
	struct stat was;
	int status;
	pid_t pid;

	if (getuid())
		skip("not root");
	expect_eq(stat(DEVICE, &was), 0);
	expect_eq(chmod(DEVICE, 0666), 0);
	pid = fork();
	if (!pid) {
		expect(!setgid(NOBODY) && !setuid(NOBODY));
		_exit(work());
	}
	expect_eq(waitpid(pid, &status, 0), pid);
	expect_eq(chmod(DEVICE, was.st_mode & 0777), 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* With a parameter that is @value meanwhile. */
static int with(const char *name, unsigned int value, int (*work)(void))
{
	unsigned int was = parameter(name);
	int status;

	parameter_set(name, value);
	status = as_nobody(work);
	parameter_set(name, was);
	return status;
}

static void set_interval(const struct arena *a, __u64 ns)
{
	struct memlane_set req = {
		.size = sizeof(req), .option = MEMLANE_OPT_POLICY_INTERVAL, .value = ns,
	};

	expect_eq(call(a->fd, MEMLANE_IOCTL_SET, &req), 0);
}

/* --------------------------------------------------------------- numbers */

static int one_too_many(void)
{
	int fd[6], i;

	for (i = 0; i < 5; i++) {
		fd[i] = device_open(O_RDWR);
		expect_eq(arena_create(fd[i], MIB, MIB), 0);
	}
	fd[5] = device_open(O_RDWR);
	expect_eq(arena_create(fd[5], MIB, MIB), -EDQUOT);
	close(fd[0]);
	expect_eq(arena_create(fd[5], MIB, MIB), 0);
	return 0;
}

TEST(arenas_of_a_user_are_counted)
{
	expect_eq(with("user_arenas", 5, one_too_many), 0);
}

static int file_too_many(void)
{
	struct memlane_set_backing req = { .size = sizeof(req) };
	int fd[3], i;

	for (i = 0; i < 3; i++) {
		fd[i] = device_open(O_RDWR);
		expect_eq(arena_create(fd[i], MIB, MIB), 0);
		req.fd = memfd_create("store", MFD_CLOEXEC);
		expect_eq(call(fd[i], MEMLANE_IOCTL_SET_BACKING, &req), i < 2 ? 0 : -EDQUOT);
	}
	/* None is one less, as soon as it has become empty. */
	req.fd = -1;
	expect_eq(call(fd[0], MEMLANE_IOCTL_SET_BACKING, &req), 0);
	req.fd = memfd_create("store", MFD_CLOEXEC);
	for (i = 0; i < 500 && call(fd[2], MEMLANE_IOCTL_SET_BACKING, &req) == -EDQUOT; i++)
		usleep(10000);
	expect(i < 500);
	return 0;
}

TEST(files_of_a_user_are_counted)
{
	expect_eq(with("user_files", 2, file_too_many), 0);
}

TEST(root_has_no_limit)
{
	unsigned int was = parameter("user_arenas");
	struct arena a;

	parameter_set("user_arenas", 0);
	a = arena_new(MIB, MIB);
	parameter_set("user_arenas", was);
	arena_end(&a);
}

TEST(a_number_comes_with_creation)
{
	struct arena a = arena_new(MIB, MIB), b;
	int fd[100], i;

	for (i = 0; i < 100; i++)
		fd[i] = device_open(O_RDWR);
	b = arena_new(MIB, MIB);
	expect_eq(b.info.out_cookie, a.info.out_cookie + 1);
	for (i = 0; i < 100; i++)
		close(fd[i]);
	arena_end(&a);
	arena_end(&b);
}

/* ---------------------------------------------------------------- memory */

static int create_one(void)
{
	return arena_create(device_open(O_RDWR), MIB, MIB) == -ENOMEM ? 0 : 1;
}

TEST(kernel_memory_of_a_user_is_limited)
{
	expect_eq(with("user_metadata", 0, create_one), 0);
}

#define CHUNKS 20000UL		/* whose words take more than a hundredth of any VM's memory */
#define CHUNK (2 * MIB)

/* A page in each chunk of a large object: each has words of its own. */
static int touch_chunks(void)
{
	struct arena a = arena_new(MIB, 2 * CHUNKS * CHUNK);
	char *p = address_of(&a, alloc_one(&a, MEMLANE_SLOW, CHUNKS * CHUNK));
	unsigned long was = counts(&a).metadata, i;

	for (i = 0; i < 100; i++)
		p[i * CHUNK] = 1;
	/* 512 words of 12 bytes each, and what finds them; one was there before. */
	expect(counts(&a).metadata - was >= 98 * (6144 + 128));
	for (; i < CHUNKS; i++)
		p[i * CHUNK] = 1;
	return 1;
}

/* A fault beyond it ends; it is not tried for ever. */
TEST(words_of_pages_are_kernel_memory_of_a_user)
{
	expect_eq(with("user_metadata", 1, touch_chunks), 128 + SIGBUS);
}

#define PIN_BYTES (256 * MIB)	/* as above */

/* To look costs nothing, to write a page each time. */
static int write_pins(void)
{
	struct memlane_create req = {
		.size = sizeof(req), .fast_size = MIB, .slow_size = MIB, .handles = 1 << 27, .threads = 1,
	};
	struct arena a = { .fd = device_open(O_RDWR), .info.size = sizeof(a.info) };
	volatile char *p;
	unsigned long was, at;

	expect_eq(call(a.fd, MEMLANE_IOCTL_CREATE, &req), 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_INFO, &a.info), 0);
	p = arena_mmap(&a, MEMLANE_REGION_PIN, PROT_READ | PROT_WRITE);
	expect(p != MAP_FAILED);
	was = counts(&a).metadata;
	for (at = 0; at < PIN_BYTES; at += PAGE)
		expect_eq(p[at], 0);
	expect_eq(counts(&a).metadata, was);
	for (at = 0; at < 100 * PAGE; at += PAGE)
		p[at] = 1;
	expect(counts(&a).metadata - was >= 100 * PAGE);
	for (; at < PIN_BYTES; at += PAGE)
		p[at] = 1;
	return 1;
}

TEST(pin_words_that_were_written_are_kernel_memory_of_a_user)
{
	expect_eq(with("user_metadata", 1, write_pins), 128 + SIGBUS);
}

static int touch_a_page(void)
{
	struct arena a = arena_new(MIB, MIB);

	*address_of(&a, alloc_one(&a, MEMLANE_FAST, 100)) = 1;
	return 1;
}

TEST(pages_of_a_user_are_limited)
{
	struct arena a;
	unsigned int was = parameter("user_pages");

	expect_eq(with("user_pages", 0, touch_a_page), 128 + SIGBUS);
	parameter_set("user_pages", 0);
	a = arena_new(MIB, MIB);
	*address_of(&a, alloc_one(&a, MEMLANE_FAST, 100)) = 1;
	parameter_set("user_pages", was);
	arena_end(&a);
}

/* Three fifths of what the user may have, and freed: nobody uses it. */
static void touch_most(struct arena *a)
{
	unsigned long nr = sysconf(_SC_PHYS_PAGES) / 100 * 2 * 3 / 5 * PAGE / MIB, i;
	static __u64 h[4096];

	*a = arena_new(MIB, 2 * nr * MIB);
	option_set(a, MEMLANE_OPT_DECAY, 3600000000000);
	for (i = 0; i < nr; i++) {
		h[i] = alloc_one(a, MEMLANE_SLOW, MIB);
		memset(address_of(a, h[i]), 1, MIB);
	}
	expect_eq(free_live(a, h, nr), 0);
	expect_eq(counts(a).lane[MEMLANE_SLOW].resident, nr * MIB);
}

static int touch_most_twice(void)
{
	struct arena a, b;
	__u64 was;

	touch_most(&a);
	was = counts(&a).lane[MEMLANE_SLOW].resident;
	touch_most(&b);
	expect(counts(&a).lane[MEMLANE_SLOW].resident < was);
	return 1;
}

TEST(kept_pages_of_a_user_make_room)
{
	expect_eq(with("user_pages", 2, touch_most_twice), 1);
}

/* ------------------------------------------------------------ interrupts */

static void *spin(void *arg)
{
	stay_on(1);
	for (*(volatile bool *)arg = true;;)
		;
	return NULL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Moves of four arenas in turn, while CPU 1 may be in a section of each. Seconds. */
static double move_in_four(int times)
{
	struct arena a[4];
	pthread_t thread;
	bool here = false;
	__u64 handle[4];
	double start;
	int i;

	for (i = 0; i < 4; i++) {
		a[i] = arena_new(MIB, MIB);
		handle[i] = alloc_one(&a[i], MEMLANE_FAST, 64);
	}
	stay_on(1);
	stay_on(0);
	expect_eq(pthread_create(&thread, NULL, spin, &here), 0);
	while (!*(volatile bool *)&here)
		usleep(1000);
	start = now();
	for (i = 0; i < times; i++)
		expect_eq(migrate_one(&a[i % 4], handle[i % 4], ~(i / 4) & 1), 0);
	return now() - start;
}

/* Ten are free after a rest, each of the others has its hundredth of a second. */
static int interrupt_often(void)
{
	return move_in_four(40) < 0.25;
}

/* None of the four comes near the limit of an arena. */
TEST(interrupts_by_all_arenas_of_a_user_are_limited)
{
	expect_eq(with("user_barrier_rate", 100, interrupt_often), 0);
}

/* ------------------------------------------------------------ background */

TEST(an_empty_arena_is_left_alone)
{
	struct arena a = arena_new(MIB, MIB);
	unsigned long cycles;
	__u64 h;

	set_interval(&a, 1000000);
	usleep(100000);
	cycles = counts(&a).cycles;
	usleep(300000);
	expect(counts(&a).cycles - cycles <= 1);
	/* Until there is something in it. */
	h = alloc_one(&a, MEMLANE_FAST, 100);
	while (counts(&a).cycles < cycles + 5)
		usleep(1000);
	expect_eq(free_live(&a, &h, 1), 0);
	arena_end(&a);
}

/* No arena has a thread. */
TEST(there_are_no_threads_of_arenas)
{
	struct arena a = arena_new(MIB, MIB);
	char path[300], comm[32];
	struct dirent *d;
	DIR *dir;
	FILE *f;

	alloc_one(&a, MEMLANE_FAST, 100);
	set_interval(&a, 1000000);
	while (counts(&a).cycles < 3)
		usleep(1000);
	dir = opendir("/proc");
	while ((d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(comm, sizeof(comm), f))
			expect(strncmp(comm, "memlane/", 8));
		fclose(f);
	}
	closedir(dir);
	arena_end(&a);
}

#define MANY 20

/* Cycles of many arenas in a second; an exit status has room for few. */
static unsigned long cycles_of_many(void)
{
	struct arena a[MANY];
	unsigned long sum = 0;
	int i;

	for (i = 0; i < MANY; i++) {
		a[i] = arena_new(MIB, MIB);
		alloc_one(&a[i], MEMLANE_FAST, 100);
		set_interval(&a[i], 1000000);
	}
	sleep(1);
	for (i = 0; i < MANY; i++)
		sum += counts(&a[i]).cycles;
	for (i = 0; i < MANY; i++)
		arena_end(&a[i]);
	return sum;
}

static unsigned long *shared_sum;

static int count_cycles(void)
{
	*shared_sum = cycles_of_many();
	return 0;
}

/* Root has as much as all arenas may have each; others a hundredth of a CPU here. */
TEST(background_work_of_a_user_is_limited)
{
	unsigned long roots;

	shared_sum = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(shared_sum != MAP_FAILED);
	expect_eq(with("user_cpu", 1, count_cycles), 0);
	roots = cycles_of_many();
	printf("# %lu cycles, and %lu of root's\n", *shared_sum, roots);
	expect(*shared_sum < roots / 2);
	expect(*shared_sum > 0);
}

/* ------------------------------------------------------- runs of workers */

#define TRACING "/sys/kernel/tracing"

static char instance[64];

static bool tell(const char *name, const char *text)
{
	char path[160];
	int fd;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", instance, name);
	fd = open(path, O_WRONLY | O_TRUNC);
	good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return good;
}

/* From here on, works are counted. */
static void runs_begin(void)
{
	snprintf(instance, sizeof(instance), TRACING "/instances/memlane-%d", getpid());
	if (mkdir(instance, 0700))
		skip("no trace instance can be made");
	if (!tell("events/workqueue/workqueue_execute_start/enable", "1"))
		skip("this kernel does not trace its workqueues");
}

/* How often a work of the module's has begun since. */
static unsigned long runs_end(void)
{
	char path[160], line[512];
	unsigned long nr = 0;
	FILE *f;

	expect(tell("events/workqueue/workqueue_execute_start/enable", "0"));
	snprintf(path, sizeof(path), "%s/trace", instance);
	f = fopen(path, "r");
	expect(f);
	while (fgets(line, sizeof(line), f))
		nr += strstr(line, "[memlane]") != NULL;
	fclose(f);
	expect_eq(rmdir(instance), 0);
	return nr;
}

#define WHALES 2048U
#define WHALE (24UL << 10)

static void migrate_async(const struct arena *a, __u64 *handles)
{
	struct memlane_migrate req = {
		.size = sizeof(req), .flags = MEMLANE_ASYNC, .lane = MEMLANE_SLOW,
		.count = WHALES, .handles = (unsigned long)handles,
	};

	expect_eq(call(a->fd, MEMLANE_IOCTL_MIGRATE, &req), 0);
}

static struct memlane_event next_event(const struct arena *a)
{
	struct memlane_event ev = { };

	do
		expect_eq(read(a->fd, &ev, sizeof(ev)), sizeof(ev));
	while (ev.type != MEMLANE_EVENT_DONE);
	return ev;
}

/* 48 MiB by the 16: who else waits has a turn in between, and the budget too. */
TEST(queued_calls_are_carried_out_by_slices)
{
	struct arena a = arena_new(64 * MIB, 64 * MIB);
	static __u64 handles[WHALES];
	struct memlane_event ev;
	unsigned long runs;
	unsigned int i;

	expect_eq(alloc_live(&a, MEMLANE_FAST, WHALE, WHALES, handles), WHALES);
	for (i = 0; i < WHALES; i++)
		*address_of(&a, handles[i]) = i + 1;
	runs_begin();
	migrate_async(&a, handles);
	ev = next_event(&a);
	runs = runs_end();
	expect_eq(ev.result, 0);
	expect_eq(ev.failed, 0);
	expect_eq(ev.value, WHALES);
	for (i = 0; i < WHALES; i++)
		expect_eq(*address_of(&a, handles[i]), (char)(i + 1));
	printf("# %lu slices\n", runs);
	expect(runs >= 3);
	expect_sound(&a);
	arena_end(&a);
}

#define STUCK_USERS 20U
#define STUCK_ARENAS 4U		/* as many as a user has runners */
#define LONGEST_GRACE 10000000000ULL
#define HONEST_UID 65000U

/* A queued call that waits for a section, which stays open, as long as one may. */
static void be_stuck(const struct arena *a)
{
	struct memlane_stat_page *stat = (void *)a->map[MEMLANE_REGION_STAT];
	struct memlane_register reg = { .size = sizeof(reg) };
	struct memlane_set grace = {
		.size = sizeof(grace), .option = MEMLANE_OPT_GRACE, .value = LONGEST_GRACE,
	};
	__u64 handle = alloc_one(a, MEMLANE_FAST, 100);
	struct memlane_migrate req = {
		.size = sizeof(req), .flags = MEMLANE_ASYNC, .lane = MEMLANE_SLOW,
		.count = 1, .handles = (unsigned long)&handle,
	};
	struct memlane_slot *slot;

	expect_eq(call(a->fd, MEMLANE_IOCTL_SET, &grace), 0);
	expect_eq(call(a->fd, MEMLANE_IOCTL_REGISTER, &reg), 0);
	slot = (void *)(a->map[MEMLANE_REGION_SLOTS] + reg.slot * a->info.out_slot_size);
	__atomic_store_n(&slot->section, stat->epoch, __ATOMIC_SEQ_CST);
	expect_eq(call(a->fd, MEMLANE_IOCTL_MIGRATE, &req), 0);
}

/* A user is who opens the device. */
static struct arena arena_of(unsigned int uid)
{
	struct arena a;

	expect_eq(setresuid(uid, uid, 0), 0);
	a = arena_new(MIB, MIB);
	expect_eq(setresuid(0, 0, 0), 0);
	return a;
}

/* Milliseconds until an arena of another user's has had some cycles. */
static double wait_for_cycles(void)
{
	struct arena a = arena_of(HONEST_UID);
	double start = now();

	alloc_one(&a, MEMLANE_FAST, 100);
	set_interval(&a, 1000000);
	while (counts(&a).cycles < 3 && now() - start < LONGEST_GRACE / 1e9)
		usleep(1000);
	arena_end(&a);
	return (now() - start) * 1000;
}

/* Runners that wait are their users' own. */
TEST(users_who_wait_hold_nobody_up)
{
	static struct arena a[STUCK_USERS * STUCK_ARENAS];
	struct stat was;
	unsigned int i;
	double ms;

	expect_eq(stat(DEVICE, &was), 0);
	expect_eq(chmod(DEVICE, 0666), 0);
	for (i = 0; i < STUCK_USERS * STUCK_ARENAS; i++) {
		a[i] = arena_of(HONEST_UID + 1 + i / STUCK_ARENAS);
		be_stuck(&a[i]);
	}
	usleep(100000);
	ms = wait_for_cycles();
	expect_eq(chmod(DEVICE, was.st_mode & 0777), 0);
	printf("# %.0f ms\n", ms);
	for (i = 0; i < STUCK_USERS * STUCK_ARENAS; i++)
		arena_end(&a[i]);
	expect(ms < LONGEST_GRACE / 4e6);
}

#define TENANTS 4U	/* processes */

/* So many arenas of nobody's, at a pace of a thousand cycles a second each if they had objects. */
static int live_with_arenas(unsigned int nr, int tell)
{
	struct rlimit files = { nr + 100, nr + 100 };
	int fd;

	if (setrlimit(RLIMIT_NOFILE, &files) || setgid(NOBODY) || setuid(NOBODY))
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);	/* another uid forgets it */
	for (; nr; nr--) {
		struct memlane_set pace = {
			.size = sizeof(pace), .option = MEMLANE_OPT_POLICY_INTERVAL, .value = 1000000,
		};

		fd = device_open(O_RDWR);
		expect_eq(arena_create(fd, MIB, MIB), 0);
		expect_eq(call(fd, MEMLANE_IOCTL_SET, &pace), 0);
	}
	if (write(tell, "x", 1) != 1)
		return 1;
	close(tell);
	for (;;)
		pause();
}

static pid_t tenant_new(unsigned int nr, int tell)
{
	pid_t pid = fork();

	if (!pid)
		_exit(live_with_arenas(nr, tell));
	return pid;
}

static int one_more(void)
{
	expect_eq(arena_create(device_open(O_RDWR), MIB, MIB), -EDQUOT);
	return 0;
}

/* KiB that whoever asks could have. */
static long available_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	expect(f);
	while (kib < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %ld", &kib) != 1)
			kib = -1;
	fclose(f);
	return kib;
}

static void tenants_begin(pid_t *pid, unsigned int nr)
{
	unsigned int i;
	int tell[2];
	char c;

	expect_eq(pipe(tell), 0);
	for (i = 0; i < TENANTS; i++)
		pid[i] = tenant_new(nr / TENANTS, tell[1]);
	close(tell[1]);
	for (i = 0; i < TENANTS; i++)
		expect_eq(read(tell[0], &c, 1), 1);
	close(tell[0]);
}

static void tenants_end(const pid_t *pid)
{
	unsigned int i;

	for (i = 0; i < TENANTS; i++) {
		expect_eq(kill(pid[i], SIGKILL), 0);
		expect_eq(waitpid(pid[i], NULL, 0), pid[i]);
	}
}

/* How often a work of the module's begins in a second, once all is quiet. */
static unsigned long runs_in_a_second(void)
{
	unsigned long runs;
	double begun;

	usleep(500000);
	begun = now();
	runs_begin();
	sleep(1);
	runs = runs_end();
	return runs / (now() - begun);
}

TEST(empty_arenas_cost_next_to_nothing)
{
	unsigned int nr = env("ML_ARENAS", 300) / TENANTS * TENANTS, was = parameter("user_arenas");
	unsigned int share = parameter("user_metadata");
	struct arena one = arena_unmapped(MIB, MIB);
	unsigned long runs, each = counts(&one).metadata;
	long kib = available_kib();
	struct stat device;
	pid_t pid[TENANTS];

	if (getuid())
		skip("not root");
	close(one.fd);
	expect_eq(stat(DEVICE, &device), 0);
	expect_eq(chmod(DEVICE, 0666), 0);
	parameter_set("user_arenas", nr);
	parameter_set("user_metadata", 90);	/* a small machine has not room for many */
	tenants_begin(pid, nr);
	kib -= available_kib();
	expect_eq(as_nobody(one_more), 0);
	runs = runs_in_a_second();
	tenants_end(pid);
	parameter_set("user_arenas", was);
	parameter_set("user_metadata", share);
	expect_eq(chmod(DEVICE, device.st_mode & 0777), 0);
	printf("# %u arenas: %.1f KiB each, with what the kernel adds %.1f; %lu works a second\n",
	       nr, each / 1024., 1. * kib / nr, runs);
	expect(runs <= 5);
	expect(each <= 256 << 10);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
