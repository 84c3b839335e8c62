// SPDX-License-Identifier: MIT
/*
 * local_view.c - the socket on which a process shows its arenas, if it was asked to
 *
 * MEMLANE_STAT in the environment names a socket, or a folder for one named after the
 * process; without it there is no thread, no descriptor and no file. The first arena
 * begins it, the end of the process ends it.
 *
 * Who connects writes one line and reads one file. An empty line: the list of arenas, of
 * which the first line is the process and its name. "N/FILE": what debugfs has as FILE
 * of an arena of the module.
 *
 * view.lock protects the list and, while text is made, keeps arenas from being closed;
 * core.lock is taken inside. Nothing is read from or written to a socket under it. Only
 * the socket's own user and root can connect. The child of a fork has no part in it.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "local.h"
#include "local_text.h"
#include "local_view.h"
#include "node.h"
#include "worker.h"

#define PATIENCE 2 /* seconds for a reader's line */
#define READING	 5 /* seconds for all of the answer */
#define BACKLOG	 8

/**
 * struct view - what this process shows
 * @lock: protects all but @fd and @node, which do not change while @running
 * @first: newest arena, linked by local.view_next
 * @numbered: arenas so far
 * @running: there is a thread
 * @ending: the process ends, and nobody is answered any more; atomic
 * @client: who is being answered, or -1: the thread, or end(), takes it from here; atomic
 * @refused: there can be no socket, which was said
 * @owner: the process that made the socket
 * @fd: it listens
 * @node: what @fd is, as a program may close and reuse any descriptor
 * @path: where it is
 * @thread: answers
 */
static struct view {
	pthread_mutex_t lock;
	struct local *first;
	unsigned int numbered;
	bool running;
	bool ending;
	int client;
	bool refused;
	pid_t owner;
	int fd;
	struct node node;
	struct sockaddr_un path;
	pthread_t thread;
} view = { .lock = PTHREAD_MUTEX_INITIALIZER, .client = -1 };

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ------------------------------------------------------------- answers ---- */

static void list_arenas(FILE *out)
{
	const struct local *l;

	fprintf(out, "%d %s\n", (int)getpid(), program_invocation_short_name);
	for (l = view.first; l; l = l->view_next)
		fprintf(out, "%u\n", l->view_number);
}

static void answer_file(const char *line, FILE *out)
{
	struct local *l = view.first;
	unsigned int number;
	char name[16];

	if (sscanf(line, "%u/%15s", &number, name) != 2)
		return;
	while (l && l->view_number != number)
		l = l->view_next;
	if (l)
		local_text(l, name, out);
}

static char *answer_to(const char *line, size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	if (!out)
		return NULL;
	pthread_mutex_lock(&view.lock);
	if (*line)
		answer_file(line, out);
	else
		list_arenas(out);
	pthread_mutex_unlock(&view.lock);
	fclose(out);
	return text;
}

/* Others wait for it, however slowly it reads or writes. False: its time is over. */
static bool ready(int fd, short events, uint64_t until)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = clock_ns();

	return now < until && poll(&p, 1, (int)((until - now) / 1000000) + 1) > 0;
}

/* A line, or what there is at the end of input; false: too long, or nothing came. */
static bool read_line(int fd, char *line, size_t room)
{
	const uint64_t until = clock_ns() + PATIENCE * NSEC;
	size_t n = 0;
	ssize_t got;

	while (n < room - 1) {
		got = ready(fd, POLLIN, until) ? recv(fd, line + n, 1, MSG_DONTWAIT) : -1;
		if (got < 0)
			return false;
		if (!got || line[n] == '\n') {
			line[n] = '\0';
			return true;
		}
		n++;
	}
	return false;
}

static void send_all(int fd, const char *text, size_t length)
{
	const uint64_t until = clock_ns() + READING * NSEC;
	ssize_t sent;

	while (length && ready(fd, POLLOUT, until)) {
		sent = send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EAGAIN)
			continue;
		if (sent <= 0)
			return;
		text += sent;
		length -= sent;
	}
}

static void talk(int fd)
{
	char line[32], *text = NULL;
	size_t length = 0;

	if (read_line(fd, line, sizeof(line)))
		text = answer_to(line, &length);
	if (text)
		send_all(fd, text, length);
	free(text);
}

static bool is_ending(void)
{
	return __atomic_load_n(&view.ending, __ATOMIC_SEQ_CST);
}

/* Either end() sees the client, or this that the end has come. Who takes it out closes it. */
static void serve(int fd)
{
	__atomic_store_n(&view.client, fd, __ATOMIC_SEQ_CST);
	if (!is_ending())
		talk(fd);
	if (__atomic_exchange_n(&view.client, -1, __ATOMIC_SEQ_CST) == fd)
		close(fd);
}

