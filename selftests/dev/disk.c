// SPDX-License-Identifier: MIT
/*
 * disk.c - backing files on what fails: reads and writes, devices, whoever answers for them
 *
 * A page that cannot be brought back raises SIGBUS and is told of: it, and no other. A
 * page that cannot be written stays. Who waits for a file that never answers can be
 * killed, and nobody else waits.
 */
#include <pthread.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "backing.h"
#include "fuse.h"
#include "loop.h"

#define PATIENCE 20	/* seconds for what takes none */

/* ------------------------------------------------------------- few reads */

static unsigned int reads_since(struct fuse_file *f, unsigned int *seen)
{
	unsigned int reads = f->share->reads - *seen;

	*seen = f->share->reads;
	return reads;
}

/* What neighbours save, as the file sees it. */
TEST(reads_for_an_object)
{
	struct fuse_file f = fuse_new();
	struct arena a = arena_on(f.fd);
	__u64 h = stored_text(&a, 1);
	unsigned int seen = f.share->reads, back, forth, at_once, i;

	for (i = PAGES; i--;)
		expect_eq(address_of(&a, h)[i * PAGE], 'o');
	back = reads_since(&f, &seen);
	expect_eq(store(&a, &h, 1), PAGES);
	expect_text(address_of(&a, h), BLOB, 1);
	forth = reads_since(&f, &seen);
	expect_eq(store(&a, &h, 1), PAGES);
	expect_eq(warm(&a, &h, 1), PAGES);
	at_once = reads_since(&f, &seen);
	printf("# %u pages: %u reads from the last to the first, %u from the first, %u by a call\n",
	       PAGES, back, forth, at_once);
	expect_eq(back, PAGES);
	expect(forth >= 7 && forth <= 9);	/* 9: it begins in one chunk and ends in another */
	expect(at_once >= 2 && at_once <= 4);
	arena_end(&a);
	fuse_end_server(&f);
}

/* Of 64 pages that become no smaller, and what says of each what it is. */
TEST(writes_for_an_object)
{
	struct fuse_file f = fuse_new();
	struct arena a = arena_on(f.fd);
	__u64 h = stored_noise(&a, 1);

	printf("# %u pages by %u writes\n", PAGES, f.share->writes);
	expect(f.share->writes >= 3 && f.share->writes <= 4);
	expect_noise(address_of(&a, h), BLOB, 1);
	arena_end(&a);
	fuse_end_server(&f);
}

/* ------------------------------------------------------------- reads that fail */

/* The next read fails with @error: its page is lost, and nothing else. */
static void expect_one_lost(const struct fuse_file *f, const struct arena *a, int error,
			    unsigned int seed)
{
	__u64 h = stored_noise(a, seed);
	unsigned int lost;

	/* One read that fails is of many pages: each is read again by itself, the wanted one first. */
	fuse_let_fail(f, FUSE_READ, error, 5, 2);
	lost = pages_lost(a, h, seed);
	if (lost != 1)
		fail("error %d: %u pages lost", error, lost);
	expect_eq(lost_events(a, h, 1), 1);
	expect_eq(free_live(a, &h, 1), 0);
}

TEST(a_read_that_fails)
{
	static const int errors[] = { EIO, ESTALE, EINTR, EAGAIN, ENODATA, EOPNOTSUPP };
	struct fuse_file f = fuse_new();
	struct arena a = arena_on(f.fd);
	__u64 good = stored_noise(&a, 1);
	unsigned int i, nr = sizeof(errors) / sizeof(errors[0]);

	for (i = 0; i < nr; i++)
		expect_one_lost(&f, &a, errors[i], 2 + i);
	expect_noise(address_of(&a, good), BLOB, 1);
	expect_eq(counts(&a).lost_pages, nr);
	expect_sound(&a);
	arena_end(&a);
	fuse_end_server(&f);
}

