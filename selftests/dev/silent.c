// SPDX-License-Identifier: MIT
/*
 * silent.c - backing files of some users that never answer, and the reads of another user
 *
 * A read that is not answered keeps a kernel worker. As many as two users may have files
 * have as many of them as one queue of the kernel's runs on a CPU, and more.
 */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "backing.h"
#include "fuse.h"

#define USERS	2U
#define FILES	40U	/* that a user may have */
#define READS	8U	/* of a file at a time */
#define LEN	(2 * READS * PAGE)
#define HONEST	65000U	/* a uid; the others follow */
#define PATIENCE 30	/* seconds for what takes none */

/* A user is who opens the device. */
static struct arena arena_of(unsigned int uid)
{
	struct arena a;

	expect_eq(setresuid(uid, uid, 0), 0);
	a = arena_new(MIB, MIB);
	expect_eq(setresuid(0, 0, 0), 0);
	expect_eq(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);	/* a change of uid has undone it */
	return a;
}

struct touch {
	const char *at;
	pthread_t thread;
};

static void *touch_for_ever(void *arg)
{
	const struct touch *t = arg;

	return (void *)(long)*t->at;
}

/* From the last to the first: nothing comes along. */
static void wait_in_vain(const struct arena *a, __u64 h)
{
	struct touch *t = calloc(READS, sizeof(*t));
	pthread_attr_t small;
	unsigned int i;

	expect(t);
	expect_eq(pthread_attr_init(&small), 0);
	expect_eq(pthread_attr_setstacksize(&small, 64 << 10), 0);
	for (i = 0; i < READS; i++) {
		t[i].at = address_of(a, h) + LEN - (2 * i + 1) * PAGE;
		expect_eq(pthread_create(&t[i].thread, &small, touch_for_ever, &t[i]), 0);
	}
}

static __u64 stored_pages(const struct arena *a, unsigned int seed)
{
	__u64 h = alloc_one(a, MEMLANE_SLOW, LEN);

	write_noise(address_of(a, h), LEN, seed);
	expect_eq(store(a, &h, 1), LEN / PAGE);
	return h;
}

static unsigned int stuck_of(const struct fuse_file *f)
{
	unsigned int i, stuck = 0;

	for (i = 0; i < FILES; i++)
		stuck += __atomic_load_n(&f[i].share->stuck, __ATOMIC_SEQ_CST);
	return stuck;
}

/* How many there are when no more come. */
static unsigned int wait_for_stuck(const struct fuse_file *f)
{
	unsigned int stuck = 0, tries;

	for (tries = 0; tries < 100 && stuck < FILES * READS; tries++) {
		tries = stuck_of(f) > stuck ? 0 : tries;
		stuck = stuck_of(f);
		usleep(10000);
	}
	return stuck;
}

static int ready[2], go[2];

/* A number, when somebody is to be told of it or may go on. */
static void tell(int fd, unsigned int nr)
{
	expect_eq(write(fd, &nr, sizeof(nr)), sizeof(nr));
}

static unsigned int wait_told(int fd)
{
	unsigned int nr;

	expect_eq(read(fd, &nr, sizeof(nr)), sizeof(nr));
	return nr;
}

static void be_hostile(unsigned int uid)
{
	static struct fuse_file f[FILES];
	static struct arena a[FILES];
	static __u64 h[FILES];
	unsigned int i;

	stay_on(0);
	for (i = 0; i < FILES; i++)
		f[i] = fuse_new();
	for (i = 0; i < FILES; i++) {
		a[i] = arena_of(uid);
		expect_eq(set_backing(&a[i], f[i].fd, 0), 0);
		close(f[i].fd);
		h[i] = stored_pages(&a[i], i);
		fuse_let_fail(&f[i], FUSE_READ, FUSE_NEVER, 0, -1);
	}
	tell(ready[1], 0);
	wait_told(go[0]);
	for (i = 0; i < FILES; i++)
		wait_in_vain(&a[i], h[i]);
	tell(ready[1], wait_for_stuck(f));
	pause();
	_exit(0);
}

static void be_honest(unsigned int uid)
{
	struct arena a = arena_of(uid);
	__u64 h;

	stay_on(0);
	expect_eq(set_backing(&a, file_new(), 0), 0);
	h = stored_pages(&a, 1);
	expect_noise(address_of(&a, h), LEN, 1);
	_exit(0);
}

static int end_of(pid_t pid)
{
	int i, status;

	for (i = 0; i < PATIENCE * 100; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(10000);
	}
	return -1;
}

static pid_t start(void (*be)(unsigned int uid), unsigned int uid)
{
	pid_t pid = fork();

	expect(pid >= 0);
	if (!pid)
		be(uid);
	return pid;
}

/* Return: how many reads wait in vain. */
static unsigned int start_hostile(pid_t *pid)
{
	unsigned int i, all = 0;

	for (i = 0; i < USERS; i++)
		pid[i] = start(be_hostile, HONEST + 1 + i);
	close(ready[1]);	/* who fails is not waited for */
	for (i = 0; i < USERS; i++)
		wait_told(ready[0]);
	for (i = 0; i < USERS; i++)
		tell(go[1], 0);
	for (i = 0; i < USERS; i++)
		all += wait_told(ready[0]);
	return all;
}

TEST(another_users_reads_go_on)
{
	unsigned int i, all;
	struct stat was;
	pid_t pid[USERS];
	int status;

	close(device_open(O_RDWR));
	if (getuid())
		skip("not root");
	expect_eq(stat(DEVICE, &was), 0);
	expect_eq(chmod(DEVICE, 0666), 0);
	expect_eq(pipe(ready) | pipe(go), 0);
	all = start_hostile(pid);
	printf("# %u reads that are not answered\n", all);
	status = end_of(start(be_honest, HONEST));
	for (i = 0; i < USERS; i++) {
		kill(pid[i], SIGKILL);
		expect_eq(waitpid(pid[i], NULL, 0), pid[i]);
	}
	expect_eq(chmod(DEVICE, was.st_mode & 0777), 0);
	expect_eq(status, 0);
	/* Those of a user do not wait for one another either. */
	expect_eq(all, USERS * FILES * READS);
}

TEST(nothing_is_left)
{
	int i;

	for (i = 0; i < 2000 && (debugfs_number("arenas") || debugfs_number("pages")); i++)
		usleep(10000);
	expect_nothing_left();
}
