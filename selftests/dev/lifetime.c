// SPDX-License-Identifier: MIT
/* lifetime.c - who keeps an arena alive, and that nothing stays behind */
#include <glob.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "../arena.h"

#define LANE (16 * MIB)

static bool module_goes(void)
{
	return !syscall(SYS_delete_module, "memlane", O_NONBLOCK);
}

static void expect_module_stays(void)
{
	if (geteuid())
		skip("only root may unload modules");
	expect(!module_goes());
	if (errno == EPERM)
		skip("unloading modules is not allowed here");
	expect_eq(errno, EAGAIN);
}

TEST(the_module_stays_while_a_file_is_open)
{
	int fd = device_open(O_RDWR);

	expect_module_stays();
	close(fd);
}

TEST(the_module_stays_while_something_is_mapped)
{
	struct arena a = arena_new(LANE, LANE);

	close(a.fd);
	expect_module_stays();
}

TEST(the_module_stays_while_a_file_is_on_its_way)
{
	int fd = device_open(O_RDWR), pair[2];
	char room[CMSG_SPACE(sizeof(fd))] = { };
	struct iovec io = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &io, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	*c = (struct cmsghdr) {
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fd)),
	};
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	expect_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	expect_eq(sendmsg(pair[0], &msg, 0), 1);
	close(fd);
	expect_module_stays();
	/* The descriptor is lost with the sockets, and nobody ever had it. */
}

TEST(mappings_outlive_the_descriptor)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, MIB);
	char *p = address_of(&a, handle);
	size_t i;

	memset(p, 0x3c, MIB / 2);
	close(a.fd);
	for (i = 0; i < MIB; i += PAGE)
		expect_eq(p[i], i < MIB / 2 ? 0x3c : 0);
	memset(p, 0x3d, MIB);
	expect_eq(p[MIB - 1], 0x3d);
	expect(debugfs_number("pages") >= (long)(MIB / PAGE));
	for (i = 0; i < MEMLANE_REGIONS; i++)
		expect_eq(munmap(a.map[i], arena_region(&a, i).length), 0);
	expect_eq(debugfs_number("pages"), 0);
}

/* The descriptor alone passes to another process, whose own mappings serve it. */
static void receiver(int sock, __u64 handle)
{
	char room[CMSG_SPACE(sizeof(int))], byte;
	struct iovec io = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &io, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct arena b = { .info.size = sizeof(b.info) };
	char *p;

	expect_eq(recvmsg(sock, &msg, 0), 1);
	memcpy(&b.fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(b.fd));
	expect_eq(read(sock, &byte, 1), 0);	/* the sender has died */
	expect_eq(call(b.fd, MEMLANE_IOCTL_INFO, &b.info), 0);
	b.map[MEMLANE_REGION_TABLE] = arena_mmap(&b, MEMLANE_REGION_TABLE, PROT_READ | PROT_WRITE);
	b.map[MEMLANE_REGION_DATA] = arena_mmap(&b, MEMLANE_REGION_DATA, PROT_READ | PROT_WRITE);
	p = address_of(&b, handle);
	expect_eq(p[0], 0x66);
	expect_eq(migrate_one(&b, handle, MEMLANE_FAST), 0);
	expect_eq(address_of(&b, handle)[2 * PAGE], 0x66);
	expect_eq(free_live(&b, &handle, 1), 0);
	_exit(0);
}

static int set_private(const struct arena *a, __u64 value)
{
	struct memlane_set set = {
		.size = sizeof(set), .option = MEMLANE_OPT_PRIVATE, .value = value,
	};

	return call(a->fd, MEMLANE_IOCTL_SET, &set);
}

static int leash[2];
static char *object;

/* A child that has the file, and nothing else, until nobody holds its leash any more. */
static pid_t bystander(void)
{
	pid_t pid = fork();
	char c;

	expect(pid >= 0);
	if (pid)
		return pid;
	close(leash[1]);
	_exit(read(leash[0], &c, 1) != 0);
}