/* The disk is bad in one place. */
TEST(a_bad_block)
{
	struct fuse_file f = fuse_new();
	struct arena a = arena_on(f.fd);
	__u64 good = stored_noise(&a, 1), h = stored_noise(&a, 2);
	unsigned int lost;

	f.share->rule = (struct fuse_rule) {
		.opcode = FUSE_READ, .from = 3 * GROUP, .end = 3 * GROUP + 1, .nr = -1, .error = EIO,
	};
	lost = pages_lost(&a, h, 2);
	expect(lost >= 1 && lost <= 2);
	expect_eq(lost_events(&a, h, lost), lost);
	expect_eq(pages_lost(&a, good, 1), 0);
	expect_sound(&a);
	arena_end(&a);
	fuse_end_server(&f);
}

/* A read that fails for want of memory is made again, and nothing is lost. */
TEST(a_read_that_is_tried_again)
{
	struct fuse_file f = fuse_new();
	struct arena a = arena_on(f.fd);
	__u64 h = stored_noise(&a, 1);

	fuse_let_fail(&f, FUSE_READ, ENOMEM, 5, 3);
	expect_eq(pages_lost(&a, h, 1), 0);
	expect_eq(f.share->rule.nr, 0);
	arena_end(&a);
	fuse_end_server(&f);
}

TEST(a_server_that_dies)
{
	struct fuse_file f = fuse_new();
	struct arena a = arena_on(f.fd);
	__u64 stored = stored_noise(&a, 1), there = noise_blob(&a, 2);

	fuse_end_server(&f);
	expect(store_error(&a, &there, 1) < 0);
	expect_noise(address_of(&a, there), BLOB, 2);
	expect_eq(pages_lost(&a, stored, 1), PAGES);
	expect_eq(lost_events(&a, stored, PAGES), PAGES);
	/* Nothing is stored any more: another file will do. */
	expect_eq(set_backing(&a, file_new(), 0), 0);
	expect_eq(store(&a, &there, 1), PAGES);
	expect_noise(address_of(&a, there), BLOB, 2);
	arena_end(&a);
}

/* ------------------------------------------------------------- writes that fail */

TEST(a_write_that_fails)
{
	static const int errors[] = { EIO, ENOSPC, EDQUOT, EROFS };
	struct fuse_file f = fuse_new();
	struct arena a = arena_on(f.fd);
	__u64 h = noise_blob(&a, 1);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		/* The first write fails, or one after a part was written. */
		fuse_let_fail(&f, FUSE_WRITE, errors[i], i % 3, 1);
		expect_eq(store_error(&a, &h, 1), -errors[i]);
		expect_eq(counts(&a).write_errors, i + 1);
		expect_eq(query(&a, h).out_stored + query(&a, h).out_resident, PAGES);
		expect_noise(address_of(&a, h), BLOB, 1);
	}
	expect_eq(store(&a, &h, 1), PAGES);
	expect_noise(address_of(&a, h), BLOB, 1);
	expect_eq(counts(&a).lost_pages, 0);
	expect_sound(&a);
	arena_end(&a);
	fuse_end_server(&f);
}

/* The file takes half of a write, and then the rest; or it makes no hole. */
TEST(half_a_write)
{
	struct fuse_file f = fuse_new();
	struct arena a = arena_on(f.fd);
	__u64 h = noise_blob(&a, 1);

	fuse_let_fail(&f, FUSE_WRITE, FUSE_HALF, 0, 2);
	expect_eq(store(&a, &h, 1), PAGES);
	expect_eq(f.share->rule.nr, 0);
	fuse_let_fail(&f, FUSE_FALLOCATE, EIO, 0, -1);
	expect_noise(address_of(&a, h), BLOB, 1);
	expect_eq(store(&a, &h, 1), PAGES);
	expect_eq(pages_lost(&a, h, 1), 0);
	arena_end(&a);
	fuse_end_server(&f);
}

/* ------------------------------------------------------------- no answer */

