// SPDX-License-Identifier: MIT
/* module.c - the kernel module as the tools see it: its file, and its state */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "module.h"

#define STEP_MS 20

/* The first word of a module's vermagic is the kernel that it was built for. */
static bool built_for(struct kmod_module *mod, const char *release)
{
	struct kmod_list *info = NULL, *i;
	size_t n = strlen(release);
	bool found = false;

	if (kmod_module_get_info(mod, &info) < 0)
		return false;
	kmod_list_foreach(i, info) {
		const char *value = kmod_module_info_get_value(i);

		if (!strcmp(kmod_module_info_get_key(i), "vermagic"))
			found = !strncmp(value, release, n) && value[n] == ' ';
	}
	kmod_module_info_free_list(info);
	return found;
}

static bool file_built_for(struct kmod_ctx *ctx, const char *path, const char *release)
{
	struct kmod_module *mod;
	bool found;

	if (kmod_module_new_from_path(ctx, path, &mod))
		return false;
	found = built_for(mod, release);
	kmod_module_unref(mod);
	return found;
}

/* Every kernel that was ever built for has a folder of its own there. */
static bool built_beside(char *pattern, size_t room)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return snprintf(pattern, room, "%s/../kmod/*/" MODULE_NAME ".ko", self) < (int)room;
}

bool module_find(struct kmod_ctx *ctx, char *path, size_t room)
{
	char pattern[PATH_MAX];
	struct utsname u;
	bool found = false;
	glob_t all;
	size_t i;

	if (uname(&u) || !built_beside(pattern, sizeof(pattern)) ||
	    glob(pattern, 0, NULL, &all))
		return false;
	for (i = 0; !found && i < all.gl_pathc; i++)
		found = file_built_for(ctx, all.gl_pathv[i], u.release) &&
			snprintf(path, room, "%s", all.gl_pathv[i]) < (int)room;
	globfree(&all);
	return found;
}

bool module_installed(struct kmod_ctx *ctx, char *path, size_t room)
{
	struct kmod_list *list = NULL;
	struct kmod_module *mod;
	const char *file;
	bool found;

	if (kmod_module_new_from_lookup(ctx, MODULE_NAME, &list) || !list)
		return false;
	mod = kmod_module_get_module(list);
	file = kmod_module_get_path(mod);
	found = file && snprintf(path, room, "%s", file) < (int)room;
	kmod_module_unref(mod);
	kmod_module_unref_list(list);
	return found;
}

struct kmod_ctx *module_kmod(void)
{
	const char *no_config = NULL;
	struct kmod_ctx *ctx = kmod_new(NULL, &no_config);

	/* What it would print is said in sentences here. */
	if (ctx)
		kmod_set_log_priority(ctx, LOG_EMERG);
	return ctx;
}

/* First word of /sys/module/memlane/@name as a number; -errno. */
static int read_number(const char *name)
{
	char path[96];
	int value;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/" MODULE_NAME "/%s", name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (fscanf(f, "%d", &value) != 1)
		value = -EIO;
	fclose(f);
	return value;
}

int module_used(void)
{
	int references = read_number("refcnt");

	return references < 0 ? references : references > 0;
}

/* A module that is coming or going is not loaded: its state is not "live". */
int module_loaded(void)
{
	char word[16] = "";
	FILE *f = fopen("/sys/module/" MODULE_NAME "/initstate", "re");

	if (!f)
		return errno == ENOENT ? 0 : -errno;
	if (fscanf(f, "%15s", word) != 1)
		word[0] = '\0';
	fclose(f);
	return !strcmp(word, "live");
}

int module_wait_device(int ms)
{
	struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	struct stat st;

	for (;;) {
		if (!stat(MODULE_DEVICE, &st) && S_ISCHR(st.st_mode))
			return 0;
		if (ms <= 0)
			return -ETIMEDOUT;
		nanosleep(&step, NULL);
		ms -= STEP_MS;
	}
}
