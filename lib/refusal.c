// SPDX-License-Identifier: MIT
/* refusal.c - which limit of the system a call has met, and what to do about it */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <memlane.h>

#include "refusal.h"

#define TEXT_MAX 400
#define NO_LIMIT UINT64_MAX
#define GIB	 (1ULL << 30)
#define MAPS_OFF 64 /* mappings that a failed call had, and has given back since */

/* Of the library's threads; a guard page more. */
#define STACK_BYTES (8ULL << 20)

__thread struct refusal refusal_last;

/* What memlane_strerror() returns where there is more to say than a sentence of its table. */
static __thread char text_last[TEXT_MAX];

static uint64_t reserved;
static unsigned int arenas;

void refusal_count(uint64_t bytes, int nr)
{
	__atomic_add_fetch(&reserved, bytes, __ATOMIC_RELAXED);
	__atomic_add_fetch(&arenas, nr, __ATOMIC_RELAXED);
}

uint64_t refusal_reserved(void)
{
	return __atomic_load_n(&reserved, __ATOMIC_RELAXED);
}

/**
 * refused - note down what the system refused
 * @call: its name
 * @bytes: asked for, or 0
 * @fields: of the configuration that can be lowered, or NULL
 * @err: errno value of the system
 * @as: what the library answers
 *
 * Return: -@as.
 */
int refused(const char *call, uint64_t bytes, const char *fields, int err, int as)
{
	refusal_last = (struct refusal){
		.call = call,
		.fields = fields,
		.bytes = bytes,
		.err = err,
		.as = as,
	};
	return -as;
}

/* ------------------------------------------------------------- the text ---- */

struct text {
	char *at;
	size_t room;
};

/* Appends; what there is no room for is left out. */
__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at, t->room, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= t->room)
		n = t->room ? t->room - 1 : 0;
	t->at += n;
	t->room -= n;
}

static void say_size(struct text *t, uint64_t bytes)
{
	if (bytes >= GIB)
		say(t, "%.1f GiB", bytes / (double)GIB);
	else if (bytes >= 1 << 20)
		say(t, "%.1f MiB", bytes / (double)(1 << 20));
	else
		say(t, "%.1f KiB", bytes / 1024.0);
}

/* ------------------------------------------------- what the system says ---- */

static uint64_t limit(int resource)
{
	struct rlimit r;

	if (getrlimit(resource, &r) || r.rlim_cur == RLIM_INFINITY)
		return NO_LIMIT;
	return r.rlim_cur;
}

/* The first @size - 1 bytes of a file; an empty string where there are none. */
static const char *read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
	return buf;
}

static uint64_t read_number(const char *path)
{
	char buf[32];

	return strtoull(read_file(path, buf, sizeof(buf)), NULL, 10);
}

/* A line of a file of "Name: N kB". 0: there is none. */
static uint64_t read_kib(const char *path, const char *name)
{
	char buf[4096];
	const char *line = strstr(read_file(path, buf, sizeof(buf)), name);

	return line ? strtoull(line + strlen(name), NULL, 10) * 1024 : 0;
}

static uint64_t count_maps(void)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	uint64_t nr = 0;
	char buf[4096];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		while (n--)
			nr += buf[n] == '\n';
	if (fd >= 0)
		close(fd);
	return nr;
}

/* ----------------------------------------------------------- addresses ---- */

/* Would @bytes more pass a limit of which @used is in use? Then that is said. */
static bool passes(struct text *t, const char *name, uint64_t most, uint64_t used, uint64_t bytes)
{
	if (most == NO_LIMIT || used + bytes <= most)
		return false;
	say(t, "%s lets this process have ", name);
	say_size(t, most);
	say(t, ", of which ");
	say_size(t, used);
	say(t, " are in use: raise it");
	return true;
}

static bool has_too_many_maps(struct text *t)
{
	uint64_t most = read_number("/proc/sys/vm/max_map_count");
	uint64_t maps = most ? count_maps() : 0;

	if (!most || maps + MAPS_OFF < most)
		return false;
	say(t, "this process has %llu mappings, and vm.max_map_count allows %llu: raise it, or use "
	       "fewer arenas",
	    (unsigned long long)maps, (unsigned long long)most);
	return true;
}

static bool is_overcommitted(struct text *t, uint64_t bytes)
{
	const char *const info = "/proc/meminfo";

	if (read_number("/proc/sys/vm/overcommit_memory") != 2)
		return false;
	return passes(t, "vm.overcommit_memory is 2, and vm.overcommit_ratio",
		      read_kib(info, "CommitLimit:"), read_kib(info, "Committed_AS:"), bytes);
}

static bool is_locked(struct text *t, const struct refusal *r)
{
	if (r->err != EAGAIN)
		return false;
	return passes(t, "memory is locked (mlockall()), and RLIMIT_MEMLOCK (ulimit -l)",
		      limit(RLIMIT_MEMLOCK), read_kib("/proc/self/status", "VmLck:"), r->bytes);
}

static void say_used_up(struct text *t)
{
	unsigned int nr = __atomic_load_n(&arenas, __ATOMIC_RELAXED);

	say(t, "the address space has no room for that; %u open arena%s ", nr, nr == 1 ? "" : "s");
	say(t, "take ");
	say_size(t, refusal_reserved());
	say(t, " of it: close some");
}

