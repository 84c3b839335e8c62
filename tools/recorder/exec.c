// SPDX-License-Identifier: MIT
/*
 * exec.c - programs that a recorded process executes have the recorder, too
 *
 * The environment as the recorder was started with has what is needed, and is inherited.
 * Where a program gives another one (env -i, a clean environment of a build), the two
 * variables are put in. All of this runs between vfork() and exec as well: memory of the
 * stack only, and nothing of the process is changed but its entry in the table.
 */
#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "exec.h"
#include "process.h"

#define EXPORT	__attribute__((visibility("default")))
#define PRELOAD "LD_PRELOAD="
#define TABLE	PROCTAB_VARIABLE "="

extern char **environ;

/* Set once, before main(). */
static struct proctab *table;

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static struct {
	int (*execve)(const char *path, char *const argv[], char *const envp[]);
	int (*execvpe)(const char *file, char *const argv[], char *const envp[]);
	int (*fexecve)(int fd, char *const argv[], char *const envp[]);
	int (*posix_spawn)(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
			   const posix_spawnattr_t *attr, char *const argv[], char *const envp[]);
	int (*posix_spawnp)(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			    const posix_spawnattr_t *attr, char *const argv[], char *const envp[]);
} real;

/* Found by attach(), or by a constructor that runs before it: one thread, and no vfork yet. */
static void find_real(void)
{
	if (real.posix_spawnp)
		return;
	*(void **)&real.execve = next("execve");
	*(void **)&real.execvpe = next("execvpe");
	*(void **)&real.fexecve = next("fexecve");
	*(void **)&real.posix_spawn = next("posix_spawn");
	*(void **)&real.posix_spawnp = next("posix_spawnp");
}

void exec_follow(struct proctab *tab)
{
	find_real();
	table = tab;
}

static bool starts(const char *word, const char *with)
{
	return !strncmp(word, with, strlen(with));
}

static size_t count(char *const words[])
{
	size_t n = 0;

	while (words && words[n])
		n++;
	return n;
}

/* Does the environment name the table and the recorder as this process's does? */
static bool has_recorder(char *const envp[])
{
	bool library = false, tab = false;

	for (; envp && *envp; envp++) {
		if (starts(*envp, PRELOAD) && strstr(*envp, table->library))
			library = true;
		if (starts(*envp, TABLE) && !strcmp(*envp + strlen(TABLE), table->self))
			tab = true;
	}
	return library && tab;
}

/*
 * struct environment - room for one that has the recorder
 * @preload: the library, and what the program preloads itself
 */
struct environment {
	char preload[2 * PATH_MAX];
	char tab[sizeof(TABLE) + sizeof(((struct proctab *)0)->self)];
};

static char *append(char *to, const char *end, const char *text)
{
	size_t n = strlen(text), room = (size_t)(end - to) - 1;

	if (n > room)
		n = room;
	memcpy(to, text, n);
	to[n] = '\0';
	return to + n;
}

/* @to has room for three more words than @envp. */
static void put_recorder(char **to, struct environment *e, char *const envp[])
{
	const char *end = e->preload + sizeof(e->preload);
	char *at = append(e->preload, end, PRELOAD);
	size_t n = 0;

	at = append(at, end, table->library);
	for (; envp && *envp; envp++) {
		if (starts(*envp, PRELOAD)) {
			at = append(at, end, ":");
			at = append(at, end, *envp + strlen(PRELOAD));
		} else if (!starts(*envp, TABLE)) {
			to[n++] = *envp;
		}
	}
	append(append(e->tab, e->tab + sizeof(e->tab), TABLE), e->tab + sizeof(e->tab),
	       table->self);
	to[n++] = e->preload;
	to[n++] = e->tab;
	to[n] = NULL;
}

/*
 * Evaluates @call with an environment @with. A macro, since the words are on the stack of
 * who calls: after vfork() there is no other memory that is the child's own.
 */
#define FOLLOWING(with, envp, call)                                              \
	({                                                                       \
		char *const *with = (envp);                                      \
		char *words[table && !has_recorder(with) ? count(with) + 3 : 1]; \
		struct environment made;                                         \
		if (sizeof(words) > sizeof(char *)) {                            \
			put_recorder(words, &made, with);                        \
			with = words;                                            \
		}                                                                \
		call;                                                            \
	})

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A program that loads no recorder is known by this alone. */
static struct proctab_entry *announce(const char *path)
{
	struct proctab_entry *e = table ? process_entry(table) : NULL;

	if (!e)
		return NULL;
	append(e->next, e->next + sizeof(e->next), base(path));
	return e;
}

/* It did not become another program. */
static int failed(struct proctab_entry *e)
{
	int saved = errno;

	if (e)
		e->next[0] = '\0';
	errno = saved;
	return -1;
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	struct proctab_entry *e;

	find_real();
	e = announce(path);
	FOLLOWING(with, envp, real.execve(path, argv, with));
	return failed(e);
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	struct proctab_entry *e;

	find_real();
	e = announce(file);
	FOLLOWING(with, envp, real.execvpe(file, argv, with));
	return failed(e);
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	struct proctab_entry *e;

	find_real();
	e = announce(argv[0] ? argv[0] : "a program");
	FOLLOWING(with, envp, real.fexecve(fd, argv, with));
	return failed(e);
}

EXPORT int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

EXPORT int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

/* Words of a call that ends with NULL, @first among them; @ap is at the second. */
static size_t count_words(const char *first, va_list ap)
{
	size_t n = 0;

	if (first)
		for (n = 1; va_arg(ap, const char *); n++)
			;
	return n;
}

static void get_words(char **argv, const char *first, size_t n, va_list ap)
{
	size_t i;

	argv[0] = (char *)first;
	for (i = 1; i <= n; i++)
		argv[i] = va_arg(ap, char *);
}

EXPORT int execl(const char *path, const char *arg, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, arg);
	n = count_words(arg, ap);
	va_end(ap);

	char *argv[n + 1];

	va_start(ap, arg);
	get_words(argv, arg, n, ap);
	va_end(ap);
	return execve(path, argv, environ);
}

EXPORT int execlp(const char *file, const char *arg, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, arg);
	n = count_words(arg, ap);
	va_end(ap);

	char *argv[n + 1];

	va_start(ap, arg);
	get_words(argv, arg, n, ap);
	va_end(ap);
	return execvpe(file, argv, environ);
}

EXPORT int execle(const char *path, const char *arg, ...)
{
	char *const *envp;
	va_list ap;
	size_t n;

	va_start(ap, arg);
	n = count_words(arg, ap);
	va_end(ap);

	char *argv[n + 1];

	va_start(ap, arg);
	get_words(argv, arg, n, ap);
	envp = va_arg(ap, char *const *);
	va_end(ap);
	return execve(path, argv, envp);
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	find_real();
	return FOLLOWING(with, envp, real.posix_spawn(pid, path, actions, attr, argv, with));
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	find_real();
	return FOLLOWING(with, envp, real.posix_spawnp(pid, file, actions, attr, argv, with));
}
