// SPDX-License-Identifier: MIT
/* test-view.c - MEMLANE_STAT: a process shows its arenas, and leaves nothing behind */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "api.h"

static char folder[64], path[80];
static struct memlane *volatile kept;	/* of a process that exits with it open: no leak */

static void make_folder(void)
{
	strcpy(folder, "/dev/shm/memlane-view.XXXXXX");
	expect(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	setenv("MEMLANE_STAT", path, 1);
}

static void remove_folder(void)
{
	unlink(path);
	expect_eq(rmdir(folder), 0);
}

static struct memlane *open_local(void)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	c.backend = MEMLANE_BACKEND_LOCAL;
	expect_eq(memlane_open(&m, &c), 0);
	return m;
}

/* Return: connected, or -1. */
static int call_at(const char *at)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(to.sun_path, at);
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return fd;
	close(fd);
	return -1;
}

/* What the process says to a line; good until the next call. */
static const char *asked(const char *line)
{
	static char text[1 << 20];
	int fd = call_at(path);
	size_t n = 0;
	ssize_t got;

	expect(fd >= 0);
	expect_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
	while ((got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	text[n] = '\0';
	close(fd);
	return text;
}

static int entries(const char *at)
{
	DIR *dir = opendir(at);
	int n = 0;

	expect(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

TEST(it_shows_what_debugfs_shows)
{
	char want[64];
	struct memlane *m;

	make_folder();
	m = open_local();
	expect(memlane_alloc(m, 100));
	expect_eq(memlane_thread_flush(m), 0);
	snprintf(want, sizeof(want), "%d test-view\n1\n", (int)getpid());
	expect_eq(strcmp(asked("\n"), want), 0);
	expect(strstr(asked("1/lanes\n"), "\nobjects 1 0\n"));
	expect(strstr(asked("1/stat\n"), "\nhandles 1\n"));
	expect(strstr(asked("1/stat\n"), "\nwaits 0\n"));
	expect(strstr(asked("1/spans\n"), "used\n0 6 warm "));
	expect(strstr(asked("1/tallies\n"), "of number lane moves_compact "));
	expect_eq(strcmp(asked("1/check\n"), "ok\n"), 0);
	expect(!*asked("2/lanes\n") && !*asked("1/nothing\n") && !*asked("nonsense\n"));
	memlane_close(m);
	snprintf(want, sizeof(want), "%d test-view\n", (int)getpid());
	expect_eq(strcmp(asked("\n"), want), 0);
	remove_folder();
}

TEST(nobody_asked_so_there_is_nothing)
{
	struct memlane *m;
	int tasks, fds;

	unsetenv("MEMLANE_STAT");
	memlane_close(open_local());
	tasks = entries("/proc/self/task");
	fds = entries("/proc/self/fd");
	m = open_local();
	expect_eq(entries("/proc/self/task"), tasks);
	expect_eq(entries("/proc/self/fd"), fds);
	memlane_close(m);
}

/* Every descriptor that is a socket. */
static void expect_private(void)
{
	struct stat st;
	int fd, sockets = 0;

	for (fd = 3; fd < 64; fd++) {
		if (fstat(fd, &st) || !S_ISSOCK(st.st_mode))
			continue;
		sockets++;
		expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	expect_eq(sockets, 1);
	expect_eq(stat(path, &st), 0);
	expect_eq(st.st_mode & 0777, 0600);
}

TEST(only_its_user_may_ask)
{
	struct memlane *m;

	make_folder();
	umask(0);
	m = open_local();
	expect_private();
	memlane_close(m);
	remove_folder();
}

/* What the child of a fork does, without its complaints; it exits as programs do. */
static int in_child(void (*run)(void))
{
	pid_t pid = fork();
	int status;

	expect(pid >= 0);
	if (!pid) {
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		run();
		exit(0);
	}
	expect_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void open_and_exit(void)
{
	kept = open_local();
	if (access(path, F_OK))
		_exit(2);
}

static void open_and_die(void)
{
	kept = open_local();
	raise(SIGKILL);
}

TEST(a_process_that_exits_leaves_no_socket)
{
	make_folder();
	expect_eq(in_child(open_and_exit), 0);
	expect(access(path, F_OK) && errno == ENOENT);
	remove_folder();
}

/* A line has 31 bytes at most: a process that waited for the line would wait for each byte. */
TEST(a_process_that_exits_does_not_wait_for_a_slow_reader)
{
	int go[2], status, fd, sent = 0;
	char byte;
	pid_t pid;

	make_folder();
	expect_eq(pipe(go), 0);
	pid = fork();
	if (!pid) {
		close(go[1]);
		kept = open_local();
		expect(read(go[0], &byte, 1) >= 0);
		exit(0);
	}
	close(go[0]);
	while ((fd = call_at(path)) < 0)
		usleep(1000);
	expect_eq(write(fd, "x", ++sent), 1);
	usleep(100000);
	close(go[1]);
	while (!waitpid(pid, &status, WNOHANG)) {
		sent += send(fd, "x", 1, MSG_NOSIGNAL) == 1;
		expect(sent < 31);
		usleep(300000);
	}
	expect_eq(status, 0);
	close(fd);
	remove_folder();
}

TEST(the_socket_of_a_killed_process_is_replaced)
{
	struct memlane *m;

	make_folder();
	expect(WIFSIGNALED(in_child(open_and_die)));
	expect_eq(access(path, F_OK), 0);
	m = open_local();
	expect(strstr(asked("\n"), "test-view\n1\n"));
	memlane_close(m);
	remove_folder();
}

static void open_and_close(void)
{
	memlane_close(open_local());
}

TEST(what_is_no_socket_of_ours_stays)
{
	struct stat st;
	FILE *f;

	make_folder();
	f = fopen(path, "w");
	expect(f && fputs("mine", f) >= 0 && !fclose(f));
	expect_eq(in_child(open_and_close), 0);
	expect_eq(stat(path, &st), 0);
	expect(S_ISREG(st.st_mode) && st.st_size == 4);
	remove_folder();
}

TEST(the_socket_of_a_living_process_stays)
{
	struct memlane *m;
	char want[64];

	make_folder();
	m = open_local();
	snprintf(want, sizeof(want), "%d test-view\n1\n", (int)getpid());
	expect_eq(in_child(open_and_exit), 0);
	expect_eq(strcmp(asked("\n"), want), 0);
	memlane_close(m);
	remove_folder();
}

/* It has neither the descriptor nor the right to unlink. */
static void only_exit(void)
{
	struct stat st;
	int fd;

	for (fd = 3; fd < 64; fd++)
		if (!fstat(fd, &st) && S_ISSOCK(st.st_mode))
			_exit(3);
}

TEST(the_child_of_a_fork_has_no_part_in_it)
{
	struct memlane *m;

	make_folder();
	m = open_local();
	expect_eq(in_child(only_exit), 0);
	expect(strstr(asked("1/lanes\n"), "objects 0 0\n"));
	memlane_close(m);
	remove_folder();
}

#ifndef __SANITIZE_THREAD__	/* which has no threads in the child of a process with threads */
TEST(in_a_folder_each_process_has_its_own)
{
	struct memlane *m;

	make_folder();
	setenv("MEMLANE_STAT", folder, 1);
	m = open_local();
	snprintf(path, sizeof(path), "%s/%d.memlane", folder, (int)getpid());
	expect_eq(in_child(open_and_close), 0);
	expect(strstr(asked("\n"), "test-view\n1\n"));
	expect_eq(entries(folder), 3);
	memlane_close(m);
	remove_folder();
}

/* The descriptor that the socket had is the program's own now. */
TEST(a_program_may_close_all_descriptors)
{
	int fd, tasks, i;

	make_folder();
	kept = open_local();
	tasks = entries("/proc/self/task");
	close_range(3, ~0U, 0);
	fd = call_at(path);
	/* The one that waits still has the socket; then it sees, and ends. */
	if (fd >= 0)
		close(fd);
	for (i = 0; i < 1000 && entries("/proc/self/task") == tasks; i++)
		usleep(10000);
	expect_eq(entries("/proc/self/task"), tasks - 1);
	remove_folder();
}
#endif
