// SPDX-License-Identifier: MIT
/*
 * share.c - one arena, several processes
 *
 * The arena's file goes to another process by SCM_RIGHTS and through exec. In
 * the last test three processes use it, and one of them is killed at any moment,
 * again and again: the others must not notice, and nothing may be left of it.
 *
 *	ML_KILLS	how often
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "api.h"
#include "board.h"

static struct memlane *arena;
static struct board *board;
static int board_fd;
static bool over;	/* of this process's threads; atomic */
static bool has_file;	/* that objects are put away to */

static void open_shared(void)
{
	struct memlane_config c = quiet();

	c.fast_lane_size = c.slow_lane_size = 64 * MIB;
	c.section_grace = 0.1;
	arena = open_with(&c);
	if (!(memlane_capabilities(arena) & MEMLANE_CAP_SHARE))
		skip("this arena cannot be shared");
}

static void make_board(void)
{
	board_fd = memfd_create("board", 0);
	expect(board_fd >= 0);
	expect_eq(ftruncate(board_fd, sizeof(*board)), 0);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, board_fd, 0);
	expect(board != MAP_FAILED);
}

static void make_common(void)
{
	unsigned int i;

	for (i = 0; i < COMMON; i++) {
		board->size[i] = i % 16 ? 40 + 13 * i : 70000;
		board->handle[i] = must_alloc(arena, board->size[i]);
		expect_eq(memlane_enter(arena), 0);
		content_write(memlane_get(arena, board->handle[i]), board->size[i], i, 1);
		expect_eq(memlane_exit(arena), 0);
	}
}

/* Where any process may put objects away to. */
static void give_file(void)
{
	int fd = memfd_create("backing", MFD_CLOEXEC);

	expect(fd >= 0);
	expect_eq(memlane_set_backing(arena, fd), 0);
	close(fd);
	has_file = true;
}

/*
 * What can go of the SlowLane, to the file or to memory by turns. Who touches it has it back. What
 * others have pinned cannot, and is counted.
 */
static void put_away(unsigned int turn)
{
	int left = turn % 2 ? memlane_store_lane(arena, MEMLANE_SLOW, NULL) :
			      memlane_cool_lane(arena, MEMLANE_SLOW, NULL);

	expect(left >= 0 || left == -EBUSY);
}

/* All common objects to and fro, and compaction, until told otherwise. */
static void *move_all(void *unused)
{
	int lane = MEMLANE_SLOW;
	unsigned int turn = 0;

	(void)unused;
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		expect(memlane_migrate_batch(arena, lane, board->handle, COMMON, NULL, NULL) >= 0);
		expect_eq(memlane_compact(arena, 0, 0, NULL), 0);
		if (has_file && lane == MEMLANE_SLOW)
			put_away(turn++);
		lane = lane == MEMLANE_FAST ? MEMLANE_SLOW : MEMLANE_FAST;
	}
	return NULL;
}

static void stop(pthread_t mover)
{
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	finish(mover);
}

/* --------------------------------------------------------- passing the file */

union message {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr header;
};

static void send_file(int to, int fd)
{
	union message u = { .header = {
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fd)),
	} };
	struct iovec io = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u),
	};

	memcpy(CMSG_DATA(&u.header), &fd, sizeof(fd));
	expect_eq(sendmsg(to, &msg, 0), 1);
}

static int receive_file(int from)
{
	union message u = { };
	char byte;
	struct iovec io = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u),
	};
	int fd = -1;

	if (recvmsg(from, &msg, 0) == 1 && u.header.cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(&u.header), sizeof(fd));
	return fd;
}

/* In a process that never had the arena: all common objects, again and again. */
static void read_for_others(const int *pair)
{
	int fd, round;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(pair[0]);		/* so that the other end's death is seen */
	fd = receive_file(pair[1]);
	if (fd < 0 || memlane_open_fd(&arena, fd, NULL))
		_exit(1);
	close(fd);
	for (round = 0; round < 20; round++)
		for (i = 0; i < COMMON; i++)
			if (board_read(board, arena, i))
				_exit(2);
	memlane_close(arena);
	_exit(0);
}

static uint64_t moves_so_far(void)
{
	struct memlane_stats st = stats(arena);

	return st.counts.moved + st.counts.remapped;
}

TEST(a_file_received_is_the_same_arena)
{
	int pair[2], status;
	pthread_t mover;

	make_board();
	expect_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	if (!fork())
		read_for_others(pair);
	open_shared();
	make_common();
	start(&mover, move_all, NULL);
	/* However slow the machine: the mover is in full swing when the reader comes. */
	while (moves_so_far() <= COMMON)
		usleep(1000);
	send_file(pair[0], memlane_fd(arena));
	expect(wait(&status) > 0);
	expect_eq(status, 0);
	stop(mover);
	expect_eq(board->reads, 20 * COMMON);
	expect(moves_so_far() > COMMON);
	expect_eq(stats(arena).counts.slots, 1);
	memlane_close(arena);
}

