// SPDX-License-Identifier: MIT
/* facts.c - what `memlane doctor` knows of the machine and of the user */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "arena_file.h"
#include "facts.h"
#include "module.h"

#define SECURE_BOOT "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

/* The first line of a file; false: there is none. */
static bool first_line(const char *path, char *line, size_t room)
{
	FILE *f = fopen(path, "re");
	bool got = f && fgets(line, (int)room, f);

	if (f)
		fclose(f);
	return got;
}

/* "max" and what cannot be read: FACTS_NONE. */
static uint64_t number_in(const char *path)
{
	char line[64];
	uint64_t value;

	if (!first_line(path, line, sizeof(line)) || sscanf(line, "%" SCNu64, &value) != 1)
		return FACTS_NONE;
	return value;
}

static uint64_t limit_of(int resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return FACTS_NONE;
	return limit.rlim_cur;
}

static void look_at_kernel(struct facts *f)
{
	struct utsname u;
	int commands = (int)syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	if (!uname(&u)) {
		if (sscanf(u.release, "%u.%u", &f->major, &f->minor) != 2)
			f->major = 0;
		snprintf(f->machine, sizeof(f->machine), "%s", u.machine);
	}
	f->membarrier = commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

/* A variable of the firmware: four bytes of attributes, then its value. */
static bool look_at_firmware(void)
{
	unsigned char byte[5] = { 0 };
	FILE *f = fopen(SECURE_BOOT, "re");
	size_t n = f ? fread(byte, 1, sizeof(byte), f) : 0;

	if (f)
		fclose(f);
	return n == sizeof(byte) && byte[4] == 1;
}

static bool look_for_file(void)
{
	struct kmod_ctx *ctx = module_kmod();
	char path[PATH_MAX];
	bool found = ctx && (module_find(ctx, path, sizeof(path)) ||
			     module_installed(ctx, path, sizeof(path)));

	kmod_unref(ctx);
	return found;
}

static void look_at_loading(struct facts *f)
{
	char line[128];

	f->loaded = module_loaded();
	f->at_hand = look_for_file();
	f->secure_boot = look_at_firmware();
	f->lockdown = first_line("/sys/kernel/security/lockdown", line, sizeof(line)) &&
		      !strstr(line, "[none]");
	f->signed_only = first_line("/sys/module/module/parameters/sig_enforce", line,
				    sizeof(line)) &&
			 line[0] == 'Y';
	f->modules_disabled = number_in("/proc/sys/kernel/modules_disabled") == 1;
}

static int errno_of(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC), err = errno;

	if (fd < 0)
		return err;
	close(fd);
	return 0;
}

/* The one of this process, where all are in one hierarchy. */
static void look_at_cgroup(struct facts *f)
{
	char line[PATH_MAX] = "", path[PATH_MAX + 64];

	f->cgroup_max = f->cgroup_now = FACTS_NONE;
	if (!first_line("/proc/self/cgroup", line, sizeof(line)) || strncmp(line, "0::", 3))
		return;
	line[strcspn(line, "\n")] = '\0';
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", line + 3);
	f->cgroup_max = number_in(path);
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.current", line + 3);
	f->cgroup_now = number_in(path);
}

void facts_look(struct facts *f)
{
	memset(f, 0, sizeof(*f));
	look_at_kernel(f);
	look_at_loading(f);
	f->device = errno_of(MODULE_DEVICE, O_RDWR);
	f->debugfs = errno_of(ARENAS_FOLDER, O_RDONLY | O_DIRECTORY);
	f->address_space = limit_of(RLIMIT_AS);
	f->memlock = limit_of(RLIMIT_MEMLOCK);
	f->max_map_count = number_in("/proc/sys/vm/max_map_count");
	f->overcommit = number_in("/proc/sys/vm/overcommit_memory");
	look_at_cgroup(f);
}