static struct arena with_a_child(bool private, long *before, pid_t *child)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, 8 * MIB);

	expect_eq(set_private(&a, 2), -EINVAL);
	expect_eq(set_private(&a, private), 0);
	if (!leash[1])
		expect_eq(pipe(leash), 0);
	*before = debugfs_number("pages");
	object = address_of(&a, handle);
	memset(object, 1, 8 * MIB);
	*child = bystander();
	return a;
}

static void unmap(const struct arena *a)
{
	unsigned int i;

	for (i = 0; i < MEMLANE_REGIONS; i++)
		expect_eq(munmap(a->map[i], arena_region(a, i).length), 0);
}

static int stat_of(const struct arena *a)
{
	struct memlane_stat st = { .size = sizeof(st) };

	return call(a->fd, MEMLANE_IOCTL_STAT, &st);
}

static void end(const struct arena *a, pid_t child)
{
	int status;

	close(a->fd);
	close(leash[1]);
	expect_eq(waitpid(child, &status, 0), child);
	expect_eq(status, 0);
}

static void wait_for_pages(long most)
{
	int tries;

	for (tries = 0; tries < 3000 && debugfs_number("pages") > most; tries++)
		usleep(10000);
	expect(debugfs_number("pages") <= most);
}

/* Whatever children hold: the pages are gone, and calls say so. */
TEST(a_private_arena_ends_with_its_last_user)
{
	struct arena a;
	long before;
	pid_t child;

	a = with_a_child(true, &before, &child);
	expect_eq(munmap(a.map[MEMLANE_REGION_NOTE], PAGE), 0);
	expect_eq(stat_of(&a), 0);
	unmap(&a);
	wait_for_pages(before);
	expect_eq(stat_of(&a), -EOWNERDEAD);
	expect(arena_mmap(&a, MEMLANE_REGION_DATA, PROT_READ) == MAP_FAILED && errno == EOWNERDEAD);
	end(&a, child);
	expect_eq(debugfs_number("pages"), 0);
}

/* Nobody uses it in the module's sense, and yet somebody has its pages mapped. */
TEST(a_private_arena_takes_its_pages_from_who_maps_them)
{
	struct arena a;
	long before;
	pid_t child;

	a = with_a_child(true, &before, &child);
	expect_eq(*object, 1);
	expect_eq(munmap(a.map[MEMLANE_REGION_SLOTS],
			 arena_region(&a, MEMLANE_REGION_SLOTS).length), 0);
	wait_for_pages(before);
	expect_eq(stat_of(&a), -EOWNERDEAD);
	expect_eq(*object, 0);
	end(&a, child);
}

TEST(the_death_of_its_process_ends_a_private_arena)
{
	pid_t maker, child;
	long before;

	expect_eq(pipe(leash), 0);
	maker = fork();
	if (!maker) {
		with_a_child(true, &before, &child);
		expect(debugfs_number("pages") >= (long)(8 * MIB / PAGE));
		raise(SIGKILL);
	}
	expect_eq(waitpid(maker, NULL, 0), maker);
	wait_for_pages(0);
	expect_eq(debugfs_number("arenas"), 1);
	close(leash[1]);
}

TEST(an_arena_that_is_not_private_lives_as_long_as_its_file)
{
	struct arena a;
	long before;
	pid_t child;

	a = with_a_child(false, &before, &child);
	unmap(&a);
	usleep(50000);
	expect(debugfs_number("pages") >= before + (long)(8 * MIB / PAGE));
	expect_eq(stat_of(&a), 0);
	end(&a, child);
}