/* What one writes the other reads; what one frees the other has no more. */
TEST(both_may_write_and_free)
{
	struct memlane *other;
	memlane_handle h;
	void *p, *q;

	open_shared();
	expect_eq(memlane_open_fd(&other, memlane_fd(arena), NULL), 0);
	h = must_alloc(arena, 1000);
	expect_eq(memlane_enter(arena), 0);
	expect_eq(memlane_enter(other), 0);
	p = memlane_get(arena, h);
	q = memlane_get(other, h);
	expect(p && q && p != q);
	content_write(p, 1000, 7, 1);
	expect_eq(content_wrong(q, 1000, 7, 1), 0);
	content_write(q, 1000, 7, 2);
	expect_eq(content_wrong(p, 1000, 7, 2), 0);
	expect_eq(memlane_exit(other), 0);
	expect_eq(memlane_exit(arena), 0);
	expect_eq(memlane_free(other, h), 0);
	expect_eq(memlane_free(arena, h), -ESTALE);
	h = must_alloc(other, 1000);
	expect_eq(memlane_free(arena, h), 0);
	/* The arena is there until the last has closed it. */
	h = must_alloc(arena, 1000);
	memlane_close(arena);
	expect(memlane_is_valid(other, h));
	memlane_close(other);
}

#define THREADS	16
#define ROUNDS	100

static struct memlane *attached;
static pthread_barrier_t met;

/* Lives on while its part in one arena after the other ends. */
static void *take_part(void *unused)
{
	struct memlane_mark mark;
	memlane_handle h;
	void *p;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&met);
		mark = memlane_frame_begin(attached);
		p = memlane_frame_alloc(attached, i % 2 ? 1000 : 200000);
		expect(mark.at && p);
		memset(p, i, 1000);
		h = must_alloc(attached, 100);
		expect_eq(memlane_free(attached, h), 0);
		h = must_alloc(attached, 100000);
		expect_eq(memlane_free(attached, h), 0);
		pthread_barrier_wait(&met);
	}
	pthread_barrier_wait(&met);
	return unused;
}

static void attach_and_close(void)
{
	struct memlane_stats st;

	expect_eq(memlane_open_fd(&attached, memlane_fd(arena), NULL), 0);
	pthread_barrier_wait(&met);
	pthread_barrier_wait(&met);
	st = stats(arena);
	expect_eq(st.counts.slots, 1 + THREADS);
	memlane_close(attached);
	st = stats(arena);
	expect_eq(st.counts.slots, 1);
	expect_eq(st.counts.handles, 1);
	expect_eq(st.live_objects, 1);
	expect_eq(st.live_bytes, 100);
}

TEST(a_close_ends_the_part_of_every_thread)
{
	struct memlane_config c = quiet();
	pthread_t t[THREADS];
	int i;

	c.max_threads = 2 * THREADS;
	c.fast_lane_size = 64 * MIB;
	arena = open_with(&c);
	if (!(memlane_capabilities(arena) & MEMLANE_CAP_SHARE))
		skip("this arena cannot be shared");
	must_alloc(arena, 100);
	expect_eq(memlane_thread_flush(arena), 0);
	pthread_barrier_init(&met, NULL, 1 + THREADS);
	for (i = 0; i < THREADS; i++)
		start(&t[i], take_part, NULL);
	for (i = 0; i < ROUNDS; i++)
		attach_and_close();
	pthread_barrier_wait(&met);
	for (i = 0; i < THREADS; i++)
		finish(t[i]);
	memlane_close(arena);
}

TEST(only_an_arenas_file_is_taken)
{
	struct memlane_config c = quiet();
	int plain = memfd_create("plain", 0);
	struct memlane *m;
	int fresh;

	open_shared();
	fresh = open("/dev/memlane", O_RDWR | O_CLOEXEC);
	expect(fresh >= 0);
	expect_eq(memlane_open_fd(&m, plain, NULL), -ENOTTY);
	expect_eq(memlane_open_fd(&m, fresh, NULL), -ENODEV);
	expect_eq(memlane_open_fd(&m, -1, NULL), -EBADF);
	expect_eq(memlane_open_fd(&m, 1000, NULL), -EBADF);
	c.guard = true;
	expect_eq(memlane_open_fd(&m, memlane_fd(arena), &c), -EOPNOTSUPP);
	expect(!m);
	memlane_close(arena);
}

/* ----------------------------------------------------------- the survivors */

#define OWN 300

/* What a survivor has for itself. */
struct own {
	memlane_handle handle[OWN];
	uint32_t size[OWN];
	uint64_t version[OWN];
	uint32_t live;
	unsigned long long rng;
};