/* A process that is killed ends at once, wherever it waits. */
static void expect_killed(pid_t pid)
{
	int i;

	expect_eq(kill(pid, SIGKILL), 0);
	for (i = 0; i < PATIENCE * 100; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return;
		usleep(10000);
	}
	fail("is alive in spite of SIGKILL");
}

/* Another arena works as ever. */
static void expect_others_work(void)
{
	struct arena a = arena_on(file_new());
	__u64 h = stored_noise(&a, 9);

	expect_eq(pages_lost(&a, h, 9), 0);
	arena_end(&a);
}

struct stuck {
	struct fuse_file f;
	struct arena a;
	__u64 h;
	__u64 other;
};

/* close() waits for the server of a file that is being written: it comes before the writes. */
static void begin_stuck(struct stuck *s)
{
	s->a = arena_on(s->f.fd);
	close(s->f.fd);
}

static void *stuck_thread(void *arg)
{
	struct stuck *s = arg;

	return (void *)(long)*address_of(&s->a, s->h);
}

/* One thread waits for its read for ever. The others use the arena, and map and unmap memory. */
static void read_for_ever(struct stuck *s)
{
	char *map;
	pthread_t t;
	int i;

	begin_stuck(s);
	s->other = text_blob(&s->a, 2);
	s->h = stored_noise(&s->a, 1);
	fuse_let_fail(&s->f, FUSE_READ, FUSE_NEVER, 0, -1);
	expect_eq(pthread_create(&t, NULL, stuck_thread, s), 0);
	fuse_wait_stuck(&s->f, 1);
	for (i = 0; i < 8; i++) {
		map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		expect(map != MAP_FAILED);
		*map = 1;
		expect_eq(munmap(map, PAGE), 0);
		expect(cool(&s->a, &s->other, 1) > 0);
		expect_text(address_of(&s->a, s->other), BLOB, 2);
		expect_eq(migrate_one(&s->a, s->other, i % 2), 0);
		expect_eq(migrate_one(&s->a, s->other, MEMLANE_SLOW), 0);
	}
}

/* A call waits for its write for ever. Its bytes can be read still. */
static void write_for_ever(struct stuck *s)
{
	begin_stuck(s);
	s->h = noise_blob(&s->a, 1);
	fuse_let_fail(&s->f, FUSE_WRITE, FUSE_NEVER, 0, -1);
	if (!fork())
		_exit(store_error(&s->a, &s->h, 1));
	fuse_wait_stuck(&s->f, 1);
	expect_noise(address_of(&s->a, s->h), BLOB, 1);
}

/* The background waits for its write for ever. There is no process to be killed. */
static void store_for_ever(struct stuck *s)
{
	begin_stuck(s);
	s->h = noise_blob(&s->a, 1);
	fuse_let_fail(&s->f, FUSE_WRITE, FUSE_NEVER, 0, -1);
	set(&s->a, MEMLANE_OPT_COLD_AGE, 1);
	set(&s->a, MEMLANE_OPT_AGE_INTERVAL, 0);
	set(&s->a, MEMLANE_OPT_THRESHOLD, PAGE);
	set(&s->a, MEMLANE_OPT_POLICY_INTERVAL, 1000000);
	fuse_wait_stuck(&s->f, 1);
	expect_noise(address_of(&s->a, s->h), BLOB, 1);
}

static void expect_module_stays(void)
{
	expect_eq(syscall(SYS_delete_module, "memlane", O_NONBLOCK), -1);
	if (errno == ENOENT || errno == EPERM)
		skip("the module cannot be removed here");
}