TEST(an_arena_passes_to_another_process)
{
	int pair[2], to_child[2], status;
	__u64 handle;
	pid_t child, sender;

	expect_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	expect_eq(pipe(to_child), 0);
	child = fork();
	if (!child) {
		close(pair[0]);
		close(to_child[1]);
		expect_eq(read(to_child[0], &handle, sizeof(handle)), sizeof(handle));
		receiver(pair[1], handle);
	}
	sender = fork();
	if (!sender) {
		struct arena a = arena_new(LANE, LANE);
		char room[CMSG_SPACE(sizeof(a.fd))] = { };
		struct iovec io = { "x", 1 };
		struct msghdr msg = {
			.msg_iov = &io, .msg_iovlen = 1,
			.msg_control = room, .msg_controllen = sizeof(room),
		};
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		handle = alloc_one(&a, MEMLANE_SLOW, 3 * PAGE);
		memset(address_of(&a, handle), 0x66, 3 * PAGE);
		expect_eq(write(to_child[1], &handle, sizeof(handle)), sizeof(handle));
		*c = (struct cmsghdr) {
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(a.fd)),
		};
		memcpy(CMSG_DATA(c), &a.fd, sizeof(a.fd));
		expect_eq(sendmsg(pair[0], &msg, 0), 1);
		kill(getpid(), SIGKILL);
	}
	close(pair[0]);
	close(pair[1]);
	expect_eq(waitpid(sender, &status, 0), sender);
	expect_eq(waitpid(child, &status, 0), child);
	expect_eq(status, 0);
}

/* One life: objects come, move and go, until somebody ends it. */
static void churn(unsigned long long seed)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle[64] = { };

	for (;;) {
		unsigned int i = rng_next(&seed) % 64;
		__u64 length = 1 + rng_next(&seed) % (i < 8 ? 40 * PAGE : 2000);

		if (handle[i] && rng_next(&seed) % 4 == 0) {
			migrate_one(&a, handle[i], rng_next(&seed) % 2);
		} else if (handle[i]) {
			expect_eq(free_live(&a, &handle[i], 1), 0);
			handle[i] = 0;
		} else {
			handle[i] = alloc_one(&a, rng_next(&seed) % 2, length);
			memset(address_of(&a, handle[i]), i, length);
		}
		if (rng_next(&seed) % 256 == 0)
			compact(&a);
	}
}

TEST(a_kill_at_any_moment_leaves_nothing)
{
	unsigned long long seed = harness_seed();
	int round, status;

	for (round = 0; round < 40; round++) {
		unsigned long long one = rng_next(&seed);
		pid_t pid = fork();

		if (!pid)
			churn(one | 1);
		expect(pid > 0);
		usleep(rng_next(&seed) % 60000);
		kill(pid, SIGKILL);
		expect_eq(waitpid(pid, &status, 0), pid);
		expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		expect_nothing_left();
	}
}

TEST(a_thousand_arenas_come_and_go)
{
	int i, fd;

	for (i = 0; i < 1000; i++) {
		fd = device_open(O_RDWR);
		expect_eq(arena_create(fd, LANE, LANE), 0);
		close(fd);
	}
	expect_nothing_left();
}

TEST(cookies_are_given_out_in_turn)
{
	enum { NR = 200 };
	struct memlane_info info = { .size = sizeof(info) };
	int seen[MEMLANE_COOKIE_MAX + 1] = { 0 };
	int fd[NR], i;

	for (i = 0; i < NR; i++) {
		fd[i] = device_open(O_RDWR);
		expect_eq(arena_create(fd[i], LANE, LANE), 0);
		expect_eq(call(fd[i], MEMLANE_IOCTL_INFO, &info), 0);
		expect(info.out_cookie > 0 && info.out_cookie <= MEMLANE_COOKIE_MAX);
		expect_eq(seen[info.out_cookie]++, i / (int)MEMLANE_COOKIE_MAX);
	}
	for (i = 0; i < NR; i++)
		close(fd[i]);
}