static void rewrite(struct own *o, unsigned int i)
{
	void *p;

	expect_eq(memlane_enter(arena), 0);
	p = memlane_get(arena, o->handle[i]);
	expect(p);
	if (o->version[i])
		expect_eq(content_wrong(p, o->size[i], getpid(), o->version[i]), 0);
	content_write(p, o->size[i], getpid(), ++o->version[i]);
	expect_eq(memlane_exit(arena), 0);
}

static void work(struct own *o)
{
	unsigned int i = rng_next(&o->rng) % OWN;

	expect_eq(board_read(board, arena, rng_next(&o->rng) % COMMON), 0);
	if (!o->handle[i]) {
		o->size[i] = 1 + rng_next(&o->rng) % 2000;
		o->version[i] = 0;
		o->handle[i] = must_alloc(arena, o->size[i]);
		o->live++;
	}
	rewrite(o, i);
	if (rng_next(&o->rng) % 3)
		return;
	expect_eq(memlane_free(arena, o->handle[i]), 0);
	o->handle[i] = 0;
	o->live--;
}

/* The other survivor: a process that received the file. */
static void survive(const int *pair)
{
	struct own own = { .rng = harness_seed() * 3 };
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(pair[0]);		/* so that the other end's death is seen */
	fd = receive_file(pair[1]);
	if (fd < 0 || memlane_open_fd(&arena, fd, NULL))
		_exit(1);
	while (!board_look(&board->over)) {
		if (!board_look(&board->pause)) {
			work(&own);
			continue;
		}
		expect_eq(memlane_thread_flush(arena), 0);
		board_set(&board->paused, 1 + own.live);
		while (board_look(&board->pause))
			usleep(200);
	}
	memlane_close(arena);
	_exit(0);
}

/* ------------------------------------------------------- what the dead leave */

/* Dies in a section, with two objects of its own, one of them pinned. */
static void die_with_all(const int *pair)
{
	unsigned int i;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(pair[0]);
	fd = receive_file(pair[1]);
	if (fd < 0 || memlane_open_fd(&arena, fd, NULL))
		_exit(1);
	for (i = 0; i < 2; i++) {
		board->size[i] = 1000;
		board->handle[i] = must_alloc(arena, 1000);
		expect_eq(memlane_enter(arena), 0);
		content_write(memlane_get(arena, board->handle[i]), 1000, i, 1);
		expect_eq(memlane_exit(arena), 0);
	}
	expect(memlane_pin(arena, board->handle[0]));
	expect_eq(memlane_enter(arena), 0);
	board_set(&board->ready, 1);
	for (;;)
		pause();
}

/* Objects and pins stay, and are anybody's; the slot, its section and its stock go. */
TEST(what_the_dead_leave)
{
	int pair[2], status;
	pid_t child;

	make_board();
	expect_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	child = fork();
	if (!child)
		die_with_all(pair);
	open_shared();
	send_file(pair[0], memlane_fd(arena));
	while (!board_look(&board->ready)) {
		expect_eq(waitpid(child, &status, WNOHANG), 0);
		usleep(1000);
	}
	expect_eq(memlane_migrate(arena, board->handle[1], MEMLANE_SLOW), -EAGAIN);
	expect_eq(kill(child, SIGKILL), 0);
	expect_eq(waitpid(child, &status, 0), child);

	expect_eq(memlane_migrate(arena, board->handle[1], MEMLANE_SLOW), 0);
	expect_eq(memlane_migrate(arena, board->handle[0], MEMLANE_SLOW), -EBUSY);
	expect_eq(memlane_maintain(arena, NULL), 0);
	expect_eq(stats(arena).counts.slots_reaped, 1);
	expect_eq(stats(arena).live_objects, 2);
	expect_eq(board_read(board, arena, 0), 0);
	expect_eq(board_read(board, arena, 1), 0);
	expect_eq(memlane_state(arena, board->handle[0]), MEMLANE_STATE_PINNED);
	expect_eq(memlane_free(arena, board->handle[0]), -EBUSY);
	expect_eq(memlane_unpin(arena, board->handle[0]), 0);
	expect_eq(memlane_free(arena, board->handle[0]), 0);
	expect_eq(memlane_free(arena, board->handle[1]), 0);
	expect_eq(memlane_thread_flush(arena), 0);
	expect_eq(stats(arena).counts.handles, 0);
	memlane_close(arena);
}

/* ----------------------------------------------------------------- kills ---- */

static void become_victim(uint64_t seed)
{
	char path[PATH_MAX], file[16], table[16], number[32];
	int fd = dup(memlane_fd(arena));
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (n < 0)
		_exit(1);
	path[n] = '\0';
	strcpy(strrchr(path, '/'), "/victim");
	snprintf(file, sizeof(file), "%d", fd);
	snprintf(table, sizeof(table), "%d", board_fd);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)seed);
	execl(path, path, file, table, number, NULL);
	_exit(1);
}

