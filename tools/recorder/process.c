// SPDX-License-Identifier: MIT
/* process.c - this process's place in the table of a recording */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process.h"

#define START_FIELD 20 /* of /proc/self/stat, counted behind the name */

struct proctab *process_table(void)
{
	const char *path = getenv(PROCTAB_VARIABLE);
	struct proctab *tab = MAP_FAILED;
	struct stat st;
	int fd;

	if (!path)
		return NULL;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && st.st_size > (off_t)sizeof(*tab))
		tab = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (tab == MAP_FAILED)
		return NULL;
	madvise(tab, (size_t)st.st_size, MADV_DONTDUMP);
	if (tab->magic == PROCTAB_MAGIC)
		return tab;
	munmap(tab, (size_t)st.st_size);
	return NULL;
}

/* Reads at most @room - 1 bytes of a file of /proc. Return: how many. */
static size_t read_file(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, text, room - 1);
		close(fd);
	}
	if (n < 0)
		n = 0;
	text[n] = '\0';
	return (size_t)n;
}

/* Without /proc the number alone tells processes apart. */
uint64_t process_start(const char *stat)
{
	char text[1024], *at;
	int field;

	read_file(stat, text, sizeof(text));
	at = strrchr(text, ')');
	for (field = 0; at && field < START_FIELD; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

static struct proctab_entry *find(struct proctab *tab, uint32_t pid, uint64_t start)
{
	uint32_t n = __atomic_load_n(&tab->taken, __ATOMIC_ACQUIRE);

	if (n > tab->entries)
		n = tab->entries;
	/* The newest first: it is the one that was forked a moment ago. */
	while (n--)
		if (__atomic_load_n(&tab->entry[n].pid, __ATOMIC_ACQUIRE) == pid &&
		    tab->entry[n].start == start)
			return &tab->entry[n];
	return NULL;
}

struct proctab_entry *process_entry(struct proctab *tab)
{
	uint32_t pid = (uint32_t)getpid(), n;
	uint64_t start = process_start("/proc/self/stat");
	struct proctab_entry *e = find(tab, pid, start);

	if (e)
		return e;
	n = __atomic_fetch_add(&tab->taken, 1, __ATOMIC_ACQ_REL);
	if (n >= tab->entries)
		return NULL;
	e = &tab->entry[n];
	e->start = start;
	e->state = PROCTAB_STARTED;
	__atomic_store_n(&e->pid, pid, __ATOMIC_RELEASE);
	return e;
}

void process_name(struct proctab_entry *entry)
{
	char text[PROCTAB_NAME];
	size_t n = read_file("/proc/self/comm", text, sizeof(text));

	if (n && text[n - 1] == '\n')
		text[n - 1] = '\0';
	memcpy(entry->name, text, sizeof(text));
}

/* "x.mlt" has the number before its last dot: "x.7.mlt". */
bool process_tape(const struct proctab *tab, const struct proctab_entry *entry, char *path)
{
	uint32_t number = (uint32_t)(entry - tab->entry);
	size_t stem = tab->stem, tail = strlen(tab->tape + stem), n = 0;
	char digits[12];

	if (!number) {
		memcpy(path, tab->tape, stem + tail + 1);
		return true;
	}
	for (; number; number /= 10)
		digits[n++] = (char)('0' + number % 10);
	digits[n++] = '.';
	if (stem + n + tail >= PATH_MAX)
		return false;
	memcpy(path, tab->tape, stem);
	while (n)
		path[stem++] = digits[--n];
	memcpy(path + stem, tab->tape + tab->stem, tail + 1);
	return true;
}
