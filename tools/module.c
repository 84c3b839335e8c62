// SPDX-License-Identifier: MIT
/* module.c - the kernel module as the tools see it: its file, and its state */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "module.h"

#define STEP_MS	20

bool module_find(char *path, size_t room)
{
	char self[PATH_MAX];
	struct utsname u;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0 || uname(&u))
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return snprintf(path, room, "%s/../kmod/%s/memlane.ko", self, u.release) < (int)room &&
	       !access(path, F_OK);
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

int module_users(void)
{
	return read_number("refcnt");
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