/* At any moment: while it starts, too. */
static void one_kill(struct own *own)
{
	uint64_t seed = rng_next(&own->rng), delay = rng_next(&own->rng) % 20000;
	int status;
	pid_t pid;

	board_set(&board->ready, 0);
	pid = fork();
	if (!pid)
		become_victim(seed);
	while (seed % 8 && !board_look(&board->ready)) {
		work(own);
		expect_eq(waitpid(pid, &status, WNOHANG), 0);
	}
	usleep(delay);
	expect_eq(kill(pid, SIGKILL), 0);
	expect_eq(waitpid(pid, &status, 0), pid);
	expect(WIFSIGNALED(status));
	expect_eq(__atomic_load_n(&board->wrong, __ATOMIC_RELAXED), 0);
}

/* An object of the dead; its pins died with nobody to take them back. */
static int bury(void *count, const struct memlane_object *o)
{
	int err;

	if (o->tag != VICTIM_TAG)
		return 0;
	while ((err = memlane_free(arena, o->handle)) == -EBUSY)
		expect_eq(memlane_unpin(arena, o->handle), 0);
	expect_eq(err, 0);
	++*(uint64_t *)count;
	return 0;
}

/* Who is not root may not look. */
static void expect_sound(void)
{
	struct memlane_info info = { .size = sizeof(info) };
	char path[64], line[200] = "";
	FILE *f;

	expect_eq(ioctl(memlane_fd(arena), MEMLANE_IOCTL_INFO, &info), 0);
	snprintf(path, sizeof(path), "/sys/kernel/debug/memlane/%llu/check",
		 (unsigned long long)info.out_id);
	f = fopen(path, "r");
	if (!f && !geteuid())
		fail("%s: %s", path, strerror(errno));
	if (!f)
		return;
	expect(fgets(line, sizeof(line), f));
	fclose(f);
	if (strcmp(line, "ok\n"))
		fail("check says: %s", line);
}

/* Nothing is bound but what the survivors know of. */
static void expect_no_leak(const struct own *own, uint64_t *buried)
{
	struct memlane_stats st;
	uint32_t others;

	board_set(&board->paused, 0);
	board_set(&board->pause, 1);
	while (!(others = board_look(&board->paused)))
		usleep(200);
	expect_eq(memlane_maintain(arena, NULL), 0);
	expect_eq(memlane_each(arena, bury, buried), 0);
	expect_eq(memlane_thread_flush(arena), 0);
	st = stats(arena);
	expect_eq(st.counts.slots, 2);
	expect_eq(st.counts.handles, COMMON + own->live + others - 1);
	expect_eq(st.counts.lane[MEMLANE_FAST].objects + st.counts.lane[MEMLANE_SLOW].objects,
		  st.counts.handles);
	expect_sound();
	board_set(&board->pause, 0);
}

static void kill_again_and_again(uint64_t kills)
{
	struct own own = { .rng = harness_seed() };
	struct memlane_stats st;
	uint64_t i, buried = 0;
	pthread_t mover;

	start(&mover, move_all, NULL);
	for (i = 1; i <= kills; i++) {
		one_kill(&own);
		if (i % 10 == 0 || i == kills)
			expect_no_leak(&own, &buried);
	}
	stop(mover);
	st = stats(arena);
	printf("# %llu kills, %llu verified reads, %llu objects of the dead, slots taken back %llu\n",
	       (unsigned long long)kills, (unsigned long long)board->reads,
	       (unsigned long long)buried, st.counts.slots_reaped);
	printf("# moved %llu, remapped %llu, vetoed %llu, given up %llu\n", st.counts.moved,
	       st.counts.remapped, st.counts.vetoed, st.counts.given_up);
	printf("# put away %llu, came back %llu; to the file %llu, from there %llu\n", st.counts.cooled,
	       st.counts.warmed, st.counts.written, st.counts.loaded);
	expect(st.counts.warmed > 0 && st.counts.loaded > 0);
	expect_eq(st.counts.lost_pages, 0);
	expect(buried > 0);
	expect(st.counts.slots_reaped > kills / 2);
	expect(st.counts.moved > COMMON);
}

TEST(one_of_three_is_killed_again_and_again)
{
	int pair[2], status;
	pid_t other;

	make_board();
	harness_seed();
	expect_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	other = fork();
	if (!other)
		survive(pair);
	open_shared();
	give_file();
	make_common();
	send_file(pair[0], memlane_fd(arena));
	kill_again_and_again(env("ML_KILLS", 100));
	board_set(&board->over, 1);
	expect_eq(waitpid(other, &status, 0), other);
	expect_eq(status, 0);
	memlane_close(arena);
}
