// SPDX-License-Identifier: MIT
/* arena_file.c - an arena's files: the module's in debugfs, or what a process answers */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "arena_file.h"

#define PATIENCE 10 /* seconds for a process to answer */

static int connect_to(const char *path)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	strcpy(to.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* The line says what is wanted; what comes back is that file. */
static FILE *ask(const struct arena_place *at, const char *name)
{
	int fd = connect_to(at->socket);
	char line[32] = "\n";
	ssize_t n;
	FILE *f;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	if (at->number)
		snprintf(line, sizeof(line), "%u/%s\n", at->number, name);
	n = send(fd, line, strlen(line), MSG_NOSIGNAL);
	f = n == (ssize_t)strlen(line) ? fdopen(fd, "r") : NULL;
	if (!f)
		close(fd);
	return f;
}

FILE *arena_file(const struct arena_place *at, const char *name)
{
	char path[96];

	if (*at->socket)
		return ask(at, name);
	snprintf(path, sizeof(path), ARENAS_FOLDER "/%u/%s", at->number, name);
	return fopen(path, "re");
}

static bool is_socket(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISSOCK(st.st_mode);
}

static int in_folder(DIR *dir, const char *path, int (*each)(const char *socket, void *arg),
		     void *arg)
{
	char name[SOCKET_PATH];
	struct dirent *entry;
	int ret = 0;

	while (!ret && (entry = readdir(dir)))
		if (snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) < (int)sizeof(name) &&
		    is_socket(name)) {
			ret = each(name, arg);
			/* Nobody answers: it is left from a process that was killed. */
			ret = ret == -ECONNREFUSED ? 0 : ret;
		}
	return ret;
}

int arena_sockets(const char *path, int (*each)(const char *socket, void *arg), void *arg)
{
	DIR *dir = opendir(path);
	int ret;

	if (!dir && errno != ENOTDIR)
		return -errno;
	if (!dir && strlen(path) >= SOCKET_PATH)
		return -ENAMETOOLONG;
	if (!dir)
		return is_socket(path) ? each(path, arg) : -ENOTSOCK;
	ret = in_folder(dir, path, each, arg);
	closedir(dir);
	return ret;
}
