// SPDX-License-Identifier: MIT
/* unrecorded.c - why a program did not load the recorder, and what to do about it */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unrecorded.h"

/* Where execvp() finds it. Return: false when nowhere. */
static bool find(const char *command, char *path, size_t room)
{
	const char *at = getenv("PATH"), *end;

	if (strchr(command, '/'))
		return snprintf(path, room, "%s", command) < (int)room;
	for (; at && *at; at = *end ? end + 1 : end) {
		end = strchrnul(at, ':');
		if (snprintf(path, room, "%.*s/%s", (int)(end - at), at, command) < (int)room &&
		    !access(path, X_OK))
			return true;
	}
	return false;
}

static bool privileged(const char *path)
{
	struct stat st;

	return (!stat(path, &st) && st.st_mode & (S_ISUID | S_ISGID)) ||
	       getxattr(path, "security.capability", NULL, 0) > 0;
}

/* The dynamic linker that the file asks for, into @name; "": none. Return: false: no ELF file. */
static bool interpreter(int fd, char *name, size_t room)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;
	int i;

	*name = '\0';
	if (pread(fd, &e, sizeof(e), 0) != sizeof(e) || memcmp(e.e_ident, ELFMAG, SELFMAG))
		return false;
	for (i = 0; e.e_ident[EI_CLASS] == ELFCLASS64 && i < e.e_phnum; i++) {
		if (pread(fd, &p, sizeof(p), (off_t)(e.e_phoff + (Elf64_Off)i * sizeof(p))) != sizeof(p))
			break;
		if (p.p_type != PT_INTERP || p.p_filesz >= room)
			continue;
		if (pread(fd, name, p.p_filesz, (off_t)p.p_offset) == (ssize_t)p.p_filesz)
			name[p.p_filesz] = '\0';
		break;
	}
	return true;
}

static bool other_machine(int fd)
{
	Elf64_Ehdr theirs, ours;
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	bool other = false;

	if (self < 0)
		return false;
	if (pread(fd, &theirs, sizeof(theirs), 0) == sizeof(theirs) &&
	    pread(self, &ours, sizeof(ours), 0) == sizeof(ours))
		other = theirs.e_machine != ours.e_machine ||
			theirs.e_ident[EI_CLASS] != ours.e_ident[EI_CLASS];
	close(self);
	return other;
}

static const char *why(const char *path)
{
	char linker[PATH_MAX];
	int fd;
	const char *text = "did not load the recorder, which libc's dynamic linker does unless LD_PRELOAD is lost or its C library is another one";

	if (privileged(path))
		return "runs with raised rights (setuid, setgid or file capabilities), so the dynamic linker leaves the recorder out; record a copy without them, or run memlane as that user";
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return "cannot be read, so the dynamic linker leaves the recorder out";
	if (!interpreter(fd, linker, sizeof(linker)))
		text = "is a script whose interpreter did not load the recorder: it is statically linked or has raised rights";
	else if (other_machine(fd))
		text = "is built for another kind of machine than the recorder";
	else if (!*linker)
		text = "is statically linked, so no recorder can be loaded into it; link it dynamically";
	close(fd);
	return text;
}

void unrecorded_why(const char *command, char *text, size_t room)
{
	char path[PATH_MAX];

	snprintf(text, room, "%s", find(command, path, sizeof(path)) ? why(path) : "did not load the recorder");
}

const char *unrecorded_stop(int err)
{
	switch (err) {
	case EFBIG:
		return "the limit on file sizes was reached; raise it (ulimit -f unlimited)";
	case ENOSPC:
	case EDQUOT:
		return "the disk is full, or the quota used up; write the trace elsewhere";
	case ENOMEM:
		return "there was no memory for the recorder";
	case ESTALE:
	case ENOENT:
		return "the file was moved or removed, or lies outside of the program's root folder";
	case EACCES:
	case EPERM:
		return "the program runs as a user who may not write there; put the trace where it may";
	case EMFILE:
	case ENFILE:
		return "no file could be opened: too many are; raise the limit (ulimit -n)";
	default:
		return strerror(err);
	}
}
