/* SPDX-License-Identifier: MIT */
/* arena_file.h - an arena's files: the module's in debugfs, or what a process answers */
#ifndef ARENA_FILE_H
#define ARENA_FILE_H

#include <stdio.h>
#include <sys/un.h>

#define ARENAS_FOLDER "/sys/kernel/debug/memlane"
#define SOCKET_PATH   sizeof(((struct sockaddr_un *)0)->sun_path)

/**
 * struct arena_place - where an arena is
 * @socket: of its process; "": it is the module's
 * @number: in debugfs, or in its process; 0: no arena, but the list of them
 */
struct arena_place {
	char socket[SOCKET_PATH];
	unsigned int number;
};

/* One of an arena's files. Return: to be closed, or NULL and errno. */
FILE *arena_file(const struct arena_place *at, const char *name);

/**
 * arena_sockets - call @each with every socket of a path
 * @path: a socket, or a folder of them
 * @each: gets @arg; what it returns, other than 0, ends this
 *
 * Return: 0, what @each returned, or -errno.
 */
int arena_sockets(const char *path, int (*each)(const char *socket, void *arg), void *arg);

#endif /* ARENA_FILE_H */