/* @begin: returns when there is a request that nobody will answer. */
static void expect_no_harm(void (*begin)(struct stuck *s))
{
	struct stuck s = { .f = fuse_new() };
	int ready[2], i;
	pid_t pid;
	char c;

	expect_eq(pipe(ready), 0);
	pid = fork();
	expect(pid >= 0);
	if (!pid) {
		setpgid(0, 0);
		close(ready[0]);
		begin(&s);
		expect_eq(write(ready[1], "r", 1), 1);
		pause();
		_exit(0);
	}
	close(s.f.fd);
	close(ready[1]);
	expect_eq(read(ready[0], &c, 1), 1);
	expect_others_work();
	kill(-pid, SIGKILL);
	expect_killed(pid);
	/* The arena ends without the answer, and the file is in use still. */
	for (i = 0; i < PATIENCE * 100 && debugfs_number("arenas"); i++)
		usleep(10000);
	expect_eq(debugfs_number("arenas"), 0);
	expect_module_stays();
	expect_others_work();
	fuse_end_server(&s.f);
}

TEST(a_read_without_an_answer)
{
	expect_no_harm(read_for_ever);
}

TEST(a_write_without_an_answer)
{
	expect_no_harm(write_for_ever);
}

TEST(the_background_without_an_answer)
{
	expect_no_harm(store_for_ever);
}

/* By a thread of the program, which takes its memory's locks, as any thread does. */
static void serve_by_thread(struct fuse_file *f)
{
	static struct fuse_file own;
	pthread_t t;

	own = *f;
	expect_eq(pthread_create(&t, NULL, fuse_serve, &own), 0);
}

/* Its reads and writes go well, until there is no answer. */
static void answer_itself(struct stuck *s, int ready)
{
	unsigned int i;

	s->f = fuse_open(serve_by_thread);
	begin_stuck(s);
	for (i = 0; i < 4; i++) {
		s->h = stored_noise(&s->a, i);
		expect_eq(pages_lost(&s->a, s->h, i), 0);
	}
	expect_eq(store(&s->a, &s->h, 1), PAGES);
	fuse_let_fail(&s->f, FUSE_READ, FUSE_NEVER, 0, -1);
	expect_eq(write(ready, "r", 1), 1);
	_exit(*address_of(&s->a, s->h));
}

TEST(a_program_that_answers_itself)
{
	struct stuck s;
	int ready[2];
	pid_t pid;
	char c;

	expect_eq(pipe(ready), 0);
	pid = fork();
	expect(pid >= 0);
	if (!pid)
		answer_itself(&s, ready[1]);
	expect_eq(read(ready[0], &c, 1), 1);
	usleep(100000);
	expect_killed(pid);
}

/* Reads, and does not come to the end of it. What lies before the object goes before it. */
static void read_until_killed(const struct fuse_file *f)
{
	struct arena a = arena_on(f->fd);
	__u64 before = alloc_one(&a, MEMLANE_SLOW, 6 * MIB), h;

	memset(address_of(&a, before), 1, 6 * MIB);
	h = stored_noise(&a, 1);
	close(f->fd);
	fuse_let_go(f, false);
	fuse_let_fail(f, FUSE_READ, FUSE_LATE, 0, 1);
	_exit(*address_of(&a, h));
}

static unsigned long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000UL + t.tv_nsec / 1000;
}

/* @us: after the kill there is the answer. Return: when the arena was seen to be gone. */
static unsigned long killed_before_the_answer(const struct fuse_file *f, unsigned long us)
{
	unsigned int stuck = f->share->stuck;
	unsigned long begin, took;
	pid_t pid = fork();

	expect(pid >= 0);
	if (!pid)
		read_until_killed(f);
	fuse_wait_stuck(f, stuck + 1);
	begin = now_us();
	expect_eq(kill(pid, SIGKILL), 0);
	while (now_us() - begin < us)
		;
	fuse_let_go(f, us);
	expect_eq(waitpid(pid, NULL, 0), pid);
	while (debugfs_number("arenas") && now_us() - begin < PATIENCE * 1000000UL)
		;
	took = now_us() - begin;
	expect_eq(debugfs_number("arenas"), 0);
	fuse_let_go(f, true);
	return took;
}