/* Until the socket is shut down. */
static void *answer(void *arg)
{
	const struct timespec moment = { .tv_nsec = 50000000 };
	int fd;

	(void)arg;
	while (!is_ending() && node_is(view.fd, &view.node)) {
		fd = accept4(view.fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			serve(fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			nanosleep(&moment, NULL);
		else if (errno != EINTR && errno != ECONNABORTED)
			break;
	}
	return NULL;
}

/* -------------------------------------------------------- begin and end ---- */

static void complain(const char *path, const char *why)
{
	dprintf(STDERR_FILENO, "memlane: MEMLANE_STAT=%s: %s; this process shows no arenas\n", path,
		why);
}

static const char *explain(int err)
{
	switch (err) {
	case -ENAMETOOLONG:
		return "a socket's path has 107 bytes at most";
	case -EADDRINUSE:
		return "something else is there; name a folder, where each process has a socket of its own";
	default:
		return strerror(-err);
	}
}

/* False: it is too long for a socket's name. */
static bool name_socket(const char *wish, struct sockaddr_un *path)
{
	struct stat st;
	int n;

	path->sun_family = AF_UNIX;
	if (!stat(wish, &st) && S_ISDIR(st.st_mode))
		n = snprintf(path->sun_path, sizeof(path->sun_path), "%s/%d.memlane", wish,
			     (int)getpid());
	else
		n = snprintf(path->sun_path, sizeof(path->sun_path), "%s", wish);
	return n > 0 && n < (int)sizeof(path->sun_path);
}

/* A socket of the same user that nobody listens on: its process was killed. */
static bool is_left_over(const struct sockaddr_un *path)
{
	struct stat st;
	int fd, err;

	if (lstat(path->sun_path, &st) || !S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	err = connect(fd, (const struct sockaddr *)path, sizeof(*path)) ? errno : 0;
	close(fd);
	return err == ECONNREFUSED;
}

static int bind_to(int fd, const struct sockaddr_un *path)
{
	int err;

	if (!bind(fd, (const struct sockaddr *)path, sizeof(*path)))
		return 0;
	err = -errno;
	if (err != -EADDRINUSE || !is_left_over(path))
		return err;
	unlink(path->sun_path);
	return bind(fd, (const struct sockaddr *)path, sizeof(*path)) ? -errno : 0;
}

/* Its mode is the file's, from the first moment on. */
static int listen_at(const struct sockaddr_un *path, int *out)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	err = fchmod(fd, 0600) ? -errno : bind_to(fd, path);
	if (!err && listen(fd, BACKLOG)) {
		err = -errno;
		unlink(path->sun_path);
	}
	if (err)
		close(fd);
	else
		*out = fd;
	return err;
}

static void begin_thread(const char *wish)
{
	view.owner = getpid();
	if (node_of(view.fd, &view.node) &&
	    !worker_start(&view.thread, NULL, "memlane-view", answer, NULL)) {
		view.running = true;
		return;
	}
	unlink(view.path.sun_path);
	close(view.fd);
	complain(wish, "no thread can be had");
}

static void begin(const char *wish)
{
	int err = -ENAMETOOLONG;

	if (name_socket(wish, &view.path))
		err = listen_at(&view.path, &view.fd);
	if (!err)
		begin_thread(wish);
	else
		complain(wish, explain(err));
	view.refused = !view.running;
}

/* A process that exits waits for no reader. Return: a descriptor to be closed, or -1. */
static int cut_client(void)
{
	int fd = __atomic_exchange_n(&view.client, -1, __ATOMIC_SEQ_CST);

	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	return fd;
}

/*
 * A process that exits with arenas open leaves no socket behind, and a plugin that is
 * unloaded no thread: it comes out of accept(), and what it is answering is cut short.
 */
__attribute__((destructor)) static void end(void)
{
	int client;

	if (!view.running || view.owner != getpid())
		return;
	unlink(view.path.sun_path);
	if (!node_is(view.fd, &view.node))
		return;
	__atomic_store_n(&view.ending, true, __ATOMIC_SEQ_CST);
	shutdown(view.fd, SHUT_RDWR);
	client = cut_client();
	pthread_join(view.thread, NULL);
	if (client >= 0)
		close(client);
	close(view.fd);
	view.running = false;
}

/* ---------------------------------------------------------------- forks ---- */

static void before_fork(void)
{
	pthread_mutex_lock(&view.lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&view.lock);
}

/* The socket is the parent's; arenas of the child's own begin another one. */
static void in_child(void)
{
	if (view.running && node_is(view.fd, &view.node))
		close(view.fd);
	view.running = false;
	view.client = -1;
	view.refused = false;
	view.first = NULL;
	view.numbered = 0;
	pthread_mutex_unlock(&view.lock);
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, in_child);
}

/* --------------------------------------------------------------- arenas ---- */

/* Show an arena that was opened, if somebody asked for it. */
void local_view_add(struct local *l)
{
	const char *wish = secure_getenv("MEMLANE_STAT");

	if (!wish || !*wish)
		return;
	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&view.lock);
	l->view_number = ++view.numbered;
	l->view_next = view.first;
	view.first = l;
	if (!view.running && !view.refused && !is_ending())
		begin(wish);
	pthread_mutex_unlock(&view.lock);
}

/* Forget one that is about to be closed, and wait for who reads it. Also one never shown. */
void local_view_remove(struct local *l)
{
	struct local **p = &view.first;

	pthread_mutex_lock(&view.lock);
	while (*p && *p != l)
		p = &(*p)->view_next;
	if (*p)
		*p = l->view_next;
	pthread_mutex_unlock(&view.lock);
}