static void explain_memory(struct text *t, const struct refusal *r)
{
	const char *const self = "/proc/self/status";

	if (is_locked(t, r) ||
	    passes(t, "RLIMIT_AS (ulimit -v)", limit(RLIMIT_AS), read_kib(self, "VmSize:"), r->bytes) ||
	    passes(t, "RLIMIT_DATA (ulimit -d)", limit(RLIMIT_DATA), read_kib(self, "VmData:"),
		   r->bytes) ||
	    has_too_many_maps(t) || is_overcommitted(t, r->bytes))
		return;
	if (r->bytes >= GIB)
		say_used_up(t);
	else
		say(t, "the system or the memory cgroup (memory.max) has no memory left: free some, or "
		       "raise the limit");
}

/* --------------------------------------------------------------- others ---- */

/* A thread's stack is memory to the system, though nothing of it is used. */
static bool has_no_stack(struct text *t)
{
	const char *const self = "/proc/self/status";

	return passes(t, "a thread needs a stack, and RLIMIT_AS (ulimit -v)", limit(RLIMIT_AS),
		      read_kib(self, "VmSize:"), STACK_BYTES) ||
	       passes(t, "a thread needs a stack, and RLIMIT_DATA (ulimit -d)", limit(RLIMIT_DATA),
		      read_kib(self, "VmData:"), STACK_BYTES) ||
	       has_too_many_maps(t);
}

static void explain_thread(struct text *t, const struct refusal *r)
{
	uint64_t most = limit(RLIMIT_NPROC);

	(void)r;
	if (has_no_stack(t))
		return;
	say(t, "no thread can be had: ");
	if (most != NO_LIMIT)
		say(t, "RLIMIT_NPROC (ulimit -u) allows this user %llu, ", (unsigned long long)most);
	say(t, "pids.max of the cgroup and kernel.threads-max are limits too, and a stack takes addresses "
	       "(RLIMIT_AS): raise what is met");
}

static void explain_open(struct text *t, const struct refusal *r)
{
	uint64_t most = limit(RLIMIT_NOFILE);

	if (r->err == EMFILE)
		say(t, "the process has as many open files as RLIMIT_NOFILE (ulimit -n) allows, %llu: "
		       "close some, or raise it",
		    (unsigned long long)most);
	else
		say(t, "the system has too many open files (fs.file-max): close some");
}

static void explain_file(struct text *t, const struct refusal *r)
{
	(void)r;
	say(t, "the program has closed a descriptor of the library's (memlane_fd()), or put another file "
	       "in its place: leave it alone, and open the arena again");
}

static void explain_names(struct text *t, const struct refusal *r)
{
	(void)r;
	say(t, "the arena has given out every handle that it had, each once, and freeing objects brings none "
	       "back: open another arena, and let this one's objects end there");
}

/*
 * No such errno is the system's own for want of something. But where there are no addresses,
 * valgrind says EINVAL.
 */
static bool is_forbidden(const struct refusal *r)
{
	if (!strcmp(r->call, "ioctl"))
		return r->as != EBADFD;
	switch (r->err) {
	case EPERM:
	case EACCES:
	case ENOSYS:
		return true;
	case EINVAL:
		return strcmp(r->call, "mmap");
	default:
		return false;
	}
}

static void explain_filter(struct text *t)
{
	say(t, "a filter of system calls (seccomp) or a security module forbids it, perhaps one set up after "
	       "memlane_open(): allow it there");
}

static void explain(struct text *t, const struct refusal *r)
{
	static const struct {
		const char *call;
		void (*explain)(struct text *t, const struct refusal *r);
	} calls[] = {
		{ "pthread_create", explain_thread },
		{ "open", explain_open },
		{ "pipe2", explain_open },
		{ "ioctl", explain_file },
		{ "memlane_alloc", explain_names },
	};
	size_t i;

	say(t, "%s()", r->call);
	if (r->bytes) {
		say(t, " of ");
		say_size(t, r->bytes);
	}
	errno = r->err;
	say(t, " was refused (%m): ");
	if (is_forbidden(r)) {
		explain_filter(t);
		return;
	}
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].call, r->call))
			break;
	if (i < sizeof(calls) / sizeof(calls[0]))
		calls[i].explain(t, r);
	else
		explain_memory(t, r);
	if (r->fields)
		say(t, ", or lower %s", r->fields);
}

/* Return: as memlane_explain(). */
static int put_text(char *text, size_t size)
{
	const struct refusal r = refusal_last;
	struct text t = { text, size };
	int saved = errno;

	if (size)
		*text = '\0';
	if (!r.call)
		return 0;
	if (size)
		explain(&t, &r);
	errno = saved;
	return -r.err;
}

/* A sentence for an error of this thread's last call, if it was the system's; or NULL. */
const char *refusal_text(int err)
{
	const struct refusal *r = &refusal_last;

	if (!r->call || (err != r->as && err != r->err))
		return NULL;
	put_text(text_last, sizeof(text_last));
	return text_last;
}

int memlane_explain(char *text, size_t size)
{
	return put_text(text, size);
}