/* A thread sleeps in the kernel, for a section that does not end, when it is killed. */
TEST(a_kill_ends_the_wait_for_a_section)
{
	struct timespec from, to;
	int status, ready[2];
	pid_t pid;

	expect_eq(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		struct arena a = arena_new(LANE, LANE);
		struct memlane_register reg = { .size = sizeof(reg) };
		struct memlane_set set = {
			.size = sizeof(set), .option = MEMLANE_OPT_GRACE, .value = 10000000000ULL,
		};
		__u64 handle = alloc_one(&a, MEMLANE_FAST, 100);
		struct memlane_slot *slot;

		expect_eq(call(a.fd, MEMLANE_IOCTL_SET, &set), 0);
		expect_eq(call(a.fd, MEMLANE_IOCTL_REGISTER, &reg), 0);
		slot = (void *)(a.map[MEMLANE_REGION_SLOTS] + reg.slot * a.info.out_slot_size);
		slot->section = 12345;
		expect_eq(write(ready[1], "x", 1), 1);
		migrate_one(&a, handle, MEMLANE_SLOW);
		_exit(1);
	}
	expect_eq(read(ready[0], &status, 1), 1);
	usleep(300000);
	clock_gettime(CLOCK_MONOTONIC, &from);
	kill(pid, SIGKILL);
	expect_eq(waitpid(pid, &status, 0), pid);
	clock_gettime(CLOCK_MONOTONIC, &to);
	expect(WIFSIGNALED(status));
	expect(to.tv_sec - from.tv_sec < 5);
}

TEST(the_worker_ends_with_its_arena)
{
	struct memlane_set set = {
		.size = sizeof(set), .option = MEMLANE_OPT_POLICY_INTERVAL, .value = 1,
	};
	struct arena a = arena_new(LANE, LANE);
	int i;

	alloc_one(&a, MEMLANE_FAST, 100);	/* an empty arena is left alone */
	for (i = 0; i < 10; i++) {
		set.value = i % 2 ? 0 : 1000000;
		expect_eq(call(a.fd, MEMLANE_IOCTL_SET, &set), 0);
	}
	set.value = 1;
	expect_eq(call(a.fd, MEMLANE_IOCTL_SET, &set), 0);
	while (counts(&a).cycles < 20)
		usleep(1000);
	arena_end(&a);
	expect_nothing_left();
}

static bool looked_enough;
static unsigned long bytes_seen;

static void look_at(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	while (fd >= 0 && (n = read(fd, text, sizeof(text))) > 0)
		bytes_seen += n;
	if (fd >= 0)
		close(fd);
}

static void *look_at_all(void *unused)
{
	glob_t found;
	size_t i;

	while (!__atomic_load_n(&looked_enough, __ATOMIC_RELAXED)) {
		if (glob("/sys/kernel/debug/memlane/[0-9]*/*", 0, NULL, &found))
			continue;
		for (i = 0; i < found.gl_pathc; i++)
			look_at(found.gl_pathv[i]);
		globfree(&found);
	}
	return unused;
}

/* An arena that moves objects of ever new tags, and ends. */
static void move_and_end(unsigned int round)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle[64];
	unsigned int i;

	expect_eq(alloc_live(&a, MEMLANE_FAST, 100, 64, handle), 64);
	for (i = 0; i < 64; i++) {
		*pin_of(&a, handle[i]) = ((round * 64 + i) * 31 & 0xffff) << MEMLANE_PIN_TAG_SHIFT;
		expect_eq(migrate_one(&a, handle[i], MEMLANE_SLOW), 0);
	}
	compact(&a);
	arena_end(&a);
}

TEST(debugfs_is_read_while_arenas_come_and_go)
{
	unsigned int round;
	pthread_t reader;

	debugfs_number("arenas");
	expect_eq(pthread_create(&reader, NULL, look_at_all, NULL), 0);
	for (round = 0; round < 100; round++)
		move_and_end(round);
	__atomic_store_n(&looked_enough, true, __ATOMIC_RELAXED);
	expect_eq(pthread_join(reader, NULL), 0);
	printf("# %lu bytes read\n", bytes_seen);
	expect(bytes_seen > 0);
	expect_nothing_left();
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
