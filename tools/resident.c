// SPDX-License-Identifier: MIT
/* resident.c - how much memory this process has in RAM */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "resident.h"

int resident_now(uint64_t *bytes)
{
	int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
	char text[2048], *rss;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	text[n] = '\0';
	rss = strstr(text, "\nRss:");
	if (!rss)
		return -EIO;
	*bytes = strtoull(rss + 5, NULL, 10) * 1024;
	return 0;
}

void resident_code(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[4352], perms[5];
	unsigned long start, end;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) != 3 || !strchr(line, '/'))
			continue;
		if (perms[0] == 'r' && perms[1] == '-' && perms[3] == 'p')
			madvise((void *)start, end - start, MADV_POPULATE_READ);
	}
	if (f)
		fclose(f);
}

/* A line that begins a mapping begins with its address, in hexadecimal. */
static bool begins_mapping(const char *line)
{
	size_t n = strspn(line, "0123456789abcdef");

	return n && line[n] == '-';
}

static bool named(const char *line, const char *const *name, int names)
{
	const char *file = strchr(line, '/');
	int i;

	for (i = 0; file && i < names; i++)
		if (!strncmp(file, name[i], strlen(name[i])))
			return true;
	return false;
}

uint64_t resident_of(const char *const *name, int names)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[4352];
	uint64_t sum = 0;
	bool in = false;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (begins_mapping(line))
			in = named(line, name, names);
		else if (in && !strncmp(line, "Rss:", 4))
			sum += strtoull(line + 4, NULL, 10) * 1024;
	}
	fclose(f);
	return sum;
}
