/* SPDX-License-Identifier: MIT */
/* trace_file.h - a trace file's bytes in memory, unpacked where it was packed */
#ifndef TRACE_FILE_H
#define TRACE_FILE_H

#include <stdint.h>

/**
 * struct trace_file - the uncompressed bytes
 * @fd: an anonymous file that holds them, for a child to map
 * @data: mapped read-only
 * @length: in bytes
 */
struct trace_file {
	int fd;
	const void *data;
	uint64_t length;
};

/* Says what is wrong on stderr. Return: 0, or -1. */
int trace_file_load(struct trace_file *f, const char *path);

/* Maps what another process loaded. Return: 0, or -errno. */
int trace_file_map(struct trace_file *f, int fd);
void trace_file_close(struct trace_file *f);

/* Packs @length bytes at @data into a new file. Return: 0, or -1 and a sentence. */
int trace_file_pack(const char *path, const void *data, uint64_t length);

#endif /* TRACE_FILE_H */