/* The read ends while the arena does: nothing of it is touched that has gone. */
TEST(an_answer_at_the_end)
{
	unsigned long long seed = harness_seed();
	struct fuse_file f = fuse_new();
	unsigned int i, rounds = env("ML_ROUNDS", 20);
	unsigned long took = killed_before_the_answer(&f, 0);

	for (i = 0; i < rounds; i++)
		killed_before_the_answer(&f, 1 + rng_next(&seed) % took);
	fuse_end_server(&f);
}

/* ------------------------------------------------------------- removal, mappings */

TEST(the_module_stays)
{
	struct arena a = arena_on(file_new());
	__u64 h = stored_text(&a, 1);

	expect_module_stays();
	expect_text(address_of(&a, h), BLOB, 1);
	arena_end(&a);
}

struct cycle {
	struct arena a;
	__u64 h;
	unsigned int over;	/* atomic */
};

static void *cycle_all(void *arg)
{
	struct cycle *c = arg;
	struct memlane_cool req;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&c->over, __ATOMIC_RELAXED); i++) {
		req = cool_req(&c->h, 1);
		if (i % 3 == 1)
			req.flags = MEMLANE_COOL_STORE;
		expect_eq(call(c->a.fd, i % 3 == 2 ? MEMLANE_IOCTL_WARM : MEMLANE_IOCTL_COOL, &req), 0);
	}
	return NULL;
}

