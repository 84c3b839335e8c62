// SPDX-License-Identifier: MIT
/* cmd_status.c - `memlane status`: is the module there, and may I use it? */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "advice.h"
#include "arenas.h"
#include "command.h"
#include "explain.h"
#include "module.h"
#include "say.h"

/* Return: whether there is one to load. */
static bool show_files(void)
{
	struct kmod_ctx *ctx = module_kmod();
	char path[PATH_MAX];
	bool built = ctx && module_find(ctx, path, sizeof(path)), installed;

	printf("built    %s\n", built ? path : "no file for this kernel beside this program");
	installed = ctx && module_installed(ctx, path, sizeof(path));
	if (installed)
		printf("installed %s\n", path);
	kmod_unref(ctx);
	return built || installed;
}

static void show_advice(void)
{
	char text[PATH_MAX + 512];
	struct machine m;

	advice_look(&m);
	advice_text(&m, text, sizeof(text));
	printf("advice   %s\n", text);
}

static void show_module(int loaded)
{
	if (loaded < 0)
		printf("module   unknown: %s\n", strerror(-loaded));
	else
		printf("module   %s\n", loaded ? "loaded" : "not loaded");
	if (loaded == 1)
		return;
	if (!show_files())
		show_advice();
}

static void show_node(const struct stat *st)
{
	const struct passwd *user = getpwuid(st->st_uid);
	const struct group *group = getgrgid(st->st_gid);

	printf("device   " MODULE_DEVICE " %u:%u, mode %04o, %s:%s\n",
	       major(st->st_rdev), minor(st->st_rdev), st->st_mode & 07777,
	       user ? user->pw_name : "?", group ? group->gr_name : "?");
}

/* Their number is for root to see, whether there are any for everyone. */
static void show_use(void)
{
	int arenas = arenas_count();

	if (arenas >= 0)
		printf("arenas   %d open\n", arenas);
	else
		printf("arenas   %s\n", module_used() == 1 ? "some are open" : "none is open");
}

/* An open that is never followed by CREATE makes no arena. */
static int show_access(void)
{
	int fd = open(MODULE_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		printf("access   no: %s\n", explain_device(errno));
		return EXIT_FAILED;
	}
	close(fd);
	puts("access   yes, for you");
	return EXIT_GOOD;
}

static int run_status(int argc, char **argv)
{
	int loaded = module_loaded();
	struct stat st;

	if (argc != 1)
		return misuse("status: \"%s\" is one word too many", argv[1]);
	show_module(loaded);
	if (stat(MODULE_DEVICE, &st)) {
		printf("device   none: %s\n", loaded == 1 ? explain_device(ETIMEDOUT) :
							    explain_device(errno));
		return EXIT_FAILED;
	}
	if (!S_ISCHR(st.st_mode)) {
		puts("device   " MODULE_DEVICE " is no device: remove it");
		return EXIT_FAILED;
	}
	show_node(&st);
	show_use();
	return show_access();
}

const struct command cmd_status = {
	.name = "status",
	.summary = "is the module loaded, and may you use it?",
	.help =
		"Usage: memlane status\n"
		"\n"
		"Shows whether the module is loaded, the device and its mode, whether arenas\n"
		"are open, and whether you may open one. Exits with 0 when you may.\n",
	.run = run_status,
};