/* A window to the object: it is unmapped, mapped, moved, and cut in two all the time. */
static void remap_often(struct cycle *c, unsigned int rounds)
{
	unsigned long at = address_of(&c->a, c->h) - c->a.map[MEMLANE_REGION_DATA];
	unsigned long from = arena_region(&c->a, MEMLANE_REGION_DATA).offset + at;
	char *map, *place;

	while (rounds--) {
		map = mmap(NULL, BLOB, PROT_READ, MAP_SHARED, c->a.fd, from);
		expect(map != MAP_FAILED);
		expect_text(map, BLOB / 2, 1);
		place = mmap(NULL, BLOB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		expect(place != MAP_FAILED);
		map = mremap(map, BLOB, BLOB, MREMAP_MAYMOVE | MREMAP_FIXED, place);
		expect(map == place);
		expect_text(map, BLOB, 1);
		expect_eq(munmap(map + BLOB / 4, BLOB / 4), 0);
		expect_text(map, BLOB / 4, 1);
		expect_eq(munmap(map, BLOB), 0);
	}
}

TEST(mappings_come_and_go)
{
	struct cycle c = { .a = arena_on(file_new()) };
	pthread_t t;

	c.h = text_blob(&c.a, 1);
	expect_eq(pthread_create(&t, NULL, cycle_all, &c), 0);
	remap_often(&c, env("ML_ROUNDS", 30));
	__atomic_store_n(&c.over, 1, __ATOMIC_RELAXED);
	expect_eq(pthread_join(t, NULL), 0);
	expect(counts(&c.a).loaded > 0);
	expect_eq(counts(&c.a).lost_pages, 0);
	expect_text(address_of(&c.a, c.h), BLOB, 1);
	expect_sound(&c.a);
	arena_end(&c.a);
}

/* ------------------------------------------------------------- files of a kind */

TEST(a_file_system_without_holes)
{
	struct arena a = arena_new(8 * MIB, 32 * MIB);
	char at[] = "/dev/shm/plain-XXXXXX", path[64];
	int fd;

	expect(mkdtemp(at));
	expect_eq(unshare(CLONE_NEWNS), 0);
	if (mount("plain", at, "ramfs", 0, NULL)) {
		rmdir(at);
		skip("no ramfs can be mounted");
	}
	snprintf(path, sizeof(path), "%s/file", at);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	expect(fd >= 0);
	expect_eq(set_backing(&a, fd, 0), -EOPNOTSUPP);
	close(fd);
	expect_eq(umount(at), 0);
	expect_eq(rmdir(at), 0);
	arena_end(&a);
}

TEST(a_file_that_is_sealed)
{
	struct arena a = arena_new(8 * MIB, 32 * MIB);
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	int other = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	__u64 h;

	expect_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	expect_eq(set_backing(&a, fd, 0), -EPERM);
	/* Later: what is there can be read, and what is not stays. */
	expect_eq(set_backing(&a, other, 0), 0);
	h = stored_noise(&a, 1);
	expect_eq(fcntl(other, F_ADD_SEALS, F_SEAL_WRITE), 0);
	expect_noise(address_of(&a, h), BLOB, 1);
	expect_eq(store_error(&a, &h, 1), -EPERM);
	expect_noise(address_of(&a, h), BLOB, 1);
	expect_eq(counts(&a).lost_pages, 0);
	arena_end(&a);
}

/* Its name, and its folder's, go while it is used: nobody minds. */
TEST(a_file_that_is_deleted)
{
	char at[] = "/dev/shm/gone-XXXXXX";
	int fd = mkstemp(at);
	struct arena a = arena_on(fd);
	__u64 h = stored_noise(&a, 1);

	close(fd);
	expect_eq(unlink(at), 0);
	expect_eq(pages_lost(&a, h, 1), 0);
	expect_eq(store(&a, &h, 1), PAGES);
	expect_eq(pages_lost(&a, h, 1), 0);
	arena_end(&a);
}

/* ------------------------------------------------------------- devices */

TEST(a_block_device)
{
	struct disk d = disk_new(16 * MIB), small = disk_new(64 << 10);
	struct arena a = arena_new(8 * MIB, 32 * MIB);
	int fd = open(d.path, O_RDONLY);
	unsigned int lost;
	__u64 h;

	expect_eq(set_backing(&a, small.fd, 0), -ENOSPC);
	expect_eq(set_backing(&a, d.fd, 32 * MIB), -ENOSPC);
	expect_eq(set_backing(&a, fd, 0), -EACCES);
	close(fd);
	expect_eq(set_backing(&a, d.fd, 0), 0);
	h = stored_noise(&a, 1);
	expect_eq(pages_lost(&a, h, 1), 0);
	h = stored_noise(&a, 2);
	/* It becomes smaller. */
	expect_eq(ftruncate(d.file, 5 * GROUP / 2), 0);
	expect_eq(ioctl(d.fd, LOOP_SET_CAPACITY), 0);
	lost = pages_lost(&a, h, 2);
	expect(lost > 0 && lost < PAGES);
	expect_eq(lost_events(&a, h, lost), lost);
	expect_sound(&a);
	arena_end(&a);
	disk_end(&small);
	disk_end(&d);
}

/* As mkswap does. */
static void make_swap(int fd, unsigned long bytes)
{
	static struct {
		char boot[1024];
		__u32 version, last_page, bad_pages;
		char rest[PAGE - 1024 - 12 - 10];
		char magic[10];
	} __attribute__((packed)) head = { .version = 1, .magic = "SWAPSPACE" };

	head.last_page = bytes / PAGE - 1;
	head.magic[9] = '2';
	expect_eq(pwrite(fd, &head, sizeof(head), 0), PAGE);
	expect_eq(fsync(fd), 0);
}

TEST(a_swap_area)
{
	struct disk d = disk_new(4 * MIB);
	struct arena a = arena_new(8 * MIB, 32 * MIB);
	__u64 h = noise_blob(&a, 1);

	make_swap(d.fd, 4 * MIB);
	if (swapon(d.path, 0))
		skip("swapon: %s", strerror(errno));
	expect_eq(set_backing(&a, d.fd, 0), -ETXTBSY);
	expect_eq(swapoff(d.path), 0);
	/* The other way round: what would be written is refused, and stays. */
	expect_eq(set_backing(&a, d.fd, 0), 0);
	expect_eq(swapon(d.path, 0), 0);
	expect(store_error(&a, &h, 1) < 0);
	expect_eq(swapoff(d.path), 0);
	expect_noise(address_of(&a, h), BLOB, 1);
	arena_end(&a);
	disk_end(&d);
}

/* By direct I/O; a small one, which is full soon. */
TEST(a_file_on_a_disk)
{
	struct disk d = disk_new(2 * MIB);
	struct arena a = arena_new(8 * MIB, 32 * MIB);
	char at[] = "/dev/shm/disk-XXXXXX", command[96];
	__u64 h[9];
	unsigned int i, nr = sizeof(h) / sizeof(h[0]);
	int fd;

	snprintf(command, sizeof(command), "/sbin/mkfs.ext4 -q -O ^has_journal %s", d.path);
	if (access("/sbin/mkfs.ext4", X_OK) || system(command))
		skip("no ext4 can be made");
	expect(mkdtemp(at));
	expect_eq(unshare(CLONE_NEWNS), 0);
	expect_eq(mount(d.path, at, "ext4", 0, NULL), 0);
	fd = open(at, O_RDWR | O_TMPFILE, 0600);
	expect(fd >= 0);
	expect_eq(set_backing(&a, fd, 0), 0);
	close(fd);
	expect_eq(umount2(at, MNT_DETACH), 0);
	expect_eq(rmdir(at), 0);
	for (i = 0; i < nr; i++)
		h[i] = noise_blob(&a, i);
	expect_eq(store_error(&a, h, nr), -ENOSPC);
	expect(counts(&a).stored > 4 * PAGES && counts(&a).stored < nr * PAGES);
	for (i = 0; i < nr; i++)
		expect_eq(pages_lost(&a, h[i], i), 0);
	expect_sound(&a);
	arena_end(&a);
	disk_end(&d);
}

/* ------------------------------------------------------------- killed */

/* What they have in their objects: it takes longer to make than to copy. */
static char text[BLOB], noise[BLOB];

static __u64 copy_of(const struct arena *a, const char *bytes)
{
	__u64 h = alloc_one(a, MEMLANE_SLOW, BLOB);

	memcpy(address_of(a, h), bytes, BLOB);
	return h;
}

/* All there is at once: by hand, in the background, and by a policy. */
static void live_until_killed(int fd, unsigned long long seed)
{
	struct arena a = arena_on(fd);
	__u64 h[3] = { copy_of(&a, text), copy_of(&a, noise), copy_of(&a, text) };
	struct memlane_cool req;
	unsigned int what;

	set(&a, MEMLANE_OPT_COLD_AGE, 1);
	set(&a, MEMLANE_OPT_AGE_INTERVAL, 0);
	set(&a, MEMLANE_OPT_POLICY_INTERVAL, 1000000);
	for (;;) {
		what = rng_next(&seed) >> 32;
		req = cool_req(&h[what % 3], 1);
		if (what & 16)
			req.flags = what & 32 ? MEMLANE_COOL_STORE : 0;
		else if (what & 32)
			req.flags = MEMLANE_ASYNC;
		call(a.fd, what & 16 ? MEMLANE_IOCTL_COOL : MEMLANE_IOCTL_WARM, &req);
		if (what & 64)
			expect(!memcmp(address_of(&a, h[what % 3]), what % 3 == 1 ? noise : text, BLOB));
	}
}

/* Nothing of it is left, in the module or in the file, however often. */
TEST(killed_at_any_moment)
{
	unsigned long long seed = harness_seed();
	unsigned int i, kills = env("ML_KILLS", 300);
	int fd = file_new();
	pid_t pid;

	close(device_open(O_RDWR));
	write_text(text, BLOB, 1);
	write_noise(noise, BLOB, 2);
	for (i = 0; i < kills; i++) {
		pid = fork();
		expect(pid >= 0);
		if (!pid)
			live_until_killed(fd, seed + i);
		usleep(1000 + (rng_next(&seed) >> 32) % 15000);
		expect_killed(pid);
	}
	expect_empties(fd);
	expect_nothing_left();
}

TEST(nothing_is_left)
{
	int i;

	for (i = 0; i < 500 && debugfs_number("pages"); i++)
		usleep(10000);
	expect_nothing_left();
}
